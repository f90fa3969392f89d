"""The model that the settings name: what each setting does to Claude, and what is refused at once."""

from __future__ import annotations

import pytest

from shared.domain.errors import UsageError
from shared.models.base import BatchModel, Metered
from shared.models.open import claude_options, make_model
from shared.settings import Settings, load_settings
from soulprint.run import run_settings


@pytest.fixture(autouse=True)
def _no_key_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "SOULPRINT_ANTHROPIC_API_KEY",
    ):
        monkeypatch.delenv(name, raising=False)


def claude(**more: object) -> Settings:
    return load_settings(**{"model": "claude", "anthropic_api_key": "tango-secret", **more})


def test_every_setting_arrives() -> None:
    options = claude_options(
        claude(
            claude_model="qwen3",
            anthropic_base_url="http://localhost:11434",
            fact_extraction_concurrency=7,
            model_tpm=1000,
            model_max_tokens=512,
            model_timeout=9,
            model_chunk_deadline=33,
            model_patience=5,
        ),
        max_cost=2.5,
    )
    assert (options.model, options.api_key) == ("qwen3", "tango-secret")
    assert options.base_url == "http://localhost:11434"
    assert (options.concurrency, options.tokens_per_minute, options.max_tokens) == (7, 1000, 512)
    assert (options.timeout, options.retry.deadline, options.lane.patience) == (9, 33, 5)
    assert options.max_cost == 2.5


async def test_the_model_is_made_for_the_command_and_for_a_service() -> None:
    for patience, expected in ((None, 300.0), (0.0, 0.0)):
        model = make_model(claude(), patience=patience)
        try:
            assert isinstance(model, Metered)
            assert isinstance(model, BatchModel)
            assert model.name == "claude-haiku-5-5"
            assert claude_options(claude(), patience=patience).lane.patience == expected
        finally:
            await model.close()


async def test_the_offline_model_costs_nothing_and_reads_no_batches() -> None:
    model = make_model(load_settings(model="offline"), workers=0)
    try:
        assert not isinstance(model, Metered)
        assert not isinstance(model, BatchModel)
    finally:
        await model.close()


@pytest.mark.parametrize("key", [None, ""])
def test_no_key_is_refused_and_says_what_to_set(key: str | None) -> None:
    with pytest.raises(UsageError, match="set ANTHROPIC_API_KEY"):
        make_model(claude(anthropic_api_key=key))


def test_a_limit_on_cost_needs_a_price() -> None:
    with pytest.raises(UsageError, match="price of qwen3 is not known"):
        make_model(claude(claude_model="qwen3"), max_cost=1.0)


def test_a_price_file_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="price file no-such-file cannot be read"):
        make_model(claude(model_prices="no-such-file"))


def test_a_batch_needs_claude() -> None:
    with pytest.raises(UsageError, match="--batch needs --model claude"):
        run_settings("offline", batch=True)
    assert run_settings("claude", batch=True).model_batch


def test_the_key_is_not_printed() -> None:
    assert "tango-secret" not in repr(claude())
