"""Quality: what the offline model finds in words that people really write, beside the rules of before and
beside taking every sentence in the first person."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bench.before import RULES_OF_BEFORE
from bench.figure import Figure, at_least, at_most, not_given
from bench.held_out import DURABLE, EVENT, HELD_OUT, LABELS, labelled
from bench.held_out import score as score_labels
from bench.session import Session
from bench.talk import msc
from bench.talk.extractors import first_person, offline
from bench.talk.questions import LOCOMO, REALTALK, Asked, share_cited, talks

BEFORE, ALL = "rules of before", "every first-person sentence"


def data() -> Path | None:
    """The folder with `msc`, `locomo` and `realtalk`, if one is given."""
    given = os.environ.get("QUALITY_DATA")
    return Path(given).expanduser() if given else None


def labels() -> Path:
    """The folder of our own labels."""
    return Path(os.environ.get("QUALITY_LABELS") or LABELS)


def figures(session: Session) -> Iterator[Figure]:
    """Our own held-out labels, then the public sets, as far as they are given."""
    yield from _of_labels(labels() / HELD_OUT)
    given = data()
    yield from _of_msc(given)
    yield from _of_questions(given, LOCOMO, "LoCoMo, single-hop evidence", 0.45)
    yield from _of_questions(given, REALTALK, "REALTALK, evidence of category 1", 0.70)


def _of_labels(folder: Path) -> Iterator[Figure]:
    rows = labelled(folder)
    durable, fact, hard = "held-out, durable", "held-out, durable or event", "held-out, false alarms"
    if not rows:
        yield from map(not_given, (f"{durable}: precision", f"{fact}: precision", hard))
        return
    ours, every = score_labels(rows, offline), score_labels(rows, first_person)
    counts = f"{ours.count(DURABLE)} durable clauses and {ours.count(EVENT)} events in {len(rows)} messages"
    note = f"{counts}; facts that are events aside"
    yield from _beside(
        at_least(f"{durable}: precision", ours.precision_durable, 0.93, note=note), every.precision_durable
    )
    yield from _beside(at_least(f"{durable}: recall", ours.recall(DURABLE), 0.85), every.recall(DURABLE))
    yield from _beside(
        Figure(f"{fact}: precision", ours.precision, "", note=f"{ours.facts} facts"), every.precision
    )
    yield from _beside(
        Figure(f"{fact}: recall", ours.recall(DURABLE, EVENT), ""), every.recall(DURABLE, EVENT)
    )
    yield from _beside(at_most("held-out, calibration error", ours.calibration_error, 0.05))
    note = f"among {ours.negatives} hard negatives"
    yield from _beside(at_most(hard, ours.false_alarms, 0.03, note=note), every.false_alarms)


def _of_msc(given: Path | None) -> Iterator[Figure]:
    precision, recall, found = (
        "MSC, turns: precision",
        "MSC, turns: recall",
        "MSC, labelled sentences found",
    )
    pairs = msc.pairs(given / msc.FOLDER) if given else []
    if not pairs:
        yield from map(not_given, (precision, recall, found))
        return
    ours, every = msc.score(pairs, offline), msc.score(pairs, first_person)
    turns = sum(len(each.said()) for pair in pairs for each in pair.persons)
    note = f"{turns:,} turns, {ours.labelled:,} of them labelled"
    yield from _beside(at_least(precision, ours.precision, 0.93, note=note), every.precision)
    yield from _beside(at_least(recall, ours.recall, 0.45), every.recall)
    yield from _beside(Figure(found, ours.share_found, "", note=f"of {ours.sentences:,}"), every.share_found)


def _of_questions(given: Path | None, asked: Asked, name: str, target: float) -> Iterator[Figure]:
    found = talks(given / asked.folder, asked.category) if given else []
    if not found:
        yield not_given(name)
        return
    share, questions = share_cited(found, offline)
    note = f"of {questions:,} questions in {len(found)} talks"
    yield from _beside(at_least(name, share, target, note=note), share_cited(found, first_person)[0])


def _beside(figure: Figure, every: float | None = None) -> Iterator[Figure]:
    """A figure, then what it was and what it must beat."""
    yield figure
    yield Figure(f"  {BEFORE}", RULES_OF_BEFORE[figure.name], "")
    if every is not None:
        yield Figure(f"  {ALL}", every, "")
