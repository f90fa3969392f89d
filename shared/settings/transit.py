"""Settings of what others may read on the way."""

from __future__ import annotations

from typing import Annotated

from pydantic import field_validator
from pydantic_settings import NoDecode

from shared.domain.addresses import goes_in_clear, host_name
from shared.domain.discreet import Discreet


class TransitSettings(Discreet):
    """To whom secrets may go in clear: https is asked for, but to this machine."""

    plain_http: Annotated[tuple[str, ...] | None, NoDecode] = None
    """Hosts to which keys may go over http://: those of a private network of one's own."""

    @field_validator("plain_http", mode="before")
    @classmethod
    def _hosts(cls, value: object) -> object:
        names = listed(value)
        return tuple(host_name(str(name)) for name in names) if isinstance(names, tuple) else names

    def is_in_clear(self, address: str | None) -> bool:
        """Whether others may read what is sent there."""
        return goes_in_clear(address or "", self.plain_http or ())


def listed(value: object) -> object:
    """What is separated by commas."""
    if not isinstance(value, str):
        return value
    return tuple(name for part in value.split(",") if (name := part.strip()))
