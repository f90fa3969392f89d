"""The commands of `soulprint dead`. What one needs is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

dead = typer.Typer(
    name="dead",
    help="Records that were set aside: which there are, why, and what is done about them.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: it is kept beside each letter.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who asks. By default your login name.")]
Import = Annotated[
    str | None,
    typer.Option("--import", metavar="IMPORT", help="Of this import, as `soulprint status` lists it."),
]
Topic = Annotated[
    str | None, typer.Option("--topic", metavar="TOPIC", help="Of this topic: chunks.ready.v2, say.")
]
ReasonIs = Annotated[
    str | None, typer.Option("--reason-is", metavar="REASON", help="Set aside for this reason.")
]


@dead.command("list")
def list_letters(
    only_open: Annotated[
        bool, typer.Option("--open", help="Only those about which nothing was done.")
    ] = False,
    import_id: Import = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="Of this user: a UUID or any name.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Set aside since then: 12h, 7d, a date or a time."),
    ] = None,
    topic: Topic = None,
    reason_is: ReasonIs = None,
    ids: Annotated[
        bool, typer.Option("--ids", help="Print their ids, one a line, for other commands.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count dead letters by topic, reason and class of error. No text of theirs. A chunk that the
    model refused leaves no letter: `soulprint replay plan --only dead` finds those, too."""
    from soulprint.dead.asking import filter_of
    from soulprint.dead.listing import list_command

    asked = filter_of(
        import_id=import_id, user=user, since=since, topic=topic, reason=reason_is, only_open=only_open
    )
    list_command(asked, ids=ids, as_json=as_json)


@dead.command()
def show(
    letter: Annotated[str, typer.Argument(metavar="ID", help="As `list --ids` prints it.")],
    text: Annotated[
        bool,
        typer.Option("--text", help="With a person's words. Who asked, and when, is written down first."),
    ] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Show one letter: why and where it was set aside, its headers, its event without a person's words."""
    from soulprint.dead.showing import show_command

    show_command(letter, by=by, text=text, as_json=as_json)


@dead.command()
def requeue(
    reason: Why,
    letters: Annotated[list[str] | None, typer.Argument(metavar="ID", help="These letters.")] = None,
    reason_is: ReasonIs = None,
    import_id: Import = None,
    topic: Topic = None,
    force: Annotated[bool, typer.Option("--force", help="Also what was buried twice already.")] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Put records on their topics again, as they were; their imports are counted and written anew. Safe to
    repeat: it goes on where it was ended. Exit code 1: some could not be, and why is said."""
    from soulprint.asked import asked_by
    from soulprint.dead.asking import filter_of
    from soulprint.dead.requeueing import requeue_command

    asked = filter_of(ids=letters, import_id=import_id, topic=topic, reason=reason_is, must_say=True)
    raise typer.Exit(requeue_command(asked, asked_by(by, reason), force=force, as_json=as_json))


@dead.command()
def drop(
    letters: Annotated[list[str], typer.Argument(metavar="ID", help="As `list --ids` prints them.")],
    reason: Why,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Say that nothing is to be done about letters. Their records stay until retention takes them. Exit code
    1: one of them is not there, or was requeued."""
    from soulprint.asked import asked_by
    from soulprint.dead.asking import filter_of
    from soulprint.dead.dropping import drop_command

    raise typer.Exit(drop_command(filter_of(ids=letters), asked_by(by, reason), as_json=as_json))
