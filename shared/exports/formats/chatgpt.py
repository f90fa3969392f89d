"""ChatGPT: `conversations.json` or its shards, each conversation a tree of nodes under `mapping`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from shared.domain.text import repair
from shared.exports.conversation import Conversation, LeftOut, Parsed, ReadLimits, Rejected, Role, Turn
from shared.exports.formats.base import Head
from shared.exports.formats.chatgpt_path import parents_of, visible_path
from shared.exports.formats.deepseek import is_tree
from shared.exports.formats.fields import title_of
from shared.exports.formats.identity import content_id, identifier
from shared.exports.formats.lists import PREFIXES, candidates
from shared.exports.formats.times import parse_time
from shared.exports.formats.tree import stranded
from shared.exports.json.stream import read_conversations
from shared.exports.lost import MOST_LOOKED, NO_PARENT, unread

_ROLES: dict[object, Role] = {"user": "user", "assistant": "assistant"}
_OF_THE_PERSON = ("user", "system", None)
"""Whose message may hold custom instructions."""
_NO_SPEECH = ("code", "thoughts", "reasoning_recap", "user_editable_context", "model_editable_context")
"""Content types that hold words and are no speech, whoever their author is said to be."""
_FENCE = "```"


class ChatGPT:
    """The `Format` of ChatGPT exports."""

    name = "chatgpt"

    def detects(self, head: Head) -> bool:
        """True for objects whose `mapping` holds nodes, or is empty beside ChatGPT's own keys."""
        return any(_looks_like_conversation(candidate) for candidate in candidates(head))

    def read(self, stream: BinaryIO, member: str, limits: ReadLimits) -> Iterator[Parsed]:
        """Every conversation of one member. Raises BrokenExportError where it breaks."""

        def parse_one(raw: object, place: str) -> Parsed:
            return parse(raw, place, limits.messages)

        return read_conversations(stream, member, limits, PREFIXES, parse_one)


def parse(raw: object, place: str = "conversation", max_messages: int = ReadLimits().messages) -> Parsed:
    """One conversation object as its visible path.

    `place` stands in for the id of a conversation that has none and is rejected. Turns are the user's and
    assistant's messages that are not hidden, speak to everybody (`recipient` absent or `all`) and are text:
    string parts, and transcripts of what was said by voice, which are the speaker's words like typed ones.
    """
    if type(raw) is not dict:
        return Rejected(place, "it is not an object")
    own_id = identifier(raw.get("conversation_id")) or identifier(raw.get("id"))
    if raw.get("is_do_not_remember") in (True, "true"):
        return LeftOut(own_id or place, parse_time(raw.get("update_time")))
    mapping = raw.get("mapping")
    if mapping is None and "mapping" in raw:
        mapping = {}
    if type(mapping) is not dict:
        return Rejected(own_id or place, "it has no `mapping` of messages")
    if len(mapping) > max_messages:
        return Rejected(own_id or place, f"it has {len(mapping)} messages; the cap is {max_messages}")
    path = visible_path(mapping, raw.get("current_node"))
    turns, instructions, lost = _said(path)
    if len(path) < len(mapping):
        lost += [NO_PARENT] * _stranded(mapping, path)
    title = title_of(raw.get("title"))
    return Conversation(
        own_id or content_id(title, turns),
        title,
        turns,
        parse_time(raw.get("create_time")) or _first_time(turns),
        parse_time(raw.get("update_time")) or _last_time(turns),
        instructions,
        tuple(lost),
    )


def _said(path: Iterable[tuple[str, dict[str, Any]]]) -> tuple[list[Turn], str | None, list[str]]:
    """The turns of a path, each with an id of its own, its last custom instructions, and what is lost."""
    turns: list[Turn] = []
    missed: list[dict[str, Any]] = []
    instructions: str | None = None
    for node_id, node in path:
        message = node.get("message")
        if type(message) is not dict:
            continue
        content = message.get("content")
        if type(content) is not dict:
            missed.append(message)
            continue
        kind = content.get("content_type")
        if kind == "user_editable_context":
            instructions = _custom_instructions(message, content) or instructions
            continue
        if kind != "text" and kind != "multimodal_text" and kind is not None:
            if kind not in _NO_SPEECH:
                missed.append(message)
            continue
        turn = _turn(node_id, message, content)
        if turn is not None:
            turns.append(turn)
        else:
            missed.append(message)
    if len({turn.id for turn in turns}) < len(turns):
        _rename_repeated(turns)
    return turns, instructions, [reason for each in missed[:MOST_LOOKED] for reason in _lost(each)]


