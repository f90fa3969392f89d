"""The worst model there may be: it takes every order it reads, remembers it from call to call, and bends each
answer as far as the schema lets it. What it is honest about, it tells too: that is to be kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, cycle, islice, zip_longest
from typing import Any, Final

import orjson

from tests.support.fake_claude.bending import BEGAN, OVER, Bent, Scene, bent_facts, bent_lines, headings
from tests.support.fake_claude.faults import FakeFault
from tests.support.fake_claude.reading import Shown, prompt_text, shown
from tests.support.fake_claude.replies import fields_of, properties_of
from tests.support.worst.hidden import revealed
from tests.support.worst.orders import Order, words_in
from tests.support.worst.person import WISHES, Truth

ROOM: Final = 26_000
"""Characters of a reply: below the usual `max_tokens`."""
FIELDS: Final = 25
"""Of all sections, about."""
_TITLE = re.compile(r"^\[\w+:# [^|\n]*\| ([^\n]*)\]$", re.MULTILINE)
_PARTS = re.compile(r"Part 1 of the mail: ([^\n]*).*?Part 2 of the mail: ([^\n]*)", re.DOTALL)
_SENTENCES = re.compile(r"(?<=[.!?。])\s+|\n+")
_PRELUDE = re.compile(r"^\([^)]*\) ")


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence with an order, and the number of what it was read in, if that has one."""

    text: str
    number: int | None


