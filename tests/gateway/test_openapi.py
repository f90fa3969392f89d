"""The gateway answers what its OpenAPI document says, whatever it lets one ask, and nothing breaks it. With
CHAOS=1 more is asked, and something new each time."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from services.gateway import progress
from shared.store.store import Store
from tests.support.face import KEY
from tests.support.face_alone import faced_alone
from tests.support.records import ANNA, IMPORT
from tests.support.runs import begin_run

LONG = bool(os.environ.get("CHAOS"))
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "ignored_auth",
    "unsupported_method",
)
SETTINGS = {"imports_per_hour": 1_000_000, "imports_unfinished": 1_000_000}


@pytest.mark.slow
async def test_whatever_is_asked_is_answered_as_the_document_says(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LIFE_SECONDS", 0.1)  # what is taken here never ends
    uploads = {"home": tmp_path, "import_roots": str(tmp_path)}
    await begin_run(store, IMPORT, ANNA, "imports/anna/export.zip", "v2")
    async with faced_alone(store, **SETTINGS, **uploads) as face:
        asking = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run"),
            f"http://127.0.0.1:{face.port}/openapi.json",
            *("--header", f"Authorization: Bearer {KEY}"),
            *("--checks", ",".join(CHECKS), "--continue-on-failure", "--request-timeout", "30"),
            *("--phases", "examples,coverage,fuzzing", "--warnings", "off", "--no-color"),
            *(("--max-examples", "300") if LONG else ("--max-examples", "3", "--seed", "1", "--no-shrink")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=tmp_path,
        )
        told, _ = await asking.communicate()
    assert asking.returncode == 0, told.decode()[-8000:]
    assert re.search(r"Tested:\s+[1-9]", told.decode())
