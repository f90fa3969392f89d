"""One person's accounts at several vendors: one memory, whichever was imported first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.chunker.configured import variant_of
from shared.domain.errors import UsageError
from shared.domain.events import ImportReceived
from shared.pipelines import IMPORT_RECEIVED, MEMORY_READY
from shared.store.runs import RunRow
from shared.store.store import Store
from soulprint.outputs import FILES, REPORT_FILE
from soulprint.run import run_into
from tests.support.databases import EMPTY, run_sql
from tests.support.exports import chain, claude_chain, json_of, zip_of
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted
from tests.support.waiting import until

SAID = {
    "a1": (
        "I live in Lisbon.",
        "Noted!",
        "My dog is called Zorvik.",
        "A fine name.",
        "I am allergic to nuts.",
    ),
    "a2": ("I work as a nurse.", "Thanks!", "I love hiking in the mountains."),
    "k1": ("I live in Porto.", "Noted!", "My dog is called Zorvik!", "I see."),
    "k2": ("I quit smoking.", "Well done!", "I prefer short answers."),
}
CHATGPT = [chain(*SAID[key], conversation_id=key) for key in ("a1", "a2")]
CLAUDE = [claude_chain(*SAID[key], conversation_id=key) for key in ("k1", "k2")]
MONTH = [*CHATGPT, chain("I bought a red bicycle.", "Nice!", conversation_id="a3")]
RESULT = [name for name in FILES if name != REPORT_FILE]


def account(user: str, email: str = "ana@example.org") -> bytes:
    """ChatGPT's user.json."""
    return json_of({"id": user, "email": email, "chatgpt_plus_user": False, "phone_number": None})


class Person:
    """Runs of one user, each into a folder of its own."""

    def __init__(self, setting: LocalSetting, folder: Path) -> None:
        self._setting = setting
        self._folder = folder
        self._count = 0
        self.out = folder

    def export(self, name: str, conversations: object, *, user: str = "") -> Path:
        path = self._folder / name
        members = {"conversations.json": json_of(conversations)}
        if user:
            members["user.json"] = account(user)
        path.write_bytes(zip_of(members) if name.endswith(".zip") else members["conversations.json"])
        return path

    async def run(self, *exports: Path, lineage: str | None = None, replace: bool = False) -> dict[str, Any]:
        self._count += 1
        self.out = self._folder / f"out-{self._count}"
        settings = self._setting.settings()
        return await run_into(
            self.out, exports, "ana", settings, max_cost=None, lineage=lineage, replace=replace
        )

    def result(self) -> dict[str, bytes]:
        return {name: (self.out / name).read_bytes() for name in RESULT}

    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / "facts.jsonl").read_bytes().splitlines()]

    def statements(self) -> list[str]:
        return sorted(fact["statement"] for fact in self.facts())

    async def begin_anew(self) -> None:
        await run_sql(self._setting.database, EMPTY)


@pytest.fixture
def ana(setting: LocalSetting, tmp_path: Path) -> Person:
    return Person(setting, tmp_path)


def vendors(report: dict[str, Any], key: str = "lineages") -> list[str]:
    return [each["vendor"] for each in report[key]]


async def test_two_vendors_make_one_memory_whichever_comes_first(ana: Person) -> None:
    chatgpt, claude = ana.export("chatgpt.json", CHATGPT), ana.export("claude.json", CLAUDE)
    results, kept = [], []
    orders: Sequence[Sequence[Sequence[Path]]] = (
        [[chatgpt], [claude]],
        [[claude], [chatgpt]],
        [[chatgpt, claude]],
    )
    for order in orders:
        await ana.begin_anew()
        for exports in order:
            report = await ana.run(*exports)
        results.append(ana.result())
        kept.append(report["facts"]["kept"])
    for name in RESULT:
        assert results[0][name] == results[1][name], name
        assert results[0][name] == results[2][name], name
    assert kept[0] == kept[1] == kept[2] > 5
    assert b"from 4 conversations (15 messages)" in results[0]["MEMORY.md"]
    facts = {fact["statement"]: fact for fact in ana.facts()}
    assert {fact["account"]["vendor"] for fact in facts.values()} == {"chatgpt", "claude"}
    home = facts["I live in Lisbon."]
    assert (home["status"], home["superseded_by"]) == ("superseded", facts["I live in Porto."]["id"])
    dog = next(fact for statement, fact in facts.items() if "Zorvik" in statement)
    assert (dog["support"], dog["account"]["vendor"], len(dog["lineages"])) == (2, "chatgpt", 2)


