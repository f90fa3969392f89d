"""The stand-in itself: it answers as the API does, and its accounts are exact."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from tests.support.fake_claude.contract import wrong_in
from tests.support.fake_claude.faults import FaultPlan
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fake_claude.server import FakeClaude

ROOT = Path(__file__).resolve().parents[2]


def client_of(fake: FakeClaude, timeout: float = 5.0) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key="test-key", base_url=fake.url, max_retries=0, timeout=timeout)


async def say(client: anthropic.AsyncAnthropic, **more: object) -> anthropic.types.Message:
    return await client.messages.create(
        model="claude-haiku-5-5",
        max_tokens=50,
        messages=[{"role": "user", "content": "Hello"}],
        **more,
    )


async def test_the_sdk_reads_its_messages() -> None:
    async with fake_claude() as fake, client_of(fake) as client:
        message = await say(client)
        assert (message.stop_reason, message.content[0].type) == ("end_turn", "text")
        assert fake.told()["input_tokens"] == message.usage.input_tokens
        assert fake.told()["output_tokens"] == message.usage.output_tokens


async def test_it_counts_tokens_without_billing_them() -> None:
    async with fake_claude() as fake, client_of(fake) as client:
        count = await client.messages.count_tokens(
            model="claude-haiku-5-5", messages=[{"role": "user", "content": "Hello, you"}]
        )
        assert count.input_tokens == 3
        assert fake.told()["calls"] == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_limit", anthropic.RateLimitError),
        ("overloaded", anthropic.OverloadedError),
        ("server_error", anthropic.InternalServerError),
        ("bad_request", anthropic.BadRequestError),
        ("unauthorized", anthropic.AuthenticationError),
        ("forbidden", anthropic.PermissionDeniedError),
        ("unknown_model", anthropic.NotFoundError),
        ("drop", anthropic.APIConnectionError),
        ("cut", anthropic.APIConnectionError),
        ("hang", anthropic.APITimeoutError),
    ],
)
async def test_each_fault_is_what_the_sdk_takes_it_for_and_is_not_billed(
    fault: str, error: type[Exception]
) -> None:
    async with fake_claude() as fake, client_of(fake, timeout=0.2) as client:
        fake.faults.script([fault])
        with pytest.raises(error):
            await say(client)
        assert fake.told()["calls"] == 0
        assert fake.told()["faults"] == {fault: 1}
        await say(client)
        assert fake.told()["calls"] == 1


async def test_parameters_that_current_models_refuse_are_refused() -> None:
    async with fake_claude() as fake, client_of(fake) as client:
        with pytest.raises(anthropic.BadRequestError):
            await say(client, extra_body={"temperature": 0})


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"thinking": {"type": "disabled", "budget": 1}}, "budget"),
        ({"thinking": {"type": "none"}}, "thinking"),
        ({"output_config": {"format": {"type": "json_schema", "schema": {}}, "efort": "low"}}, "efort"),
        ({"system": [{"type": "text", "text": "x", "cache": {}}]}, "system"),
        ({"system": [{"type": "text", "text": 7}]}, "system"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "{"}]}, "prefill"),
        ({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}, "additional"),
        ({"output_config": {"format": {"type": "json_schema", "schema": {"maxItems": 3}}}}, "maxItems"),
        ({"max_tokens": "50"}, "max_tokens"),
    ],
)
def test_names_and_schemas_are_checked_at_every_depth(more: dict[str, Any], wrong: str) -> None:
    good = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "a"}]}
    assert wrong_in(good) is None
    assert wrong in (wrong_in({**good, **more}) or "")


async def test_a_wrong_key_is_refused() -> None:
    async with fake_claude(api_key="another") as fake, client_of(fake) as client:
        with pytest.raises(anthropic.AuthenticationError):
            await say(client)


async def test_it_tells_and_is_steered_over_http() -> None:
    async with fake_claude() as fake, httpx2.AsyncClient(base_url=fake.url) as http:
        await http.post("/steer", json={"script": ["overloaded"], "chances": {"drop": 0.0}, "latency": 0.0})
        async with client_of(fake) as client:
            with pytest.raises(anthropic.OverloadedError):
                await say(client)
            await say(client)
        told = (await http.get("/served")).json()
        assert (told["calls"], told["requests"], told["faults"]) == (1, 2, {"overloaded": 1})


async def test_it_runs_as_a_program() -> None:
    program = await asyncio.create_subprocess_exec(
        ROOT / "scripts" / "soulprint-fake-claude",
        env={**os.environ, "PYTHON": sys.executable},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert program.stdout is not None
        url = (await asyncio.wait_for(program.stdout.readline(), 20)).decode().strip()
        async with httpx2.AsyncClient() as http:
            assert (await http.get(f"{url}/served")).json()["calls"] == 0
    finally:
        program.terminate()
        await program.wait()


def test_chance_is_seeded_and_about_as_asked() -> None:
    drawn = [FaultPlan({"drop": 0.2, "hang": 0.1}, seed).draw() for seed in (1, 1)]
    assert drawn[0] == drawn[1]
    plan = FaultPlan({"drop": 0.2, "hang": 0.1}, 5)
    for _ in range(4000):
        plan.draw()
    assert 700 < plan.happened["drop"] < 900
    assert 330 < plan.happened["hang"] < 470
