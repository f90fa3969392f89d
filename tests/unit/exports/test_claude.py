from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from shared.exports.conversation import Conversation, Rejected
from shared.exports.formats.claude import Claude, parse
from tests.support.formats import (
    LIMITS,
    anything,
    assert_deterministic,
    assert_sound,
    conversations,
    detected,
    read,
    said,
)

ROOT = "00000000-0000-4000-8000-000000000000"


def message(uuid: str, sender: str, text: str, parent: str | None = None, **more: Any) -> dict[str, Any]:
    made = {
        "uuid": uuid,
        "sender": sender,
        "text": text,
        "created_at": f"2024-05-01T10:00:0{len(uuid)}Z",
        **more,
    }
    return made if parent is None else {**made, "parent_message_uuid": parent}


def conversation(*messages: object, **more: Any) -> dict[str, Any]:
    about = {"uuid": "c1", "name": "Moving", "created_at": "2024-05-01T10:00:00Z", "updated_at": "2024-05-02"}
    return {**about, "account": {"uuid": "x"}, "chat_messages": list(messages), **more}


def test_a_linear_conversation_in_file_order_with_its_times() -> None:
    (found,) = conversations(
        Claude(), [conversation(message("mm", "human", "I moved"), message("m", "assistant", "Where to?"))]
    )
    assert said(found) == [("user", "I moved"), ("assistant", "Where to?")]
    assert (found.id, found.title) == ("c1", "Moving")
    assert (found.created_at, found.updated_at) == (1714557600.0, 1714608000.0)
    assert [turn.id for turn in found.turns] == ["mm", "m"]
    assert found.turns[0].created_at == 1714557602.0


def test_abandoned_branches_are_ghosts() -> None:
    raw = conversation(
        message("q", "human", "I like tea", ROOT),
        message("aa", "assistant", "Noted", "q"),
        message("ghost", "human", "I like COFFEE", "aa", created_at="2024-05-01T11:00:00Z"),
        message("redo", "human", "I like water", "aa", created_at="2024-05-01T12:00:00Z"),
        message("end", "assistant", "Fine", "redo", created_at="2024-05-01T11:59:00Z"),
    )
    assert [text for _, text in said(parse(raw))] == ["I like tea", "Noted", "I like water", "Fine"]


def test_an_edited_first_prompt_leaves_its_first_version_behind() -> None:
    raw = conversation(
        message("a", "human", "GHOST", ROOT),
        message("bb", "assistant", "ghost answer", "a"),
        message("ccc", "human", "real", ROOT),
        message("dddd", "assistant", "real answer", "ccc"),
    )
    assert said(parse(raw)) == [("user", "real"), ("assistant", "real answer")]


def test_messages_from_before_links_precede_the_linked_ones() -> None:
    raw = conversation(
        message("a", "human", "one"),
        message("bb", "assistant", "two"),
        message("ccc", "human", "three", "bb"),
    )
    assert [text for _, text in said(parse(raw))] == ["one", "two", "three"]


def test_only_spoken_blocks_are_text() -> None:
    blocks = [
        {"type": "thinking", "thinking": "HIDDEN", "text": "HIDDEN"},
        {"type": "text", "text": "Two"},
        {"type": "tool_use", "name": "x", "input": {"text": "HIDDEN"}},
        {"type": "tool_result", "content": [{"type": "text", "text": "HIDDEN"}]},
        {"type": "text", "text": "three"},
    ]
    spoken = [{"type": "voice_note", "title": "Note", "text": "I said this aloud"}]
    silent = [{"type": "tool_use", "name": "x"}]
    raw = conversation(
        message("a", "human", "", content=spoken),
        message("b", "assistant", "This block is not supported", content=blocks),
        message("c", "assistant", "This block is not supported", content=silent),
        message("d", "human", "plain", content=[]),
        message("e", "human", "plain too", content=[{"type": "text", "text": ""}]),
    )
    expected = [("user", "I said this aloud"), ("assistant", "Two\n\nthree"), ("user", "plain")]
    assert said(parse(raw)) == [*expected, ("user", "plain too")]


def test_an_attached_document_is_not_the_persons_words() -> None:
    paste = [{"file_name": "", "file_size": 9, "extracted_content": "I am the author of this paste"}]
    raw = conversation(message("a", "human", "Summarise", attachments=paste, files=[{"file_name": "x.pdf"}]))
    assert said(parse(raw)) == [("user", "Summarise")]


def test_a_deleted_conversation_has_no_turns() -> None:
    (found,) = conversations(
        Claude(), [conversation(message("a", "human", ""), message("b", "assistant", " \n"), name="")]
    )
    assert (found.turns, found.title) == ([], "")
    assert conversations(Claude(), [conversation()])[0].turns == []
    assert conversations(Claude(), [conversation(chat_messages=None)])[0].turns == []


def test_cycle_and_dangling_parent() -> None:
    cycle = conversation(message("a", "human", "one", "bb"), message("bb", "assistant", "two", "a"))
    assert said(parse(cycle)) == [("user", "one"), ("assistant", "two")]
    dangling = conversation(message("a", "human", "one", "gone"), message("bb", "assistant", "two", "a"))
    assert said(parse(dangling)) == [("user", "one"), ("assistant", "two")]


