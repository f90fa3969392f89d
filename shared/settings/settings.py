"""Every setting, in one class. docs/settings.md lists them; a test compares the two.

A setting `chunk_tokens` is read from SOULPRINT_CHUNK_TOKENS and, since platforms hand out bare names such as
DATABASE_URL or ANTHROPIC_API_KEY, also from CHUNK_TOKENS; the prefixed name wins. SOULPRINT_HOME and
SOULPRINT_STORE have no bare name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from platformdirs import user_data_path
from pydantic import (
    AliasChoices,
    AliasGenerator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.domain.addresses import kafka_servers, server_address, wrong_in_dsn
from shared.domain.bounds import NAME_CHARS
from shared.domain.errors import UsageError
from shared.domain.runs import Priority, ProfileFormat
from shared.domain.service_keys import service_key
from shared.domain.spans import seconds_of
from shared.settings.gateway import PREFIX, GatewaySettings
from shared.settings.transit import TransitSettings, listed

_FORMS = {
    "model_patience": "must be a span of at most 30 days, such as 90s, 30m or 2h, or a number of seconds",
    "pipeline": "must be v and a number, such as v2",
    "v1_path": "must be a path that begins with / and has at most 200 characters of ASCII",
    "kafka_prefix": "must be at most 60 letters, digits, points, lines and hyphens of ASCII",
}
"""What settings that have a form of their own must be."""
_PREFIXED_ONLY = ("home", "store")
"""Settings whose bare names others use for what is theirs."""
StoreKind = Literal["embedded", "direct", "rest"]
BATCH_STALL_SECONDS = 25 * 3600.0
"""Results of a message batch come within 24 hours."""
BATCH_WINDOW = 2500
"""As many chunks as the extractor puts into one batch."""


def _names(field: str) -> AliasChoices:
    prefixed = f"{PREFIX}{field.upper()}"
    return AliasChoices(prefixed) if field in _PREFIXED_ONLY else AliasChoices(prefixed, field.upper())


class Settings(GatewaySettings, TransitSettings, BaseSettings):
    """What ops and laptops may change. Wrong values are refused when the program starts."""

    model_config = SettingsConfigDict(
        alias_generator=AliasGenerator(validation_alias=_names),
        case_sensitive=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    home: Path = Field(default_factory=lambda: user_data_path("soulprint"))
    """Where the embedded Postgres keeps its data, and what is sent to the gateway if there is no storage."""
    store: StoreKind | None = None
    """How the database is reached; None: as `store_kind` says."""
    database_url: SecretStr | None = None
    """Postgres to use instead of the embedded one: `postgresql://user:password@host/db`."""
    database_timeout: float = Field(default=45.0, gt=0)
    """Seconds for one call to the database; those that touch all that a run has get ten times as many."""
    model: Literal["offline", "claude"] = "offline"
    """Which model extracts."""
    claude_model: str = Field(default="claude-haiku-5-5", min_length=1, max_length=NAME_CHARS)
    """The model's name as the provider knows it, where `model` is claude."""
    anthropic_api_key: SecretStr | None = None
    """The key of the Claude API. None: ANTHROPIC_AUTH_TOKEN, if that is set."""
    anthropic_base_url: str | None = Field(default=None, repr=False)
    """Where the API is, without /v1; None: the vendor's."""
    model_tpm: int | None = Field(default=None, ge=1)
    """Most tokens a minute, in and out, of one process; None: no limit of our own."""
    model_max_tokens: int = Field(default=8192, ge=256, le=1_000_000)
    """Most tokens of one reply."""
    model_timeout: float = Field(default=120.0, gt=0)
    """Seconds for one call."""
    model_chunk_deadline: float = Field(default=900.0, gt=0)
    """Seconds for one chunk over all its attempts, pauses not counted."""
    model_patience: Annotated[float, BeforeValidator(seconds_of)] = Field(default=300.0, ge=0, le=2_592_000)
    """How long `soulprint run` waits for a provider that may answer again: seconds, or as `30m`."""
    model_prices: Path | None = None
    """A price file whose models are put over the built-in table."""
    model_batch: bool = False
    """Whether chunks are read by Message Batches."""

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
    profile_format: ProfileFormat = "markdown"
    """How profiles are written: sections as Markdown, or as the JSON that the app reads, with its columns."""
    min_coverage: float = Field(default=0.95, ge=0.0, le=1.0)
    """Coverage below which a run ends failed."""
    extract_workers: int = Field(default=1, ge=0, le=64)
    """Processes that run the offline model; 0 runs it in a thread of the main process."""
    lease_seconds: float = Field(default=60.0, gt=0)
    """How long a claim on a complete run holds before another consolidator may take it over."""

    max_conversation_bytes: int = Field(default=32 * 1024**2, ge=1024)
    """Largest conversation read, in bytes of JSON; a larger one, or one that would take more than six times
    as many of memory, is skipped and named."""
    max_export_bytes: int = Field(default=64 * 1024**3, ge=1024)
    """Most decompressed bytes read of one export."""
    max_compression_ratio: int = Field(default=200, ge=2)
    """Most decompressed bytes for one compressed byte of a member; more is taken for a zip bomb."""
    max_messages: int = Field(default=200_000, ge=1)
    """Most messages of one conversation."""
    max_conversations: int = Field(default=200_000, ge=1)
    """Most conversations of one export, empty ones too; the rest is not read, and the import says so."""
    reading_memory_bytes: int = Field(default=512 * 1024**2, ge=64 * 1024**2)
    """Most memory of the process that reads one export; an export that needs more is refused."""
    reading_patience: float = Field(default=60.0, gt=0)
    """Seconds of processor time that may bring the reading of an export no further before it is given up."""

    kafka_bootstrap_servers: str | None = Field(default=None, repr=False)
    """Where Kafka is, for the services: `host:port`, several separated by commas."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How connections to Kafka are secured."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """How we prove who we are, where the protocol is SASL."""
    kafka_username: str | None = None
    """Who we are, where the protocol is SASL."""
    kafka_password: SecretStr | None = None
    """Its password."""
    kafka_ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    kafka_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,60}$")
    """What the names of all our topics and groups begin with, where deployments share a cluster."""
    pipeline: str = Field(default="v2", pattern=r"^v[1-9][0-9]*$")
    """The version of the pipeline that the services belong to: the suffix of their topics."""
    import_roots: Annotated[tuple[Path, ...] | None, NoDecode] = None
    """Folders below which the services take local exports."""
    import_buckets: Annotated[tuple[str, ...] | None, NoDecode] = None
    """Buckets of storage that the services read; None: any."""
    supabase_url: str | None = Field(default=None, repr=False)
    """The Supabase project whose storage holds exports, and whose database the store is over REST:
    `https://<project>.supabase.co`."""
    supabase_service_role_key: SecretStr | None = None
    """Its service key."""
    app_url: str | None = Field(default=None, repr=False)
    """Where the app is that is told of a memory when it is served, in the app's format; None: nobody is."""
    embeddings_url: str | None = Field(default=None, repr=False)
    """Where passages are embedded, by OpenAI's protocol: `http://host:port/v1`; None: none are."""
    embeddings_model: str | None = Field(default=None, max_length=NAME_CHARS)
    """The model's name as that server knows it."""
    embeddings_api_key: SecretStr | None = None
    """The server's key; None: it asks for none."""
    embeddings_dimensions: int = Field(default=768, ge=1, le=16_000)
    """How many numbers an embedding has, where the table has no column for it yet; set, the model is asked to
    shorten what is longer."""
    embeddings_batch: int = Field(default=32, ge=1, le=2048)
    """Most passages of one call."""
    embeddings_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Dollars a million tokens; None: what they cost is not known."""
    embeddings_timeout: float = Field(default=120.0, gt=0)
    """Seconds for one call."""
    import_window: int = Field(default=256, ge=1, le=100_000)
    """Most chunks of one import that are published and not yet recorded; a run of a replay has a quarter."""
    fact_extraction_concurrency: int = Field(default=3, ge=1, le=1000)
    """Most model calls of one extractor at a time."""
    sweep_seconds: float = Field(default=10.0, gt=0)
    """How often the leading consolidator looks for runs that do not move."""
    stall_seconds: float = Field(default=120.0, gt=0)
    """How long a run may stand still before it is driven again."""
    dead_letter_seconds: float = Field(default=10.0, gt=0)
    """How often the leading consolidator looks for dead letters."""
    canary_check_seconds: float = Field(default=60.0, gt=0)
    """How often the leading router judges the lanes."""
    metrics_host: str = "127.0.0.1"
    """Address on which a service answers /livez, /readyz and /metrics."""
    metrics_port: int = Field(default=9400, ge=0, le=65535)
    """Its port; 0 takes a free one and logs it."""

    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    """Least severe log line written to standard error."""

    @property
    def store_kind(self) -> StoreKind:
        """How the database is reached: as set; else directly if its address is set, over REST if only a
        project and its key are, in the embedded server otherwise."""
        if self.store is not None:
            return self.store
        if self.database_url:
            return "direct"
        return "rest" if self.supabase_url and self.supabase_service_role_key else "embedded"

    @property
    def patience_with_runs(self) -> float:
        """Seconds that a run may stand still: as set, but by batches, whose results take a day, longer."""
        return max(self.stall_seconds, BATCH_STALL_SECONDS) if self._by_batch else self.stall_seconds

    @property
    def app_to_tell(self) -> str | None:
        """Where the app is that is told of what is served; None: nobody is."""
        return (self.app_url or None) if self.profile_format == "app" else None

    @property
    def window_of_runs(self) -> int:
        """Most chunks of a run that are published and not recorded: as set; if it is not, enough for a batch
        where chunks go in batches."""
        as_set = not self._by_batch or "import_window" in self.model_fields_set
        return self.import_window if as_set else BATCH_WINDOW

    def window_of(self, priority: Priority) -> int:
        """The same for a run of this priority: a replay has a quarter, for live chunks lie behind its own in
        the partitions."""
        return self.window_of_runs if priority == "live" else max(1, self.window_of_runs // 4)

    @property
    def _by_batch(self) -> bool:
        return self.model == "claude" and self.model_batch

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _brokers(cls, value: str | None) -> str | None:
        return value and kafka_servers(value)

    @field_validator("app_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        return value and server_address(value)

    @field_validator("supabase_url")
    @classmethod
    def _project(cls, value: str | None) -> str | None:
        address = value and server_address(value)
        if address and "/" in address.partition("://")[2]:
            raise ValueError("must be the project's address alone, without a path such as /rest/v1")
        return address

    @field_validator("supabase_service_role_key")
    @classmethod
    def _key(cls, value: SecretStr | None) -> SecretStr | None:
        return value and SecretStr(service_key(value.get_secret_value()))

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.store == "direct" and not self.database_url:
            raise ValueError(f"{PREFIX}STORE=direct needs {PREFIX}DATABASE_URL")
        dsn = self.database_url.get_secret_value() if self.database_url else ""
        if self.store_kind == "direct" and (wrong := wrong_in_dsn(dsn)):
            raise ValueError(f"{PREFIX}DATABASE_URL {wrong}")
        if self.store == "rest" and not (self.supabase_url and self.supabase_service_role_key):
            raise ValueError(
                f"{PREFIX}STORE=rest needs {PREFIX}SUPABASE_URL and {PREFIX}SUPABASE_SERVICE_ROLE_KEY"
            )
        return self

    @model_validator(mode="after")
    def _has_a_project(self) -> Self:
        if self.supabase_jwt_secret and not self.supabase_url:
            raise ValueError(f"{PREFIX}SUPABASE_JWT_SECRET needs {PREFIX}SUPABASE_URL, whose tokens they are")
        return self

    @model_validator(mode="after")
    def _nothing_secret_goes_in_clear(self) -> Self:
        key = self.anthropic_api_key or os.environ.get("ANTHROPIC_AUTH_TOKEN")
        for field, secret in {
            "supabase_url": True,  # the service key, and what people are signed in with
            "app_url": True,  # who has a memory
            "embeddings_url": self.embeddings_api_key,
            "anthropic_base_url": self.model == "claude" and key,
        }.items():
            if secret and self.is_in_clear(getattr(self, field)):
                raise ValueError(
                    f"{PREFIX}{field.upper()} must begin with https://: http:// is taken for this machine "
                    f"(localhost) and for hosts that {PREFIX}PLAIN_HTTP names"
                )
        return self

    @field_validator("embeddings_url")
    @classmethod
    def _server(cls, value: str | None) -> str | None:
        return server_address(value) if value else None

    @model_validator(mode="after")
    def _embeds_by_something(self) -> Self:
        if self.embeddings_url and not self.embeddings_model:
            raise ValueError("SOULPRINT_EMBEDDINGS_MODEL must be set where SOULPRINT_EMBEDDINGS_URL is")
        return self

    @field_validator("import_roots", mode="before")
    @classmethod
    def _folders(cls, value: object) -> object:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("import_buckets", mode="before")
    @classmethod
    def _buckets(cls, value: object) -> object:
        return listed(value)


def load_settings(**overrides: object) -> Settings:
    """The settings of this process, `overrides` over them by the names of the fields.

    Raises UsageError that names each wrong or unknown setting, never its value.
    """
    if unknown := ", ".join(sorted(overrides.keys() - Settings.model_fields.keys())):
        raise UsageError(f"there is no such setting: {unknown}; docs/settings.md lists them all")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        wrong = "; ".join(_told(each["loc"], each["msg"]) for each in error.errors(include_input=False))
        raise UsageError(f"wrong setting: {wrong}") from None


def _told(place: tuple[int | str, ...], message: str) -> str:
    """What is wrong with a setting, or with several together; a pattern is told in words."""
    message = message.replace("Input should be", "must be").removeprefix("Value error, ")
    if not place:
        return message
    field = str(place[0]).removeprefix(PREFIX).lower()
    return f"{PREFIX}{field.upper()} {_FORMS.get(field) or message}"
