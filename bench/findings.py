"""Compare what a run left in its output folder with the truth of its export, or with another run's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from soulprint.manifest import MANIFEST
from tests.exports.plants import markers_in
from tests.exports.truth import Ghost, Planted, Truth

OF_THE_RUN = ("run", "seconds", "peak_rss_bytes", "usage", "cost", "user_usage")
"""What of report.json tells how a run went, not what came out of it."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong in an output folder; all empty if all is well."""

    missing: tuple[Planted, ...]
    """Planted facts that no line of facts.jsonl holds together with their message id."""
    missing_instructions: tuple[str, ...]
    """Markers of the custom instructions that stand in no fact."""
    ghosts: tuple[tuple[Ghost, str], ...]
    """Ghosts, each with a file it stands in."""
    wrong_counts: tuple[str, ...]
    """Counts of report.json that differ from the truth, as `name: reported, not true`."""


def examine(out: Path, truth: Truth) -> Findings:
    """Look through every file of the output folder `out`."""
    found: set[tuple[str, str]] = set()
    recalled: dict[str, str] = {}
    with (out / "facts.jsonl").open("rb") as lines:
        for line in lines:
            fact = orjson.loads(line)
            for marker in markers_in(f"{fact['statement']} {fact['quote']}"):
                found.update((marker, message_id) for message_id in fact["message_ids"])
    for file in sorted(path for path in out.rglob("*") if path.is_file()):
        with file.open(encoding="utf-8") as text:
            for row in text:
                recalled |= dict.fromkeys(markers_in(row), file.name)
    markers = {marker for marker, _ in found}
    return Findings(
        missing=tuple(p for p in truth.planted if (p.marker.lower(), p.message_id) not in found),
        missing_instructions=tuple(m for m in truth.instructions if m.lower() not in markers),
        ghosts=tuple((g, recalled[g.marker.lower()]) for g in truth.ghosts if g.marker.lower() in recalled),
        wrong_counts=tuple(_wrong_counts(orjson.loads((out / "report.json").read_bytes()), truth)),
    )


def _wrong_counts(report: dict[str, Any], truth: Truth) -> list[str]:
    conversations = report["conversations"]
    pairs = {
        "conversations.seen": (conversations["seen"], truth.conversations),
        "conversations.kept": (conversations["kept"], truth.kept),
        "conversations.empty": (conversations["empty"], truth.empty),
        "conversations.left_out": (conversations["left_out"], truth.left_out),
        "conversations.duplicates": (conversations["duplicates"], truth.duplicates),
        "conversations.skipped": (len(conversations["skipped"]), 0),
        "messages": (report["messages"], truth.visible_messages),
        "person_characters": (report["person_characters"], truth.person_characters),
    }
    return [f"{name}: {got}, not {true}" for name, (got, true) in pairs.items() if got != true]


def tally_templates(missing: tuple[Planted, ...]) -> str:
    """How often each template is among the missing, most often first."""
    counts = Counter(planted.sentence.replace(planted.marker, "N") for planted in missing)
    return ", ".join(f"{count} x {sentence}" for sentence, count in counts.most_common(5))


def tally_kinds(ghosts: tuple[tuple[Ghost, str], ...]) -> str:
    """How often each kind of ghost was found, and where, most often first."""
    counts = Counter(f"{ghost.kind} in {file}" for ghost, file in ghosts)
    return ", ".join(f"{count} x {what}" for what, count in counts.most_common(5))


def differing_files(one: Path, other: Path) -> list[str]:
    """Names of the files that only one of two output folders holds, or that differ in more than times. The
    manifest has the hash of the report, and with it of its times."""
    names = {
        path.relative_to(folder)
        for folder in (one, other)
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }
    return sorted(str(name) for name in names if _content(one / name) != _content(other / name))


def _content(file: Path) -> object:
    if not file.exists():
        return None
    data = file.read_bytes()
    return _without_run(orjson.loads(data)) if file.name == "report.json" else data


def _without_run(report: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in report.items() if name not in OF_THE_RUN}
    return kept | {"chunks": {name: value for name, value in report["chunks"].items() if name != "cached"}}
