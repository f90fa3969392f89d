"""How the settings tell the chunker to read and cut; what the store keeps of a reading."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import orjson

from services.chunker.report import ChunkingReport, ChunkPolicy
from shared.domain.errors import UnreadableExportError
from shared.domain.ids import lineage_id, lineage_of_history
from shared.exports.nothing import why_nothing
from shared.settings import Settings
from shared.store.chunks import Chunking, ReadAccount


def variant_of(settings: Settings) -> str:
    """What the chunks of a run depend on besides the export, as the store keeps it with the run."""
    return orjson.dumps(sizes_of(settings)).decode()


def sizes_of(settings: Settings) -> dict[str, int]:
    """What decides how chunks are cut."""
    return {"chunk_tokens": settings.chunk_tokens, "context_chars": settings.context_chars}


def policy_of(variant: str, settings: Settings) -> ChunkPolicy:
    """How to cut a run that was begun with `variant`: as it was begun, whatever the settings say now, or the
    chunks that are in would not fit those to come."""
    begun = orjson.loads(variant)
    return ChunkPolicy(
        begun["chunk_tokens"], begun["context_chars"], settings.passage_tokens, settings.sample_size
    )


def chunk_policy(settings: Settings) -> ChunkPolicy:
    """How the settings want chunks and passages cut."""
    return policy_of(variant_of(settings), settings)


def require_something_read(report: ChunkingReport) -> None:
    """Raises UnreadableExportError if nothing came of an export that was not empty, and says of what: every
    conversation was refused, its files break before the first, or what stands in them is none."""
    if report.chunks:
        return
    reasons = (each.reason for each in report.rejected)
    if why := why_nothing(report.seen, report.skipped, reasons, report.passed_over, report.breaks):
        raise UnreadableExportError(why)


def chunking_of(report: ChunkingReport, user_id: UUID) -> Chunking:
    """What the store is told once an export is read: the one place where it is put together. Of accounts it
    is told what follows from their ids, and no id."""
    return Chunking(
        total=report.chunks,
        counts=counts_of(report),
        sample=report.sample,
        superseded=report.superseded,
        accounts=_accounts(report, user_id),
        breaks=[asdict(each) for each in report.breaks],
        forgotten=sorted(report.forgotten),
    )


def _accounts(report: ChunkingReport, user_id: UUID) -> list[ReadAccount]:
    return [
        ReadAccount(
            vendor=each.account.vendor,
            account=lineage_id(user_id, each.account.vendor, each.account.id) if each.account.id else None,
            history=lineage_of_history(user_id, each.account.vendor, each.oldest),
            same_as=each.same_as,
            conversations=each.conversations,
            messages=each.messages,
            skipped=each.skipped,
            lost=each.lost,
            chunks=each.chunks,
            breaks=[asdict(one) for one in each.breaks],
        )
        for each in report.accounts
    ]


def counts_of(report: ChunkingReport) -> dict[str, Any]:
    """What the store keeps of a reading (`imports.counts`), and report.json opens with."""
    return {
        "format": ", ".join(report.formats) or None,
        "conversations": {
            "seen": report.seen,
            "kept": report.kept,
            "skipped": [{"id": each.id, "reason": each.reason} for each in report.rejected],
            "skipped_count": report.skipped,
            "empty": report.empty,
            "left_out": report.left_out,
            "duplicates": report.duplicates,
            "passed_over": dict(report.passed_over),
        },
        "lost_messages": dict(report.lost),
        "messages": report.messages,
        "person_characters": report.person_characters,
        "passages": report.passages,
    }
