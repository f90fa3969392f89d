"""`soulprint dead requeue`: records on their topics again."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket

from shared.domain.plurals import counted
from shared.settings import Settings, load_settings
from shared.store.dead_letters import LetterFilter
from shared.store.open import opened_store
from soulprint.asked import Asked
from soulprint.blocks import block
from soulprint.dead.putting_back import DONE, READ_SINCE, Outcome, PuttingBack
from soulprint.dead.reaching import kafka_of
from soulprint.terminal import say, say_json, say_over
from soulprint.topics import publisher_of

_WHY = {
    "unknown": "there is no such letter",
    "requeued": "requeued before",
    "dropped": "somebody has said that nothing is to be done",
    "gone": "past retention, or its topic was made anew; a replay reads what is dead again",
    "left_out": "the record was too large to be kept with its letter; its headers say where it lies",
    "no_topic": "its topic is gone: `soulprint topics create` makes it, then ask again",
    "retired": "its pipeline is not the one served here: if it still runs, ask with PIPELINE set to it",
    "again": "its event was buried twice already: mend the cause, then --force",
    "no_run": "the database does not know its run, or no longer",
    "foreign": "its import is another user's",
    "elsewhere": "its run is of another pipeline, or of one process",
    "cancelled": "its import was cancelled",
    "complete": "its import is complete without it",
    "newer": "its import has a newer run, which counts",
    DONE: f"{READ_SINCE}: dropped",
    "outdated": "another memory was made of the run since",
}
_HARMLESS = frozenset({"requeued", DONE})
"""What a second command finds that goes on where the first was ended."""
_NAMED = 3


def requeue_command(which: LetterFilter, asked: Asked, *, force: bool, as_json: bool) -> int:
    """Do it, and say what was done and what could not be. Answers 0, or 1 if something could not be."""
    settings = load_settings()
    outcome = asyncio.run(_requeue(which, asked, settings, force=force))
    if as_json:
        left = [
            {"reason": reason, "letters": count, "ids": outcome.left[reason], "why": _why(reason)}
            for reason, count in outcome.counts.most_common()
        ]
        say_json({"requeued": outcome.requeued, "left": left})
    else:
        say(*_told(outcome))
    return int(any(reason not in _HARMLESS for reason in outcome.counts))


async def _requeue(which: LetterFilter, asked: Asked, settings: Settings, *, force: bool) -> Outcome:
    log = kafka_of(settings)
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    async with opened_store(settings, connections=2) as store:
        await log.reading().topics()  # whoever publishes waits for Kafka without end
        async with publisher_of(log, "dead") as sender:
            putting = PuttingBack(
                store,
                log.reading(),
                sender,
                asked,
                owner=owner,
                pipeline=settings.pipeline,
                prefix=settings.kafka_prefix,
                force=force,
                tell=_tell,
            )
            return await putting.run(which)


def _tell(done: int) -> None:
    say_over(f"{done:,} requeued")


def _why(reason: str) -> str:
    if reason.startswith("unreadable: "):
        return f"it cannot be read still ({reason.removeprefix('unreadable: ')})"
    return _WHY.get(reason, reason)


def _told(outcome: Outcome) -> list[str]:
    if not outcome.requeued and not outcome.counts:
        return ["no open letter is like that; `soulprint dead list` has them all"]
    lines = [
        f"{counted(outcome.requeued, 'letter')} requeued. What fails again is buried again, and stands in "
        "`soulprint dead list` once more."
    ]
    for reason, count in outcome.counts.most_common():
        named = ", ".join(map(str, outcome.left[reason][:_NAMED]))
        more = f" and {count - _NAMED:,} more" if count > _NAMED else ""
        lines.append(block(f"{count:,} left: {_why(reason)}", f"{named}{more}"))
    return lines
