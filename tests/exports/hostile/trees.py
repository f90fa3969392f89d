"""Conversations whose messages do not lie one behind the other: cycles, chains, branches, ids twice."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.exports.hostile.archives import NAME
from tests.exports.hostile.base import KIB, MIB, beside_good, case, chat, js, zipped

Json = dict[str, Any]


def _message(key: str, text: str = "I am Ana.", at: object = None) -> Json:
    return {
        "id": key,
        "author": {"role": "user"},
        "create_time": at,
        "content": {"content_type": "text", "parts": [text]},
    }


def _tree(key: str, parents: dict[str, str | None], current: str | None = None, **fields: Any) -> Json:
    nodes = {
        at: {"id": at, "parent": to, "children": [], "message": _message(at)} for at, to in parents.items()
    }
    return chat(key) | {"mapping": nodes, "current_node": current} | fields


@case("trees", ".json", MIB)
def cycle(_: Random, size: int) -> bytes:
    count = max(3, size // 200)
    return beside_good(_tree("cycle", {f"{n}": f"{(n + 1) % count}" for n in range(count)}))


@case("trees", ".json")
def own_parents(_: Random, size: int) -> bytes:
    return beside_good(_tree("own", {f"{n}": f"{n}" for n in range(max(3, size // 200))}, "0"))


@case("trees", ".zip", 20 * MIB)
def chain_of_many(_: Random, size: int) -> bytes:
    count = size // 100
    return zipped({NAME: beside_good(chat("chain") | {"current_node": f"{count - 1}", "mapping": {
        f"{n}": {"parent": f"{n - 1}", "message": {"author": {"role": "user"}, "content": {"parts": ["a b"]}}}
        for n in range(count)
    }})})  # fmt: skip


@case("trees", ".json", 2 * MIB)
def chain_told_by_children_alone(_: Random, size: int) -> bytes:
    """No node names its parent: each step up is looked for."""
    count = size // 160
    nodes = {f"{n}": {"children": [f"{n + 1}"], "message": _message(f"{n}")} for n in range(count)}
    return beside_good(chat("down") | {"mapping": nodes, "current_node": f"{count - 1}"})


@case("trees", ".json", 2 * MIB)
def star(_: Random, size: int) -> bytes:
    count = size // 160
    nodes: dict[str, str | None] = {"root": None} | {f"{n}": "root" for n in range(count)}
    one = _tree("star", nodes)
    one["mapping"]["root"]["children"] = [f"{n}" for n in range(count)] * 3
    return beside_good(one)


@case("trees", ".json", 2 * MIB)
def every_node_a_root(_: Random, size: int) -> bytes:
    return beside_good(_tree("roots", {f"{n}": f"gone{n}" for n in range(size // 170)}))


@case("trees", ".json", 2 * MIB)
def children_of_everybody(_: Random, size: int) -> bytes:
    """All nodes name all nodes as their children."""
    count = max(3, int((size / 6) ** 0.5))
    names = [f"{n}" for n in range(count)]
    return beside_good(
        chat("all") | {"mapping": {at: {"children": names, "message": _message(at)} for at in names}}
    )


@case("trees", ".json", MIB)
def one_id_for_all_messages(_: Random, size: int) -> bytes:
    count = size // 200
    nodes = {
        f"{n}": {"parent": f"{n - 1}", "message": _message("same", f"I am Ana {n}.")} for n in range(count)
    }
    return beside_good(chat("same") | {"mapping": nodes, "current_node": f"{count - 1}"})


@case("trees", ".json")
def ids_that_are_the_next_names(_: Random, size: int) -> bytes:
    """Where an id comes twice, the new name of the second is taken, too."""
    texts = [{"uuid": key, "sender": "human", "text": f"I live in Town{n}."} for n, key in enumerate(
        ["a", "a-2", "a", "b", *("b" + f"-{n}" * k for k in range(1, 40) for n in (44, 45)), "b", "b"]
    )]  # fmt: skip
    return js([{"uuid": f"c{n}", "name": "t", "chat_messages": texts} for n in range(max(1, size // 9000))])


@case("trees", ".json", MIB)
def ids_as_long_as_can_be(_: Random, size: int) -> bytes:
    """Short messages with ids of 200 characters that JSON writes as six bytes each."""
    pad = "\x01" * 194
    many = [
        {"uuid": f"{pad}{n:06}", "sender": "human", "text": "a"} for n in range(max(9, size // 1400))
    ]  # fmt: skip
    return js([{"uuid": f"{pad}c", "name": "\x01" * 200, "chat_messages": many}])


@case("trees", ".json", MIB)
def titles_as_long_as_can_be(_: Random, size: int) -> bytes:
    pad = "\U0001f600" * 190
    made = [
        {
            "uuid": f"{pad}{n}",
            "name": "\x02" * 3000,
            "chat_messages": [{"uuid": f"{pad}m", "sender": "human", "text": "I"}],
        }
        for n in range(max(3, size // 4000))
    ]
    return json.dumps(made, ensure_ascii=False).encode()


@case("trees", ".json", 2 * MIB)
def claude_chain(_: Random, size: int) -> bytes:
    count = size // 120
    listed = [
        {"uuid": f"{n}", "sender": "human", "text": "I run.", "parent_message_uuid": f"{n + 1}"}
        for n in range(count)
    ]
    return js([{"uuid": "c", "name": "t", "chat_messages": listed, "current_leaf_message_uuid": "0"}])


@case("trees", ".json", MIB)
def grok_cycle(_: Random, size: int) -> bytes:
    count = max(3, size // 130)
    listed = [
        {
            "response": {
                "_id": f"{n}",
                "sender": "human",
                "message": "I run.",
                "parent_response_id": f"{(n * 7) % count}",
            }
        }
        for n in range(count)
    ]
    return js({"conversations": [{"conversation": {"id": "g", "title": "t"}, "responses": listed}]})


@case("trees", ".json")
def librechat_nested(_: Random, size: int) -> bytes:
    """Answers in answers, as deep as can be parsed."""
    text = ""
    for _ in range(min(480, size // 100)):
        text = f'[{{"messageId":"m","isCreatedByUser":true,"text":"I run.","children":{text or "[]"}}}]'
    return f'{{"conversationId":"c","title":"t","recursive":true,"messagesTree":{text}}}'.encode()


@case("trees", ".json", 2 * MIB)
def librechat_wide(_: Random, size: int) -> bytes:
    answer = '{"messageId":"n","text":"x","children":[]}'
    one = f'{{"messageId":"m","isCreatedByUser":true,"text":"I run.","children":[{answer}]}}'
    return f'{{"conversationId":"c","title":"t","messagesTree":[{",".join([one] * (size // 120))}]}}'.encode()


@case("trees", ".json", 2 * MIB)
def open_webui_cycle(_: Random, size: int) -> bytes:
    count = max(3, size // 110)
    nodes = {
        f"{n}": {"id": f"{n}", "parentId": f"{(n + 1) % count}", "role": "user", "content": "I run."}
        for n in range(count)
    }
    return js(
        [{"id": "c", "title": "t", "chat": {"title": "t", "history": {"messages": nodes, "currentId": "x"}}}]
    )


@case("trees", ".json", 2 * MIB)
def deepseek_cycle(_: Random, size: int) -> bytes:
    count = max(3, size // 170)
    fragments = [{"type": "REQUEST", "content": "I run."}]
    said = {"files": [], "inserted_at": "2024-01-01", "fragments": fragments}
    nodes: Json = {
        f"{n}": {"parent": f"{(n + 1) % count}", "children": [f"{(n + 2) % count}"], "message": said}
        for n in range(count)
    }  # fmt: skip
    return js(
        [{"id": "c", "title": "t", "inserted_at": "2024-01-01", "updated_at": "2024-01-01", "mapping": nodes}]
    )


@case("trees", ".json", 2 * MIB)
def le_chat_versions(_: Random, size: int) -> bytes:
    one = {"chatId": "c", "id": "m", "role": "user", "content": "I run.", "contentChunks": None}
    return js([one | {"version": n, "chatId": f"c{n % 3}"} for n in range(size // 110)])


@case("trees", ".json", 2 * MIB)
def chats_one_a_message(_: Random, size: int) -> bytes:
    one = {"role": "user", "content": "I run.", "contentChunks": None}
    return js([one | {"chatId": f"c{n}", "id": f"{n}"} for n in range(size // 90)])


@case("trees", ".json", 4 * MIB)
def many_parts(_: Random, size: int) -> bytes:
    parts: list[object] = ["a", None, {"content_type": "audio_transcription", "text": "b"}, 1, []] * (
        size // 80
    )
    one = chat("parts", "I am Ana.")
    one["mapping"]["parts-0"]["message"]["content"]["parts"] = parts
    return beside_good(one)


@case("trees", ".json", 64 * KIB)
def no_speech_known(_: Random, size: int) -> bytes:
    """Words in fields of a stranger's making: their names come into the report."""
    made = []
    for n in range(size // 400):
        one = chat(f"f{n}", "x")
        words = {
            "SEND_MONEY_NOW" + "_x" * 10: {"visit_evil_example": ["two words"]},
            "\u202e\x1b[31m": "two words",
        }
        one["mapping"][f"f{n}-0"]["message"]["content"] = {"content_type": f"kind\x1b[{n}m", **words}
        made.append(one)
    return beside_good(*made)
