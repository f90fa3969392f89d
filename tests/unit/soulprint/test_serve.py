"""Services until a signal ends them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from soulprint.serve import served


class Told:
    """A host that signals itself, and runs until it is told to stop."""

    def __init__(self, *signals: signal.Signals) -> None:
        self.signals = signals
        self.ready = asyncio.Event()
        self.stops = 0
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`, and until all signals have come."""
        self.ready.set()
        for number in self.signals:
            os.kill(os.getpid(), number)
            await self._stopped.wait()
            await asyncio.sleep(0)

    def stop(self) -> None:
        """What a signal asks for."""
        self.stops += 1
        self._stopped.set()


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever ran the tests may have done so with nohup
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    "signals",
    [
        (signal.SIGINT,),
        (signal.SIGTERM,),
        (signal.SIGHUP,),
        # as a shell and its terminal send it
        (signal.SIGHUP, signal.SIGHUP),
    ],
)
def test_a_signal_and_the_end_of_a_terminal_have_it_work_off_what_it_has(
    signals: tuple[signal.Signals, ...],
) -> None:
    host = Told(*signals)
    served(host, lambda: "It serves.", again="ended at once.")  # type: ignore[arg-type]  # as much as is used
    assert host.stops >= 1


def test_who_started_it_may_want_the_end_of_the_terminal_to_mean_nothing() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    host = Told(signal.SIGTERM)
    served(host)  # type: ignore[arg-type]
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
