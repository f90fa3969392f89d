"""Multi-Session Chat: two crowd workers play a persona each over several sessions, and of each turn an
annotator wrote down what it tells of its speaker, if anything.

The folder is that of ParlAI's archive: `msc_personasummary/session_N/test.txt`, a JSON object a line, with
`dialog`, the turns in order, and `initial_data_id`, the same for all sessions of a pair. Turns have `text`
and mostly `id`, the speaker; those that tell something have `persona_text`, in sentences of the first person.
`msc_dialogue`, beside it, has turns without labels, and is not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.talk.person import Extractor, Person, Spoken, persons_of

FOLDER = "msc"
FOUND = 0.6
"""A labelled sentence counts as found if one fact of its turn has so much of its content words."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_SAYS_NOTHING = (
    "i i'm im i've ive i'd i'll me my mine myself we we're we've we'd we'll our ours us you your he him"
    " his she her it it's its they them their a an the this that these those and or but so if as than"
    " then to of in on at by for from with about into over am is are was were be been being do does did"
    " have has had will would can could should not no don't doesn't didn't isn't there here very really"
    " just also too"
)
_EMPTY = frozenset(_SAYS_NOTHING.split())


@dataclass(frozen=True, slots=True)
class Pair:
    """Two persons, all their sessions, and what their turns tell."""

    persons: tuple[Person, ...]
    labels: Mapping[str, tuple[str, ...]]
    """The sentences of each turn that tells something, by its id."""


@dataclass(slots=True)
class Score:
    """Turns from which a fact was taken, turns that are labelled, and sentences of labels."""

    taken: int = 0
    labelled: int = 0
    both: int = 0
    sentences: int = 0
    found: int = 0

    @property
    def precision(self) -> float:
        """Of the turns from which a fact was taken, the share that is labelled."""
        return self.both / self.taken if self.taken else 0.0

    @property
    def recall(self) -> float:
        """Of the labelled turns, the share from which a fact was taken."""
        return self.both / self.labelled if self.labelled else 0.0

    @property
    def share_found(self) -> float:
        """Of the labelled sentences, the share that a fact tells."""
        return self.found / self.sentences if self.sentences else 0.0


def pairs(folder: Path) -> list[Pair]:
    """All pairs of the test part, wherever below `folder` the archive was unpacked. Raises ValueError where a
    line is no such session."""
    sessions: dict[str, list[tuple[str, list[Spoken]]]] = {}
    labels: dict[str, dict[str, tuple[str, ...]]] = {}
    for path in sorted(folder.rglob("msc_personasummary/session_*/test.txt")):
        for number, raw in enumerate(_lines(path), 1):
            key = str(raw.get("initial_data_id") or f"{path.parent.name}:{number}")
            session = f"{path.parent.name}:{number}"
            turns = raw["dialog"]
            spoken = _spoken(session, turns)
            sessions.setdefault(key, []).append((session, spoken))
            told = labels.setdefault(key, {})
            for each, turn in zip(spoken, turns, strict=True):
                if text := str(turn.get("persona_text") or "").strip():
                    told[each.id] = tuple(filter(None, map(str.strip, _SENTENCE.split(text))))
    return [Pair(tuple(persons_of(key, each)), labels[key]) for key, each in sessions.items()]


def score(found: list[Pair], extract: Extractor) -> Score:
    """What `extract` takes from all turns, against their labels."""
    result = Score()
    for pair in found:
        told: dict[str, list[frozenset[str]]] = {}
        for person in pair.persons:
            for fact in person.facts(extract):
                for key in fact.message_ids:
                    told.setdefault(key, []).append(content(f"{fact.statement} {fact.quote}"))
        result.taken += len(told)
        result.labelled += len(pair.labels)
        result.both += len(told.keys() & pair.labels.keys())
        for key, sentences in pair.labels.items():
            result.sentences += len(sentences)
            result.found += sum(_is_told(sentence, told.get(key, [])) for sentence in sentences)
    return result


def _spoken(session: str, turns: list[dict[str, Any]]) -> list[Spoken]:
    """Who begins is the same in all sessions of a pair, though the first calls them by other ids."""
    names: dict[str, str] = {}
    found = []
    for number, turn in enumerate(turns):
        who = names.setdefault(str(turn.get("id") or number % 2), f"Speaker {len(names) + 1}")
        found.append(Spoken(f"{session}:{number}", who, str(turn.get("text") or "")))
    return found


def content(text: str) -> frozenset[str]:
    """The words of a text that say something."""
    return frozenset(_WORD.findall(text.lower().replace("’", "'"))) - _EMPTY


def _is_told(sentence: str, facts: list[frozenset[str]]) -> bool:
    wanted = content(sentence)
    return any(len(wanted & fact) >= FOUND * len(wanted) for fact in facts)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            raw = json.loads(line)
            if not isinstance(raw, dict) or not isinstance(raw.get("dialog"), list):
                raise ValueError(f"{path.parent.name}/{path.name}, line {number}: it has no `dialog`")
            yield raw
