"""The sample export is current, has the shapes of a real one, and its expectations agree with its sources."""

from __future__ import annotations

import json
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from examples import build
from examples.source import HERE, Script, SourceError, read_conversations, read_instructions

SCRIPTS = {script.slug: script for script in read_conversations()}
EXPECTED: dict[str, Any] = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
INSTRUCTIONS = {
    f"instructions/{path.stem}": path.read_text(encoding="utf-8")
    for path in (HERE / "instructions").glob("*.md")
}
OWN_WORDS_KINDS = {
    "third_party",
    "pasted",
    "code",
    "fiction",
    "role_play",
    "hypothetical",
    "question",
}
"""Traps that stand in messages the person sent: refusing them takes judgement, not the visible path."""


@pytest.fixture(scope="module")
def records() -> dict[str, dict[str, Any]]:
    """The conversations of the built export by title."""
    with zipfile.ZipFile(build.EXPORT) as archive:
        return {r["title"]: r for r in json.loads(archive.read("conversations.json"))}


def visible_person_text(script: Script) -> str:
    """What the person said on the visible path."""
    return "\n".join(block.text for block in script.visible if block.kind == "user")


def unseen_text(script: Script, kind: str) -> str:
    """The text of `script` that belongs to a trap of `kind`, off the person's visible words."""
    kinds = {
        "hidden": {"hidden"},
        "tool": {"code", "output", "page", "bio"},
        "reasoning": {"thoughts", "recap"},
    }
    match kind:
        case "abandoned":
            blocks = [b for b in script.blocks if b.abandoned]
        case "assistant":
            blocks = [b for b in script.visible if b.kind == "assistant"]
        case "do_not_remember":
            blocks = list(script.blocks) if script.do_not_remember else []
        case _:
            blocks = [b for b in script.blocks if b.kind in kinds[kind]]
    return "\n".join(b.text for b in blocks)


