"""What binding costs where nobody lies: an honest model over the labelled messages, through the pipeline."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from tests.acceptance.at_claude import at, ran, run_of
from tests.support.command import report
from tests.support.exports import chain, zip_of
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fake_claude.honest import Answered, Honest, honest_answers
from tests.support.forking import ForkedSoulprint
from tests.support.labelled import SAID_ON, labelled

DROPPED_AT_MOST = 0.02
"""Of the true facts."""


def history(answers: list[Answered]) -> bytes:
    """Each labelled message in a conversation of its own, said on the day that the set knows; short answers
    after their questions."""
    told = {(each.asked, each.text) for each in answers}
    told |= {("", row["text"]) for row in labelled()}
    at_noon = datetime(SAID_ON.year, SAID_ON.month, SAID_ON.day, 12, tzinfo=UTC).timestamp()
    talks = []
    for number, (asked, text) in enumerate(sorted(told)):
        texts = ["Hello!", asked, text, "Good to know."] if asked else [text, "Good to know."]
        talk = chain(*texts, conversation_id=f"c{number}", title="A chat", create_time=at_noon)
        for place, each in enumerate(talk["mapping"].values()):
            if each["message"]:
                each["message"]["create_time"] = at_noon + place
        talks.append(talk)
    return zip_of({"conversations.json": json.dumps(talks).encode()})


async def test_of_an_honest_models_true_facts_hardly_one_is_dropped_and_each_is_counted(
    forked: ForkedSoulprint, tmp_path: Path
) -> None:
    answers = honest_answers()
    honest = Honest(answers)
    export = tmp_path / "export.zip"
    await asyncio.to_thread(export.write_bytes, history(answers))
    async with fake_claude() as fake:
        fake.answers = honest
        finished = await ran(at(forked, fake), *run_of(export, tmp_path / "honest"))
        assert finished.code == 0, finished.err
    done = report(tmp_path / "honest")
    assert len(honest.offered) == sum(len(each.facts) for each in answers) > 280
    dropped = done["facts"]["dropped_by_reason"]
    assert done["facts"]["extracted"] + sum(dropped.values()) == len(honest.offered)
    assert sum(dropped.values()) <= DROPPED_AT_MOST * len(honest.offered), dropped
    assert not done.get("fallbacks"), "an honest model's documents stand"
