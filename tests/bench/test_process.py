"""Measuring a command: time, memory of the whole tree of Python processes, output, and failure."""

from __future__ import annotations

import sys

from bench.process import measure

MEGABYTE = 1_000_000
# Each process touches its memory, says so, and holds it until its standard input ends.
HOLD = "import sys; held = bytearray(b'x') * {size}; print(flush=True); sys.stdin.read()"
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen(
    [sys.executable, "-c", {HOLD.format(size=60 * MEGABYTE)!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
child.stdout.readline()
held = bytearray(b"x") * {60 * MEGABYTE}
time.sleep(0.5)  # longer than the time between two searches for processes
child.communicate()
print("done", len(held))
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_memory_of_parent_and_child_together() -> None:
    measured = measure(python(PARENT))
    assert measured.stdout == f"done {60 * MEGABYTE}\n"
    assert measured.peak_rss_bytes > 120 * MEGABYTE
    assert measured.seconds > 0.5


def test_other_processes_than_python_do_not_count() -> None:
    alone = measure(python("import time; time.sleep(0.3)"))
    beside = measure(["sh", "-c", "sleep 0.3; exit 0"])
    assert alone.peak_rss_bytes > MEGABYTE
    assert beside.peak_rss_bytes == 0


def test_processor_time_is_counted() -> None:
    busy = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    assert 0.3 < measure(python(busy)).cpu_seconds < 2


def test_a_failing_command_is_told_by_its_code_and_its_last_words() -> None:
    measured = measure(python("import sys; sys.stderr.write('x' * 9000 + 'the end'); sys.exit(3)"))
    assert measured.returncode == 3
    assert measured.stderr.endswith("the end")
    assert len(measured.stderr) == 4000


def test_much_output_does_not_block() -> None:
    assert len(measure(python("print('x' * 3_000_000)")).stdout) == 3_000_001
