"""Every parser of untrusted text is linear in it, whatever stands there again and again.

A new parser gets a row: what it is, and a function of a text.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import pytest

from services.chunker.passages import cut
from services.extractor.grounding import ground
from services.gateway.json_bodies import why_not_taken
from shared.domain.documents import section_text
from shared.domain.earlier_sections import lines_of
from shared.domain.errors import BrokenExportError
from shared.domain.facts import Candidate, Category
from shared.domain.markdown import plain
from shared.domain.printable import escaped, on_one_line, printable
from shared.domain.sample import SampleConversation
from shared.domain.sections import User, lines_said
from shared.domain.text import repair
from shared.english.binding.own import own_text
from shared.english.claims import claim_of
from shared.english.language import language_of
from shared.english.matters import matter_of
from shared.english.normalise import normalise
from shared.exports.conversation import ReadLimits
from shared.exports.formats.copilot import Copilot
from shared.exports.formats.gemini_html import GeminiHtml
from shared.exports.formats.grok import _without_cards
from shared.exports.formats.head import read_head
from shared.exports.formats.librechat import _text as librechat_text
from shared.exports.formats.markup import text_of_html
from shared.exports.formats.open_webui import without_reasoning
from shared.exports.formats.takeout import passed_over, prompt_of
from shared.exports.formats.takeout_times import looks_like_time, parse_activity_time
from shared.exports.formats.times import parse_time
from shared.exports.json.keys import top_keys
from shared.exports.json.stream import stream_objects
from shared.exports.json.value import NotJsonError, parse_json
from shared.exports.json.weight import weight_of
from shared.exports.lost import unread
from shared.models.claude.schema import ExtractReply, InvalidReplyError, parse_reply
from shared.models.claude.transcript import delimited
from shared.models.rules.reading import read_messages
from shared.models.rules.said import Said
from shared.models.writer.voice import measure
from tests.support.growth import MOST_GROWTH, Hostile, each_hostile, growth
from tests.unit.rules.said_support import chunk_of, message

SIZE = 3_000
SIZES = {"JSON": 600}
"""Characters of the smaller of two texts; fewer where each of them may be a value."""
FLOOR = 0.01
"""Seconds that 12,000 characters may take without a question: much is slow here, and little."""
CELL = (
    '<html><div class="outer-cell"><div class="header-cell"><p>Gemini Apps<br></p></div>'
    '<div class="content-cell">{}</div></div></html>'
)
TOLD = "Prompted hi<br>Apr 12, 2026, 3:34:31 PM EDT<br>"
Parser = Callable[[str], object]


def page(form: str, text: str) -> None:
    with suppress(BrokenExportError):
        list(
            GeminiHtml().read(
                io.BytesIO(form.replace("{}", text).encode("utf-8", "surrogatepass")), "m.html", ReadLimits()
            )
        )


def table(text: str) -> None:
    stream = io.BytesIO(b"Conversation,Time,Author,Message\n" + text.encode("utf-8", "surrogatepass"))
    with suppress(BrokenExportError):
        list(Copilot().read(stream, "m.csv", ReadLimits()))


def objects(form: str, text: str) -> None:
    stream = io.BytesIO(form.replace("{}", text).encode("utf-8", "surrogatepass"))
    with suppress(BrokenExportError):
        for _ in stream_objects(stream, "m.json", ReadLimits(), ("item", "conversations.item", "")):
            pass


def weighed(text: str) -> None:
    data = bytearray(b'"' + text.encode("utf-8", "surrogatepass"))
    weight_of(data, 0, len(data), 64 * len(data), 8 * len(data))


def value(text: str) -> None:
    with suppress(NotJsonError):
        parse_json(text.encode("utf-8", "surrogatepass"))


def reply(text: str) -> None:
    with suppress(InvalidReplyError):
        parse_reply(text, ExtractReply)


def rules(text: str, *, custom: bool = False) -> None:
    read_messages([Said("m", "c", text, None, custom)])


def grounded(text: str) -> None:
    text = repair(text)
    said = chunk_of(message(text, 0))
    candidate = Candidate(
        category=Category.BELIEFS,
        statement="s",
        quote=text[-200:] or "q",
        message_ids=(said.messages[0].id,) * 50,
    )
    ground(said, (candidate, candidate.model_copy(update={"quote": "no such words"})))


def sampled(text: str) -> None:
    measure(
        [
            SampleConversation(
                id="c",
                title="t",
                created_at=datetime.now(UTC),
                person_characters=1,
                excerpts=(text[:400],) * 12,
            )
        ]
    )


PARSERS: dict[str, Parser] = {
    "HTML": text_of_html,
    "a page, told by its content": partial(page, CELL.replace("{}", TOLD + "{}")),
    "a page without a time": partial(page, CELL),
    "a page of pieces": partial(page, "<html>{}"),
    "a table": table,
    "JSON": partial(objects, "{}"),
    "JSON in a list": partial(objects, "[{}]"),
    "JSON in a text": partial(objects, '[{"a":"{}"}]'),
    "JSON in an object": partial(objects, '{"conversations":[{}],"x":{}}'),
    "one JSON value": value,
    "the weight of one": weighed,
    "keys": lambda text: top_keys(("{" + text).encode("utf-8", "surrogatepass"), 0),
    "the head of a file": lambda text: read_head(io.BytesIO(("[" + text).encode("utf-8", "surrogatepass"))),
    "a text": repair,
    "cards": lambda text: _without_cards("<grok:" + text),
    "details": lambda text: without_reasoning("<details type=reasoning>" + text),
    "thinking": lambda text: librechat_text({"text": ":::thinking" + text}, "assistant"),
    "a prompt": lambda text: (prompt_of(text, answered=True), passed_over(text)),
    "a time": lambda text: (looks_like_time(text), parse_activity_time(text), parse_time(text)),
    "what is lost": lambda text: unread({"a": text, text: [text]}),
    "plain words": plain,
    "a section of old": lambda text: list(lines_of("- " + text)),
    "a section of the app's": lambda text: section_text("user", json.dumps({"name": text, text: [text]})),
    "a section": lambda text: User.of({"interests": lines_said(repair(text))}),
    "normal words": normalise,
    "a language": language_of,
    "what is pasted": own_text,
    "a claim": lambda text: claim_of(text[:1000]),
    "a matter": lambda text: matter_of("beliefs", text[:1000]),
    "the rules": rules,
    "the rules, of instructions": partial(rules, custom=True),
    "a sample": sampled,
    "a model's reply": reply,
    "a transcript": lambda text: delimited([("1 P", text)]),
    "a ground": grounded,
    "a body": lambda text: why_not_taken(text.encode("utf-8", "surrogatepass")),
    "passages": lambda text: cut(text, 100),
    "text on a terminal": printable,
    "a line on a terminal": on_one_line,
    "a document that hides nothing": escaped,
}


def too_dear(parse: Parser, texts: list[Hostile], size: int = SIZE, floor: float = FLOOR) -> list[str]:
    """Those of the texts with which it is not linear."""
    found = []
    for text in texts:
        times = growth(partial(_asked, parse, text), size, floor)
        if times > MOST_GROWTH:
            found.append(f"{times:.1f} times as long for four times as much of {text}")
    return found


def _asked(parse: Parser, text: Hostile, size: int) -> Callable[[], object]:
    return partial(parse, text.of(size))


@pytest.mark.parametrize("name", PARSERS)
def test_every_parser_is_linear(name: str) -> None:
    assert too_dear(PARSERS[name], each_hostile(), SIZES.get(name, SIZE)) == []
