"""The caps on untrusted input, from the settings."""

from __future__ import annotations

from shared.exports.conversation import ReadLimits
from shared.settings import Settings


def read_limits(settings: Settings) -> ReadLimits:
    """The caps on untrusted input that the settings name."""
    return ReadLimits(
        conversation_bytes=settings.max_conversation_bytes,
        total_bytes=settings.max_export_bytes,
        ratio=settings.max_compression_ratio,
        messages=settings.max_messages,
        conversations=settings.max_conversations,
    )
