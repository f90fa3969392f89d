"""What a run cost over all the commands that worked on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest

from shared.domain.events import Usage
from shared.domain.runs import RunKey
from shared.models.claude.model import ClaudeModel
from shared.models.claude.options import ClaudeOptions
from shared.models.open import make_model
from shared.models.writer.writer import DeterministicWriter
from shared.settings import load_settings
from soulprint.spending import FOLDER, Spending

KEY = RunKey(UUID(int=1), 1)


def usage(calls: int, cost: float | None = 0.25) -> Usage:
    return Usage(calls=calls, input_tokens=10 * calls, output_tokens=calls, cost=cost)


class Spender(ClaudeModel):
    """Claude that has spent so much."""

    def __init__(self, spent: Usage) -> None:
        super().__init__(ClaudeOptions(api_key="test-key"), DeterministicWriter())
        self._spent = spent

    @property
    def spent(self) -> Usage:
        return self._spent

    @property
    def refused(self) -> dict[str, int]:
        return {}

    @property
    def fallbacks(self) -> Sequence[str]:
        return ("MEMORY: cut",)


def test_what_one_command_could_not_record_is_told_by_the_next(tmp_path: Path) -> None:
    first = Spending(tmp_path, KEY, Spender(usage(5, 0.5)), Usage())
    first.carry(usage(3))  # two calls came to nothing
    second = Spending(tmp_path, KEY, Spender(usage(1)), usage(3))
    assert second.total == usage(6, 0.75)
    assert second.fallbacks == ["MEMORY: cut"]
    second.carry(usage(4, 0.5))
    assert Spending(tmp_path, KEY, Spender(Usage()), usage(4, 0.5)).total == usage(6, 0.75)
    second.forget()
    second.forget()
    assert Spending(tmp_path, KEY, Spender(Usage()), usage(6)).total == usage(6)


def test_nothing_is_noted_where_everything_is_recorded(tmp_path: Path) -> None:
    Spending(tmp_path, KEY, Spender(usage(2)), Usage()).carry(usage(2))
    assert not (tmp_path / FOLDER).exists()


def test_an_unknown_price_stays_unknown(tmp_path: Path) -> None:
    Spending(tmp_path, KEY, Spender(usage(2, None)), Usage()).carry(usage(1, None))
    assert Spending(tmp_path, KEY, Spender(Usage()), usage(1, None)).total == usage(2, None)


@pytest.mark.parametrize("content", [b"", b"{", b'{"calls": "x"}'])
def test_a_broken_note_counts_for_nothing(tmp_path: Path, content: bytes) -> None:
    note = tmp_path / FOLDER / f"{KEY.import_id}-{KEY.run}.json"
    note.parent.mkdir()
    note.write_bytes(content)
    assert Spending(tmp_path, KEY, Spender(usage(2)), Usage()).total == usage(2)


async def test_a_model_that_costs_nothing_adds_nothing(tmp_path: Path) -> None:
    model = make_model(load_settings(model="offline"), workers=0)
    try:
        assert Spending(tmp_path, KEY, model, usage(1)).total == usage(1)
    finally:
        await model.close()
