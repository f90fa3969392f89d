"""The generator: equal bytes each time, sizes as asked for, a truth that an independent reader confirms."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.exports.generate import generate
from tests.exports.plants import FACTS, markers_in
from tests.exports.truth import GhostKind, Truth, truth_path
from tests.exports.walk import Seen, newest, visible

MANY = 600
IN_THE_PERSONS_WORDS = {GhostKind.THIRD_PARTY, GhostKind.QUESTION, GhostKind.HYPOTHETICAL}


def read(path: Path) -> list[dict[str, Any]]:
    conversations: list[dict[str, Any]] = orjson.loads(path.read_bytes())
    return conversations


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], Truth]:
    """A history with many plants and some duplicates, read whole, and its truth."""
    path = tmp_path_factory.mktemp("export") / "export.json"
    truth = generate(path, MANY, facts_per_conversation=2, ghosts_per_conversation=2, duplicates=20)
    return read(path), truth


@pytest.fixture(scope="module")
def shown(export: tuple[list[dict[str, Any]], Truth]) -> list[Seen]:
    """Every visible message of the conversations that are to be remembered."""
    kept = newest(export[0]).values()
    return [seen for c in kept if not c.get("is_do_not_remember") for seen in visible(c)]


@pytest.mark.parametrize("suffix", [".json", ".zip"])
def test_equal_parameters_give_equal_bytes(tmp_path: Path, suffix: str) -> None:
    one, other, third = (tmp_path / f"{name}{suffix}" for name in ("one", "other", "third"))
    assert generate(one, 20, seed=5) == generate(other, 20, seed=5)
    generate(third, 20, seed=6)
    assert one.read_bytes() == other.read_bytes()
    assert one.read_bytes() != third.read_bytes()


def test_the_zip_holds_the_same_conversations_and_what_else_an_export_holds(tmp_path: Path) -> None:
    generate(tmp_path / "export.json", 20)
    generate(tmp_path / "export.zip", 20)
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        assert archive.read("conversations.json") == (tmp_path / "export.json").read_bytes()
        assert "user.json" in archive.namelist()


@pytest.mark.parametrize(("average", "conversations"), [(13_600, 300), (30_000, 150), (6_000, 600)])
def test_sizes_come_near_the_request(tmp_path: Path, average: int, conversations: int) -> None:
    path = tmp_path / "export.json"
    truth = generate(path, conversations, average_bytes=average, duplicates=0)
    assert truth.json_bytes == path.stat().st_size
    assert truth.json_bytes == pytest.approx(average * conversations, rel=0.1)


def test_small_conversations_are_lean(tmp_path: Path) -> None:
    truth = generate(tmp_path / "export.json", 500, average_bytes=1000)
    assert 800 < truth.json_bytes / 500 < 1400


def test_a_typical_conversation_has_ten_visible_messages_and_a_fifth_is_the_persons(
    export: tuple[Any, Truth],
) -> None:
    truth = export[1]
    assert 8 < truth.visible_messages / truth.kept < 12
    assert 0.17 < truth.person_characters / truth.visible_characters < 0.26


def test_counts_are_those_of_an_independent_reader(
    export: tuple[list[dict[str, Any]], Truth], shown: list[Seen]
) -> None:
    conversations, truth = export
    assert truth.conversations == len(conversations) == MANY
    assert truth.unique_conversations == len(newest(conversations)) == MANY - 20
    assert truth.kept + truth.duplicates + truth.left_out + truth.empty == MANY
    assert truth.left_out == sum(bool(c["is_do_not_remember"]) for c in conversations) > 0
    assert truth.empty > 0
    assert truth.kept == len({seen.conversation_id for seen in shown})
    assert truth.visible_messages == len(shown)
    assert truth.visible_characters == sum(len(seen.text) for seen in shown)
    assert truth.person_characters == sum(len(seen.text) for seen in shown if seen.role == "user")


def test_every_planted_fact_is_a_sentence_of_its_own_in_its_message(
    export: tuple[Any, Truth], shown: list[Seen]
) -> None:
    said = {(seen.conversation_id, seen.id): seen.text for seen in shown if seen.role == "user"}
    planted = export[1].planted
    assert len(planted) > MANY
    for fact in planted:
        text = said[fact.conversation_id, fact.message_id]
        assert re.search(rf"(^|[.?!\d]\s+){re.escape(fact.sentence)}($|\s)", text)
        assert markers_in(fact.sentence) == {fact.marker.lower()}


def test_facts_stand_at_the_start_in_the_middle_and_at_the_end(
    export: tuple[Any, Truth], shown: list[Seen]
) -> None:
    said = {seen.id: seen.text for seen in shown}
    at_start = sum(said[fact.message_id].startswith(fact.sentence) for fact in export[1].planted)
    at_end = sum(said[fact.message_id].endswith(fact.sentence) for fact in export[1].planted)
    count = len(export[1].planted)
    assert min(at_start, at_end, count - at_start - at_end) > count / 10


def test_every_template_is_planted(export: tuple[Any, Truth]) -> None:
    planted = {fact.sentence.replace(fact.marker, "{n}") for fact in export[1].planted}
    assert planted == set(FACTS)


def test_markers_are_unique(export: tuple[Any, Truth]) -> None:
    truth = export[1]
    markers = [fact.marker for fact in truth.planted] + [ghost.marker for ghost in truth.ghosts]
    markers += truth.instructions
    assert max(Counter(markers).values()) == 1


def test_ghosts_are_in_the_file_but_never_shown_as_the_persons_own_statement(
    export: tuple[list[dict[str, Any]], Truth], shown: list[Seen]
) -> None:
    conversations, truth = export
    in_file = markers_in(orjson.dumps(conversations).decode())
    by_person = markers_in(" ".join(seen.text for seen in shown if seen.role == "user"))
    by_anyone = markers_in(" ".join(seen.text for seen in shown))
    kinds = Counter(ghost.kind for ghost in truth.ghosts)
    assert set(kinds) == set(GhostKind)
    for ghost in truth.ghosts:
        marker = ghost.marker.lower()
        assert marker in in_file
        assert (marker in by_person) == (ghost.kind in IN_THE_PERSONS_WORDS)
        if ghost.kind is not GhostKind.ASSISTANT_CLAIM:
            assert (marker in by_anyone) == (marker in by_person)


def test_no_marker_is_unaccounted_for(export: tuple[list[dict[str, Any]], Truth]) -> None:
    conversations, truth = export
    known = {fact.marker.lower() for fact in truth.planted} | {ghost.marker.lower() for ghost in truth.ghosts}
    known |= {marker.lower() for marker in truth.instructions}
    texts = [
        str(node["message"]["content"])
        for conversation in conversations
        for node in conversation["mapping"].values()
        if node["message"]
    ]
    assert markers_in(" ".join(texts)) == known


def test_a_fact_only_in_an_older_version_is_a_ghost(export: tuple[list[dict[str, Any]], Truth]) -> None:
    conversations, truth = export
    older = [ghost for ghost in truth.ghosts if ghost.kind is GhostKind.OLDER_VERSION]
    assert len(older) == truth.duplicates > 10
    kept = newest(conversations)
    places = {conversation["id"]: place for place, conversation in enumerate(conversations)}
    first_is_newest = 0
    for place, conversation in enumerate(conversations):
        if conversation is not kept[conversation["id"]]:
            assert conversation["update_time"] < kept[conversation["id"]]["update_time"]
            first_is_newest += places[conversation["id"]] == place
    assert 0 < first_is_newest < 20


def test_one_message_of_the_person_is_very_long_and_ends_with_a_fact(
    export: tuple[Any, Truth], shown: list[Seen]
) -> None:
    longest = max((seen for seen in shown if seen.role == "user"), key=lambda seen: len(seen.text))
    assert len(longest.text) == pytest.approx(200_000, rel=0.02)
    assert any(
        fact.message_id == longest.id and longest.text.endswith(f"\n\n{fact.sentence}")
        for fact in export[1].planted
    )
    assert max(len(seen.text) for seen in shown if seen.role == "assistant") >= 100_000


def test_a_huge_message_comes_only_when_asked_for(tmp_path: Path) -> None:
    truth = generate(tmp_path / "export.json", 3, huge_bytes=2_000_000)
    assert truth.person_characters == pytest.approx(2_000_000, rel=0.01)
    assert generate(tmp_path / "other.json", 3).json_bytes < 200_000


def test_times_are_sometimes_inverted_missing_or_text(export: tuple[list[dict[str, Any]], Truth]) -> None:
    inverted = missing = 0
    for conversation in export[0]:
        mapping = conversation["mapping"]
        for node in mapping.values():
            message = node["message"]
            if message is None or message["author"]["role"] == "system":
                continue
            missing += message["create_time"] is None
            parent = mapping[node["parent"]]["message"]
            if parent and parent["create_time"] and message["create_time"]:
                inverted += message["create_time"] < parent["create_time"]
    assert inverted > 50
    assert missing > 50
    assert any(isinstance(conversation["create_time"], str) for conversation in export[0])
    assert any("current_node" not in conversation for conversation in export[0])


def test_some_conversations_repeat_the_custom_instructions(
    export: tuple[list[dict[str, Any]], Truth],
) -> None:
    conversations, truth = export
    profiles = [
        node["message"]["content"]
        for conversation in conversations
        for node in conversation["mapping"].values()
        if node["message"] and node["message"]["content"]["content_type"] == "user_editable_context"
    ]
    assert len(profiles) > 10
    assert all(profile == profiles[0] for profile in profiles)
    assert len(truth.instructions) == 2
    assert markers_in(str(profiles[0])) == {marker.lower() for marker in truth.instructions}


@pytest.mark.parametrize("at", ["start", "end"])
def test_extra_conversations_leave_the_history_as_it_was(tmp_path: Path, at: Any) -> None:
    path, longer = tmp_path / "export.json", tmp_path / "longer.json"
    before = generate(path, 120)
    after = generate(longer, 120, extra=5, extra_at=at)
    history = path.read_bytes()[1:-1]
    data = longer.read_bytes()
    assert data.endswith(history + b"]") if at == "start" else data.startswith(b"[" + history)
    conversations = read(longer)
    new = conversations[:5] if at == "start" else conversations[-5:]
    assert [conversation["id"] for conversation in new] == after.new_conversation_ids
    assert min(c["create_time"] for c in new) > max(float(c["create_time"]) for c in read(path))
    assert set(before.planted) < set(after.planted)
    assert {f.conversation_id for f in set(after.planted) - set(before.planted)} <= set(
        after.new_conversation_ids
    )


def test_another_extra_seed_gives_other_conversations(tmp_path: Path) -> None:
    one = generate(tmp_path / "one.json", 3, extra=3)
    other = generate(tmp_path / "other.json", 3, extra=3, extra_seed=2)
    assert not set(one.new_conversation_ids) & set(other.new_conversation_ids)
    assert not {g.marker for g in one.ghosts[-9:]} & {f.marker for f in other.planted}


def test_the_truth_lies_beside_the_export(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    truth = generate(path, 10)
    assert truth_path(path).name == "export.json.truth.json"
    assert Truth.load(truth_path(path)) == truth


@pytest.mark.parametrize(
    "wrong",
    [
        {"conversations": 0},
        {"average_bytes": 10},
        {"facts_per_conversation": 13},
        {"ghosts_per_conversation": -1},
        {"duplicates": 4},
        {"extra": -1},
        {"long_every": 0},
    ],
)
def test_what_cannot_be_met_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="conversation"):
        generate(tmp_path / "export.json", **({"conversations": 10} | wrong))
    assert not list(tmp_path.iterdir())


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"export\.txt"):
        generate(tmp_path / "export.txt", 1)