def _lost(message: dict[str, Any]) -> list[str]:
    """Why a message that gave no turn is lost, if it is: one of the person's, or of nobody that is known."""
    author = message.get("author")
    role = author.get("role") if type(author) is dict else None
    metadata = message.get("metadata")
    hidden = type(metadata) is dict and metadata.get("is_visually_hidden_from_conversation")
    if (role is not None and role != "user") or hidden or message.get("recipient") not in ("all", None, ""):
        return []
    reason = unread(message)
    return [] if reason is None else [reason]


def _stranded(mapping: dict[str, Any], path: list[tuple[str, dict[str, Any]]]) -> int:
    """How many of the person's messages stand on no path, though no edit explains it."""
    ids = [at for at, node in mapping.items() if type(node) is dict]
    place = {at: number for number, at in enumerate(ids)}
    parents = parents_of(mapping)
    apart = stranded(ids, [parents.get(at, "") for at in ids], [place[at] for at, _ in path])
    return sum(_is_persons(mapping[ids[number]].get("message")) for number in apart)


def _is_persons(message: object) -> bool:
    if type(message) is not dict:
        return False
    author, content = message.get("author"), message.get("content")
    if type(author) is not dict or author.get("role") != "user" or type(content) is not dict:
        return False
    return _turn("message", message, content) is not None


def _turn(node_id: str, message: dict[str, Any], content: dict[str, Any]) -> Turn | None:
    """The turn of one message of the path, None where the person never saw it as speech."""
    author = message.get("author")
    role = author.get("role") if type(author) is dict else None
    if role != "user" and role != "assistant":
        return None
    recipient = message.get("recipient")
    if recipient != "all" and recipient:
        return None
    metadata = message.get("metadata")
    if type(metadata) is dict and metadata.get("is_visually_hidden_from_conversation"):
        return None
    parts = content.get("parts")
    if type(parts) is list and len(parts) == 1 and type(parts[0]) is str:
        text = repair(parts[0])
    else:
        text = repair(_join(parts, content))
    if not text or text.isspace():
        return None
    turn_id = identifier(message.get("id")) or identifier(node_id) or "message"
    return Turn(turn_id, _ROLES[role], text, parse_time(message.get("create_time")))


def _join(parts: object, content: dict[str, Any]) -> str:
    """String parts and voice transcripts, a line each; the `text` of content that has no parts."""
    if type(parts) is not list:
        text = content.get("text")
        return text if type(text) is str else ""
    texts = []
    for part in parts:
        if type(part) is dict and part.get("content_type") == "audio_transcription":
            part = part.get("text")
        if type(part) is str and part:
            texts.append(part)
    return "\n".join(texts)


def _rename_repeated(turns: list[Turn]) -> None:
    """Give later messages with an id already taken another: a fact could not tell them apart."""
    seen: set[str] = set()
    for number, turn in enumerate(turns):
        while turn.id in seen:
            turn.id = f"{turn.id}-{number}"
        seen.add(turn.id)


def _custom_instructions(message: dict[str, Any], content: dict[str, Any]) -> str | None:
    """What the person wrote about themselves and about the answers they want, without ChatGPT's frame. Only a
    message of the person's, or of the system, repeats that; a tool or the assistant may have made up its own.
    """
    author = message.get("author")
    if type(author) is dict and author.get("role") not in _OF_THE_PERSON:
        return None
    metadata = message.get("metadata")
    data = metadata.get("user_context_message_data") if type(metadata) is dict else None
    own = data if type(data) is dict else {}
    about = _plain(own.get("about_user_message")) or _unframed(content.get("user_profile"))
    wishes = _plain(own.get("about_model_message")) or _unframed(content.get("user_instructions"))
    return "\n\n".join(text for text in (about, wishes) if text) or None


def _plain(value: object) -> str:
    return repair(value).strip() if type(value) is str else ""


def _unframed(value: object) -> str:
    """The text between the first and the last code fence, which is where ChatGPT puts the person's words."""
    text = _plain(value)
    begin, end = text.find(_FENCE), text.rfind(_FENCE)
    return text[begin + len(_FENCE) : end].strip() if 0 <= begin < end else text


def _first_time(turns: list[Turn]) -> float | None:
    return next((turn.created_at for turn in turns if turn.created_at is not None), None)


def _last_time(turns: list[Turn]) -> float | None:
    return max((turn.created_at for turn in turns if turn.created_at is not None), default=None)


def _looks_like_conversation(candidate: dict[str, Any]) -> bool:
    mapping = candidate.get("mapping")
    if not isinstance(mapping, dict) or is_tree(candidate):
        return False
    if not mapping:
        return "current_node" in candidate or "create_time" in candidate
    return any(
        isinstance(node, dict) and (not node or not node.keys().isdisjoint(("message", "parent", "children")))
        for node in mapping.values()
    )
