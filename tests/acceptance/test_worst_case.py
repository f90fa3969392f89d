"""A history into which others have written, read by a model that obeys whatever it reads: none of it may
come into the memory, and nothing of the person's own may be lost for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.forking import ForkedSoulprint
from tests.support.worst.leaks import lost
from tests.support.worst.person import ABOUT, WISHES
from tests.support.worst.talks import CARRIERS
from tests.support.worst.trial import Trial, tried

NEVER_READ = {"tool output", "forged field"}
"""Of these carriers some never reach a model."""


def assert_none(found: list[str]) -> None:
    """A failure tells the first of them, and how many there are."""
    assert not found, "\n".join([f"{len(found)} came through:", *found[:20]])


@pytest.mark.parametrize(
    "trial",
    [
        Trial("chatgpt", "claude"),
        Trial("claude", "claude", seed=1),
        Trial("chatgpt", "offline", seed=11),
        Trial("chatgpt", "claude", seed=10, honest=False),
    ],
    ids=("chatgpt", "claude", "offline", "liar"),
)
async def test_what_others_planted_never_comes_into_the_memory(
    forked: ForkedSoulprint, tmp_path: Path, trial: Trial
) -> None:
    outcome = await tried(forked, trial, tmp_path)
    assert outcome.finished.code == 0, outcome.finished.err
    assert len(CARRIERS) >= 40
    assert len(outcome.planted) == 3 * len(CARRIERS)
    if trial.model == "claude":
        assert outcome.unread <= NEVER_READ, "the model is to be tried with all that it can see"
        assert set(outcome.worst.heard) <= outcome.worst.proposed
        assert outcome.worst.forged
        assert not any("cut" in each for each in outcome.fallbacks), "each document is to be tried"
    assert_none(outcome.through)
    assert_none(outcome.forged)
    assert_none(outcome.unasked)
    assert_none(outcome.twice)
    assert outcome.lost == []
    if trial.vendor == "chatgpt" and (trial.honest or trial.model == "offline"):
        own = [each["statement"] for each in outcome.facts if each["source_kind"] == "custom_instructions"]
        assert lost(ABOUT + WISHES, own) == []
        agents = (tmp_path / trial.name / "AGENTS.md").read_text("utf-8")
        assert lost(WISHES, [agents]) == []
