"""What runs beside a stage ends when it is told to, also where what it gives back in the end breaks."""

from __future__ import annotations

import asyncio

from shared.host.services import _forever
from tests.support.waiting import until


async def test_a_task_whose_end_breaks_is_not_begun_again() -> None:
    begun = 0

    async def breaks_in_the_end() -> None:
        nonlocal begun
        begun += 1
        try:
            await asyncio.sleep(3600)
        finally:
            raise RuntimeError("the lease cannot be given back")

    ended = False
    task = asyncio.create_task(_forever("a service", breaks_in_the_end, lambda: ended))
    await until(lambda: begun == 1)
    ended = True
    task.cancel()
    await asyncio.wait_for(asyncio.wait([task]), 5)
    assert task.done()
    assert begun == 1
