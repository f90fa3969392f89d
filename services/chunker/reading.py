"""An export read and cut beside this process: whatever it holds, it stops its own reading at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from services.chunker.chunking import ChunkingJob, ChunkSink, Handing
from services.chunker.cutting import Cut
from services.chunker.passages import Passage
from services.chunker.report import ChunkingReport, ChunkPolicy
from shared.domain.discreet import adapter_of
from shared.exports.conversation import ReadLimits
from shared.exports.readers import Readers

TASK = "services.chunker.reading_task"
_REPORT = adapter_of(ChunkingReport)
_OF_A_CUT = len(Cut._fields)


async def chunk_paths(
    readers: Readers,
    paths: Sequence[Path],
    limits: ReadLimits,
    job: ChunkingJob,
    policy: ChunkPolicy,
    sink: ChunkSink,
    report: ChunkingReport,
) -> None:
    """As chunking.chunk_export, of the files at `paths`. Raises what Readers.reading raises."""

    def progress(far: Sequence[int]) -> None:
        report.bytes_read, report.bytes_total, report.seen, report.chunks = far

    handing = Handing(job, policy, sink)
    async with readers.reading(paths, limits, {"policy": asdict(policy)}, progress) as reading:
        async for *pieces, far in reading.values():
            progress(far)
            for fields in pieces:
                if len(fields) == _OF_A_CUT:
                    await handing.cut(Cut._make(fields))
                else:
                    await handing.passage(Passage._make(fields))
        report.become(_REPORT.validate_python(reading.answer))
    await handing.end(report.chunks)
