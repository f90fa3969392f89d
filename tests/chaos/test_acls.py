"""What `soulprint topics acls` prints, done by Kafka's own tool: each login has what it needs, no more."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from shared.log.kafka.held import held_rights
from shared.log.kafka.rights import LOGINS, Right, rights_of
from shared.settings import Settings
from soulprint.topics import admin_of
from tests.support.command import Soulprint
from tests.support.forking import ForkedSoulprint, ForkServer
from tests.support.kafka import acl_tool
from tests.support.ruled_kafka import RuledKafka, ruled_kafka
from tests.support.services import Setting
from tests.support.waiting import until

__all__ = ["ruled_kafka"]


async def test_the_printed_commands_grant_each_login_what_it_needs_and_no_more(
    ruled_kafka: RuledKafka, database: str, tmp_path: Path, fork_server: ForkServer
) -> None:
    setting = Setting(ruled_kafka.bootstrap, database, tmp_path)
    await setting.make_topics()
    command = ForkedSoulprint(Soulprint(tmp_path / "home", tuple(setting.environment().items())), fork_server)
    printed = await asyncio.to_thread(command, "topics", "acls")
    acl_tool(tmp_path)
    (tmp_path / "admin.properties").write_text("")
    for line in printed.out.splitlines():
        shell = await asyncio.create_subprocess_shell(
            line, cwd=tmp_path, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        )
        assert await shell.wait() == 0, line
    needed = {login: {right.prefixed(setting.prefix) for right in rights_of(login, "v2")} for login in LOGINS}
    wanted = set[Right]().union(*needed.values())
    for login, rights in needed.items():
        settings = replace(setting, changes=dict(ruled_kafka.settings(login))).settings()
        seen = {Right("Describe", right.kind, right.name) for right in rights}

        async def has_them(
            settings: Settings = settings, rights: set[Right] = rights, seen: set[Right] = seen
        ) -> bool:
            """the login has what was granted, and sees what it may use"""
            async with admin_of(settings) as admin:
                return await held_rights(admin, wanted) == rights | (seen & wanted)

        await until(has_them)
