"""`soulprint run` embeds what it stored, `show --search` finds by meaning, `doctor` and `usage` tell."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.domain.addresses import shown_address
from tests.acceptance.at_claude import ran
from tests.support.command import Finished
from tests.support.exports import chain, json_of
from tests.support.fake_embeddings import MODEL, FakeEmbeddings, fake_embeddings
from tests.support.forking import ForkedSoulprint

ASK = ("show", "--search", "puppy", "--json")


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "c.json"
    path.write_bytes(
        json_of(
            [
                chain("I have a dog called Rex.", "A dog is a good friend.", conversation_id="dogs"),
                chain("My bicycle is red.", "A fine colour.", conversation_id="bicycles"),
            ]
        )
    )
    return path


@pytest.fixture
async def fake() -> AsyncIterator[FakeEmbeddings]:
    async with fake_embeddings(64) as found:
        yield found


def at(forked: ForkedSoulprint, fake: FakeEmbeddings, **changes: object) -> ForkedSoulprint:
    """The command with the stand-in as its server."""
    given = {"url": fake.url, "model": MODEL, "dimensions": 64, **changes}
    settings = tuple((f"SOULPRINT_EMBEDDINGS_{name.upper()}", str(value)) for name, value in given.items())
    return replace(forked, command=replace(forked.command, settings=settings))


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def kinds(found: Finished) -> list[tuple[str, bool]]:
    return [(passage["conversation_id"], passage["has_words"]) for passage in found.json()["passages"]]


async def test_a_run_embeds_what_it_stored_and_search_goes_by_meaning(
    forked: ForkedSoulprint, fake: FakeEmbeddings, export: Path, tmp_path: Path
) -> None:
    command = at(forked, fake, price=0.02)
    run = ("run", export, "--out", tmp_path, "--user", "embedded")
    first = await ran(command, *run)
    assert first.code == 0, first.err
    assert "2 passages embedded: 1 call, " in first.out
    user = ("--user", "embedded")
    found = await ran(command, *ASK, *user)
    assert kinds(found)[0] == ("dogs", False)
    assert found.json()["by_words_alone"] == ""
    assert not found.err
    both = await ran(command, "show", "--search", "dog", "--json", *user)
    assert kinds(both)[0] == ("dogs", True)
    assert 0 < both.json()["passages"][0]["similarity"] <= 1
    near = await ran(command, "show", "--search", "puppy", *user)
    assert near.out.splitlines()[0].startswith("near    ")
    without = await ran(forked, *ASK, *user)
    assert kinds(without) == []

    calls = len(list(fake.texts()))
    again = await ran(command, *run)
    assert again.code == 0, again.err
    assert "embedded" not in again.out
    assert len(list(fake.texts())) == calls

    usage = (await ran(command, "usage", *user, "--json")).json()
    assert usage[0]["embeddings"]["passages"] == 2
    assert usage[0]["embeddings"]["cost"] > 0
    assert "embeddings: $0.0000, 2 passages, 1 call" in (await ran(command, "usage", *user)).out

    await fake.stop()
    away = await ran(command, *ASK, *user)
    assert kinds(away) == []
    assert "cannot reach" in away.json()["by_words_alone"]
    told = await ran(command, "show", "--search", "dog", *user)
    assert "searched by words alone: cannot reach" in told.err
    assert "Rex" in told.out


async def test_a_server_that_is_away_leaves_the_run_complete_and_says_so(
    forked: ForkedSoulprint, fake: FakeEmbeddings, export: Path, tmp_path: Path
) -> None:
    await fake.stop()
    settings = (*at(forked, fake).command.settings, ("SOULPRINT_MODEL_PATIENCE", "0"))
    command = replace(forked, command=replace(forked.command, settings=settings))
    run = ("run", export, "--out", tmp_path, "--user", "not yet")
    ended = await ran(command, *run)
    assert ended.code == 0, ended.err
    assert "2 passages have no embedding yet: cannot reach" in ended.out
    await fake.start(fake.port)
    assert "2 passages embedded" in (await ran(at(forked, fake), *run)).out


async def test_a_model_of_another_size_is_refused_before_anything_is_read(
    forked: ForkedSoulprint, fake: FakeEmbeddings, export: Path, tmp_path: Path
) -> None:
    await ran(at(forked, fake), "doctor")
    fake.dimensions = 1536
    settings = [each for each in at(forked, fake).command.settings if not each[0].endswith("DIMENSIONS")]
    command = replace(forked, command=replace(forked.command, settings=tuple(settings)))
    ended = await ran(command, "run", export, "--out", tmp_path, "--user", "misfit")
    assert ended.code == 2
    assert f"'{MODEL}' gives 1,536 numbers a text" in ended.err
    assert "takes 64" in ended.err
    assert files_in(tmp_path) == []


async def test_doctor_tells_what_lacks_an_embedding_and_what_that_means(
    forked: ForkedSoulprint, fake: FakeEmbeddings, export: Path, tmp_path: Path
) -> None:
    def embeddings(ended: Finished) -> Any:
        return next(check for check in ended.json() if check["name"] == "embeddings")

    await ran(at(forked, fake), "doctor")  # makes the column
    assert (await ran(forked, "run", export, "--out", tmp_path, "--user", "lacking")).code == 0
    found = embeddings(await ran(at(forked, fake), "doctor", "--json"))
    assert f"{MODEL} at {shown_address(fake.url)}" in found["found"]
    unset = embeddings(await ran(forked, "doctor", "--json"))
    assert "SOULPRINT_EMBEDDINGS_URL is not set" in unset["found"]
    assert "the app's chat finds only passages that have an embedding" in unset["advice"]
    fake.chances = {"401": 1.0}
    refused = embeddings(await ran(at(forked, fake), "doctor", "--json"))
    assert not refused["ok"]
    assert "EMBEDDINGS_API_KEY" in refused["advice"]
