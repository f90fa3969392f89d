"""Settings: where each is read from, how wrong ones are refused, and that docs/settings.md is true."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from pydantic import BeforeValidator
from pydantic_core import PydanticUndefined

from shared.domain.errors import UsageError
from shared.settings import Settings, load_settings
from shared.settings.gateway import PREFIX
from shared.settings.settings import _FORMS, BATCH_WINDOW

TABLE = Path(__file__).parents[2] / "docs" / "settings.md"
_ROW = re.compile(r"\| `(SOULPRINT_\w+)` \| (.+?) \| (.+?) \|")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.removeprefix(PREFIX).lower() in Settings.model_fields and name != "HOME":
            monkeypatch.delenv(name)


def documented() -> dict[str, tuple[str, str]]:
    """Default and meaning by environment name, as the table has them."""
    rows = _ROW.findall(TABLE.read_text(encoding="utf-8"))
    assert len(rows) == len({name for name, _, _ in rows}), "a setting is listed twice"
    return {name: (default, meaning) for name, default, meaning in rows}


def default_of(field: str) -> str:
    """A default as the table writes it."""
    info = Settings.model_fields[field]
    if info.default is PydanticUndefined:
        return "the platform's user data folder"
    return "none" if info.default is None else f"`{info.default}`"


def test_the_table_lists_every_setting_and_no_other() -> None:
    assert set(documented()) == {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}


@pytest.mark.parametrize("field", sorted(Settings.model_fields))
def test_the_table_tells_the_default(field: str) -> None:
    default, meaning = documented()[f"{PREFIX}{field.upper()}"]
    assert default.split(" (")[0] == default_of(field)
    assert len(meaning) > 10


def test_defaults_hold_where_nothing_is_set() -> None:
    settings = load_settings()
    assert settings.chunk_tokens == 4000
    assert settings.database_url is None
    assert settings.home.name == "soulprint"


def test_a_bare_name_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHUNK_TOKENS", "1234")
    assert load_settings().chunk_tokens == 1234


def test_the_prefixed_name_wins_over_the_bare_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHUNK_TOKENS", "1234")
    monkeypatch.setenv("SOULPRINT_CHUNK_TOKENS", "2345")
    assert load_settings().chunk_tokens == 2345


def test_home_is_read_with_the_prefix_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert load_settings().home != tmp_path / "person"
    monkeypatch.setenv("SOULPRINT_HOME", str(tmp_path / "soulprint"))
    assert load_settings().home == tmp_path / "soulprint"


def test_an_override_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOULPRINT_CHUNK_TOKENS", "2345")
    assert load_settings(chunk_tokens=777).chunk_tokens == 777


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SOULPRINT_CHUNK_TOKENS", "tango-secret"),
        ("CHUNK_TOKENS", "-31337"),
        ("SOULPRINT_MIN_COVERAGE", "31337.5"),
        ("SOULPRINT_MODEL", "tango-secret"),
        ("LOG_LEVEL", "tango-secret"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_the_setting_and_never_shown(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as refused:
        load_settings()
    assert f"SOULPRINT_{name.removeprefix(PREFIX)}" in str(refused.value)
    assert value not in str(refused.value)
    assert refused.value.exit_code == 2
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOULPRINT_CHUNK_TOKENS", "no")
    monkeypatch.setenv("SOULPRINT_SAMPLE_SIZE", "0")
    with pytest.raises(UsageError, match=r"(?s)CHUNK_TOKENS.*SAMPLE_SIZE"):
        load_settings()


def test_the_database_password_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nora:tango-secret@localhost/soulprint")
    settings = load_settings()
    assert "tango-secret" not in repr(settings)
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value().endswith("@localhost/soulprint")


def test_the_window_of_a_run_holds_a_batch_unless_it_is_set() -> None:
    assert load_settings(model="claude").window_of_runs == 256
    assert load_settings(model="offline", model_batch=True).window_of_runs == 256
    assert load_settings(model="claude", model_batch=True).window_of_runs == BATCH_WINDOW
    assert load_settings(model="claude", model_batch=True, import_window=7).window_of_runs == 7


def test_the_window_of_a_replay_is_a_quarter_and_never_none() -> None:
    settings = load_settings(model="claude")
    assert (settings.window_of("live"), settings.window_of("replay")) == (256, 64)
    batches = load_settings(model="claude", model_batch=True)
    assert (batches.window_of("live"), batches.window_of("replay")) == (BATCH_WINDOW, BATCH_WINDOW // 4)
    assert load_settings(import_window=3).window_of("replay") == 1


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SOULPRINT_PIPELINE", "hf2", "SOULPRINT_PIPELINE must be v and a number, such as v2"),
        ("KAFKA_PREFIX", "a/b", "SOULPRINT_KAFKA_PREFIX must be at most 60 letters"),
        ("CHUNK_TOKENS", "3", "SOULPRINT_CHUNK_TOKENS must be greater than or equal to 200"),
        ("SOULPRINT_MODEL", "x", "SOULPRINT_MODEL must be 'offline' or 'claude'"),
        ("EMBEDDINGS_URL", "localhost:11434", "SOULPRINT_EMBEDDINGS_URL must be a web address"),
        ("EMBEDDINGS_URL", "http://host/v1", "SOULPRINT_EMBEDDINGS_MODEL must be set where"),
        ("APP_URL", "http://app.example.com", "SOULPRINT_APP_URL must begin with https://"),
        ("DATABASE_URL", "https://p.supabase.co", "SOULPRINT_DATABASE_URL must begin with postgresql://"),
        ("DATABASE_URL", "postgresql://u:tan#go@h/d", "SOULPRINT_DATABASE_URL has no number as its port"),
        (
            "DATABASE_URL",
            "postgresql://u:tan/go@h:5432/d",
            "SOULPRINT_DATABASE_URL has no number as its port",
        ),
        ("DATABASE_URL", "postgresql://u:t[ango@h/d", "SOULPRINT_DATABASE_URL has no number as its port"),
        ("SUPABASE_URL", "http://project.supabase.co", "SOULPRINT_SUPABASE_URL must begin with https://"),
        (
            "SUPABASE_URL",
            "https://p.supabase.co/rest/v1",
            "SOULPRINT_SUPABASE_URL must be the project's address",
        ),
        ("SUPABASE_URL", "p.supabase.co", "SOULPRINT_SUPABASE_URL must be a web address"),
        (
            "SUPABASE_SERVICE_ROLE_KEY",
            "sb_publishable_tango",
            "SOULPRINT_SUPABASE_SERVICE_ROLE_KEY must be a secret key",
        ),
        ("SOULPRINT_STORE", "both", "SOULPRINT_STORE must be 'embedded', 'direct' or 'rest'"),
        ("SOULPRINT_STORE", "direct", "SOULPRINT_STORE=direct needs SOULPRINT_DATABASE_URL"),
        (
            "SOULPRINT_STORE",
            "rest",
            "SOULPRINT_STORE=rest needs SOULPRINT_SUPABASE_URL and SOULPRINT_SUPABASE_S",
        ),
    ],
)
def test_a_wrong_value_is_told_in_words(
    name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as refused:
        load_settings()
    assert str(refused.value).startswith(f"wrong setting: {says}")
    assert value not in ("hf2", "a/b") or value not in str(refused.value)
    assert "tan" not in str(refused.value)


def test_the_address_of_the_app_needs_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().app_url is None
    monkeypatch.setenv("APP_URL", "https://app.example.com/")
    assert load_settings().app_url == "https://app.example.com"
    monkeypatch.setenv("APP_URL", "")
    assert not load_settings().app_url


DATABASE = {"DATABASE_URL": "postgresql://u@h/d"}
PROJECT = {"SUPABASE_URL": "https://p.supabase.co/", "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_tango"}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, "embedded"),
        (DATABASE, "direct"),
        ({"DATABASE_URL": "postgres://u:%23p@one:5432,two:5433/d"}, "direct"),
        ({"DATABASE_URL": "postgresql://u@/d?host=%2Ftmp"}, "direct"),
        (PROJECT, "rest"),
        (DATABASE | PROJECT, "direct"),
        ({"SUPABASE_URL": "https://p.supabase.co"}, "embedded"),
        ({"DATABASE_URL": "", "SUPABASE_URL": "", "SUPABASE_SERVICE_ROLE_KEY": ""}, "embedded"),
        (DATABASE | PROJECT | {"SOULPRINT_STORE": "rest"}, "rest"),
        (DATABASE | PROJECT | {"SOULPRINT_STORE": "embedded"}, "embedded"),
        ({"DATABASE_URL": "sqlite:///of-another", "SOULPRINT_STORE": "embedded"}, "embedded"),
        (PROJECT | {"STORE": "embedded"}, "rest"),
    ],
)
def test_the_store_is_the_one_that_is_set_or_can_be_reached(
    given: dict[str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.store_kind == kind
    assert settings.supabase_url in (None, "", "https://p.supabase.co")
    assert "tango" not in repr(settings)


def test_every_pattern_has_words() -> None:
    patterned = {
        name
        for name, field in Settings.model_fields.items()
        if any(hasattr(each, "pattern") or isinstance(each, BeforeValidator) for each in field.metadata)
    }
    assert patterned == set(_FORMS)


KEYED = {
    "SUPABASE_URL": {},
    "APP_URL": {},
    "EMBEDDINGS_URL": {"EMBEDDINGS_API_KEY": "tango", "EMBEDDINGS_MODEL": "m"},
    "ANTHROPIC_BASE_URL": {"ANTHROPIC_API_KEY": "tango", "MODEL": "claude"},
}
"""Addresses to which something secret goes, and with what."""


@pytest.mark.parametrize("name", KEYED)
def test_no_key_goes_in_clear_unless_its_host_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for field, value in KEYED[name].items():
        monkeypatch.setenv(field, value)
    monkeypatch.setenv(name, "http://kong:8000")
    with pytest.raises(
        UsageError, match=f"SOULPRINT_{name} must begin with https://.*SOULPRINT_PLAIN_HTTP"
    ) as said:
        load_settings()
    assert "kong" not in str(said.value)
    assert "tango" not in str(said.value)
    monkeypatch.setenv("PLAIN_HTTP", "litellm, Kong")
    assert load_settings().plain_http == ("litellm", "kong")
    monkeypatch.setenv(name, "http://kong.example.com:8000")
    with pytest.raises(UsageError, match="must begin with https://"):
        load_settings()
    monkeypatch.setenv(name, "http://127.0.0.1:8000")
    monkeypatch.delenv("PLAIN_HTTP")
    load_settings()


def test_where_no_key_goes_http_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("EMBEDDINGS_URL", "http://ollama:11434/v1")
    monkeypatch.setenv("EMBEDDINGS_MODEL", "m")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://ollama:11434")
    monkeypatch.setenv("V1_BACKEND_URL", "http://v1:8000")
    load_settings()
    monkeypatch.setenv("ANTHROPIC_API_KEY", "tango")  # the offline model sends nothing anywhere
    load_settings()
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("MODEL", "claude")
    load_settings()
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "tango")
    with pytest.raises(UsageError, match="SOULPRINT_ANTHROPIC_BASE_URL must begin with https://"):
        load_settings()


def test_hosts_of_plain_http_are_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_HTTP", "kong,http://other")
    with pytest.raises(UsageError, match="SOULPRINT_PLAIN_HTTP must be names of hosts"):
        load_settings()


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("30m", 1800), ("90s", 90), ("2h", 7200), ("1.5h", 5400), ("12", 12), (" 3min ", 180)],
)
def test_patience_is_a_span_or_a_number_of_seconds(
    typed: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOULPRINT_MODEL_PATIENCE", typed)
    assert load_settings().model_patience == seconds
    assert load_settings(model_patience=typed).model_patience == seconds


@pytest.mark.parametrize(
    "typed", ["", "soon", "-1", "31d", "nan", "inf", "1e999", "30 m", "٣m", "m", "9" * 400]
)
def test_what_is_no_span_is_refused_in_words(typed: str) -> None:
    with pytest.raises(
        UsageError, match="SOULPRINT_MODEL_PATIENCE must be a span of at most 30 days, such as"
    ):
        load_settings(model_patience=typed)
