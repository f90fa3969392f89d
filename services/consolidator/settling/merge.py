"""Merging: statements that say the same become one fact, counted by the conversations they stand in.

The same is: the same content words in the same order, or the same but for one further word among at least
five (`NEAR_WORDS`). Numbers, names, negations and function words must agree exactly, and so must the dates
a statement is bound to. `My dog is called Zorvik-12` and `... Zorvik-13` are two facts; `I love hiking` and
`I really love hiking!` are one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from shared.domain.facts import Category, Fact, FactStatus, SettledFact, SourceKind
from shared.english.claims import Claim
from shared.english.wording import wording

NEAR_WORDS = 5
"""Content words from which one more may be ignored: four fifths of the words agree at the least."""
MOST_WORDS = 60
"""Content words beyond which none may: a longer statement is compared as a whole. Each word that may be
missing makes a key of all the others, which is the square of the words."""

_BETWEEN = "\x1f"
"""Stands between the parts of a key. It is white space to Python, so it is in no word."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is kept of a fact while its matter is open: far smaller than a fact, and thousands are held."""

    id: UUID
    category: Category
    statement: str
    quote: str
    message_ids: tuple[str, ...]
    valid_from: date | None
    valid_until: date | None
    confidence: float
    conversation_id: str
    stated_at: datetime | None
    source_kind: SourceKind

    @classmethod
    def of(cls, fact: Fact) -> Said:
        return cls(
            fact.id,
            fact.category,
            fact.statement,
            fact.quote,
            fact.message_ids,
            fact.valid_from,
            fact.valid_until,
            fact.confidence,
            fact.conversation_id,
            fact.stated_at,
            fact.source_kind,
        )


class Cluster:
    """All facts of a matter that say the same. The first one added speaks for it, so add in time order."""

    __slots__ = (
        "claim",
        "closed",
        "conversations",
        "keys",
        "last_stated",
        "leader",
        "merged",
        "message_ids",
        "shorter",
    )

    def __init__(self, fact: Fact, claim: Claim | None) -> None:
        self.leader = Said.of(fact)
        self.last_stated = fact.stated_at
        self.closed = False
        self.claim = claim
        # Most statements are made once: collections are made when there is something to join.
        self.merged: list[UUID] = []
        self.message_ids: tuple[str, ...] | dict[str, None] = fact.message_ids
        self.conversations: set[str] | None = None
        self.keys: tuple[str, ...] = ()
        self.shorter: tuple[str, ...] = ()

    def add(self, fact: Fact) -> None:
        """Absorb `fact`. The earliest dated fact leads; undated facts come first and give way to it."""
        if self.conversations is None:
            self.conversations = {self.leader.conversation_id}
        if not isinstance(self.message_ids, dict):
            self.message_ids = dict.fromkeys(self.message_ids)
        self.conversations.add(fact.conversation_id)
        self.message_ids.update(dict.fromkeys(fact.message_ids))
        self.last_stated = fact.stated_at
        if self.leader.stated_at is None and fact.stated_at is not None:
            self.merged.append(self.leader.id)
            self.leader = Said.of(fact)
        else:
            self.merged.append(fact.id)

    def settled(self, matter: str, superseded_by: UUID | None = None, *, past: bool = False) -> SettledFact:
        """The one fact of `matter` that this cluster amounts to; history if something took its place, or by
        itself if it is `past`."""
        fact = self.leader
        return SettledFact(
            category=fact.category,
            statement=fact.statement,
            quote=fact.quote,
            message_ids=tuple(self.message_ids),
            valid_from=fact.valid_from,
            valid_until=fact.valid_until,
            confidence=fact.confidence,
            id=fact.id,
            conversation_id=fact.conversation_id,
            stated_at=fact.stated_at,
            source_kind=fact.source_kind,
            status=FactStatus.SUPERSEDED if past or superseded_by is not None else FactStatus.CURRENT,
            support=1 if self.conversations is None else len(self.conversations),
            superseded_by=superseded_by,
            merged_ids=tuple(sorted(self.merged)),
            matter=matter,
        )


class Clusters:
    """The open clusters of one matter, at most `limit`: the one that was met longest ago is let go first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: OrderedDict[int, Cluster] = OrderedDict()
        self._by_words: dict[str, Cluster] = {}
        self._by_fewer_words: dict[str, Cluster] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self._open.values())

    def place(self, fact: Fact, claim: Claim | None) -> tuple[Cluster, bool]:
        """The cluster that says what `fact` says, and whether it is new. The fact is in it."""
        said = wording(fact.statement)
        bound = _bound(fact)
        key = bound + _BETWEEN.join(said.content)
        keys: tuple[str, ...] = (key,)
        if claim is not None and claim.bare:
            keys = (key, _BETWEEN.join((bound, claim.kind, str(claim.negated), claim.value)))
        shorter: tuple[str, ...] = ()
        cluster = next((found for k in keys if (found := self._by_words.get(k)) is not None), None)
        if cluster is None and len(said.content) >= NEAR_WORDS - 1:
            cluster = self._by_fewer_words.get(key)
        if cluster is None and NEAR_WORDS <= len(said.content) <= MOST_WORDS:
            content = said.content
            shorter = tuple(bound + _BETWEEN.join(content[:at] + content[at + 1 :]) for at in said.optional)
            cluster = next((found for k in shorter if (found := self._by_words.get(k)) is not None), None)
        if cluster is not None:
            cluster.add(fact)
            self._open.move_to_end(id(cluster))
            return cluster, False
        cluster = Cluster(fact, claim)
        cluster.keys, cluster.shorter = keys, shorter
        self._open[id(cluster)] = cluster
        for k in keys:
            self._by_words[k] = cluster
        for k in shorter:
            self._by_fewer_words.setdefault(k, cluster)
        return cluster, True

    def close(self, cluster: Cluster) -> None:
        """Let `cluster` go: what is said from now on makes a new one."""
        cluster.closed = True
        del self._open[id(cluster)]
        for k in cluster.keys:
            if self._by_words.get(k) is cluster:
                del self._by_words[k]
        for k in cluster.shorter:
            if self._by_fewer_words.get(k) is cluster:
                del self._by_fewer_words[k]

    def overflow(self) -> Cluster | None:
        """The cluster to let go so that the limit holds, if any."""
        return next(iter(self._open.values())) if len(self._open) > self._limit else None


def _bound(fact: Fact) -> str:
    """The dates a statement is bound to, as the beginning of its keys; most are bound to none."""
    if fact.valid_from is None and fact.valid_until is None:
        return _BETWEEN
    return f"{fact.valid_from}/{fact.valid_until}{_BETWEEN}"
