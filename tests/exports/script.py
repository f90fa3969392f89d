"""What is said in one generated conversation, and what is planted in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tests.exports import plants
from tests.exports.plants import Planter
from tests.exports.truth import GhostKind
from tests.exports.words import explanation, questions

IN_PERSONS_WORDS = {
    GhostKind.THIRD_PARTY: plants.THIRD_PARTY,
    GhostKind.QUESTION: plants.QUESTION,
    GhostKind.HYPOTHETICAL: plants.HYPOTHETICAL,
}
"""Ghosts that stand in a visible message of the person, where they are no fact about the person."""
IN_THE_TREE = (
    GhostKind.EDITED_PROMPT,
    GhostKind.REGENERATED_ANSWER,
    GhostKind.HIDDEN,
    GhostKind.TOOL,
    GhostKind.REASONING,
    GhostKind.BIO,
)
"""Ghosts in nodes of their own, off the visible path or not shown on it."""
GHOST_KINDS = (*IN_PERSONS_WORDS, *IN_THE_TREE, GhostKind.ASSISTANT_CLAIM)
UNANSWERED_SHARE = 0.5
"""Of lean conversations: a prompt whose answer never came."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which conversation to build. Equal plans give equal bytes."""

    seed: str
    """Seeds everything said in it, its ids and its odds."""
    number: int
    """Its place among all conversations; sets its markers apart."""
    created_at: float
    turns: float
    """Mean of the person's messages."""
    characters: float
    """Mean text of a turn: the person's words and the answer."""
    person_share: float
    facts: float
    """Mean of planted facts."""
    ghosts: float
    """Mean of planted ghosts."""
    lean: bool = False
    """As small as a conversation can be: one turn, and no field that may be left out."""
    long_person: int = 0
    """Characters of one more message of the person, with a fact at its end; 0: none."""
    long_answer: int = 0
    """Characters of the last answer; 0: as the others."""
    instructions: tuple[str, str] | None = None
    """Custom instructions (profile, wishes), repeated by some conversations."""
    older: bool = False
    """An older version of the same conversation, with a last turn that the newer one no longer has."""


@dataclass(slots=True)
class Turn:
    """One exchange before it becomes nodes."""

    sentences: list[str]
    answer: str
    """Empty if the answer never came."""
    facts: list[tuple[str, str]] = field(default_factory=list)
    """Marker and sentence of what is planted in the person's words."""
    beside: list[tuple[GhostKind, str]] = field(default_factory=list)
    """Ghost sentences that go into nodes of their own."""
    ghostly: bool = False
    """True if the person's words hold a ghost; no fact is planted beside it."""

    @property
    def said(self) -> str:
        """The person's message."""
        return " ".join(self.sentences).replace(" \n\n", "\n\n")

    def ghosts_beside(self, kind: GhostKind) -> list[str]:
        """Ghost sentences of one kind that go into nodes of their own."""
        return [sentence for other, sentence in self.beside if other is kind]


def draw_turns(plan: Plan, rng: Random, planter: Planter, ghosts: list[tuple[str, GhostKind]]) -> list[Turn]:
    """The turns of `plan`, at least one; the markers of what must not be recalled are added to `ghosts`."""
    turns = _fill(plan, rng)
    ghosts.extend(_haunt(turns, rng, planter) for _ in range(_count(rng, plan.ghosts)))
    for _ in range(_count(rng, plan.facts)):
        _plant(turns, rng, planter)
    if plan.long_person:
        turns.append(_long_turn(plan.long_person, rng, planter))
    return turns


def _fill(plan: Plan, rng: Random) -> list[Turn]:
    count = 1 if plan.lean else max(1, round(plan.turns * rng.lognormvariate(-0.18, 0.6)))
    size = plan.characters * rng.lognormvariate(-0.125, 0.5)
    turns = []
    for _ in range(count):
        here = size * rng.lognormvariate(-0.18, 0.6)
        said = questions(rng, here * plan.person_share)
        turns.append(Turn(said, explanation(rng, here * (1 - plan.person_share))))
    if plan.lean and rng.random() < UNANSWERED_SHARE:
        turns[-1].answer = ""
    if plan.long_answer:
        turns[-1].answer = explanation(rng, plan.long_answer)
    return turns


def _haunt(turns: list[Turn], rng: Random, planter: Planter) -> tuple[str, GhostKind]:
    """Plant one ghost, of a kind drawn at random, in a turn drawn at random."""
    turn = rng.choice(turns)
    kind = rng.choice(GHOST_KINDS)
    if kind in IN_PERSONS_WORDS:
        marker, sentence = planter.plant(IN_PERSONS_WORDS[kind])
        turn.sentences.insert(rng.randint(0, len(turn.sentences)), sentence)
        turn.ghostly = True
    elif kind is GhostKind.ASSISTANT_CLAIM:
        marker, sentence = planter.plant(plants.CLAIM)
        turn.answer = f"{sentence} {turn.answer}" if rng.random() < 0.5 else f"{turn.answer}\n\n{sentence}"
    else:
        marker, sentence = planter.plant(plants.FACTS)
        turn.beside.append((kind, sentence))
    return marker, kind


def _plant(turns: list[Turn], rng: Random, planter: Planter) -> None:
    """Plant one fact at the start, in the middle or at the end of a message without ghosts."""
    free = [turn for turn in turns if not turn.ghostly]
    if not free:
        return
    turn = rng.choice(free)
    marker, sentence = planter.plant(plants.FACTS)
    at = rng.choice((0, (len(turn.sentences) + 1) // 2, len(turn.sentences)))
    turn.sentences.insert(at, sentence)
    turn.facts.append((marker, sentence))


def _long_turn(characters: int, rng: Random, planter: Planter) -> Turn:
    said = questions(rng, characters)
    for place in range(8, len(said), 9):
        said[place] = f"\n\n{said[place]}"
    marker, sentence = planter.plant(plants.FAR_ON)
    return Turn([*said, f"\n\n{sentence}"], explanation(rng, 400), [(marker, sentence)])


def _count(rng: Random, mean: float) -> int:
    """A whole number with this mean, drawn evenly from 0 to twice the mean."""
    most = int(2 * mean)
    return int(rng.random() * (most + 1)) + (rng.random() < mean - most / 2)
