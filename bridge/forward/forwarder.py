"""One ring answered: the next order claimed, worked on, and let go, whatever happens to it."""

from __future__ import annotations

import threading
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from bridge.backoff import next_try
from bridge.errors import BridgeError, ClaimLost, ShopTrouble, StoreAway
from bridge.forward import comparing, looking, probing, sending, writing_back
from bridge.forward.tools import Tools
from bridge.store import destinations, ledger
from bridge.store.database import transaction
from bridge.store.pacing import LONGEST_QUIET

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Forwarder:
    """Works through the ledger, one order at a time; threads share it."""

    tools: Tools
    _in_hand: Counter[str] = field(default_factory=Counter)  # orders that threads work on now, by shop
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def forward_next(self, claimed: Callable[[], None] = lambda: None) -> bool:
        """Claim the next order, call `claimed` and do what it wants; False when nothing was due.

        One bad order never stops the others: whatever it raises is written onto it and tried again later. Raises
        StoreAway, after which the claim ends by itself.
        """
        order = self.tools.claim(without=[*self._crowding(), *self._left()])
        if order is None:
            return False
        with self._lock:
            self._in_hand[order.shop] += 1
        claimed()
        self.tools.reach("claimed")
        try:
            _forward(self.tools, order)
        except ClaimLost:
            log.info("left to a newer body or another worker", shop=order.shop, order=order.label)
            with transaction(self.tools.engine) as connection:
                ledger.release(connection, order, self.tools.clock())
        finally:
            with self._lock:
                self._in_hand[order.shop] -= 1
        return True

    def _crowding(self) -> list[str]:
        """Shops that have three of four threads, so that one which hangs leaves some to the others."""
        if len(self.tools.shops) == 1:
            return []
        most = max(1, self.tools.threads * 3 // 4)
        with self._lock:
            return [shop for shop, count in self._in_hand.items() if count >= most]

    def _left(self) -> list[str]:
        """Shops whose destination is left to workers that have its key."""
        left = self.tools.left(self.tools.clock())
        return [name for name, shop in self.tools.shops.items() if shop.destination.name in left] if left else []

    def probe_destinations(self) -> None:
        """Try destinations whose breaker is open, where it is time for that."""
        probing.probe(self.tools, self.tools.clock())


def _forward(tools: Tools, order: ledger.Order) -> None:
    """Work on an order, and write onto it what stands in the way. Raises ClaimLost, StoreAway."""
    try:
        _work(tools, order)
    except ShopTrouble as trouble:
        _postpone(tools, order, trouble)
    except (ClaimLost, StoreAway):
        raise
    except Exception as error:  # noqa: BLE001 - one of the two places: around one order
        _broken(tools, order, error)


def _work(tools: Tools, order: ledger.Order) -> None:
    """What the order's state wants."""
    match order.state:
        case "sending":
            sending.expire(tools, order)
        case "created":
            writing_back.write_back(tools, _compared(tools, order))
        case "done" | "in_doubt":
            comparing.follow(tools, order)
        case _:
            looking.look(tools, order)


def _compared(tools: Tools, order: ledger.Order) -> ledger.Order:
    """A created order compared first, so that "do not ship" waits for no write-back; nor does this for that."""
    try:
        return comparing.extended(tools, comparing.compare(tools, order))
    except (ClaimLost, StoreAway):
        raise
    except BridgeError as error:
        log.warning("not compared yet", shop=order.shop, order=order.label, kind=type(error).__name__)
        return comparing.extended(tools, order)


def _postpone(tools: Tools, order: ledger.Order, trouble: ShopTrouble) -> None:
    """The shop is in the way: the order keeps its state; where it would stop every order, the shop is paused."""
    now = tools.clock()
    wait = min(trouble.retry_after, LONGEST_QUIET) if trouble.retry_after else next_try(order.tries, tools.chance)
    with transaction(tools.engine) as connection:
        if trouble.pauses and destinations.pause_shop(
            connection, order.shop, reason=str(trouble), code=trouble.code, now=now
        ):
            log.error("shop paused", shop=order.shop, reason=str(trouble))
        if order.trouble_code != trouble.code:
            ledger.remark(connection, order, str(trouble), now=now, code=trouble.code)
        ledger.postpone(connection, order, not_before=now + wait, trouble=str(trouble), code=trouble.code, now=now)
    log.warning("shop trouble", shop=order.shop, order=order.label, reason=str(trouble), next_try=str(now + wait))


def _broken(tools: Tools, order: ledger.Order, error: Exception) -> None:
    """A fault of the bridge itself, kept to this order. Messages of such errors may carry order data: not logged."""
    now = tools.clock()
    where = "".join(traceback.format_tb(error.__traceback__)[-6:])
    log.error("internal error", shop=order.shop, order=order.label, kind=type(error).__name__, where=where)
    reason = f"internal error ({type(error).__name__}): the log has its place; the order is tried again"
    with transaction(tools.engine) as connection:
        current = ledger.get(connection, order.id)
        if current.claim_id != order.claim_id or current.state == "sending":
            return  # another has it, or its deadline will tell
        if current.trouble_code != "internal_error":
            ledger.remark(connection, current, reason, now=now, code="internal_error")
        wait = next_try(current.tries, tools.chance)
        ledger.postpone(connection, current, not_before=now + wait, trouble=reason, code="internal_error", now=now)
