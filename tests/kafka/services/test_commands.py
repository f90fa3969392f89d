"""The commands that ops use: topics, doctor, submit."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from unicodedata import normalize
from uuid import UUID

import pytest

from shared.pipelines import IMPORT_RECEIVED
from shared.store.store import Store
from tests.support.exports import chain, claude_chain, json_of
from tests.support.kafka import Broker
from tests.support.ops import CommandOf
from tests.support.ports import free_port
from tests.support.replica import read_all
from tests.support.services import PARTITIONS, Setting, ended, hosted, submitted
from tests.support.storage_server import storage_server

ANA = UUID(int=0xA)


async def test_topics_are_created_once_and_doctor_checks_them(
    kafka: Broker, database: str, command_of: CommandOf, tmp_path: Path
) -> None:
    setting = Setting(kafka.bootstrap, database, tmp_path)
    command = command_of(setting)
    doctor = command("doctor")
    assert doctor.code == 1
    assert f"{setting.topic('chunks.ready')} does not exist" in doctor.out
    first, second = command("topics", "create", "--json"), command("topics", "create", "--json")
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert setting.topic("chunks.ready", dead=True) in first.json()["created"]
    assert second.json()["created"] == []


def test_kafka_that_is_not_there_is_named(setting: Setting, exports: Path, command_of: CommandOf) -> None:
    setting.bootstrap = f"127.0.0.1:{free_port()}"
    refused = command_of(setting)("submit", exports / "small.zip")
    assert refused.code == 1
    assert setting.bootstrap in refused.err
    assert "Traceback" not in refused.err
    assert len(refused.err.splitlines()) == 1, "and nothing of the client's own"
    assert command_of(setting)("topics", "create").err.count("\n") == 1


def test_an_export_that_the_services_will_not_read_is_told_at_once(
    setting: Setting, command_of: CommandOf, tmp_path: Path, exports: Path
) -> None:
    outside = tmp_path / "outside.zip"
    shutil.copy(exports / "small.zip", outside)
    setting.root = tmp_path / "allowed"
    refused = command_of(setting)("submit", outside)
    assert (refused.code, "IMPORT_ROOTS, here" in refused.err) == (2, True)
    assert str(outside) in refused.err


async def test_an_upload_is_put_into_storage_and_published(
    setting: Setting, command_of: CommandOf, store: Store, exports: Path
) -> None:
    async with storage_server("service-key") as storage:
        storage.make_bucket("imports")
        setting.changes |= {"supabase_url": storage.url, "supabase_service_role_key": "service-key"}
        command = command_of(setting)
        given = ("submit", "--upload", exports / "small.zip", "--user", str(ANA), "--json")
        done = await asyncio.to_thread(command, *given, "--lineage", "at home")
    assert done.code == 0, done.err
    assert re.fullmatch(rf"imports/{ANA}/\d+-small\.zip", done.json()["source"])
    assert storage.objects.keys() == {done.json()["source"]}
    (run,) = await store.list_runs(UUID(done.json()["import_id"]))
    assert (run.state, run.user_id) == ("received", ANA)
    (published,) = await read_all(setting.bootstrap, setting.topic(IMPORT_RECEIVED), PARTITIONS)
    assert done.json()["source"].encode() in published.value
    assert b'"lineage":"at home"' in published.value.replace(b": ", b":")


@pytest.mark.slow
async def test_what_is_submitted_under_one_name_takes_the_place_of_what_was(
    setting: Setting, command_of: CommandOf, store: Store, tmp_path: Path
) -> None:
    setting.root = tmp_path
    command = command_of(setting)
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.write_bytes(json_of([chain("I live in Lisbon.", "ok", "My dog is called Zorvik.")]))
    other.write_bytes(json_of([claude_chain("I live in Porto.", "ok", "I have a cat.")]))
    who = ("--user", str(ANA), "--json")
    async with hosted(setting):
        for export, name in ((one, "cafe\u0301 at home"), (other, "caf\u00e9 at home"), (one, "work")):
            done = await asyncio.to_thread(command, "submit", export, *who, "--lineage", name)
            run = await ended(store, submitted(done, ANA))
            assert (run.state, run.lineages) == ("complete", (normalize("NFC", name),))
            told = {fact.statement for fact in await store.list_facts(ANA)}
            if export is other:
                assert told == {"I live in Porto.", "I have a cat."}
    assert told == {"I live in Porto.", "I have a cat.", "I live in Lisbon.", "My dog is called Zorvik."}
    for name in ("", "a\u202eb", "x" * 65):
        refused = await asyncio.to_thread(command, "submit", one, *who, "--lineage", name)
        assert (refused.code, "a lineage's name has 1 to 64" in " ".join(refused.err.split())) == (2, True)
    assert len(await store.list_runs()) == 3, "nothing was asked for"


def test_what_cannot_be_submitted_is_refused(setting: Setting, command_of: CommandOf, tmp_path: Path) -> None:
    command = command_of(setting)
    assert command("submit", tmp_path / "gone.zip").code == 2
    assert command("serve", "doorman").code == 2
    assert command("status", "nonsense").code == 2
