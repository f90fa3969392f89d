"""Local exports that are put into storage for services elsewhere."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from shared.domain.errors import SourceError, UnreadableExportError, UsageError
from shared.store.store import Store
from soulprint.upload import require_uploadable, uploaded
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted
from tests.support.storage_server import Storage, storage_server

KEY = "service-key"
USER = UUID(int=0xA)


@pytest.fixture
async def storage(setting: LocalSetting) -> AsyncIterator[Storage]:
    """A storage that the services of `setting` read, with the app's bucket."""
    async with storage_server(KEY) as server:
        server.make_bucket("imports", types=["application/zip"])
        setting.changes |= {"supabase_url": server.url, "supabase_service_role_key": KEY}
        yield server


@pytest.fixture
def export(exports: Path, tmp_path: Path) -> Path:
    """A person's export, named as people name things."""
    return Path(shutil.copy(exports / "small.zip", tmp_path / "Мой чат — .. ‮ 2026.zip"))


async def test_an_upload_becomes_a_memory_whatever_the_file_is_called(
    setting: LocalSetting, storage: Storage, store: Store, export: Path
) -> None:
    require_uploadable(export, setting.settings())
    async with uploaded(export, USER, setting.settings()) as source:
        assert re.fullmatch(rf"imports/{USER}/\d{{13}}-2026\.zip", source)
        assert storage.objects.keys() == {source}
    async with hosted(setting):
        run = await ended(store, await setting.import_of(source, USER))
    assert (run.state, run.coverage, run.error) == ("complete", 1.0, None), run


async def test_nothing_is_left_of_an_import_that_is_not_taken(
    setting: LocalSetting, storage: Storage, export: Path
) -> None:
    async def refused() -> None:
        async with uploaded(export, USER, setting.settings()) as source:
            assert source in storage.objects
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await refused()
    assert storage.objects == {}


async def test_what_the_bucket_does_not_take_is_not_sent(
    setting: LocalSetting, storage: Storage, export: Path
) -> None:
    refusals = {
        r"imports takes at most 10 bytes, and the file has [\d,]+": {"limit": 10},
        "imports takes no application/zip, only application/json": {"types": ["application/json"]},
    }
    for told, bucket in refusals.items():
        storage.make_bucket("imports", **bucket)  # type: ignore[arg-type]
        with pytest.raises(SourceError, match=told):
            async with uploaded(export, USER, setting.settings()):
                pytest.fail("it is not there")
    setting.changes["import_buckets"] = "exports,others"
    with pytest.raises(SourceError, match="there is no bucket exports"):
        async with uploaded(export, USER, setting.settings()):
            pytest.fail("it is not there")
    assert all(asked.startswith("/storage/v1/bucket/") for asked in storage.requests)


async def test_what_cannot_be_uploaded_is_told_before(
    setting: LocalSetting, storage: Storage, tmp_path: Path
) -> None:
    stub = tmp_path / "stub.zip"
    stub.write_bytes(b"PK")
    with pytest.raises(UnreadableExportError):
        require_uploadable(stub, setting.settings())
    for nothing in (tmp_path, tmp_path / "gone.zip"):
        with pytest.raises(UsageError, match="no such file; --upload takes one"):
            require_uploadable(nothing, setting.settings())
    del setting.changes["supabase_url"]
    with pytest.raises(UsageError, match="--upload needs SUPABASE_URL"):
        require_uploadable(stub, setting.settings())
    assert storage.requests == []
