"""One process at a time over a database: for services whose log is in memory, since the others do not see
it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import structlog

from shared.domain.errors import BusyError, StoreError, system_reason
from shared.host.service import parting
from shared.private import make_folder, open_lock
from shared.store.store import Store

LEASE = "up"
TERM_SECONDS = 15.0
"""After which a process that was killed is no longer waited for."""
EVERY_SECONDS = 4.0
_NAME_CHARS = 16

log = structlog.get_logger(__name__)


@contextmanager
def sole_in(home: Path) -> Iterator[str]:
    """For the block no other process is `up` on this SOULPRINT_HOME. The system lets the lock go however the
    process ends. Gives the name of the home, which is its own wherever it lies: whoever has it next takes the
    place of a process that was killed. Raises BusyError, StoreError."""
    try:
        make_folder(home)
        handle = open_lock(home / "up.lock")
    except OSError as error:
        raise StoreError(
            f"{home}: nothing can be kept here: {system_reason(error)}; set SOULPRINT_HOME to a folder that "
            "you may write to"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"`soulprint up` runs already on {home}; stop it first, or set SOULPRINT_HOME to another "
                "folder"
            ) from None
        yield _name_in(handle)
    finally:
        os.close(handle)


def _name_in(handle: int) -> str:
    name = os.pread(handle, _NAME_CHARS, 0).decode("ascii", "replace")
    if len(name) < _NAME_CHARS:
        name = secrets.token_hex(_NAME_CHARS // 2)
        os.pwrite(handle, name.encode(), 0)
    return f"home {name}"


@asynccontextmanager
async def sole_over(
    store: Store, owner: str, waiting: Callable[[str], None]
) -> AsyncIterator[asyncio.Task[None]]:
    """For the block no other process is at work over this database without Kafka. One that is, is waited for:
    where a platform deploys anew it ends once we answer. Gives a task that ends by BusyError where another
    took our place, which it may when we did not reach the database for a while."""
    while not await store.take_lease(LEASE, owner, TERM_SECONDS):
        why = "another `soulprint up` without Kafka works over this database; waiting for its end"
        waiting(why)
        log.warning(why)
        await asyncio.sleep(EVERY_SECONDS / 2)
    keeping = asyncio.create_task(_keep(store, owner))
    try:
        yield keeping
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        async with parting():
            await store.release_lease(LEASE, owner)


async def _keep(store: Store, owner: str) -> None:
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            kept = await store.take_lease(LEASE, owner, TERM_SECONDS)
        except StoreError as error:
            log.warning("the lease of this process could not be renewed", error=str(error))
            continue
        if not kept:
            raise BusyError("another `soulprint up` without Kafka took over this database; this one ends")
