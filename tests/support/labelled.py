"""The labelled set (tests/data/labelled_sentences.jsonl) and how the rules score on it.

Each line of the set is one message of a person: `text`; `expected`, the facts a careful reader would take
from it, as category and words that the statement or its quote must hold; `also`, facts that may be taken;
`split`, dev (the gate learned from it) or held-out; `kind`, what sort of text it is. A candidate
that answers no expected fact counts against precision, an expected fact without a candidate against recall.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from shared.english.plain import fold
from shared.english.sentences import split_sentences
from shared.models.rules.reading import read_messages
from shared.models.rules.said import Found, Said

DATA = Path(__file__).parents[1] / "data"
LABELLED = DATA / "labelled_sentences.jsonl"
LANGUAGES = DATA / "languages.jsonl"
SENTENCES = DATA / "sentences.jsonl"
SAID_ON = date(2024, 6, 1)


@dataclass(slots=True)
class Score:
    """Counts of right, wrong and missed facts by category, and the lines that went wrong."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    def precision(self, category: str | None = None) -> float:
        """Share of the candidates that are right, of one category or of all; 1 without candidates."""
        return _share(self.right, self.wrong, category)

    def recall(self, category: str | None = None) -> float:
        """Share of the expected facts that were found, of one category or of all."""
        return _share(self.right, self.missed, category)


def _share(right: Counter[str], against: Counter[str], category: str | None) -> float:
    good = right[category] if category else right.total()
    bad = against[category] if category else against.total()
    return good / (good + bad) if good + bad else 1.0


def labelled(split: str | None = None) -> list[dict[str, Any]]:
    """The labelled messages, of one split or all."""
    return _rows(LABELLED, split)


def languages(split: str | None = None) -> list[dict[str, str]]:
    """Lines of people as `text` with their `language`, "en" for English that is short or odd."""
    return _rows(LANGUAGES, split)


def sentences(split: str | None = None) -> list[list[str]]:
    """Messages that are hard to cut, each as its sentences; joined by blanks they are the message."""
    return [row["sentences"] for row in _rows(SENTENCES, split)]


def cut(text: str) -> list[str]:
    """The sentences of a message as the rules see them, without the marks at their ends."""
    found = [text[each.start : each.end] for each in split_sentences(text, fold(text))]
    return [kept for each in found if (kept := bare(each))]


def bare(sentence: str) -> str:
    """A sentence without the marks at its end, by which alone a wrong cut does not show."""
    return sentence.strip().rstrip('.!?…)"”')


def _rows(file: Path, split: str | None) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row for row in rows if split in (None, row["split"])]


def score(rows: Iterable[dict[str, Any]]) -> Score:
    """Reads every row as a conversation of its own and compares."""
    result = Score()
    for row in rows:
        said = Said("m1", "c1", row["text"], SAID_ON.toordinal(), bool(row.get("custom")))
        found, _ = read_messages([said])
        _compare(row, found, result)
    return result


def _compare(row: dict[str, Any], found: list[Found], result: Score) -> None:
    open_facts = list(row["expected"])
    allowed = list(row.get("also", ()))
    for fact in found:
        answered = next((e for e in open_facts if _answers(fact, e)), None)
        if answered is not None:
            open_facts.remove(answered)
            result.right[answered["category"]] += 1
        elif not any(_answers(fact, e) for e in allowed):
            result.wrong[fact.category] += 1
            result.misses.append(
                f"wrong  [{row['kind']}] {fact.category}: {fact.statement!r} <- {row['text']!r}"
            )
    for expected in open_facts:
        result.missed[expected["category"]] += 1
        result.misses.append(
            f"missed [{row['kind']}] {expected['category']} {expected['words']} <- {row['text']!r}"
        )


def _answers(fact: Found, expected: dict[str, Any]) -> bool:
    """Of what category it was taken to be is another question: `make train` tells how often that is right."""
    said = f"{fact.statement} {fact.quote}".lower()
    return all(word in said for word in expected["words"])