def test_other_senders_and_broken_messages_are_passed_over() -> None:
    raw = conversation(
        message("a", "system", "no"), None, "text", 7, {"sender": ["human"]}, message("b", "human", "yes")
    )
    assert said(parse(raw)) == [("user", "yes")]


@pytest.mark.parametrize("time", ["9999-12-31T00:00:00Z", "-5", -5, "yesterday", None, [], 1e300])
def test_implausible_times_are_none(time: object) -> None:
    found = parse(
        conversation(message("a", "human", "hi", created_at=time), created_at=time, updated_at=time)
    )
    assert isinstance(found, Conversation)
    assert (found.created_at, found.updated_at, found.turns[0].created_at) == (None, None, None)


def test_surrogates_and_nul_are_repaired() -> None:
    data = b'[{"uuid":"c","name":"a\\u0000b","chat_messages":[{"sender":"human","text":"x\\ud800y\\u0000"}]}]'
    (found,) = conversations(Claude(), data)
    assert found.title == "ab"
    assert said(found) == [("user", "x\ufffdy")]


def test_missing_ids_come_from_the_content() -> None:
    raw = {"chat_messages": [{"sender": "human", "text": "ok"}, {"sender": "human", "text": "ok"}]}
    assert_sound(parse(raw))
    assert_deterministic(lambda: parse(raw))
    other = parse({"chat_messages": [{"sender": "human", "text": "no"}]})
    assert other.id != parse(raw).id


def test_what_is_no_conversation_is_rejected_and_the_file_goes_on() -> None:
    parsed = read(
        Claude(), [7, conversation(message("a", "human", "hi")), {"uuid": "bad", "chat_messages": "x"}]
    )
    assert [type(item) for item in parsed] == [Rejected, Conversation, Rejected]
    assert [item.id for item in parsed] == ["member#1", "c1", "bad"]


def test_too_many_messages_are_rejected() -> None:
    parsed = parse(conversation(*[message("a", "human", "hi")] * 3), "place", max_messages=2)
    assert parsed == Rejected("c1", "it has 3 messages; the cap is 2")


def test_an_empty_export_is_empty() -> None:
    assert read(Claude(), []) == []


def test_detection() -> None:
    assert isinstance(detected([conversation(message("a", "human", "hi"))]), Claude)
    assert isinstance(detected(conversation()), Claude)
    assert isinstance(detected([7, conversation()]), Claude)
    users = [{"uuid": "u", "full_name": "Ada", "email_address": "ada@example.org"}]
    projects = [{"uuid": "p", "name": "Garden", "prompt_template": "", "docs": [{"content": "x"}]}]
    memories = [{"conversations_memory": "Ada likes tea", "project_memories": {}, "account_uuid": "u"}]
    for other in (users, projects, memories, [], {}, [[]]):
        assert detected(other) is None


@settings(max_examples=150)
@given(
    anything(
        "uuid",
        "name",
        "chat_messages",
        "sender",
        "text",
        "content",
        "type",
        "parent_message_uuid",
        "created_at",
    )
)
def test_parse_never_raises(raw: object) -> None:
    assert_sound(parse(raw, "place", LIMITS.messages))
    assert_sound(parse({"chat_messages": raw}))
    assert_sound(parse({"chat_messages": [raw, {"sender": "human", "content": raw, "text": raw}]}))


def test_a_voice_note_may_hold_its_words_as_a_transcript() -> None:
    blocks = [{"type": "voice_note", "title": "Note", "text": "", "transcript": "I said this aloud"}]
    assert said(parse(conversation(message("a", "human", "", content=blocks)))) == [
        ("user", "I said this aloud")
    ]


NOTICE = "```\nThis block is not supported on your current device yet.\n```"


@pytest.mark.parametrize(
    ("blocks", "flat", "text"),
    [
        ([{"type": "brand_new"}], "I wrote this in May", "I wrote this in May"),
        ([{"type": "brand_new"}], f"Before {NOTICE} after", "Before  after"),
        ([{"type": "brand_new"}], NOTICE, ""),
        ([{"type": "tool_result", "content": []}], "See this", "See this"),
        ([{"type": "tool_use"}], NOTICE, ""),
    ],
)
def test_where_blocks_are_not_known_the_flat_text_is_read(
    blocks: list[dict[str, str]], flat: str, text: str
) -> None:
    found = parse(conversation(message("a", "human", flat, content=blocks)))
    assert isinstance(found, Conversation)
    assert [turn.text for turn in found.turns] == [text] * bool(text)
    assert found.lost == ()


def test_the_flat_text_of_an_answer_that_is_tools_and_thoughts_is_no_speech() -> None:
    answer = message(
        "a", "assistant", "what a tool said", content=[{"type": "tool_use"}, {"type": "thinking"}]
    )
    assert said(parse(conversation(answer))) == []


def test_what_a_tool_returned_is_no_loss_and_words_in_a_new_block_are() -> None:
    returned = [{"type": "tool_result", "content": [{"type": "text", "text": "two words"}]}]
    found = parse(conversation(message("a", "human", "", content=returned)))
    assert isinstance(found, Conversation)
    assert found.lost == ()
    new = [{"type": "brand_new", "said": "two words"}]
    found = parse(conversation(message("a", "human", "", content=new)))
    assert isinstance(found, Conversation)
    assert found.lost == ("its words stand in `content[].said`, a field that is not known",)
