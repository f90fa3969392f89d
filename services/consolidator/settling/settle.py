"""Settling one matter: facts in time order in, settled facts out, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from services.consolidator.settling.contradictions import Ended, Slot, due_day
from services.consolidator.settling.merge import Cluster, Clusters
from shared.domain.facts import Fact, SettledFact
from shared.english.claims import claim_of

CLUSTERS = 2000
"""Most different statements of one matter compared at a time; beyond it the longest unmet one is settled."""


class MatterGroup:
    """Settles the facts of one matter. Add them by stated_at (unknown first), then by id."""

    def __init__(self, matter: str, limit: int = CLUSTERS, newest: date | None = None) -> None:
        self.matter = matter
        self._newest = newest
        self._clusters = Clusters(limit)
        self._slot = Slot(matter) if matter.startswith(("slot:", "chain:")) else None
        self._claims = matter.startswith(("slot:", "many:", "chain:"))

    def add(self, fact: Fact) -> Iterator[SettledFact]:
        """Take one fact; yields what is settled by it."""
        claim = claim_of(fact.statement) if self._claims else None
        if claim is not None and claim.matter != self.matter:
            claim = None
        cluster, new = self._clusters.place(fact, claim)
        if self._slot is not None and cluster.leader.id == fact.id:
            yield from self._end(self._slot.enter(cluster))
        if new:
            yield from self._over_limit()

    def finish(self) -> Iterator[SettledFact]:
        """The end of the matter: what is still open is current, in the order of its leaders, but for plans
        whose day is past."""
        if self._slot is not None and self._newest is not None:
            yield from self._end(self._slot.come(self._newest))
        for cluster in sorted(self._clusters, key=_time_order):
            yield self._open(cluster)

    def _end(self, pairs: Iterator[Ended]) -> Iterator[SettledFact]:
        for ended, by in list(pairs):
            self._clusters.close(ended)
            yield ended.settled(self.matter, superseded_by=by.leader.id)

    def _open(self, cluster: Cluster) -> SettledFact:
        return cluster.settled(self.matter, past=self._is_past(cluster))

    def _is_past(self, cluster: Cluster) -> bool:
        if self._newest is None or (cluster.claim is not None and cluster.claim.begins):
            return False
        due = due_day(cluster.leader, cluster.last_stated)
        return due is not None and due < self._newest

    def _over_limit(self) -> Iterator[SettledFact]:
        cluster = self._clusters.overflow()
        if cluster is not None:
            self._clusters.close(cluster)
            yield self._open(cluster)


def _time_order(cluster: Cluster) -> tuple[float, int]:
    stated = cluster.leader.stated_at
    return (float("-inf") if stated is None else stated.timestamp(), cluster.leader.id.int)
