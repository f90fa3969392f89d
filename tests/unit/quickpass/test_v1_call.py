from __future__ import annotations

from uuid import UUID

import pytest

from services.quickpass import v1_call
from services.quickpass.v1_call import Answer, post
from shared.store.v1_calls import V1Call
from tests.support.ports import free_port
from tests.support.predecessor import Fault, predecessor

CALL = V1Call(
    import_id=UUID(int=1),
    run=1,
    user_id=UUID(int=2),
    source="imports/a/export.JSON",
    conversation_count=3,
    message_count=4,
    attempt=1,
)
PATH = "/import-full"


async def test_it_is_told_what_it_asks_for() -> None:
    async with predecessor() as old:
        assert await post(old.url + PATH, CALL) == Answer("accepted")
        (taken,) = old.state.taken
        assert taken.model_dump() == {
            "user_id": str(UUID(int=2)),
            "storage_path": "imports/a/export.JSON",
            "file_type": "json",
            "conversation_count": 3,
            "message_count": 4,
        }
        (call,) = old.state.calls
        assert "authorization" not in call.headers


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "accepted"),
        (202, "accepted"),
        (400, "refused"),
        (403, "refused"),
        (404, "refused"),
        (422, "refused"),
        (429, "again"),
        (500, "again"),
        (502, "again"),
        (503, "again"),
        (504, "unknown"),
        (524, "unknown"),
    ],
)
async def test_an_answer_says_whether_it_may_be_at_work(status: int, outcome: str) -> None:
    async with predecessor() as old:
        old.state.answers[PATH] = status
        answer = await post(old.url + PATH, CALL)
    assert answer.outcome == outcome
    assert outcome == "accepted" or str(status) in answer.reason


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault.HANG, "unknown"),
        (Fault.HEADERS, "unknown"),
        (Fault.REDIRECT, "refused"),
        (Fault.LARGE, "accepted"),
        (Fault.DIE, "accepted"),
        (Fault.DRIP, "accepted"),
    ],
)
async def test_what_is_wrong_with_it_is_an_answer_too(
    fault: Fault, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(v1_call, "CALL_SECONDS", 0.5)
    async with predecessor() as old:
        old.state.faults[PATH] = fault
        assert (await post(old.url + PATH, CALL)).outcome == outcome
        assert old.state.counts == {f"POST {PATH}": 1}, "nothing is repeated, nor followed"


async def test_one_that_is_not_there_is_surely_not_at_work() -> None:
    answer = await post(f"http://127.0.0.1:{free_port()}{PATH}", CALL)
    assert (answer.outcome, "V1_BACKEND_URL" in answer.reason) == ("again", True)


@pytest.mark.parametrize("address", ["backend:8000/import-full", "http://[::1/import-full"])
async def test_an_address_that_is_none_is_told(address: str) -> None:
    assert (await post(address, CALL)).outcome == "refused"
