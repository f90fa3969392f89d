"""Passages: the whole text of a conversation in stored pieces, what the app searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shared.domain.text import BYTES_PER_TOKEN, estimate_tokens
from shared.exports.conversation import Conversation

LABELS = {"user": "User: ", "assistant": "Assistant: "}
LABEL_BYTES = 14
"""About what a label and the blank line after a turn add."""


class Passage(NamedTuple):
    """One row of `conversation_chunks`. Times are Unix seconds, UTC."""

    conversation_id: str
    passage_index: int
    title: str
    content: str
    token_count: int
    message_count: int
    created_at: float | None
    last: bool
    """True on a conversation's last passage: rows beyond it are of an older version and go."""
    account: int = 0
    """Which of the accounts of its run it is of."""


def passages_of(
    conversation: Conversation, sizes: Sequence[int], limit: int, account: int = 0
) -> list[Passage]:
    """The passages of one conversation, in order, each of at most about `limit` tokens.

    `sizes` are the UTF-8 bytes of its turns. Turns stay whole unless one alone is larger; nothing is
    dropped.
    """
    pieces: list[tuple[str, int, int]] = []
    lines: list[str] = []
    tokens = messages = 0
    for turn, size in zip(conversation.turns, sizes, strict=True):
        own = (size + LABEL_BYTES) // BYTES_PER_TOKEN
        if tokens and tokens + own > limit:
            pieces.append(("\n\n".join(lines), tokens, messages))
            lines, tokens, messages = [], 0, 0
        messages += 1
        text = LABELS[turn.role] + turn.text
        if own > limit:
            *whole, text = cut(text, limit)
            for part in whole:
                pieces.append((part, estimate_tokens(part), messages))
                messages = 0
            own = estimate_tokens(text)
        lines.append(text)
        tokens += own
    if lines:
        pieces.append(("\n\n".join(lines), tokens, messages))
    key, title, created_at, end = (
        conversation.id,
        conversation.title,
        conversation.created_at,
        len(pieces) - 1,
    )
    return [
        Passage(key, index, title, content, own, count, created_at, index == end, account)
        for index, (content, own, count) in enumerate(pieces)
    ]


def cut(text: str, limit: int) -> list[str]:
    """`text` in parts of at most `limit` tokens, cut at a line or word end where one is near.

    Nothing is lost: the parts joined are the text.
    """
    if estimate_tokens(text) <= limit:
        return [text]
    parts: list[str] = []
    start = 0
    while start < len(text):
        end = start + _fitting(text, start, limit * BYTES_PER_TOKEN)
        if end < len(text):
            near = start + (end - start) * 3 // 4
            end = _after(text, "\n", near, end) or _after(text, " ", near, end) or end
        parts.append(text[start:end])
        start = end
    return parts


def _fitting(text: str, start: int, size: int) -> int:
    """How many characters from `start` have at most `size` UTF-8 bytes; at least 1."""
    window = text[start : start + size]
    if window.isascii():
        return len(window)
    return max(1, len(window.encode("utf-8", "surrogatepass")[:size].decode("utf-8", "ignore")))


def _after(text: str, mark: str, start: int, end: int) -> int:
    return text.rfind(mark, start, end) + 1
