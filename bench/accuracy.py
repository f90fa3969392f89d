"""Precision and recall of the offline model over the labelled set, and how well it tells English from other
languages (tests/support/labelled.py).

python -m bench.accuracy [--misses]
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from shared.english.language import ENGLISH, is_english
from tests.support.labelled import bare, cut, labelled, languages, score, sentences


class Measured(NamedTuple):
    """One figure; `bench.figures.accuracy` puts it in the table."""

    name: str
    value: float
    unit: str


def run() -> list[Measured]:
    """Precision and recall per category over the whole set, and overall for each split."""
    whole = score(labelled())
    figures = [Measured("labelled messages", len(labelled()), "messages")]
    for category in sorted({*whole.right, *whole.wrong, *whole.missed}):
        figures.append(Measured(f"precision, {category}", round(whole.precision(category), 4), ""))
        figures.append(Measured(f"recall, {category}", round(whole.recall(category), 4), ""))
    for name, split in (("dev", "dev"), ("held-out", "held-out"), ("all", None)):
        part = score(labelled(split))
        figures.append(Measured(f"precision, {name}", round(part.precision(), 4), ""))
        figures.append(Measured(f"recall, {name}", round(part.recall(), 4), ""))
    return [*figures, *_languages(), *_sentences()]


def _languages() -> list[Measured]:
    """Of the labelled lines, one a conversation, how many are told wrongly."""
    figures = []
    for split in ("dev", "held-out"):
        rows = languages(split)
        foreign = [row for row in rows if row["language"] != ENGLISH]
        english = [row for row in rows if row["language"] == ENGLISH]
        passed = sum(is_english(row["text"]) for row in foreign) / len(foreign)
        refused = sum(not is_english(row["text"]) for row in english) / len(english)
        figures.append(Measured(f"foreign lines read, {split}", round(passed, 4), ""))
        figures.append(Measured(f"English lines unread, {split}", round(refused, 4), ""))
    return figures


def _sentences() -> list[Measured]:
    """Of messages that are hard to cut into sentences, how many are cut rightly."""
    figures = []
    for split in ("dev", "held-out"):
        hard = sentences(split)
        right = sum(cut(" ".join(each)) == list(map(bare, each)) for each in hard) / len(hard)
        figures.append(Measured(f"sentences, {split}", round(right, 4), ""))
    return figures


def main() -> None:
    """Prints the figures, and with --misses the lines of the dev split that go wrong."""
    for figure in run():
        print(f"{figure.name:<28} {figure.value:>8g} {figure.unit}")
    if "--misses" in sys.argv[1:]:
        print(*score(labelled("dev")).misses, sep="\n")


if __name__ == "__main__":
    main()
