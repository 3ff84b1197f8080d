"""Faults are shown when they were told to be, and to whom."""

from __future__ import annotations

import pytest

from bridge.sandbox import faults
from bridge.sandbox.faults import Script, drop_after, from_json, html, status
from bridge.sandbox.server import Request


def asked(path: str = "/", body: bytes = b"") -> Request:
    return Request(method="POST", path=path, body=body)


def kinds(script: Script, *requests: Request) -> list[str]:
    return [fault.kind if (fault := script.take(request)) else "" for request in requests]


def test_faults_are_shown_in_order_and_then_no_more():
    script = Script()
    script.behave(drop_after(), html())
    assert kinds(script, asked(), asked(), asked()) == ["drop_after", "status", ""]


def test_counted_fault_is_shown_so_often():
    script = Script()
    script.behave(status(500), count=2)
    assert kinds(script, asked(), asked(), asked()) == ["status", "status", ""]


def test_standing_fault_stays_until_cleared():
    script = Script()
    script.behave(status(500), count=None)
    assert kinds(script, *[asked()] * 3) == ["status"] * 3
    script.clear()
    assert script.take(asked()) is None


def test_text_is_looked_for_in_path_and_body():
    script = Script()
    script.behave(status(500), match="orders/7", count=None)
    assert kinds(script, asked("/orders/7/notes"), asked(body=b"orders/7"), asked("/orders/8")) == ["status"] * 2 + [""]


def test_with_a_key_the_text_must_be_all_of_it():
    script = Script(lambda request: request.body.decode())
    script.behave(status(500), match="shop-1", count=None)
    assert kinds(script, asked(body=b"shop-11"), asked(body=b"shop-1")) == ["", "status"]


def test_predicate_chooses_the_request():
    script = Script()
    script.behave(status(500), match=lambda request: request.method == "GET")
    assert script.take(asked()) is None


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ({"fault": "delay", "seconds": 2}, faults.delay(2)),
        ({"fault": "status", "status": 503, "headers": {"A": "b"}}, status(503, headers={"A": "b"})),
        ({"fault": "html"}, html()),
        ({"fault": "drop_before"}, faults.drop_before()),
        ({"fault": "drop_after"}, drop_after()),
        ({"fault": "create_then_hang", "seconds": 30}, faults.create_then_hang(30)),
        ({"fault": "hang", "seconds": 30}, faults.hang(30)),
        ({"fault": "slow_drip", "seconds": 0.5}, faults.slow_drip(0.5)),
    ],
)
def test_every_fault_has_a_json_form(told, meant):
    assert from_json(told) == meant


def test_unknown_fault_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match="'explode' is not known: use html, status"):
        from_json({"fault": "explode"})
