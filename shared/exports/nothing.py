"""Why nothing came of an export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from shared.domain.plurals import counted, plural
from shared.exports.containers.members import Break
from shared.exports.lost import summary


def why_nothing(
    seen: int, skipped: int, reasons: Iterable[str], passed_over: Counter[str], breaks: Sequence[Break]
) -> str:
    """What hindered the reading of an export of which nothing came: conversations that were refused, and why;
    files that break; records that are none. Empty if nothing did, so that the export was empty."""
    told = []
    if skipped:
        told.append(f"{skipped:,} of {counted(seen, 'conversation')} could not be read ({summary(reasons)})")
    if breaks:
        broken = f"{counted(len(breaks), 'file')} {plural(len(breaks), 'breaks', 'break')}"
        told.append(f"{broken}, the first at {breaks[0].place}: {breaks[0].reason}")
    if passed_over:
        records = passed_over.total()
        are = plural(records, "is no conversation", "are no conversations")
        told.append(f"{counted(records, 'record')} {are} ({summary(passed_over.elements())})")
    return f"nothing of the export could be read: {'; '.join(told)}" if told else ""
