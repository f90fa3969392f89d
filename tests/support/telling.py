"""What a test that waited in vain tells of its services, so that its failure names its cause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.doing import ASKED, BEGIN, END
from tests.support.fleet import Fleet, Member
from tests.support.waiting import until

ANSWER_SECONDS = 10.0
LOG_CHARACTERS = 3000
_SHOWN = ("soulprint_pool_", "soulprint_producer")


@asynccontextmanager
async def telling(services: Fleet) -> AsyncIterator[None]:
    """A failure in the block tells what each service does."""
    try:
        yield
    except AssertionError as error:
        told = [await _told(services, member) for member in list(services.members.values())]
        raise AssertionError("\n\n".join([str(error), *told])) from error


async def _told(services: Fleet, member: Member) -> str:
    if not member.alive:
        return f"=== {member.name} ended with {member.process.returncode}: {services.log(member.name)}"
    pages = {path: await asyncio.to_thread(member.page, path) for path in ("/livez", "/readyz", "/metrics")}
    metrics = [
        line
        for line in pages.pop("/metrics")[1].splitlines()
        if line.startswith(_SHOWN) and not line.partition("{")[0].endswith(("_created", "_bucket"))
    ]
    does = await _asked(services, member) if services.tuning else ""
    log = services.log(member.name, LOG_CHARACTERS + len(does)).partition(BEGIN)[0]
    return "\n".join([f"=== {member.name}: {pages}", *metrics, does, "its log ends:", log])


async def _asked(services: Fleet, member: Member) -> str:
    before = len(services.log(member.name, 0))

    def written() -> str:
        return services.log(member.name, 0)[before:]

    member.process.send_signal(ASKED)
    try:
        await until(lambda: END in written(), ANSWER_SECONDS)
    except AssertionError:
        return "it does not answer: its event loop stands still"
    return written().partition(BEGIN)[2].partition(END)[0]
