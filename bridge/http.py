"""The one place that makes outbound calls: an Answer, NothingSent or Unknown comes of each."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

from bridge.errors import NothingSent, ShopTrouble, Unknown

# What certainly never reached the other side. httpx raises ConnectError for refused, DNS and TLS trouble alike.
_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

MAX_ANSWER = 32 * 1024 * 1024  # bytes; a longer answer is cut off as Unknown
MAX_RETRY_AFTER = timedelta(days=7)
_PIECE = 64 * 1024  # bytes written at a time
_CONNECT = 5.0  # seconds
_HEADERS = {"accept": "*/*", "accept-encoding": "gzip, deflate", "user-agent": "order-bridge"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The body as JSON with Decimal numbers, or None where it is something else (a proxy's HTML page)."""
        try:
            return json.loads(self.content, parse_float=Decimal)
        except (ValueError, RecursionError):  # a body of brackets is no JSON for us
            return None

    def retry_after(self, now: datetime) -> timedelta | None:
        """`Retry-After`, in seconds or as a date (RFC 9110, 10.2.3), a week at most; None where unreadable."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return min(timedelta(seconds=int(text[:9])), MAX_RETRY_AFTER)
        try:
            when = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = (when if when.tzinfo else when.replace(tzinfo=UTC)) - now
        return min(max(timedelta(0), wait), MAX_RETRY_AFTER)


class Budget:
    """Seconds that several calls share; `left` raises once they are used up."""

    def __init__(self, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def left(self) -> timedelta:
        """What remains. Raises ShopTrouble("shop too slow") when nothing does."""
        remaining = self._end - self._monotonic()
        if remaining <= 0:
            raise ShopTrouble("shop too slow: its answers took longer than a look may last", code="shop_too_slow")
        return timedelta(seconds=remaining)


class Http:
    """A pooled client. Threads share it.

    `idle` is how long an unused connection may be kept: one that the server closes while a request leaves is an unknown
    outcome, so where that costs an order, keep it short.
    """

    def __init__(
        self,
        *,
        transport: httpx.BaseTransport | None = None,
        idle: timedelta = timedelta(seconds=30),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=idle.total_seconds())
        self._deadline = _Deadline(monotonic)
        # A transport without httpx's client around it, which costs a quarter of a call and does what is not wanted:
        # No redirects: a reference, a key or an order must never follow an address that an answer gives.
        # No proxies or netrc from the environment: the addresses are those of the mapping files.
        # No cookies: what one answer sets must not change the next call, which may be another shop's.
        self._transport = transport or _Transport(limits, self._deadline)

    def send(
        self,
        method: str,
        url: str,
        *,
        limit: timedelta,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Answer:
        """Make one call within `limit`, from connecting to the last byte of the answer; never tries again.

        Raises NothingSent or Unknown. Their messages name the host and the trouble, no path, key or body.
        """
        self._deadline.start(limit)
        try:
            answer = self._transport.handle_request(_request(method, url, limit, headers, params, content, auth))
        except _NOTHING_SENT as error:
            raise NothingSent(f"{_host(url)}: {_words(error)}") from error
        except httpx.HTTPError as error:
            raise Unknown(f"{_host(url)}: {_words(error)}") from error
        try:
            return Answer(
                status=answer.status_code,
                headers=dict(answer.headers),
                content=self._read(answer, url),
            )
        except httpx.HTTPError as error:
            raise Unknown(f"{_host(url)}: {_words(error)}") from error
        finally:
            answer.close()

    def close(self) -> None:
        """Close the pool."""
        self._transport.close()

    def _read(self, answer: httpx.Response, url: str) -> bytes:
        """The whole body; the limit is checked at each piece, whatever the transport."""
        pieces, size = [], 0
        for piece in answer.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if self._deadline.left() <= 0:
                raise Unknown(f"{_host(url)}: the answer did not end within the limit")
            if size > MAX_ANSWER:
                raise Unknown(f"{_host(url)}: the answer is longer than {MAX_ANSWER} bytes")
        return b"".join(pieces)


def _request(
    method: str,
    url: str,
    limit: timedelta,
    headers: Mapping[str, str] | None,
    params: Mapping[str, str] | None,
    content: bytes | None,
    auth: tuple[str, str] | None,
) -> httpx.Request:
    seconds = limit.total_seconds()
    timeout = {"connect": min(seconds, _CONNECT), "read": seconds, "write": seconds, "pool": min(seconds, 2.0)}
    ours = {**_HEADERS, **{name.lower(): value for name, value in (headers or {}).items()}}
    if auth:
        ours["authorization"] = "Basic " + b64encode(":".join(auth).encode()).decode()
    try:
        return httpx.Request(
            method, url, headers=ours, params=params or None, content=content, extensions={"timeout": timeout}
        )
    except (UnicodeError, httpx.InvalidURL) as error:
        raise NothingSent(f"{_host(url)}: the address or a header has a character that cannot be sent") from error


class _Deadline(threading.local):
    """When the call that this thread is making must be over."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.end = float("inf")

    def start(self, limit: timedelta) -> None:
        """Begin a call that has `limit` from now."""
        self.end = self._monotonic() + limit.total_seconds()

    def left(self) -> float:
        """Seconds that remain; none or less once it has passed."""
        return self.end - self._monotonic()

    def cut(self, timeout: float | None, late: type[Exception]) -> float:
        """The shorter of `timeout` and what remains; raises `late` where nothing remains."""
        left = self.left()
        if left <= 0:
            raise late("the limit is over")
        return left if timeout is None else min(timeout, left)


