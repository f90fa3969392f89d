"""What `@call` makes of a signature: what is sent, and what becomes of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import pytest

from shared.domain.errors import StoreError
from shared.domain.runs import RunKey
from shared.store.answers import Answers
from shared.store.call import SPREAD, Calls, call, rows
from shared.store.driving import ChunkRanges, RunWatch
from shared.store.transport import to_json
from tests.support.records import IMPORT


class Echo:
    """Answers with what it was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Mapping[str, Any]]] = []

    async def call(self, function: str, argument: Mapping[str, Any]) -> Any:
        self.sent.append((function, argument))
        return argument

    async def close(self) -> None: ...


class Room(Calls):
    """A method of each kind."""

    def __init__(self) -> None:
        self._transport = self.echo = Echo()

    @call
    async def plain(self, first: int, second: str = "b", *, third: UUID | None = None) -> dict[str, Any]:
        """All kinds of parameters."""

    @call
    async def spread(self, key: Annotated[RunKey | None, SPREAD], limit: int = 1) -> dict[str, Any]:
        """A record that may be missing."""

    @call
    async def listed(self, keys: Annotated[list[RunKey], rows("run")]) -> None:
        """Items of which a part is sent."""

    @call
    async def typed(self, secret: str) -> int:
        """An answer of another type."""


@pytest.fixture
def room() -> Room:
    return Room()


async def test_parameters_are_sent_by_name_with_their_defaults(room: Room) -> None:
    assert await room.plain(1) == {"first": 1, "second": "b", "third": None}
    assert await room.plain(1, "c", third=IMPORT) == {"first": 1, "second": "c", "third": IMPORT}
    assert await room.plain(second="d", first=2) == {"first": 2, "second": "d", "third": None}


async def test_the_fields_of_a_spread_record_are_sent_and_none_for_none(room: Room) -> None:
    assert await room.spread(RunKey(IMPORT, 3)) == {"import_id": IMPORT, "run": 3, "limit": 1}
    assert await room.spread(None) == {"limit": 1}


async def test_of_rows_only_what_is_named_is_sent_and_no_answer_is_asked_for(room: Room) -> None:
    await room.listed([RunKey(IMPORT, 1), RunKey(IMPORT, 2)])
    assert room.echo.sent == [("listed", {"keys": [{"run": 1}, {"run": 2}]})]


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((1, "b", IMPORT), {}), ((1,), {"first": 1}), ((1,), {"fourth": 1}), ((), {"fourth": 1})],
)
async def test_arguments_that_do_not_fit_are_a_type_error_and_nothing_is_sent(
    room: Room, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        await room.plain(*args, **kwargs)
    assert room.echo.sent == []


async def test_an_answer_of_another_form_is_an_error_that_shows_no_value(room: Room) -> None:
    with pytest.raises(StoreError, match="typed: the database answers in another form") as caught:
        await room.typed("a text of the person")
    assert "person" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_what_cannot_be_written_is_refused_and_not_shown(room: Room) -> None:
    with pytest.raises(StoreError, match="cannot be written as JSON") as told:
        to_json("plain", {"first": Exception("tango-secret")})
    assert (told.value.sqlstate, "tango" in str(told.value)) == ("22021", False)


def test_rows_that_are_none_are_another_form() -> None:
    with pytest.raises(StoreError, match="answers in another form") as told:
        Answers("listed", list[RunWatch]).read([{"state": "complete", "done": 1}, "tango-secret"])
    assert (told.value.sqlstate, "tango" in str(told.value)) == (None, False)


def test_chunks_that_are_in_are_told_by_ranges() -> None:
    ranges = ChunkRanges([(0, 2), (5, 5)])
    assert [each for each in range(-1, 8) if each in ranges] == [0, 1, 2, 5]
    assert (ranges.count, ChunkRanges().count, 0 in ChunkRanges()) == (4, 0, False)
    assert RunWatch("complete", 1).ended
    assert not RunWatch("extracting", 1).ended
