"""The examples of docs/events.md, as they stand there: each begins an import, whoever wrote the client."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from shared.store.store import Store
from tests.support.services import Setting, hosted, reasons
from tests.support.waiting import until

PAGE = (Path(__file__).parents[3] / "docs" / "events.md").read_text("utf-8")


def examples(language: str) -> list[str]:
    """The code of the page in this language."""
    return re.findall(rf"(?s)```{language}\n(.+?)\n```", PAGE)


@pytest.fixture
def kcat() -> None:
    """kcat, or no test."""
    if shutil.which("kcat") is None:
        missing = "NO KCAT, so the example for it is not tested (Debian: apt-get install kcat)"
        if os.environ.get("REQUIRE_KCAT") == "1":
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture
def node() -> str:
    """A Node that has kafkajs, or no test."""
    found = shutil.which("node")
    looked = [] if found is None else [found, "-e", "require('kafkajs')"]
    if found is None or subprocess.run(looked, capture_output=True, check=False).returncode:
        pytest.skip("no Node that has kafkajs (NODE_PATH), so the example for it is not tested")
    return found


@pytest.fixture
async def taking(setting: Setting) -> AsyncIterator[Setting]:
    """Services that take imports."""
    async with hosted(setting, ("router", "chunker")):
        yield setting


async def run(setting: Setting, command: Sequence[str], **more: str) -> tuple[str, Mapping[str, str]]:
    """Run an example; what it prints, and what it was given."""
    given = {
        "KAFKA": setting.bootstrap,
        "TOPIC": setting.entrance,
        "USER_ID": str(uuid4()),
        "SOURCE": str(setting.root / "small.zip"),
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return out.decode().strip(), given


async def begun(store: Store, import_id: UUID, user_id: str) -> bool:
    """Whether run 1 of the import of this user was begun."""
    runs = await store.list_runs(import_id)
    return [(each.run, str(each.user_id)) for each in runs] == [(1, user_id)]


async def test_the_example_in_python_begins_an_import(taking: Setting, store: Store) -> None:
    (code,) = examples("python")
    printed, given = await run(taking, [sys.executable, "-c", code])
    await until(lambda: begun(store, UUID(printed), given["USER_ID"]))
    assert await reasons(taking, "import.received") == []


async def test_the_example_for_kcat_begins_an_import_with_every_codec(
    kcat: None, taking: Setting, store: Store
) -> None:
    (code,) = examples("sh")
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        import_id = uuid4()
        command = ["sh", "-c", code.replace("-z zstd", f"-z {codec}")]
        _, given = await run(taking, command, IMPORT=str(import_id))
        await until(lambda: begun(store, import_id, given["USER_ID"]))  # noqa: B023 - awaited in this round
    assert await reasons(taking, "import.received") == []


async def test_the_example_in_node_begins_an_import(node: str, taking: Setting, store: Store) -> None:
    code, _ = examples("js")
    printed, given = await run(taking, [node, "-e", code])
    await until(lambda: begun(store, UUID(printed.split()[-1]), given["USER_ID"]))
    assert await reasons(taking, "import.received") == []
