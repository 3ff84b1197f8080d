"""A small HTTP/1.1 server for the fakes: keep-alive, threads, and answers that can be late, dripping or missing."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

_PHRASES = {status.value: status.phrase for status in HTTPStatus}

IDLE_LIMIT = 60.0  # seconds that an unused connection is kept


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client sent. Header names are in lower case; of a doubled query name the last value counts."""

    method: str
    path: str  # decoded, without the query
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON with Decimal numbers, or None where it is none."""
        try:
            return json.loads(self.body, parse_float=Decimal)
        except ValueError:
            return None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer that goes out as it is; Content-Length is added."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """No answer at all: the connection is closed."""


@dataclass(frozen=True, kw_only=True)
class Dripping:
    """An answer whose body goes out byte by byte, with a pause after each."""

    reply: Reply
    pause: timedelta


@dataclass(frozen=True, kw_only=True)
class Later:
    """What `then` answers, asked only after a wait; never asked when the server closes meanwhile."""

    wait: timedelta
    then: Callable[[], Answer]


Answer = Reply | Dropped | Dripping | Later
App = Callable[[Request], Answer]


def json_reply(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON answer; Decimal goes out as a number."""
    text = json.dumps(content, ensure_ascii=False, default=float)
    named = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    return Reply(status=status, headers=named, body=text.encode())


class Server:
    """A fake that listens; `close` ends it, cutting off whoever still waits for an answer."""

    def __init__(self, app: App, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._listener = _Listener((host, port), app)
        self.url = f"http://{host}:{self._listener.server_port}"
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, close every connection and wait for their threads."""
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()
        self._listener.cut_off()


def serve(app: App, port: int = 0) -> Server:
    """Serve a fake on the loopback address in background threads; port 0 takes a free one."""
    return Server(app, port=port)


class _Listener(ThreadingHTTPServer):
    """The listening socket, and the connections that came of it."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], app: App) -> None:
        self.app = app
        self.closing = threading.Event()
        self._connections: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(address, _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle one connection, known as long as it lasts."""
        with self._changed:
            self._connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changed:
                self._connections.discard(request)
                self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of a fault of the fake, and not of clients that were killed in mid-request."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def cut_off(self) -> None:
        """Close all connections and wait, 5 s at most, until their threads have noticed."""
        self.closing.set()
        with self._changed:
            for connection in self._connections:
                _shut(connection)
            self._changed.wait_for(lambda: not self._connections, timeout=5.0)


class _Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, asks the app and writes what it answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_LIMIT
    server: _Listener

    def do_GET(self) -> None:
        """Answer one request; the other methods are this one."""
        try:
            self._write(self.server.app(self._request()))
        except ConnectionError:
            self.close_connection = True  # the client has gone, as clients with a time limit do

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815 - names that the base class looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: a line for each request would bury the demo."""

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        return Request(
            method=self.command,
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )

    def _write(self, answer: Answer) -> None:
        while isinstance(answer, Later):
            closed = self.server.closing.wait(answer.wait.total_seconds())
            answer = Dropped() if closed else answer.then()
        match answer:
            case Reply():
                body = b"" if self.command == "HEAD" else answer.body
                self.wfile.write(self._head(answer) + body)
            case Dripping():
                self._drip(answer)
            case Dropped():
                self.close_connection = True
                _shut(self.connection)

    def _drip(self, answer: Dripping) -> None:
        self.wfile.write(self._head(answer.reply))
        for value in answer.reply.body:
            self.wfile.write(bytes([value]))
            if self.server.closing.wait(answer.pause.total_seconds()):
                break

    def _head(self, reply: Reply) -> bytes:
        phrase = _PHRASES.get(reply.status, "")
        lines = [f"{self.protocol_version} {reply.status} {phrase}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        lines += [f"Content-Length: {len(reply.body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1")


def _shut(connection: socket.socket) -> None:
    """End both directions; a socket that the client closed already is left as it is."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
