"""Turns of one conversation as they are collected: text repaired, blanks dropped, every id unique."""

from __future__ import annotations

from hashlib import blake2b

from shared.domain.text import repair
from shared.exports.conversation import Account, Conversation, Role, Turn
from shared.exports.formats.identity import content_id
from shared.exports.lost import MOST_LOOKED, NO_PARENT, unread


class TurnCollector:
    """Collects turns in path order."""

    __slots__ = ("_ids", "_looked", "lost", "turns")

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.lost: list[str] = []
        self._looked = 0
        self._ids: set[str] = set()

    def add(
        self, message_id: str, role: Role, text: str, created_at: float | None, raw: object = None
    ) -> None:
        """Add a message unless it is blank. Without an id ("") it gets one from its content; of two messages
        with one id, which a fact could not tell apart, the later is renamed.

        `raw` is the message as the file has it: if it is the person's and holds words after all, it is lost.
        """
        text = repair(text)
        if not text or text.isspace():
            if role == "user":
                self.miss(raw)
            return
        message_id = message_id or digest_of(role, str(created_at), text)
        number = len(self.turns)
        while message_id in self._ids:  # the new name may be another's: a file holds few names that end so
            message_id = f"{message_id}-{number}"
        self._ids.add(message_id)
        self.turns.append(Turn(message_id, role, text, created_at))

    def miss(self, raw: object) -> None:
        """Note a message that no turn comes of, its sender unknown or its text not found: if it holds words,
        it is lost."""
        self._looked += 1
        if self._looked <= MOST_LOOKED and (reason := unread(raw)) is not None:
            self.lost.append(reason)

    def strand(self, count: int) -> None:
        """Note `count` messages of the person that stand on no path (`tree.stranded`)."""
        self.lost.extend([NO_PARENT] * count)

    def conversation(
        self,
        conversation_id: str,
        title: str,
        created_at: float | None,
        updated_at: float | None,
        account: Account | None = None,
    ) -> Conversation:
        """The conversation of these turns; without an id ("") it gets one from its content, without times
        those of its turns."""
        times = [turn.created_at for turn in self.turns if turn.created_at is not None]
        if times:
            created_at = times[0] if created_at is None else created_at
            updated_at = max(times) if updated_at is None else updated_at
        return Conversation(
            conversation_id or content_id(title, self.turns),
            title,
            self.turns,
            created_at,
            updated_at,
            lost=tuple(self.lost),
            account=account,
        )


def digest_of(*parts: str) -> str:
    """A short hash: the same parts give the same, in any run, on any machine."""
    digest = blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
