"""Messages that a format sees and cannot read: told by why, so that no loss is silent.

A vendor renames a field, or a file is of a relative of a known format: the messages are there, and no turn
comes of them. What a format finds no words in is looked through once more, by no names but those of fields
that never hold speech; what holds words all the same is lost, not empty.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from shared.exports.conversation import Conversation, Rejected

NO_PARENT = "the message before it is not in the file"
"""Why a message stands on no visible path though no edit explains it."""
MOST_REASONS = 3
"""Reasons named in one sentence."""

MOST_LOOKED = 10_000
"""Messages of one conversation looked through: a hostile one could have any number without words."""

_DEPTH = 8
_MOST_SEEN = 200
"""Values of one message looked at."""
_NAME = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")
"""Field names are shown as they are; what looks otherwise may be an id or a person's word, and is `*`."""
_WORDS = re.compile(r"[^\W\d_][^\w\s]{0,3}\s+[^\W\d_]|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")
"""Two words, or two characters of a script that writes none apart."""
_NEVER_SPEECH = re.compile(
    r"(?:attach|file|drive|inline|metadata|citation|reference|tool|model|title|name|url|uri|link|path|image|think|thought"
    r"|reason|search|extracted_content|time|date|created|modified|inserted|status|error|system|settings|config|author|feedback)",
    re.IGNORECASE,
)


def unread(message: object) -> str | None:
    """Why no turn came of `message`: the field in which words stand. None where there are none."""
    field = next(_fields(message), None)
    return None if field is None else f"its words stand in `{field}`, a field that is not known"


def summary(reasons: Iterable[str]) -> str:
    """The commonest reasons, each with how often: `9 times: the message before it is not in the file`."""
    commonest = Counter(reasons).most_common(MOST_REASONS)
    return "; ".join(f"{count:,} times: {reason}" for reason, count in commonest)


def told(conversation: Conversation) -> Conversation | Rejected:
    """A conversation of which no message of the person could be read, though it has some, as what it is: not
    empty, and not one in which only the assistant spoke."""
    if not conversation.lost or any(turn.role == "user" for turn in conversation.turns):
        return conversation
    return Rejected(
        conversation.id, f"no message of the person in it could be read ({summary(conversation.lost)})"
    )


def _fields(message: object) -> Iterator[str]:
    waiting: list[tuple[str, object, int]] = [("", message, 0)]
    seen = 0
    while waiting and seen < _MOST_SEEN:
        path, value, depth = waiting.pop()
        seen += 1
        if isinstance(value, str):
            if path and _WORDS.search(value, 0, 4000):
                yield path
        elif depth == _DEPTH:
            continue
        elif isinstance(value, dict):
            for key, inner in reversed(value.items()):
                if isinstance(key, str) and not _NEVER_SPEECH.search(key):
                    name = key if _NAME.fullmatch(key) else "*"
                    waiting.append((f"{path}.{name}" if path else name, inner, depth + 1))
        elif isinstance(value, list):
            waiting.extend((f"{path}[]", inner, depth + 1) for inner in reversed(value[:_MOST_SEEN]))
