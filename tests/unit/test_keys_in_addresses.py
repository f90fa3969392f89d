"""A key in an address: every setting that may hold one is set to one that does, and nothing shows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anthropic
import httpx2
import pytest

from shared.domain.errors import UsageError
from shared.models.claude.caller import Caller
from shared.models.claude.failures import classify
from shared.models.claude.options import ClaudeOptions
from shared.models.embeddings.client import opened_embedder
from shared.models.embeddings.failures import EmbeddingError
from shared.settings import Settings, load_settings

KEY = "SEKRET"
FIELDS = sorted(
    name
    for name in Settings.model_fields
    if name.endswith(("_url", "_servers")) or "SecretStr" in str(Settings.model_fields[name].annotation)
)
"""Addresses and secrets, those of tomorrow among them: a setting that is an address is called `..._url`."""
ADDRESSES = [name for name in FIELDS if name.endswith(("_url", "_servers"))]
FORMS = (
    f"http://user:{KEY}@127.0.0.1:1",
    f"http://127.0.0.1:1/{KEY}/v1",
    f"http://127.0.0.1:1/?k={KEY}",
    f"http://127.0.0.1:1/#{KEY}",
    f"http://user:{KEY}/x@127.0.0.1:1",
    f"ftp://user:{KEY}@127.0.0.1:1",
    f"postgresql://user:{KEY}@127.0.0.1:1/db?x={KEY}",
    f"postgresql://user:{KEY}#@127.0.0.1:1/db",
    f"user:{KEY}@127.0.0.1:1",
    f"http://[{KEY}",
    f"{KEY} {KEY}",
)
NEEDED = {
    "embeddings_model": "m",
    "anthropic_api_key": "k",
    "supabase_service_role_key": "sb_secret_of_nobody",
    "profile_format": "app",
    "model": "claude",
}
"""So that what is set is also used."""
DOCTOR = "from soulprint.main import main; main()"


def test_the_settings_that_hold_addresses_are_known() -> None:
    assert set(ADDRESSES) >= {
        "anthropic_base_url", "app_url", "database_url", "embeddings_url", "kafka_bootstrap_servers",
        "supabase_url", "v1_backend_url",
    }  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_what_is_refused_is_not_repeated_and_what_is_taken_is_not_in_the_repr(field: str) -> None:
    for text in FORMS:
        said = _said_of(lambda text=text: load_settings(**{**NEEDED, field: text}))  # type: ignore[misc]
        assert KEY not in said, text


def test_doctor_does_not_show_one(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOULPRINT_")}
    given = NEEDED | {"home": str(tmp_path), "store": "direct", "log_level": "debug"}
    given |= {"database_url": "postgresql://u@127.0.0.1:1/db", "kafka_bootstrap_servers": "127.0.0.1:1"}
    for field in ADDRESSES:
        taken = [text for text in (FORMS[1], FORMS[6], FORMS[0]) if _is_taken(given, field, text)]
        given[field] = (taken or [given.get(field, "")])[-1]
    assert sum(KEY in value for value in given.values()) >= 5
    environment |= {f"SOULPRINT_{name.upper()}": value for name, value in given.items()}
    command = [sys.executable, "-c", DOCTOR, "doctor", "--json"]
    shown = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert KEY not in shown.stdout + shown.stderr
    assert shown.stdout.count("http://127.0.0.1:1") >= 2
    assert shown.returncode == 1
    assert len(json.loads(shown.stdout)) > 5


def _is_taken(given: dict[str, str], field: str, text: str) -> bool:
    try:
        load_settings(**{**given, field: text})
    except UsageError:
        return False
    return True


@pytest.mark.parametrize("text", FORMS)
def test_no_reason_of_the_provider_s_lane_shows_it(text: str) -> None:
    """What becomes a hold, a line of `soulprint status` and an answer of /readyz."""
    options = ClaudeOptions(api_key=KEY, base_url=text)
    assert KEY not in repr(options)
    assert KEY not in _said_of(lambda: Caller(options))
    for failure in _failures(httpx2.Request("POST", "http://127.0.0.1")):
        reason = classify(failure, model="m", base_url=text).reason
        assert KEY not in reason, reason


def _said_of(made: Callable[[], object]) -> str:
    """How it shows itself, or why it is refused."""
    try:
        return repr(made())
    except UsageError as error:
        return str(error)


def _failures(request: httpx2.Request) -> list[BaseException]:
    never = anthropic.APIConnectionError(request=request)
    never.__cause__ = httpx2.ConnectError(KEY, request=request)
    page = {"content-type": "text/html"}
    answers = [
        anthropic.APIStatusError(
            KEY, response=httpx2.Response(status, headers=headers, request=request), body=body
        )
        for status in (400, 401, 403, 404, 413, 429, 500, 529)
        for headers in ({}, page)
        for body in (None, {"error": {"type": KEY, "message": KEY}})
    ]
    return [
        never,
        anthropic.APITimeoutError(request),
        anthropic.APIConnectionError(request=request),
        *answers,
    ]


async def test_nor_does_one_of_the_embeddings_server() -> None:
    settings = load_settings(embeddings_url=f"http://127.0.0.1:1/{KEY}/v1", embeddings_model="m")
    async with opened_embedder(settings) as embedder:
        with pytest.raises(EmbeddingError) as failed:
            await embedder.embed(["x"])
    assert KEY not in json.dumps([failed.value.reason, repr(failed.value)])
