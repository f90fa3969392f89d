"""An export sent to the box, which is killed in the middle of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from services.gateway.receiving.folder import FolderUploads
from tests.support.box import Box
from tests.support.command import Soulprint
from tests.support.face import KEYED
from tests.support.forking import ForkServer
from tests.support.http_server import head, wire
from tests.support.waiting import until

ANA = UUID(int=0xA)
EXPORT = Path("examples/export.zip").read_bytes()


async def test_an_upload_to_the_box_becomes_a_memory_and_a_kill_leaves_no_half_one(
    database: str, tmp_path: Path, fork_server: ForkServer
) -> None:
    home = tmp_path / "home"
    box = Box.of(Soulprint(home), fork_server, database_url=database, extract_workers=0)
    box.start()
    await box.ready()

    def kept() -> list[Path]:
        return sorted((home / "uploads").rglob("*.*"))

    async with wire(box.port) as line:
        told = head("POST", f"/imports?user_id={ANA}&name=a.zip", content_length=1_000_000, **KEYED)
        await line.send(told, b"PK\x03\x04" + bytes(500_000))
        await until(lambda: len(kept()) == 1)
        box.kill()
    (part,) = kept()
    assert part.name.startswith(".")
    box.start()
    await box.ready()
    assert kept() == []
    async with box.client() as client:
        answer = await client.post(
            "/imports",
            params={"user_id": str(ANA), "name": "export.zip"},
            content=EXPORT,
        )
        assert answer.status_code == 202, answer.text
        shown: dict[str, Any] = {}

        async def complete() -> bool:
            """the import is complete"""
            shown.update((await client.get(f"/imports/{answer.json()['import_id']}")).json())
            assert shown["state"] not in ("failed", "cancelled"), shown
            return bool(shown["state"] == "complete")

        await until(complete, 60)
    assert (shown["coverage"], len(kept())) == (1.0, 1)
    assert (await box.stop()).code == 0
    assert await FolderUploads(home / "uploads", 1).clean() == 0
