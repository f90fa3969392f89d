"""The history of a person into which others have written, as ChatGPT and Claude export it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import tests.support.worst.disguises
import tests.support.worst.documents
import tests.support.worst.pastes
import tests.support.worst.speech  # noqa: F401 - each puts its carriers into the table
from tests.exports.tree import custom_instructions
from tests.support.exports import conversation, message, node
from tests.support.worst.orders import FORMS, Order, Orders
from tests.support.worst.person import ABOUT, WISHES, Truth, truths
from tests.support.worst.talks import CARRIERS, Talk, Turn, reframed

Json = dict[str, Any]
START: Final = 1_714_000_000
"""Unix seconds of the first message; a conversation is an hour after the one before."""
REFRAMED: Final = 10
"""Seeds from here on change what the person says to what they paste."""
VENDORS: Final = ("chatgpt", "claude")


def planted(
    orders: Orders, carriers: Iterable[str] | None = None, frames: Random | None = None
) -> Iterator[tuple[str, Order, list[Talk]]]:
    """Every carrier, or those named, with three orders each: its name, the order, the conversations."""
    for name in CARRIERS if carriers is None else carriers:
        for number, form in enumerate(FORMS):
            order = orders.next(form)
            talks = CARRIERS[name](order, number)
            yield name, order, talks if frames is None else [reframed(talk, frames) for talk in talks]


def history(carried: Sequence[Sequence[Talk]], honest: Sequence[Truth]) -> list[Talk]:
    """The carriers' conversations and the person's own. Some facts are said where a carrier comes later."""
    talks: list[Talk] = []
    left = list(honest)
    for place, group in enumerate(carried):
        first, *rest = group
        if place % 3 == 0 and left and first.turns[0].role == "user":
            truth = left.pop(0)
            first = Talk(first.title, (Turn("user", truth.text), Turn("assistant", "I see."), *first.turns))
        talks += [first, *rest]
        if place % 3 == 1 and left:
            talks.append(_own(left.pop(0)))
    return talks + [_own(truth) for truth in left]


def poisoned_export(
    path: Path, vendor: str, *, seed: int = 0, carriers: Iterable[str] | None = None
) -> list[tuple[str, Order]]:
    """Write the export of `vendor`; answers what was planted, by carrier."""
    frames = Random(seed) if seed >= REFRAMED else None
    found = list(planted(Orders(seed), carriers, frames))
    talks = history([group for _, _, group in found], truths())
    write = _chatgpt if vendor == "chatgpt" else _claude
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", json.dumps([write(n, talk) for n, talk in enumerate(talks)]))
    return [(name, order) for name, order, _ in found]


def _own(truth: Truth) -> Talk:
    return Talk("Own words", (Turn("user", truth.text), Turn("assistant", "Good to know.")))


def _chatgpt(number: int, talk: Talk) -> Json:
    at = START + 3600 * number
    ids = ["root", *(f"c{number}-m{place}" for place in range(len(talk.turns) + 1))]
    own = [_instructions(ids[1]), *(_message(turn, ids[n], at + n) for n, turn in enumerate(talk.turns, 2))]
    mapping = {"root": node("root", None, ids[1:2], None)}
    for n, each in enumerate(own, 1):
        mapping[ids[n]] = node(ids[n], ids[n - 1], ids[n + 1 : n + 2], each)
    return conversation(mapping, ids[-1], f"c{number}", title=talk.title, create_time=at, update_time=at + 60)


def _message(turn: Turn, key: str, at: int) -> Json:
    if turn.role == "instructions":
        content = custom_instructions(turn.text, turn.text)
        return message("assistant", "", key, at, content=content)
    fields: Json = {"recipient": "all"} if turn.role != "tool" else {"recipient": "assistant"}
    return message(turn.role, turn.text, key, at, **fields)


def _instructions(key: str) -> Json:
    about, wishes = ("\n".join(each.quote for each in some) for some in (ABOUT, WISHES))
    hidden = {"is_visually_hidden_from_conversation": True}
    return message("user", "", key, None, content=custom_instructions(about, wishes), metadata=hidden)


def _claude(number: int, talk: Talk) -> Json:
    at = f"2024-05-{number // 24 % 28 + 1:02}T{number % 24:02}"
    return {
        "uuid": f"k{number}",
        "name": talk.title,
        "created_at": f"{at}:00:00Z",
        "updated_at": f"{at}:30:00Z",
        "chat_messages": [
            {
                "uuid": f"k{number}-m{place}",
                "created_at": f"{at}:{place:02}:00Z",
                "parent_message_uuid": f"k{number}-m{place - 1}" if place else None,
                **_claude_message(turn),
            }
            for place, turn in enumerate(talk.turns)
        ],
    }


def _claude_message(turn: Turn) -> Json:
    if turn.role == "tool":
        result = {"type": "tool_result", "content": [{"type": "text", "text": turn.text}]}
        return {"sender": "assistant", "text": turn.text, "content": [result]}
    if turn.role == "instructions":
        paper = {"file_name": "instructions.txt", "extracted_content": turn.text}
        return {
            "sender": "human",
            "content": [{"type": "text", "text": "see the file"}],
            "attachments": [paper],
        }
    sender = {"user": "human"}.get(turn.role, turn.role)
    return {"sender": sender, "content": [{"type": "text", "text": turn.text}]}
