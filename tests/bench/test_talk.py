"""The public talks of `make bench ARGS=quality`, on small files of our own in their formats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.talk import msc
from bench.talk.extractors import first_person, offline
from bench.talk.person import Spoken, persons_of
from bench.talk.questions import LOCOMO, share_cited, talks
from shared.domain.events import ChunkReady
from shared.domain.facts import Candidate, Category
from tests.bench.labels import finding
from tests.support.chunks import chunk_of, said

TURNS = (
    ("D1:1", "Ada", "I live in Leeds. Where do you live?"),
    ("D1:2", "Bo", "Near the sea, with two goats."),
    ("D2:1", "Bo", "Did the boiler hold?"),
    ("D2:2", "Ada", ""),
)
QUESTIONS = (
    {"question": "Where does Ada live?", "evidence": ["D1:1"], "category": 4},
    {"question": "What does Bo keep?", "evidence": ["D1:2; D1:3", "D"], "category": 4},
    {"question": "What broke?", "evidence": ["D7:7"], "category": 4},
    {"question": "When?", "evidence": None, "category": 4},
    {"question": "Why?", "evidence": ["D1:1"], "category": 5},
)


def locomo() -> dict[str, Any]:
    turns = [{"dia_id": key, "speaker": who, "text": text} for key, who, text in TURNS]
    return {
        "conversation": {
            "speaker_a": "Ada",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": turns[:2],
            "session_2_date_time": "soon",
            "session_2": turns[2:],
            "session_3_date_time": "1:56 pm on 8 May, 2024",
        },
        "session_1_summary": "not a session",
        "qa": QUESTIONS,
    }


def realtalk() -> dict[str, Any]:
    turns = [
        {"dia_id": key, "speaker": who, "clean_text": text, "date_time": "29.12.2023, 22:42:04"}
        for key, who, text in TURNS
    ]
    return {
        "name": {"speaker_1": "Ada"},
        "session_1": turns[:2],
        "session_2": turns[2:],
        "events_session_1": {},
        "qa": QUESTIONS,
    }


@pytest.mark.parametrize("raw", [locomo(), realtalk(), [locomo()]], ids=["locomo", "realtalk", "a list"])
def test_a_talk_is_an_export_for_each_of_both(tmp_path: Path, raw: object) -> None:
    (tmp_path / "talk.json").write_text(json.dumps(raw))
    [talk] = talks(tmp_path, LOCOMO.category)
    ada, bo = talk.persons
    assert [turn.id for turn in ada.said()] == ["D1:1"]
    assert [turn.id for turn in bo.said()] == ["D1:2", "D2:1"]
    assert [(each.id, len(each.turns)) for each in bo.conversations] == [("session_1", 2), ("session_2", 1)]
    assert bo.conversations[0].created_at is not None
    assert talk.questions == (frozenset({"D1:1"}), frozenset({"D1:2"}))


def test_a_question_counts_where_a_fact_rests_on_a_turn_that_answers_it(tmp_path: Path) -> None:
    (tmp_path / "talk.json").write_text(json.dumps(locomo()))
    found = talks(tmp_path, LOCOMO.category)
    assert share_cited(found, finding("I live in Leeds")) == (0.5, 2)
    assert share_cited(found, finding("I live in Leeds", "two goats")) == (1.0, 2)
    assert share_cited(found, offline)[0] >= 0.5
    assert share_cited(found, first_person) == (0.5, 2)
    assert share_cited(found, lambda chunk: ()) == (0.0, 2)
    assert share_cited([], finding()) == (0.0, 0)


def test_a_file_that_is_no_talk_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('[{"messages": []}]')
    with pytest.raises(ValueError, match=r"other\.json: talk 1 has no `qa`"):
        talks(tmp_path, LOCOMO.category)


def test_every_sentence_in_the_first_person_that_asks_nothing() -> None:
    chunk = chunk_of(
        said("m1", "We moved. Do I need a visa? The sun is out; good for my knee!\nkept goats"),
        said("m2", "I am a machine.", role="assistant"),
        said("m3", "Iris left us"),
    )
    assert [(fact.message_ids, fact.quote) for fact in first_person(chunk)] == [
        (("m1",), "We moved"),
        (("m1",), "The sun is out; good for my knee"),
        (("m3",), "Iris left us"),
    ]


def test_who_never_speaks_is_nobody() -> None:
    assert persons_of("t", [("s1", [Spoken("1", "Ada", " \n")]), ("s2", [])]) == []


SESSION_1 = {
    "initial_data_id": "test_1",
    "dialog": [
        {
            "id": "bot_0",
            "text": "I teach maths in Hull, you?",
            "persona_text": "I teach maths. I live in Hull.",
        },
        {"id": "bot_1", "text": "Nice! I have two goats."},
        {"id": "bot_0", "text": "Lucky you.", "persona_text": ""},
        {"id": "bot_1", "text": "They eat my roses.", "persona_text": "I grow roses."},
    ],
}
SESSION_2 = {"initial_data_id": "test_1", "dialog": [{"text": "Hello again"}, {"text": "I sold a goat."}, {}]}


def archive(folder: Path) -> Path:
    for number, rows in ((1, [SESSION_1]), (2, [SESSION_2])):
        file = folder / "msc" / "msc_personasummary" / f"session_{number}" / "test.txt"
        file.parent.mkdir(parents=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows) + "\n")
    return folder


def test_a_pair_has_all_its_sessions_and_the_labels_of_its_turns(tmp_path: Path) -> None:
    [pair] = msc.pairs(archive(tmp_path))
    assert [person.name for person in pair.persons] == ["test_1/Speaker 1", "test_1/Speaker 2"]
    one, other = pair.persons
    assert [turn.text for turn in one.said()] == ["I teach maths in Hull, you?", "Lucky you.", "Hello again"]
    assert len(other.conversations) == 2
    assert pair.labels == {
        "session_1:1:0": ("I teach maths.", "I live in Hull."),
        "session_1:1:3": ("I grow roses.",),
    }


def test_turns_and_labelled_sentences_are_counted(tmp_path: Path) -> None:
    def all_of_one(chunk: ChunkReady) -> Sequence[Candidate]:
        return [
            Candidate(
                category=Category.PROJECTS, statement=turn.text, quote=turn.text, message_ids=(turn.id,)
            )
            for turn in chunk.messages
            if turn.role == "user" and ("teach" in turn.text or "sold" in turn.text)
        ]

    score = msc.score(msc.pairs(archive(tmp_path)), all_of_one)
    assert (score.taken, score.labelled, score.both) == (2, 2, 1)
    assert (score.sentences, score.found) == (3, 1)  # "live" and "Hull": one of two words is less than 0.6
    assert (score.precision, score.recall) == (0.5, 0.5)
    nothing = msc.score([], all_of_one)
    assert (nothing.precision, nothing.recall, nothing.share_found) == (0.0, 0.0, 0.0)


def test_a_line_that_is_no_session_is_named(tmp_path: Path) -> None:
    file = tmp_path / "msc_personasummary" / "session_1" / "test.txt"
    file.parent.mkdir(parents=True)
    file.write_text('{"text": "hm"}\n')
    with pytest.raises(ValueError, match=r"session_1/test\.txt, line 1"):
        msc.pairs(tmp_path)