async def test_the_second_import_reads_nothing_of_the_first_again(ana: Person) -> None:
    await ana.run(ana.export("chatgpt.json", CHATGPT))
    before = ana.statements()
    report = await ana.run(ana.export("claude.json", CLAUDE))
    assert (vendors(report), vendors(report, "joined")) == (["claude"], ["chatgpt"])
    assert (report["chunks"]["total"], report["chunks"]["cached"]) == (1, 0), "its own chunk, and no other"
    assert report["usage"]["calls"] == 0
    assert set(before) - set(ana.statements()) <= {"My dog is called Zorvik."}
    both = await ana.run(ana.export("chatgpt.json", CHATGPT), ana.export("claude.json", CLAUDE))
    assert both["chunks"]["cached"] == both["chunks"]["total"] == 2, "in one run they are cut as they were"


async def test_a_month_more_of_one_vendor_replaces_that_vendors_part_only(ana: Person) -> None:
    await ana.run(ana.export("chatgpt.json", CHATGPT))
    await ana.run(ana.export("claude.json", CLAUDE))
    report = await ana.run(ana.export("later.json", MONTH[1:]), replace=True)
    assert vendors(report, "joined") == ["claude"]
    after = ana.statements()
    assert "I bought a red bicycle." in after
    assert "I live in Porto." in after
    assert "I am allergic to nuts." not in after, "what the newer export of the same history lacks"
    assert b"from 4 conversations" in ana.result()["MEMORY.md"]
    again = await ana.run(ana.export("claude.json", CLAUDE))
    assert (vendors(again, "joined"), ana.statements()) == (["chatgpt"], after)


async def test_accounts_at_one_vendor_are_told_apart_by_what_lies_beside_the_conversations(
    ana: Person,
) -> None:
    home = ana.export("home.zip", CHATGPT[:1], user="user-home")
    work = ana.export("work.zip", CHATGPT[1:], user="user-work")
    first = await ana.run(home)
    second = await ana.run(work)
    (mine,), (others,) = second["lineages"], second["joined"]
    assert others["lineage"] == first["lineages"][0]["lineage"] != mine["lineage"]
    assert {"I live in Lisbon.", "I work as a nurse."} <= set(ana.statements())
    kept = json.dumps([first, second]) + (ana.out / "facts.jsonl").read_text("utf-8")
    assert "user-home" not in kept
    assert "example.org" not in kept
    one_by_one = ana.result()
    await ana.begin_anew()
    both = await ana.run(home, work)
    assert vendors(both) == ["chatgpt", "chatgpt"]
    assert ana.result() == one_by_one


async def test_what_both_accounts_hold_is_one_memory_in_either_order(ana: Person) -> None:
    """As conversations that were moved from one account to another."""
    home = ana.export("home.zip", CHATGPT, user="user-home")
    work = ana.export("work.zip", [*CHATGPT[1:], *MONTH[2:]], user="user-work")
    results = []
    for order in ([home, work], [work, home]):
        await ana.begin_anew()
        for export in order:
            await ana.run(export)
        results.append(ana.result())
    assert results[0] == results[1]
    (nurse,) = [fact for fact in ana.facts() if fact["statement"] == "I work as a nurse."]
    assert (nurse["support"], len(nurse["lineages"])) == (1, 2)


async def test_an_account_that_is_told_only_later_is_the_one_that_it_was(ana: Person) -> None:
    bare = await ana.run(ana.export("conversations.json", CHATGPT))
    whole = await ana.run(ana.export("export.zip", MONTH, user="user-ana"))
    again = await ana.run(ana.export("later.json", MONTH[1:]), replace=True)
    moved = await ana.run(
        ana.export("moved.zip", [chain("I like tea.", conversation_id="z")], user="user-ana")
    )
    found = {each["lineages"][0]["lineage"] for each in (bare, whole, again, moved)}
    assert len(found) == 1
    assert all(each["joined"] == [] for each in (whole, again, moved))


async def test_an_older_file_without_an_account_is_read_as_part_of_its_accounts_history(ana: Person) -> None:
    report = await ana.run(
        ana.export("old.json", CHATGPT), ana.export("new.zip", MONTH, user="user-ana"), lineage=None
    )
    assert len({each["lineage"] for each in report["lineages"]}) == 1
    assert report["conversations"]["kept"] == 3
    assert b"from 3 conversations" in ana.result()["MEMORY.md"]


async def test_accounts_named_by_their_conversations_are_told_apart(ana: Person) -> None:
    """As in the export of a team."""
    conversations = [
        claude_chain(*SAID["k1"], conversation_id="k1", account="ana"),
        claude_chain(*SAID["k2"], conversation_id="k2", account="ana at work"),
        claude_chain("I play the cello.", conversation_id="k3"),
    ]
    report = await ana.run(ana.export("team.json", conversations))
    assert [each["conversations"] for each in report["lineages"]] == [1, 2], "unsaid: as the one before it"
    assert len({each["lineage"] for each in report["lineages"]}) == 2