class _Transport(httpx.HTTPTransport):
    """httpx's own, on connections that keep to a deadline.

    httpx's timeouts are for one read or write (https://www.python-httpx.org/advanced/timeouts/): a server that sends a
    byte of its headers now and then would hold a call for ever.
    """

    def __init__(self, limits: httpx.Limits, deadline: _Deadline) -> None:
        context = httpx.create_ssl_context()
        super().__init__(verify=context, limits=limits)
        self._pool = httpcore.ConnectionPool(  # the only way to hand httpx a network backend
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Network(deadline),
        )


class _Network(httpcore.SyncBackend):
    """Opens connections that keep to a deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect; a host name that DNS cannot hold is no connection either."""
        timeout = self._deadline.cut(timeout, httpcore.ConnectTimeout)
        try:
            stream = super().connect_tcp(host, port, timeout, local_address, socket_options)
        except UnicodeError as error:
            raise httpcore.ConnectError("no host can have this name") from error
        return _Stream(stream, self._deadline)


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes end at the deadline of the call that makes them."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.cut(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            left = self._deadline.cut(timeout, httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _PIECE], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._deadline.cut(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _host(url: str) -> str:
    """Host and port of an address, for messages."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "an address that is none"
    return f"{parsed.host}:{parsed.port}" if parsed.port else parsed.host


def _words(error: Exception) -> str:
    """The trouble in words."""
    kinds: dict[type[Exception], str] = {
        httpx.ConnectError: "cannot connect",
        httpx.ConnectTimeout: "no connection within the limit",
        httpx.PoolTimeout: "all connections are busy",
        httpx.ReadTimeout: "no answer within the limit",
        httpx.WriteTimeout: "the request could not be written within the limit",
        httpx.ReadError: "the connection broke while the answer was awaited",
        httpx.WriteError: "the connection broke while the request was written",
        httpx.RemoteProtocolError: "the connection was closed or the answer is no HTTP",
        httpx.UnsupportedProtocol: "the address does not begin with http:// or https://",
    }
    kind = kinds.get(type(error), type(error).__name__)
    return f"{kind} ({error})" if isinstance(error, httpx.ConnectError) and str(error) else kind
