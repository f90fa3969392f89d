"""Fresh: `make run` in a new clone, with whatever packages the cache already has."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figure import Figure, at_most
from bench.process import measure
from bench.product import ROOT, RunFailedError, environment
from bench.session import Session

LIMIT_SECONDS = 120


def figures(session: Session) -> Iterator[Figure]:
    """Seconds of `make run`, set-up included. Only what is committed is cloned."""
    clone = session.scratch / "clone"
    env = environment(session.scratch / "fresh-home")
    env.pop("VIRTUAL_ENV", None)
    for command in (["git", "clone", "--quiet", str(ROOT), str(clone)], ["make", "-C", str(clone), "run"]):
        measured = measure(command, env=env)
        if measured.returncode != 0:
            raise RunFailedError(f"{' '.join(command)} ended with {measured.returncode}:\n{measured.stderr}")
    yield at_most("make run on a fresh clone", measured.seconds, LIMIT_SECONDS, "s")