async def test_a_history_without_accounts_and_times_is_found_again(ana: Person) -> None:
    def timeless(*keys: str) -> list[Any]:
        conversations = [claude_chain(*SAID[key], conversation_id=key) for key in keys]
        for each in conversations:
            each["created_at"] = each["updated_at"] = None
            for message in each["chat_messages"]:
                message["created_at"] = None
        return conversations

    first = await ana.run(ana.export("first.json", timeless("k2", "k1")))
    again = await ana.run(ana.export("again.json", timeless("a1", "k1", "k2")))
    assert first["lineages"][0]["lineage"] == again["lineages"][0]["lineage"]
    assert again["joined"] == []


async def test_a_name_of_the_persons_own_says_what_takes_the_place_of_what(ana: Person) -> None:
    chatgpt, claude = ana.export("chatgpt.json", CHATGPT), ana.export("claude.json", CLAUDE)
    report = await ana.run(chatgpt, lineage="all of it")
    assert report["lineages"][0]["lineage"] == "all of it"
    report = await ana.run(claude, lineage="all of it")
    assert (report["joined"], "I live in Lisbon." in ana.statements()) == ([], False)
    again = await ana.run(claude, lineage="all of it")
    assert (again["import_id"], again["run"]) == (report["import_id"], 2)
    other = await ana.run(claude, lineage="another")
    assert other["import_id"] != report["import_id"]
    assert [each["lineage"] for each in other["joined"]] == ["all of it"]
    assert all(fact["lineages"] == ["all of it", "another"] for fact in ana.facts())


@pytest.mark.parametrize(
    "name", ["x" * 10_000_000, "", " ", "a\x1b[31mb", "a\nb", "a\u202eb", "a\x00b", "\ud800", "x" * 65]
)
async def test_a_name_that_no_lineage_can_have_is_refused_before_anything_is_read(
    ana: Person, name: str
) -> None:
    export = ana.export("chatgpt.json", CHATGPT)
    with pytest.raises(UsageError, match="a lineage's name") as refused:
        await ana.run(export, lineage=name)
    assert len(str(refused.value)) < 300


async def run_of(store: Store, event: ImportReceived) -> RunRow:
    (run,) = await store.list_runs(event.import_id)
    return run


async def test_two_vendors_imported_at_once_are_both_in_the_memory(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    """And again, where services end in the middle and begin with an empty log, as those that are killed."""
    setting.changes |= {"lease_seconds": 1, "stall_seconds": 0.3, "sweep_seconds": 0.1}
    chatgpt, claude = exports / "one.json", exports / "other.json"
    chatgpt.write_bytes(json_of(CHATGPT))
    claude.write_bytes(json_of(CLAUDE))
    user = uuid4()
    async with hosted(setting, ("chunker", "extractor", "consolidator")):
        events = [await setting.import_of(source, user) for source in (chatgpt, claude)]
        await until(lambda: setting.published(MEMORY_READY, 2))
    memories = [await store.read_kept_memory(event.import_id, 1) for event in events]
    setting.lose_log()
    async with hosted(setting, ("writer",)) as host:
        for memory in [*memories, *memories]:
            assert memory is not None
            await setting.publish(setting.topic(MEMORY_READY), memory)
        await setting.caught_up(host, "writer")
    states = {(await run_of(store, event)).state for event in events}
    assert states == {"complete", "consolidating"}, "one was made without the other, and is made again"
    setting.lose_log()
    async with hosted(setting, ("consolidator",)):
        await until(lambda: setting.published(MEMORY_READY, 1))
    setting.lose_log()
    async with hosted(setting, ("consolidator", "writer")):
        for event in events:
            assert (await ended(store, event)).state == "complete"
    told = {fact.statement for fact in await store.list_facts(user)}
    assert {"I live in Lisbon.", "I live in Porto.", "I work as a nurse.", "I quit smoking."} <= told


async def test_an_event_names_the_lineage_of_its_user_and_so_does_what_is_driven_again(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    setting.changes |= {"stall_seconds": 0.3, "sweep_seconds": 0.1}
    source = exports / "named.json"
    source.write_bytes(json_of(CHATGPT))
    async with hosted(setting, ("router",)):
        event = await setting.import_of(source, lineage="work")
        await store.take_run(event, setting.pipeline, variant_of(setting.settings()))
        setting.lose(IMPORT_RECEIVED)
    setting.lose_log()
    async with hosted(setting):
        run = await ended(store, event)
    assert (run.state, run.lineages) == ("complete", ("work",))
    assert {each.lineage for each in setting.events(IMPORT_RECEIVED)} == {"work"}, (
        "however often it was driven"
    )
