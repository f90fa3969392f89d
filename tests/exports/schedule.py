"""Which conversation stands where in a generated export."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

from tests.exports import plants
from tests.exports.plants import Planter
from tests.exports.script import Plan
from tests.exports.sizes import TYPICAL_BYTES, Sizing, size

FIRST_DAY = 1_640_995_200.0
"""2022-01-01 UTC: when the oldest conversation began."""
SPAN = 3.5 * 365 * 86_400
"""Seconds from the oldest to the newest conversation."""
LONG_PERSON = 200_000
"""Characters of the very long messages of the person."""
LONG_ANSWER = 100_000
"""Least characters of the very long answers; the longest have five times as many."""
LONG_FROM = 100 * TYPICAL_BYTES
"""An export of at least so many bytes holds a very long message and a very long answer."""
DUPLICATE_EVERY = 200
MOST_PLANTED = 12.0
EXTRA_NUMBERS = 100_000
"""Most extra conversations of one seed."""
INSTRUCTIONS_NUMBER = 100_000_000

Where = Literal["start", "end"]


@dataclass(frozen=True, slots=True)
class Options:
    """What an export is generated from. Equal options give equal bytes. Raises ValueError if they
    cannot be met."""

    conversations: int
    """Conversation objects in the file, without the extra ones."""
    seed: int = 1
    average_bytes: int = TYPICAL_BYTES
    """Mean JSON bytes of a conversation."""
    facts: float = 1.0
    """Mean of the facts planted in a conversation, at most 12."""
    ghosts: float = 0.5
    """Mean of the ghosts planted in a conversation, at most 12."""
    duplicates: int | None = None
    """How many of the conversations are older versions of others; None: one in 200."""
    long_every: int = 500
    """For so many conversations of typical size, one very long message of each side."""
    huge_bytes: int = 0
    """Makes one message of the person that large; a fact stands at its end."""
    extra: int = 0
    """Conversations added at one end of the file, which leave every byte of the others as it was."""
    extra_at: Where = "start"
    extra_seed: int = 1
    """Other seeds give other extra conversations."""

    def __post_init__(self) -> None:
        if self.conversations < 1 or self.average_bytes < 500 or self.long_every < 1:
            raise ValueError(
                "an export needs a conversation, 500 bytes for each, and long_every of at least 1"
            )
        if not (0 <= self.facts <= MOST_PLANTED and 0 <= self.ghosts <= MOST_PLANTED):
            raise ValueError(f"facts and ghosts are at most {MOST_PLANTED} a conversation")
        if not 0 <= self.duplicate_count <= self.conversations // 4:
            raise ValueError("at most a quarter of the conversations can be duplicates")
        if not 0 <= self.extra < EXTRA_NUMBERS:
            raise ValueError(f"fewer than {EXTRA_NUMBERS} extra conversations")

    @property
    def duplicate_count(self) -> int:
        """How many older versions the file holds."""
        return self.conversations // DUPLICATE_EVERY if self.duplicates is None else self.duplicates


class Schedule:
    """The plan of every conversation of an export."""

    def __init__(self, options: Options) -> None:
        self.options = options
        count, seed = options.conversations, options.seed
        self._long_person = dict.fromkeys(_spread(options, 0.25), LONG_PERSON)
        self._long_answer = {
            slot: round(LONG_ANSWER * 5 ** Random(f"{seed}:long:{slot}").random())
            for slot in _spread(options, 0.75)
        }
        if options.huge_bytes:
            self._long_person[count // 3] = options.huge_bytes
        self._newer = self._pair_versions()
        planter = Planter(Random(f"{seed}:instructions"), INSTRUCTIONS_NUMBER)
        profile, wishes = planter.plant(plants.PROFILE), planter.plant(plants.WISHES)
        self.instruction_markers = [profile[0], wishes[0]]
        self._instructions = (profile[1], wishes[1])
        long_person, long_answers = sum(self._long_person.values()), sum(self._long_answer.values())
        self._sizing = size(count, options.average_bytes, long_person, long_answers, self._plan)

    def plan(self, slot: int) -> Plan:
        """What stands at `slot` of the history, newest first."""
        return self._plan(slot, self._sizing)

    def extra(self, number: int) -> Plan:
        """The `number`-th extra conversation, newest first; all are newer than the history."""
        options = self.options
        created_at = FIRST_DAY + SPAN + (options.extra - number) * 3600.0
        name = f"{options.seed}:extra:{options.extra_seed}:{number}"
        place = options.conversations + options.extra_seed * EXTRA_NUMBERS + number
        return self._filled(name, place, created_at, self._sizing)

    def _plan(self, slot: int, sizing: Sizing) -> Plan:
        place = self._newer.get(slot, slot)
        count = self.options.conversations
        return self._filled(
            f"{self.options.seed}:{place}",
            place,
            round(FIRST_DAY + SPAN * (count - place) / count, 6),
            sizing,
            long_person=self._long_person.get(place, 0),
            long_answer=self._long_answer.get(place, 0),
            older=place != slot,
        )

    def _filled(
        self,
        seed: str,
        number: int,
        created_at: float,
        sizing: Sizing,
        *,
        long_person: int = 0,
        long_answer: int = 0,
        older: bool = False,
    ) -> Plan:
        return Plan(
            seed=seed,
            number=number,
            created_at=created_at,
            turns=sizing.turns,
            characters=sizing.characters,
            person_share=sizing.person_share,
            facts=self.options.facts,
            ghosts=self.options.ghosts,
            lean=sizing.lean,
            long_person=long_person,
            long_answer=long_answer,
            instructions=None if sizing.lean else self._instructions,
            older=older,
        )

    def _pair_versions(self) -> dict[int, int]:
        """Slots of older versions, each with that of its newer one, which may stand before or after it."""
        count = self.options.duplicate_count
        long = self._long_person.keys() | self._long_answer.keys()
        free = [slot for slot in range(self.options.conversations) if slot not in long]
        drawn = Random(f"{self.options.seed}:duplicates").sample(free, 2 * count)
        return dict(zip(drawn[:count], drawn[count:], strict=True))


def _spread(options: Options, offset: float) -> list[int]:
    """Slots of the very long messages: evenly over the file."""
    expected = options.conversations * options.average_bytes
    count = max(expected // (options.long_every * TYPICAL_BYTES), int(expected >= LONG_FROM))
    return [int((place + offset) * options.conversations / count) for place in range(count)]
