"""Which letters are asked for, from what was typed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from shared.domain.errors import UsageError
from shared.domain.ids import user_id_for
from shared.log.burials import place_of
from shared.store.dead_letters import LetterFilter
from soulprint.moments import moment_ago
from soulprint.status import uuid_of

_SHOWN = 60


def letter_id(text: str) -> UUID:
    """The id that a person gave. Raises UsageError."""
    try:
        return UUID(text.strip())
    except ValueError:
        raise UsageError(
            f"{text[:_SHOWN]!a} is not a letter's id (a UUID, as `soulprint dead list --ids` prints it)"
        ) from None


def filter_of(
    *,
    ids: Sequence[str] | None = None,
    import_id: str | None = None,
    user: str | None = None,
    since: str | None = None,
    topic: str | None = None,
    reason: str | None = None,
    only_open: bool = False,
    must_say: bool = False,
) -> LetterFilter:
    """Raises UsageError; `must_say`: also where nothing says which."""
    if must_say and not ids and import_id is None and topic is None and reason is None:
        raise UsageError("say which letters: their ids, --reason-is, --import or --topic")
    return LetterFilter(
        ids=list(dict.fromkeys(map(letter_id, ids))) if ids else None,
        topic=None if topic is None else _topic(topic),
        reason=reason,
        import_id=None if import_id is None else uuid_of(import_id),
        user_id=None if user is None else user_id_for(user),
        since=None if since is None else moment_ago(since, datetime.now(UTC)),
        state="open" if only_open else None,
    )


def _topic(text: str) -> str:
    place = place_of(text)
    if place is None:
        raise UsageError(
            f"{text[:_SHOWN]!a} is no topic of SoulPrint; it is one like import.received or chunks.ready.v2, "
            "without KAFKA_PREFIX"
        )
    return place.topic
