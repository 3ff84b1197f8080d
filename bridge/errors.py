"""The error tree: every exception the bridge raises on purpose.

BridgeError
├── ConfigurationError      settings or mapping files are wrong: the start stops, all problems at once
├── WebhookRefused          the sender gets a status and no detail; nothing is stored
│   ├── BadSignature        401
│   └── UnknownShop         404
├── NoValue                 an expression has no value for this order (bridge.mapping.language)
├── NotRead                 a template asked for what is not read from the shop yet: `decide` turns it into `Needs`
├── CallFailed              an outbound call brought no answer
│   ├── NothingSent         the other side cannot have seen the request
│   └── Unknown             it may have acted on it
├── ShopTrouble             the shop cannot be read or written now: the order keeps its state and waits
├── WriteBackRefused        the shop refused the reference, in words that a person must read
│   └── WriteBackConflict   another reference or record stands there
├── ClaimLost               this worker's claim on an order has passed to another
├── StoreAway               the database cannot be reached
├── ReferenceTaken          another order has the reference that we would give this one
└── ActionRefused           what a person asked for cannot be done to this order now
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong, told to the person who can mend it."""

    message: str  # what is wrong and the way out; carries no value of an order
    target: str = ""  # where in the Create Order request: "Packages[0].Items[1].Sku"
    source: str = ""  # where it came from: a template, an expression, a setting's name, an order's field
    file: str = ""  # the mapping file, where one is at fault
    line: int = 0  # its line, from 1; 0 where there is none
    found: str = ""  # the offending value, shortened; may be personal data, so never logged
    code: str = ""  # a slug for counting and for holds: "missing_value", "observe"

    def __str__(self) -> str:
        """The problem as one line: file, line, target, message, what was found."""
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file
        head = ": ".join(part for part in (place, self.target or self.source) if part)
        tail = f" (found: {self.found})" if self.found else ""
        return f"{head}: {self.message}{tail}" if head else f"{self.message}{tail}"


class BridgeError(Exception):
    """The bridge cannot go on with what it was doing."""


class ConfigurationError(BridgeError):
    """Settings or mapping files are wrong; `problems` has all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class WebhookRefused(BridgeError):
    """An inbound request that is not stored; `status` is the HTTP status to answer."""

    status = 400


class BadSignature(WebhookRefused):
    """The signature is missing, malformed or does not match any secret of the shop."""

    status = 401


class UnknownShop(WebhookRefused):
    """No mapping file names this shop."""

    status = 404


class NotRead(BridgeError):
    """Something of the shop is needed that has not been read; `keys` as in `decide.Needs`."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = frozenset(keys)
        super().__init__(", ".join(sorted(self.keys)))


class CallFailed(BridgeError):
    """An outbound call ended without an answer; the message says how, without any secret."""


class NothingSent(CallFailed):
    """The request never left: refused or unreachable address, TLS, DNS, no connection from the pool."""


class Unknown(CallFailed):
    """The connection broke or timed out after the request had begun to leave."""


class ShopTrouble(BridgeError):
    """A shop does not answer as it should; try the order again later.

    `retry_after` is what the shop asked for, or None. `pauses` is true where every order of the shop would meet the
    same trouble until a person mends it (wrong credentials, a missing scope).
    """

    def __init__(self, message: str, *, code: str, retry_after: timedelta | None = None, pauses: bool = False) -> None:
        self.code = code
        self.retry_after = retry_after
        self.pauses = pauses
        super().__init__(message)


class WriteBackRefused(BridgeError):
    """The shop answered, and refused the reference; a person must look. `code` is a slug."""

    def __init__(self, message: str, *, code: str = "write_back_refused") -> None:
        self.code = code
        super().__init__(message)


class WriteBackConflict(WriteBackRefused):
    """The shop order carries another reference, which is not overwritten."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="write_back_conflict")


class ClaimLost(BridgeError):
    """Another worker has the order, or a newer body came; leave it alone."""


class StoreAway(BridgeError):
    """The database refused, timed out or vanished; nothing was stored for certain.

    `dropped` is true where an open connection was found to be dead, so that a new one may well work.
    """

    def __init__(self, message: str, *, dropped: bool = False) -> None:
        self.dropped = dropped
        super().__init__(message)


class ReferenceTaken(BridgeError):
    """The customer's reference is that of another order of the same destination, which the message names."""


class ActionRefused(BridgeError):
    """The order is not in a state in which this can be done; the message says which it is in."""
