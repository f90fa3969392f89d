"""The writer keeps passages embedded: beside imports, over faults and kills, and never in a memory's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.writer import embedding as embedding_task
from services.writer.filling import AT_ONCE
from services.writer.saving import Saver
from shared.domain.errors import UsageError
from shared.resilience.backoff import Backoff
from shared.store.store import Store, open_store
from tests.support.embeddings import BATCH, HASTY, filler_of
from tests.support.fake_embeddings import (
    MODEL,
    FakeEmbeddings,
    embedding_settings,
    fake_embeddings,
    numbers_of,
)
from tests.support.local import LocalSetting
from tests.support.records import PassageOf
from tests.support.runs import begin_run
from tests.support.services import ended, hosted
from tests.support.waiting import until

ANA = UUID(int=0xA)


@pytest.fixture
async def store(embedding_database: str) -> AsyncIterator[Store]:
    async with open_store(embedding_database) as opened:
        yield opened


@pytest.fixture
async def sql(embedding_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(embedding_database)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def fake() -> AsyncIterator[FakeEmbeddings]:
    async with fake_embeddings(64) as found:
        yield found


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits, where they are not what is looked at."""
    monkeypatch.setattr(embedding_task, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(embedding_task, "TELL_SECONDS", 0.0)
    monkeypatch.setattr(embedding_task, "PATIENCE", HASTY)
    monkeypatch.setattr(embedding_task, "AGAIN", Backoff(0.05, 0.1))


@pytest.fixture
def setting(embedding_database: str, store: Store, exports: Path, fake: FakeEmbeddings) -> LocalSetting:
    """A pipeline on a log in memory, whose writer embeds."""
    changes = {"extract_workers": 0, "lease_seconds": 1.0, "embeddings_batch": 8, **embedding_settings(fake)}
    return LocalSetting(embedding_database, exports, changes=changes)


async def lacking(store: Store) -> int:
    return (await store.count_embeddings()).lacking


async def all_embedded(store: Store) -> None:
    async def none_lacks() -> bool:
        """no passage lacks an embedding"""
        return await lacking(store) == 0

    await until(none_lacks)


async def fill_in(store: Store, count: int, user: UUID = ANA, text: str = "passage") -> list[str]:
    """So many passages, a conversation each."""
    texts = [f"{text} number {n}, of {n * 7919 % 1000}" for n in range(count)]
    for begin in range(0, count, 500):
        await store.save_chunks_batch(
            user, [PassageOf(f"c{begin + n}", 0, each) for n, each in enumerate(texts[begin : begin + 500])]
        )
    return texts


async def each_has_its_own(sql: asyncpg.Connection) -> None:
    """Every passage has the embedding of its own text."""
    rows = await sql.fetch("SELECT content, embedding::text FROM conversation_chunks")
    for row in rows:
        numbers = [float(each) for each in row["embedding"].strip("[]").split(",")]
        assert numbers == pytest.approx(numbers_of(row["content"], 64), rel=1e-5)


async def test_an_import_is_embedded_and_its_repetition_costs_nothing(
    setting: LocalSetting, store: Store, exports: Path, fake: FakeEmbeddings, sql: asyncpg.Connection
) -> None:
    setting.changes["profile_format"] = "app"
    async with hosted(setting) as host:
        event = await setting.import_of(exports / "small.zip", ANA)
        assert (await ended(store, event)).state == "complete"
        await all_embedded(store)
        await each_has_its_own(sql)
        (usage,) = await store.read_embedding_usage(ANA)
        passages = await sql.fetchval("SELECT count(*) FROM conversation_chunks")
        assert usage.passages == passages == len(list(fake.texts()))
        assert usage.input_tokens > 0
        assert usage.cost is None

        async def told() -> bool:
            row = await sql.fetchrow("SELECT embedding_status, embedding_progress FROM user_profiles")
            return row is not None and tuple(row) == ("complete", 100)

        await until(told)
        labels = {"outcome": "embedded"}
        assert host.registry.get_sample_value("soulprint_embedding_passages_total", labels) == passages
        calls = fake.calls.total()
        again = await setting.import_of(exports / "small.zip", ANA, import_id=event.import_id, run=2)
        assert (await ended(store, again)).state == "complete"
        await until(told)
    assert fake.calls.total() == calls


async def test_a_user_whose_passages_are_done_is_told_so_while_anothers_are_not(
    setting: LocalSetting, store: Store, fake: FakeEmbeddings, sql: asyncpg.Connection
) -> None:
    late = uuid4()
    for user in (ANA, late):
        await begin_run(store, uuid4(), user, "/a.zip", "v2")
    await sql.execute("UPDATE imports SET profile_format = 'app', state = 'complete'")
    await fill_in(store, 400, ANA, "ana")
    await fill_in(store, 4, late, "late")
    fake.stops_at = 200

    async def is_told() -> bool:
        status = "SELECT embedding_status FROM user_profiles WHERE user_id = $1"
        return await sql.fetchval(status, late) == "complete"

    async with hosted(setting, ["writer"]):
        await until(is_told)
        assert await lacking(store) > 0


async def test_a_model_of_another_size_is_refused_at_start(
    setting: LocalSetting, store: Store, fake: FakeEmbeddings
) -> None:
    setting.changes.pop("embeddings_dimensions")
    fake.dimensions = 1536
    with pytest.raises(UsageError, match=rf"'{MODEL}' gives 1,536 numbers .* takes 64"):
        async with hosted(setting):
            pass


async def test_other_dimensions_than_the_columns_are_refused_at_start(
    setting: LocalSetting, store: Store
) -> None:
    setting.changes["embeddings_dimensions"] = 768
    with pytest.raises(UsageError, match=r"EMBEDDINGS_DIMENSIONS is 768, and the column .* takes 64"):
        async with hosted(setting):
            pass


async def test_a_server_that_is_down_holds_no_memory_up_and_is_told(
    setting: LocalSetting, store: Store, exports: Path, fake: FakeEmbeddings
) -> None:
    await fake.stop()
    async with hosted(setting) as host:
        event = await setting.import_of(exports / "small.zip", ANA)
        assert (await ended(store, event)).state == "complete"
        assert await lacking(store) > 0

        async def is_told() -> bool:
            return "cannot reach" in "".join(hold.reason for hold in await store.read_holds(60))

        await until(is_told)
        status, page = await _page(host.port, "/readyz")
        assert status == 200, page
        await fake.start(fake.port)
        await all_embedded(store)


async def _page(port: int, path: str) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1]), answer


