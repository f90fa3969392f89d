"""Replies are validated here, whatever the server promised."""

from __future__ import annotations

from datetime import date

import pytest

from shared.models.claude.parsing import InvalidReplyError, Spoilt, parse_reply
from shared.models.claude.schema import ExtractReply, LooseSections, MemoryReply, ReduceReply

FACT = '{"category": "beliefs", "statement": "I live in Porto.", "quote": "live in Porto", "ids": [1]}'


def facts(text: str) -> int:
    return len(parse_reply(text, ExtractReply).facts)


def test_a_good_reply_is_read() -> None:
    assert facts(f'{{"facts": [{FACT}, {FACT}]}}') == 2
    assert facts('{"facts": []}') == 0


def test_words_and_fences_around_it_are_let_pass() -> None:
    assert facts(f'Sure! Here:\n```json\n{{"facts": [{FACT}]}}\n```\nAnything else?') == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "I found nothing.",
        '{"facts": [' + FACT,
        '{"facts": null}',
        '{"facts": [{"category": "gossip"}]}',
        '{"facts": [' + FACT.replace("[1]", "[]") + "]}",
        '{"facts": [' + FACT.replace('"I live in Porto."', '"  "') + "]}",
        '{"facts": [' + FACT.replace('"live in Porto"', '"' + "x" * 1001 + '"') + "]}",
        '{"facts": [' + FACT.replace("[1]", '[1], "confidence": 7') + "]}",
        '{"facts": [' + ",".join([FACT] * 501) + "]}",
    ],
)
def test_what_is_not_of_the_schema_is_refused(text: str) -> None:
    with pytest.raises(InvalidReplyError):
        parse_reply(text, ExtractReply)


GOOD = f'{{"facts": [{FACT}, {FACT}]}}'


@pytest.mark.parametrize(
    "text",
    [
        f"{{as asked}} {GOOD}",
        f'{{"as": "asked"}} {GOOD} {{}}',
        f'Keys are {{"facts"}}. So:\n{GOOD}',
        f'<think>Perhaps {{a: 1}}, or {{"facts": []}}?</think>\n{GOOD}',
        f'{{"facts": [{FACT}, {FACT}, {FACT}]}} is too much.</think>{GOOD}',
        f"<thinking>[1] {{</thinking> Here {{it is}}: ```json\n{GOOD}\n``` I hope {{that}} helps",
        f'{GOOD}\n{{"facts": []}}',
        f'{{"facts": []}}\n\n{GOOD}',
        f"[{FACT}, {FACT}]",
        f"[see above] ```json\n[{FACT},\n{FACT}]\n```",
        f"[] {{}} {GOOD}",
    ],
)
def test_json_is_found_among_braces_thoughts_and_other_json(text: str) -> None:
    assert facts(text) == 2


def test_a_list_stands_for_an_object_that_has_nothing_else() -> None:
    assert parse_reply("```json\n[3, 1, 7, 12]\n```", ReduceReply).keep == [3, 1, 7, 12]
    with pytest.raises(InvalidReplyError):
        parse_reply("The most telling one is their home [1], I think.", ReduceReply)
    group = '{"heading": "You", "lines": []}'
    assert len(parse_reply(f"[{group}]", MemoryReply).groups) == 1
    with pytest.raises(InvalidReplyError):
        parse_reply("[]", LooseSections)


@pytest.mark.parametrize(
    ("text", "spoilt"),
    [
        ("", Spoilt.WORDS),
        ("I found nothing {at all} [1 of 2] in here.", Spoilt.WORDS),
        (f"<think>{GOOD}</think>", Spoilt.WORDS),
        (GOOD[:-1], Spoilt.CUT),
        (GOOD[:40], Spoilt.CUT),
        (f"Here: {GOOD[:-20]}", Spoilt.CUT),
        (GOOD.replace('"quote"', "quote"), Spoilt.SHAPE),
        ('{"facts": [{"category": oops, "ids": []}], "more": {"facts": 1}, "rest": [1, 2, 3]}', Spoilt.SHAPE),
        ('{"result": 7}', Spoilt.SHAPE),
        ("null", Spoilt.WORDS),
        ('{"facts": [' + "9" * 5000 + "]}", Spoilt.SHAPE),
        ('{"a": ' * 20_000, Spoilt.SHAPE),
    ],
)  # fmt: skip
def test_a_part_of_broken_json_is_no_answer(text: str, spoilt: Spoilt) -> None:
    with pytest.raises(InvalidReplyError) as refused:
        parse_reply(text, ExtractReply)
    assert refused.value.spoilt is spoilt


def test_sections_are_no_part_of_broken_ones() -> None:
    with pytest.raises(InvalidReplyError):
        parse_reply('{"soul": {"tone": [oops], "values": {"text": "x"}}}', LooseSections)


def test_what_is_told_holds_nothing_of_the_reply() -> None:
    with pytest.raises(InvalidReplyError) as refused:
        parse_reply('{"facts": [{"category": "secret words", "statement": 7}]}', ExtractReply)
    assert "secret" not in refused.value.told
    assert "facts.0.category" in refused.value.told


def test_an_empty_day_is_no_day() -> None:
    text = '{"facts": [' + FACT.replace("[1]", '[1], "valid_from": "", "valid_until": null') + "]}"
    assert parse_reply(text, ExtractReply).facts[0].valid_from is None


def test_the_day_of_an_event_is_no_end_of_validity() -> None:
    days = '[1], "valid_from": "2016-06-18", "valid_until": "2016-06-18"'
    (fact,) = parse_reply('{"facts": [' + FACT.replace("[1]", days) + "]}", ExtractReply).facts
    assert (fact.valid_from, fact.valid_until) == (date(2016, 6, 18), None)
    until = days.replace('until": "2016', 'until": "2017')
    (fact,) = parse_reply('{"facts": [' + FACT.replace("[1]", until) + "]}", ExtractReply).facts
    assert fact.valid_until == date(2017, 6, 18)
