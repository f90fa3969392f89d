"""The commands of `soulprint replay`. What one needs is imported when it is called."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

LOOK = "Look"
RUN = "Run"
BESIDE = "Another pipeline"

replay = typer.Typer(
    name="replay",
    help="Imports done again after a change of a prompt, a model or a rule, or since chunks of them are dead "
    "or missing: planned first, then run.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Plan = Annotated[
    str, typer.Argument(metavar="PLAN", help="The plan's id, as `soulprint replay list` has it.")
]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who asks. By default your login name.")]


@replay.command(rich_help_panel=LOOK)
def plan(
    users: Annotated[
        list[str] | None,
        typer.Option(
            "--user", metavar="USER", help="Imports of this user, a UUID or a name; may be repeated."
        ),
    ] = None,
    imports: Annotated[
        list[str] | None,
        typer.Option("--import", metavar="IMPORT", help="This import; may be repeated."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Requested since: 12h, 7d, a date or a time."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Requested before: the same.")
    ] = None,
    stage: Annotated[
        Literal["chunks", "facts", "memory"],
        typer.Option(
            "--stage",
            help="From where on: read the export again, have stored chunks read again, or consolidate again.",
        ),
    ] = "facts",
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="missing|dead|stale|all",
            help="Missing or dead chunks, or both if given twice; imports that another model or prompt read; "
            "all, which is the default.",
        ),
    ] = None,
    sample: Annotated[
        str | None,
        typer.Option("--sample", metavar="N|N%", help="So many of them, the same each time."),
    ] = None,
    model_version: Annotated[
        str | None,
        typer.Option(
            "--model-version",
            metavar="NAME",
            help="Those of which this model or prompt version read a chunk.",
        ),
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Choose imports, and say what doing them again will take. It is kept as a plan; nothing runs yet."""
    from soulprint.replay.planning import plan_command

    plan_command(
        users or [],
        imports or [],
        since,
        until,
        stage=stage,
        only=only or [],
        sample=sample,
        model_version=model_version,
        by=by,
        as_json=as_json,
    )


@replay.command("list", rich_help_panel=LOOK)
def list_replays(
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="At most so many.")
    ] = 20,
    as_json: Json = False,
) -> None:
    """List plans and what became of them, the newest first."""
    from soulprint.replay.showing import list_command

    list_command(limit, as_json=as_json)


@replay.command(rich_help_panel=LOOK)
def show(
    plan: Plan,
    items: Annotated[bool, typer.Option("--items", help="List its imports, too.")] = False,
    after: Annotated[
        int, typer.Option("--after", metavar="N", min=0, help="With --items: those after this place.")
    ] = 0,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="With --items: at most so many.")
    ] = 50,
    as_json: Json = False,
) -> None:
    """Show a plan: what it was reckoned to take, what was left out and why, and how it fares."""
    from soulprint.replay.showing import show_command

    show_command(plan, items=items, after=after, limit=limit, as_json=as_json)


Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: it is kept with the replay.")]
MaybeWhy = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why, if you like: it is kept with the replay.")
]


@replay.command(rich_help_panel=RUN)
def run(
    plan: Plan,
    reason: Why,
    max_cost: Annotated[
        float | None,
        typer.Option("--max-cost", metavar="DOLLARS", min=0.0, help="Pause before it takes more."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="N", min=0.01, max=60_000, help="Imports a minute.")
    ] = None,
    canary: Annotated[
        int | None,
        typer.Option("--canary", metavar="N", min=1, help="Pause after so many imports, for you to look."),
    ] = None,
    serve_anyway: Annotated[
        bool, typer.Option("--serve-anyway", help="Serve also what comes out worse than what is served.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say whether it would be run; begin nothing.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not follow it.")] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Run a plan: its imports are done again, behind what people wait for. Ctrl-C leaves it running. Exit
    code 1: an import failed, or it was stopped; 4: it waits for you, or an import is held."""
    from soulprint.asked import asked_by
    from soulprint.replay.running import Terms, run_command

    terms = Terms(rate, canary, max_cost, serve_anyway, dry_run, detach)
    raise typer.Exit(run_command(plan, terms, asked_by(by, reason, as_json=as_json)))


@replay.command(rich_help_panel=RUN)
def status(
    plan: Annotated[
        str | None, typer.Argument(metavar="PLAN", help="By default those that run or are paused.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Until it has ended or waits for you. Ctrl-C leaves it running.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say how a replay fares: progress, what it took, what is held and failed, and what to do next. With
    --follow it ends as `run` does."""
    from soulprint.replay.steering import status_command

    raise typer.Exit(status_command(plan, following=follow, as_object=as_json))


@replay.command(rich_help_panel=RUN)
def pause(plan: Plan, reason: MaybeWhy = None, by: By = None, as_json: Json = False) -> None:
    """Begin no more imports of a replay; what is under way ends."""
    from soulprint.asked import noted_by
    from soulprint.replay.steering import steer_command

    raise typer.Exit(steer_command("pause", plan, noted_by(by, reason, as_json=as_json)))


@replay.command("continue", rich_help_panel=RUN)
def go_on(
    plan: Plan,
    max_cost: Annotated[
        float | None,
        typer.Option("--max-cost", metavar="DOLLARS", min=0.0, help="What it may take from now on, in all."),
    ] = None,
    no_max_cost: Annotated[bool, typer.Option("--no-max-cost", help="Whatever it takes.")] = False,
    reason: MaybeWhy = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Go on with a replay that is paused, also after its canary. One that runs only gets the new limit."""
    from soulprint.asked import noted_by
    from soulprint.replay.steering import steer_command

    asked = noted_by(by, reason, as_json=as_json)
    raise typer.Exit(steer_command("continue", plan, asked, max_cost=max_cost, lift=no_max_cost))


@replay.command(rich_help_panel=RUN)
def stop(plan: Plan, reason: MaybeWhy = None, by: By = None, as_json: Json = False) -> None:
    """End a replay for good: what is under way is cancelled, what was served stays."""
    from soulprint.asked import noted_by
    from soulprint.replay.steering import steer_command

    raise typer.Exit(steer_command("stop", plan, noted_by(by, reason, as_json=as_json)))


Pipeline = Annotated[
    str,
    typer.Option("--pipeline", metavar="NAME", help="A pipeline beside the one that is served, such as v3."),
]


@replay.command(rich_help_panel=BESIDE)
def feed(
    pipeline: Pipeline,
    since: Annotated[
        str,
        typer.Option("--since", metavar="TIME", help="Put on the log since: 12h, 7d, a date or a time."),
    ],
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="Put there before: the same. By default now."),
    ] = None,
    at_once: Annotated[
        int,
        typer.Option("--at-once", metavar="N", min=1, max=1000, help="So many unfinished in that pipeline."),
    ] = 16,
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="N", min=0.01, max=60_000, help="Imports a minute.")
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="Why: it is written down, with who and when."),
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Have another pipeline process the imports that lie on the log, in shadow. It serves nothing."""
    from soulprint.replay.feeding import Asked, feed_command

    feed_command(Asked(pipeline, since, until, at_once, rate, as_json, by, reason))


@replay.command(rich_help_panel=BESIDE)
def compare(
    pipeline: Pipeline,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Fed since: 12h, 7d, a date. By default 30d."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare what a pipeline that was fed made with what was made before. Figures and ids, no text."""
    from soulprint.replay.comparing import compare_command

    compare_command(pipeline, since, as_json=as_json)
