"""How long deciding and mapping an order takes, beside the contract's own `load` of the finished payload."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from bridge import shops
from bridge.decide import Body, Decision, Known, Needs, Send, decide
from bridge.errors import BridgeError
from bridge.http import Budget, Http
from bridge.platforms.base import Fetched, OrderBody
from bridge.sandbox.trio import Trio, open_trio
from bridge.shops import Shop
from bridge.sortedpro.contract import CreateOrderSchema, encode
from bridge.trial.bench_ground import send_from, write_mappings
from bridge.trial.bench_orders import SHOPS, put_in

_READS = 6  # Needs in a row
_SIZES = (5, 100)  # lines


@dataclass(frozen=True, kw_only=True)
class MappingFigure:
    """Medians of many runs, in milliseconds; `ratio` is of the two."""

    shop: str
    lines: int
    runs: int
    decide_ms: float
    load_ms: float
    ratio: float


def measure_mapping(folder: Path, shipped: Path, *, seconds: float) -> Iterator[MappingFigure]:
    """Measure both platforms' shipped mappings with small and large orders, `seconds` each.

    Timed are `decide()` of a parsed body with everything fetched, validation included, and in turn with it a `load` by
    a schema that was made before: making one takes longer than loading a small order with it, and would flatter us.
    """
    with open_trio() as trio:
        variables = {**trio.environment(), "SEND_FROM": send_from()}
        found = shops.load(write_mappings(folder / "mapping", shipped.resolve(), trio.shopify_url), variables)
        for name in SHOPS:
            for lines in _SIZES:
                yield _measured(trio, found.by_name[name], lines, seconds)


def _measured(trio: Trio, shop: Shop, lines: int, seconds: float) -> MappingFigure:
    now = datetime.now(UTC)
    packet = put_in(trio, shop.name, lines, lines, now)
    content = shop.platform.read(packet.body, "")
    if not isinstance(content, OrderBody):
        raise BridgeError(f"the order of the sandbox's {shop.name} is none to the bridge")
    body = Body(content=content, received_at=now)
    fetched = _fetched(shop, body, now)
    decision = decide(shop, body, fetched, Known(), now)
    if not isinstance(decision, Send):
        raise BridgeError(f"the order of the sandbox's {shop.name} would not be sent: {decision}")
    payload = json.loads(encode(decision.payload), parse_float=Decimal)
    schema = CreateOrderSchema()
    ours, floor = _alternated(
        lambda: decide(shop, body, fetched, Known(), now), lambda: schema.load(payload), seconds=seconds
    )
    decide_ms, load_ms = statistics.median(ours) * 1000, statistics.median(floor) * 1000
    return MappingFigure(
        shop=shop.name,
        lines=lines,
        runs=len(ours),
        decide_ms=round(decide_ms, 3),
        load_ms=round(load_ms, 3),
        ratio=round(decide_ms / load_ms, 2),
    )


def _fetched(shop: Shop, body: Body, now: datetime) -> Fetched:
    """Everything that the decision asks for, read from the sandbox by the platform's own client."""
    http = Http()
    client = shop.platform.client(shop.settings, http, lambda: datetime.now(UTC))
    fetched = Fetched()
    for _ in range(_READS):
        decision: Decision = decide(shop, body, fetched, Known(), now)
        if not isinstance(decision, Needs):
            break
        read = client.fetch(body.content.order_id, body.content, decision.keys, Budget(30))
        fetched = Fetched(data={**fetched.data, **read.data})
    http.close()
    return fetched


def _alternated(
    ours: Callable[[], object], floor: Callable[[], object], *, seconds: float
) -> tuple[list[float], list[float]]:
    """Seconds of each run; the two in turn, each first as often as second, so that they share the machine's moods.

    Seconds of this thread's own processor time: what else the machine does hits the longer of the two more often.
    """
    times: dict[Callable[[], object], list[float]] = {ours: [], floor: []}
    gc.collect()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for function in (ours, floor, floor, ours):
            began = time.thread_time()
            function()
            times[function].append(time.thread_time() - began)
    return times[ours], times[floor]
