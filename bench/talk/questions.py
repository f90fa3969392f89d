"""LoCoMo and REALTALK: long talks of two, and questions with the turns that answer them (their evidence).

Both lie as JSON, a talk a file or a list of talks. In LoCoMo the sessions stand under `conversation` and
their turns say `text`; in REALTALK they stand beside the questions and say `clean_text`. Each is read in
both ways.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.talk.person import Extractor, Person, Spoken, persons_of

_SESSION = re.compile(r"session_(\d+)")
_TURN = re.compile(r"D\d+:\d+")
_TIMES = ("%I:%M %p on %d %B, %Y", "%d.%m.%Y, %H:%M:%S", "%d %B, %Y")
"""How either writes the time of a session or a turn."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A set of talks, and which of its questions count."""

    name: str
    folder: str
    category: int
    """As the set numbers its kinds of question."""


LOCOMO = Asked("LoCoMo", "locomo", 4)
"""Single-hop questions: one turn answers. There are 841 of them."""
REALTALK = Asked("REALTALK", "realtalk", 1)
"""Questions for facts, not for days or guesses. Several turns may answer one. 288 of the 301 name a turn that
there is; of those that name a stretch of turns, its ends count."""


@dataclass(frozen=True, slots=True)
class Talk:
    """One talk, as each of both has it in their export."""

    persons: tuple[Person, ...]
    questions: tuple[frozenset[str], ...]
    """Of each question the turns that answer it. Those whose evidence is in no turn are left out."""


def talks(folder: Path, category: int) -> list[Talk]:
    """All talks of a folder. Raises ValueError where a file is no such talk."""
    found = []
    for path in sorted(folder.glob("*.json")):
        with path.open(encoding="utf-8") as stream:
            raw = json.load(stream)
        for number, each in enumerate(raw if isinstance(raw, list) else [raw], 1):
            if not isinstance(each, dict) or "qa" not in each:
                raise ValueError(f"{path.name}: talk {number} has no `qa`; is it a file of this data set?")
            found.append(
                _talk(f"{path.stem}-{number}" if isinstance(raw, list) else path.stem, each, category)
            )
    return found


def share_cited(found: list[Talk], extract: Extractor) -> tuple[float, int]:
    """Of all questions, the share some of whose evidence a fact rests on; and how many there are."""
    cited = asked = 0
    for talk in found:
        turns = {key for person in talk.persons for fact in person.facts(extract) for key in fact.message_ids}
        cited += sum(not turns.isdisjoint(evidence) for evidence in talk.questions)
        asked += len(talk.questions)
    return (cited / asked if asked else 0.0), asked


def _talk(name: str, raw: dict[str, Any], category: int) -> Talk:
    sessions = dict(_sessions(raw.get("conversation", raw)))
    there = {turn.id for spoken in sessions.values() for turn in spoken}
    evidence = (
        frozenset(there.intersection(_TURN.findall(" ".join(map(str, question.get("evidence") or ())))))
        for question in raw["qa"]
        if question.get("category") == category
    )
    return Talk(tuple(persons_of(name, sessions.items())), tuple(filter(None, evidence)))


def _sessions(raw: dict[str, Any]) -> Iterator[tuple[str, list[Spoken]]]:
    numbers = [int(found[1]) for key in raw if (found := _SESSION.fullmatch(key))]
    for number in sorted(numbers):
        key = f"session_{number}"
        began = _seconds(raw.get(f"{key}_date_time"))
        yield (
            key,
            [
                Spoken(
                    str(turn["dia_id"]),
                    str(turn["speaker"]),
                    str(turn.get("text") or turn.get("clean_text") or ""),
                    _seconds(turn.get("date_time")) or began,
                )
                for turn in raw[key]
            ],
        )


def _seconds(written: object) -> float | None:
    for form in _TIMES if isinstance(written, str) else ():
        try:
            return datetime.strptime(str(written).strip(), form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    return None
