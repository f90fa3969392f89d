"""The files a run leaves: written whole or not at all, and never over what somebody else wrote."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from shared.domain.errors import DiskFullError, SoulprintError, UsageError, is_disk_full, system_reason
from shared.domain.plurals import counted, plural
from shared.exports.containers.members import named
from shared.store.facts import StoredFact
from shared.store.profiles import Profile
from soulprint.facts import as_json
from soulprint.manifest import foreign, replace_all, told

REASONS = 3
"""Most reasons for dead chunks that a summary tells."""
SECTION_FILES: Mapping[str, str] = {
    "soul": "SOUL.md",
    "identity": "IDENTITY.md",
    "user": "USER.md",
    "agents": "AGENTS.md",
    "tools": "TOOLS.md",
}
MEMORY_FILE = "MEMORY.md"
FACTS_FILE = "facts.jsonl"
REPORT_FILE = "report.json"
FILES = (MEMORY_FILE, *SECTION_FILES.values(), FACTS_FILE, REPORT_FILE)
NOTHING = "(Nothing in this export supports this section.)"


def prepare(folder: Path, *, force: bool = False) -> None:
    """Make sure that `folder` can be written, and that nothing of somebody else's would be replaced unless
    by `force`, before any work is done. Raises UsageError."""
    if not force and (names := foreign(folder, FILES)):
        raise UsageError(f"nothing was begun: {told(folder, names)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        kind = DiskFullError if is_disk_full(error) else UsageError
        raise kind(
            f"cannot write to the output folder {folder}: {system_reason(error)}. Choose another with --out."
        ) from None


@contextmanager
def staged(folder: Path, user_id: UUID, *, force: bool = False) -> Iterator[Path]:
    """A scratch folder whose files all move to `folder` when the block ends well, and vanish otherwise.

    One a user, whose lock the caller holds: what a killed run left there is swept away. Raises SoulprintError
    where they cannot be written, or would replace somebody else's.
    """
    scratch = folder / f".soulprint-{user_id}"
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        yield scratch
        names = sorted(file.name for file in scratch.iterdir())
        if not force and (theirs := foreign(folder, names)):
            raise SoulprintError(
                f"the memory is safe in the database, but not written: {told(folder, theirs)}"
            )
        replace_all(scratch, folder)
    except OSError as error:
        raise _unwritten(folder, error) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_documents(folder: Path, profile: Profile) -> None:
    """MEMORY.md and the five section files."""
    (folder / MEMORY_FILE).write_text(profile.memory_md or "", encoding="utf-8")
    for name, file in SECTION_FILES.items():
        text = getattr(profile, f"{name}_md")
        (folder / file).write_text(text or f"# {name.upper()}\n\n{NOTHING}\n", encoding="utf-8")


async def write_facts(folder: Path, lines: AsyncIterator[bytes]) -> None:
    """facts.jsonl, one fact a line, streamed."""
    with (folder / FACTS_FILE).open("wb") as file:
        async for line in lines:
            file.write(line)


def fact_line(fact: StoredFact) -> bytes:
    """One line of facts.jsonl."""
    return orjson.dumps(
        as_json(fact),
        option=orjson.OPT_APPEND_NEWLINE,
    )


def write_report(folder: Path, report: Mapping[str, Any]) -> None:
    """report.json."""
    (folder / REPORT_FILE).write_bytes(
        orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )


def summary(report: Mapping[str, Any], folder: Path) -> str:
    """What a person wants to know of a run, in a few lines."""
    conversations, chunks, facts = report["conversations"], report["chunks"], report["facts"]
    lines = [
        f"{report['status']}: {counted(conversations['kept'], 'conversation')}, "
        f"{counted(report['messages'], 'message')}, {counted(facts.get('kept', 0), 'fact')} "
        f"({facts.get('superseded', 0):,} of them history) in {report['seconds']['total']:.1f} s"
    ]
    if report["error"]:
        lines.append(f"step {report['error']['step']}: {report['error']['message']}")
    if chunks["dead"]:
        lines.append(
            f"{chunks['dead']:,} of {counted(chunks['total'], 'chunk')} could not be read; "
            f"report.json names {plural(chunks['dead'], 'it', 'them')}"
        )
        commonest = Counter(chunk["reason"] for chunk in chunks["not_read"]).most_common(REASONS)
        lines += [f"  {counted(count, 'time')}: {reason}" for reason, count in commonest]
    lines += [
        f"the export breaks: {each['file']} at {each['place']}: {each['reason']}" for each in report["breaks"]
    ]
    for count, one, more in (
        (
            conversations["skipped_count"],
            "could not be read; report.json names it",
            "could not be read; report.json names them",
        ),
        (
            conversations["left_out"],
            "was left out at the person's wish",
            "were left out at the person's wish",
        ),
        (
            report["unread_conversations"],
            "was not read, as this model reads English only",
            "were not read, as this model reads English only",
        ),
    ):
        if count:
            lines.append(f"{counted(count, 'conversation')} {plural(count, one, more)}")
    usage, cost = report["usage"], report["cost"]
    if usage["calls"]:
        dollars = "at a price that is not known" if cost is None else f"${cost:,.4f}"
        lines.append(
            f"{counted(usage['calls'], 'call')} of the model: {counted(usage['input_tokens'], 'token')} in, "
            f"{usage['output_tokens']:,} out, {dollars}"
        )
    if usage["unanswered"]:
        lines.append(unanswered(usage["unanswered"]))
    lines.append(f"written to {named(folder)}")
    return "\n".join(lines)


def _unwritten(folder: Path, error: OSError) -> SoulprintError:
    return SoulprintError(
        f"cannot write the result to {folder}: {system_reason(error)}. No file there was left half-written, "
        "and the memory is safe in the database: "
        "make room or choose another folder with --out, then run again."
    )


def unanswered(calls: int) -> str:
    """What is said of calls whose reply never came."""
    cost = plural(calls, "it costs", "they cost")
    return f"{counted(calls, 'call')} got no reply: what {cost} is not known, and not counted"
