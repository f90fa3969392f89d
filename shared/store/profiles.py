"""What is served: memories on their way to a profile, and profiles. The rules are in supabase/migrations:
0007_user_profiles.sql for what a profile shows, and 0009_memory.sql for what is served and what is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict

from shared.domain.discreet import Discreet
from shared.domain.events import MemoryReady
from shared.domain.runs import ProfileFormat, RunKind
from shared.store.call import SPREAD, Calls, call


@dataclass(frozen=True, slots=True)
class Commit:
    """Answer of commit_memory. `reason` if not written: failed, older, smaller, outdone, shadow, held,
    joining, repeated, cancelled, unknown."""

    written: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Answer of accept_memory and restore_version: whose memory is served. `reason` if nothing changed:
    served, unknown, apart, shadow."""

    written: bool
    run: int | None
    reason: str | None


class Documents(Discreet):
    """MEMORY and sections as Markdown; None where nothing wrote them."""

    model_config = ConfigDict(frozen=True)

    soul_md: str | None
    identity_md: str | None
    user_md: str | None
    agents_md: str | None
    tools_md: str | None
    memory_md: str | None


class KeptVersion(Discreet):
    """A version of a profile that is kept: what was served before, or what never was."""

    model_config = ConfigDict(frozen=True)

    version: int
    import_id: UUID | None
    """With `run`: whose it is; None: it came from elsewhere."""
    run: int | None
    pipeline: str | None
    kind: RunKind
    profile_format: ProfileFormat
    written_at: datetime | None
    replaced_at: datetime | None
    """None: it was never served."""
    memory_characters: int
    sections: int
    """How many of the five it has."""


class Profile(Documents):
    """A row of user_profiles."""

    user_id: UUID
    soulprint_text: str | None
    full_pass_status: str | None
    full_pass_started_at: datetime | None
    full_pass_completed_at: datetime | None
    full_pass_error: str | None
    progress_percent: int | None
    import_stage: str | None
    import_id: UUID | None
    """With `run`: whose memory and sections are served."""
    run: int | None
    pipeline: str | None
    memory_import_id: UUID | None = None
    """With `memory_run`: whose MEMORY and facts, where that run made none."""
    memory_run: int | None = None
    lineages: tuple[str, ...] = ()
    """Whose accounts make the memory, in order."""
    documents: Mapping[str, Mapping[str, str]] = {}
    """The sections that are served as they were written, in each form: {markdown: {soul, ...}, app: ...}. The
    app may have written its own into the columns since."""
    created_at: datetime | None
    updated_at: datetime | None


class Profiles(Calls):
    """Methods of Store on memories and profiles."""

    @call
    async def keep_memory(self, import_id: UUID, run: int, memory: MemoryReady) -> bool:
        """Keep a memory until its run ends; False if the run is not in consolidation."""

    @call
    async def read_kept_memory(self, import_id: UUID, run: int) -> MemoryReady | None:
        """The memory kept for a run."""

    @call
    async def mark_published(self, import_id: UUID, run: int, edition: int | None = None) -> bool:
        """Note that the memory is on its way to the writer; False if that was noted or the run ended, or the
        memory of this edition is not wanted any more."""

    @call
    async def commit_memory(
        self,
        memory: Annotated[MemoryReady, SPREAD],
        *,
        documents: Mapping[ProfileFormat, Mapping[str, str | None]],
        profile_format: ProfileFormat = "markdown",
        status: Literal["complete", "failed"] = "complete",
        error: Mapping[str, str] | None = None,
        soulprint_text: str | None = None,
        notify: bool = False,
    ) -> Commit:
        """Commit a run's memory in one durable transaction; what it replaces goes to profile_versions.

        `documents` are the sections as written in each form (`shared.domain.documents.documents_of`); the
        profile shows those of `profile_format`.
        With status failed (the caller judges MIN_COVERAGE) the profile keeps what it serves; `error` is
        {step, message}. A run older than the one served never overwrites it, nor one that would lose much of
        it unless it was requested to (`loses_much` in the migration has the rule): such a memory is kept
        beside. Both are meant within a lineage. One that lacks what another lineage has committed since it
        was claimed is not written, but consolidated again (`joining`). What the memory does not say (None)
        stays as it is served. `soulprint_text` is by default the sections, joined. `notify`: the app is to be
        told of the import, if it is served (see Callbacks).

        Runs of v1, quick and fallback ones make no MEMORY: their sections never replace those of a run that
        made one, and those of a quick run none at all (`outdone`). What a `shadow` run made is kept, and
        nobody is told. A primary run on the log that fails gets a fallback, as in fail_run.
        """

    @call
    async def accept_memory(self, import_id: UUID) -> Accepted:
        """Serve the memory that is kept of an import: one that was kept beside, or that was replaced. What
        is served now is kept in turn. Not one that lacks what counts for other lineages now (`apart`)."""

    @call
    async def restore_version(self, user_id: UUID, version: int, *, who: str = "", why: str = "") -> Accepted:
        """Serve a version of a profile that is kept, as accept_memory does an import's. `reason` also:
        unknown (none is kept under this number), shadow (it is never served). That `who` did so, and why, is
        written down of the user (read_audit)."""

    @call
    async def list_versions(self, user_id: UUID, limit: int) -> list[KeptVersion]:
        """The versions of a profile that are kept, newest first. None of their text."""

    @call
    async def read_documents(self, import_id: UUID, run: int) -> Documents | None:
        """What a run wrote, whether it is served or kept; None if it wrote nothing."""

    @call
    async def update_user_profile(self, user_id: UUID, fields: Mapping[str, Any]) -> None:
        """Set columns of a profile, which is made if missing; None clears a text. Columns that the app may
        not set (user_id, import_id, ...) and unknown ones are refused: StoreError (SP003)."""

    @call
    async def read_profile(self, user_id: UUID) -> Profile | None:
        """A user's profile; None if there is none."""