async def test_two_writers_share_and_embed_nothing_twice(
    setting: LocalSetting, store: Store, fake: FakeEmbeddings, sql: asyncpg.Connection
) -> None:
    texts = await fill_in(store, 100)
    fake.latency = 0.01
    async with hosted(setting, ["writer"]), hosted(setting, ["chunker"]):
        async with filler_of(store, fake) as filler:
            await filler.fill()
        await all_embedded(store)
        assert 0 < filler.embedded < 100
    assert sorted(fake.texts()) == sorted(texts)
    assert {fake.served[text] for text in texts} == {1}
    await each_has_its_own(sql)


async def test_what_a_killed_writer_had_in_work_is_embedded_by_the_next(
    store: Store, fake: FakeEmbeddings, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short form of tests/chaos/test_embeddings.py."""
    texts = await fill_in(store, 200)
    fake.chances = {"429": 0.01, "500": 0.02, "drop": 0.02}

    async def gone(*_: object) -> None:
        """A process that was killed gives nothing back."""

    monkeypatch.setattr(Store, "release_passages", gone)
    for number in range(2):
        async with filler_of(store, fake, owner=f"killed {number}", lease=0.2) as filler:
            work = asyncio.create_task(filler.fill())
            await until(lambda number=number: len(list(fake.texts())) > 60 * (number + 1))  # type: ignore[misc]
            work.cancel()
            await asyncio.wait([work])
    monkeypatch.undo()

    async def by_the_next() -> bool:
        async with filler_of(store, fake, owner="the next") as filler:
            await filler.fill()
        return await lacking(store) == 0

    await until(by_the_next)
    await each_has_its_own(sql)
    again = [text for text in texts if fake.served[text] > 1]
    assert len(again) <= 2 * AT_ONCE * BATCH, "more than was in flight at the kills"
    calls = fake.calls.total()
    await fill_in(store, 200)
    async with filler_of(store, fake) as filler:
        await filler.fill()
    assert fake.calls.total() == calls


async def test_refused_and_empty_passages_cost_only_themselves(
    setting: LocalSetting, store: Store, fake: FakeEmbeddings, sql: asyncpg.Connection
) -> None:
    fake.poison = "tango"
    texts = await fill_in(store, 10)
    await store.save_chunks_batch(
        ANA, [PassageOf("t", 0, "tango"), PassageOf("e", 0, " \n"), PassageOf("n", 0, "")]
    )
    async with hosted(setting, ["writer"]) as host:

        async def only_they() -> bool:
            counts = await store.count_embeddings()
            return (counts.lacking, counts.refused) == (3, 3)

        await until(only_they)
        calls = fake.calls[400]
        sees = host.registry.get_sample_value
        await until(lambda: sees("soulprint_embedding_passages_total", {"outcome": "refused"}) == 3)
        await until(lambda: sees("soulprint_embeddings_lacking") is not None)
        await fill_in(store, 20)
        await until(lambda: len(list(fake.texts())) >= 20)
    assert fake.calls[400] == calls, "a refused passage is not asked for again"
    assert set(texts) <= set(fake.texts())


async def test_a_column_retyped_under_us_stops_the_work_and_is_told(
    setting: LocalSetting, store: Store, fake: FakeEmbeddings, sql: asyncpg.Connection
) -> None:
    async with hosted(setting, ["writer"]):
        await fill_in(store, 4)
        await all_embedded(store)
        await sql.execute("ALTER TABLE conversation_chunks ALTER COLUMN embedding TYPE vector(3) USING NULL")
        try:

            async def is_told() -> bool:
                return any("takes 3" in hold.reason for hold in await store.read_holds(60))

            await until(is_told)
            assert fake.served.total() <= 4 + 8 + fake.served["soulprint"]
        finally:
            await sql.execute(
                "ALTER TABLE conversation_chunks ALTER COLUMN embedding TYPE vector(64) USING NULL"
            )
        await all_embedded(store)


async def test_a_trigger_of_the_apps_that_refuses_a_row_costs_only_that(
    store: Store, fake: FakeEmbeddings, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill_in(store, 7)
    await store.save_chunks_batch(ANA, [PassageOf("t", 0, "tango secret")])
    monkeypatch.setattr(Saver, "save", _in_haste(Saver.save))
    await sql.execute(
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'not with me: %', NEW.content; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON conversation_chunks FOR EACH ROW
        WHEN (NEW.content LIKE 'tango%') EXECUTE FUNCTION refuse()"""
    )
    try:
        async with filler_of(store, fake) as filler:
            await filler.fill()
        counts = await store.count_embeddings()
        assert (counts.lacking, counts.refused) == (1, 1)
        assert await sql.fetchval("SELECT refused FROM embedding_claims") == "database P0001"
        (usage,) = await store.read_embedding_usage(ANA)
        assert (usage.passages, usage.calls) == (7, 1)
    finally:
        await sql.execute("DROP FUNCTION refuse CASCADE")


def _in_haste(save):  # type: ignore[no-untyped-def]
    async def saved(self, batch):  # type: ignore[no-untyped-def]
        self._backoff = Backoff(0.001, 0.001)
        await save(self, batch)

    return saved


async def test_users_that_come_later_do_not_wait_for_all_of_one(store: Store, fake: FakeEmbeddings) -> None:
    await fill_in(store, 80, ANA, "ana")
    late = uuid4()
    await fill_in(store, 4, late, "late")
    async with filler_of(store, fake) as filler:
        await filler.fill()
    order = list(fake.texts())
    assert max(order.index(text) for text in order if text.startswith("late")) < 40
