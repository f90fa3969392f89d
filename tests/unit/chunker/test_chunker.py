"""The chunker: what reaches the sink, and what the report says of it."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.chunker.chunking import ChunkingJob, chunk_conversations
from services.chunker.passages import Passage
from services.chunker.report import ChunkingReport, ChunkPolicy
from shared.domain.events import ChunkReady
from shared.exports.conversation import Conversation, LeftOut, Parsed, Rejected, Turn
from shared.exports.instructions import INSTRUCTIONS_ID

KEY = ChunkingJob(UUID(int=1), UUID(int=2), 1, "v2")


class Kept:
    """A sink that keeps all it gets."""

    def __init__(self) -> None:
        self.passages: list[Passage] = []
        self.chunks: list[ChunkReady] = []

    async def save_passages(self, passages: list[Passage]) -> None:
        self.passages.extend(passages)

    async def publish(self, chunk: ChunkReady) -> None:
        self.chunks.append(chunk)


async def chunked(parsed: list[Parsed], policy: ChunkPolicy | None = None) -> tuple[Kept, ChunkingReport]:
    sink, report = Kept(), ChunkingReport()
    await chunk_conversations(parsed, KEY, policy or ChunkPolicy(), sink, report)
    return sink, report


def talk(name: str, *texts: str, updated: float = 1.0, standing: str | None = None) -> Conversation:
    turns = [
        Turn(f"{name}-{n}", "user" if n % 2 == 0 else "assistant", text, 1_700_000_000.0 + n)
        for n, text in enumerate(texts)
    ]
    return Conversation(name, f"About {name}", turns, 1_700_000_000.0, updated, standing)


def texts(chunks: list[ChunkReady]) -> list[str]:
    return [message.text for chunk in chunks for message in chunk.messages]


async def test_small_conversations_share_a_chunk_each_with_its_header() -> None:
    sink, report = await chunked([talk("a", "one", "two"), talk("b", "three")])
    (chunk,) = sink.chunks
    assert [header.id for header in chunk.conversations] == ["a", "b"]
    assert [message.id for message in chunk.messages] == ["a-0", "a-1", "b-0"]
    assert (chunk.index, chunk.total, report.chunks) == (0, 1, 1)


async def test_only_the_last_chunk_bears_the_total() -> None:
    sink, _ = await chunked([talk(str(n), "word " * 2000) for n in range(9)])
    assert [chunk.total for chunk in sink.chunks[:-1]] == [None] * (len(sink.chunks) - 1)
    assert sink.chunks[-1].total == len(sink.chunks) > 1
    assert [chunk.index for chunk in sink.chunks] == list(range(len(sink.chunks)))


async def test_the_persons_words_are_whole_and_the_assistants_abridged() -> None:
    sink, _ = await chunked([talk("a", "p" * 3000, "q" * 3000)], ChunkPolicy(context_chars=600))
    person, assistant = sink.chunks[0].messages
    assert (person.text, person.abridged) == ("p" * 3000, False)
    assert assistant.abridged
    assert len(assistant.text) < 620


async def test_a_message_larger_than_a_chunk_is_cut_into_parts_of_the_same_id() -> None:
    text = "word " * 40_000
    sink, _ = await chunked([talk("a", text)])
    messages = [message for chunk in sink.chunks for message in chunk.messages]
    assert "".join(message.text for message in messages) == text
    assert {message.id for message in messages} == {"a-0"}
    assert [message.part for message in messages] == list(range(len(messages)))
    assert all(chunk.token_count <= 4000 for chunk in sink.chunks)


async def test_equal_content_has_equal_hashes_and_any_change_another() -> None:
    policy = ChunkPolicy()
    (same, again, changed) = [
        (await chunked([talk("a", text, "two")], policy))[0].chunks[0].content_hash
        for text in ("one", "one", "One")
    ]
    assert same == again != changed


async def test_no_conversation_no_chunk() -> None:
    sink, report = await chunked([])
    assert (sink.chunks, sink.passages, report) == ([], [], ChunkingReport())


async def test_every_conversation_is_counted_once() -> None:
    parsed: list[Parsed] = [
        talk("a", "hello"),
        talk("empty"),
        LeftOut("secret"),
        Rejected("bad", "not an object"),
        talk("a", "hello"),
    ]
    _, report = await chunked(parsed)
    assert (report.seen, report.kept, report.empty) == (5, 1, 1)
    assert (report.left_out, report.skipped, report.duplicates) == (1, 1, 1)
    assert report.rejected == [Rejected("bad", "not an object")]


FULL = [talk("full-1", "word " * 3000), talk("full-2", "word " * 3000)]
"""What comes before these two is in chunks that are closed."""
FULL_CHARS = 2 * len("word " * 3000)


async def test_a_newer_version_voids_the_chunks_of_the_older_one() -> None:
    old, new = talk("a", "old words", updated=1.0), talk("a", "new words", updated=2.0)
    sink, report = await chunked([talk("x", "hi"), old, *FULL, new, talk("y", "bye")])
    (superseded,) = report.superseded
    holding = [chunk.index for chunk in sink.chunks if "old words" in texts([chunk])]
    renewed = [chunk.index for chunk in sink.chunks if "new words" in texts([chunk])]
    assert superseded.conversation_id == "a"
    assert max(holding) < superseded.before_index <= min(renewed)
    assert (report.kept, report.duplicates, report.messages) == (5, 1, 5)
    assert report.person_characters == len("hinew wordsbye") + FULL_CHARS


async def test_an_older_version_in_a_chunk_that_is_still_open_is_taken_out_of_it() -> None:
    versions = [talk("a", f"version {n}", "an answer", updated=float(n)) for n in range(50)]
    sink, report = await chunked([talk("x", "hi"), *versions, talk("y", "bye")])
    (chunk,) = sink.chunks
    assert texts([chunk]) == ["hi", "version 49", "an answer", "bye"]
    assert (report.superseded, report.duplicates, report.kept) == ([], 49, 3)
    plain, _ = await chunked([talk("x", "hi"), versions[-1], talk("y", "bye")])
    assert [each.content_hash for each in plain.chunks] == [chunk.content_hash]


async def test_a_version_that_lies_partly_in_a_closed_chunk_is_void_there() -> None:
    long = talk("a", *["old " * 1500] * 6, updated=1.0)  # over several chunks
    sink, report = await chunked([long, talk("a", "new words", updated=2.0)])
    (superseded,) = report.superseded
    assert [chunk.index for chunk in sink.chunks if "new words" in texts([chunk])] == [
        superseded.before_index
    ]


async def test_an_older_version_that_comes_later_is_dropped() -> None:
    sink, report = await chunked([talk("a", "new", updated=2.0), talk("a", "old", updated=1.0)])
    assert texts(sink.chunks) == ["new"]
    assert (report.duplicates, report.superseded) == (1, [])


@pytest.mark.parametrize("latest", [LeftOut("a", 2.0), talk("a", updated=2.0)], ids=["left out", "emptied"])
async def test_a_later_version_that_is_left_out_or_emptied_voids_the_older_one(latest: Parsed) -> None:
    sink, report = await chunked([talk("a", "secret"), *FULL, latest, talk("b", "hello")])
    (holding,) = [chunk.index for chunk in sink.chunks if "secret" in texts([chunk])]
    (superseded,) = report.superseded
    assert superseded.before_index > holding
    assert report.forgotten == {"a"}
    assert "a" not in [kept.id for kept in report.sample]
    assert (report.kept, report.duplicates, report.messages) == (3, 1, 3)
    open_still, _ = await chunked([talk("a", "secret"), latest, talk("b", "hello")])
    assert texts(open_still.chunks) == ["hello"], "no model sees it"
    assert report.seen == report.kept + report.empty + report.left_out + report.duplicates


@pytest.mark.parametrize("latest", [LeftOut("a", 2.0), talk("a", updated=2.0)], ids=["left out", "emptied"])
async def test_an_older_version_of_what_is_left_out_or_emptied_is_dropped(latest: Parsed) -> None:
    sink, report = await chunked([latest, talk("a", "secret")])
    assert (sink.chunks, sink.passages, report.forgotten) == ([], [], {"a"})
    assert report.seen == report.kept + report.empty + report.left_out + report.duplicates


async def test_a_conversation_taken_up_again_after_it_was_emptied_is_kept() -> None:
    sink, report = await chunked([talk("a", updated=1.0), talk("a", "hello", updated=2.0)])
    assert texts(sink.chunks) == ["hello"]
    assert (report.kept, report.empty, report.duplicates, report.forgotten) == (1, 1, 0, set())


async def test_custom_instructions_are_taken_once_a_wording_dated_by_their_first_conversation() -> None:
    late = talk("a", "hello", standing="Be brief.")
    late.created_at = 1_700_000_500.0
    early = talk("b", "hello", standing="Be brief.")
    sink, _ = await chunked([late, early, talk("c", "hi", standing="Answer in French.")])
    standing = [message for chunk in sink.chunks for message in chunk.messages if message.custom_instructions]
    assert sorted(message.text for message in standing) == ["Answer in French.", "Be brief."]
    assert {message.conversation_id for message in standing} == {INSTRUCTIONS_ID}
    assert all(message.created_at and message.created_at.timestamp() == 1_700_000_000 for message in standing)


async def test_the_sample_keeps_the_richest_and_only_the_persons_words() -> None:
    _, report = await chunked(
        [talk(str(n), "x" * n, "assistant words") for n in range(1, 8)], ChunkPolicy(sample_size=3)
    )
    assert [kept.id for kept in report.sample] == ["7", "6", "5"]
    assert report.sample[0].excerpts == ("xxxxxxx",)
