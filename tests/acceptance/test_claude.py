"""`soulprint run --model claude` as a process, against the stand-in over HTTP: accounts, faults, kills."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from shared.domain.events import Usage
from shared.models.claude.prices import load_prices
from tests.acceptance.at_claude import CEILING, at, ended, killed, ran, run_of, until
from tests.exports.generate import generate
from tests.exports.plants import markers_in
from tests.support.chunks import chunks_of
from tests.support.command import facts, report
from tests.support.fake_claude.faults import OF_THE_ISSUE, FakeFault
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fake_claude.reading import Shown, planted
from tests.support.fake_claude.server import FakeClaude
from tests.support.forking import ForkedSoulprint

CONVERSATIONS = 100
LIMIT = "0.012"
"""Dollars: all of the export takes about $0.0134."""
WORST = 0.0049
"""Dollars that a call may cost at worst: a limit is used but for less than that."""
KILLS = 2
ON_THE_WAY = 2 * CEILING
"""Answers on their way into the database: those that come while two writes, which may be under way at a time,
take as long as a call does."""
TOKENS = {
    "calls": "calls",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
}
"""Names of report.json, and the same of the stand-in's accounts."""


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "export.zip"
    generate(path, CONVERSATIONS, seed=7)
    return path


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One chunk."""
    path = tmp_path_factory.mktemp("few") / "export.zip"
    generate(path, 2, seed=7)
    return path


def told_usage(told: dict[str, Any]) -> dict[str, int]:
    """What the stand-in served, named as in report.json."""
    return {ours: told[theirs] for ours, theirs in TOKENS.items()}


def without_unanswered(done: dict[str, Any]) -> dict[str, int]:
    """What the report counts of replies that came."""
    return {name: done["usage"][name] for name in TOKENS}


def billed(fake: FakeClaude) -> float:
    """Dollars of what the stand-in served."""
    tokens = {ours: fake.told()[theirs] for ours, theirs in TOKENS.items()}
    return load_prices().cost("claude-haiku-5-5", Usage(**tokens)) or 0.0


def found_markers(folder: Path) -> set[str]:
    return {marker for fact in facts(folder) for marker in markers_in(fact["statement"])}


def offered_markers(fake: FakeClaude) -> set[str]:
    return {marker.lower() for marker in fake.told()["offered"]}


async def planted_markers(export: Path) -> dict[int, set[str]]:
    """The markers that are planted in each chunk of an export."""
    planted_in: dict[int, set[str]] = {}
    for chunk in await chunks_of(export):
        own = [Shown(n, "P", each.text) for n, each in enumerate(chunk.messages) if each.role == "user"]
        planted_in[chunk.index] = {fact.marker.lower() for fact in planted(own)}
    return planted_in


@pytest.mark.slow
async def test_with_every_fault_at_once_nothing_is_lost_unsaid_and_the_accounts_are_exact(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    chances = {str(fault): 0.05 for fault in OF_THE_ISSUE}
    async with fake_claude(chances=chances, seed=3) as fake:
        fake.faults.script([None])  # a model that has never answered well would be doubted, by chance
        command = at(
            forked,
            fake,
            FACT_EXTRACTION_CONCURRENCY="16",
            MODEL_TIMEOUT="2",
            SOULPRINT_MIN_COVERAGE="0.3",
        )
        finished = await ran(command, *run_of(export, tmp_path))
        assert finished.code == 0, finished.err
        done = report(tmp_path)
        chunks = done["chunks"]
        assert len(fake.faults.happened) > 8
        assert chunks["ok"] + chunks["dead"] == chunks["total"] > 20
        assert all(chunk["reason"] for chunk in chunks["not_read"])
        assert (done["coverage"] == 1.0) == (chunks["dead"] == 0)
        dead = {chunk["index"] for chunk in chunks["not_read"]}
        assert len(dead) == chunks["dead"]
        found = found_markers(tmp_path)
        planted = await planted_markers(export)
        assert sum(map(len, planted.values())) > 50
        for index, markers in planted.items():  # whatever the stand-in made of it
            assert index in dead or markers <= found
        assert offered_markers(fake) <= found  # also of chunks that are dead in part
        assert not any("ghostly" in marker for marker in found)
        assert done["facts"]["dropped_by_reason"]
        lost = sum(fake.faults.happened[fault] for fault in (FakeFault.DROP, FakeFault.HANG))
        assert done["usage"] == told_usage(fake.told()) | {"unanswered": lost}
        assert done["cost"] > 0
        assert ("calls got no reply" in finished.out) == (lost > 0)


@pytest.mark.slow
async def test_killed_again_and_again_it_pays_twice_for_no_more_than_was_not_recorded(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    """Twice is paid for what was in flight, and for what had come and was on its way into the database."""
    async with fake_claude(latency=0.1, jitter=0.5) as fake:
        command = at(forked, fake)
        rng = random.Random(5)
        recorded = 0
        for _ in range(KILLS):
            before = fake.told()["calls"]
            process = command.start(*run_of(export, tmp_path))
            enough = before + rng.randint(1, 7)
            await until(lambda enough=enough: fake.told()["calls"] >= enough, process)
            await killed(process)
            served = fake.told()["calls"] - before
            estimate = (await ran(command, *run_of(export, tmp_path), "--dry-run", "--json")).json()
            kept = estimate["chunks"]["cached"] - recorded
            assert 0 <= served - kept <= CEILING + ON_THE_WAY
            recorded += kept
        before = fake.told()["calls"]
        finished = await ran(command, *run_of(export, tmp_path))
        assert finished.code == 0, finished.err
        done = report(tmp_path)
        assert (done["run"], done["status"], done["coverage"]) == (1, "complete", 1.0)
        assert offered_markers(fake) <= found_markers(tmp_path)
        needed = done["chunks"]["total"] + 2  # MEMORY and the sections
        assert fake.told()["calls"] - before == needed - recorded, "nothing that is recorded is paid twice"
        assert done["usage"]["calls"] == needed, "of calls that a kill lost no account is kept"


@pytest.mark.slow
async def test_a_provider_that_goes_away_and_comes_back_costs_no_chunk(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    async with fake_claude(latency=0.05) as fake:
        process = at(forked, fake).start(*run_of(export, tmp_path))
        await until(lambda: fake.told()["calls"] >= 5, process)
        port = fake.port
        await fake.stop()
        await until(lambda: "waiting: cannot reach" in process.err, process)
        await fake.start(port)
        until_now = fake.told()["calls"]
        await until(lambda: fake.told()["calls"] >= until_now + 3, process)
        fake.faults.chances = {FakeFault.OVERLOADED: 1.0}
        await until(lambda: fake.faults.happened["overloaded"] >= CEILING, process)
        await until(lambda: "waiting: the provider is overloaded (529)" in process.err, process)
        fake.faults.chances = {}
        finished = await ended(process)
        assert finished.code == 0, finished.err
        assert "lane paused" not in finished.err, "what ops read in logs is told to people by the progress"
        done = report(tmp_path)
        assert (done["status"], done["coverage"], done["chunks"]["dead"]) == ("complete", 1.0, 0)
        assert offered_markers(fake) <= found_markers(tmp_path)
        assert without_unanswered(done) == told_usage(fake.told())


@pytest.mark.slow
async def test_a_limit_met_in_writing_ends_the_command_and_the_run_goes_on(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    async with fake_claude() as fake:
        command = at(forked, fake)
        assert (await ran(command, *run_of(export, tmp_path))).code == 0
        before = fake.told()["calls"]
        command = at(forked, fake, MEMORY_TOKENS="2000")  # what was written before is not asked for again
        stopped = await ran(
            command, *run_of(export, tmp_path), "--max-cost", "0.0001"
        )  # all chunks are cached
        assert (stopped.code, fake.told()["calls"]) == (1, before)
        assert "could pass the limit of $0.0001" in stopped.err
        assert (await ran(command, *run_of(export, tmp_path))).code == 0
        assert report(tmp_path)["run"] == 2


@pytest.mark.slow
async def test_a_limit_on_cost_stops_the_run_and_a_higher_one_goes_on_from_there(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    async with fake_claude(latency=0.2) as fake:
        command = at(forked, fake)
        estimate = (await ran(command, *run_of(export, tmp_path), "--dry-run", "--json")).json()
        assert fake.told()["requests"] == 0
        assert estimate["chunks"]["to_read"] == estimate["chunks"]["total"] > 20

        stopped = await ran(command, *run_of(export, tmp_path), "--max-cost", LIMIT)
        assert stopped.code == 1
        assert f"could pass the limit of ${LIMIT}: $0.0" in stopped.err
        end = [line for line in stopped.err.splitlines() if "waiting: " not in line]  # as a slow run says
        assert "\n".join(end).count("goes on") == 1
        assert float(LIMIT) - WORST <= billed(fake) <= float(LIMIT)
        assert not (tmp_path / "report.json").exists()
        bought = fake.told()["calls"]
        assert 0 < bought < estimate["chunks"]["total"]

        again = await ran(command, *run_of(export, tmp_path), "--dry-run", "--json", "--max-cost", "0.001")
        assert (again.code, again.json()["within_max_cost"]) == (1, False)
        assert again.json()["chunks"]["cached"] == bought == fake.told()["calls"]

        paid = await ran(command, *run_of(export, tmp_path), "--max-cost", LIMIT)
        assert (paid.code, fake.told()["calls"]) == (1, bought)  # what the first command spent counts

        finished = await ran(command, *run_of(export, tmp_path), "--max-cost", "5")
        assert finished.code == 0, finished.err
        done = report(tmp_path)
        assert (done["run"], done["coverage"]) == (1, 1.0)
        assert done["usage"] == told_usage(fake.told()) | {"unanswered": 0}
        assert done["usage"]["calls"] == done["chunks"]["total"] + 2  # nothing twice
        assert estimate["calls"] == done["usage"]["calls"]
        for name, above in (("input_tokens", 1.5), ("output_tokens", 4.0), ("cost", 2.0)):
            actual = done["cost"] if name == "cost" else done["usage"][name]
            assert actual < estimate[name] < above * actual
        assert done["user_usage"] == {**done["usage"], "cost": done["cost"], "runs": 1}
        (of_user,) = (await ran(command, "usage", "--user", tmp_path.name, "--json")).json()
        assert of_user == {
            **done["user_usage"],
            "embeddings": None,
            "user_id": done["user_id"],
            "user_name": tmp_path.name,
        }
        assert f"${done['cost']:,.4f}" in (await ran(command, "usage", "--user", tmp_path.name)).out


@pytest.mark.slow
async def test_a_batch_is_taken_up_by_the_next_command_and_paid_for_once(
    forked: ForkedSoulprint, export: Path, tmp_path: Path
) -> None:
    async with fake_claude(batch_looks=2) as fake:
        fake.faults.script([None, "refusal", "errored", "expired"])  # the first one is of the batch itself
        command = at(forked, fake, TUNED_GATHER_SECONDS="1")
        process = command.start(*run_of(export, tmp_path), "--batch", "--max-cost", "0.05")
        await until(lambda: fake.batches.looked_at >= 1, process)
        await killed(process)
        sent = fake.batches.requests
        fake.batches.looks = 1
        stopped = await ran(command, *run_of(export, tmp_path), "--batch", "--max-cost", "0.004")
        assert stopped.code == 1
        assert "could pass the limit of $0.00" in stopped.err
        assert fake.batches.requests == sent < 30  # only what fitted, and nothing twice
        finished = await ran(command, *run_of(export, tmp_path), "--batch")
        assert finished.code == 0, finished.err
        done, told = report(tmp_path), fake.told()
        dead = [chunk["reason"] for chunk in done["chunks"]["not_read"]]
        assert ["refused to read" in reason for reason in dead] == [True]
        assert without_unanswered(done) == told_usage(told)
        assert told["batch"]["calls"] > 0.5 * done["chunks"]["total"]
        assert told["calls"] == done["chunks"]["total"] + 2
        assert offered_markers(fake) <= found_markers(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "chances", "says"),
    [
        ({"ANTHROPIC_API_KEY": "wrong-key"}, {}, "API key is refused (401): set ANTHROPIC_API_KEY"),
        ({"SOULPRINT_CLAUDE_MODEL": "claude-nothing"}, {}, "knows no model 'claude-nothing' (404): set SOUL"),
        ({}, {"html": 1.0}, "answers with a web page or the like, not as the API does: set ANTHROPIC_BASE_"),
    ],
)
async def test_a_wrong_set_up_ends_the_run_with_what_to_set_and_the_run_goes_on_once_it_is(
    forked: ForkedSoulprint,
    export: Path,
    tmp_path: Path,
    settings: dict[str, str],
    chances: dict[str, float],
    says: str,
) -> None:
    async with fake_claude(chances=chances) as fake:
        command = at(forked, fake, SOULPRINT_MODEL_PATIENCE="0", **settings)
        refused = await ran(command, *run_of(export, tmp_path))
        assert refused.code == 1
        assert says in refused.err
        assert "the same command goes on" in refused.err
        assert "Traceback" not in refused.err
        assert "wrong-key" not in refused.err
        if "ANTHROPIC_API_KEY" in settings:
            finished = await ran(at(forked, fake), *run_of(export, tmp_path))
            assert finished.code == 0, finished.err
            assert report(tmp_path)["run"] == 1


@pytest.mark.parametrize(
    ("settings", "arguments", "says"),
    [
        ({"ANTHROPIC_API_KEY": ""}, (), "no API key: set ANTHROPIC_API_KEY"),
        ({"SOULPRINT_MODEL_PRICES": "README.md"}, (), "the price file README.md is wrong"),
    ],
)
async def test_what_cannot_work_is_refused_before_anything_is_sent(
    forked: ForkedSoulprint,
    export: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    arguments: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    async with fake_claude() as fake:
        command = at(forked, fake, **settings)
        refused = await ran(command, *run_of(export, tmp_path), *arguments)
        assert refused.code == 2
        assert says in refused.err
        assert "Traceback" not in refused.err
        assert fake.told()["requests"] == 0


@pytest.mark.parametrize(
    ("fault", "longest_prompt", "says"),
    [
        ("broken_schema", None, "set SOULPRINT_CLAUDE_MODEL to a model that keeps to a JSON schema"),
        (None, 0, "give the model a longer context, or set SOULPRINT_CHUNK_TOKENS lower"),
        ("max_tokens", None, "set SOULPRINT_MODEL_MAX_TOKENS higher"),
    ],
)
async def test_a_model_that_cannot_do_it_fails_the_run_with_what_to_set(
    forked: ForkedSoulprint,
    few: Path,
    tmp_path: Path,
    fault: str | None,
    longest_prompt: int | None,
    says: str,
) -> None:
    async with fake_claude(chances={fault: 1.0} if fault else {}) as fake:
        fake.longest_prompt = longest_prompt
        failed = await ran(at(forked, fake), *run_of(few, tmp_path))
        assert failed.code == 1
        assert "Traceback" not in failed.err
        if fault is None:  # the chunk's own trouble, not the model's
            assert says in failed.out
            assert [says in chunk["reason"] for chunk in report(tmp_path)["chunks"]["not_read"]] == [True]
        else:
            assert says in failed.err


async def test_json_in_words_and_fences_as_local_servers_send_it_is_read(
    forked: ForkedSoulprint, few: Path, tmp_path: Path
) -> None:
    async with fake_claude(chances={"fenced": 1.0}) as fake:
        finished = await ran(
            at(forked, fake, SOULPRINT_CLAUDE_MODEL="claude-haiku-4-5"), *run_of(few, tmp_path)
        )
        assert finished.code == 0, finished.err
        assert report(tmp_path)["coverage"] == 1.0
        assert offered_markers(fake) <= found_markers(tmp_path)


async def test_doctor_says_that_there_is_a_key_and_never_which(forked: ForkedSoulprint) -> None:
    async with fake_claude() as fake:
        finished = await ran(at(forked, fake, ANTHROPIC_API_KEY="tango-secret"), "doctor", "--json")
        (check,) = [check for check in finished.json() if check["name"] == "model"]
        assert check["ok"]
        assert "the key is set" in check["found"]
        assert "tango-secret" not in finished.out + finished.err
