"""An honest model: it says of the labelled messages what a careful reader says, in words of its own where
those are clearer (`tests/data/honest_answers.jsonl`), and writes of the person in the third person."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from tests.support.fake_claude.faults import FakeFault
from tests.support.fake_claude.reading import Shown, prompt_text, shown
from tests.support.fake_claude.replies import fields_of, properties_of

HONEST_ANSWERS: Final = Path(__file__).parents[2] / "data" / "honest_answers.jsonl"
_NOTE: Final = re.compile(r"^\([^)]*\) ")
_THIRD: Final = (
    (r"^I am\b", "Is"), (r"^I have\b", "Has"), (r"^I do not\b", "Does not"), (r"^I cannot\b", "Cannot"),
    (r"^I was\b", "Was"), (r"^I (\w+ed|ran|got|gave|quit|went|chose|bought)\b", r"\1"),
    (r"^I (usually|always|only|never|no longer) (\w+)", r"\1 \2s"), (r"^My\b", "Their"),
    (r"^I (\w+[^s])\b", r"\1s"),
    (r"\bmy\b", "their"), (r"\bme\b", "them"), (r"\bI\b", "they"),
)  # fmt: skip
"""How "I am" becomes "Is". The grammar need not be right, the words are what counts."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A message, the facts that it gives, and the assistant's question before it, if it answers one."""

    text: str
    facts: tuple[dict[str, str], ...]
    asked: str = ""


def honest_answers(split: str = "labelled") -> list[Answered]:
    """What is said of the labelled messages that hold facts, and of short answers to questions; or, of the
    split "free", of messages that no rule was tuned on, in freer words and in more languages."""
    with HONEST_ANSWERS.open(encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["split"] == split]
    return [Answered(row["text"], tuple(row["facts"]), row.get("asked", "")) for row in rows]


class Honest:
    """Answers as `good_reply` does."""

    def __init__(self, answers: list[Answered]) -> None:
        self._answers = {(each.asked, each.text): each.facts for each in answers}
        self.offered: list[dict[str, Any]] = []
        """Every fact that it gave, in order."""
        self.lines = 0
        """Lines that it wrote, of MEMORY and of sections."""

    def __call__(self, params: dict[str, Any], fault: FakeFault | None) -> tuple[str, list[str]]:
        """The reply's text, and no markers."""
        things = shown(prompt_text(params))
        facts = [thing for thing in things if not thing.kind]
        properties = properties_of(params)
        reply: Any = None
        if "facts" in properties:
            reply = {"facts": self._facts(things)}
        elif "keep" in properties:
            reply = {"keep": [thing.number for thing in facts]}
        elif "groups" in properties:
            reply = {"groups": [{"heading": "About the person", "lines": self._pairs(facts)}]}
        elif "soul" in properties:
            reply = {}
            for at, name in enumerate(properties):
                asked = fields_of(params, name)
                lines = [self._line([thing]) for thing in facts[at::5][:20]]
                reply[name] = {field: lines[place :: len(asked)] for place, field in enumerate(asked)}
        return (orjson.dumps(reply).decode() if reply is not None else "ok"), []

    def _facts(self, things: list[Shown]) -> list[dict[str, Any]]:
        found = []
        for place, thing in enumerate(things):
            before = things[place - 1].text if place and things[place - 1].kind == "A" else ""
            facts = self._answers.get((before, thing.text)) or self._answers.get(("", thing.text), ())
            if thing.kind == "P":
                found += [{**fact, "ids": [thing.number], "confidence": 0.9} for fact in facts]
        self.offered += found
        return found

    def _pairs(self, facts: list[Shown]) -> list[dict[str, Any]]:
        """Two facts to a line, as a writer joins what belongs together."""
        return [self._line(facts[at : at + 2]) for at in range(0, len(facts), 2)]

    def _line(self, facts: list[Shown]) -> dict[str, Any]:
        self.lines += 1
        told = " and ".join(_third(_NOTE.sub("", fact.text)).rstrip(".") for fact in facts)
        return {"text": f"{told[:1].upper()}{told[1:]}."[:250], "ids": [fact.number for fact in facts]}


def _third(statement: str) -> str:
    for first, other in _THIRD:
        statement = re.sub(first, other, statement)
    return statement
