"""A fake SortedPRO: creates orders as the documentation says, remembers them, and misbehaves when told to."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bridge.sandbox.create_order import Detail, faults_of, metadata_of
from bridge.sandbox.faults import Fault, Match, Script, status
from bridge.sandbox.get_order import as_read
from bridge.sandbox.server import Answer, Reply, Request, json_reply

HOST = "https://apisandbox.electioapp.com"  # what Href names, whatever address was called
API_VERSION = "1.1"
LOCATIONS = ("WAREHOUSE-1", "WAREHOUSE-2", "SHOP-LEEDS")

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, kw_only=True)
class CreatedOrder:
    """An order that SortedPRO has, as it was asked for."""

    reference: str  # EO-000-002-0TS
    customer_reference: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]  # names in lower case, without the key
    at: datetime
    metadata: Mapping[str, Any]  # the body's MetaData, name to value
    packed: int = 0  # how many consignments were packed of it


@dataclass(frozen=True, kw_only=True)
class Call:
    """One Create Order request that arrived, whatever became of it."""

    at: datetime
    customer_reference: str
    fault: str  # the kind of fault shown, '' when it was answered as usual


class FakeSortedPro:
    """SortedPRO's Orders API; an app for `server.serve`. Threads share it."""

    def __init__(
        self,
        api_key: str,
        *,
        locations: Sequence[str] = LOCATIONS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.api_key = api_key
        self.locations = tuple(locations)
        self.script = Script(_customer_reference)
        self._clock = clock
        self._lock = threading.Lock()
        self._orders: dict[str, CreatedOrder] = {}
        self._calls: list[Call] = []
        self._busy: Reply | None = None

    def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if request.method == "POST" and request.path == "/orders":
            return self._post_order(request)
        return self._read(request)

    def behave(self, *faults: Fault, match: Match = None, count: int | None = 1) -> None:
        """Show faults at the next Create Order requests; a text `match` is an order's own reference, exactly."""
        self.script.behave(*faults, match=match, count=count)

    def busy(self, seconds: int = 2, *, code: int = 429) -> None:
        """Answer every call with 429 (or 503) and this Retry-After, until `clear`."""
        with self._lock:
            self._busy = _throttled(seconds, code)

    def clear(self) -> None:
        """Behave again: neither busy nor faulty."""
        self.script.clear()
        with self._lock:
            self._busy = None

    def orders(self) -> tuple[CreatedOrder, ...]:
        """What was created, oldest first."""
        with self._lock:
            return tuple(self._orders.values())

    def calls(self) -> tuple[Call, ...]:
        """The Create Order requests that arrived with a right key, oldest first; busy answers are not among them."""
        with self._lock:
            return tuple(self._calls)

    def pack(self, reference: str) -> None:
        """Pack an order: from now on a consignment with its customer reference is found. Raises KeyError."""
        with self._lock:
            order = self._orders[reference]
            self._orders[reference] = replace(order, packed=order.packed + 1)

    def _refusal(self, request: Request) -> Reply | None:
        key = request.headers.get("ocp-apim-subscription-key")
        if key != self.api_key:
            return _unauthorised(missing=key is None)
        with self._lock:
            busy = self._busy
        if busy is not None:
            return busy
        if request.headers.get("electio-api-version") != API_VERSION:
            return self._error(400, "ApiVersionNotSupported", f"electio-api-version must be {API_VERSION}.")
        return None

    def _post_order(self, request: Request) -> Answer:
        fault = self.script.take(request)
        call = Call(
            at=self._clock(), customer_reference=_customer_reference(request), fault=fault.kind if fault else ""
        )
        with self._lock:
            self._calls.append(call)
        return fault.play(lambda: self._create(request)) if fault else self._create(request)

    def _create(self, request: Request) -> Reply:
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != "application/json":
            return self._error(415, "UnsupportedMediaType", f"Content type {kind or '(none)'} is invalid.")
        body = request.json()
        if not isinstance(body, dict):
            return self._error(400, "InvalidRequest", "The request body is no JSON object.")
        details = faults_of(body, self.locations)
        if details:
            return self._error(400, details[0]["Code"], details[0]["Message"], details)
        order = self._store(body, request)
        link = {"Rel": "Order", "Href": f"{HOST}/orders/{order.reference}"}
        return json_reply([link], status=201)

    def _store(self, body: Mapping[str, Any], request: Request) -> CreatedOrder:
        headers = {name: value for name, value in request.headers.items() if name != "ocp-apim-subscription-key"}
        with self._lock:
            order = CreatedOrder(
                reference=_reference("EO", 2 * 36**3 + len(self._orders)),
                customer_reference=body.get("OrderReferenceProvidedByCustomer") or "",
                body=body,
                headers=headers,
                at=self._clock(),
                metadata=metadata_of(body),
            )
            self._orders[order.reference] = order
        return order

    def _read(self, request: Request) -> Reply:
        match request.method, *request.path.strip("/").split("/"):
            case "GET", "orders", reference:
                return self._order(reference)
            case "GET", "shippinglocations":
                return json_reply([_location(number, name) for number, name in enumerate(self.locations, start=1)])
            case "GET", "consignments", "getConsignmentReferences":
                return json_reply([found["Reference"] for found in self._consignments(request)])
            case "GET", "consignments", take, skip if (take + skip).isdigit():
                found = self._consignments(request)[int(skip) :][: int(take)]
                return json_reply({"Count": len(found), "ConsignmentSummaries": found})
        # The gateway's answer, not SortedPRO's: it has no route for this.
        return json_reply({"statusCode": 404, "message": "Resource not found"}, status=404)

    def _order(self, reference: str) -> Reply:
        with self._lock:
            order = self._orders.get(reference)
        if order is None:
            return self._error(404, "OrderNotFoundException", f"Order {reference} not found")
        return json_reply(_as_read(order))

    def _consignments(self, request: Request) -> list[dict[str, Any]]:
        wanted = {name.lower(): value for name, value in request.query.items()}.get("referenceprovidedbycustomer")
        return [
            _consignment(order, number)
            for order in self.orders()
            for number in range(order.packed)
            if wanted in {None, order.customer_reference}
        ]

    def _error(self, code: int, slug: str, message: str, details: Sequence[Detail] = ()) -> Reply:
        content: dict[str, Any] = {"Code": slug, "Message": message, "CorrelationId": str(uuid.uuid4())}
        return json_reply({**content, "Details": list(details)} if details else content, status=code)


def throttled(seconds: int) -> Fault:
    """One 429 with Retry-After, as Azure API Management answers."""
    reply = _throttled(seconds, 429)
    return status(reply.status, headers=reply.headers, body=reply.body)


def _throttled(seconds: int, code: int) -> Reply:
    message = f"Rate limit is exceeded. Try again in {seconds} seconds."
    return json_reply({"statusCode": code, "message": message}, status=code, headers={"Retry-After": str(seconds)})


def _customer_reference(request: Request) -> str:
    found = re.search(rb'"OrderReferenceProvidedByCustomer"\s*:\s*"([^"]*)"', request.body)
    return found[1].decode("utf-8", "replace") if found else ""


def _unauthorised(*, missing: bool) -> Reply:
    """Azure API Management's answer to a call without a valid key."""
    if missing:
        reason = "missing subscription key. Make sure to include subscription key when making requests to an API."
    else:
        reason = "invalid subscription key. Make sure to provide a valid key for an active subscription."
    return json_reply({"statusCode": 401, "message": f"Access denied due to {reason}"}, status=401)


def _reference(prefix: str, number: int) -> str:
    digits = ""
    for _ in range(9):
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return f"{prefix}-{digits[:3]}-{digits[3:6]}-{digits[6:]}"


def _location(number: int, reference: str) -> dict[str, Any]:
    return {
        "Id": number,
        "Reference": reference,
        "Name": reference.replace("-", " ").title(),
        "ShippingLocationType": "Warehouse",
        "AddressLine1": f"{number} Dock Road",
        "Town": "Manchester",
        "Postcode": "M1 5WG",
        "Country": {"Name": "United Kingdom", "IsoCode": {"TwoLetterCode": "GB"}},
        "DefaultLocationForReturns": number == 1,
        "Notes": None,
    }


def _as_read(order: CreatedOrder) -> dict[str, Any]:
    number = int(order.reference.replace("-", "")[2:], 36) * 8
    return as_read(
        order.body,
        reference=order.reference,
        created=order.at,
        package_reference=lambda index: _reference("EP", number + index),
    )


def _consignment(order: CreatedOrder, number: int) -> dict[str, Any]:
    """A consignment as a search answers; it names the customer's reference, not the order's."""
    reference = _reference("EC", int(order.reference.replace("-", "")[2:], 36) * 8 + number)
    return {
        "Source": "Api",
        "Reference": reference,
        "ConsignmentReferenceProvidedByCustomer": order.customer_reference,
        "DateCreated": order.at.isoformat(),
        "State": "Unallocated",
        "ApiLink": {"Rel": "detail", "Href": f"{HOST}/consignments/{reference}"},
    }
