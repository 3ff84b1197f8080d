"""A secret that was put into the wrong place is not shown to whoever reads the log of the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import shops
from bridge.errors import ConfigurationError

KEY = "468be7f3f809aabbccddeeff00112233"
SHIPPED = Path(__file__).parents[2] / "mappings" / "shopify.yaml"


def told(folder: Path, change: str, environ: dict[str, str]) -> str:
    """What the start says of the shipped mapping with a change."""
    (folder / "shop.yaml").write_text(f"version: 1\nextends: {SHIPPED}\n{change}\n")
    with pytest.raises(ConfigurationError) as caught:
        shops.load_offline(folder / "shop.yaml", environ)
    return str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        'order: { Direction: "${SORTED_API_KEY}" }',
        "mode: ${SORTED_API_KEY}",
        "destination: { on_unknown_outcome: '${SORTED_API_KEY}' }",
        "destination: { url: '${SORTED_API_KEY}' }",
        "let: { tax: \"'${SORTED_API_KEY}'\" }",
        "shop: { domain: '${SORTED_API_KEY}' }",
    ],
)
def test_misplaced_secret_is_told_by_its_name(tmp_path: Path, change: str) -> None:
    words = told(tmp_path, change, {"SORTED_API_KEY": KEY})
    assert KEY[:6] not in words
    assert "SORTED_API_KEY" in words


def test_variable_of_any_name_is_a_secret_where_it_is_used_as_one(tmp_path: Path) -> None:
    change = "shop: { secrets: [ '${HOOK}' ] }\nmode: ${HOOK}"
    assert "sesame-open" not in told(tmp_path, change, {"HOOK": "sesame-open-wide"})
