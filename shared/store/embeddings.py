"""Passages and their embeddings: who embeds which, what it cost, and search by them. The rules are in
supabase/migrations: 0019_embeddings.sql and 0021_reading_embeddings.sql."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict

from shared.domain.discreet import Discreet
from shared.store.call import Calls, call, rows
from shared.store.chunks import FoundPassage

VECTOR_TYPES = ("vector", "halfvec")
"""Types of pgvector that a column for embeddings may have."""


@dataclass(frozen=True, slots=True)
class EmbeddingColumn:
    """The column conversation_chunks.embedding."""

    type: str
    dimensions: int | None
    """How many numbers it takes; None: any."""


class PassageToEmbed(Discreet):
    """A passage without an embedding."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    content: str
    content_hash: str
    """By which the database tells whether the content is still this one."""


class ClaimedPassages(Discreet):
    """Passages of one user that a process has for itself, for a while."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    passages: tuple[PassageToEmbed, ...]


@dataclass(frozen=True, slots=True)
class EmbeddedPassage:
    """A passage and its embedding, as pgvector writes it."""

    id: UUID
    content_hash: str
    embedding: str


@dataclass(frozen=True, slots=True)
class RefusedPassage:
    """A passage that the model does not take. `final`: nor will it another day."""

    id: UUID
    content_hash: str
    reason: str
    final: bool


@dataclass(frozen=True, slots=True)
class EmbeddingCounts:
    """How many passages there are, how many of them lack an embedding, and how many of these the server
    refused."""

    passages: int
    lacking: int
    refused: int

    @property
    def waiting(self) -> int:
        """Passages that are still to be embedded."""
        return self.lacking - self.refused


@dataclass(frozen=True, slots=True)
class AllEmbeddings:
    """How many passages of all users lack an embedding, and how many of these the server refused."""

    passages: int | None
    """How many there are, where that was asked for."""
    lacking: int
    refused: int
    models: tuple[str, ...]
    """Which gave embeddings."""

    @property
    def waiting(self) -> int:
        """Passages that are still to be embedded."""
        return self.lacking - self.refused


class EmbeddingUsage(Discreet):
    """What one user's embeddings cost."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    passages: int
    calls: int
    input_tokens: int
    cost: float | None


class Embeddings(Calls):
    """Methods of Store on embeddings."""

    @call
    async def embedding_column(self) -> EmbeddingColumn | None:
        """The column for embeddings; None if there is none."""

    @call
    async def next_passages_to_embed(
        self, owner: str, seconds: float, *, model: str, limit: int, user_id: UUID | None = None
    ) -> ClaimedPassages | None:
        """Passages without an embedding, the most recent first, all of one user: whose turn it is, or
        `user_id`. They are this owner's alone for so many seconds. None if there are none, or `model` refused
        them all."""

    @call
    async def save_embeddings(
        self,
        user_id: UUID,
        owner: str,
        *,
        model: str,
        embedded: Annotated[Sequence[EmbeddedPassage], rows("id", "content_hash", "embedding")] = (),
        refused: Annotated[Sequence[RefusedPassage], rows("id", "content_hash", "reason", "final")] = (),
        calls: int = 0,
        tokens: int = 0,
        cost: float | None = 0.0,
    ) -> int:
        """Store what calls gave and what they cost; how many passages were given an embedding. One that
        changed meanwhile stays without, and is given out again."""

    @call
    async def renew_passages(self, owner: str, seconds: float) -> int:
        """Prolong all that an owner has; how many that are."""

    @call
    async def release_passages(self, owner: str) -> None:
        """Give back all that an owner has."""

    @call
    async def tell_embeddings(self, user_id: UUID) -> EmbeddingCounts:
        """How far a user's embeddings are; said in the profile, too, if that has the app's format."""

    @call
    async def embedding_users(self, limit: int = 1000) -> list[UUID]:
        """Users whose profile says that passages are being embedded."""

    @call
    async def count_embeddings(self, *, total: bool = False) -> AllEmbeddings:
        """How many passages lack an embedding, of all users. `total`: and how many there are at all, which
        takes longer."""

    @call
    async def search_embeddings(self, user_id: UUID, embedding: str, limit: int = 20) -> list[FoundPassage]:
        """Passages by how near their embeddings are to this one, the nearest first."""

    @call
    async def read_embedding_usage(
        self, user_id: UUID | None = None, limit: int = 1000
    ) -> list[EmbeddingUsage]:
        """What the embeddings of users cost, the dearest first; or of one user."""
