"""Commands one after another in one process, and what each printed: on a terminal, or where it is piped."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SECONDS = 120


@dataclass(frozen=True)
class Printed:
    """What a command printed, and its exit code."""

    arguments: tuple[str, ...]
    terminal: bool
    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    """What says that somebody looks on."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def printed_by(
    commands: Sequence[tuple[Sequence[str], bool]], environment: Mapping[str, str]
) -> list[Printed]:
    """Run each of `commands` (its arguments, and whether its streams are terminals) in a process apart, whose
    logs and signals are nobody else's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOULPRINT_")}
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(commands),
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return [
        Printed(tuple(arguments), terminal, *result)
        for (arguments, terminal), result in zip(commands, json.loads(done.stdout), strict=True)
    ]


def _run(arguments: list[str], terminal: bool) -> tuple[int, str, str]:
    from soulprint.main import main

    stream = Terminal if terminal else io.StringIO
    out, err, code = stream(), stream(), 0
    sys.argv, sys.stdout, sys.stderr = ["soulprint", *arguments], out, err
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception:
        code = 1
        err.write(traceback.format_exc())  # as the interpreter would
    finally:
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    return code, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    sys.stdout.write(json.dumps([_run(arguments, terminal) for arguments, terminal in json.load(sys.stdin)]))
