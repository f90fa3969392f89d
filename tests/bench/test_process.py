"""Measuring a command: time, memory of the whole tree of Python processes, output, and failure."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.process import TreeSampler, measure
from tests.support.waiting import until

MEGABYTE = 1_000_000
# Each process touches its memory, says so, and holds it until its standard input ends.
HOLD = "import sys; held = bytearray(b'x') * {size}; print(flush=True); sys.stdin.read()"
PARENT = f"""
import subprocess, sys
command = [sys.executable, "-c", {HOLD.format(size=60 * MEGABYTE)!r}]
with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
    child.stdout.readline()
    held = bytearray(b"x") * {60 * MEGABYTE}
    sys.stdin.read()
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@contextmanager
def watched(command: Sequence[str]) -> Iterator[TreeSampler]:
    """Somebody looks at a process that holds what it has until the block ends."""
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        sampler = TreeSampler(process.pid)
        sampler.start()
        yield sampler
        sampler.stop()


async def test_memory_of_parent_and_child_together() -> None:
    with watched(python(PARENT)) as sampler:
        await until(lambda: sampler.peak_rss_bytes > 120 * MEGABYTE)


async def test_other_processes_than_python_do_not_count() -> None:
    with watched(["cat"]) as cat, watched(python("import sys; sys.stdin.read()")) as beside:
        await until(lambda: beside.peak_rss_bytes > MEGABYTE)
    assert cat.peak_rss_bytes == 0


def test_processor_time_is_counted() -> None:
    busy = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    measured = measure(python(busy))
    assert 0.2 < measured.cpu_seconds < 2
    assert measured.seconds > 0.3


def test_a_failing_command_is_told_by_its_code_and_its_last_words() -> None:
    measured = measure(python("import sys; sys.stderr.write('x' * 9000 + 'the end'); sys.exit(3)"))
    assert measured.returncode == 3
    assert measured.stderr.endswith("the end")
    assert len(measured.stderr) == 4000


def test_much_output_does_not_block() -> None:
    assert len(measure(python("print('x' * 3_000_000)")).stdout) == 3_000_001
