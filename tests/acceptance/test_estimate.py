"""`soulprint run --dry-run`: the bill lies in the range that it tells, however many facts there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.at_claude import at, ran, run_of
from tests.exports.generate import generate
from tests.support.command import report
from tests.support.fake_claude import replies
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fake_claude.reading import PlantedFact, Shown
from tests.support.forking import ForkedSoulprint

EXAMPLE = Path(__file__).parents[2] / "examples" / "export.zip"
MARGINS = 1.0, 1.3
"""Tokens for each four bytes, of older models and of current ones."""


def one_a_message(messages: list[Shown]) -> Iterator[PlantedFact]:
    """A fact of each message of the person that says something, as a model finds them in a full history."""
    for message in messages:
        if message.kind == "P" and not message.text.rstrip().endswith("?"):
            yield PlantedFact("", message.text.split("\n")[0][:120], message.number)


@pytest.mark.slow
@pytest.mark.parametrize("facts", [None, 0.5, 2.0, 8.0], ids=["sample", "sparse", "usual", "dense"])
async def test_the_bill_lies_in_the_estimate(
    forked: ForkedSoulprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts: float | None
) -> None:
    export = EXAMPLE
    if facts is None:
        monkeypatch.setattr(replies, "planted", one_a_message)
    else:
        export = tmp_path / "export.zip"
        generate(export, 40, seed=7, facts_per_conversation=facts)
    async with fake_claude() as fake:
        command = at(forked, fake, FACT_EXTRACTION_CONCURRENCY="16")
        asked = "--dry-run", "--max-cost", "0.000012"
        told = await ran(command, *run_of(export, tmp_path), *asked)
        assert (told.code, "that likely passes the limit of $0.000012" in told.out) == (1, True), told.out
        assert "by how many facts there are: $0.0" in told.out
        estimate = (await ran(command, *run_of(export, tmp_path), "--dry-run", "--json")).json()
        finished = await ran(command, *run_of(export, tmp_path))
        assert finished.code == 0, finished.err
        done = report(tmp_path)
        least, most = estimate["least"], estimate["most"]
        for margin in MARGINS:
            for name, bill in (("cost", done["cost"]), ("output_tokens", done["usage"]["output_tokens"])):
                assert least[name] <= bill * margin <= most[name], (name, margin)
        assert most["cost"] < 8 * least["cost"], "a range that says something"
        assert least["cost"] < estimate["cost"] < most["cost"]
