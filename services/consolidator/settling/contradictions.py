"""Contradictions: in a slot the later statement wins and the earlier becomes its history.

A wrong end is worse than a missed one, so an earlier claim falls only where everything agrees: a claim of
another value, true from a day after the earlier was last said, strong enough (`Claim.strength` against
`resistance`). Undated claims, claims of the same day, and claims bound to a period contradict nothing.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime

from services.consolidator.settling.merge import Cluster, Said
from shared.english.claims import Claim
from shared.english.slots import PLACED, TOUGH

OPEN_CLAIMS = 128
"""Most claims of a slot that a later claim may end; older ones beyond it stay as they are."""
MAX_TURNS = 1000
"""Most pairs of values remembered to see that they take turns."""


def holds_from(fact: Said) -> date | None:
    """The day from which a claim is true, at most the day it was said; None if it takes part in no contest.

    `in 2021` is stored as 1 January 2021 and `in May` as 1 May: the end of that span is taken. What is true
    from a day in the future only, or until some day, takes part in no contest.
    """
    if fact.stated_at is None or fact.valid_until is not None:
        return None
    said = fact.stated_at.date()
    since = fact.valid_from
    if since is None:
        return said
    if since > said:
        return None
    if since.day == 1:
        month = 12 if since.month == 1 else since.month
        since = since.replace(month=month, day=monthrange(since.year, month)[1])
    return min(since, said)


class Slot:
    """The open claims of one slot, in time order; tells which of them a new claim ends.

    Values that lie in one another (`New York`, `New York City`) do not contradict. In a `PLACED` slot, two
    values that take each other's place again and again (a city and its district) are found to hold together.
    """

    def __init__(self, matter: str) -> None:
        self._in_turns = matter in PLACED
        self._open: list[Cluster] = []
        self._ended: set[tuple[str, str]] = set()

    def enter(self, cluster: Cluster) -> list[Cluster]:
        """Enter a cluster that got its first dated fact; answers the clusters it ends, oldest first."""
        claim, since = cluster.claim, holds_from(cluster.leader)
        if claim is None or since is None:
            return []
        ended: list[Cluster] = []
        if claim.strength:
            kept: list[Cluster] = []
            for old in self._open:
                if not old.closed:
                    (ended if self._ends(claim, since, old) else kept).append(old)
            self._open = kept
        if claim.resistance <= TOUGH:
            self._open.append(cluster)
            del self._open[:-OPEN_CLAIMS]
        return ended

    def _ends(self, new: Claim, since: date, cluster: Cluster) -> bool:
        old = cluster.claim
        if old is None or not _day(cluster.last_stated) < since:
            return False
        if (TOUGH if new.left == old.value else new.strength) < old.resistance or not _conflict(new, old):
            return False
        if self._in_turns and len(self._ended) < MAX_TURNS:
            pair = old.value, new.value
            if pair in self._ended and pair[::-1] in self._ended:
                return False
            self._ended.add(pair)
        return True


def _day(stated: datetime | None) -> date:
    return stated.date() if stated is not None else date.min


def _conflict(new: Claim, old: Claim) -> bool:
    """True if the two claims cannot both hold."""
    if new.negated or old.negated:
        return new.negated != old.negated and new.value == old.value
    if new.value == old.value:
        return False
    first, second = set(new.value.split()), set(old.value.split())
    return not (first <= second or second <= first)
