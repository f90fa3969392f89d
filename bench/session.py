"""One run of the benchmarks: its sizes, its scratch folder, and the runs that several figures share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bench.exports import AVERAGE_BYTES, Export, export_of
from bench.log_run import LogRun, log_run
from bench.product import Run, soulprint_run
from tests.exports.schedule import Options, Where

EXTRA = 50
FIRST = 20
"""Conversations of the import before the one that is measured on the log."""


@dataclass(slots=True)
class Session:
    """What figures ask for. Nothing is measured twice."""

    scratch: Path
    large: int = 20_000
    small: int = 500
    _runs: dict[str, Run] = field(default_factory=dict)
    _log_runs: dict[tuple[int, bool], LogRun] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """How many times the conversations the large export holds."""
        return self.large / self.small

    def export(self, conversations: int) -> Export:
        """The history of that many conversations."""
        return export_of(Options(conversations, average_bytes=AVERAGE_BYTES))

    def extended(self, conversations: int, at: Where) -> Export:
        """The same history with 50 conversations more; other ones at its start than at its end."""
        seed = 1 if at == "start" else 2
        return export_of(
            Options(conversations, average_bytes=AVERAGE_BYTES, extra=EXTRA, extra_at=at, extra_seed=seed)
        )

    def first_run(self, conversations: int, repeat: int = 0) -> Run:
        """`soulprint run` on that many conversations, with a fresh home. `repeat` tells repetitions apart."""
        return self._run(f"{conversations}-{repeat}", self.export(conversations).path, None)

    def later_run(self, name: str, export: Export, after: Run) -> Run:
        """`soulprint run` on `export` with the home that `after` left behind."""
        return self._run(name, export.path, after.home)

    def log_run(self, conversations: int, *, instant: bool = False) -> LogRun:
        """An import of that many conversations through the services; see `bench.line.line`."""
        key = conversations, instant
        if key not in self._log_runs:
            first = export_of(Options(FIRST, seed=99, average_bytes=AVERAGE_BYTES)).path
            run = self._log_runs[key] = log_run(self.export(conversations).path, first, instant=instant)
            print(f"imported {conversations:,} conversations on the log in {run.seconds:.1f} s", flush=True)
        return self._log_runs[key]

    def _run(self, name: str, export: Path, home: Path | None) -> Run:
        if name not in self._runs:
            folder = self.scratch / name
            folder.mkdir()
            run = soulprint_run(export, home or folder / "home", folder / "out")
            self._runs[name] = run
            megabytes = run.measured.peak_rss_bytes / 1e6
            print(f"ran {export.name} in {run.measured.seconds:.1f} s, {megabytes:.0f} MB", flush=True)
        return self._runs[name]
