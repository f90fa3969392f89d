"""The `soulprint` command. Each subcommand has a module of its own; errors end here, with their exit code.

What a subcommand needs is imported when it is called: `--help` and completion answer at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from soulprint import __version__, signals
from soulprint.canary.app import canary
from soulprint.dead.app import dead
from soulprint.profile.app import profile
from soulprint.replay.app import replay
from soulprint.topics_app import topics

STOPPABLE = ("run", "serve", "up")
"""Commands that see to signals themselves, from their first moment on."""
PERSON = "One person's memory"
SERVICES = "The services"
CANARY = "From v1 to v2"
REPLAY = "Done again"

app = typer.Typer(
    name="soulprint",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

User = Annotated[str, typer.Option("--user", help="Whose memory it is: a UUID or any name.")]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="Serve the memory even if it loses much of the one that is served."),
]
Lineage = Annotated[
    str | None,
    typer.Option(
        "--lineage",
        metavar="NAME",
        help="Of which account of the person the export is, under a name of your own: a later import of that "
        "name takes the place of this one. By default the export tells.",
    ),
]
Import = Annotated[
    str, typer.Argument(metavar="IMPORT", help="The import's id, as `soulprint status` lists it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Section = Literal["memory", "soul", "identity", "user", "agents", "tools"]
SECTIONS = get_args(Section)


def _print_version(asked: bool) -> None:
    if asked:
        from soulprint.terminal import say

        say(f"soulprint {__version__}")
        raise typer.Exit


@app.callback()
def begin(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A chat export in, a sourced memory out."""
    from shared.heap import steady_heap
    from shared.logs import configure_logs

    steady_heap()
    configure_logs(command=True)
    if context.invoked_subcommand not in STOPPABLE:
        signals.leave()


