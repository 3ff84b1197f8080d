"""What each answer to Create Order means: the table of outcomes, row by row, and nothing leaked on the way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from bridge.errors import CallFailed, ConfigurationError
from bridge.http import Http
from bridge.sortedpro.client import Location, Outcome, SortedPro

PAYLOADS = Path(__file__).parent.parent / "payloads" / "sorted"
KEY = "0123456789abcdef-key"
URL = "https://sorted.example"
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
LIMIT = timedelta(seconds=5)
LINK = '[{"Rel":"Order","Href":"https://api.example/orders/%s"}]'


def payload(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


def client(answer: Callable[[httpx.Request], httpx.Response], *, url: str = URL) -> SortedPro:
    return SortedPro(Http(transport=httpx.MockTransport(answer)), url, KEY, clock=lambda: NOW)


def outcome(status: int, content: bytes | str = b"", headers: dict[str, str] | None = None) -> Outcome:
    """What becomes of an order that is answered so."""
    answering = client(lambda _: httpx.Response(status, content=content, headers=headers))
    return answering.create_order(b"{}", limit=LIMIT)


def failure(error: Exception) -> Outcome:
    """What becomes of an order whose call ends in an error."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    return client(fail).create_order(b"{}", limit=LIMIT)


# ---------------------------------------------------------------------------------------------------------------------
# The request
# ---------------------------------------------------------------------------------------------------------------------
def test_the_request_is_as_documented():
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, content=payload("create_order_answer__created.json"))

    client(answer, url=f"{URL}/").create_order('{"Tags":["ø"]}'.encode(), limit=LIMIT)
    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", "https://sorted.example/orders")
    assert request.content == '{"Tags":["ø"]}'.encode()
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json"
    assert request.headers["electio-api-version"] == "1.1"
    assert request.headers["ocp-apim-subscription-key"] == KEY


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "line\r\nX: y", "schlüssel", "tab\t", "key "])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(key):
    with pytest.raises(ConfigurationError) as caught:
        SortedPro(Http(), URL, key, clock=lambda: NOW)
    (problem,) = caught.value.problems
    assert (problem.source, problem.found) == ("destination.api_key", "")


# ---------------------------------------------------------------------------------------------------------------------
# Created
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("name", ["create_order_answer__created.json", "create_order_answer__created.xml"])
def test_an_answer_with_a_reference_is_created(status, name):
    made = outcome(status, payload(name))
    assert (made.kind, made.reference, made.status) == ("created", "EO-000-00A-1B2", status)
    assert made.answer == payload(name)


@pytest.mark.parametrize(
    "body",
    [
        '{"links":[{"rel":"Order","href":"https://api.example/orders/EO-ABC-123-XYZ"}]}',
        '{"Results":{"Data":[{"Href":"/orders/EO-ABC-123-XYZ/address"}]}}',
        LINK % "EEO-ABC-123-XYZ",
        '[{"Href":"/orders/EO-ABC-123-XYZ"},{"Href":"/orders/EO-ABC-123-XYZ"}]',
        "\ufeff" + LINK % "EO-ABC-123-XYZ",
    ],
)
def test_the_reference_is_found_in_any_href(body):
    assert outcome(201, body).reference == "EO-ABC-123-XYZ"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<html>Welcome</html>",
        LINK % "EC-ABC-123-XYZ",
        LINK % "EO-ABC-123-XYZ4",
        LINK % "EO-ABC-123",
        LINK % "eo-abc-123-xyz",
        '[{"Rel":"EO-ABC-123-XYZ","Href":null}]',
        '{"OrderReferenceProvidedByCustomer":"EO-ABC-123-XYZ"}',
        "[" * 100_000,
    ],
)
def test_success_without_a_reference_is_unknown(body):
    made = outcome(201, body)
    assert (made.kind, made.reference, made.status) == ("unknown", None, 201)


def test_two_different_references_are_unknown():
    made = outcome(201, '[{"Href":"/orders/EO-AAA-111-AAA"},{"Href":"/orders/EO-BBB-222-BBB"}]')
    assert (made.kind, made.reference) == ("unknown", None)
    assert "EO-AAA-111-AAA, EO-BBB-222-BBB" in made.message


def test_64_kib_of_an_answer_are_kept():
    assert len(outcome(500, b"x" * 70_000).answer) == 65_536


