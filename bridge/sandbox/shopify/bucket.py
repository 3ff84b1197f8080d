"""What Shopify's Admin API charges for a query, and the leaky bucket that pays: shopify.dev/docs/api/usage/limits."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)

MOST_FOR_ONE = 1000  # points; a dearer query is refused before it runs
_MUTATION = 10


class Bucket:
    """Points that a client may spend; they come back with time. Threads share it.

    100 a second are the standard plan's, 1000 Plus's; the bucket holds twenty seconds' worth.
    """

    def __init__(self, clock: Callable[[], datetime], *, per_second: int = 100) -> None:
        self.capacity = 20 * per_second
        self.per_second = per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._level = float(self.capacity)
        self._at = clock()

    def spend(self, points: float) -> bool:
        """Take points out; False, and nothing taken, where too few are left. Negative points are given back."""
        with self._lock:
            self._refill()
            if points > self._level:
                return False
            self._level = min(float(self.capacity), self._level - points)
            return True

    def drain(self) -> None:
        """Take everything out, as a busy client of the same app would."""
        with self._lock:
            self._refill()
            self._level = 0.0

    def status(self) -> dict[str, float]:
        """The figures as `throttleStatus` shows them."""
        with self._lock:
            self._refill()
            left = math.floor(self._level)
        return {"maximumAvailable": self.capacity, "currentlyAvailable": left, "restoreRate": self.per_second}

    def _refill(self) -> None:
        now = self._clock()
        passed = max(0.0, (now - self._at).total_seconds())
        self._level = min(float(self.capacity), self._level + passed * self.per_second)
        self._at = now


def requested_cost(document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
    """What a query may cost at most: an object 1, a connection its `first` times its nodes, a mutation 10."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    count = _Count(fragments=fragments, variables=variables)
    if operation.operation is OperationType.MUTATION:
        return _MUTATION * len(operation.selection_set.selections)
    return count.of(operation.selection_set)


def actual_cost(data: Any) -> int:
    """What an answer cost: its objects."""
    if isinstance(data, dict):
        return 1 + sum(actual_cost(value) for value in data.values())
    return sum(actual_cost(value) for value in data) if isinstance(data, list) else 0


@dataclass(frozen=True, kw_only=True)
class _Count:
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]

    def of(self, selections: SelectionSetNode | None) -> int:
        if selections is None:
            return 0
        return sum(self._one(node) for node in selections.selections)

    def _one(self, node: Any) -> int:
        if isinstance(node, FragmentSpreadNode):
            return self.of(self.fragments[node.name.value].selection_set)
        if not isinstance(node, FieldNode):
            return self.of(node.selection_set)
        if node.selection_set is None or node.name.value == "pageInfo":
            return 0
        inner = self.of(node.selection_set)
        size = self._size(node)
        if size is not None:
            return size * max(1, inner)
        return inner if node.name.value == "edges" else 1 + inner

    def _size(self, node: FieldNode) -> int | None:
        for argument in node.arguments or ():
            if argument.name.value in {"first", "last"}:
                value = argument.value
                if isinstance(value, IntValueNode):
                    return int(value.value)
                given = self.variables.get(value.name.value) if isinstance(value, VariableNode) else None
                return int(given) if isinstance(given, int) else 1
        return None
