"""report.json: what a run read, found and left, in numbers and ids."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from prometheus_client import CollectorRegistry

from shared.domain.events import Usage
from shared.domain.runs import RunKey
from shared.domain.sample import SampleConversation
from shared.english.foreign import foreign_languages
from shared.store.chunks import DeadChunk
from shared.store.runs import RunReport
from shared.store.usage import UserUsage


def build_report(
    run: RunReport,
    seconds: dict[str, float],
    peak_rss_bytes: int,
    dead: Sequence[DeadChunk] = (),
    fallbacks: Sequence[str] = (),
    of_user: UserUsage | None = None,
    served_before: RunKey | None = None,
    sample: Sequence[SampleConversation] = (),
    refused: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The content of report.json; `fallbacks` are the parts that the model failed to write, and why;
    `of_user` is what all runs of the user cost, this one included; `served_before` is whose memory was served
    when the run began; `sample` tells the languages that were not read; `refused` are lines of MEMORY and the
    sections that said more than what they name, by reason."""
    usage = run.committed_usage or run.extraction_usage
    return {
        "status": run.state,
        "error": run.error,
        "unserved": run.unserved,
        "served": _named(run.served),
        "served_before": _named(served_before),
        "user_id": str(run.user_id),
        "import_id": str(run.import_id),
        "run": run.run,
        "lineages": [each.model_dump(mode="json") for each in run.accounts if each.lineage],
        "joined": [each.model_dump(mode="json") for each in run.joined],
        **run.counts,
        "breaks": run.breaks,
        "unread_conversations": run.unread_conversations,
        "unread": {
            "conversations": run.unread_conversations,
            "languages": foreign_languages(sample),
            "languages_of": len(sample),
        },
        "chunks": {
            "total": run.chunks_total,
            "ok": run.chunks_ok,
            "dead": run.chunks_dead,
            "cached": run.chunks_cached,
            "not_read": [asdict(chunk) for chunk in dead],
        },
        "facts": {**run.fact_counts, "dropped_by_reason": run.refused},
        "sentences": dict(zip(("about_oneself", "with_fact"), run.understood, strict=True)),
        "coverage": _coverage(run),
        "coverage_of": "what could be read" if run.breaks else "the export",
        "usage": _tokens(usage),
        "cost": usage.cost,
        "user_usage": None if of_user is None else of_user.model_dump(mode="json", exclude={"user_id"}),
        "fallbacks": list(fallbacks),
        "lines_refused": dict(refused or {}),
        "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
        "peak_rss_bytes": peak_rss_bytes,
    }


def _tokens(usage: Usage) -> dict[str, int | None]:
    """Calls and tokens; these are null where a server does not say what calls took: no prompt takes none."""
    told: dict[str, int | None] = usage.model_dump(mode="json", exclude={"cost"})
    if usage.calls and not (usage.input_tokens or usage.cache_read_tokens or usage.cache_write_tokens):
        told |= {name: None for name in told if name.endswith("_tokens")}
    return told


def _named(run: RunKey | None) -> dict[str, Any] | None:
    return run and {"import_id": str(run.import_id), "run": run.run}


def _coverage(run: RunReport) -> float | None:
    """The share of the chunks that was answered for, less the conversations of which nothing was read."""
    conversations = run.counts.get("conversations")
    kept = conversations.get("kept", 0) if isinstance(conversations, dict) else 0
    if run.coverage is None or not run.unread_conversations or not kept:
        return run.coverage
    return round(run.coverage * max(0.0, 1 - run.unread_conversations / kept), 4)


def stage_seconds(registry: CollectorRegistry) -> dict[str, float]:
    """Seconds that each stage was at work, as its metric counts them. Stages overlap, and one that works on
    several events at a time counts each, so their sum may exceed the wall time."""
    seconds: dict[str, float] = {}
    for metric in registry.collect():
        if metric.name == "soulprint_stage_seconds":
            for sample in metric.samples:
                if sample.name.endswith("_sum"):
                    stage = sample.labels["stage"]
                    seconds[stage] = seconds.get(stage, 0.0) + sample.value
    return seconds


def peak_rss() -> int:
    """The most memory this process and its Python children have held, summed, in bytes."""
    own = psutil.Process()
    children = [child for child in own.children(recursive=True) if _is_python(child)]
    return sum(_peak(process) for process in (own, *children))


def _is_python(process: psutil.Process) -> bool:
    try:
        return str(process.name()).startswith("python")
    except psutil.Error:
        return False


def _peak(process: psutil.Process) -> int:
    if sys.platform == "linux":
        status = Path(f"/proc/{process.pid}/status")
        with suppress(OSError):
            for line in status.read_text(encoding="ascii", errors="replace").splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0