# ---------------------------------------------------------------------------------------------------------------------
# Refused
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [400, 402, 406, 409, 410, 413, 415, 422, 431, 499])
def test_other_4xx_are_refused_with_or_without_a_body(status):
    assert outcome(status).kind == "refused"
    assert outcome(status, payload("create_order_answer__refused.json")).kind == "refused"


def test_the_details_of_a_refusal_name_the_fields():
    details = outcome(400, payload("create_order_answer__refused.json")).details
    assert [(detail.target, detail.code, detail.found) for detail in details] == [
        ("Addresses[1].Postcode", "PostcodeException", "Postcode ZZ9 9ZZ of Ffion Orsted does not exist"),
        ("Packages[0].Weight", "WeightException", "Weight is too high"),
    ]


def test_a_refusal_without_details_gives_its_message():
    (detail,) = outcome(404, payload("create_order_answer__not_found.json")).details
    assert (detail.target, detail.code) == ("", "ShippingLocationNotFoundException")
    assert detail.found == "Shipping location (Northwick) not found or no longer exists"


def test_a_refusal_names_its_code_and_correlation_id_for_the_support():
    message = outcome(400, payload("create_order_answer__refused.json")).message
    assert "(ValidationException, correlation id 0f8a1c52-7d14-4c8e-9a53-2b6f0d9e4711)" in message


def test_what_sortedpro_says_of_a_person_is_in_found_only():
    refused = outcome(400, payload("create_order_answer__refused.json"))
    assert "Ffion" not in refused.message + repr(refused) + "".join(detail.message for detail in refused.details)


@pytest.mark.parametrize(
    "body",
    [
        '{"Details":"x"}',
        '{"Details":[null,5,{"Target":7}]}',
        '{"Message":["x"],"Code":{}}',
        "<html>Bad Request</html>",
        "[1]",
        b"\xff\xfe\x00",
    ],
)
def test_an_error_body_of_any_shape_gives_no_details(body):
    refused = outcome(400, body)
    assert (refused.kind, refused.details) == ("refused", ())


def test_a_long_message_is_cut():
    (detail,) = outcome(400, '{"Code":"X","Message":"%s"}' % ("long " * 500)).details
    assert len(detail.found) == 300


# ---------------------------------------------------------------------------------------------------------------------
# Misconfigured
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_misconfigured(status):
    refused = outcome(status, payload("create_order_answer__no_key.json"))
    assert refused.kind == "misconfigured"
    assert "API key" in refused.message
    assert refused.details[0].found.startswith("Access denied due to missing subscription key.")


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 308, 405])
def test_a_wrong_address_is_misconfigured(status):
    assert outcome(status, headers={"location": "https://elsewhere.example/orders"}).kind == "misconfigured"


def test_a_redirection_is_not_followed():
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(307, headers={"location": "https://elsewhere.example/orders"})

    client(answer).create_order(b"{}", limit=LIMIT)
    assert seen == ["sorted.example"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>Not Found</html>",
        '{"statusCode":404,"message":"Resource not found"}',
        '{"Message":"No HTTP resource was found that matches the request."}',
    ],
)
def test_404_without_sortedpros_error_body_is_misconfigured(body):
    assert outcome(404, body).kind == "misconfigured"


def test_404_with_sortedpros_error_body_is_refused():
    assert outcome(404, payload("create_order_answer__not_found.json")).kind == "refused"


# ---------------------------------------------------------------------------------------------------------------------
# Busy
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "Tue, 01 Dec 2026 12:01:30 GMT"}, 90),  # NOW is 12:00:00
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_429_is_busy_for_as_long_as_it_says(headers, seconds):
    busy = outcome(429, headers=headers)
    assert busy.kind == "busy"
    assert busy.retry_after == (None if seconds is None else timedelta(seconds=seconds))


def test_the_gateways_words_say_how_long_where_no_header_does():
    busy = outcome(429, payload("create_order_answer__throttled.json"))
    assert (busy.kind, busy.retry_after) == ("busy", timedelta(seconds=7))


def test_503_that_asks_to_come_back_is_busy():
    busy = outcome(503, headers={"retry-after": "30"})
    assert (busy.kind, busy.retry_after) == ("busy", timedelta(seconds=30))


@pytest.mark.parametrize(
    "body",
    [
        payload("create_order_answer__throttled.json"),
        b'{"statusCode":503,"message":"Rate limit is exceeded. Try again in 3 seconds."}',
    ],
)
def test_503_with_the_gateways_throttling_body_is_busy(body):
    assert outcome(503, body).kind == "busy"


