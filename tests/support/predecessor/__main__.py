"""See `tests.support.predecessor`. It ends with its standard input; /large answers 100 MB."""

from __future__ import annotations

import asyncio
import sys

from tests.support.predecessor.faults import Fault
from tests.support.predecessor.server import predecessor


async def _main(port: int) -> None:
    async with predecessor(port=port) as old:
        old.state.faults["/large"] = Fault.LARGE
        sys.stdout.write(f"{old.url}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(_main(int(sys.argv[1])))
