"""The caps on untrusted input, from the settings."""

from __future__ import annotations

from shared.exports.conversation import ReadLimits
from shared.settings import Settings

_FOLD = 6
"""How many times its bytes a conversation may take in memory: usual ones take three to four times."""


def read_limits(settings: Settings) -> ReadLimits:
    """The caps on untrusted input that the settings name."""
    usual = ReadLimits()
    return ReadLimits(
        conversation_bytes=settings.max_conversation_bytes,
        conversation_memory=max(usual.conversation_memory, _FOLD * settings.max_conversation_bytes),
        text_memory=max(usual.text_memory, settings.max_conversation_bytes),
        total_bytes=settings.max_export_bytes,
        ratio=settings.max_compression_ratio,
        messages=settings.max_messages,
        conversations=settings.max_conversations,
    )
