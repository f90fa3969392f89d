"""Copies of exports do not outlive the process that made them by more than the next start."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from tests.support.box import Box, sent
from tests.support.command import Soulprint
from tests.support.forking import ForkServer
from tests.support.storage_server import storage_server
from tests.support.waiting import until

KEY = "service-key"


def copies(folder: Path) -> set[Path]:
    """Copies that hold something of an export."""
    return {each.parent for each in folder.glob("soulprint-copy-*/export*") if each.stat().st_size}


async def test_a_killed_box_leaves_a_copy_until_the_next_one_starts(
    shared_home: Soulprint, fork_server: ForkServer, tmp_path: Path
) -> None:
    user = uuid4()
    async with storage_server(KEY) as storage:
        storage.objects[f"exports/{user}/a.zip"] = b"PK" + bytes(5_000_000)
        storage.silent = True
        box = Box.of(
            shared_home,
            fork_server,
            supabase_url=storage.url,
            supabase_service_role_key=KEY,
            import_buckets="exports",
            store="embedded",
        )
        box.command = Soulprint(box.command.home, (*box.command.settings, ("TMPDIR", str(tmp_path))))
        async with box.up(), box.client() as client:
            await sent(client, f"exports/{user}/a.zip", user)
            await until(lambda: bool(copies(tmp_path)), 60)
            (left,) = copies(tmp_path)
            assert left.stat().st_mode & 0o077 == 0
            box.kill()
            assert copies(tmp_path) == {left}
            box.start()
            await box.ready()
            assert not left.exists()
            await until(lambda: bool(copies(tmp_path)), 60)  # it is brought here again
