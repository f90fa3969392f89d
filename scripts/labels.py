"""Checks the labels: `python -m scripts.labels [FOLDER]` names what is wrong; exit 1 where something
is.

A line has the form of data/labels/README.md; no scenario and no clause of some length is in both parts; the
same words are not labelled in two ways in one part; no class is nearly empty, or nearly all.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LABELS = Path(__file__).parents[1] / "data" / "labels"
CLASSES = ("durable", "event", "passing", "dangling", "not_own")
FACTS = ("durable", "event")
KINDS = (
    "about", "home", "work", "projects", "health", "tastes", "tools", "plans", "beliefs", "decisions",
    "answers",
)  # fmt: skip
TELLING = 5
"""Words of a clause that are no chance: fewer may be said twice, and differently."""
SHARES = (0.02, 0.6)
"""Of a class in a part, at least and at most."""


@dataclass(slots=True)
class Part:
    """What stands in one part."""

    counts: Counter[str] = field(default_factory=Counter)
    scenarios: set[str] = field(default_factory=set)
    clauses: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The classes under which telling words stand."""


def wrong_in(row: dict[str, Any]) -> str:
    """What is wrong with one line; empty if nothing is."""
    if set(row) != {"scenario", "text", "clauses"}:
        return f"has the keys {', '.join(sorted(row))}"
    at = 0
    for clause, label, kind in row["clauses"]:
        found = row["text"].find(clause, at)
        if not clause or found < 0:
            return f"clause {clause[:60]!r} does not stand in the text, in order"
        at = found + len(clause)
        if label not in CLASSES:
            return f"{label!r} is no class"
        if (label in FACTS) != (kind in KINDS) or (label not in FACTS and kind != ""):
            return f"{kind!r} is no kind of a clause that is {label}"
    return ""


def rows(folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(where it stands, its part, the line) for all lines below `folder`. Raises ValueError for one that
    is no JSON."""
    for path in sorted(folder.rglob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            yield f"{path}:{number}", path.parent.name, json.loads(line)


def wrong(folder: Path) -> Iterator[str]:
    """All that is wrong below `folder`, in words."""
    parts: dict[str, Part] = defaultdict(Part)
    for place, name, row in rows(folder):
        if why := wrong_in(row):
            yield f"{place}: {why}"
            continue
        part = parts[name]
        part.scenarios.add(row["scenario"])
        for clause, label, _ in row["clauses"]:
            part.counts[label] += 1
            words = clause.casefold().split()
            if len(words) >= TELLING:
                part.clauses[" ".join(words)].add(label)
    for name, part in parts.items():
        for words, labels in part.clauses.items():
            if len(labels) > 1:
                yield f"{name}: {words[:60]!r} is {' and '.join(sorted(labels))}"
        for label in CLASSES:
            share = part.counts[label] / part.counts.total()
            if not SHARES[0] <= share <= SHARES[1]:
                yield f"{name}: {share:.1%} of the clauses are {label}"
    if len(parts) > 1:
        one, other = parts["train"], parts["held-out"]
        for scenario in sorted(one.scenarios & other.scenarios):
            yield f"scenario {scenario!r} is in both parts"
        for words in sorted(one.clauses.keys() & other.clauses.keys()):
            yield f"clause {words[:60]!r} is in both parts"


def main(folder: Path) -> int:
    """Print what is wrong, then how much there is."""
    found = list(wrong(folder))
    for line in found:
        print(line)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for _, name, row in rows(folder):
        counts[name].update(label for _, label, _ in row["clauses"])
    for name, labels in counts.items():
        told = ", ".join(f"{labels[each]} {each}" for each in CLASSES)
        print(f"{name}: {labels.total()} clauses, {told}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else LABELS))
