"""What the predecessor's routes take and reply that we answer: its names, types, defaults and order.

One change on purpose: a user_id that is no UUID is refused, where the predecessor takes it and fails later.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict
from pydantic_core import PydanticCustomError

from shared.domain.bounds import INT4
from shared.domain.discreet import Discreet

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_USER = "5e0f1a52-6b7c-4f7e-9d55-8a2f6c1b7e42"
_PATH = f"imports/{_USER}/1732600000000-export.zip"


def written_uuid(value: object) -> UUID | None:
    """The UUID that a value is, as it is written in a body; None if it is none."""
    return UUID(value) if isinstance(value, str) and _UUID.fullmatch(value) else None


def _user(text: str) -> str:
    if written_uuid(text) is None:
        raise PydanticCustomError("uuid_parsing", "Input should be a valid UUID")
    return text


UserId = Annotated[str, AfterValidator(_user)]
"""As it was sent: replies repeat it."""


class OfUser(Discreet):
    """What every request says."""

    user_id: UserId

    @property
    def user(self) -> UUID:
        return UUID(self.user_id)


class ProcessFull(OfUser):
    """POST /process-full and /process-full-v2."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"user_id": _USER, "storage_path": _PATH, "conversation_count": 1200}]
        }
    )

    storage_path: str | None = None
    conversation_count: int | None = None
    message_count: int | None = None
    conversations: list[dict[str, Any]] | None = None


class ProcessFullOfHead(OfUser):
    """POST /process-full in the form `head`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": _USER, "storage_path": _PATH}]})

    storage_path: str
    conversation_count: int | None = None
    message_count: int | None = None
    conversations: list[dict[str, Any]] | None = None


class ImportFull(OfUser):
    """POST /import-full."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user_id": _USER, "storage_path": _PATH, "file_type": "zip"}]}
    )

    storage_path: str
    file_type: str = "json"
    """Not believed: what an export is, its content tells."""
    conversation_count: int = 0
    message_count: int = 0


class RetryFullPass(OfUser):
    """POST /retry-full-pass."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user_id": _USER, "storage_path": _PATH, "file_type": "zip"}]}
    )

    storage_path: str
    file_type: str = "json"


class Processing(Discreet):
    """Reply of /process-full in the form `full`."""

    status: Literal["processing"] = "processing"
    message: str
    user_id: str
    conversation_count: int | None
    job_id: str
    """The import's id."""
    deprecation_notice: str


class ProcessingV2(Discreet):
    """Reply of /process-full-v2."""

    status: Literal["processing"] = "processing"
    version: Literal["v2"] = "v2"
    message: str
    user_id: str
    conversation_count: int | None
    job_id: str


class AcceptedOfHead(Discreet):
    """Reply of /process-full in the form `head`."""

    status: Literal["accepted"] = "accepted"
    message: str
    deprecation_notice: str


class AcceptedReply(Discreet):
    """Reply of /import-full and /retry-full-pass."""

    status: Literal["accepted"] = "accepted"
    message: str


class Detail(Discreet):
    """An error."""

    detail: str


class Invalid(Discreet):
    """What is wrong with a body, field by field; or with what one field names."""

    detail: list[dict[str, Any]] | str


def told(count: int | None) -> int | None:
    """A count as a run keeps it: None for what was not told, or can be none."""
    return count if count is not None and 0 < count <= INT4 else None
