"""A message batch under way at a provider."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import ConfigDict

from shared.domain.discreet import Discreet

SENDING = "sending-"
"""How our own id of a batch begins for which the provider has given none yet."""


class OpenBatch(Discreet):
    """A batch that is being sent or was created, and whose results are not all stored."""

    model_config = ConfigDict(frozen=True)

    batch_id: str
    model: str
    prompt_version: str
    hashes: tuple[str, ...]
    """Content hashes of its chunks; each is the custom id of its request."""
    size: int = 0
    """How many requests it was sent with."""
    begun_at: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    """When it was sent, by our clock."""

    @property
    def sending(self) -> bool:
        """Whether it is not known that the provider has it."""
        return self.batch_id.startswith(SENDING)
