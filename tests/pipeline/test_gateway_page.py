"""docs/gateway.md, followed as it stands there: each curl is answered, as the page shows it."""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from pathlib import Path
from uuid import UUID

import pytest

from shared.pipelines import services_of
from shared.store.store import Store
from tests.support.face import KEY, faced
from tests.support.local import LocalSetting
from tests.support.page import Shell, blocks_of
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gateway.md"
SAMPLE = ROOT / "examples" / "export.zip"
ADDRESS = "http://127.0.0.1:8000"
CURL = r"""set -a
curl() { command curl --silent --show-error --noproxy '*' --write-out "$SAID" "$@"; }
"""
SAID = " %{method} %{url_effective} %{http_code}\n"
OTHERS = {"DELETE /imports/{import_id}": {"409"}, "POST /query": {"404"}, "GET /embedding-status": {"404"}}
"""What has ended cannot be cancelled; and there is no predecessor here."""
_SAID = re.compile(r"(?m) (GET|POST|DELETE) (http\S+) (\d{3})$")
_EXAMPLE = re.compile(r"(?m)^```sh\n((?:(?!```).*\n)+)```\n\n((?:    .*\n)+)")

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


def route_of(method: str, url: str, address: str) -> str:
    """A request's route, as OpenAPI names it; of what is passed on, its first word."""
    path = url.removeprefix(address).partition("?")[0]
    for begin, name in (("/imports", "import_id"), ("/profiles", "user_id")):
        path = re.sub(rf"^{begin}/[0-9a-f-]{{36}}", f"{begin}/{{{name}}}", path)
    return f"{method} {re.sub('/[0-9a-f-]{36}$', '', path)}"


def keys_in(text: str) -> set[str]:
    return {*re.findall(r'"(\w+)":', text)}


async def test_every_line_of_the_page_is_answered_as_it_says(
    setting: LocalSetting, store: Store, tmp_path: Path
) -> None:
    uploads = tmp_path / "home" / "uploads"
    setting.changes |= {
        "home": tmp_path / "home",
        "import_roots": os.pathsep.join([str(uploads), str(setting.root)]),
        "gateway_open": True,
        "imports_unfinished": 100,
    }
    shutil.copy(SAMPLE, tmp_path / "export.zip")
    with zipfile.ZipFile(SAMPLE) as export:
        export.extract("conversations.json", tmp_path)
    shown = dict(_EXAMPLE.findall(PAGE.read_text("utf-8")))
    assert len(shown) > 8
    seen = set[str]()
    async with faced(setting, ("gateway", *services_of("v2"))) as face:
        given = {"GATEWAY": face.address, "KEY": KEY, "TOKEN": KEY, "SAID": SAID}
        run = Shell(tmp_path, {**os.environ, **given})
        for block in blocks_of(PAGE):
            if block.language != "sh" or "curl " not in block.code:
                continue
            code = block.code.replace(ADDRESS, face.address)
            said = await run(f"{CURL}cd '{tmp_path}'\n{code}")
            answers = _SAID.findall(said)
            assert len(answers) == block.code.count("curl "), said
            for method, url, status in answers:
                route = route_of(method, url, face.address)
                assert status in OTHERS.get(route, {"200", "201", "202"}), (route, said)
                seen.add(route)
            told = shown.get(f"{block.code}\n", "")
            if not any(route in OTHERS for route in (route_of(m, u, face.address) for m, u, _ in answers)):
                assert keys_in(told) <= keys_in(said), (keys_in(told) - keys_in(said), said)
            if "IMPORT" not in run.environment:
                (first,) = re.findall(r'"import_id":"([^"]+)"', said)
                run.environment["IMPORT"] = first
                await _ended(store, UUID(first))
        paths = (await face.client.get("/openapi.json")).json()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert routes - seen == set(), "a route without its curl"


async def _ended(store: Store, import_id: UUID) -> None:
    async def has_ended() -> bool:
        """the sample is read"""
        return all(run.ended for run in await store.list_runs(import_id))

    await until(has_ended, 60)
