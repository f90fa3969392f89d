"""What holds for every format: nothing that the person said is lost, and what cannot be read is told."""

from __future__ import annotations

import io
import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import BrokenExportError
from shared.domain.text import repair
from shared.exports.conversation import Conversation, Parsed, ReadLimits, Rejected
from shared.exports.formats.base import Format
from shared.exports.formats.registry import FORMATS
from tests.support.formats import LIMITS, assert_sound, detected, read
from tests.support.samples import SAMPLES, data_of

SAID = [
    "I keep bees in Ghent",
    "How nice",
    "My hive has nine frames",
    "Good",
    "They are called Ada and Bo",
    "Oh",
]
JSON = [name for name in SAMPLES if name != "copilot"]
OF_ONE_FORM = ("le-chat", "chatbot-ui")
"""Their file is one chat, or has a wrapper of its own."""
FIELDS = {
    "chatgpt": "parts",
    "claude": "text",
    "grok": "message",
    "deepseek": "fragments",
    "ai-studio": "text",
    "le-chat": "content",
    "perplexity": "query",
    "github-copilot": "text",
    "open-webui": "content",
    "librechat": "text",
    "chatbot-ui": "content",
}
"""Where each JSON format has the person's words."""


def format_of(name: str) -> Format:
    return next(known for known in FORMATS if known.name == name)


def person(parsed: list[Parsed]) -> list[str]:
    """What the person said in all conversations, in order."""
    found = [item for item in parsed if isinstance(item, Conversation)]
    return [turn.text for item in found for turn in item.turns if turn.role == "user"]


def test_every_format_has_a_sample() -> None:
    assert set(SAMPLES) == {known.name for known in FORMATS}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_title_is_on_one_line(name: str) -> None:
    data = (
        data_of(SAMPLES[name](SAID))
        .replace(b'"t"', rb'"t\n\n# u\u2028v"')
        .replace(b"\r\nt,", b'\r\n"t\n\n# u v",')
    )
    for each in read(format_of(name), data):
        assert isinstance(each, Conversation)
        assert_sound(each)


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_detected_by_its_shape_alone_and_read_whole(name: str) -> None:
    sample = SAMPLES[name](SAID)
    assert detected(data_of(sample)) is format_of(name)
    parsed = read(format_of(name), data_of(sample))
    assert person(parsed) == SAID[::2]
    for item in parsed:
        assert_sound(item)
        assert isinstance(item, Conversation)
        assert item.lost == ()
    told = [turn.text for item in parsed if isinstance(item, Conversation) for turn in item.turns]
    assert sorted(told) == sorted(SAID)


WORDS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="<>&"), min_size=1
).filter(lambda text: bool(text.split()) and repair(text) == text)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "gemini"])
@settings(max_examples=25)
@given(st.lists(WORDS, min_size=1, max_size=8))
def test_no_message_of_the_person_is_lost(name: str, texts: list[str]) -> None:
    parsed = read(format_of(name), data_of(SAMPLES[name](texts)))
    assert person(parsed) == texts[::2]


@pytest.mark.parametrize("name", [name for name in JSON if name not in OF_ONE_FORM])
def test_a_list_under_conversations_is_read_like_the_list(name: str) -> None:
    sample: Any = SAMPLES[name](SAID)
    listed = sample.get("conversations", [sample]) if isinstance(sample, dict) else sample
    for wrapped in ({"conversations": listed}, listed):
        assert detected(wrapped) is format_of(name)
        assert person(read(format_of(name), wrapped)) == SAID[::2]


@pytest.mark.parametrize("name", FIELDS)
def test_a_conversation_whose_words_stand_in_another_field_is_refused_and_the_field_named(name: str) -> None:
    data = data_of(SAMPLES[name](SAID)).replace(f'"{FIELDS[name]}": '.encode(), b'"wording": ')
    (parsed,) = read(format_of(name), data)
    assert isinstance(parsed, Rejected)
    assert re.search(r"\d times: its words stand in `[\w.\[\]*]*wording[\w.\[\]]*`", parsed.reason)
    assert not any(text in parsed.reason for text in SAID)


@pytest.mark.parametrize("name", FIELDS)
def test_one_such_message_among_others_is_counted(name: str) -> None:
    key = f'"{FIELDS[name]}": '.encode()
    head, _, tail = data_of(SAMPLES[name](SAID)).rpartition(key)
    data = head + key + tail
    at = data.rindex(key, 0, data.index(b"Ada and Bo"))
    data = data[:at] + b'"wording": ' + data[at + len(key) :]
    (found,) = read(format_of(name), data)
    assert isinstance(found, Conversation)
    assert person([found]) == SAID[:4:2]
    assert len(found.lost) == 1


@pytest.mark.parametrize("name", SAMPLES)
def test_empty_messages_are_no_loss(name: str) -> None:
    for item in read(format_of(name), data_of(SAMPLES[name](["", ""]))):
        assert isinstance(item, Conversation)
        assert (item.turns, item.lost) == ([], ())


@pytest.mark.parametrize("name", SAMPLES)
def test_twice_gives_the_same_ids(name: str) -> None:
    data = data_of(SAMPLES[name](SAID))
    assert read(format_of(name), data) == read(format_of(name), data)


@pytest.mark.parametrize("name", SAMPLES)
def test_cut_off_anywhere_it_breaks_and_says_so(name: str) -> None:
    data = data_of(SAMPLES[name](SAID))
    for end in range(1, len(data) - 2, max(1, len(data) // 60)):
        found: list[Parsed] = []
        with suppress(BrokenExportError):
            found.extend(format_of(name).read(io.BytesIO(data[:end]), "member", LIMITS))
        assert all(any(whole.startswith(text) for whole in SAID[::2]) for text in person(found))
        for item in found:
            assert_sound(item)


@pytest.mark.parametrize("name", SAMPLES)
def test_more_messages_than_the_cap_are_refused(name: str) -> None:
    data = data_of(SAMPLES[name](SAID))
    parsed = read(format_of(name), data, ReadLimits(messages=3))
    if name == "gemini":
        assert person(parsed) == SAID[::2]
    else:
        assert [type(item) for item in parsed] == [Rejected]


@pytest.mark.parametrize("name", JSON)
@settings(max_examples=15)
@given(st.data())
def test_wrong_types_and_hostile_ids_are_borne(name: str, data: st.DataObject) -> None:
    hostile = ["\x00", "\ud800", "x" * 5000, "../../etc", "'; drop table x", -1, 10**400, [], {}, None, True]
    sample = json.loads(data_of(SAMPLES[name](SAID)))
    places = list(_places(sample))
    for _ in range(data.draw(st.integers(1, 4))):
        holder, key = data.draw(st.sampled_from(places))
        holder[key] = data.draw(st.sampled_from(hostile))
    for item in read(format_of(name), sample):
        assert_sound(item)


def _places(value: Any) -> list[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in list(pairs) for place in [(value, key), *_places(inner)]]
