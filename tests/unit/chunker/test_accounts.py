"""Several accounts in one reading: each is cut, counted and sampled as if it were read alone."""

from __future__ import annotations

from uuid import UUID

from services.chunker.chunking import ChunkingJob, chunk_conversations
from services.chunker.report import ChunkingReport, ChunkPolicy
from shared.domain.ids import lineage_id, lineage_of_history
from shared.domain.sizes import ACCOUNTS
from shared.exports.conversation import Account, Conversation, LeftOut, Parsed, Rejected
from tests.unit.chunker.test_chunker import KEY, Kept, talk, texts

ANA, WORK, LOOSE = Account("chatgpt", "ana"), Account("chatgpt", "work"), Account("chatgpt")
CLAUDE = Account("claude")


def of(account: Account, conversation: Conversation) -> Conversation:
    conversation.account = account
    return conversation


async def read(*parsed: Parsed, job: ChunkingJob = KEY) -> tuple[Kept, ChunkingReport]:
    sink, report = Kept(), ChunkingReport()
    await chunk_conversations(parsed, job, ChunkPolicy(chunk_tokens=200), sink, report)
    return sink, report


async def test_an_accounts_chunks_are_the_same_whatever_is_read_beside_it() -> None:
    ours = [of(ANA, talk(f"a{n}", "word " * 60, standing="Be brief.")) for n in range(9)]
    theirs = [of(CLAUDE, talk(f"k{n}", "other " * 50)) for n in range(9)]
    mixed = [each for pair in zip(ours, theirs, strict=True) for each in pair]
    both, report = await read(*mixed)
    for number, own in enumerate((ours, theirs)):
        alone, _ = await read(*own)
        found = [chunk.content_hash for chunk in both.chunks if chunk.account == number]
        assert found == [chunk.content_hash for chunk in alone.chunks]
        assert report.accounts[number].chunks == len(found)
        assert {passage.account for passage in both.passages if passage.title == f"About {own[0].id}"} == {
            number
        }
    assert sorted(chunk.index for chunk in both.chunks) == list(range(report.chunks))
    assert [chunk.total for chunk in both.chunks if chunk.total] == [report.chunks]


async def test_of_one_vendor_an_id_is_one_conversation_and_the_latest_version_says_whose() -> None:
    old = of(LOOSE, talk("a", "old words", updated=1.0))
    new = of(ANA, talk("a", "new words", updated=2.0))
    stranger = of(CLAUDE, talk("a", "third words", updated=0.0))
    sink, report = await read(old, new, stranger)
    assert (report.kept, report.duplicates) == (2, 1)
    assert [(each.conversations, each.messages) for each in report.accounts] == [(0, 0), (1, 1), (1, 1)]
    assert report.superseded == []
    holding = {
        word: c.account for c in sink.chunks for word in ("old", "new", "third") if word in texts([c])[0]
    }
    assert holding == {"new": 1, "third": 2}
    assert [(each.id, each.account) for each in report.sample] == [("a", 1), ("a", 2)]


async def test_a_file_without_an_account_is_of_the_one_whose_conversations_it_shows() -> None:
    _, report = await read(
        of(LOOSE, talk("a", "one")),
        of(WORK, talk("b", "two")),
        of(ANA, talk("a", "one")),
        of(CLAUDE, talk("c")),
    )
    assert [each.same_as for each in report.accounts] == [2, None, None, None]
    _, report = await read(of(LOOSE, talk("a", "one")), of(ANA, talk("b", "two")))
    assert [each.same_as for each in report.accounts] == [None, None], "it shows another history"
    _, report = await read(LeftOut("a", account=LOOSE), of(ANA, talk("b", "two")))
    assert [each.same_as for each in report.accounts] == [1, None], "of it nothing is left"


async def test_what_is_refused_counts_for_its_account() -> None:
    _, report = await read(of(ANA, talk("a", "one")), Rejected("bad", "no object", account=CLAUDE))
    assert [(each.account, each.skipped) for each in report.accounts] == [(ANA, 0), (CLAUDE, 1)]


async def test_accounts_beyond_the_bound_count_as_the_last_one() -> None:
    talks = [of(Account("claude", f"u{n}"), talk(f"a{n}", "hello")) for n in range(ACCOUNTS + 9)]
    sink, report = await read(*talks)
    assert [each.conversations for each in report.accounts] == [1] * (ACCOUNTS - 1) + [10]
    assert {chunk.account for chunk in sink.chunks} == set(range(ACCOUNTS))


async def test_a_history_is_known_by_its_oldest_conversations() -> None:
    talks = [of(LOOSE, talk(f"a{n}", "hello")) for n in range(6)]
    for age, each in zip((5.0, None, 1.0, 3.0, 2.0, 4.0), talks, strict=True):
        each.created_at = age
    _, report = await read(*talks)
    _, later = await read(*talks[::-1], of(LOOSE, talk("b", "new")))
    assert report.accounts[0].oldest == later.accounts[0].oldest == ("a2", "a4", "a3")


def test_a_lineage_tells_of_no_account_and_is_a_users_own() -> None:
    ana, boris = UUID(int=1), UUID(int=2)
    found = lineage_id(ana, "claude", "an-account-id")
    assert found.startswith("claude-")
    assert "an-account-id" not in found
    assert found != lineage_id(boris, "claude", "an-account-id")
    assert found != lineage_id(ana, "chatgpt", "an-account-id")
    assert lineage_of_history(ana, "claude", ["a", "b"]) != lineage_of_history(ana, "claude", ["a", "c"])
