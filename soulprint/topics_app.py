"""`soulprint topics`: what is made and granted on Kafka. What a verb does is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]

topics = typer.Typer(name="topics", help="The topics on Kafka.", no_args_is_help=True)


@topics.command("create")
def create(as_json: Json = False) -> None:
    """Create the topics that do not exist. Safe to repeat."""
    from soulprint.topics import create_command

    create_command(as_json=as_json)


@topics.command("acls")
def acls(
    logins: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LOGIN]...", help="A service, app or ops; without any, all of them."),
    ] = None,
    principal: Annotated[
        str,
        typer.Option(metavar="NAME", help="What Kafka calls a login, with {} where its name stands."),
    ] = "User:soulprint-{}",
    as_json: Json = False,
) -> None:
    """Print the commands that grant services, apps and ops what they need on Kafka."""
    from soulprint.acls import acls_command

    acls_command(logins or [], principal, as_json=as_json)
