"""Imports of v1 on the log in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from shared.domain.events import ImportReceived
from shared.pipelines import IMPORT_RECEIVED, MEMORY_READY, V1, topic
from tests.support.local import LocalSetting

IN = topic(IMPORT_RECEIVED, V1)
OUT = topic(MEMORY_READY, V1)


async def asked(
    setting: LocalSetting, source: Path | str, user: UUID | None = None, **more: Any
) -> ImportReceived:
    """An import of v1, on its topic."""
    event = setting.event_of(source, user, **more)
    await setting.publish(IN, event)
    return event


def made(setting: LocalSetting) -> list[Any]:
    """The memories that were published in v1."""
    return [event for _, event in setting.log.kept.get(OUT, ())]
