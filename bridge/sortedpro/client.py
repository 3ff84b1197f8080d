"""The client of SortedPRO's Orders API: one call at a time, and what its answer means for the order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote

from bridge.errors import CallFailed, ConfigurationError, NothingSent, Problem, Unknown
from bridge.http import Answer, Http

Kind = Literal["created", "refused", "misconfigured", "busy", "unreachable", "unknown"]

ATTEMPT_MARK = "BridgeAttempt"  # the metadata by which people and the bridge know an order's attempt again
KEPT_ANSWER = 64 * 1024  # bytes of an answer that are kept for people
_SHOWN_WORDS = 300  # characters of SortedPRO's own words in a Problem
_SUCCESS = 2  # the first digit of a status
_BAD_KEY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

# "EC-xxx-xxx-xxx, where x is an alphanumeric character"; open to the left, since the documentation has an "EEO-...".
# https://docs.sorted.com/pro/api/help/creating_new_orders.html
_REFERENCE = re.compile(r"EO-[A-Z0-9]{3}-[A-Z0-9]{3}-[A-Z0-9]{3}(?![A-Za-z0-9])")
_CONSIGNMENT = re.compile(r"EC-[A-Z0-9]{3}-[A-Z0-9]{3}-[A-Z0-9]{3}")
_MOST_CONSIGNMENTS = 100  # asked for at once; of one order there are a few
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")

# Azure API Management, which stands before SortedPRO, throttles with {"statusCode": 429, "message": "Rate limit is
# exceeded. Try again in 7 seconds."}: https://learn.microsoft.com/azure/api-management/rate-limit-policy
_THROTTLED = re.compile(r"rate limit|too many requests|throttl", re.IGNORECASE)
_TRY_AGAIN = re.compile(r"try again in (\d{1,6}) seconds", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one Create Order call."""

    kind: Kind
    message: str  # for the operator; no secret, no personal data
    reference: str | None = None  # only of what is created
    details: tuple[Problem, ...] = field(
        default=(), repr=False
    )  # SortedPRO's own words are in `found`, and may hold personal data
    status: int | None = None  # None where no answer came
    retry_after: timedelta | None = None  # what SortedPRO asked for
    answer: bytes = field(default=b"", repr=False)  # the first 64 KiB of the body
    told: bool = True  # whether it says anything about SortedPRO: not where the bridge itself did not call


@dataclass(frozen=True, kw_only=True)
class Location:
    """A shipping location of the account; its reference is what `ShippingLocationReference` takes."""

    reference: str
    name: str


