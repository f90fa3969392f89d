"""`soulprint run --model claude` at a provider that does not answer, or does not say what it takes: what it
waits for, how long, and what that counts."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.acceptance.at_claude import at, ended, ran, run_of, until
from tests.exports.generate import generate
from tests.support.command import report
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.forking import ForkedSoulprint


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some six chunks."""
    path = tmp_path_factory.mktemp("export") / "export.zip"
    generate(path, 20, seed=7)
    return path


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One chunk."""
    path = tmp_path_factory.mktemp("few") / "export.zip"
    generate(path, 2, seed=7)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("forbidden", "may not use this (403)"),
        ("no_credit", "no credit left, or its spend limit is reached: add credit"),
        ("stream", "answers with a stream of events"),
        ("bad_request", "refuses the request (400 invalid_request_error), whatever it holds"),
    ],
)
async def test_what_only_the_person_can_mend_ends_the_run_long_before_patience_does(
    forked: ForkedSoulprint, few: Path, tmp_path: Path, fault: str, says: str
) -> None:
    async with fake_claude(chances={fault: 1.0}) as fake:
        refused = await ended(at(forked, fake).start(*run_of(few, tmp_path)))  # waits 60 s, patience 300
        assert (refused.code, says in refused.err.splitlines()[-1]) == (1, True), refused.err
        assert "{" not in refused.err, "no log lines beside it"


@pytest.mark.slow
async def test_what_may_pass_is_waited_for_and_told_meanwhile(
    forked: ForkedSoulprint, few: Path, tmp_path: Path
) -> None:
    async with fake_claude(chances={"rate_limit": 1.0}) as fake:
        process = at(forked, fake).start(*run_of(few, tmp_path), "--patience", "30m")
        says = "waiting: rate limited (429); trying again; gives up in 29 min"
        await until(lambda: says in process.err, process)
        os.kill(process.pid, signal.SIGINT)
        stopped = await ended(process)
        assert (stopped.code, "goes on where it stopped" in stopped.err) == (130, True), stopped.err


@pytest.mark.slow
async def test_calls_that_are_never_answered_end_the_run_at_the_limit(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    async with fake_claude(chances={"hang": 1.0}) as fake:
        command = at(forked, fake, MODEL_TIMEOUT="0.2")
        for _ in range(2):  # the second one has nothing left, though nothing was billed for sure
            stopped = await ran(command, *run_of(export, tmp_path), "--max-cost", "0.02")
            assert stopped.code == 1
            assert "could pass the limit of $0.02: $0 is billed, $0.01" in stopped.err
            assert "more may be, for 4 calls without an answer" in stopped.err
            assert fake.accounts.requests == 4


async def test_a_server_that_does_not_say_what_it_took_leaves_the_cost_open(
    forked: ForkedSoulprint, few: Path, tmp_path: Path
) -> None:
    async with fake_claude() as fake:
        fake.tells_usage = False
        finished = await ran(at(forked, fake), *run_of(few, tmp_path), "--max-cost", "1")
        assert finished.code == 0, finished.err
        done = report(tmp_path)
        assert done["cost"] is None
        assert (done["usage"]["calls"], done["usage"]["input_tokens"], done["usage"]["output_tokens"]) == (
            3, None, None
        )  # fmt: skip
        assert "3 calls of the model, whose server does not say what they took" in finished.out
