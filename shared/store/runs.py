"""The life of a run, as the store keeps it. The rules are in supabase/migrations/0002_imports.sql."""

from __future__ import annotations

from uuid import UUID

from pydantic import TypeAdapter

from shared.domain.sample import SampleConversation
from shared.store.records import NOT_READ, Chunking, ChunkingFinished, Claim, Reading, RequestedRun, RunReport
from shared.store.transport import Transport

_SAMPLE = TypeAdapter(list[SampleConversation])


class Runs:
    """Methods of Store on runs."""

    _transport: Transport

    async def request_run(
        self,
        import_id: UUID,
        user_id: UUID,
        source: str,
        pipeline: str,
        *,
        variant: str = "",
        on_log: bool = True,
    ) -> RequestedRun:
        """Go on with the import's newest run if it is unfinished, of this pipeline, driven the same way and,
        if `variant` is given, of that variant; else add the next, which waits for its event.

        `variant` names what a run depends on besides the export, as JSON: sizes, and its model where
        one process runs it from end to end, for which `on_log` is false. Raises StoreError (SP002) if the
        import is another user's.
        """
        answer = await self._transport.call(
            "request_run",
            {
                "import_id": import_id,
                "user_id": user_id,
                "source": source,
                "pipeline": pipeline,
                "variant": variant,
                "on_log": on_log,
            },
        )
        return RequestedRun.model_validate(answer)

    async def finish_chunking(self, import_id: UUID, run: int, chunking: Chunking) -> ChunkingFinished:
        """Say how many chunks the run has and what its reading found. Repeatable until the run is claimed.

        Facts of a superseded conversation from chunks before its `before_index` are deleted once all
        chunks are in; results of chunks beyond the total are deleted at once.
        """
        answer = await self._transport.call(
            "finish_chunking",
            {
                "import_id": import_id,
                "run": run,
                "total": chunking.total,
                "counts": chunking.counts,
                "sample": chunking.sample,
                "superseded": chunking.superseded,
                "breaks": chunking.breaks,
                "forgotten": chunking.forgotten,
            },
        )
        return ChunkingFinished(**answer)

    async def claim_run(self, import_id: UUID, run: int, owner: str, lease_seconds: float) -> Claim:
        """Take a complete, unpublished run for consolidation. The same owner may claim again; another must
        wait until the lease ends. What an unfinished consolidation settled is reset."""
        answer = await self._transport.call(
            "claim_run",
            {"import_id": import_id, "run": run, "owner": owner, "lease_seconds": lease_seconds},
        )
        return Claim(**answer)

    async def renew_run(self, import_id: UUID, run: int, owner: str, lease_seconds: float) -> bool:
        """Prolong the lease; False if it is no longer this owner's: stop working on the run."""
        return bool(
            await self._transport.call(
                "renew_run",
                {"import_id": import_id, "run": run, "owner": owner, "lease_seconds": lease_seconds},
            )
        )

    async def release_run(self, import_id: UUID, run: int, owner: str) -> bool:
        """Give the lease back at once; False if it was not this owner's."""
        return bool(
            await self._transport.call("release_run", {"import_id": import_id, "run": run, "owner": owner})
        )

    async def mark_published(self, import_id: UUID, run: int) -> bool:
        """Note that the memory is on its way to the writer; False if that was noted or the run ended."""
        return bool(await self._transport.call("mark_published", {"import_id": import_id, "run": run}))

    async def update_progress(
        self, import_id: UUID, run: int, percent: float, stage: str, reading: Reading = NOT_READ
    ) -> bool:
        """Show how far an unfinished run is (0 to 100), and its reading; False if it ended or is unknown."""
        return bool(
            await self._transport.call(
                "update_progress",
                {
                    "import_id": import_id,
                    "run": run,
                    "percent": percent,
                    "stage": stage,
                    "reading": reading.model_dump(),
                },
            )
        )

    async def fail_run(self, import_id: UUID, run: int, step: str, error: str) -> bool:
        """End an unfinished run as failed; what the profile serves stays. `error` holds no person's text.
        False if the run had ended before or is unknown."""
        return bool(
            await self._transport.call(
                "fail_run", {"import_id": import_id, "run": run, "step": step, "error": error}
            )
        )

    async def cancel_run(self, import_id: UUID, run: int) -> bool:
        """End an unfinished run on the person's wish; False if it had ended before or is unknown."""
        return bool(await self._transport.call("cancel_run", {"import_id": import_id, "run": run}))

    async def read_run(self, import_id: UUID, run: int) -> RunReport | None:
        """Everything a report says of a run; None if there is no such run."""
        answer = await self._transport.call("read_run", {"import_id": import_id, "run": run})
        return None if answer is None else RunReport.model_validate(answer)

    async def read_sample(self, import_id: UUID, run: int) -> list[SampleConversation]:
        """The sample as finish_chunking was given it, in its order; empty before."""
        answer = await self._transport.call("read_sample", {"import_id": import_id, "run": run})
        return _SAMPLE.validate_python(answer or [])
