"""This machine: Python, the disk, the model."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

from shared.domain.addresses import shown_address
from shared.domain.errors import SoulprintError
from shared.models.open import make_model
from shared.settings import Settings
from soulprint.doctor.check import Check, found_if

ENOUGH_DISK = 2 * 1024**3
"""Bytes of free disk under which doctor warns: a large export's passages need about its own size."""


def check_machine(settings: Settings) -> list[Check]:
    """What needs no network."""
    return [_python(), _home(settings), _model(settings)]


def _python() -> Check:
    return found_if(
        "python",
        sys.version_info >= (3, 11),
        f"{platform.python_implementation()} {platform.python_version()}",
        "install Python 3.11 or newer",
    )


def _home(settings: Settings) -> Check:
    free = shutil.disk_usage(_existing(settings.home)).free
    return found_if(
        "disk",
        free >= ENOUGH_DISK,
        f"{free / 1e9:.1f} GB free for {settings.home}",
        "free some space, or set SOULPRINT_HOME to a folder on another disk",
    )


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def _model(settings: Settings) -> Check:
    if settings.model == "offline":
        return Check("model", True, "offline: rules that read English only, no network, no key")
    url = settings.anthropic_base_url
    found = f"claude: {settings.claude_model} at {shown_address(url) if url else 'the vendor'}"
    try:
        make_model(settings)
    except SoulprintError as error:
        return Check("model", False, found, str(error))
    return Check("model", True, f"{found}, the key is set (whether it is valid, the first call tells)")