# ---------------------------------------------------------------------------------------------------------------------
# Unknown and unreachable
# ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [408, 500, 501, 502, 504, 520, 599])
def test_what_may_have_made_an_order_is_unknown(status):
    assert outcome(status, payload("create_order_answer__refused.json")).kind == "unknown"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>503 Service Unavailable: rate limit</html>",
        '{"statusCode":503,"message":"Backend timeout"}',
        '{"Code":"X","Message":"Rate limit"}',
    ],
)
def test_503_that_does_not_say_throttled_is_unknown(body):
    assert outcome(503, body).kind == "unknown"


def test_a_reference_in_an_error_does_not_make_an_order():
    assert outcome(500, LINK % "EO-ABC-123-XYZ").kind == "unknown"
    assert outcome(409, LINK % "EO-ABC-123-XYZ").kind == "refused"


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_what_never_left_is_unreachable(error):
    lost = failure(error("x"))
    assert (lost.kind, lost.status) == ("unreachable", None)


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError]
)
def test_what_broke_after_leaving_is_unknown(error):
    lost = failure(error("x"))
    assert (lost.kind, lost.status, lost.answer) == ("unknown", None, b"")


def test_no_message_shows_the_key():
    answers = [
        outcome(status, f'{{"Code":"{KEY}!","Message":"{KEY}"}}') for status in (200, 301, 400, 401, 404, 429, 503)
    ]
    assert not any(KEY in made.message for made in [*answers, failure(httpx.ReadTimeout(KEY))])


