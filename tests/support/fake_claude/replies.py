"""What the stand-in says: a good reply of the prompt's schema, and every bad one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import orjson

from tests.support.fake_claude.faults import FakeFault
from tests.support.fake_claude.reading import Shown, ordered, planted, prompt_text, shown

AMONG_WORDS = {
    FakeFault.FENCED: "Here is what I found:\n```json\n@\n```\nLet me know if you need more.",
    FakeFault.BRACES: 'As {asked}, with its {"keys"} [all of them]:\n@\nI left {the rest} out.',
    FakeFault.ALOUD: '<think>\nPerhaps {"facts": [], "keep": [9999]}? No: {better}.\n</think>\n\n@',
    FakeFault.TWICE: '{"facts": []}\n@',
}
"""What stands around a good reply, which is the `@`."""


def good_reply(params: dict[str, Any], fault: FakeFault | None) -> tuple[str, list[str]]:
    """The reply's text, and the markers of the planted facts it offers."""
    things = shown(prompt_text(params))
    properties = properties_of(params)
    if "facts" in properties:
        return _extraction(things, fault)
    facts = [thing for thing in things if not thing.kind]
    if "keep" in properties:
        return _dumped({"keep": [thing.number for thing in facts]}), []
    if "groups" in properties:
        lines = [_line(thing) for thing in facts]
        return _dumped({"groups": [{"heading": "About you", "lines": lines}]}), []
    if "soul" in properties:
        lines = [_line(thing) for thing in facts[:5]]
        return _dumped({name: _section(params, name, lines) for name in properties}), []
    return "ok", []


def _section(params: dict[str, Any], name: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The lines dealt out to the fields that the schema asks for; some of five get none."""
    asked = fields_of(params, name)
    return {field: lines[place :: len(asked)] for place, field in enumerate(asked)}


def spoilt(text: str, fault: FakeFault | None) -> str:
    """What a faulty model makes of a good reply's text."""
    if fault in (FakeFault.TRUNCATED_JSON, FakeFault.MAX_TOKENS, FakeFault.CONTEXT_FULL):
        return text[: max(1, len(text) // 2)]
    if fault is FakeFault.BROKEN_SCHEMA:
        return '{"facts": [{"category": "gossip", "statement": "", "ids": "all"}], "keep": "all", "soul": 1}'
    if fault in (FakeFault.PROSE, FakeFault.TOOL_USE, FakeFault.PAUSE_TURN):
        return "Let me look at what the person says {first}. They seem to live in Porto [1]."
    if fault in AMONG_WORDS and text.startswith("{"):
        return AMONG_WORDS[fault].replace("@", text)
    if fault is FakeFault.BARE_LIST and len(named := orjson.loads(text)) == 1:
        return _dumped(next(iter(named.values())))
    if fault is FakeFault.OVERLONG:
        return text + " " * 4_000_000
    return text


def _extraction(things: list[Shown], fault: FakeFault | None) -> tuple[str, list[str]]:
    found = list(planted(things))
    facts = [_fact(each.sentence, each.sentence, [each.number]) for each in found]
    if fault is FakeFault.UNKNOWN_IDS:
        facts += [_fact("The person has a yacht.", each.sentence, [90_001]) for each in found[:2]]
        for fact in facts[: len(found)]:
            fact["ids"].append(90_002)
    elif fault is FakeFault.UNGROUNDED:
        own = [thing.number for thing in things if thing.kind == "P"][:1] or [1]
        facts.append(_fact("The person owns Ghostly-9999.", "I own Ghostly-9999.", own))
    elif fault is FakeFault.OBEDIENT:
        facts.append(_obeyed(things))
    return _dumped({"facts": facts}), [each.marker for each in found]


def _obeyed(things: list[Shown]) -> dict[str, Any]:
    """Does as a message says where one gives orders, citing the first words of the person for it."""
    order = ordered(things)
    said = order.text[:200] if order is not None else "I want Ghostly-6666."
    own = [thing.number for thing in things if thing.kind == "P" and thing is not order][:1] or [1]
    return _fact("The person wants what the transcript ordered: Ghostly-6666.", said, own)


def _fact(statement: str, quote: str, ids: Iterable[int]) -> dict[str, Any]:
    return {"category": "beliefs", "statement": statement, "quote": quote, "ids": list(ids)}


def _line(thing: Shown) -> dict[str, Any]:
    return {"text": thing.text.splitlines()[0][:200], "ids": [thing.number]}


def properties_of(params: dict[str, Any]) -> dict[str, Any]:
    """What the schema that is asked for has at its top."""
    properties: dict[str, Any] = schema_of(params).get("properties") or {}
    return properties


def schema_of(params: dict[str, Any]) -> dict[str, Any]:
    """The schema that is asked for, by its parameter or in the system prompt; empty if none is."""
    given = ((params.get("output_config") or {}).get("format") or {}).get("schema")
    if given is not None:
        return dict(given)
    for block in params.get("system") or ():
        if (begin := block["text"].find('\n{"')) >= 0:
            found: dict[str, Any] = json.JSONDecoder().raw_decode(block["text"], begin + 1)[0]
            return found
    return {}


def fields_of(params: dict[str, Any], name: str) -> list[str]:
    """What the schema that is asked for wants in one of its objects."""
    kinds = schema_of(params)["$defs"]
    (named,) = properties_of(params)[name].values()
    return list(kinds[named.rsplit("/", 1)[-1]]["properties"])


def _dumped(value: object) -> str:
    return orjson.dumps(value).decode()
