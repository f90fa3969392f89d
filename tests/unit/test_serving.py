"""What a process that serves does when it is told to stop, and told again."""

from __future__ import annotations

import signal
import subprocess
import sys

ASKED_TWICE = """
import asyncio, os, signal
from soulprint.serve import served

class Host:
    ready = asyncio.Event()

    def stop(self):
        os.kill(os.getpid(), signal.SIGINT)  # whoever waits for the end asks again

    async def run(self):
        self.ready.set()
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

served(Host(), lambda: ["here I am"], again="ended at once")
"""


def test_who_asks_again_need_not_wait() -> None:
    done = subprocess.run([sys.executable, "-c", ASKED_TWICE], capture_output=True, text=True, timeout=60)
    told, ended = done.stderr.splitlines()
    assert (done.returncode, ended) == (128 + signal.SIGINT, "soulprint: ended at once")
    assert "again ends it at once" in told
    assert done.stdout == "here I am\n"
