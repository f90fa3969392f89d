"""Running an export from Python. Commands and programs come in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.logs import leave_logs_to_the_program
from shared.settings import load_settings
from shared.store.runs import COMPLETE, Unserved
from soulprint.run import run_into


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended: the head of report.json as values, and all of it as `content`."""

    status: str
    """`complete`; or, where the memory stays as it was before, `unserved`, or `failed`: too little could be
    read."""
    unserved: Unserved | None
    """Why it is unserved: `older`, a memory that was requested later is served; `smaller`, it would lose much
    of the one that is, and is kept beside it. Only runs on the log end as `outdone` or `shadow`."""
    error: str | None
    """Why it failed."""
    user_id: UUID
    import_id: UUID
    conversations: int
    """Conversations with something said in them, those that the model could not read included."""
    messages: int
    facts: int
    """Facts of the memory, current and superseded."""
    coverage: float | None
    """How much was read, 0 to 1: as in report.json."""
    breaks: int
    """Places where the export breaks: what comes after is missing, `coverage` is of what could be read."""
    cost: float | None
    """Dollars that the model took; None if its price is not known."""
    seconds: float
    folder: Path
    """Where the files are."""
    content: Mapping[str, Any]
    """report.json."""

    @property
    def complete(self) -> bool:
        """True if what the run read is the memory now."""
        return self.status == COMPLETE


async def run_export(
    export: str | Path | Sequence[str | Path],
    *,
    user: str | UUID = "me",
    out: str | Path = "soulprint-out",
    max_cost: float | None = None,
    replace: bool = False,
    lineage: str | None = None,
    force: bool = False,
    **settings: object,
) -> Report:
    """Read an export into the memory of `user`, and write MEMORY.md, sections, facts and report to `out`.

    `export` is a .zip, .json, .json.gz, .jsonl or a folder; several are read as one person's. `max_cost` is
    in dollars: the run stops before a call that could pass it. `replace`: the memory is served even if it
    loses much of the one that is. `lineage` names which account of the person the export is of, where that
    shall not be told by the export: a later import of the same name takes the place of this one. `force` lets
    it replace files in `out` that SoulPrint did not write, or that were changed since. `settings` go over
    those of the environment. If it is stopped, the same call goes on where it stopped. Raises SoulprintError:
    UsageError and UnreadableExportError before anything is stored, BusyError while another run of the user is
    under way; ModelUnavailableError and CostLimitError, after which what was read is kept.
    """
    leave_logs_to_the_program()
    content = await run_into(
        Path(out),
        _paths(export),
        str(user),
        load_settings(**settings),
        max_cost=max_cost,
        replace=replace,
        lineage=lineage,
        force=force,
    )
    return _report_of(content, Path(out))


def _paths(export: str | Path | Sequence[str | Path]) -> list[Path]:
    return [Path(each) for each in ([export] if isinstance(export, (str, Path)) else export)]


def _report_of(content: Mapping[str, Any], folder: Path) -> Report:
    error = content["error"]
    return Report(
        status=content["status"],
        error=error and error["message"],
        unserved=content["unserved"],
        user_id=UUID(content["user_id"]),
        import_id=UUID(content["import_id"]),
        conversations=content["conversations"]["kept"],
        messages=content["messages"],
        facts=content["facts"].get("kept", 0),
        coverage=content["coverage"],
        breaks=len(content["breaks"]),
        cost=content["cost"],
        seconds=content["seconds"]["total"],
        folder=folder,
        content=content,
    )
