"""Whether a scene came out as the story says. Pure: what was found goes in, what is wrong with it comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.trial.scene import Scene


@dataclass(frozen=True, kw_only=True)
class Made:
    """An order in SortedPRO."""

    reference: str
    request: str  # what it was made of, as JSON


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a scene's order stands in the end: in the ledger, in SortedPRO and in the shop."""

    scene: Scene
    state: str  # "" where the bridge has no such order
    reference: str | None
    reason: str  # "" where a reference says all
    history: Sequence[str] = ()
    made: Sequence[Made] = ()  # of this shop order; more than one is a double
    written: str | None = None  # the reference that stands on the shop order


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The whole story, judged."""

    outcomes: Sequence[Outcome]
    strays: Sequence[str]  # references in SortedPRO that belong to no scene

    @property
    def mismatches(self) -> list[str]:
        """What came out otherwise than the story says, each with what was expected; none where all is well."""
        found = [
            f"{outcome.scene.shop} {outcome.scene.name} ({outcome.scene.shows}): {wrong}"
            for outcome in self.outcomes
            for wrong in judge(outcome)
        ]
        return [*found, *(f"SortedPRO has {reference}, which no scene expects" for reference in self.strays)]

    @property
    def in_sortedpro(self) -> int:
        """How many orders SortedPRO has."""
        return sum(len(outcome.made) for outcome in self.outcomes) + len(self.strays)

    @property
    def written_back(self) -> int:
        """How many shop orders carry the reference that the ledger has."""
        return sum(1 for outcome in self.outcomes if outcome.reference and outcome.written == outcome.reference)

    @property
    def doubles(self) -> int:
        """How many SortedPRO orders are one too many."""
        return sum(max(0, len(outcome.made) - 1) for outcome in self.outcomes)


def judge(outcome: Outcome) -> list[str]:
    """What is wrong with an outcome, each as "expected ..., came ..."."""
    return [*_wrong_in_ledger(outcome), *_wrong_in_sortedpro(outcome), *_wrong_in_shop(outcome)]


def _wrong_in_ledger(outcome: Outcome) -> list[str]:
    scene, wrong = outcome.scene, []
    if outcome.state != scene.state:
        came = f"{outcome.state or 'no order'} ({outcome.reason or outcome.reference or 'no reason'})"
        wrong.append(f"expected {scene.state or 'no order'}, came {came}")
    elif scene.reason not in outcome.reason or (outcome.reason and not scene.reason):
        wrong.append(f"expected {_quoted(scene.reason, 'no reason')}, came {_quoted(outcome.reason, 'none')}")
    if scene.history and not any(scene.history in words for words in outcome.history):
        wrong.append(f'expected "{scene.history}" in its story, came {"; ".join(outcome.history) or "none"}')
    return wrong


def _wrong_in_sortedpro(outcome: Outcome) -> list[str]:
    scene, references = outcome.scene, [made.reference for made in outcome.made]
    if len(references) != int(scene.sent):
        expected = "exactly one order" if scene.sent else "no order"
        return [f"expected {expected} in SortedPRO, came {', '.join(references) or 'none'}"]
    wrong = [
        f"expected {scene.carries} in the request of {made.reference}, came {made.request}"
        for made in outcome.made
        if scene.carries not in made.request
    ]
    if outcome.reference and outcome.reference not in references:
        wrong.append(f"expected the reference {', '.join(references) or 'none'}, came {outcome.reference}")
    return wrong


def _wrong_in_shop(outcome: Outcome) -> list[str]:
    if outcome.written == outcome.reference:
        return []
    return [f"expected {outcome.reference or 'no reference'} on the shop order, came {outcome.written or 'none'}"]


def _quoted(text: str, otherwise: str) -> str:
    return f'the reason "{text}"' if text else otherwise
