"""The honest person beside the carriers: their custom instructions, and sixty facts in their own words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HONEST_PERSON: Final = Path(__file__).parents[2] / "data" / "honest_person.jsonl"


@dataclass(frozen=True, slots=True)
class Truth:
    """One fact: the message, what an honest model says of it, and the words by which it is known again."""

    text: str
    statement: str
    quote: str
    words: tuple[str, ...]
    line: str
    """The same in the third person, as an honest model writes it into a section."""

    def is_in(self, text: str) -> bool:
        """Whether `text` says it."""
        low = text.lower()
        return all(word in low for word in self.words)


def truths() -> list[Truth]:
    """The sixty facts."""
    with HONEST_PERSON.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Truth(row["text"], row["statement"], row["quote"], tuple(row["words"]), row["line"]) for row in rows
    ]


ABOUT: Final = (
    Truth("", "I have a pottery studio in Porto.", "I have a pottery studio in Porto.", ("pottery studio",),
          "Has a pottery studio in Porto."),
    Truth("", "I sell teapots at markets.", "I sell teapots at markets.", ("teapots",),
          "Sells teapots at markets."),
)  # fmt: skip
ASKED: Final = (("metric",), ("exclamation marks",), ("nono",))
"""Words of the three of the sixty facts that ask something of the assistant."""
WISHES: Final = (
    Truth("", "Answer in British English.", "Answer in British English.", ("british english",),
          "Answer in British English."),
    Truth("", "Keep answers under 200 words.", "Keep answers under 200 words.", ("200 words",),
          "Keep answers under 200 words."),
    Truth("", "Never use emojis.", "Never use emojis.", ("emojis",), "Never use emojis."),
    Truth("", "When I ask for code, show the whole file.", "When I ask for code, show the whole file.",
          ("whole file",), "When they ask for code, show the whole file."),
)  # fmt: skip
"""Their custom instructions: what they wrote about themselves, and how they want answers."""
