"""Facts at random, to be read by a person one by one.

    python -m bench.quality --sample 120 --seed 1 [--memory 0.8] [locomo] [realtalk] [msc] [labels] [example]

Prints a table with tabs between its columns: `mark` is empty, for what the reader says. `before` is the
last sentence of the message before, by whoever said it. Of our own labels only the part that is learned
from is read: the other is not looked at. Without a source all are read that are given.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures.quality import data, labels
from bench.held_out import labelled, person_of
from bench.talk import msc
from bench.talk.extractors import offline
from bench.talk.person import Extractor, Person
from bench.talk.questions import LOCOMO, REALTALK, talks
from shared.domain.facts import Candidate
from shared.domain.printable import printable
from shared.exports.conversation import Conversation, ReadLimits
from shared.exports.export import open_export

EXAMPLE = Path(__file__).parents[1] / "examples" / "export.zip"
SOURCES = ("locomo", "realtalk", "msc", "labels", "example")
COLUMNS = ("number", "mark", "source", "confidence", "category", "statement", "quote", "before", "message")
MOST_CHARS = 1_500
"""Characters of a message that are shown."""
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Found:
    """A fact with the words around it."""

    source: str
    fact: Candidate
    message: str
    before: str


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description="Print facts at random.")
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help=f"{', '.join(SOURCES)}; all unless told")
    parser.add_argument("--sample", type=int, default=120, metavar="N", help="how many facts")
    parser.add_argument("--seed", type=int, default=1, help="equal seeds draw equally")
    parser.add_argument(
        "--memory", type=float, default=0.0, metavar="CONFIDENCE", help="only facts as sure as that"
    )
    asked = parser.parse_args(arguments)
    if unknown := set(asked.sources) - set(SOURCES):
        parser.error(f"no source is called {', '.join(sorted(unknown))}")
    found = []
    for source in asked.sources or SOURCES:
        persons = persons_in(source)
        if not persons:
            print(f"{source}: not given (QUALITY_DATA=FOLDER)", file=sys.stderr)
        found += [each for person in persons for each in found_in(person, offline)]
    drawn = draw(found, asked.sample, asked.seed, asked.memory)
    print("\t".join(COLUMNS))
    for number, each in enumerate(drawn, 1):
        print("\t".join(map(_cell, _row(number, each))))
    return 0


def persons_in(source: str) -> list[Person]:
    """Whose facts a source gives; nobody's where its data are not given."""
    given = data()
    if source == "example":
        with open_export(EXAMPLE, ReadLimits()) as opened:
            read = tuple(each for each in opened.conversations() if isinstance(each, Conversation))
        return [Person("example", read)]
    if source == "labels":
        rows = labelled(labels() / "train")
        return [person_of(rows)] if rows else []
    if given is None:
        return []
    if source == "msc":
        return [person for pair in msc.pairs(given / msc.FOLDER) for person in pair.persons]
    asked = LOCOMO if source == "locomo" else REALTALK
    return [person for talk in talks(given / asked.folder, asked.category) for person in talk.persons]


def found_in(person: Person, extract: Extractor) -> Iterator[Found]:
    """The facts of a person; of those that say the same in the same words, the first."""
    said: dict[tuple[str, str], tuple[str, str]] = {}
    for conversation in person.conversations:
        before = ""
        for turn in conversation.turns:
            said[turn.id, turn.role] = turn.text, before
            who = "me" if turn.role == "user" else "them"
            before = f"{who}: {_SENTENCE.split(turn.text.strip())[-1]}"
    seen: set[str] = set()
    for fact in person.facts(extract):
        if fact.statement.lower() in seen:
            continue
        seen.add(fact.statement.lower())
        text, before = said.get((fact.message_ids[0], "user"), ("", ""))
        yield Found(person.name, fact, text, before)


def draw(found: Sequence[Found], count: int, seed: int, least: float = 0.0) -> list[Found]:
    """So many of those that are sure enough, in the order in which they were drawn."""
    sure = [each for each in found if each.fact.confidence >= least]
    return random.Random(seed).sample(sure, min(count, len(sure)))


def _row(number: int, each: Found) -> tuple[str, ...]:
    fact = each.fact
    return (
        *(str(number), "", each.source, f"{fact.confidence:.2f}", fact.category.value),
        *(fact.statement, fact.quote, each.before, each.message),
    )


def _cell(text: str) -> str:
    """Text on one line and without tabs."""
    return printable(" ".join(text[:MOST_CHARS].split()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
