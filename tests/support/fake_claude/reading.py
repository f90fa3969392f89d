"""How the stand-in reads a prompt: the transcript's messages, the facts planted in them, numbered items."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.exports.plants import FACTS

_MARK = r"[A-Z][a-z]+-\d{4,}"
_PLANTED = [
    re.compile(re.escape(template).replace(re.escape("{n}"), f"(?P<marker>{_MARK})")) for template in FACTS
]
_MARKER = re.compile(rf"\b{_MARK}\b")
_BEGIN = re.compile(r"^\[(\w+):begin\]$", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_ORDER = re.compile(r"(?i)\b(?:ignore|disregard)\b[^.\n]*\b(?:instructions|above)\b")


@dataclass(frozen=True, slots=True)
class Shown:
    """One numbered thing of the prompt: a message (by P or A), a fact or an excerpt."""

    number: int
    kind: str
    """`P` the person's words, `A` the assistant's, empty for a fact."""
    text: str


@dataclass(frozen=True, slots=True)
class PlantedFact:
    """A planted sentence in a message of the person."""

    marker: str
    sentence: str
    number: int


def prompt_text(params: dict[str, Any]) -> str:
    """What the last message of the user whose text is delimited says; empty if none is."""
    texts = [_text(message["content"]) for message in params["messages"] if message["role"] == "user"]
    return next((text for text in texts if _BEGIN.search(text)), "")


def all_text(params: dict[str, Any]) -> str:
    """System prompt and messages."""
    system = params.get("system") or ""
    return _text(system) + "".join(_text(message["content"]) for message in params["messages"])


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


def shown(text: str) -> list[Shown]:
    """The numbered things between the delimiters, in order."""
    begin = _BEGIN.search(text)
    if begin is None:
        return []
    tag = re.escape(begin[1])
    end = re.search(rf"^\[{tag}:end\]$", text[begin.end() :], re.MULTILINE)
    body = text[begin.end() : begin.end() + end.start()] if end else text[begin.end() :]
    parts = re.split(rf"^\[{tag}:(?:(\d+)(?: ([PA]))?[^\]\n]*|#[^\n]*)\] ?", body, flags=re.MULTILINE)
    found = zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    return [Shown(int(number), kind or "", said.rstrip("\n")) for number, kind, said in found if number]


def planted(messages: list[Shown]) -> Iterator[PlantedFact]:
    """Facts in the person's own words: whole sentences of the planted kinds."""
    for message in messages:
        if message.kind != "P" or not _MARKER.search(message.text):
            continue
        for sentence in _SENTENCE_END.split(message.text):
            for template in _PLANTED:
                if match := template.fullmatch(sentence.strip()):
                    yield PlantedFact(match["marker"], match.group(), message.number)
                    break


def ordered(messages: list[Shown]) -> Shown | None:
    """A message that tells its reader what to do, if there is one."""
    return next((message for message in messages if _ORDER.search(message.text)), None)
