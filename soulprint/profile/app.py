"""The commands of `soulprint profile`. What one needs is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

profile = typer.Typer(
    name="profile",
    help="The versions of a profile that are kept: what was served before, and what never was.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
User = Annotated[str, typer.Argument(metavar="USER", help="A UUID or any name.")]
MOST_VERSION = 2**63 - 1


@profile.command("list")
def list_versions(
    user: User,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="At most so many.")
    ] = 20,
    as_json: Json = False,
) -> None:
    """List what is served of a user and what is kept, the newest first. Figures and ids, no text."""
    from soulprint.profile.listing import list_command

    list_command(user, limit, as_json=as_json)


@profile.command()
def restore(
    user: User,
    version: Annotated[
        int, typer.Argument(metavar="VERSION", min=1, max=MOST_VERSION, help="As `list` numbers it.")
    ],
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="Why: it is written down, with who and when."),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who asks. By default your login name.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve a version that is kept. What it takes the place of is kept in turn, under a number of its own."""
    from soulprint.profile.restoring import restore_command

    restore_command(user, version, by, reason, as_json=as_json)
