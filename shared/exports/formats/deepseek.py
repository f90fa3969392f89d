"""DeepSeek: the export of an account, and what its site sends for one conversation.

The export is a list of conversations, each a tree of nodes under `mapping` like ChatGPT's, of another
inside: a message is a list of `fragments` (`REQUEST` is the person's, `RESPONSE` the answer; `THINK`,
`SEARCH` and tools are no speech), in older exports `content` as text with nobody named as its author.
Nothing names the visible leaf. The site's `data.biz_data` holds `chat_messages` (`messages` where it was
shared), linked by `parent_id`, with a `role`, and `chat_session`, which knows the visible leaf.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from shared.exports.conversation import Parsed, ReadLimits, Rejected, Role
from shared.exports.formats.base import Head
from shared.exports.formats.fields import id_of, objects_of, title_of, too_many
from shared.exports.formats.lists import PREFIXES, candidates
from shared.exports.formats.times import parse_time
from shared.exports.formats.tree import stranded, visible_path
from shared.exports.formats.turns import TurnCollector
from shared.exports.json.stream import read_conversations

_ROLES: dict[object, Role] = {"USER": "user", "ASSISTANT": "assistant"}
_BY_TURNS: tuple[Role, Role] = ("user", "assistant")
_FRAGMENTS: dict[object, Role] = {
    "REQUEST": "user",
    "RESPONSE": "assistant",
    "TEMPLATE_RESPONSE": "assistant",
}


class DeepSeek:
    """See the module."""

    name = "deepseek"

    def detects(self, head: Head) -> bool:
        """True for trees whose nodes are DeepSeek's, and for what its site sends for a conversation."""
        return any(is_tree(item) or _session(item) is not None for item in candidates(head))

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """See `Format.read`."""
        return read_conversations(
            stream, member, limits, PREFIXES, lambda raw, place: parse(raw, place, limits.messages)
        )


def is_tree(item: dict[str, Any]) -> bool:
    """Whether a conversation with a `mapping` is DeepSeek's, not ChatGPT's."""
    mapping = item.get("mapping")
    if not isinstance(mapping, dict):
        return False
    if "inserted_at" in item:
        return True
    messages = [node.get("message") for node in mapping.values() if isinstance(node, dict)]
    return any(isinstance(each, dict) and ("fragments" in each or "inserted_at" in each) for each in messages)


def parse(raw: object, place: str = "conversation", max_messages: int = ReadLimits().messages) -> Parsed:
    """One conversation; `place` names it in a rejection where it has no id. Never raises."""
    if not isinstance(raw, dict):
        return Rejected(place, "it is not an object")
    data = _session(raw)
    about = raw if data is None else data.get("chat_session")
    about = about if isinstance(about, dict) else data or raw
    conversation_id = id_of(about.get("id"))
    mapping = raw.get("mapping")
    if data is not None:
        messages, ids, parents = _listed(data)
    elif isinstance(mapping, dict):
        messages, ids, parents = _nodes(mapping)
    else:
        return Rejected(conversation_id or place, "it has no messages (mapping, chat_messages)")
    if len(messages) > max_messages:
        return Rejected(conversation_id or place, too_many(len(messages), max_messages))
    times = [parse_time(message.get("inserted_at")) for message in messages]
    leaf = id_of(about.get("current_message_id")) if any(parents) else ""
    path = visible_path(ids, parents, times, leaf=leaf)
    turns = TurnCollector()
    said = 0
    for i in path:
        role = _role(messages[i], said)
        said += "content" in messages[i]
        if role:
            turns.add(ids[i], role, _text(messages[i]), times[i], messages[i])
        else:
            turns.miss(_without_answers(messages[i]))
    apart = stranded(ids, parents, path)
    turns.strand(sum(_role(messages[i], 0) == "user" and bool(_text(messages[i])) for i in apart))
    return turns.conversation(
        conversation_id,
        title_of(about.get("title")),
        parse_time(about.get("inserted_at")),
        parse_time(about.get("updated_at")),
    )


def _session(item: dict[str, Any]) -> dict[str, Any] | None:
    """What the site sent, without what is around it; None if `item` is something else."""
    data = item.get("data")
    inner = data.get("biz_data") if isinstance(data, dict) else None
    if isinstance(inner, dict):
        return (
            inner if any(isinstance(inner.get(key), list) for key in ("chat_messages", "messages")) else None
        )
    return item if isinstance(item.get("chat_messages"), list) and "chat_session" in item else None


def _listed(data: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    listed = data.get("chat_messages")
    messages = objects_of(listed if isinstance(listed, list) else data.get("messages"))
    ids = [id_of(message.get("message_id")) for message in messages]
    return messages, ids, [id_of(message.get("parent_id")) for message in messages]


def _nodes(mapping: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """Messages, ids and parents of a tree. The root has no message: it counts as one that says nothing."""
    nodes = {id_of(at): node for at, node in mapping.items() if isinstance(node, dict)}
    named = {
        id_of(child): at
        for at, node in nodes.items()
        if isinstance(children := node.get("children"), list)
        for child in children
    }
    messages = [each if isinstance(each := node.get("message"), dict) else {} for node in nodes.values()]
    parents = [id_of(node.get("parent")) or named.get(at, "") for at, node in nodes.items()]
    return messages, list(nodes), parents


def _role(message: dict[str, Any], before: int) -> Role | None:
    """Who speaks; where nothing says so, person and assistant by turns (`before`: messages so far)."""
    named = message.get("role")
    if isinstance(named, str):
        return _ROLES.get(named.upper())
    if "fragments" in message:
        kinds = [each.get("type") for each in objects_of(message.get("fragments"))]
        return next(
            (_FRAGMENTS[kind] for kind in kinds if isinstance(kind, str) and kind in _FRAGMENTS), None
        )
    if message.get("reasoning_content"):
        return "assistant"
    return _BY_TURNS[before % 2] if isinstance(message.get("content"), str) else None


def _text(message: dict[str, Any]) -> str:
    texts = [
        text
        for each in objects_of(message.get("fragments"))
        if isinstance(kind := each.get("type"), str) and kind in _FRAGMENTS
        if isinstance(text := each.get("content"), str) and text
    ]
    content = message.get("content")
    return "\n\n".join(texts) or (content if isinstance(content, str) else "")


def _without_answers(message: dict[str, Any]) -> dict[str, Any]:
    """A message without the fragments that are known to be no one's speech."""
    kept = [
        each
        for each in objects_of(message.get("fragments"))
        if not str(each.get("type")).startswith(("THINK", "SEARCH", "TOOL", "READ_LINK", "TIP"))
    ]
    return {**message, "fragments": kept}
