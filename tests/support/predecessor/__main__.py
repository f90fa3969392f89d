"""See `tests.support.predecessor`."""

import asyncio
import sys

from tests.support.predecessor.server import predecessor


async def _main(port: int) -> None:
    async with predecessor(port=port) as old:
        sys.stdout.write(f"{old.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


asyncio.run(_main(int(sys.argv[1])))
