"""The stand-in as a program: prints its address, serves until it is interrupted.

scripts/soulprint-fake-claude --port 8787 --latency 0.5 --fault rate_limit=0.05 --fault hang=0.01
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from tests.support.fake_claude.faults import FakeFault
from tests.support.fake_claude.server import FakeClaude


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="soulprint-fake-claude", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds a call takes")
    parser.add_argument("--jitter", type=float, default=0.0, help="part of the latency that varies")
    parser.add_argument("--retry-after", type=float, default=1.0, help="seconds that a 429 asks for")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--api-key", default="test-key", help="the key it takes")
    parser.add_argument("--batch-looks", type=int, default=2, help="looks after which a batch has ended")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=CHANCE", help=", ".join(map(str, FakeFault))
    )
    arguments = parser.parse_args()
    chances = {name: float(chance) for name, _, chance in (each.partition("=") for each in arguments.fault)}
    fake = FakeClaude(
        chances=chances,
        seed=arguments.seed,
        latency=arguments.latency,
        jitter=arguments.jitter,
        retry_after=arguments.retry_after,
        batch_looks=arguments.batch_looks,
        api_key=arguments.api_key,
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(fake, arguments.port))


async def _serve(fake: FakeClaude, port: int) -> None:
    await fake.start(port)
    print(fake.url, flush=True)  # noqa: T201 - the address is this program's output
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
