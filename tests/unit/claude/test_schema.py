"""Replies are validated here, whatever the server promised."""

from __future__ import annotations

from datetime import date

import pytest

from shared.models.claude.schema import ExtractReply, InvalidReplyError, parse_reply

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
