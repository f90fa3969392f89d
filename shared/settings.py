"""Every setting, in one class. docs/settings.md lists them; a test compares the two.

A setting `chunk_tokens` is read from SOULPRINT_CHUNK_TOKENS and, since platforms hand out bare names such as
DATABASE_URL or ANTHROPIC_API_KEY, also from CHUNK_TOKENS; the prefixed name wins. SOULPRINT_HOME has no bare name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import AliasChoices, AliasGenerator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import UsageError

PREFIX = "SOULPRINT_"


def _names(field: str) -> AliasChoices:
    prefixed = f"{PREFIX}{field.upper()}"
    return AliasChoices(prefixed) if field == "home" else AliasChoices(prefixed, field.upper())


class Settings(BaseSettings):
    """What ops and laptops may change. Wrong values are refused when the program starts."""

    model_config = SettingsConfigDict(
        alias_generator=AliasGenerator(validation_alias=_names),
        case_sensitive=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    home: Path = Field(default_factory=lambda: user_data_path("soulprint"))
    """Where the embedded Postgres keeps its data."""
    database_url: SecretStr | None = None
    """Postgres to use instead of the embedded one: `postgresql://user:password@host/db`."""
    model: Literal["offline", "claude"] = "offline"
    """Which model extracts."""

    chunk_tokens: int = Field(default=4000, ge=200, le=100_000)
    """Most tokens of a chunk, unless one message alone is larger and is cut."""
    context_chars: int = Field(default=600, ge=0, le=100_000)
    """Characters kept of each assistant turn in a chunk."""
    passage_tokens: int = Field(default=2000, ge=100, le=100_000)
    """About how many tokens a passage holds."""
    sample_size: int = Field(default=200, ge=1, le=1000)
    """How many of the richest conversations are kept for the sections."""
    memory_tokens: int = Field(default=6000, ge=200, le=200_000)
    """Most tokens of the MEMORY document."""
    min_coverage: float = Field(default=0.95, ge=0.0, le=1.0)
    """Coverage below which a run ends failed."""
    extract_workers: int = Field(default=1, ge=0, le=64)
    """Processes that run the offline model; 0 runs it in the main process."""
    lease_seconds: float = Field(default=60.0, gt=0)
    """How long a claim on a complete run holds before another consolidator may take it over."""

    max_conversation_bytes: int = Field(default=64 * 1024**2, ge=1024)
    """Largest conversation read, in bytes of JSON; a larger one is skipped and named."""
    max_export_bytes: int = Field(default=64 * 1024**3, ge=1024)
    """Most decompressed bytes read of one export."""
    max_compression_ratio: int = Field(default=200, ge=2)
    """Most decompressed bytes for one compressed byte of a member; more is taken for a zip bomb."""
    max_messages: int = Field(default=200_000, ge=1)
    """Most messages of one conversation."""

    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    """Least severe log line written to standard error."""


def load_settings(**overrides: object) -> Settings:
    """The settings of this process. Raises UsageError that names each wrong setting, never its value."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(
            f"{PREFIX}{str(e['loc'][0]).removeprefix(PREFIX).upper()}: {e['msg']}"
            for e in error.errors(include_input=False)
        )
        raise UsageError(f"wrong setting: {wrong}") from None