class SortedPro:
    """One account at one address; threads share it. `clock` gives the time that a `Retry-After` date is counted from.

    Raises ConfigurationError where the key cannot be sent as a header.
    """

    def __init__(self, http: Http, url: str, api_key: str, *, clock: Callable[[], datetime]) -> None:
        if not _HEADER_VALUE.fullmatch(api_key):
            message = "is empty, or has a space, line break or foreign letter in it; copy the key again from SortedPRO"
            raise ConfigurationError([Problem(message=message, source="destination.api_key")])
        self._http = http
        self._url = url.rstrip("/")
        self._clock = clock
        # https://docs.sorted.com/pro/api/help/introduction.html; without the version a request may be read as 1.0.
        self._headers = {
            "ocp-apim-subscription-key": api_key,
            "electio-api-version": "1.1",
            "accept": "application/json",
        }

    def create_order(self, content: bytes, *, limit: timedelta) -> Outcome:
        """Make one Create Order call. Never twice for the same order without knowing the first one's outcome."""
        headers = {**self._headers, "content-type": "application/json"}
        try:
            answer = self._http.send("POST", f"{self._url}/orders", limit=limit, headers=headers, content=content)
        except NothingSent as error:
            return Outcome(kind="unreachable", message=f"nothing was sent: {error}")
        except Unknown as error:
            return Outcome(
                kind="unknown", message=f"no answer came: {error}; look in SortedPRO whether the order exists"
            )
        return read_answer(answer, self._clock())

    def list_locations(self, *, limit: timedelta) -> tuple[Location, ...]:
        """Read the account's shipping locations: a harmless call that shows whether address and key are right.

        Raises ConfigurationError where they are not, CallFailed where SortedPRO does not answer as it should.
        """
        answer = self._http.send("GET", f"{self._url}/shippinglocations", limit=limit, headers=self._headers)
        body = answer.json()
        if answer.status == HTTPStatus.NOT_FOUND and _is_error_body(body):  # SDK v1 takes it for "none"
            return ()
        _refuse_misconfigured(answer, body)
        if answer.status != HTTPStatus.OK or not isinstance(body, list):
            raise CallFailed(f"SortedPRO answered {answer.status} instead of its shipping locations; try again later")
        return tuple(_locations(body))

    def get_order(self, reference: str, *, limit: timedelta) -> Mapping[str, Any] | None:
        """Read an order as SortedPRO has it, as JSON with Decimal numbers; None where it has none of this reference.

        Raises as `list_locations`. https://docs.sorted.com/pro/api/help/managing_existing_orders.html
        """
        answer = self._http.send("GET", f"{self._url}/orders/{quote(reference)}", limit=limit, headers=self._headers)
        body = answer.json()
        if answer.status == HTTPStatus.NOT_FOUND and _is_error_body(body):
            return None
        _refuse_misconfigured(answer, body)
        if answer.status != HTTPStatus.OK or not isinstance(body, Mapping):
            raise CallFailed(f"SortedPRO answered {answer.status} instead of the order; try again later")
        return body

    def find_consignments(self, customer_reference: str, *, limit: timedelta) -> tuple[str, ...]:
        """The references (EC-...) of consignments with exactly this reference of ours, sorted. Raises as `get_order`.

        They are the parcels of a packed order, whose own reference they do not name; one that is not packed has none.
        Of the two searches there are, the answer of this one shows that it minded what it was asked for.
        """
        url = f"{self._url}/consignments/{_MOST_CONSIGNMENTS}/0"
        wanted = {"referenceProvidedByCustomer": customer_reference}
        answer = self._http.send("GET", url, limit=limit, headers=self._headers, params=wanted)
        body = answer.json()
        if answer.status == HTTPStatus.NOT_FOUND and _is_error_body(body):
            return ()
        _refuse_misconfigured(answer, body)
        found = body.get("ConsignmentSummaries") if isinstance(body, Mapping) else body
        if answer.status != HTTPStatus.OK or not isinstance(found, list):
            raise CallFailed(f"SortedPRO answered {answer.status} instead of consignments; try again later")
        return tuple(sorted(set(_consignments(found, customer_reference))))


def _refuse_misconfigured(answer: Answer, body: object) -> None:
    """Raise ConfigurationError where an answer says that address or key are wrong."""
    kind, why = _judge(answer, body)
    if kind == "misconfigured":
        source = "destination.api_key" if answer.status in _BAD_KEY else "destination.url"
        raise ConfigurationError([Problem(message=why, source=source, found=_words(body))])


def read_answer(answer: Answer, now: datetime) -> Outcome:
    """Say what an answer to Create Order means; nothing in it is trusted to be there."""
    body = answer.json()
    kind, why = _judge(answer, body)
    references = _references(answer, body) if answer.status // 100 == _SUCCESS else []
    if len(references) == 1:
        kind, why = "created", f"answer {answer.status}: created as {references[0]}"
    elif references:
        why = (
            f"answer {answer.status} has several references ({', '.join(references)}); look in SortedPRO which is right"
        )
    return Outcome(
        kind=kind,
        message=why,
        reference=references[0] if kind == "created" else None,
        details=() if kind == "created" else _details(body),
        status=answer.status,
        retry_after=_wait(answer, body, now) if kind == "busy" else None,
        answer=answer.content[:KEPT_ANSWER],
    )


def _judge(answer: Answer, body: object) -> tuple[Kind, str]:
    """The outcome that a status stands for while no reference is found, and the words for it."""
    kind: Kind
    match answer.status // 100, answer.status:
        case _, 401 | 403:
            kind, words = "misconfigured", "the API key is wrong or may not do this; set another"
        case (3, _) | (_, 405):
            kind, words = "misconfigured", "the address is wrong; check the destination's url"
        case _, 404 if not _is_error_body(body):
            kind, words = "misconfigured", "nothing is at this address; check the destination's url"
        case _, 429:
            kind, words = "busy", "too many requests; it is tried again later"
        case _, 503 if _is_throttled(answer, body):
            kind, words = "busy", "too busy for the request; it is tried again later"
        case 4, status if status != HTTPStatus.REQUEST_TIMEOUT:
            kind, words = "refused", "the order is not taken; mend what is named, then replay"
        case 2, _:
            kind, words = "unknown", "it has no reference; look in SortedPRO whether the order exists"
        case _:
            kind, words = "unknown", "look in SortedPRO whether the order exists"
    return kind, f"answer {answer.status}{_named(body)}: {words}"


