"""The outbound client: its limits hold against real servers, and every trouble is NothingSent or Unknown."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import monotonic

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import NothingSent, ShopTrouble, Unknown
from bridge.http import MAX_ANSWER, Answer, Budget, Http

LIMIT = timedelta(seconds=5)
SHORT = timedelta(seconds=0.3)
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


@contextmanager
def serving(talk: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server on this machine that takes one connection and talks on it until the client goes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    talk(connection)
                except OSError:
                    return  # the client has gone, as it should

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/path?secret=1"
        finally:
            thread.join()


@pytest.fixture
def http() -> Iterator[Http]:
    client = Http()
    yield client
    client.close()


def mocked(answer: Callable[[httpx.Request], httpx.Response], clock: Callable[[], float] = monotonic) -> Http:
    return Http(transport=httpx.MockTransport(answer), monotonic=clock)


def drip(connection: socket.socket, start: bytes, piece: bytes) -> None:
    """Send a piece every 50 ms, so that no single read ever times out; gives up after 10 s."""
    connection.recv(65536)
    connection.sendall(start)
    pause = threading.Event()
    for _ in range(200):
        connection.sendall(piece)
        pause.wait(0.05)


# ---------------------------------------------------------------------------------------------------------------------
# Answers
# ---------------------------------------------------------------------------------------------------------------------
def test_an_answer_has_status_headers_in_lower_case_and_body(http):
    text = b"HTTP/1.1 201 Created\r\nX-Thing: A\r\nContent-Length: 2\r\n\r\nok"
    with serving(lambda connection: (connection.recv(65536), connection.sendall(text))) as url:
        answer = http.send("GET", url, limit=LIMIT)
    assert (answer.status, answer.headers["x-thing"], answer.content) == (201, "A", b"ok")


def test_a_compressed_answer_is_unpacked():
    packed = httpx.Response(200, headers={"content-encoding": "gzip"}, content=gzip.compress(b"teapot"))
    assert mocked(lambda _: packed).send("GET", "http://a.example", limit=LIMIT).content == b"teapot"


def test_a_broken_compression_is_unknown():
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"teapot"))

    with pytest.raises(Unknown):
        mocked(answer).send("GET", "http://a.example", limit=LIMIT)


def test_json_numbers_are_decimals():
    body = Answer(status=200, headers={}, content=b'{"price": 0.10, "count": 2}').json()
    assert (body, type(body["price"])) == ({"price": Decimal("0.10"), "count": 2}, Decimal)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xfe\xfa", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_json_is_none(content):
    assert Answer(status=200, headers={}, content=content).json() is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("Tue, 01 Dec 2026 12:02:00 GMT", 120),  # NOW is 12:00:00 UTC
        ("Tue, 01 Dec 2026 13:02:00 +0100", 120),
        ("Tue, 01 Dec 2026 11:00:00 GMT", 0),
        ("999999999999", 604_800),  # a week at most
        ("Fri, 31 Dec 9999 23:59:59 GMT", 604_800),
        ("9" * 5000, 604_800),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, seconds):
    answer = Answer(status=429, headers={"retry-after": text}, content=b"")
    assert answer.retry_after(NOW) == timedelta(seconds=seconds)


@given(st.one_of(st.sampled_from(["", "soon", "-5", "1.5", "²", "٣", ",", "Wed, 99 Foo 2026"]), st.text(max_size=20)))
def test_no_retry_after_breaks_anything(text):
    wait = Answer(status=429, headers={"retry-after": text}, content=b"").retry_after(NOW)
    assert wait is None or timedelta(0) <= wait <= timedelta(days=7)


# ---------------------------------------------------------------------------------------------------------------------
# Limits
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x-more: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["headers", "body", "interim answers"],
)
def test_a_dripping_server_cannot_stretch_the_limit(http, start, piece):
    begun = monotonic()
    with serving(lambda connection: drip(connection, start, piece)) as url, pytest.raises(Unknown):
        http.send("GET", url, limit=SHORT)
    assert monotonic() - begun < 3  # 0.3 s and much room for a slow machine; the server would go on for 10 s


def test_a_server_that_does_not_read_cannot_stretch_the_limit(http):
    done = threading.Event()
    with serving(lambda _: done.wait(10)) as url:
        with pytest.raises(Unknown):
            http.send("POST", url, limit=SHORT, content=b"x" * 50_000_000)
        done.set()


def test_the_limit_counts_for_any_transport():
    ticks = iter([0.0, 10.0])  # at the start, and at the first piece of the answer
    late = mocked(lambda _: httpx.Response(200, content=b"x"), lambda: next(ticks))
    with pytest.raises(Unknown, match="did not end within the limit"):
        late.send("GET", "http://a.example", limit=LIMIT)


def test_each_call_has_its_own_limit():
    ticks = iter([0.0, 4.0, 100.0, 104.0])  # start and first piece of one call, then of the next; the limit is 5 s
    http = mocked(lambda _: httpx.Response(200, content=b"x"), lambda: next(ticks))
    assert [http.send("GET", "http://a.example", limit=LIMIT).content for _ in range(2)] == [b"x", b"x"]


def test_an_endless_answer_is_cut_off():
    def endless(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=(b"x" * 1_000_000 for _ in range(100)))

    with pytest.raises(Unknown, match=str(MAX_ANSWER)):
        mocked(endless).send("GET", "http://a.example", limit=LIMIT)


# ---------------------------------------------------------------------------------------------------------------------
# NothingSent or Unknown
# ---------------------------------------------------------------------------------------------------------------------
def test_a_refused_connection_sent_nothing(http):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NothingSent, match=f"127.0.0.1:{port}: cannot connect"):
        http.send("GET", f"http://127.0.0.1:{port}/", limit=LIMIT)


def test_a_server_without_tls_got_nothing(http):
    plain = serving(lambda connection: (connection.recv(65536), connection.sendall(b"no TLS here")))
    with plain as url, pytest.raises(NothingSent):
        http.send("GET", url.replace("http:", "https:"), limit=LIMIT)


@pytest.mark.parametrize(
    "url", ["", "no-address", "ftp://a.example", "http://[::1", f"http://{'a' * 70}.example", "http://.example"]
)
def test_what_is_no_address_sent_nothing(http, url):
    with pytest.raises(NothingSent):
        http.send("GET", url, limit=LIMIT)


def test_a_header_that_cannot_be_written_sent_nothing_and_is_not_shown(http):
    with pytest.raises(NothingSent, match="cannot be sent") as caught:
        http.send("GET", "http://127.0.0.1:1", limit=LIMIT, headers={"x-key": "schlüssel"})
    assert "schl" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"SSH-2.0\r\n\r\n"],
)
def test_a_broken_answer_is_unknown(http, answer):
    broken = serving(lambda connection: (connection.recv(65536), connection.sendall(answer)))
    with broken as url, pytest.raises(Unknown):
        http.send("GET", url, limit=LIMIT)


def test_a_message_names_the_host_and_neither_path_nor_query(http):
    with serving(lambda connection: connection.recv(65536)) as url, pytest.raises(Unknown) as caught:
        http.send("POST", url, limit=LIMIT, content=b"body of an order")
    assert str(caught.value).startswith("127.0.0.1:")
    assert not any(word in str(caught.value) for word in ("path", "secret", "order"))


# ---------------------------------------------------------------------------------------------------------------------
# Habits
# ---------------------------------------------------------------------------------------------------------------------
def test_redirections_are_not_followed():
    moved = mocked(lambda _: httpx.Response(302, headers={"location": "http://b.example"}))
    assert moved.send("GET", "http://a.example", limit=LIMIT).status == 302


def test_a_cookie_is_not_sent_back():
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, headers={"set-cookie": "session=1"})

    http = mocked(answer)
    http.send("GET", "http://a.example", limit=LIMIT)
    http.send("GET", "http://a.example", limit=LIMIT)
    assert seen == [None, None]


def test_name_and_password_go_into_basic_auth():
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.headers["authorization"])

    # base64 of "ck:cs" is Y2s6Y3M=
    sent = mocked(answer).send("GET", "http://a.example", limit=LIMIT, auth=("ck", "cs"))
    assert sent.content == b"Basic Y2s6Y3M="


def test_a_header_is_sent_once_whatever_its_case():
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=" ".join(request.headers.get_list("accept")))

    sent = mocked(answer).send("GET", "http://a.example", limit=LIMIT, headers={"Accept": "application/json"})
    assert sent.content == b"application/json"


def test_parameters_are_added_to_the_address():
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.url.query.decode())

    sent = mocked(answer).send("GET", "http://a.example", limit=LIMIT, params={"name": "a b"})
    assert sent.content in (b"name=a+b", b"name=a%20b")


def test_an_idle_connection_is_not_used_again():
    http = Http(idle=timedelta(0))
    ports: list[int] = []
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            for _ in range(2):
                connection, (_, port) = listener.accept()
                with connection:
                    ports.append(port)
                    connection.recv(65536)
                    connection.sendall(answer)
                    connection.recv(65536)  # until the client closes it

        thread = threading.Thread(target=serve)
        thread.start()
        for _ in range(2):
            http.send("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/", limit=LIMIT)
        http.close()
        thread.join()
    assert len(set(ports)) == 2


def test_a_budget_is_what_remains_and_then_trouble():
    ticks = iter([0.0, 10.0, 30.0])
    budget = Budget(30, monotonic=lambda: next(ticks))
    assert budget.left() == timedelta(seconds=20)
    with pytest.raises(ShopTrouble, match="shop too slow") as caught:
        budget.left()
    assert (caught.value.code, caught.value.pauses) == ("shop_too_slow", False)
