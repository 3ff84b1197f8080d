"""A bench for tests of cases: a folder with a mapping, a complete order body, and tests files made of text."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

import pytest

from bridge.cases import suite
from bridge.cases.judging import Verdict, judge
from bridge.cases.updating import updated
from bridge.errors import ConfigurationError, Problem
from tests.workbench import mapping, write

PAID = Path(__file__).parents[1] / "payloads" / "shopify" / "orders.create__two_lines_paid.json"
RULES = """\
skip: { test order: order.test, risky: fetched.risk.recommendation == 'CANCEL' }
wait:
  not paid: order.financial_status != 'paid'
  too early: order.created_at | plus(hours=48) | until
"""
# The order was made on 2026-11-02 at 09:30 UTC: a month later no rule holds.
HEAD = """\
now: 2026-12-01T10:00:00Z
variables: { SHOP_DOMAIN: larkspur.myshopify.com }
orders:
  paid: { file: paid.json }
cases:
"""


@dataclass(frozen=True)
class Bench:
    """Everything a test of cases needs."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "acme.tests.yaml"

    def write(self, cases: str, head: str = HEAD) -> Path:
        """A tests file with these cases; `head` is what stands above them."""
        self.path.write_text(head + indent(dedent(cases), "  "))
        return self.path

    def judged(self, cases: str, head: str = HEAD) -> list[Verdict]:
        return judge(suite.load(self.write(cases, head)))

    def differences(self, cases: str, head: str = HEAD) -> dict[str, tuple[Sequence[str], Sequence[str]]]:
        """What the only case has against what was found, by place."""
        (verdict,) = self.judged(cases, head)
        return {one.where: (one.expected, one.found) for one in verdict.differences}

    def problems(self, cases: str, head: str = HEAD) -> list[Problem]:
        """What keeps the file from being tried."""
        with pytest.raises(ConfigurationError) as caught:
            self.judged(cases, head)
        return list(caught.value.problems)

    def accepted(self, cases: str, head: str = HEAD) -> str:
        """The cases after their findings were accepted, and as they stood in the file."""
        read = suite.load(self.write(cases, head))
        after = updated(read, judge(read))
        self.path.write_bytes(after.text.encode())
        assert after.text.startswith(head)
        return dedent(after.text.removeprefix(head))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    write(tmp_path, mapping(rules=RULES))
    shutil.copy(PAID, tmp_path / "paid.json")
    return Bench(tmp_path)
