"""Truth: every planted fact is found with its message, nothing that must not be recalled is."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figure import Figure, exactly
from bench.findings import examine, tally_kinds, tally_templates
from bench.session import Session


def figures(session: Session) -> Iterator[Figure]:
    """Missing facts, ghosts and wrong counts in the output folder of the large run."""
    truth = session.export(session.large).truth
    findings = examine(session.first_run(session.large).out, truth)
    missing = findings.missing
    yield Figure("planted facts", len(truth.planted), "")
    yield exactly("planted facts missing", len(missing), 0, note=tally_templates(missing))
    yield exactly("custom instructions missing", len(findings.missing_instructions), 0)
    yield Figure("planted ghosts", len(truth.ghosts), "")
    yield exactly("ghosts recalled", len(findings.ghosts), 0, note=tally_kinds(findings.ghosts))
    yield exactly(
        "wrong counts in the report", len(findings.wrong_counts), 0, note="; ".join(findings.wrong_counts)
    )
