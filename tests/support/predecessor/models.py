"""What the predecessor's routes take: names, types, defaults and order of its request models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class ProcessFull(BaseModel):
    """/process-full and /process-full-v2, in the full form."""

    user_id: str
    storage_path: str | None = None
    conversation_count: int | None = None
    message_count: int | None = None
    conversations: list[dict[str, Any]] | None = None


class ProcessFullOfHead(BaseModel):
    """/process-full in the head form: an export in storage, and nothing else."""

    user_id: str
    storage_path: str
    conversation_count: int | None = None
    message_count: int | None = None
    conversations: list[dict[str, Any]] | None = None


class ImportFull(BaseModel):
    """/import-full."""

    user_id: str
    storage_path: str
    file_type: str = "json"
    conversation_count: int = 0
    message_count: int = 0


class RetryFullPass(BaseModel):
    """/retry-full-pass."""

    user_id: str
    storage_path: str
    file_type: str = "json"


class Query(BaseModel):
    """/query and /chat."""

    user_id: str
    message: str
    history: list[dict[str, Any]] = []


class CreateSoulprint(BaseModel):
    """/create-soulprint: the app sends strings where it wants objects."""

    user_id: str
    conversations: list[dict[str, Any]]


class Conversations(BaseModel):
    """/analyze, /process-import and /embed-chunks."""

    user_id: str
    conversations: list[dict[str, Any]] = []
