"""The commands of `soulprint canary`. What one needs is imported when it is called."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

LOOK = "Look"
MOVE = "Move"
BACK = "Back"
END = "The end of v1"

canary = typer.Typer(
    name="canary",
    help="Imports from v1 to v2 in steps, and back in one. A share is a percent of users: 10 or 12.5.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: it is kept in the history.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who asks. By default your login name.")]
Version = Annotated[
    int | None,
    typer.Option(
        "--version", metavar="N", min=1, help="Only if the policy still is this one, as `show` names it."
    ),
]
Share = Annotated[str, typer.Argument(metavar="SHARE", help="A percent of users: 10 or 12.5.")]


@canary.command(rich_help_panel=LOOK)
def show(as_json: Json = False) -> None:
    """Show the step, lanes side by side, what is missing for the next step, and the last changes."""
    from soulprint.canary.showing import show_command

    show_command(as_json=as_json)


@canary.command(rich_help_panel=LOOK)
def history(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="So many.")] = 20,
    as_json: Json = False,
) -> None:
    """List every policy that there was, who made it, and why; the newest first."""
    from soulprint.canary.past import history_command

    history_command(limit, as_json=as_json)


@canary.command(rich_help_panel=LOOK)
def explain(
    users: Annotated[
        list[str],
        typer.Argument(
            metavar="USER...",
            help="UUIDs or names; - reads them from standard input, one a line, a line of JSON each.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Say where users' next imports would go, and why. Nothing is recorded."""
    from soulprint.canary.explaining import explain_command

    explain_command(users, as_json=as_json)


@canary.command(rich_help_panel=LOOK)
def check(
    as_json: Json = False,
) -> None:
    """Judge the step as the router does, and roll back if it fails. 0: pass, 3: hold, 4: rolled back."""
    from soulprint.canary.checking import check_command

    raise typer.Exit(check_command(as_json=as_json))


@canary.command(rich_help_panel=LOOK)
def compare(
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="12h, 7d, a date or a time. By default since the step was entered.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare the lanes, and what v1 made with what shadow runs beside it made. Figures and ids, no text."""
    from soulprint.canary.comparing import compare_command

    compare_command(since, as_json=as_json)


@canary.command("set", rich_help_panel=MOVE)
def set_share(
    share: Share, reason: Why, by: By = None, version: Version = None, as_json: Json = False
) -> None:
    """Send the imports of this share of users to v2, the others' to v1."""
    from soulprint.asked import asked_by
    from soulprint.canary.verbs import set_command

    raise typer.Exit(set_command(share, asked_by(by, reason, as_json=as_json, version=version)))


@canary.command(rich_help_panel=MOVE)
def shadow(share: Share, reason: Why, by: By = None, version: Version = None, as_json: Json = False) -> None:
    """Run v2 beside the v1 runs of this share of users. It serves nothing; `compare` tells what it made."""
    from soulprint.asked import asked_by
    from soulprint.canary.verbs import shadow_command

    raise typer.Exit(shadow_command(share, asked_by(by, reason, as_json=as_json, version=version)))


@canary.command(rich_help_panel=MOVE)
def mode(
    mode: Annotated[Literal["manual", "auto"], typer.Argument(metavar="manual|auto")],
    reason: Why,
    by: By = None,
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Say who takes the next step: you, or the router after a pass at every check."""
    from soulprint.asked import asked_by
    from soulprint.canary.verbs import mode_command

    raise typer.Exit(mode_command(mode, asked_by(by, reason, as_json=as_json, version=version)))


@canary.command(rich_help_panel=MOVE)
def override(
    user: Annotated[str, typer.Argument(metavar="USER", help="A UUID or any name.")],
    lane: Annotated[str, typer.Argument(metavar="v1|v2|none")],
    reason: Why,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="TIME", help="12h or 7d from now, a date, or a time with its offset."
        ),
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Say of one user where their imports go, or no longer. Imports under way stay."""
    from soulprint.asked import asked_by
    from soulprint.canary.overriding import override_command

    raise typer.Exit(override_command(user, lane, until, asked_by(by, reason, as_json=as_json)))


@canary.command(rich_help_panel=MOVE)
def thresholds(
    replacing: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...", help="enough=50, shares=[500,10000]; enough= takes it back."
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why; to be given with NAME=VALUE.")
    ] = None,
    by: By = None,
    version: Version = None,
    as_json: Json = False,
) -> None:
    """List the numbers by which a lane is judged, or replace some."""
    from soulprint.asked import asked_by
    from soulprint.canary.tuning import show_thresholds, thresholds_command

    if replacing:
        asked = asked_by(by, reason or "", as_json=as_json, version=version)
        raise typer.Exit(thresholds_command(replacing, asked))
    show_thresholds(as_json=as_json)


@canary.command(rich_help_panel=BACK)
def rollback(
    recall: Annotated[
        bool, typer.Option("--recall", help="End v2 runs that are under way, each with a fallback in v1.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why, if there is time to say it.")
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Send every import to v1 from this moment on, until a person thaws it. Kafka need not be up."""
    from soulprint.asked import asked_by
    from soulprint.canary.rolling import BY_HAND, rollback_command

    why = BY_HAND if reason is None else reason
    raise typer.Exit(rollback_command(asked_by(by, why, as_json=as_json), recalling=recall))


@canary.command(rich_help_panel=BACK)
def thaw(reason: Why, by: By = None, version: Version = None, as_json: Json = False) -> None:
    """Let the policy be changed again after a rollback. The share stays at 0."""
    from soulprint.asked import asked_by
    from soulprint.canary.verbs import thaw_command

    raise typer.Exit(thaw_command(asked_by(by, reason, as_json=as_json, version=version)))


@canary.command(rich_help_panel=BACK)
def passthrough(
    to: Annotated[Literal["on", "off"], typer.Argument(metavar="on|off")],
    reason: Why,
    by: By = None,
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Send every import to v1 whatever share and overrides say, which stay for when it is off again."""
    from soulprint.asked import asked_by
    from soulprint.canary.verbs import passthrough_command

    raise typer.Exit(passthrough_command(to, asked_by(by, reason, as_json=as_json, version=version)))


@canary.command(rich_help_panel=END)
def deprecate(
    reason: Why,
    sunset: Annotated[
        str | None, typer.Option("--sunset", metavar="TIME", help="When it ends: 7d, a date or a time.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Take the announcement back.")] = False,
    by: By = None,
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Have answers of /process-full say that it is deprecated, and when it ends."""
    from soulprint.asked import asked_by
    from soulprint.canary.deprecating import deprecate_command

    asked = asked_by(by, reason, as_json=as_json, version=version)
    raise typer.Exit(deprecate_command(sunset, asked, off=off))
