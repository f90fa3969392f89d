"""All checks, and how they are told."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from shared.settings import Settings, load_settings
from soulprint.doctor.app import check_app
from soulprint.doctor.check import Check
from soulprint.doctor.database import check_database
from soulprint.doctor.kafka import check_kafka
from soulprint.doctor.machine import check_machine
from soulprint.doctor.project import check_project
from soulprint.terminal import say_fitted, say_json


def doctor_command(*, as_json: bool) -> int:
    """Look at everything; answers 0 if nothing is missing, 1 otherwise."""
    settings = load_settings()
    checks = check_machine(settings) + asyncio.run(_elsewhere(settings))
    if as_json:
        say_json([asdict(check) for check in checks], indent=True)
    else:
        for check in checks:
            say_fitted(f"{check.word:<7}  {check.name:<10} {check.found}")
            if check.advice:
                say_fitted(f"  {check.advice}")
    return 0 if all(check.ok for check in checks) else 1


async def _elsewhere(settings: Settings) -> list[Check]:
    return [
        *await check_database(settings),
        *await check_project(settings),
        *await check_app(settings),
        *await check_kafka(settings),
    ]