def _is_error_body(body: object) -> bool:
    """Whether a body is SortedPRO's {Code, Message, CorrelationId, Details}, and not a gateway's or a web server's."""
    if not isinstance(body, Mapping) or not isinstance(body.get("Message"), str):
        return False
    return isinstance(body.get("Code"), str) or isinstance(body.get("CorrelationId"), str)


def _is_throttled(answer: Answer, body: object) -> bool:
    """Whether a 503 says that the request was turned away: only then is it certain that no order was made."""
    if "retry-after" in answer.headers:
        return True
    if not isinstance(body, Mapping) or "statusCode" not in body:
        return False
    return body["statusCode"] == HTTPStatus.TOO_MANY_REQUESTS or bool(_THROTTLED.search(_words(body)))


def _wait(answer: Answer, body: object, now: datetime) -> timedelta | None:
    """How long to wait, by the header or else by the gateway's words."""
    asked = answer.retry_after(now)
    if asked is not None:
        return asked
    found = _TRY_AGAIN.search(_words(body))
    return timedelta(seconds=int(found[1])) if found else None


def _references(answer: Answer, body: object) -> list[str]:
    """The different references in an answer: of JSON only those in a Href, of anything else (XML) those in the text."""
    texts = _hrefs(body) if body is not None else iter([answer.content.decode(errors="replace")])
    return sorted({reference for text in texts for reference in _REFERENCE.findall(text)})


def _hrefs(body: object) -> Iterator[str]:
    """Every text under a key "Href", however deep; the address itself is never followed (its host is not reliable)."""
    left: list[Any] = [body]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left.extend(value)
        elif isinstance(value, Mapping):
            left.extend(value.values())
            yield from (text for key, text in value.items() if key.lower() == "href" and isinstance(text, str))


def _details(body: object) -> tuple[Problem, ...]:
    """What an error body says, field by field; its own message where it names no fields."""
    if not isinstance(body, Mapping):
        return ()
    details = body.get("Details")
    entries = [entry for entry in details if isinstance(entry, Mapping)] if isinstance(details, list) else []
    problems = [problem for entry in entries if (problem := _problem(entry)).found or problem.target]
    return tuple(problems) or ((_problem(body),) if _words(body) else ())


def _problem(entry: Mapping[str, Any]) -> Problem:
    target = entry.get("Target")
    return Problem(
        message=f"SortedPRO does not take this{_named(entry)}; mend the mapping or the shop order, then replay",
        target=_shorten(target) if isinstance(target, str) else "",
        found=_words(entry),
        code=_code(entry),
    )


def _words(body: object) -> str:
    """SortedPRO's or the gateway's message, shortened."""
    if not isinstance(body, Mapping):
        return ""
    words = body.get("Message", body.get("message"))
    return _shorten(words) if isinstance(words, str) else ""


def _named(body: object) -> str:
    """The error's code and id for a support case, in brackets; neither says anything of the order."""
    if not isinstance(body, Mapping):
        return ""
    given = body.get("CorrelationId")
    correlation = f"correlation id {given}" if isinstance(given, str) and _CODE.fullmatch(given) else ""
    named = ", ".join(part for part in (_code(body), correlation) if part)
    return f" ({named})" if named else ""


def _code(body: Mapping[str, Any]) -> str:
    code = body.get("Code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _shorten(text: str) -> str:
    """A text on one line, cut where it gets long."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_WORDS else f"{line[: _SHOWN_WORDS - 1]}…"


def _locations(body: list[Any]) -> Iterator[Location]:
    for entry in body:
        reference = entry.get("Reference") if isinstance(entry, Mapping) else None
        if isinstance(reference, str) and reference:
            name = entry.get("Name")
            yield Location(reference=reference, name=name if isinstance(name, str) else "")


def _consignments(body: list[Any], customer_reference: str) -> Iterator[str]:
    for entry in body:
        if isinstance(entry, Mapping) and entry.get("ConsignmentReferenceProvidedByCustomer") == customer_reference:
            reference = entry.get("Reference")
            if isinstance(reference, str) and _CONSIGNMENT.fullmatch(reference):
                yield reference
