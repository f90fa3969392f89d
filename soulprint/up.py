"""`soulprint up`: every service in one process."""

from __future__ import annotations

from soulprint.serve import SERVICES, serve_command


def up_command() -> None:
    """Run every service until SIGTERM or SIGINT."""
    serve_command(SERVICES)
