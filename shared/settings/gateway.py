"""Settings of the gateway, and of the predecessor behind it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from shared.domain.addresses import server_address
from shared.domain.discreet import Discreet
from shared.domain.key_digests import key_digests
from shared.domain.origins import Origins, origins

PREFIX = "SOULPRINT_"
JWT_SECRET_CHARS = 32
"""Of the legacy secret of a project at least."""


class GatewaySettings(Discreet):
    """Where it answers, whom, how much it takes, and what is passed on."""

    gateway_host: str = "127.0.0.1"
    """Address on which the gateway answers."""
    gateway_port: int = Field(default=8000, ge=0, le=65535)
    """Its port; 0 takes a free one and logs it."""
    gateway_open: bool = False
    """Whether it answers everybody as if they had a service key: for a machine of one's own."""
    service_keys: Annotated[tuple[bytes, ...] | None, NoDecode] = None
    """SHA-256 digests, in hex, of the keys with which an app's server may ask for any user."""
    supabase_jwt_secret: SecretStr | None = None
    """The secret of a project whose tokens are signed with one (HS256)."""
    cors_origins: Annotated[Origins | None, NoDecode] = None
    """Origins whose pages may call the gateway; one that begins with ^ is a pattern."""
    v1_backend: Literal["builtin", "http"] = "builtin"
    """What makes the first sections: quickpass itself, or the service at `v1_backend_url`."""
    v1_backend_url: str | None = Field(default=None, repr=False)
    """The predecessor: what the gateway does not answer is passed on to it."""
    v1_path: str = Field(default="/import-full", pattern=r"^/[!-~]{0,199}$")
    """Where it takes imports."""
    v1_concurrency: int = Field(default=2, ge=1, le=64)
    """Most imports that it has in work for us."""
    legacy_shape: Literal["full", "head"] = "full"
    """Which form of the predecessor POST /process-full answers like."""
    v1_route: Literal["open", "gone"] = "open"
    """Whether POST /process-full still takes imports; `gone`: it is answered 410."""
    upload_max_bytes: int = Field(default=5 * 1024**3, ge=1024)
    """Largest export that is taken over HTTP."""
    imports_per_hour: int = Field(default=20, ge=1)
    """Most imports that a user may ask the gateway for within an hour."""
    imports_unfinished: int = Field(default=3, ge=1)
    """Most imports of a user that may be unfinished when another is asked for."""

    @field_validator("service_keys", mode="before")
    @classmethod
    def _digests(cls, value: object) -> object:
        return key_digests(value) if isinstance(value, str) else value

    @field_validator("supabase_jwt_secret")
    @classmethod
    def _jwt_secret(cls, value: SecretStr | None) -> SecretStr | None:
        secret = value.get_secret_value().strip() if value else ""
        if secret and len(secret) < JWT_SECRET_CHARS:
            raise ValueError(f"must have at least {JWT_SECRET_CHARS} characters, as the project shows it")
        return SecretStr(secret) if secret else None

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _origins(cls, value: object) -> object:
        return origins(value) if isinstance(value, str) else value

    @field_validator("v1_backend_url")
    @classmethod
    def _backend(cls, value: str | None) -> str | None:
        return value and server_address(value)

    @model_validator(mode="after")
    def _has_a_backend(self) -> Self:
        if self.v1_backend == "http" and not self.v1_backend_url:
            raise ValueError(f"{PREFIX}V1_BACKEND=http needs {PREFIX}V1_BACKEND_URL")
        return self
