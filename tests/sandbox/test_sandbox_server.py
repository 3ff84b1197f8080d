"""Answers that are late, dripping or missing really are so on the wire."""

from __future__ import annotations

import threading
from datetime import timedelta

import httpx
import pytest

from bridge.sandbox.server import Dripping, Dropped, Later, Reply, Request, serve

LONG = timedelta(minutes=5)


def echo(request: Request) -> Reply:
    return Reply(body=request.body or b"nothing")


def test_one_connection_carries_many_requests(served, client):
    url = served(echo)
    streams = [client.post(url, content=b"x").extensions["network_stream"] for _ in range(3)]
    assert len({stream.get_extra_info("client_addr") for stream in streams}) == 1


def test_dropped_request_gets_no_answer(served, client):
    url = served(lambda _request: Dropped())
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(url)


def test_late_answer_passes_the_client_s_limit(served):
    url = served(lambda _request: Later(wait=LONG, then=Reply))
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(url, timeout=0.1, trust_env=False)


def test_late_answer_comes(served, client):
    url = served(lambda _request: Later(wait=timedelta(milliseconds=5), then=lambda: Reply(body=b"late")))
    assert client.get(url).content == b"late"


def test_dripping_body_comes_byte_by_byte(served, client):
    url = served(lambda _request: Dripping(reply=Reply(body=b"drip"), pause=timedelta(milliseconds=5)))
    with client.stream("GET", url) as answer:
        assert list(answer.iter_raw()) == [b"d", b"r", b"i", b"p"]


def test_closing_cuts_off_whoever_waits():
    asked = threading.Event()

    def hang(_request: Request) -> Later:
        asked.set()
        return Later(wait=LONG, then=Reply)

    server = serve(hang)
    outcome: list[type[Exception]] = []

    def call() -> None:
        try:
            httpx.get(server.url, timeout=30, trust_env=False)
        except httpx.HTTPError as error:
            outcome.append(type(error))

    caller = threading.Thread(target=call)
    caller.start()
    assert asked.wait(5)
    server.close()
    caller.join(5)
    assert outcome == [httpx.RemoteProtocolError]


def test_path_and_query_reach_the_app_decoded(served, client):
    seen: list[Request] = []

    def note(request: Request) -> Reply:
        seen.append(request)
        return Reply()

    client.get(served(note) + "/a%20b?x=1&y=&x=2")
    assert (seen[0].path, seen[0].query) == ("/a b", {"x": "2", "y": ""})
