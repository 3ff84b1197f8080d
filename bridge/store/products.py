"""Products as they were read from a shop, kept for a while, and the texts of mapping versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from bridge.store.sealed import seal_json, unseal_json
from bridge.store.tables import mappings, products


def cached(
    connection: Connection, shop: str, keys: Iterable[str], newer_than: datetime
) -> dict[str, tuple[Any, datetime]]:
    """What is known under `keys` and was read after `newer_than`, and when it was read."""
    query = select(products.c.key, products.c.data, products.c.read_at).where(
        products.c.shop == shop, products.c.key.in_(list(keys)), products.c.read_at > newer_than
    )
    return {row.key: (unseal_json(row.data), row.read_at) for row in connection.execute(query)}


def keep(connection: Connection, shop: str, data: Mapping[str, Any], now: datetime) -> None:
    """Remember what was read; of two readers the later one stands."""
    for key in sorted(data):  # in one order, so that two writers cannot lock each other out
        values = {"data": seal_json(data[key]), "read_at": now}
        statement = insert(products).values(shop=shop, key=key, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["shop", "key"], set_=values))


def forget(connection: Connection, older_than: datetime) -> int:
    """Drop what nobody will take any more; returns how many."""
    return connection.execute(delete(products).where(products.c.read_at < older_than)).rowcount


def keep_mapping(connection: Connection, version: str, text: str, now: datetime) -> None:
    """Store the text of a mapping version at its first use."""
    connection.execute(insert(mappings).values(version=version, text=text, first_used_at=now).on_conflict_do_nothing())


def mapping_text(connection: Connection, version: str) -> str | None:
    """The text of a mapping version that was used once."""
    return connection.execute(select(mappings.c.text).where(mappings.c.version == version)).scalar_one_or_none()