@app.command(rich_help_panel=PERSON)
def run(
    exports: Annotated[
        list[Path],
        typer.Argument(
            metavar="EXPORT",
            help="The export: .zip, .json, .json.gz, .jsonl, .html, .csv or a folder. Several are read as "
            "one person's.",
        ),
    ],
    user: User = "me",
    out: Annotated[Path, typer.Option("--out", help="Where the result is written.")] = Path("soulprint-out"),
    model: Annotated[
        Literal["offline", "claude"] | None, typer.Option("--model", help="What reads the export.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many calls, tokens and dollars it would take; no more.")
    ] = False,
    max_cost: Annotated[
        float | None,
        typer.Option("--max-cost", min=0.0, help="Dollars; stop before a call that could pass it."),
    ] = None,
    batch: Annotated[
        bool, typer.Option("--batch", help="Read by Message Batches, at half the price.")
    ] = False,
    patience: Annotated[
        str | None,
        typer.Option(
            "--patience",
            metavar="SPAN",
            help="How long to wait for a provider that does not answer: 90s, 30m, 2h. By default 5 minutes.",
        ),
    ] = None,
    replace: Replace = False,
    lineage: Lineage = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files in --out that SoulPrint did not write.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Turn an export into a memory: MEMORY.md, five sections, facts.jsonl and report.json."""
    from shared.requests.request import lineage_named
    from soulprint.run import run_command, run_settings

    settings = run_settings(model, batch=batch, patience=patience)
    lineage = lineage_named(lineage)
    if dry_run:
        from soulprint.estimate import estimate_command

        code = estimate_command(exports, user, settings, max_cost=max_cost, as_json=as_json)
    else:
        code = run_command(
            exports,
            user,
            out,
            settings,
            max_cost=max_cost,
            replace=replace,
            lineage=lineage,
            force=force,
            as_json=as_json,
        )
    raise typer.Exit(code)


@app.command(rich_help_panel=PERSON)
def show(
    user: User = "me",
    section: Annotated[
        Section | None,
        typer.Option(
            "--section", metavar="NAME", case_sensitive=False, help=f"One of {', '.join(SECTIONS)}."
        ),
    ] = None,
    facts: Annotated[bool, typer.Option("--facts", help="List the facts.")] = False,
    search: Annotated[
        str | None,
        typer.Option(
            "--search",
            metavar="TEXT",
            help="Find facts and passages with this text; where there are embeddings, passages near to it.",
        ),
    ] = None,
    why: Annotated[
        str | None,
        typer.Option(
            "--why", metavar="FACT", help=r"Show where a fact comes from. As MEMORY has it: '\[f:98c25fb5]'."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read the stored memory back."""
    from soulprint.show import show_command

    show_command(user, section=section, facts=facts, search=search, why=why, as_json=as_json)


@app.command(rich_help_panel=PERSON)
def accept(import_id: Import) -> None:
    """Serve a memory that is kept beside the served one, or that was replaced."""
    from soulprint.accept import accept_command

    accept_command(import_id)


@app.command(rich_help_panel=PERSON)
def doctor(as_json: Json = False) -> None:
    """Say what is set up, what is missing, and what to do about it."""
    from soulprint.doctor.command import doctor_command

    raise typer.Exit(doctor_command(as_json=as_json))


@app.command(rich_help_panel=SERVICES)
def serve(
    service: Annotated[
        str,
        typer.Argument(
            metavar="SERVICE", help="gateway, router, quickpass, chunker, extractor, consolidator or writer."
        ),
    ],
) -> None:
    """Run one service on Kafka until it is told to stop. Quickpass comes with the writer of its pipeline."""
    from soulprint.serve import serve_command

    serve_command([service])


@app.command(rich_help_panel=SERVICES)
def up() -> None:
    """Run the whole service in one process: on a given Kafka, or without one on this machine alone."""
    from soulprint.up import up_command

    up_command()


@app.command(rich_help_panel=SERVICES)
def submit(
    export: Annotated[
        str, typer.Argument(metavar="EXPORT", help="A local export, or bucket/path in storage.")
    ],
    user: User = "me",
    upload: Annotated[
        bool, typer.Option("--upload", help="Put the local file into storage first, for services elsewhere.")
    ] = False,
    replace: Replace = False,
    lineage: Lineage = None,
    as_json: Json = False,
) -> None:
    """Hand an export to the services."""
    from soulprint.submit import submit_command

    submit_command(export, user, as_json=as_json, replace=replace, upload=upload, lineage=lineage)


@app.command(rich_help_panel=SERVICES)
def status(
    import_id: Annotated[
        str | None, typer.Argument(metavar="IMPORT", help="Follow this import to its end.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how imports are going."""
    from soulprint.status import status_command

    raise typer.Exit(status_command(import_id, as_json=as_json))


@app.command(rich_help_panel=PERSON)
def usage(
    user: Annotated[str | None, typer.Option("--user", help="Only this user: a UUID or any name.")] = None,
    as_json: Json = False,
) -> None:
    """Say what models cost each user, over all runs."""
    from soulprint.usage import usage_command

    usage_command(user, as_json=as_json)


@app.command(rich_help_panel=PERSON)
def users(as_json: Json = False) -> None:
    """List whose memories there are."""
    from soulprint.users import users_command

    users_command(as_json=as_json)


@app.command(rich_help_panel=SERVICES)
def cancel(import_id: Import) -> None:
    """End an import that is under way. What the profile serves stays."""
    from soulprint.cancel import cancel_command

    raise typer.Exit(cancel_command(import_id))


@app.command(rich_help_panel=SERVICES)
def migrate(
    only_plan: Annotated[
        bool,
        typer.Option("--plan", help="List what would be run, and every conflict; change nothing."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the schema of DATABASE_URL up to date, beside the app's tables too. Safe to repeat."""
    from soulprint.migrate import migrate_command

    raise typer.Exit(migrate_command(only_plan=only_plan, as_json=as_json))


app.add_typer(profile, rich_help_panel=PERSON)

app.add_typer(topics, rich_help_panel=SERVICES)
app.add_typer(canary, rich_help_panel=CANARY)
app.add_typer(replay, rich_help_panel=REPLAY)
app.add_typer(dead, rich_help_panel=REPLAY)


def main() -> None:
    """The entry point. Exit codes: 0 done, 1 failed, 2 wrong usage or unreadable export, 3 the export breaks,
    4 the memory is not served, 130 Ctrl-C (128 and the number of another signal); `canary check` has 3
    and 4 of its own."""
    signals.begin()
    try:
        code = app(prog_name="soulprint", standalone_mode=False)
    except Exception as error:
        from soulprint.failing import failed

        code = failed(error)
    sys.exit(code)


if __name__ == "__main__":
    main()
