from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from shared.exports.conversation import Conversation, PassedOver, Rejected
from shared.exports.formats.gemini import Gemini, parse
from tests.support.formats import anything, assert_sound, conversations, detected, read, said


def row(title: object, answer: str | None = "<p>Sure.</p>", **more: Any) -> dict[str, Any]:
    made = {
        "header": "Gemini Apps",
        "title": title,
        "time": "2026-04-28T08:53:43.029Z",
        "products": ["Gemini Apps"],
    }
    return {**made, **({} if answer is None else {"safeHtmlItem": [{"html": answer}]}), **more}


def test_a_row_is_a_conversation() -> None:
    (found,) = conversations(
        Gemini(), [row("Prompted I keep bees", "<p>How <b>nice</b>.</p><p>Since when?</p>")]
    )
    assert said(found) == [("user", "I keep bees"), ("assistant", "How nice.\n\nSince when?")]
    assert found.title == "I keep bees"
    assert found.created_at == found.updated_at == found.turns[0].created_at == 1777366423.029


@pytest.mark.parametrize(
    ("header", "title", "prompt"),
    [
        ("Bard", "Prompted hello", "hello"),
        ("Gemini Apps", "Prompted\xa0hello\nthere", "hello\nthere"),
        ("Gemini Apps", "Asked hello", "hello"),
        ("Gemini-Apps", "Eingegebener Prompt: Ich wohne in Bremen", "Ich wohne in Bremen"),
        ("Gemini アプリ", "送信したメッセージ: 猫を飼っています", "猫を飼っています"),
        ("Gemini アプリ", "猫を飼っています と入力しました", "猫を飼っています"),
        ("Додатки Gemini", "Запит: Я живу у Львові", "Я живу у Львові"),
        ("Εφαρμογές Gemini", "Υποβλήθηκε το ερώτημα Μένω στην Πάτρα", "Μένω στην Πάτρα"),
        ("Aplicaciones de Gemini", "Hiciste la petición vivo en Lugo", "vivo en Lugo"),
        ("Aplicaciones de Gemini", "Has dicho: vivo en Lugo", "vivo en Lugo"),
        ("Applications Gemini", "Prompt : j'habite à Lyon", "j'habite à Lyon"),
        ("Gemini 앱", "여동생은 간호사예요", "여동생은 간호사예요"),
        ("Gemini 앱", "Prompt engineering is my job", "Prompt engineering is my job"),
    ],
)
def test_prefixes_of_many_languages(header: str, title: str, prompt: str) -> None:
    assert said(parse(row(title, header=header))) == [("user", prompt), ("assistant", "Sure.")]


def test_a_known_prefix_needs_no_answer() -> None:
    assert said(parse(row("Prompted I keep bees", None))) == [("user", "I keep bees")]


@pytest.mark.parametrize(
    "other",
    [
        row("Gave feedback: Good response", None),
        row("Gave feedback: Good response"),
        row("Cleared previous feedback", None),
        row("Used Gemini Apps", None),
        row("Used an Assistant feature"),
        row("Created Gemini Canvas titled My novel", None),
        row("フィードバックを送信しました: 良い", header="Gemini アプリ"),
        row("알림 설정됨", None, header="Gemini 앱"),
        row("Searched for gemini zodiac", header="Search", products=["Search"]),
        row("Watched Gemini review", header="YouTube"),
        row("Prompted x", header="Geminids"),
        row(None),
        row(7, header=7),
        {},
    ],
)
def test_other_rows_are_no_conversations(other: dict[str, Any]) -> None:
    assert isinstance(parse(other), PassedOver)
    assert read(Gemini(), [other, row("Prompted hi")]) == read(Gemini(), [row("Prompted hi")])


def test_ids_are_the_same_in_every_export_and_differ_between_rows() -> None:
    first = parse(row("Prompted hi"))
    assert first == parse(row("Prompted hi"))
    others = [
        row("Prompted ho"),
        row("Prompted hi", time="2026-04-28T08:53:44Z"),
        row("Prompted hi", time="x"),
    ]
    found = [item for item in map(parse, [row("Prompted hi"), *others]) if isinstance(item, Conversation)]
    assert len({item.id for item in found}) == 4


def test_an_empty_prompt_leaves_the_answer() -> None:
    assert said(parse(row("Prompted "))) == [("assistant", "Sure.")]
    assert said(parse(row("Prompted", None))) == []


def test_answers_in_pieces_and_odd_shapes() -> None:
    pieces = [{"html": "<p>One</p>"}, {"html": None}, 7, {"html": "<script>x</script>"}, {"html": "Two"}]
    assert said(parse(row("Prompted hi", safeHtmlItem=pieces)))[1] == ("assistant", "One\n\nTwo")
    assert said(parse(row("Prompted hi", safeHtmlItem={"html": "One"})))[1] == ("assistant", "One")


@pytest.mark.parametrize("time", ["9999-12-31T00:00:00Z", -1, "yesterday", None, {}])
def test_implausible_times_are_none(time: object) -> None:
    found = parse(row("Prompted hi", time=time))
    assert isinstance(found, Conversation)
    assert (found.created_at, found.turns[0].created_at) == (None, None)


def test_surrogates_nul_and_rows_that_are_no_objects() -> None:
    row_text = (
        b'{"header":"Gemini Apps","title":"Prompted a\\ud800\\u0000","safeHtmlItem":[{"html":"b\\udfff"}]}'
    )
    data = b"[7," + row_text + b"]"
    bad, found = read(Gemini(), data)
    assert bad == Rejected("member#1", "it is not an object")
    assert said(found) == [("user", "a\ufffd"), ("assistant", "b\ufffd")]
    assert_sound(found)


def test_empty_and_detection() -> None:
    assert read(Gemini(), []) == []
    assert isinstance(detected([row("Prompted hi")]), Gemini)
    search = row("Searched for x", None, header="Search", products=["Search"])
    assert isinstance(detected([search] * 5 + [row("Prompted hi", header="Gemini アプリ")]), Gemini)
    only_search = row("Searched for Gemini Apps", None, header="Search", products=["Search"])
    for other in (
        [only_search],
        [{"header": "Gemini"}],
        [{"title": "Gemini"}],
        {"title": "x", "header": "Search"},
    ):
        assert detected(other) is None


@settings(max_examples=150)
@given(anything("header", "title", "time", "products", "safeHtmlItem", "html"))
def test_parse_never_raises(raw: object) -> None:
    assert_sound(parse(raw))
    assert_sound(parse({**row("Prompted x"), "safeHtmlItem": raw, "time": raw}))
    assert_sound(parse({"header": raw, "products": raw, "title": raw}))
