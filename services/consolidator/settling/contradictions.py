"""Contradictions: in a slot the later statement wins and the earlier becomes its history.

A wrong end is worse than a missed one, so an earlier claim falls only where everything agrees: a claim of
another value, true from a day after the earlier was last said, strong enough (`Claim.strength` against
`resistance`). Undated claims, claims of the same day, and claims bound to a period contradict nothing.

A claim with a stage also ends what led to it, on the same day already: intentions and acts of the same value,
or where one of the two names none. A claim that is true from a later day on only (`I start at Ondata on 3
March`) ends things when that day has come, by what was said since or by the newest day of all.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from services.consolidator.settling.merge import Cluster, Said
from shared.english.claims import Claim
from shared.english.plans import planned_day, recurs
from shared.english.slots import ANY, PLACED, TOUGH

OPEN_CLAIMS = 128
"""Most claims of a slot that a later claim may end; older ones beyond it stay as they are."""
MAX_TURNS = 1000
"""Most pairs of values remembered to see that they take turns, and values to see that they are new."""
SOON = timedelta(days=31)
"""When a start or a last day without a date is taken to have come."""
ARRIVAL = timedelta(days=60)
"""For so long after a move a home of another name may be a part of the place moved to."""
_TO_BE = frozenset({"start", "last day"})
"""Kinds of claims that come true on a day, at which they are no history."""
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")

Ended = tuple[Cluster, Cluster]
"""A cluster that is history, and the one that took its place."""


def holds_from(fact: Said) -> date | None:
    """The day from which a claim is true, at most the day it was said; None if it takes part in no contest.

    `in 2021` is stored as 1 January 2021 and `in May` as 1 May: the end of that span is taken. A year that
    only the words name counts alike. What is true from a day in the future only, or until some day, takes
    part in no contest.
    """
    if fact.stated_at is None or fact.valid_until is not None:
        return None
    said = fact.stated_at.date()
    since = fact.valid_from
    if since is None:
        years = [int(year) for year in _YEAR.findall(fact.statement)]
        return min(said, date(max(years), 12, 31)) if years and max(years) < said.year else said
    if since > said:
        return None
    if since.day == 1:
        month = 12 if since.month == 1 else since.month
        since = since.replace(month=month, day=monthrange(since.year, month)[1])
    return min(since, said)


def due_day(fact: Said, last_stated: datetime | None) -> date | None:
    """The last day of what was still to come when it was said; None for all that is no plan."""
    if last_stated is None:
        return None
    said = last_stated.date()
    bound = fact.valid_until or fact.valid_from
    if bound is None:
        return planned_day(fact.statement, said)
    return bound if bound > said and not recurs(fact.statement) else None


class Slot:
    """The open claims of one slot, in time order; tells which of them a new claim ends.

    Values that lie in one another (`New York`, `New York City`) do not contradict. In a `PLACED` slot, two
    values that take each other's place again and again (a city and its district) are found to hold together.
    """

    def __init__(self, matter: str) -> None:
        self._in_turns = matter in PLACED
        self._one_at_a_time = matter.startswith("slot:")
        self._open: list[Cluster] = []
        self._to_come: list[tuple[date, Cluster]] = []
        self._ended: set[tuple[str, str]] = set()
        self._first: dict[str, date] = {}
        self._moved: dict[str, date] = {}

    def enter(self, cluster: Cluster) -> Iterator[Ended]:
        """Enter a cluster that got its first dated fact; answers what ends by it, oldest first."""
        claim, leader = cluster.claim, cluster.leader
        if claim is None:
            return
        if leader.stated_at is None:
            self._know(claim, date.min)
            return
        said = leader.stated_at.date()
        yield from self.come(said)
        since = holds_from(leader)
        if claim.kind in _TO_BE and (leader.valid_from is None or since is None):
            yield from self._end(cluster, said, completing=True)
            self._to_come.append((due_day(leader, leader.stated_at) or said + SOON, cluster))
        elif claim.stage != 1 or claim.negated:
            if since is None:
                return
            yield from self._end(cluster, since)
        self._know(claim, said)
        if claim.kind == "move" and len(self._moved) < MAX_TURNS:
            self._moved[claim.value] = said
        if claim.resistance <= TOUGH or claim.stage:
            self._open.append(cluster)
            del self._open[:-OPEN_CLAIMS]

    def come(self, day: date) -> Iterator[Ended]:
        """What ends by claims that have become true before `day`."""
        due = sorted((at for at in self._to_come if at[0] < day), key=lambda at: (at[0], at[1].leader.id))
        for at in due:
            self._to_come.remove(at)
            if not at[1].closed:
                yield from self._end(at[1], at[0])

    def _know(self, claim: Claim, day: date) -> None:
        if claim.stage > 1 and claim.value != ANY and not claim.negated and len(self._first) < MAX_TURNS:
            self._first.setdefault(claim.value, day)

    def _end(self, cluster: Cluster, since: date, *, completing: bool = False) -> Iterator[Ended]:
        """What `cluster` ends, true since a day: what it completes and, if not only that, contradicts."""
        new = cluster.claim
        if new is None or not (new.strength or new.stage):
            return
        ended = (
            [old for old in self._others(cluster) if self._completes(new, since, cluster, old)]
            if new.stage
            else []
        )
        # A move that was planned is a move, whoever `we` are.
        strength = max(new.strength, int(bool(ended) and self._in_turns and not new.negated))
        if strength and self._one_at_a_time and not completing:
            ended += [
                old
                for old in self._others(cluster)
                if old not in ended and self._contradicts(new, strength, since, cluster, old)
            ]
        if ended:
            self._open = [old for old in self._open if old not in ended]
        for old in ended:
            yield old, cluster

    def _others(self, cluster: Cluster) -> list[Cluster]:
        return [old for old in self._open if old is not cluster and not old.closed]

    def _completes(self, new: Claim, since: date, cluster: Cluster, led: Cluster) -> bool:
        """True if `led` is an intention or an act that led to what `new` says."""
        old, at, before = led.claim, cluster.leader.stated_at, led.last_stated
        if old is None or not new.over <= old.stage < new.stage or at is None or before is None:
            return False
        if not (
            (before < at or before.date() < since) and before.date() <= since and _agree(new.value, old.value)
        ):
            return False
        if (new.near or old.near) and not _share_a_conversation(cluster, led):
            return False
        if old.value == ANY != new.value and self._one_at_a_time:
            # A job that one had when one looked for another is not the other.
            known = self._first.get(new.value)
            return len(self._first) < MAX_TURNS if known is None else known >= before.date()
        return True

    def _contradicts(self, new: Claim, strength: int, since: date, cluster: Cluster, held: Cluster) -> bool:
        old = held.claim
        if old is None or (TOUGH if new.left == old.value else strength) < old.resistance:
            return False
        if not _day(held.last_stated) < since or not _conflict(new, old):
            return False
        if self._in_turns and len(self._ended) < MAX_TURNS:
            pair = old.value, new.value
            if new.kind == "live" and self._is_part(cluster, held):
                return False
            if pair in self._ended and pair[::-1] in self._ended:
                return False
            self._ended.add(pair)
        return True

    def _is_part(self, *homes: Cluster) -> bool:
        """True if one of two homes was told soon after the move to the other: a district of that town."""
        for town, home in (homes, homes[::-1]):
            moved = self._moved.get(town.claim.value) if town.claim is not None else None
            lives = home.claim is not None and home.claim.kind == "live"
            if moved is not None and lives and timedelta() <= _day(home.leader.stated_at) - moved <= ARRIVAL:
                return True
        return False


def _day(stated: datetime | None) -> date:
    return stated.date() if stated is not None else date.min


def _share_a_conversation(one: Cluster, other: Cluster) -> bool:
    both = [each.conversations or {each.leader.conversation_id} for each in (one, other)]
    return not both[0].isdisjoint(both[1])


def _agree(one: str, other: str) -> bool:
    """True if two values may be the same thing: one names no value, or all that the other names."""
    if one == other or ANY in (one, other):
        return True
    first, second = set(one.split()), set(other.split())
    return first <= second or second <= first


def _conflict(new: Claim, old: Claim) -> bool:
    """True if the two claims cannot both hold."""
    if new.negated or old.negated:
        taken, held = (new, old) if new.negated else (old, new)
        return new.negated != old.negated and (taken.value == ANY or held.value in taken.value.split("|"))
    return not _agree(new.value, old.value)
