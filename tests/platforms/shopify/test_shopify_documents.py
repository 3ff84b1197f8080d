"""The GraphQL documents: what they cost, and that the sandbox's schema takes them."""

from __future__ import annotations

from importlib.resources import files

import pytest
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    parse,
    validate,
)
from graphql.language import DocumentNode, FragmentDefinitionNode, InlineFragmentNode

from bridge.platforms.shopify.documents import DOCUMENTS

MOST_POINTS = 1000  # https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    sdl = (files("bridge") / "sandbox" / "admin.graphql").read_text(encoding="utf-8")
    return build_schema(sdl, assume_valid=True)


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_document_is_valid(schema: GraphQLSchema, name: str) -> None:
    assert validate(schema, parse(DOCUMENTS[name])) == []


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_document_costs_less_than_a_query_may(name: str) -> None:
    document = parse(DOCUMENTS[name])
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    assert _cost(operation.selection_set, document) < MOST_POINTS


def _cost(selections: SelectionSetNode | None, document: DocumentNode) -> int:
    """An upper bound: each object 1 point, a list as many times as its `first` says, a mutation 10."""
    total = 0
    for node in selections.selections if selections else ():
        if isinstance(node, FragmentSpreadNode):
            fragment = next(
                found
                for found in document.definitions
                if isinstance(found, FragmentDefinitionNode) and found.name.value == node.name.value
            )
            total += _cost(fragment.selection_set, document)
        elif isinstance(node, FieldNode) and node.selection_set:
            total += 1 + _first(node) * _cost(node.selection_set, document)
        assert not isinstance(node, InlineFragmentNode)
    return total


def _first(node: FieldNode) -> int:
    """How many entries a field asks for."""
    for argument in node.arguments or ():
        if argument.name.value == "first" and isinstance(argument.value, IntValueNode):
            return int(argument.value.value)
    return 1
