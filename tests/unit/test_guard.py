"""What tests stand on outlives them neither when they are killed, nor on a port that another was given."""

from __future__ import annotations

import socket
import subprocess
import sys

import psutil
import pytest

from tests.support.ports import free_port

GUARDED = """
import subprocess
from tests.support.guard import Guard
children = [subprocess.Popen(["sleep", "600"]) for _ in range(2)]
guards = [Guard.of(child) for child in children]
guards[1].release()
print(*(child.pid for child in children), flush=True)
input()
"""


def test_what_is_guarded_ends_with_tests_that_are_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", GUARDED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout is not None
        guarded, released = (psutil.Process(int(pid)) for pid in tests.stdout.readline().split())
        tests.kill()
    try:
        guarded.wait(20)
        assert released.is_running(), "it had been let go"
    finally:
        released.kill()


def test_no_port_is_given_twice() -> None:
    ports = [free_port() for _ in range(150)]
    assert len(set(ports)) == 150
    for port in ports:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as another,
            pytest.raises(OSError, match="in use"),
        ):
            another.bind(("127.0.0.1", port))
