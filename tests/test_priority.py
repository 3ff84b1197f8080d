"""What an order goes before: its rank by the rules of `priority`, which see its body alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge import shops
from bridge.errors import ConfigurationError
from bridge.platforms.base import OrderBody
from bridge.ranking import rank, ranked
from bridge.shops import Shop
from tests.workbench import mapping, write

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
RULES = """\
priority:
  urgent: "'urgent' in (order.tags | tag_list)"
  before noon: now < limit
  dear: order.total_price | decimal > 100
"""
LET = "let:\n  ship_to: order.shipping_address\n  lines: order | to_ship\n  limit: \"'2026-11-02T12:00:00Z' | date\"\n"


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Ranks order bodies by one mapping."""

    folder: Path

    def shop(self, rules: str = RULES) -> Shop:
        return shops.load_offline(write(self.folder, mapping(rules=rules, let=LET)), {})

    def __call__(self, order: dict[str, object], *, rules: str = RULES, now: datetime = NOW) -> int:
        return rank(self.shop(rules), body(order), now)


def body(order: dict[str, object]) -> OrderBody:
    return OrderBody(order=order, order_id="1", order_key="", name="#1001", created_at=NOW, modified_at=NOW)


@pytest.fixture
def ranking(tmp_path: Path) -> Ranking:
    return Ranking(folder=tmp_path)


@pytest.mark.parametrize(
    ("order", "place"),
    [
        ({"tags": "gift, urgent", "total_price": "150.00"}, 3),
        ({"tags": "", "total_price": "150.00"}, 1),
        ({"tags": "", "total_price": "99.00"}, 0),
        ({"total_price": "100.01"}, 1),  # what the body lacks reads as missing
        ({}, 0),
    ],
)
def test_the_first_of_three_rules_that_holds_gives_3_the_last_1_and_none_0(
    ranking: Ranking, order: dict[str, object], place: int
) -> None:
    assert ranking(order) == place


def test_a_rule_may_go_by_the_time(ranking: Ranking) -> None:
    assert ranking({}, now=datetime(2026, 11, 2, 11, 59, tzinfo=UTC)) == 2


def test_without_rules_every_order_has_rank_0(ranking: Ranking) -> None:
    assert ranking({"tags": "urgent", "total_price": "150.00"}, rules="") == 0


def test_a_rule_that_fails_gives_no_rank_and_the_next_is_asked(ranking: Ranking) -> None:
    found = ranked(
        ranking.shop("priority: { broken: order.id > 'a', next: order.test }\n"), body({"id": 1, "test": 1}), NOW
    )
    assert (found.rank, found.rule) == (1, "next")
    assert found.notes == [
        "it gives no priority: rule `broken`: `>` cannot compare a number with a text: use `| decimal` or `| date`"
    ]


@pytest.mark.parametrize("name", ["origin", "service", "pickup_point", "part"])
def test_a_rule_by_what_ships_from_where_stops_the_start(ranking: Ranking, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"`{name}` may depend on what is read from the shop"):
        ranking.shop(f"priority: {{ x: {name} }}\n")


def test_the_order_of_the_rules_is_part_of_the_mappings_version(ranking: Ranking) -> None:
    one, other = "a: order.test", "b: order.confirmed"
    versions = {
        ranking.shop(rules).mapping.version
        for rules in ("", f"priority: {{ {one}, {other} }}\n", f"priority: {{ {other}, {one} }}\n")
    }
    assert len(versions) == 3


def test_a_mapping_that_extends_another_adds_its_rules_behind_and_takes_away_by_null(tmp_path: Path) -> None:
    write(tmp_path, mapping(rules="priority: { a: order.test, b: order.confirmed }\n"), "_base.yaml")
    text = "version: 1\nextends: _base.yaml\npriority: { c: order.tags, a: null }\n"
    shop = shops.load_offline(write(tmp_path, text, "child.yaml"), {})
    assert [rule.name for rule in shop.mapping.priority] == ["b", "c"]


def test_a_stored_version_ranks_as_the_file_did(ranking: Ranking) -> None:
    shop = ranking.shop()
    stored = shops.with_mapping(shop, shop.mapping.version, shop.mapping.text)
    assert rank(stored, body({"tags": "urgent"}), NOW) == 3