def visible_path(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages from the root to `current_node`."""
    path: list[dict[str, Any]] = []
    node_id = record["current_node"]
    while node_id is not None:
        node = record["mapping"][node_id]
        if node["message"] is not None:
            path.append(node["message"])
        node_id = node["parent"]
    return path[::-1]


def test_the_archive_is_what_the_sources_build() -> None:
    with zipfile.ZipFile(build.EXPORT) as archive:
        built = {info.filename: archive.read(info) for info in archive.infolist()}
        dates = {info.date_time for info in archive.infolist()}
    assert built == build.members(), "run: python -m examples.build"
    assert len(dates) == 1


def test_building_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    build.build(tmp_path / "one.zip")
    build.build(tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_about_sixty_conversations_over_three_years() -> None:
    starts = sorted(script.start for script in SCRIPTS.values())
    assert 55 <= len(SCRIPTS) <= 70
    assert starts[-1].year - starts[0].year == 3
    assert len({script.title for script in SCRIPTS.values()}) == len(SCRIPTS)
    assert [s.start for s in SCRIPTS.values()] == starts, "files are numbered in the order of time"


def test_every_conversation_with_turns_begins_with_the_person_and_ends_answered() -> None:
    for script in SCRIPTS.values():
        roles = [block.kind for block in script.visible]
        if not roles:
            continue
        assert 4 <= len(roles) <= 14, script.slug
        assert roles[0] == "user", script.slug
        assert roles[-1] == "assistant", script.slug


def test_the_trees_have_one_root_and_children_that_agree_with_parents(
    records: dict[str, dict[str, Any]],
) -> None:
    seen: set[str] = set()
    for title, record in records.items():
        mapping = record["mapping"]
        assert record["current_node"] in mapping, title
        assert [n["id"] for n in mapping.values() if n["parent"] is None and n["message"] is None], title
        for node_id, node in mapping.items():
            assert node["id"] == node_id
            assert all(mapping[child]["parent"] == node_id for child in node["children"]), title
            if node["parent"] is not None:
                assert node_id in mapping[node["parent"]]["children"], title
        ids = {n["message"]["id"] for n in mapping.values() if n["message"]}
        assert not ids & seen, "message ids are unique in the whole export"
        seen |= ids


def test_the_visible_path_of_the_tree_is_the_visible_text_of_the_source(
    records: dict[str, dict[str, Any]],
) -> None:
    for script in SCRIPTS.values():
        shown = []
        for message in visible_path(records[script.title]):
            content = message["content"]
            hidden = message["metadata"].get("is_visually_hidden_from_conversation")
            spoken = message["author"]["role"] in ("user", "assistant") and message["recipient"] == "all"
            if spoken and not hidden and content["content_type"] in ("text", "multimodal_text"):
                shown.append(next(part for part in content["parts"] if isinstance(part, str)))
        expected = [block.text.split("]\n\n", 1)[-1] for block in script.visible]
        assert [t.strip() for t in shown] == [t.strip() for t in expected], script.slug


def test_it_holds_every_shape_that_a_reader_must_know(records: dict[str, dict[str, Any]]) -> None:
    messages = [n["message"] for r in records.values() for n in r["mapping"].values() if n["message"]]
    kinds = {m["content"]["content_type"] for m in messages}
    assert kinds == {
        "text",
        "multimodal_text",
        "user_editable_context",
        "code",
        "execution_output",
        "tether_quote",
        "thoughts",
        "reasoning_recap",
    }
    assert sum(r["is_do_not_remember"] is True for r in records.values()) == 1
    assert sum(len(r["mapping"]) <= 3 for r in records.values()) == 1, "one empty conversation"
    assert any(len(n["children"]) > 1 for r in records.values() for n in r["mapping"].values())
    assert {"bio", "python"} <= {m["recipient"] for m in messages}


def test_custom_instructions_change_once(records: dict[str, dict[str, Any]]) -> None:
    wordings = [
        message["content"]["user_profile"]
        for record in sorted(records.values(), key=lambda r: r["create_time"])
        for message in visible_path(record)
        if message["content"]["content_type"] == "user_editable_context"
    ]
    changes = sum(a != b for a, b in pairwise(wordings))
    assert changes == 1
    assert len(read_instructions()) == 2


def test_what_must_be_recalled_stands_in_the_persons_visible_words() -> None:
    for fact in EXPECTED["must_recall"]:
        where = fact["conversation"]
        words = INSTRUCTIONS.get(where) or visible_person_text(SCRIPTS[where])
        assert fact["quote"] in words, fact["id"]
        for keyword in fact["keywords"]:
            assert keyword.lower() in fact["quote"].lower(), fact["id"]


def test_recalled_facts_have_ids_of_their_own_and_successors_that_come_later() -> None:
    facts = {fact["id"]: fact for fact in EXPECTED["must_recall"]}
    assert len(facts) == len(EXPECTED["must_recall"]) >= 60
    for fact in facts.values():
        if later := fact.get("superseded_by"):
            assert facts[later]["conversation"] >= fact["conversation"], fact["id"]
            assert later != fact["id"]


def test_what_must_never_be_recalled_stands_where_it_claims_to_stand() -> None:
    for ghost in EXPECTED["must_never_recall"]:
        script = SCRIPTS[ghost["conversation"]]
        if ghost["kind"] in OWN_WORDS_KINDS:
            assert ghost["text"] in visible_person_text(script), ghost
        else:
            assert ghost["text"] in unseen_text(script, ghost["kind"]), ghost


def test_what_is_on_no_visible_path_is_never_said_by_the_person_elsewhere() -> None:
    said = "\n".join(visible_person_text(s) for s in SCRIPTS.values() if not s.do_not_remember).lower()
    for ghost in EXPECTED["must_never_recall"]:
        if ghost["kind"] not in OWN_WORDS_KINDS:
            assert ghost["text"].lower() not in said, ghost


def test_the_two_lists_never_touch() -> None:
    for fact in EXPECTED["must_recall"]:
        for ghost in EXPECTED["must_never_recall"]:
            assert ghost["text"].lower() not in fact["quote"].lower(), (fact["id"], ghost)


@pytest.mark.parametrize(
    "source",
    [
        "no header",
        "---\ntitle: a\nstart: 2023-01-01\nsmell: b\n---\n",
        "---\ntitle: a\nstart: 2023-01-01\n---\nstray\nuser:\nhello\n",
        "---\ntitle: a\nstart: 2023-01-01\n---\n<<< abandoned\nuser:\nhello\n",
        "---\ntitle: a\nstart: 2023-01-01\n---\nuser:\nhello\n>>>\n",
    ],
)
def test_a_source_that_breaks_the_form_is_refused_by_name(source: str, tmp_path: Path) -> None:
    (tmp_path / "01-broken.md").write_text(source, encoding="utf-8")
    with pytest.raises(SourceError, match=r"01-broken\.md"):
        read_conversations(tmp_path)


def test_a_message_is_never_older_than_the_one_it_answers(records: dict[str, dict[str, Any]]) -> None:
    for title, record in records.items():
        times = [m["create_time"] for m in visible_path(record) if m["create_time"] is not None]
        assert times == sorted(times), title
        assert record["create_time"] <= record["update_time"], title
