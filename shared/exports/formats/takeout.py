"""What both forms of Gemini's Takeout (JSON, HTML) share: which rows are exchanges, and what they become.

Takeout knows no conversations. It is an activity log, one row for a prompt and its answer, so each row is
a conversation of its own. A row's title is the prompt behind a prefix in the account's language
("Prompted ...", "Eingegebener Prompt: ..."); other rows of the same product (feedback, drafts chosen,
canvases) carry neither a known prefix nor an answer.
"""

from __future__ import annotations

import re

from shared.exports.conversation import Conversation, PassedOver
from shared.exports.formats.fields import title_of
from shared.exports.formats.turns import TurnCollector, digest_of

_PRODUCT = re.compile(r"(?<![A-Za-z])(?:Gemini|Bard)(?![A-Za-z])")
_VERBS = (
    "Prompted|Branched|Asked|Said|Submitted query",  # English
    "Has dicho|Hiciste la petición|Preguntado",  # Spanish
    "Υποβλήθηκε το ερώτημα",  # Greek
    "已提示",  # Chinese
)
_LABELS = (
    "Eingegebener Prompt",  # German
    "Prompt",  # French
    "Запит",  # Ukrainian
    "送信したメッセージ|プロンプト",  # Japanese
)
"""What Google writes before a prompt: verbs, and labels with their colon, as met in real exports."""
_PREFIX = re.compile(
    rf"\s*(?:(?:{'|'.join(_VERBS)})(?:\s*[:：]\s*|\s+|\Z)|(?:{'|'.join(_LABELS)})\s*[:：]\s*)"
)
_SUFFIX = re.compile(r"\s*と(?:入力し|言い)ました\Z")
"""Older Japanese rows have it behind the prompt."""
_NO_PROMPT = re.compile(
    r"\s*(?:Used |Gave feedback|Sent feedback|Cleared previous feedback|Feedback\Z|Selected |Canvas\Z"
    r"|Created Gemini Canvas|Answered survey question|Viewed |Visited |フィードバックを送信しました)"
)


OTHER_PRODUCT = PassedOver("an activity of another product")
NO_PROMPT = PassedOver("an activity that is no prompt, such as feedback or a canvas")
UNKNOWN = PassedOver("an activity whose title does not begin like a prompt in any language that is known")


def passed_over(title: str) -> PassedOver:
    """What a row of the product is that is no exchange."""
    return NO_PROMPT if _NO_PROMPT.match(title) else UNKNOWN


def is_product(header: str) -> bool:
    """True if an activity's header names Gemini or Bard, its old name: both stay Latin in every language."""
    return _PRODUCT.search(header) is not None


def prompt_of(title: str, answered: bool) -> str | None:
    """The person's own words in a row's title, or None if the row is no exchange.

    In a language whose prefix is not known, an answer shows that the row is one; the title is then taken
    whole: nobody can tell where the prefix ends, and a few words too many lose nothing. Such a row without
    an answer may be anything and is left out.
    """
    found = _PREFIX.match(title)
    if found:
        return title[found.end() :].strip()
    suffix = _SUFFIX.search(title[-20:])
    if suffix:
        return title[: len(title) - len(suffix[0])].strip()
    if not answered or _NO_PROMPT.match(title):
        return None
    return title.strip()


def exchange(prompt: str, answer: str, created_at: float | None, written_time: str) -> Conversation:
    """The conversation of one row. Its id comes from the prompt and the time to the second, so both forms of
    a Takeout, and every later one, give it the same; `written_time` stands in for a time not understood."""
    when = written_time if created_at is None else str(int(created_at))
    conversation_id = digest_of("gemini", when, " ".join((prompt or answer).split()))
    turns = TurnCollector()
    turns.add(f"{conversation_id}-prompt", "user", prompt, created_at)
    turns.add(f"{conversation_id}-answer", "assistant", answer, created_at)
    title = title_of(prompt[:80])
    return turns.conversation(conversation_id, title, created_at, created_at)
