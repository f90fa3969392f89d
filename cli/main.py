"""The `soulprint` command. Each subcommand has a module of its own; errors end here, with their exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from shared.errors import SoulprintError
from shared.logs import configure_logs

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it (128 + SIGINT)."""

app = typer.Typer(
    name="soulprint",
    help="A chat export in, a sourced memory out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

User = Annotated[str, typer.Option("--user", help="Whose memory it is: a UUID or any name.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]


@app.command()
def run(
    export: Annotated[Path, typer.Argument(help="The export: .zip, .json, .json.gz, .jsonl or a folder.")],
    user: User = "me",
    out: Annotated[Path, typer.Option("--out", help="Where the result is written.")] = Path("soulprint-out"),
    model: Annotated[str | None, typer.Option("--model", help="offline or claude.")] = None,
    as_json: Json = False,
) -> None:
    """Turn an export into a memory: MEMORY.md, five sections, facts.jsonl and report.json."""
    from cli.run import run_command

    try:
        code = run_command(export, user, out, model, as_json=as_json)
    except KeyboardInterrupt:
        typer.echo("soulprint: stopped. The same command goes on where it stopped.", err=True)
        code = INTERRUPTED
    raise typer.Exit(code)


@app.command()
def show(
    user: User = "me",
    section: Annotated[
        str | None, typer.Option("--section", help="memory, soul, identity, user, agents or tools.")
    ] = None,
    facts: Annotated[bool, typer.Option("--facts", help="List the facts.")] = False,
    search: Annotated[
        str | None, typer.Option("--search", help="Find facts and passages with this text.")
    ] = None,
    why: Annotated[
        str | None, typer.Option("--why", help="Show where a fact comes from, by the start of its id.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read the stored memory back."""
    from cli.show import show_command

    show_command(user, section=section, facts=facts, search=search, why=why, as_json=as_json)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is set up, what is missing, and what to do about it."""
    from cli.doctor import doctor_command

    raise typer.Exit(doctor_command(as_json=as_json))


def main() -> None:
    """The entry point. Exit codes: 0 done, 1 failed, 2 wrong usage or unreadable export, 130 Ctrl-C."""
    try:
        configure_logs()
        app()
    except SoulprintError as error:
        typer.echo(f"soulprint: {error}", err=True)
        sys.exit(error.exit_code)
