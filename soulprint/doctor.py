"""`soulprint doctor`: what is set up, what is missing, and what to do about it."""

from __future__ import annotations

import asyncio
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import typer

from shared.domain.errors import SoulprintError
from shared.models.open import make_model
from shared.settings import Settings, load_settings
from shared.store.open import opened_store
from soulprint.blocks import fitted
from soulprint.doctor_embeddings import embeddings_of

ENOUGH_DISK = 2 * 1024**3
"""Bytes of free disk under which doctor warns: a large export's passages need about its own size."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `advice` says what to do where `ok` is false."""

    name: str
    ok: bool
    found: str
    advice: str = ""


def doctor_command(*, as_json: bool) -> int:
    """Look at everything; answers 0 if all is well, 1 otherwise."""
    settings = load_settings()
    checks = [*(check(settings) for check in _CHECKS), *asyncio.run(_check_database(settings))]
    if settings.kafka_bootstrap_servers:
        checks.append(asyncio.run(_check_topics(settings)))
    if as_json:
        typer.echo(orjson.dumps([asdict(check) for check in checks], option=orjson.OPT_INDENT_2))
    else:
        for check in checks:
            head = f"{'ok     ' if check.ok else 'missing'}  {check.name:<10} {check.found}"
            typer.echo(fitted(head) if check.ok else f"{fitted(head)}\n{fitted(f'  {check.advice}')}")
    return 0 if all(check.ok for check in checks) else 1


def _check_python(_: Settings) -> Check:
    return Check(
        "python",
        sys.version_info >= (3, 11),
        f"{platform.python_implementation()} {platform.python_version()}",
        "install Python 3.11 or newer",
    )


def _check_home(settings: Settings) -> Check:
    folder = _existing(settings.home)
    free = shutil.disk_usage(folder).free
    return Check(
        "disk",
        free >= ENOUGH_DISK,
        f"{free / 1e9:.1f} GB free for {settings.home}",
        "free some space, or set SOULPRINT_HOME to a folder on another disk",
    )


def _check_model(settings: Settings) -> Check:
    if settings.model == "offline":
        return Check("model", True, "offline: rules that read English only, no network, no key")
    found = f"claude: {settings.claude_model} at {settings.anthropic_base_url or 'the vendor'}"
    try:
        make_model(settings)
    except SoulprintError as error:
        return Check("model", False, found, str(error))
    return Check("model", True, f"{found}, the key is set (whether it is valid, the first call tells)")


async def _check_database(settings: Settings) -> list[Check]:
    where = "given by DATABASE_URL" if settings.database_url else "embedded"
    try:
        async with opened_store(settings) as store:
            checks = [Check("database", True, f"Postgres, {where}, schema up to date")]
            return [*checks, Check("embeddings", *await embeddings_of(store, settings))]
    except SoulprintError as error:
        return [Check("database", False, f"Postgres, {where}", str(error))]


async def _check_topics(settings: Settings) -> Check:
    from soulprint.topics import told, topic_drift

    try:
        drifts = await topic_drift(settings)
    except SoulprintError as error:
        return Check("kafka", False, str(settings.kafka_bootstrap_servers), str(error))
    found = "; ".join(told(drift) for drift in drifts) or "every topic is as it should be"
    return Check(
        "kafka", not drifts, found, "run `soulprint topics create`; what differs is for ops to change"
    )


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


_CHECKS: tuple[Callable[[Settings], Check], ...] = (
    _check_python,
    _check_home,
    _check_model,
)
