"""Prompts: files with versions, and the hash that says when the same chunk could get another reply."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from shared.domain.text import estimate_tokens
from shared.models.claude.schema import (
    ExtractReply,
    MemoryReply,
    ReduceReply,
    SectionsReply,
    json_schema,
)
from shared.models.claude.traits import traits_of

FOLDER = Path(__file__).parent.parent / "prompts"


@dataclass(frozen=True)
class Prompt:
    """One task's fixed part: its text and the schema of its reply."""

    task: str
    version: str
    reply: type[BaseModel]

    @cached_property
    def text(self) -> str:
        """The file's words."""
        return read_prompt(self.task, self.version)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The reply's JSON schema as it is sent."""
        return json_schema(self.reply)

    @cached_property
    def fixed_tokens(self) -> int:
        """Estimated tokens of the words and the schema."""
        return estimate_tokens(self.text) + estimate_tokens(orjson.dumps(self.schema).decode())

    def hash(self, model: str) -> str:
        """Changes with the words of the prompt and the repair, the schema and the model; no other."""
        parts = (self.text, read_prompt(*REPAIR), orjson.dumps(self.schema).decode(), model)
        digest = hashlib.blake2b(digest_size=6)
        for part in parts:
            digest.update(f"{len(part)}\0{part}".encode())
        return f"{self.task}-{self.version}-{digest.hexdigest()}"

    def system(self, model: str, **values: object) -> list[dict[str, Any]]:
        """The system blocks, marked for the prompt cache where the model keeps a prefix this short."""
        text = self.text
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        block: dict[str, Any] = {"type": "text", "text": text}
        if self.cached_tokens(model):
            block["cache_control"] = {"type": "ephemeral"}
        return [block]

    def cached_tokens(self, model: str) -> int:
        """Estimated tokens of the system blocks if the model's prompt cache keeps them, else 0."""
        least, tokens = traits_of(model).least_cached_tokens, estimate_tokens(self.text)
        return tokens if least is not None and tokens >= least else 0


def read_prompt(task: str, version: str) -> str:
    """The words of `prompts/<task>/<version>.md`."""
    return (FOLDER / task / f"{version}.md").read_text(encoding="utf-8").strip()


REPAIR = "repair", "v1"
EXTRACT = Prompt("extract", "v2", ExtractReply)
REDUCE = Prompt("reduce", "v1", ReduceReply)
MEMORY = Prompt("memory", "v2", MemoryReply)
SECTIONS = Prompt("sections", "v2", SectionsReply)
