from __future__ import annotations

import pytest

from services.quickpass.sampling import Sampling
from shared.domain.errors import UnreadableExportError
from shared.exports.containers.members import Break
from shared.exports.conversation import Conversation, LeftOut, PassedOver, Rejected, Turn


def talk(
    key: str, said: str, *, at: float | None = None, answer: str = "Sure.", standing: str | None = None
) -> Conversation:
    turns = (
        [Turn("1", "user", said), Turn("2", "assistant", answer)]
        if said
        else [Turn("2", "assistant", answer)]
    )
    return Conversation(key, key, turns, updated_at=at, custom_instructions=standing)


def sampled(*parsed: object, size: int = 3) -> Sampling:
    sampling = Sampling(size)
    for each in parsed:
        sampling.take(each)  # type: ignore[arg-type]
    return sampling


def names(sampling: Sampling) -> list[str]:
    return [each.id for each in sampling.conversations()]


def test_the_richest_are_kept_and_the_standing_instructions_before_them() -> None:
    talks = [talk(str(n), "word " * n) for n in range(1, 9)]
    assert names(sampled(*talks)) == ["8", "7", "6"]
    talks[0].custom_instructions = "Be brief."
    assert names(sampled(*talks)) == ["custom-instructions", "8", "7"]


def test_only_the_persons_words_count() -> None:
    assert names(sampled(talk("a", "much more", answer="x"), talk("b", "less", answer="long " * 99))) == [
        "a",
        "b",
    ]
    silent = sampled(talk("a", ""))
    assert (silent.conversations(), silent.kept) == ([], 1)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_a_conversation_the_latest_version_counts(order: tuple[int, int]) -> None:
    versions = talk("a", "old " * 9, at=1.0), talk("a", "new", at=2.0)
    sampling = sampled(*(versions[n] for n in order))
    assert [each.excerpts for each in sampling.conversations()] == [("new",)]
    assert (sampling.kept, sampling.duplicates, sampling.messages, sampling.person_characters) == (1, 1, 2, 3)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_is_left_out_is_in_no_sample(order: tuple[int, int]) -> None:
    versions = talk("a", "not to be remembered", at=1.0), LeftOut("a", 2.0)
    sampling = sampled(*(versions[n] for n in order))
    assert (sampling.conversations(), sampling.kept, sampling.left_out) == ([], 0, 1)
    sampling.require_something([])


def test_nothing_read_says_why_and_an_empty_export_is_none() -> None:
    sampled().require_something([])
    with pytest.raises(
        UnreadableExportError, match=r"2 of 2 conversations could not be read \(2 times: odd\)"
    ):
        sampled(Rejected("a", "odd"), Rejected("b", "odd")).require_something([])
    with pytest.raises(UnreadableExportError, match="1 record is no conversation"):
        sampled(PassedOver("feedback")).require_something([])
    broken = [Break("f", "byte 3", "it is damaged")]
    with pytest.raises(UnreadableExportError, match="breaks, the first at byte 3"):
        sampled().require_something(broken)
    sampled(talk("a", "Hello.")).require_something(broken)


def test_what_is_counted_is_all_that_was_seen() -> None:
    sampling = sampled(
        talk("a", "Hello."),
        Conversation("b", "b", []),
        Rejected("c", "odd"),
        LeftOut("d"),
        PassedOver("feedback"),
    )
    counts = sampling.counts(["chatgpt"])["conversations"]
    assert (counts["seen"], counts["kept"], counts["empty"], counts["skipped_count"]) == (4, 1, 1, 1)
    assert (counts["left_out"], counts["passed_over"]) == (1, {"feedback": 1})