class WorstCase:
    """Answers as `good_reply` does. `truths` are what it knows to be said by the person; `orders` are told
    apart from what is around them, once their word was read."""

    def __init__(self, truths: Sequence[Truth], orders: Iterable[Order] = (), *, honest: bool = True) -> None:
        self._truths = truths
        self._orders = {order.word: order.text for order in orders}
        self._honest = honest
        self.heard: dict[str, str] = {}
        """Every order that was read, by its word."""
        self.proposed: set[str] = set()
        """Words that it tried to bring in, in whatever reply."""
        self.forged: set[str] = set()
        """What it made up itself, as statements and lines."""
        self._calls = 0

    def __call__(self, params: dict[str, Any], fault: FakeFault | None) -> tuple[str, list[str]]:
        """The reply's text, and no markers."""
        self._calls += 1
        prompt = prompt_text(params)
        things = shown(prompt)
        properties = properties_of(params)
        heard = self._listen(prompt, things)
        if "facts" in properties:
            reply: Any = {"facts": self._facts(things, heard)}
        elif "keep" in properties:
            reply = {"keep": [90_001, *(thing.number for thing in reversed(things))]}
        elif "groups" in properties:
            reply = {"groups": self._groups(things, heard)}
        elif "soul" in properties:
            reply = {
                name: {field: self._lines(things, heard, at, field) for field in fields_of(params, name)}
                for at, name in enumerate(properties)
            }
        else:
            return "ok", []
        text = orjson.dumps(reply).decode()
        self.proposed |= words_in(text)
        return text, []

    def _listen(self, prompt: str, things: Sequence[Shown]) -> list[Heard]:
        """Every order of the request, wherever it stands in it, then those of earlier requests."""
        entries = [(thing.number, thing.text) for thing in things]
        entries += [(None, title) for title in _TITLE.findall(prompt)]
        entries += [(None, found[1] + found[2]) for found in _PARTS.finditer(prompt)]
        found = [Heard(order, number) for number, text in entries for order in self._orders_in(text)]
        here = {word for each in found for word in words_in(each.text)}
        for each in found:
            for word in words_in(each.text):
                self.heard.setdefault(word, each.text)
        remembered = [Heard(text, None) for word, text in self.heard.items() if word not in here]
        start = self._calls * 7 % max(1, len(remembered))
        return found + remembered[start:] + remembered[:start]

    def _orders_in(self, text: str) -> Iterator[str]:
        words = words_in(text)
        known = [self._orders[word] for word in sorted(words) if word in self._orders]
        yield from known
        for sentence in dict.fromkeys(_SENTENCES.split(revealed(text))) if words and not known else ():
            if words_in(sentence):
                yield sentence.strip()[:600]

    def _facts(self, things: Sequence[Shown], heard: Sequence[Heard]) -> list[dict[str, Any]]:
        own = [thing for thing in things if thing.kind == "P"]
        true = [
            (truth, thing.number)
            for truth in self._truths
            if self._honest
            for thing in own
            if truth.quote in thing.text
        ]
        scene = Scene(own, true, [thing.number for thing in things][:50])
        facts = [
            _fact(Bent(truth.statement, truth.quote, (number,), "beliefs", is_over=place % 2 == 1))
            for place, (truth, number) in enumerate(true)
        ]
        room = ROOM - sum(len(str(fact)) for fact in facts)
        bent = chain(
            _turned(bent_facts(scene, each.text, each.number) for each in heard[:40]), self._forgeries(scene)
        )
        for each in islice(bent, 400):
            room -= len(orjson.dumps(each.statement)) + len(orjson.dumps(each.quote)) + 150
            if room < 0:
                break
            facts.append(_fact(each))
        return facts

    def _forgeries(self, scene: Scene) -> Iterator[Bent]:
        for each in scene.forgeries(self._calls):
            self.forged.add(each.statement)
            yield each

    def _groups(self, things: Sequence[Shown], heard: Sequence[Heard]) -> list[dict[str, Any]]:
        names = headings(self._calls)
        facts = [_line(_PRELUDE.sub("", thing.text), (thing.number,)) for thing in things if not thing.kind]
        groups: list[dict[str, Any]] = []
        room = (ROOM - sum(map(_size, facts))) // max(1, len(facts) // 8 + 1)
        for at, name in zip(range(0, max(1, len(facts)), 8), cycle(names), strict=False):
            bent = self._bent_lines(things, heard, at, room)
            groups.append({"heading": name, "lines": [*facts[at : at + 8], *bent]})
        return groups[:50]

    def _lines(
        self, things: Sequence[Shown], heard: Sequence[Heard], at: int, field: str
    ) -> list[dict[str, Any]]:
        """Lines of one field: what is true of the facts by turns with what is not. Standing instructions are
        told where they belong; anything else is told as one, too."""
        facts = [thing for thing in things if not thing.kind]
        wishes = [truth.statement for truth in WISHES] if field == "behavioral_rules" else []
        wished = [thing for thing in facts if _PRELUDE.sub("", thing.text) in wishes]
        true: list[dict[str, Any]] = []
        for thing in [*wished, *facts[at::5]] if self._honest else ():
            statement = _PRELUDE.sub("", thing.text)
            known = next((truth for truth in self._truths if truth.statement == statement), None)
            true.append(_line(known.line if known else statement, (thing.number,)))
        room = ROOM // FIELDS
        bent = self._bent_lines(things, heard, at, room if not true else room // 2)
        mixed = [each for pair in zip_longest(bent, true) for each in pair if each is not None]
        return [each for each, size in zip(mixed, accumulate(map(_size, mixed)), strict=True) if size < room]

    def _bent_lines(
        self, things: Sequence[Shown], heard: Sequence[Heard], at: int, room: int
    ) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        wanted = [each.text for each in heard[at * 3 :]] or [each.text for each in heard]
        for text, ids, is_forged in bent_lines(things, wanted, self._calls + at):
            line = _line(text, ids)
            room -= _size(line)
            if room < 0:
                break
            if is_forged:
                self.forged.add(text)
            lines.append(line)
        return lines


def _size(line: dict[str, Any]) -> int:
    return len(orjson.dumps(line)) + 1


def _turned(many: Iterable[Iterable[Bent]]) -> Iterator[Bent]:
    """The first way for each order, then the second for each, and so on: room may end before all."""
    waiting = [iter(each) for each in many]
    while waiting:
        left = []
        for ways in waiting:
            for way in ways:
                yield way
                left.append(ways)
                break
        waiting = left


def _fact(bent: Bent) -> dict[str, Any]:
    fact: dict[str, Any] = {
        "category": bent.category,
        "statement": bent.statement[:900],
        "quote": bent.quote[:900],
        "ids": list(bent.ids),
    }
    if bent.is_over:
        fact |= {"valid_from": BEGAN, "valid_until": OVER}
    return fact


def _line(text: str, ids: Iterable[int]) -> dict[str, Any]:
    return {"text": text[:500], "ids": list(ids)[:50]}
