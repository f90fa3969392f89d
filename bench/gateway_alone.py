"""A gateway in a process of its own, for figures of what it passes on.

python -m bench.gateway_alone DSN BACKEND_URL    # prints its address; ends with its standard input
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.support.face import faced
from tests.support.local import LocalSetting


async def _main(dsn: str, backend: str) -> None:
    async with faced(LocalSetting(dsn, Path.cwd()), v1_backend_url=backend) as face:
        sys.stdout.write(f"{face.address}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
