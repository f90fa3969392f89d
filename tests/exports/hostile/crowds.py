"""Too many of what there may be many of: conversations, accounts, versions, claims, wordings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.exports.hostile.archives import CHATS, NAME
from tests.exports.hostile.base import GOOD, MIB, START, beside_good, case, chat, js, thin, zipped
from tests.exports.hostile.forms import FORMS


def _claude(key: str, text: str, at: int = 0, **fields: Any) -> dict[str, Any]:
    listed = [{"uuid": f"{key}-m", "sender": "human", "text": text}]
    return {"uuid": key, "name": key, "chat_messages": listed, "updated_at": START + at} | fields


@case("crowds", ".zip", 16 * MIB)
def empty_conversations(_: Random, size: int) -> bytes:
    pieces = (b'{"id":"%d","mapping":{}}' % n for n in range(size // 28))
    return zipped({NAME: CHATS[:-1] + b"," + b",".join(pieces) + b"]"})


@case("crowds", ".zip", 16 * MIB)
def empty_with_long_ids(random: Random, size: int) -> bytes:
    """What is to be forgotten is told by id."""
    pad = "\U0001f600" * 190
    pieces = (f'{{"id":"{pad}{n}-{random.randrange(9)}","mapping":{{}}}}' for n in range(size // 830))
    return zipped({NAME: CHATS[:-1] + b"," + ",".join(pieces).encode() + b"]"})


@case("crowds", ".zip", 8 * MIB)
def left_out(_: Random, size: int) -> bytes:
    pieces = (b'{"id":"%d","mapping":{},"is_do_not_remember":true}' % n for n in range(size // 52))
    return zipped({NAME: CHATS[:-1] + b"," + b",".join(pieces) + b"]"})


@case("crowds", ".zip", 8 * MIB)
def refused(random: Random, size: int) -> bytes:
    return zipped({NAME: CHATS[:-1] + b',"' + thin(random, b'",1,"', size) + b'"]'})


@case("crowds", ".zip", 8 * MIB)
def activities_of_others(random: Random, size: int) -> bytes:
    row = b'{"header":"YouTube","title":"Watched %d"},'
    good = FORMS["gemini"][1](["I keep bees.", "Nice."])
    rows = b"".join(row % random.randrange(10**6) for _ in range(size // len(row)))
    return zipped({"MyActivity.json": good[:-1] + b"," + rows + good[1:]})


@case("crowds", ".json", 2 * MIB)
def versions_of_one(_: Random, size: int) -> bytes:
    """Each is newer than the one before, and voids it."""
    return js([_claude("same", f"I live in Town{n}.", n) for n in range(size // 170)])


@case("crowds", ".json", 2 * MIB)
def versions_of_two_by_turns(_: Random, size: int) -> bytes:
    return js([_claude(f"c{n % 2}", "I run." if n % 3 else "", n) for n in range(size // 160)])


@case("crowds", ".json", 2 * MIB)
def versions_that_are_older(_: Random, size: int) -> bytes:
    return js([_claude("same", f"I live in Town{n}.", -n) for n in range(size // 170)])


@case("crowds", ".json", 2 * MIB)
def accounts_one_a_conversation(_: Random, size: int) -> bytes:
    return js(
        [_claude(f"c{n}", f"I live in Town{n}.", account={"uuid": f"a{n}"}) for n in range(size // 190)]
    )


@case("crowds", ".json", 2 * MIB)
def conversations_of_all_accounts(_: Random, size: int) -> bytes:
    return js(
        [
            _claude(f"c{n % 50}", f"I am Ana{n}.", n, account={"uuid": f"a{n % 300}"})
            for n in range(size // 190)
        ]
    )


@case("crowds", ".json", MIB)
def instructions_anew_each_time(random: Random, size: int) -> bytes:
    made = []
    for n in range(max(2, size // 2500)):
        one = chat(f"i{n}", "I run.")
        content = {
            "content_type": "user_editable_context",
            "user_profile": f"I am Ana{n}. " + random.randbytes(900).hex(),
        }
        one["mapping"][f"i{n}-0"]["parent"] = "u"
        one["mapping"]["u"] = {"message": {"author": {"role": "user"}, "content": content}}
        made.append(one)
    return beside_good(*made)


@case("crowds", ".json", 4 * MIB)
def instructions_of_one_line(_: Random, size: int) -> bytes:
    one = chat("i", "I run.")
    about = {"about_user_message": "```" * (size // 6) + "I am Ana. " * (size // 20)}
    one["mapping"]["i-0"]["parent"] = "u"
    one["mapping"]["u"] = {"message": {
        "author": {"role": "user"}, "metadata": {"user_context_message_data": about},
        "content": {"content_type": "user_editable_context", "user_profile": "`" * size},
    }}  # fmt: skip
    return beside_good(one)


def _claims(random: Random, size: int) -> Iterator[str]:
    told = 0
    while told < size:
        town = "".join(random.choice("abcdefghij") for _ in range(6)).title()
        claim = random.choice(
            ("I live in {}.", "I love {}.", "My name is {}.", "I work at {}.", "I decided to move to {}.")
        )
        told += len(claim) + 4
        yield claim.format(town)


@case("crowds", ".json", 512 * 1024)
def claims_of_one_matter(random: Random, size: int) -> bytes:
    """Thousands of claims that contradict each other, each at its own time."""
    texts = [c for c in _claims(random, size) if c.startswith("I live")] or ["I live in Ghent."]
    return js([_claude(f"c{n}", text, n, created_at=START + 1000 * n) for n, text in enumerate(texts)])


@case("crowds", ".json", 512 * 1024)
def claims_in_one_message(random: Random, size: int) -> bytes:
    return js([_claude("c", " ".join(_claims(random, size)))])


@case("crowds", ".json", 512 * 1024)
def claims_almost_the_same(random: Random, size: int) -> bytes:
    words = [f"{random.choice('abcdef')}{n % 97}" for n in range(size // 60)]
    return js(
        [
            _claude(f"c{n}", f"I love {w} tea with milk and honey in the morning.", n)
            for n, w in enumerate(words)
        ]
    )


@case("crowds", ".json", MIB)
def tiny_conversations(_: Random, size: int) -> bytes:
    return js([_claude(f"{n}", "I") for n in range(size // 120)])


@case("crowds", ".json", MIB)
def one_conversation_without_ids(_: Random, size: int) -> bytes:
    listed = [{"sender": "human", "text": "a"}] * (size // 32)
    return js([{"uuid": None, "name": None, "chat_messages": listed}] * 2)


@case("crowds", ".zip", 4 * MIB)
def members_that_are_exports(_: Random, size: int) -> bytes:
    return zipped([(f"conversations-{n:05}.json", CHATS) for n in range(size // 1000)])


@case("crowds", ".zip", MIB)
def formats_all_at_once(_: Random, size: int) -> bytes:
    texts = ["I keep bees.", "Nice.", "I run."] * max(1, size // 3000)
    return zipped(
        [(f"{name}{n}{suffix}", write(texts)) for n in range(3) for name, (suffix, write) in FORMS.items()]
    )


@case("crowds", ".zip")
def users_by_the_thousand(_: Random, size: int) -> bytes:
    users = [{"uuid": f"u{n}", "full_name": "\x1b[31mAna", "email_address": "a@b"} for n in range(size // 70)]
    one = json.dumps(users[:1]).encode()
    return zipped(
        [(f"{n}/users.json", one) for n in range(99)]
        + [("users.json", js(users)), (NAME, js([_claude("c", "I run.")]))]
    )


@case("crowds", ".json")
def duplicates(_: Random, size: int) -> bytes:
    return js(GOOD * (size // 600))
