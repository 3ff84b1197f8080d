"""The cases beside the shipped mappings hold; `bridge mapping test` tells the differences."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from bridge.cases import judging, suite
from bridge.cases.judging import Verdict

MAPPINGS = Path(__file__).parents[2] / "mappings"
PLATFORMS = ("shopify", "woocommerce")


@cache
def verdicts(platform: str) -> dict[str, Verdict]:
    judged = judging.judge(suite.load(MAPPINGS / f"{platform}.tests.yaml"))
    return {verdict.case.name: verdict for verdict in judged}


@pytest.mark.parametrize(("platform", "name"), [(one, name) for one in PLATFORMS for name in verdicts(one)])
def test_case(platform: str, name: str) -> None:
    assert verdicts(platform)[name].differences == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_shipped_mapping_has_its_cases(platform: str) -> None:
    assert len(verdicts(platform)) >= 40
