"""The files a run leaves: written whole or not at all, and never over what somebody else wrote."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.domain.documents import heading as section_heading
from shared.domain.documents import section_text
from shared.domain.errors import DiskFullError, SoulprintError, UsageError, is_disk_full, system_reason
from shared.domain.plurals import counted, listed, plural
from shared.domain.runs import RunKey
from shared.exports.containers.names import named
from shared.private import check_writable, held_folder, make_folder, new_file, sweep
from shared.store.facts import StoredFact
from shared.store.profiles import Documents
from shared.store.runs import COMPLETE
from soulprint.ending import broken, heading, why_unserved
from soulprint.facts import json_line
from soulprint.manifest import foreign, replace_all, told
from soulprint.terminal import json_text

REASONS = 3
"""Most reasons for dead chunks that a summary tells."""
BREAKS = 20
"""Most places where an export breaks that a summary tells."""
LANGUAGES = 5
"""Most languages that a summary names."""
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
_SCRATCH = ".soulprint-"
"""What the name of a folder begins with in which files are made ready: for files of the same disk."""
NOTHING = "(Nothing in this export supports this section.)"


def prepare(folder: Path, *, force: bool = False) -> None:
    """Make sure that `folder` can be written, and that nothing of somebody else's would be replaced unless
    by `force`, before any work is done. Raises UsageError."""
    if not force and (names := foreign(folder, FILES)):
        raise UsageError(f"nothing was begun: {told(folder, names)}")
    try:
        make_folder(folder)
        sweep(_SCRATCH, folder)
        check_writable(folder)
    except OSError as error:
        kind = DiskFullError if is_disk_full(error) else UsageError
        raise kind(
            f"cannot write to the output folder {folder}: {system_reason(error)}. Choose another with --out."
        ) from None


@contextmanager
def staged(folder: Path, *, force: bool = False) -> Iterator[Path]:
    """A scratch folder whose files all move to `folder` when the block ends well, and vanish otherwise; so do
    those that a killed run of anybody left there. Raises SoulprintError where they cannot be written, or
    would replace somebody else's."""
    try:
        sweep(_SCRATCH, folder)
        with held_folder(_SCRATCH, folder) as scratch:
            yield scratch
            names = sorted(file.name for file in scratch.iterdir())
            if not force and (theirs := foreign(folder, names)):
                raise SoulprintError(
                    f"the memory is safe in the database, but not written: {told(folder, theirs)}"
                )
            replace_all(scratch, folder)
    except OSError as error:
        raise _unwritten(folder, error) from None


def write_documents(folder: Path, documents: Documents) -> None:
    """MEMORY.md and the five section files: Markdown, whatever the format of the profile."""
    _write(folder / MEMORY_FILE, documents.memory_md or "")
    for name, file in SECTION_FILES.items():
        text = section_text(name, getattr(documents, f"{name}_md"))
        _write(folder / file, text or f"{section_heading(name)}\n\n{NOTHING}\n")


async def write_facts(folder: Path, lines: AsyncIterator[bytes]) -> None:
    """facts.jsonl, one fact a line, streamed."""
    with new_file(folder / FACTS_FILE) as file:
        async for line in lines:
            file.write(line)


def fact_line(fact: StoredFact) -> bytes:
    """One line of facts.jsonl."""
    return json_line(fact) + b"\n"


def write_report(folder: Path, report: Mapping[str, Any]) -> None:
    """report.json."""
    _write(folder / REPORT_FILE, f"{json_text(report, indent=True)}\n")


def _write(path: Path, text: str) -> None:
    with new_file(path) as file:
        file.write(text.encode())


