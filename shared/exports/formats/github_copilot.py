"""GitHub Copilot in VS Code: `chat.json`, as "Chat: Export Chat" writes it, and the sessions that VS Code
keeps.

`requests[]` hold a `message` (`text`) and its `response`, a list of parts of which those with a `value`
are the answer's text; parts with a `kind` are tools, files and progress.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from shared.exports.conversation import Parsed, ReadLimits, Rejected
from shared.exports.formats.base import Head
from shared.exports.formats.fields import id_of, objects_of, title_of, too_many
from shared.exports.formats.lists import PREFIXES, candidates
from shared.exports.formats.times import parse_time
from shared.exports.formats.turns import TurnCollector, digest_of
from shared.exports.json.stream import read_conversations

_ANSWER = (None, "markdownContent")
"""Kinds of parts whose value is the answer's text; the plain ones have none."""


class GitHubCopilot:
    """See the module."""

    name = "github-copilot"

    def detects(self, head: Head) -> bool:
        """True for sessions: requests, and the name of who responds."""
        return any(
            "responderUsername" in item and isinstance(item.get("requests"), list)
            for item in candidates(head)
        )

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`."""
        return read_conversations(
            stream, member, limits, PREFIXES, lambda raw, place: parse(raw, place, limits.messages)
        )


def parse(raw: object, place: str = "session", max_messages: int = ReadLimits().messages) -> Parsed:
    """One session; `place` names it in a rejection where it has no id. Never raises."""
    if not isinstance(raw, dict):
        return Rejected(place, "it is not an object")
    session_id = id_of(raw.get("sessionId"))
    requests = raw.get("requests")
    if not isinstance(requests, list):
        return Rejected(session_id or place, "it has no list of requests")
    if 2 * len(requests) > max_messages:
        return Rejected(session_id or place, too_many(2 * len(requests), max_messages))
    turns = TurnCollector()
    first_id = ""
    for request in objects_of(requests):
        request_id = id_of(request.get("requestId"))
        first_id = first_id or request_id
        time = parse_time(request.get("timestamp"))
        message = request.get("message")
        text = message.get("text") if isinstance(message, dict) else message
        turns.add(request_id, "user", text if isinstance(text, str) else "", time, {"message": message})
        turns.add(id_of(request.get("responseId")), "assistant", _answer(request.get("response")), time)
    return turns.conversation(
        session_id or (digest_of("github-copilot", first_id) if first_id else ""),
        title_of(raw.get("customTitle")),
        parse_time(raw.get("creationDate")),
        parse_time(raw.get("lastMessageDate")),
    )


def _answer(response: object) -> str:
    return "".join(_value(part) for part in objects_of(response) if part.get("kind") in _ANSWER)


def _value(part: dict[str, Any]) -> str:
    value = part.get("value", part.get("content"))
    if isinstance(value, dict):
        value = value.get("value")
    return value if isinstance(value, str) else ""