# ---------------------------------------------------------------------------------------------------------------------
# Real connections
# ---------------------------------------------------------------------------------------------------------------------
@contextmanager
def serving(talk: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server on this machine that takes one connection and talks on it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join()


def create_at(url: str, limit: timedelta) -> Outcome:
    http = Http()
    try:
        return SortedPro(http, url, KEY, clock=lambda: NOW).create_order(b"{}", limit=limit)
    finally:
        http.close()


def test_a_server_that_never_answers_is_unknown():
    done = threading.Event()
    with serving(lambda connection: (connection.recv(65536), done.wait(10))) as url:
        made = create_at(url, timedelta(seconds=0.2))
        done.set()
    assert made.kind == "unknown"
    assert "no answer within the limit" in made.message


def test_a_connection_dropped_after_the_request_is_unknown():
    with serving(lambda connection: connection.recv(65536)) as url:
        made = create_at(url, LIMIT)
    assert made.kind == "unknown"


def test_an_answer_cut_short_is_unknown():
    cut = b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n" + (LINK % "EO-ABC-123-XYZ").encode()
    with serving(lambda connection: (connection.recv(65536), connection.sendall(cut))) as url:
        made = create_at(url, LIMIT)
    assert (made.kind, made.reference) == ("unknown", None)


def test_a_refused_connection_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    made = create_at(f"http://127.0.0.1:{port}", LIMIT)
    assert made.kind == "unreachable"


# ---------------------------------------------------------------------------------------------------------------------
# Shipping locations
# ---------------------------------------------------------------------------------------------------------------------
def test_locations_are_listed_with_their_references():
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("GET", "/shippinglocations")
        assert request.headers["ocp-apim-subscription-key"] == KEY
        return httpx.Response(200, content=payload("shipping_locations__two.json"))

    assert client(answer).list_locations(limit=LIMIT) == (
        Location(reference="Northwick_Warehouse", name="Northwick"),
        Location(reference="Marling_Store", name=""),
    )


def test_404_with_sortedpros_error_body_is_no_locations():
    found = client(lambda _: httpx.Response(404, content=payload("create_order_answer__not_found.json")))
    assert found.list_locations(limit=LIMIT) == ()


@pytest.mark.parametrize(
    ("status", "source"), [(401, "destination.api_key"), (302, "destination.url"), (404, "destination.url")]
)
def test_wrong_settings_are_named(status, source):
    with pytest.raises(ConfigurationError) as caught:
        client(lambda _: httpx.Response(status)).list_locations(limit=LIMIT)
    assert caught.value.problems[0].source == source


@pytest.mark.parametrize(("status", "body"), [(503, b""), (500, b"[]"), (200, b"<html>"), (200, b"{}"), (204, b"")])
def test_anything_else_than_locations_is_a_failed_call(status, body):
    with pytest.raises(CallFailed, match=f"answered {status}"):
        client(lambda _: httpx.Response(status, content=body)).list_locations(limit=LIMIT)


# ---------------------------------------------------------------------------------------------------------------------
# Reading an order
# ---------------------------------------------------------------------------------------------------------------------
def test_order_is_read_by_its_reference_with_exact_numbers():
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("GET", "/orders/EO-000-002-K0R")
        return httpx.Response(200, content=b'{"OrderReference": "EO-000-002-K0R", "Weight": {"Value": 0.50000}}')

    found = client(answer).get_order("EO-000-002-K0R", limit=LIMIT)
    assert found == {"OrderReference": "EO-000-002-K0R", "Weight": {"Value": Decimal("0.50000")}}


def test_order_that_sortedpro_does_not_have_is_none():
    found = client(lambda _: httpx.Response(404, content=payload("create_order_answer__not_found.json")))
    assert found.get_order("EO-000-002-K0R", limit=LIMIT) is None


@pytest.mark.parametrize("status", [401, 302, 404])
def test_reading_an_order_names_wrong_settings(status):
    with pytest.raises(ConfigurationError):
        client(lambda _: httpx.Response(status)).get_order("EO-000-002-K0R", limit=LIMIT)


@pytest.mark.parametrize(("status", "body"), [(429, b""), (503, b""), (200, b"[]"), (200, b"<html>")])
def test_anything_else_than_an_order_is_a_failed_call(status, body):
    with pytest.raises(CallFailed, match=f"answered {status}"):
        client(lambda _: httpx.Response(status, content=body)).get_order("EO-000-002-K0R", limit=LIMIT)


# ---------------------------------------------------------------------------------------------------------------------
# Searching consignments
# ---------------------------------------------------------------------------------------------------------------------
def summary(reference: object, customer_reference: object) -> dict[str, object]:
    return {"Reference": reference, "ConsignmentReferenceProvidedByCustomer": customer_reference, "State": "Allocated"}


def found(body: object, status: int = 200) -> tuple[str, ...]:
    """What is found of shopify-1001 in an answer."""
    answering = client(lambda _: httpx.Response(status, json=body))
    return answering.find_consignments("shopify-1001", limit=LIMIT)


def test_consignments_are_searched_by_the_customers_reference():
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("GET", "/consignments/100/0")
        assert dict(request.url.params) == {"referenceProvidedByCustomer": "a&b 1001"}
        assert request.headers["ocp-apim-subscription-key"] == KEY
        return httpx.Response(200, json={"Count": 1, "ConsignmentSummaries": [summary("EC-000-05C-VQ4", "a&b 1001")]})

    assert client(answer).find_consignments("a&b 1001", limit=LIMIT) == ("EC-000-05C-VQ4",)


def test_consignments_of_other_references_do_not_count():
    """A search that minds only the beginning of a reference, or none at all, proves nothing."""
    others = [summary("EC-000-05C-VQ3", "shopify-10010"), summary("EC-000-05C-VQ2", None), "EC-000-05C-VQ1"]
    ours = [summary("EC-000-05C-VQ5", "shopify-1001"), summary("EC-000-05C-VQ4", "shopify-1001")]
    assert found({"Count": 5, "ConsignmentSummaries": [*others, *ours]}) == ("EC-000-05C-VQ4", "EC-000-05C-VQ5")


@pytest.mark.parametrize("reference", [None, 7, "EO-000-05C-VQ4", "EC-000-05C-VQ4 (see the note)"])
def test_what_is_no_consignments_reference_does_not_count(reference):
    assert found([summary(reference, "shopify-1001")]) == ()


def test_404_with_sortedpros_error_body_is_no_consignment():
    answering = client(lambda _: httpx.Response(404, content=payload("create_order_answer__not_found.json")))
    assert answering.find_consignments("shopify-1001", limit=LIMIT) == ()


@pytest.mark.parametrize("status", [401, 302, 404])
def test_searching_consignments_names_wrong_settings(status):
    with pytest.raises(ConfigurationError):
        found("", status)


@pytest.mark.parametrize(("status", "body"), [(429, []), (503, ""), (200, {}), (200, "no"), (204, [])])
def test_anything_else_than_consignments_is_a_failed_call(status, body):
    with pytest.raises(CallFailed, match=f"answered {status}"):
        found(body, status)
