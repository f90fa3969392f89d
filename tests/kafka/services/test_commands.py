"""The commands that ops use: topics, doctor, submit."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.kafka import Broker, free_port
from tests.support.ops import CommandOf
from tests.support.services import Setting


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


def test_what_cannot_be_submitted_is_refused(setting: Setting, command_of: CommandOf, tmp_path: Path) -> None:
    command = command_of(setting)
    assert command("submit", tmp_path / "gone.zip").code == 2
    assert command("serve", "gateway").code == 2
    assert command("status", "nonsense").code == 2
