"""What comes over REST and is no function's answer: tried again, or told in our words, and never kept."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import orjson
import pytest

from shared.domain.errors import StoreError, UnansweredError, UnreadableAnswerError
from shared.resilience.backoff import Backoff
from shared.resilience.faults import Fault, fault_of
from shared.store import rest
from shared.store.store import Store, open_rest_store
from tests.support.odd_server import HTML, How, Odd, OddServer, odd_server

NOBODY = UUID(int=0)
NULL = Odd(200, b"null")
PAGE = b"<html><body>Bad gateway, said tango-secret</body></html>"
SOON = 15.0


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "_BACKOFF", Backoff(base=0.001, cap=0.001))


@asynccontextmanager
async def before(*answers: Odd, seconds: float = SOON) -> AsyncIterator[tuple[Store, OddServer]]:
    async with odd_server(*answers) as server, open_rest_store(server.url, "key", seconds=seconds) as store:
        yield store, server


def refused(status: int, code: str, message: str = "tango-secret") -> Odd:
    """A refusal as PostgREST writes it, with what it repeats of the row."""
    told = {"code": code, "message": message, "details": "Key (title)=(tango-secret)", "hint": "tango-secret"}
    return Odd(status, orjson.dumps(told))


@pytest.mark.parametrize(
    "odd",
    [
        Odd(502, PAGE, HTML),
        Odd(503, PAGE, HTML, {"Retry-After": "0"}),
        Odd(503, PAGE, HTML, {"Retry-After": "0.01"}),
        Odd(504, PAGE, HTML),
        Odd(429, b'{"message":"API rate limit exceeded"}', headers={"Retry-After": "0"}),
        refused(503, "PGRST001"),
        refused(503, "PGRST002"),
        refused(504, "PGRST003"),
        Odd(200, b'{"import_id": "and so on"}', how=How.BROKEN),
    ],
)
async def test_what_nobody_could_work_on_is_tried_again(odd: Odd) -> None:
    async with before(odd, odd, NULL) as (store, server):
        assert await store.watch_run(NOBODY, 1) is None
    assert len(server.calls) == 3
    assert {path for path, _ in server.calls} == {"/rest/v1/rpc/watch_run"}
    assert {orjson.loads(body)["argument"]["import_id"] for _, body in server.calls} == {str(NOBODY)}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_who_is_never_able_is_the_lanes_trouble(status: int) -> None:
    async with before(Odd(status, PAGE, HTML)) as (store, server):
        with pytest.raises(StoreError) as told:
            await store.watch_run(NOBODY, 1)
    assert len(server.calls) == rest.TRIALS
    assert told.value.sqlstate is None
    assert fault_of(told.value) is Fault.LANE
    assert f"(HTTP {status})" in str(told.value)


async def test_who_asks_for_much_patience_is_left_alone() -> None:
    for odd in (
        Odd(503, PAGE, HTML, {"Retry-After": "3600"}),
        Odd(429, b"{}", headers={"Retry-After": "60"}),
    ):
        async with before(odd) as (store, server):
            with pytest.raises(StoreError):
                await store.watch_run(NOBODY, 1)
        assert len(server.calls) == 1


async def test_who_asks_for_more_patience_than_the_call_has_is_left_alone() -> None:
    async with before(Odd(503, PAGE, HTML, {"Retry-After": "5"}), seconds=1.0) as (store, server):
        with pytest.raises(StoreError):
            await store.watch_run(NOBODY, 1)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("odd", "sqlstate", "fault", "says"),
    [
        (refused(400, "22P05"), "22P05", Fault.POISON, "holds a NUL character"),
        (refused(409, "23505"), "23505", Fault.POISON, "a rule of the schema"),
        (refused(503, "53100"), "53100", Fault.LANE, "the disk is full"),
        (refused(500, "57014"), "57014", Fault.UNKNOWN, "statement_timeout"),
        (refused(500, "40001"), "40001", Fault.TRANSIENT, "collided"),
        (refused(405, "25006"), "25006", Fault.LANE, "takes no writes"),
        (
            refused(403, "42501"),
            "42501",
            Fault.LANE,
            "is SUPABASE_SERVICE_ROLE_KEY the service key? (SQLSTATE 42501)",
        ),
        (refused(400, "SP003", "not a field: x"), "SP003", Fault.POISON, "not a field: x"),
        (refused(404, "PGRST202"), "42883", Fault.LANE, "NOTIFY pgrst, 'reload schema'"),
        (refused(406, "PGRST106"), "3F000", Fault.LANE, "not exposed"),
        (refused(401, "PGRST301", "JWT expired"), "28000", Fault.LANE, "the key has expired"),
        (refused(401, "PGRST303", "JWT expired"), "28000", Fault.LANE, "the key has expired"),
        (refused(401, "PGRST302"), "28000", Fault.LANE, "refuses the key"),
        (refused(500, "PGRST300"), "28000", Fault.LANE, "jwt-secret"),
        (refused(400, "PGRST100"), None, Fault.LANE, "refuses the call (PGRST100)"),
        (Odd(401, b'{"message":"Invalid API key"}'), "28000", Fault.LANE, "this project's service key"),
        (Odd(403, PAGE, HTML), "28000", Fault.LANE, "refuses the key"),
        (Odd(404, b'{"message":"no Route matched"}'), None, Fault.LANE, "SUPABASE_URL the project's address"),
        (Odd(404, PAGE, HTML), None, Fault.LANE, "SUPABASE_URL the project's address"),
        (Odd(413, PAGE, HTML), "54000", Fault.POISON, "larger than what lies before"),
        (Odd(540, PAGE, HTML), None, Fault.LANE, "is paused"),
        (Odd(200, PAGE, HTML), None, Fault.LANE, "a page came, and no answer"),
        (Odd(302, b"", HTML, {"Location": "/login"}), None, Fault.LANE, "a page came"),
        (Odd(500, b"[]"), None, Fault.LANE, "refuses the call (HTTP 500)"),
        (Odd(500, PAGE * 10_000, HTML), None, Fault.LANE, "a page came"),
        (Odd(500, PAGE, HTML, how=How.ENDLESS), None, Fault.LANE, "a page came"),
        (refused(500, "tango-secret; DROP"), None, Fault.LANE, "refuses the call (HTTP 500)"),
    ],
)
async def test_a_refusal_is_told_in_our_words_and_judged_as_on_a_direct_connection(
    odd: Odd, sqlstate: str | None, fault: Fault, says: str
) -> None:
    async with before(odd) as (store, server):
        with pytest.raises(StoreError) as told:
            await store.watch_run(NOBODY, 1)
    error = told.value
    assert (error.sqlstate, fault_of(error)) == (sqlstate, fault)
    assert str(error).startswith("watch_run: ")
    assert says in str(error)
    assert "tango" not in repr(error)
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "odd",
    [
        Odd(200, b'"' + b"x" * 1024 * 1024, how=How.ENDLESS),
        Odd(200, b"null", headers={"Content-Encoding": "gzip"}),
    ],
)
async def test_an_answer_without_measure_is_not_read(odd: Odd) -> None:
    async with before(odd) as (store, _):
        tracemalloc.start()
        try:
            with pytest.raises(UnreadableAnswerError, match="larger than 64 MB"):
                await store.watch_run(NOBODY, 1)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 1.3 * rest.MAX_BYTES


async def test_an_answer_that_says_it_is_too_large_is_not_begun() -> None:
    async with before(Odd(200, bytes(rest.MAX_BYTES + 1))) as (store, _):
        with pytest.raises(UnreadableAnswerError, match="larger than 64 MB") as told:
            await store.watch_run(NOBODY, 1)
    assert fault_of(told.value) is Fault.UNKNOWN


async def test_json_that_is_none_is_another_form() -> None:
    async with before(Odd(200, b'{"import_id": tango-secret')) as (store, _):
        with pytest.raises(UnreadableAnswerError) as told:
            await store.watch_run(NOBODY, 1)
    assert "tango" not in str(told.value)


async def test_a_server_that_says_nothing_is_not_waited_for_long() -> None:
    async with before(Odd(200, b"null", how=How.SILENT), seconds=0.2) as (store, server):
        with pytest.raises(UnansweredError, match=r"gave no answer within 0.2 s"):
            await store.watch_run(NOBODY, 1)
        server.answers = [NULL]
        assert await store.watch_run(NOBODY, 1) is None


async def test_a_callers_own_patience_stays_its_own() -> None:
    async with before(Odd(200, b"null", how=How.SILENT)) as (store, _):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await store.watch_run(NOBODY, 1)


async def test_connections_are_kept_and_no_more_than_allowed() -> None:
    async with odd_server(NULL) as server:
        async with open_rest_store(server.url, "key", connections=2) as store:
            for _ in range(3):
                await asyncio.gather(*(store.watch_run(NOBODY, 1) for _ in range(10)))
        assert (server.connections, len(server.calls)) == (2, 30)
        await store.close()
        with pytest.raises(StoreError, match="cannot be reached"):
            await store.watch_run(NOBODY, 1)


async def test_nobody_there() -> None:
    async with odd_server(NULL) as server:
        url = server.url
    async with open_rest_store(url, "key") as store:
        with pytest.raises(StoreError, match=r"project cannot be reached; is SUPABASE_URL right") as told:
            await store.watch_run(NOBODY, 1)
    assert fault_of(told.value) is Fault.LANE


async def test_what_is_no_text_is_refused_before_it_is_sent() -> None:
    async with before(NULL) as (store, server):
        with pytest.raises(StoreError, match="lone surrogate") as told:
            await store.update_user_profile(NOBODY, {"soul_md": "\ud800"})
    assert told.value.sqlstate == "22021"
    assert server.calls == []
