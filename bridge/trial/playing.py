"""Plays the story: begins every scene, takes its steps when the bridge is there, and says when all has come to rest."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import simplejson

from bridge.cli.showing import reason_of
from bridge.errors import ActionRefused
from bridge.sandbox.webhooks import Sender
from bridge.store import queries
from bridge.store.database import transaction
from bridge.store.ledger import Order
from bridge.trial.scene import Scene, Step
from bridge.trial.stage import Stage
from bridge.trial.verdict import Made, Outcome, Verdict

_ON_THE_WAY = frozenset({"received", "queued", "sending", "created"})
_REST = timedelta(seconds=2)  # without anything to do, after which nothing more is expected
_POLL = 0.1  # seconds
_ALL = 1000  # more than the story has
_Key = tuple[str, str]  # shop, and the shop's id of the order


class Playing:
    """The story under way on a stage."""

    def __init__(self, stage: Stage, story: Sequence[Scene], clock: Callable[[], datetime]) -> None:
        self._stage = stage
        self._clock = clock
        at = clock().replace(microsecond=0)
        self._scenes = {(scene.shop, scene.begin(stage, scene.number, at)): scene for scene in story}
        self._steps: dict[_Key, list[Step]] = {key: list(scene.steps) for key, scene in self._scenes.items()}

    def run(self, limit: timedelta) -> Iterator[Sequence[Order]]:
        """Take steps until all has come to rest or the time is over; gives the ledger's orders at each look.

        Raises BridgeError when a process has ended.
        """
        end = time.monotonic() + limit.total_seconds()
        rests_since: float | None = None
        while (now := time.monotonic()) < end:
            self._stage.check_alive()
            orders = self._orders()
            yield orders
            if self._take_steps(orders) or not self._rests(orders):
                rests_since = None
            elif rests_since is None:
                rests_since = now
            elif now - rests_since > _REST.total_seconds():
                return
            time.sleep(_POLL)

    def verdict(self) -> Verdict:
        """How everything stands now."""
        made = self._made()
        orders = {(order.shop, order.order_id): order for order in self._orders()}
        outcomes = [
            self._outcome(key, scene, orders.get(key), made.pop(key[1], [])) for key, scene in self._scenes.items()
        ]
        strays = [one.reference for left in made.values() for one in left]
        return Verdict(outcomes=outcomes, strays=strays)

    def _orders(self) -> list[Order]:
        with transaction(self._stage.engine) as connection:
            return queries.list_orders(connection, limit=_ALL)

    def _take_steps(self, orders: Sequence[Order]) -> bool:
        """Take the next step of each order that is where it begins; whether there was one."""
        taken = False
        for order in orders:
            steps = self._steps.get((order.shop, order.order_id))
            if steps and order.state == steps[0].state and not self._is_claimed(order):
                taken = True
                try:
                    steps[0].act(self._stage, order)
                except ActionRefused:
                    continue  # a worker took it at this moment: at the next look
                steps.pop(0)
        return taken

    def _rests(self, orders: Sequence[Order]) -> bool:
        now = self._clock()
        if any(order.state in _ON_THE_WAY or self._is_claimed(order) for order in orders):
            return False
        if any(order.due_at is not None and order.due_at <= now for order in orders):
            return False
        return all(_is_idle(shop.webhooks) for shop in (self._stage.trio.shopify, self._stage.trio.woocommerce))

    def _is_claimed(self, order: Order) -> bool:
        return order.claimed_until is not None and order.claimed_until > self._clock()

    def _made(self) -> dict[str, list[Made]]:
        """SortedPRO's orders by the shop's order id; those of the two shops are of different length."""
        found = defaultdict(list)
        for order in self._stage.trio.sortedpro.orders():
            request = simplejson.dumps(order.body, use_decimal=True, ensure_ascii=False)
            found[str(order.metadata["ShopOrderId"])].append(Made(reference=order.reference, request=request))
        return dict(found)

    def _outcome(self, key: _Key, scene: Scene, order: Order | None, made: Sequence[Made]) -> Outcome:
        written = self._written(*key)
        if order is None:
            return Outcome(
                scene=scene, state="", reference=None, reason=self._recorded(scene), made=made, written=written
            )
        with transaction(self._stage.engine) as connection:
            history = [event.words for event in queries.story(connection, order)]
        return Outcome(
            scene=scene,
            state=order.state,
            reference=order.reference,
            reason=reason_of(order),
            history=history,
            made=made,
            written=written,
        )

    def _written(self, shop: str, order_id: str) -> str | None:
        """The reference on the shop order."""
        trio = self._stage.trio
        found = (
            trio.shopify.reference_of(order_id) if shop == "shopify" else trio.woocommerce.reference_of(int(order_id))
        )
        return None if found is None else str(found)

    def _recorded(self, scene: Scene) -> str:
        """The outcome of a webhook that no order was made of."""
        with transaction(self._stage.engine) as connection:
            came = queries.received_without_order(connection, limit=_ALL)
        return next((words for _, shop, _, words in came if shop == scene.shop and scene.reason in words), "")


def now_utc() -> datetime:
    """The clock of a trial."""
    return datetime.now(UTC)


def _is_idle(sender: Sender) -> bool:
    try:
        sender.flush(timedelta(0))
    except TimeoutError:
        return False
    return True
