"""`soulprint dead show`: one letter, without a person's words unless they are asked for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from shared.domain.errors import NotFoundError, SoulprintError
from shared.log.reading import RawRecord
from shared.settings import Settings, load_settings
from shared.store.dead_letters import AuditLine, LetterFilter, LetterRow
from shared.store.open import opened_store
from shared.store.store import Store
from soulprint.asked import name_of
from soulprint.blocks import block, fitted
from soulprint.dead.asking import letter_id
from soulprint.dead.reaching import kafka_of, records_of
from soulprint.dead.viewing import headers_without_text, key_without_text, value_without_text
from soulprint.terminal import json_text, say, say_json
from soulprint.wording import at, said

SHOW_TEXT = "dead show --text"


@dataclass(frozen=True, slots=True)
class Shown:
    """A letter, and its record where it could be had; else why not."""

    row: LetterRow
    record: RawRecord | None
    lacking: str
    audit: list[AuditLine]


def show_command(letter: str, *, by: str | None, text: bool, as_json: bool) -> None:
    """Print it. Raises NotFoundError if there is none of this id, or its record is asked for and gone."""
    who = name_of(by) if text else ""
    shown = asyncio.run(_read(letter_id(letter), load_settings(), who=who))
    if as_json:
        say_json(_as_json(shown, text=text), indent=True)
    else:
        say(*_told(shown, text=text))


async def _read(letter: UUID, settings: Settings, *, who: str) -> Shown:
    async with opened_store(settings, connections=2) as store:
        rows = await store.find_dead_letters(LetterFilter(ids=[letter]), limit=1)
        if not rows:
            raise NotFoundError(
                f"there is no dead letter {letter}; `soulprint dead list --ids` lists those that are known"
            )
        record, lacking = await _record(rows[0], settings, must=bool(who))
        if who:
            await _write_down(store, rows[0], who)
        return Shown(rows[0], record, lacking, await store.read_audit(str(letter)))


async def _record(row: LetterRow, settings: Settings, *, must: bool) -> tuple[RawRecord | None, str]:
    try:
        found = await records_of(kafka_of(settings).reading(), [row])
    except SoulprintError as error:
        if must:
            raise
        return None, str(error)
    if row.id in found:
        return found[row.id], ""
    gone = "the record lies on the log no more: past retention, or its topic was made anew"
    if must:
        raise NotFoundError(f"{row.id}: {gone}")
    return None, gone


async def _write_down(store: Store, row: LetterRow, who: str) -> None:
    """Before it is shown: who cannot be written down sees nothing."""
    await store.note_audit(who, SHOW_TEXT, str(row.id))


def _as_json(shown: Shown, *, text: bool) -> dict[str, Any]:
    record = shown.record
    found: dict[str, Any] = {
        "letter": shown.row.model_dump(mode="json"),
        "audit": [line.model_dump(mode="json") for line in shown.audit],
    }
    if record is None:
        return found | {"record": None, "why": shown.lacking}
    if text:
        headers = [(name, _text(value)) for name, value in record.headers]
        event, key = _event(record.value), _text(record.key)
    else:
        headers = [(name, value) for name, value in headers_without_text(record.headers)]
        event, key = value_without_text(record.value), key_without_text(record.key)
    value = {"bytes": len(record.value or b""), "headers": headers, "key": key, "event": event}
    return found | {"record": value}


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def _event(value: bytes | None) -> Any:
    try:
        return orjson.loads(value or b"null")
    except orjson.JSONDecodeError:
        return _text(value)


def _told(shown: Shown, *, text: bool) -> list[str]:
    row, record = shown.row, shown.record
    ids = {
        "import": row.import_id,
        "run": row.run,
        "user": row.user_id,
        "chunk": row.chunk_id,
        "ce_id": row.ce_id,
    }
    where = f"{row.topic}.dlq, partition {row.letter_partition}, offset {row.letter_offset}"
    of = (
        ""
        if row.record_offset is None
        else f"; of partition {row.record_partition}, offset {row.record_offset}"
    )
    why = row.reason or "no reason told"
    if row.error_class:
        why += f" ({row.error_class})"
    changed = ""
    if row.changed_at is not None:
        by, for_what = said(row.changed_by or ""), said(row.changed_why or "")
        changed = f"{row.state} by {by} at {at(row.changed_at)}: {for_what}"
    lines: list[str] = [
        block(
            f"{row.id}  {row.state}: {why}",
            f"{where}{of}",
            f"set aside at {at(row.buried_at)} by {row.stage or 'nobody told'}; "
            f"attempts: {row.attempts or 'not told'}; burial {row.burial} of its event; {row.size:,} bytes",
            ", ".join(f"{name} {value}" for name, value in ids.items() if value is not None),
            changed,
            *(f"{line.what} by {said(line.who)} at {at(line.at)}: {said(line.why)}" for line in shown.audit),
        )
    ]
    if record is None:
        return [*lines, fitted(shown.lacking)]
    body = _as_json(shown, text=text)["record"]
    lines += ["", *(f"{name}: {value}" for name, value in body["headers"]), f"key: {body['key']}", ""]
    event = body["event"]
    words = event if isinstance(event, str) else json_text(event, indent=True)
    return [*lines, *words.splitlines()]
