"""Our own labels (data/labels) and how facts score on them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.talk.person import Extractor, Person
from shared.domain.facts import Candidate
from shared.exports.conversation import Conversation, Turn

LABELS = Path(__file__).parents[1] / "data" / "labels"
HELD_OUT = "held-out"
HARD = "hard"
"""The file of what looks like a fact and is none."""
DURABLE, EVENT = "durable", "event"
FACTS = frozenset((DURABLE, EVENT))
HALF = 0.5
"""Of the shorter of a clause and a quote: so much of it in the other makes them the same."""
BINS = 10
SAID_ON = 1_717_200_000.0
"""When all of it was said, in Unix seconds: an early summer's day."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Clause:
    """A labelled clause, where it stands in its message."""

    span: Span
    label: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """One message with its clauses. What is in none is passing."""

    id: str
    file: str
    text: str
    clauses: tuple[Clause, ...]


@dataclass(slots=True)
class Score:
    """Counts over messages: of clauses by label, how many there are and how many were found; and of facts."""

    clauses: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    facts: int = 0
    durable: int = 0
    """Facts that tell a durable clause."""
    right: int = 0
    """Facts that tell a durable clause or an event."""
    negatives: int = 0
    alarms: int = 0
    """Of the hard file: clauses that are no fact, and those that some fact tells."""
    sure: list[tuple[float, bool]] = field(default_factory=list)
    """The confidence of each fact, and whether it is one."""

    @property
    def precision(self) -> float:
        """Of the facts, the share that is durable or an event."""
        return _share(self.right, self.facts)

    @property
    def precision_durable(self) -> float:
        """The same of durable ones alone. Events are neither right nor wrong: they are facts as well."""
        return _share(self.durable, self.facts - (self.right - self.durable))

    def recall(self, *labels: str) -> float:
        """Of the clauses of these labels, the share that some fact tells."""
        return _share(sum(self.found.get(each, 0) for each in labels), self.count(*labels))

    def count(self, *labels: str) -> int:
        """How many clauses have one of these labels."""
        return sum(self.clauses.get(each, 0) for each in labels)

    @property
    def false_alarms(self) -> float:
        """Of the hard negatives, the share that some fact tells."""
        return _share(self.alarms, self.negatives)

    @property
    def calibration_error(self) -> float:
        """How far confidence is from the share of facts that are right, over ten bins, by their facts."""
        bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
        for confidence, right in self.sure:
            bins[min(int(confidence * BINS), BINS - 1)].append((confidence, right))
        off = (abs(sum(c for c, _ in each) - sum(right for _, right in each)) for each in bins)
        return _share(sum(off), len(self.sure))


def labelled(folder: Path) -> list[Labelled]:
    """All messages of a folder. Raises ValueError where a clause does not stand in its message."""
    rows = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            raw = json.loads(line)
            clauses, at = [], 0
            for clause, label, _ in raw["clauses"]:
                start = raw["text"].find(clause, at)
                if start < 0:
                    raise ValueError(
                        f"{path.name}, line {number}: a clause does not stand in the text, in order"
                    )
                at = start + len(clause)
                clauses.append(Clause((start, at), label))
            rows.append(Labelled(f"{path.stem}:{number}", path.stem, raw["text"], tuple(clauses)))
    return rows


def person_of(rows: Iterable[Labelled]) -> Person:
    """Someone who said all of it, each message in a conversation of its own."""
    conversations = (
        Conversation(row.id, "", [Turn(row.id, "user", row.text, SAID_ON)], created_at=SAID_ON)
        for row in rows
    )
    return Person("labels", tuple(conversations))


def score(rows: Sequence[Labelled], extract: Extractor) -> Score:
    """What `extract` finds in the messages, against their labels."""
    facts: dict[str, list[Candidate]] = {}
    for fact in person_of(rows).facts(extract):
        facts.setdefault(fact.message_ids[0], []).append(fact)
    result = Score()
    for row in rows:
        _count(row, facts.get(row.id, []), result)
    return result


def _count(row: Labelled, facts: Sequence[Candidate], result: Score) -> None:
    quotes = [places(fact.quote, row.text) for fact in facts]
    for clause in row.clauses:
        found = any(is_same(clause.span, span) for spans in quotes for span in spans)
        result.clauses[clause.label] = result.clauses.get(clause.label, 0) + 1
        result.found[clause.label] = result.found.get(clause.label, 0) + found
        if row.file == HARD and clause.label not in FACTS:
            result.negatives += 1
            result.alarms += found
    for fact, spans in zip(facts, quotes, strict=True):
        told = {each.label for each in row.clauses for span in spans if is_same(each.span, span)}
        result.facts += 1
        result.durable += DURABLE in told
        result.right += bool(told & FACTS)
        result.sure.append((fact.confidence, bool(told & FACTS)))


def places(quote: str, text: str) -> list[Span]:
    """Where a quote stands in a message, whatever is between its words. Of one that stands there more than
    once, each place."""
    words = re.findall(r"\w+", quote)
    shape = r"(?<!\w)" + r"\W+".join(map(re.escape, words)) + r"(?!\w)"
    return [found.span() for found in re.finditer(shape, text, re.IGNORECASE)] if words else []


def is_same(one: Span, other: Span) -> bool:
    """Whether two stretches share half of the shorter."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared >= HALF * min(one[1] - one[0], other[1] - other[0])


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
