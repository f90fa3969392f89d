"""`soulprint up`: every service in one process."""

from __future__ import annotations

from shared.pipelines import SERVICES
from soulprint.serve import serve_command


def up_command() -> None:
    """Run every service until SIGTERM or SIGINT."""
    serve_command(list(SERVICES))
