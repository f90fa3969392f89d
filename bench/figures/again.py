"""Again: the same export costs nothing a second time, and a longer one costs only what is new."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figure import Figure, at_most, exactly
from bench.findings import differing_files
from bench.readers import chunks_with
from bench.session import EXTRA, Session
from tests.exports.schedule import Where

ALLOWED = 2
"""Chunks beside those with new conversations that may be extracted anew: where old and new meet."""


def figures(session: Session) -> Iterator[Figure]:
    """The large export twice with one home, then with 50 conversations more at its start and at its end."""
    first = session.first_run(session.large)
    second = session.later_run("again", session.export(session.large), first)
    differing = differing_files(first.out, second.out)
    yield exactly("second run: extractions", second.extractions, 0)
    yield Figure("second run: time", second.measured.seconds, "s")
    yield exactly("second run: files that differ", len(differing), 0, note=", ".join(differing))
    places: tuple[Where, ...] = ("start", "end")
    for at in places:
        export = session.extended(session.large, at)
        run = session.later_run(f"extended-{at}", export, first)
        holding = chunks_with(export.path, frozenset(export.truth.new_conversation_ids))
        name = f"{EXTRA} more at the {at}: extractions"
        note = f"{holding} chunks hold the new conversations at the {at}"
        yield at_most(name, run.extractions, holding + ALLOWED, note=note)
