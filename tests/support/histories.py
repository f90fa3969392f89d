"""Histories of one person at several vendors that grow and change, at random, and the exports of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from shared.domain.ids import OLDEST
from tests.exports.plants import FACTS
from tests.support.exports import json_of, zip_of

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """One message; the person's and the assistant's take turns."""

    id: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation as one export shows it, and what is planted in it."""

    id: str
    title: str
    begun: datetime
    changed: datetime
    messages: tuple[Said, ...]
    markers: tuple[str, ...]


@dataclass(slots=True)
class History:
    """One account. Each version is an export of it, later than the one before."""

    number: int
    vendor: str
    owner: str
    """The account's id, where exports tell it."""
    name: str | None
    """The lineage, where the person names it."""
    versions: list[list[Talk]] = field(default_factory=list)

    @property
    def key(self) -> str:
        """What stands for the lineage in a test."""
        return self.name or f"account {self.number}"

    def export(self, folder: Path, version: int) -> Path:
        """The file of a version."""
        path = folder / f"{self.number}-{version}.{'zip' if self.vendor == 'chatgpt' else 'json'}"
        if not path.exists():
            path.write_bytes(WRITERS[self.vendor](self.versions[version], self.owner))
        return path


class Histories:
    """2 to 4 accounts of one person."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._markers = iter(f"Zorvik-{number}" for number in range(1000, 10_000))
        self._shared: set[str] = set()
        self.all: list[History] = []
        for number in range(rng.randint(2, 4)):
            self.all.append(self._history(number))

    def _history(self, number: int) -> History:
        rng = self._rng
        vendor = rng.choice(sorted(WRITERS))
        # what nothing tells apart is one account, if it is read in one run
        unowned = all(other.owner for other in self.all if other.vendor == vendor)
        owner = "" if unowned and rng.random() < 0.4 else f"owner {number}"
        name = rng.choice(["at home", f"name {number}"]) if rng.random() < 0.25 else None
        history = History(number, vendor, owner, name)
        talks = [self._talk(f"{vendor}-{number}-{each}", each * 10) for each in range(rng.randint(3, 5))]
        talks += self._moved(history)
        history.versions.append(talks)
        for version in range(1, rng.randint(2, 3)):
            talks = list(talks)
            place = rng.randrange(len(talks))  # the person went on there, and said something else
            talks[place] = self._talk(talks[place].id, 100 * version + place, talks[place])
            if len(talks) > OLDEST and rng.random() < 0.3:  # a history is known by its oldest ones
                talks.pop(rng.randrange(OLDEST, len(talks)))
            talks.append(self._talk(f"{vendor}-{number}-{version}0{version}", 100 * version + 50))
            history.versions.append(talks)
        return history

    def _moved(self, history: History) -> list[Talk]:
        """A conversation of another account of the vendor that this one shows, too. Its title stays: that of
        the newest run is shown, whichever account it is of."""
        for other in self.all:
            if other.vendor == history.vendor and other.owner and history.owner and self._rng.random() < 0.7:
                shown = [talk for version in other.versions for talk in version]
                titles = {(talk.id, talk.title) for talk in shown}
                same = [talk for talk in shown if sum(talk.id == known for known, _ in titles) == 1]
                moved = self._rng.choice(same)
                self._shared.add(moved.id)
                return [moved]
        return []

    def _talk(self, talk: str, day: int, before: Talk | None = None) -> Talk:
        rng = self._rng
        at = BEGIN + timedelta(days=day, hours=len(self.all))
        messages = [] if before is None or rng.random() < 0.5 else list(before.messages)
        markers = list(before.markers) if before and messages else []
        for _ in range(rng.randint(1, 3)):
            marker = next(self._markers)
            markers.append(marker)
            for text in (rng.choice(FACTS).format(n=marker), "A good thought. " * rng.randint(1, 40)):
                number = len(messages)
                messages.append(Said(f"{talk}-m{number}-{day}", at + timedelta(minutes=number), text))
        title = before.title if before and talk in self._shared else f"On {talk}, {day}"
        begun = before.begun if before else messages[0].at
        return Talk(talk, title, begun, messages[-1].at, tuple(messages), tuple(markers))


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _turns(talk: Talk, person: str, assistant: str) -> Iterator[tuple[Said, str, str]]:
    """Each message, who said it, and what came before it."""
    for number, said in enumerate(talk.messages):
        yield said, assistant if number % 2 else person, talk.messages[number - 1].id if number else ""


def _chatgpt(talks: Sequence[Talk], owner: str) -> bytes:
    conversations = []
    for talk in talks:
        mapping: Json = {"root": {"id": "root", "message": None, "parent": None, "children": []}}
        for said, role, before in _turns(talk, "user", "assistant"):
            mapping[before or "root"]["children"].append(said.id)
            message = {
                "id": said.id,
                "author": {"role": role},
                "create_time": said.at.timestamp(),
                "content": {"content_type": "text", "parts": [said.text]},
            }
            mapping[said.id] = {
                "id": said.id,
                "message": message,
                "parent": before or "root",
                "children": [],
            }
        conversations.append(
            {
                "id": talk.id,
                "conversation_id": talk.id,
                "title": talk.title,
                "create_time": talk.begun.timestamp(),
                "update_time": talk.changed.timestamp(),
                "mapping": mapping,
                "current_node": talk.messages[-1].id,
            }
        )
    members = {"conversations.json": json_of(conversations)}
    if owner:
        members["user.json"] = json_of({"id": owner, "email": "a@example.org", "chatgpt_plus_user": False})
    return zip_of(members)


def _claude(talks: Sequence[Talk], owner: str) -> bytes:
    return json_of(
        [
            {
                "uuid": talk.id,
                "name": talk.title,
                "created_at": _iso(talk.begun),
                "updated_at": _iso(talk.changed),
                "chat_messages": [
                    {
                        "uuid": said.id,
                        "sender": sender,
                        "content": [{"type": "text", "text": said.text}],
                        "created_at": _iso(said.at),
                    }
                    for said, sender, _ in _turns(talk, "human", "assistant")
                ],
                **({"account": {"uuid": owner}} if owner else {}),
            }
            for talk in talks
        ]
    )


def _grok(talks: Sequence[Talk], owner: str) -> bytes:
    conversations = [
        {
            "conversation": {
                "id": talk.id,
                "title": talk.title,
                "create_time": _iso(talk.begun),
                "modify_time": _iso(talk.changed),
                **({"user_id": owner} if owner else {}),
            },
            "responses": [
                {
                    "response": {
                        "_id": said.id,
                        "sender": sender,
                        "message": said.text,
                        "create_time": _iso(said.at),
                        **({"parent_response_id": before} if before else {}),
                    }
                }
                for said, sender, before in _turns(talk, "human", "ASSISTANT")
            ],
        }
        for talk in talks
    ]
    return json_of({"conversations": conversations})


def _open_webui(talks: Sequence[Talk], owner: str) -> bytes:
    chats = []
    for talk in talks:
        messages = {
            said.id: {
                "id": said.id,
                "parentId": before or None,
                "role": role,
                "content": said.text,
                "timestamp": int(said.at.timestamp()),
            }
            for said, role, before in _turns(talk, "user", "assistant")
        }
        chats.append(
            {
                "id": talk.id,
                "title": talk.title,
                "created_at": int(talk.begun.timestamp()),
                "updated_at": int(talk.changed.timestamp()),
                "chat": {
                    "title": talk.title,
                    "history": {"messages": messages, "currentId": talk.messages[-1].id},
                },
                **({"user_id": owner} if owner else {}),
            }
        )
    return json_of(chats)


WRITERS: dict[str, Callable[[Sequence[Talk], str], bytes]] = {
    "chatgpt": _chatgpt,
    "claude": _claude,
    "grok": _grok,
    "open-webui": _open_webui,
}
"""By the name of the format."""
