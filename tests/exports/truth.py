"""What is true of a generated export: what must be found in it, what must never be, and its counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

import orjson


class GhostKind(StrEnum):
    """Why a planted sentence must never be recalled."""

    EDITED_PROMPT = "edited_prompt"
    REGENERATED_ANSWER = "regenerated_answer"
    """In an answer that was regenerated, or in what the person said after it."""
    HIDDEN = "hidden"
    TOOL = "tool"
    REASONING = "reasoning"
    BIO = "bio"
    """Written by the assistant to its own memory tool."""
    ASSISTANT_CLAIM = "assistant_claim"
    THIRD_PARTY = "third_party"
    QUESTION = "question"
    HYPOTHETICAL = "hypothetical"
    OLDER_VERSION = "older_version"
    """Only in an older version of a conversation that the export holds twice."""
    LEFT_OUT = "left_out"
    """In a conversation that the person does not want remembered."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A fact in the person's words on a visible path."""

    marker: str
    sentence: str
    conversation_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Ghost:
    """A marker that must not stand in any fact nor anywhere in a memory."""

    marker: str
    kind: GhostKind


@dataclass(slots=True)
class Truth:
    """All that is known of an export. Visible counts are of the conversations that are kept."""

    conversations: int = 0
    """Conversation objects in the file: kept + duplicates + left_out + empty."""
    unique_conversations: int = 0
    """Distinct conversation ids."""
    kept: int = 0
    """The newest version of each id, unless left out or empty."""
    duplicates: int = 0
    """Older versions of kept conversations."""
    left_out: int = 0
    """Objects marked as not to be remembered."""
    empty: int = 0
    """Objects without a visible message."""
    visible_messages: int = 0
    visible_characters: int = 0
    person_characters: int = 0
    json_bytes: int = 0
    """Bytes of the conversations file, uncompressed."""
    new_conversation_ids: list[str] = field(default_factory=list)
    """Ids of the `extra` conversations."""
    instructions: list[str] = field(default_factory=list)
    """Markers in the custom instructions, which are facts without a message of their own."""
    planted: list[Planted] = field(default_factory=list)
    ghosts: list[Ghost] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_bytes(orjson.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Truth:
        """Read what `save` wrote."""
        values = orjson.loads(path.read_bytes())
        values["planted"] = [Planted(**planted) for planted in values["planted"]]
        values["ghosts"] = [Ghost(ghost["marker"], GhostKind(ghost["kind"])) for ghost in values["ghosts"]]
        return cls(**values)


def truth_path(export: Path) -> Path:
    """Where the truth of a generated export lies: `export.json.truth.json`."""
    return export.with_name(f"{export.name}.truth.json")
