"""Merging: statements that say the same become one fact, counted by the conversations they stand in.

The same is: the same content words in the same order, or the same but for one further word among at least
five (`NEAR_WORDS`). Numbers, names, negations and function words must agree exactly, and so must the dates
a statement is bound to. `My dog is called Zorvik-12` and `... Zorvik-13` are two facts; `I love hiking` and
`I really love hiking!` are one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from datetime import date
from uuid import UUID

from shared.facts import Fact, FactStatus, SettledFact
from shared.statements.matching import Claim
from shared.statements.words import wording

NEAR_WORDS = 5
"""Content words from which one more may be ignored: four fifths of the words agree at the least."""

_Key = tuple[tuple[str, ...], date | None, date | None]


class Cluster:
    """All facts of a topic that say the same. The first one added speaks for it, so add in time order."""

    __slots__ = (
        "claim",
        "closed",
        "conversations",
        "keys",
        "last",
        "leader",
        "merged",
        "message_ids",
        "shorter",
    )

    def __init__(self, fact: Fact, claim: Claim | None) -> None:
        self.leader = self.last = fact
        self.closed = False
        self.claim = claim
        self.merged: list[UUID] = []
        self.message_ids: dict[str, None] = dict.fromkeys(fact.message_ids)
        self.conversations = {fact.conversation_id}
        self.keys: tuple[_Key, ...] = ()
        self.shorter: tuple[_Key, ...] = ()

    def add(self, fact: Fact) -> None:
        """Absorb `fact`. The earliest dated fact leads; undated facts come first and give way to it."""
        if self.leader.stated_at is None and fact.stated_at is not None:
            self.merged.append(self.leader.id)
            self.leader = fact
        else:
            self.merged.append(fact.id)
        self.last = fact
        self.message_ids.update(dict.fromkeys(fact.message_ids))
        self.conversations.add(fact.conversation_id)

    def settled(self, topic: str, superseded_by: UUID | None = None) -> SettledFact:
        """The one fact of `topic` that this cluster amounts to."""
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
            status=FactStatus.CURRENT if superseded_by is None else FactStatus.SUPERSEDED,
            support=len(self.conversations),
            superseded_by=superseded_by,
            merged_ids=tuple(sorted(self.merged)),
            topic=topic,
        )


class Clusters:
    """The open clusters of one topic, at most `limit`: the one that was met longest ago is let go first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: OrderedDict[int, Cluster] = OrderedDict()
        self._by_words: dict[_Key, Cluster] = {}
        self._by_fewer_words: dict[_Key, Cluster] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self._open.values())

    def place(self, fact: Fact, claim: Claim | None) -> tuple[Cluster, bool]:
        """The cluster that says what `fact` says, and whether it is new. The fact is in it."""
        said = wording(fact.statement)
        bound = fact.valid_from, fact.valid_until
        key: _Key = (said.content, *bound)
        keys: tuple[_Key, ...] = (key,)
        if claim is not None and claim.bare:
            keys = (key, (("", claim.kind, claim.value, str(claim.negated)), *bound))
        shorter: tuple[_Key, ...] = ()
        cluster = next((found for k in keys if (found := self._by_words.get(k)) is not None), None)
        if cluster is None and len(said.content) >= NEAR_WORDS - 1:
            cluster = self._by_fewer_words.get(key)
        if cluster is None and len(said.content) >= NEAR_WORDS:
            content = said.content
            shorter = tuple((content[:at] + content[at + 1 :], *bound) for at in said.optional)
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
