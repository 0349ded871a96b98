"""The commands that play and go on: run, resume, review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from choreo.cli.app import app
from choreo.cli.endings import leave
from choreo.cli.options import By, Db, Json, Quiet, Run, Verbose, Yes

if TYPE_CHECKING:
    from choreo.commands.playing import Options


@app.command("run")
def run_command(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="The spec's YAML file.")],
    source: Annotated[
        str | None, typer.Option("--input", "-i", metavar="FILE|-", help="The trigger payload, JSON.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="One field of the trigger payload; JSON where the contract wants no text.",
        ),
    ] = None,
    labels: Annotated[list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Kept with the run.")] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="NAME=MODEL", help="Play a model of the spec by another (`all=MODEL`: every one)."
        ),
    ] = None,
    db: Db = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    yes: Yes = False,
    by: By = None,
) -> None:
    """Play a spec on this machine. The result goes to stdout, everything else to stderr."""

    def work() -> int:
        from choreo.commands.run import run

        options = options_of(db, as_json, quiet, verbose, yes, by)
        return run(spec, source=source, sets=sets or (), labels=labels or (), models=models or (), options=options)

    leave(work, db)


@app.command("resume")
def resume_command(
    run: Run,
    limits: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="NAME=VALUE", help="A higher limit: cost, hops, time (seconds) or parallel."),
    ] = None,
    db: Db = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    yes: Yes = False,
    by: By = None,
) -> None:
    """Go on with a run that was interrupted, waits, or reached a limit. Nothing finished is played again."""

    def work() -> int:
        from choreo.commands.resume import resume

        return resume(run, limits=limits or (), options=options_of(db, as_json, quiet, verbose, yes, by))

    leave(work, db)


@app.command("review")
def review_command(
    run: Run,
    approve: Annotated[bool, typer.Option("--approve", help="Approve exactly the payload that waits.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Reject it; say why with --note.")] = False,
    edit: Annotated[
        str | None, typer.Option("--edit", metavar="FILE", help="Deliver this JSON instead (or fill in a form).")
    ] = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="The reason, kept with the decision.")] = "",
    question: Annotated[
        int | None, typer.Option("--question", metavar="N", help="Which question, where several are open.")
    ] = None,
    db: Db = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    yes: Yes = False,
    by: By = None,
) -> None:
    """Answer what a run waits for, then go on with it. Without flags: at the terminal."""

    def work() -> int:
        from choreo.commands.review import Flags, review

        flags = Flags(approve=approve, reject=reject, edit=edit, note=note, question=question)
        return review(run, flags=flags, options=options_of(db, as_json, quiet, verbose, yes, by))

    leave(work, db)


def options_of(db: str | None, as_json: bool, quiet: bool, verbose: bool, yes: bool, by: str | None) -> Options:
    from choreo.commands.playing import Options
    from choreo.commands.speech import person

    return Options(db=db, as_json=as_json, quiet=quiet, verbose=verbose, yes=yes, by=by or person())
