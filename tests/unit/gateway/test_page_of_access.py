"""What docs/gateway.md says of keys is done as it stands there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from services.gateway.access.keys import ServiceKeys
from services.gateway.access.paths import PUBLIC
from shared.settings import load_settings

PAGE = (Path(__file__).parents[3] / "docs" / "gateway.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
def test_the_lines_that_make_a_key_make_one_that_is_accepted() -> None:
    (lines,) = re.findall(r"```sh\n(key=.*?)```", PAGE, re.DOTALL)
    said = subprocess.run(["sh", "-eu", "-c", lines], capture_output=True, text=True, check=True).stdout
    key, digest = re.findall(r": +([0-9a-f]{64})\n", said)
    assert ServiceKeys(load_settings(service_keys=digest).service_keys or ()).hold(key)


def test_the_page_names_what_anybody_may_ask() -> None:
    assert {*re.findall(r"`GET (/[a-z.]+)`", PAGE.partition("### Service keys")[0])} == PUBLIC
