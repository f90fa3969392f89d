"""What becomes of an export whose reader ended without its own doing."""

from __future__ import annotations

import pytest

from shared.domain.errors import UnreadableExportError
from shared.exports import readers
from shared.exports.readers import ReaderEndedError, once_more


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; none takes time."""
    made: list[float] = []

    async def pause(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr(readers.asyncio, "sleep", pause)
    return made


@pytest.mark.parametrize("deaths", range(len(readers.PAUSES) + 1))
async def test_a_machine_that_kills_readers_for_a_while_costs_no_import(
    deaths: int, pauses: list[float]
) -> None:
    left = deaths

    async def read() -> str:
        nonlocal left
        if left:
            left -= 1
            raise ReaderEndedError("it was killed")
        return "read"

    assert await once_more(read, {}) == "read"
    assert pauses == list(readers.PAUSES[:deaths])
    assert sum(readers.PAUSES) > 60


async def test_what_kills_each_of_its_readers_is_given_up(pauses: list[float]) -> None:
    async def read() -> str:
        raise ReaderEndedError("it was killed")

    with pytest.raises(UnreadableExportError, match="so did the 4 before it"):
        await once_more(read, {})
    assert pauses == list(readers.PAUSES)