def summary(report: Mapping[str, Any], folder: Path) -> list[str]:
    """What a person wants to know of a run, in a few lines."""
    conversations, chunks, facts = report["conversations"], report["chunks"], report["facts"]
    lines = [
        f"{heading(report['status'], len(report['breaks']))}: "
        f"{counted(conversations['kept'], 'conversation')}, {counted(report['messages'], 'message')}, "
        f"{counted(facts.get('kept', 0), 'fact')} ({facts.get('superseded', 0):,} of them history) "
        f"in {report['seconds']['total']:.1f} s"
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
    breaks = report["breaks"]
    lines += [
        f"the export breaks: {each['file']} at {each['place']}: {each['reason']}" for each in breaks[:BREAKS]
    ]
    if len(breaks) > BREAKS:
        lines.append(f"and in {counted(len(breaks) - BREAKS, 'more place')}: report.json names each")
    for count, noun, one, more in (
        (
            conversations["skipped_count"],
            "conversation",
            "could not be read; report.json names it",
            "could not be read; report.json names them",
        ),
        (
            sum(report.get("lost_messages", {}).values()),
            "message",
            "could not be read; report.json says why",
            "could not be read; report.json says why",
        ),
        (
            sum(conversations.get("passed_over", {}).values()),
            "record",
            "is no conversation; report.json says what it is",
            "are no conversations; report.json says what they are",
        ),
        (
            conversations["left_out"],
            "conversation",
            "was left out at the person's wish",
            "were left out at the person's wish",
        ),
    ):
        if count:
            lines.append(f"{counted(count, noun)} {plural(count, one, more)}")
    unread = _unread(report)
    if unread and not _mostly_unread(report):
        lines.append(unread)
    sentences = report.get("sentences", {})
    about, found = sentences.get("about_oneself", 0), sentences.get("with_fact", 0)
    if about > found:
        lines.append(
            f"facts were found in {found:,} of {counted(about, 'sentence')} about yourself; "
            "`--model claude` finds more"
        )
    usage, cost = report["usage"], report["cost"]
    if usage["calls"]:
        dollars = "at a price that is not known" if cost is None else f"${cost:,.4f}"
        calls = f"{counted(usage['calls'], 'call')} of the model"
        if usage["input_tokens"] is None:
            lines.append(f"{calls}, whose server does not say what they took: tokens and cost are not known")
        else:
            read = counted(usage["input_tokens"], "token")
            lines.append(f"{calls}: {read} in, {usage['output_tokens']:,} out, {dollars}")
    if usage["unanswered"]:
        lines.append(unanswered(usage["unanswered"]))
    before = report["served_before"]
    joined = report["joined"]
    if report["status"] == COMPLETE and joined:
        lineages = sorted({each["lineage"] for each in joined})
        lines.append(
            f"facts are also of {counted(len(lineages), 'other account')} that "
            f"{plural(len(lineages), 'was', 'were')} imported: {listed(lineages)}"
        )
    others = {report["import_id"], *(each["import_id"] for each in joined)}
    if report["status"] == COMPLETE and before and before["import_id"] not in others:
        lines.append(
            f"it takes the place of the memory of import {before['import_id']}, which is kept: "
            f"`soulprint accept {before['import_id']}` serves it again"
        )
    lines.append(_last_line(report, folder))
    if _mostly_unread(report):
        lines.append(f"{unread}: this memory lacks them. `--model claude` reads every language")
    return lines


def _last_line(report: Mapping[str, Any], folder: Path) -> str:
    """Where the files are, and what they are not."""
    served = report["served"] and RunKey(**report["served"])
    unserved = why_unserved(report["unserved"], report["import_id"], served)
    written = f"written to {named(folder)}{', but not served: ' if unserved else ''}{unserved}"
    return f"{written}. {lost[0].upper()}{lost[1:]}" if (lost := broken(len(report["breaks"]))) else written


def _unread(report: Mapping[str, Any]) -> str:
    """How many conversations were not read, and in which languages they are as far as the sample tells."""
    unread, kept = report["unread"], report["conversations"]["kept"]
    if not unread["conversations"]:
        return ""
    languages = list(unread["languages"])
    shown = languages[:LANGUAGES] + ["..."] * (len(languages) > LANGUAGES)
    of_them = f" ({', '.join(shown)})" if shown else ""
    count = f"{unread['conversations']:,} of {counted(kept, 'conversation')}"
    words = plural(unread["conversations"], "was not read, as it is", "were not read, as they are")
    return f"{count} {words} not in English{of_them}"


def _mostly_unread(report: Mapping[str, Any]) -> bool:
    return bool(report["unread"]["conversations"] * 2 > report["conversations"]["kept"])


def _unwritten(folder: Path, error: OSError) -> SoulprintError:
    culprit = error.filename2 or error.filename
    where = f"{named(Path(Path(os.fsdecode(culprit)).name))}: " if isinstance(culprit, str | bytes) else ""
    todo = "make room" if is_disk_full(error) else "put right what is in the way"
    return SoulprintError(
        f"cannot write the result to {folder}: {where}{system_reason(error)}. No file there was left "
        f"half-written, and the memory is safe in the database: {todo} or choose another folder with --out, "
        "then run again."
    )


def unanswered(calls: int) -> str:
    """What is said of calls whose reply never came."""
    cost = plural(calls, "it costs", "they cost")
    return f"{counted(calls, 'call')} got no reply: what {cost} is not known, and not counted"
