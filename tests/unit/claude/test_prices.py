"""Prices: dated, tiered, replaceable, never invented."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.domain.errors import UsageError
from shared.domain.events import Usage
from shared.models.claude.prices import TABLE, load_prices

MILLION = 1_000_000


def test_the_table_has_its_date() -> None:
    assert load_prices().dated.isoformat() == "2026-11-23"


def test_all_four_kinds_of_token_are_priced() -> None:
    usage = Usage(
        input_tokens=10_000, output_tokens=20_000, cache_read_tokens=30_000, cache_write_tokens=40_000
    )
    cost = load_prices().cost("claude-haiku-5-5", usage)
    assert cost == pytest.approx((10 * 0.10 + 20 * 0.50 + 30 * 0.01 + 40 * 0.125) / 1000)


def test_a_prompt_above_the_step_costs_more_on_every_token() -> None:
    prices = load_prices()
    at = Usage(input_tokens=60_000, cache_read_tokens=40_000, output_tokens=1000)
    above = at.model_copy(update={"input_tokens": 60_001})
    assert prices.cost("claude-haiku-5-5", at) == pytest.approx((60 * 0.1 + 40 * 0.01 + 0.5) / 1000)
    assert prices.cost("claude-haiku-5-5", above) == pytest.approx((60.001 * 0.5 + 40 * 0.05 + 2.5) / 1000)


def test_a_batch_costs_half() -> None:
    usage = Usage(input_tokens=MILLION // 20, output_tokens=1000)
    prices = load_prices()
    single, batch = prices.cost("claude-haiku-4-5", usage), prices.cost("claude-haiku-4-5", usage, batch=True)
    assert single is not None
    assert batch == pytest.approx(single / 2)


def test_an_unknown_model_has_no_price() -> None:
    assert load_prices().cost("qwen3-coder", Usage(input_tokens=5)) is None


def test_a_file_adds_and_replaces_models(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    rates = '{"input": 1, "output": 2, "cache_read": 0, "cache_write": 0}'
    file.write_text(f'{{"dated": "2027-01-01", "models": {{"qwen": {rates}, "claude-haiku-5-5": {rates}}}}}')
    prices = load_prices(file)
    assert prices.cost("qwen", Usage(input_tokens=MILLION)) == 1
    assert prices.cost("claude-haiku-5-5", Usage(input_tokens=MILLION)) == 1
    assert prices.cost("claude-haiku-4-5", Usage(input_tokens=MILLION)) == 1
    assert prices.dated.year == 2027


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"models": {}}', '{"dated": "2027-01-01", "models": {"q": {"input": -1}}}'],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, content: str) -> None:
    file = tmp_path / "prices.json"
    file.write_text(content)
    with pytest.raises(UsageError, match="SOULPRINT_MODEL_PRICES"):
        load_prices(file)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_prices(tmp_path / "none.json")


def test_the_built_in_table_is_a_valid_file() -> None:
    assert load_prices(TABLE) == load_prices()
