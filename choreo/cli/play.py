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
            "--model",
            metavar="NAME=MODEL",
            help="Play a model of the spec and its sub-specs by another (`all=MODEL`: all). "
            "Its `timeout`, `api_base`, `api_key`, `price` and `fallback` do not go with the other.",
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
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or `last`.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every run that can go on; nobody is asked.")] = False,
    due: Annotated[
        bool, typer.Option("--due", help="Every run whose delay or time to answer is over; nobody is asked.")
    ] = False,
    limits: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="NAME=VALUE", help="A higher limit: cost, hops, time (seconds) or parallel."),
    ] = None,
    effects: Annotated[
        bool, typer.Option("--effects", help="Of a replay: do the effects that it did not do again.")
    ] = False,
    accept_changes: Annotated[
        bool,
        typer.Option(
            "--accept-changes",
            help="Go on with the spec, prompts and contracts as they are now, not as they were when the run began. "
            "What is finished stays; refused where that does not fit.",
        ),
    ] = False,
    db: Db = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    yes: Yes = False,
    by: By = None,
) -> None:
    """Go on with a run that was interrupted, waits, or reached a limit. Nothing finished is played again.

    A run waits itself only for a delay of up to 5 seconds. For a longer one it leaves with code 4 and says when
    `choreo resume --due` (from cron, say) takes it up. `--all` and `--due` play one run after the other and pass
    over those that another process plays; their code is 0 where all are done, 4 where runs wait, 1 where one failed,
    was rejected or reached a limit.
    """

    def work() -> int:
        from choreo.commands.resume import resume
        from choreo.commands.resume_many import resume_many

        options = options_of(db, as_json, quiet, verbose, yes, by, effects)
        if every or due:
            return resume_many(
                run, limits=limits or (), due_only=not every, options=options, accept_changes=accept_changes
            )
        return resume(run, limits=limits or (), options=options, accept_changes=accept_changes)

    leave(work, db)


@app.command("review")
def review_command(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or `last`.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Work through the open questions of all runs.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List them, oldest first, and ask nothing.")] = False,
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
        from choreo.commands.review_many import review_many

        options = options_of(db, as_json, quiet, verbose, yes, by)
        flags = Flags(approve=approve, reject=reject, edit=edit, note=note, question=question)
        if run is None or every or listed:
            return review_many(run, every=every, listed=listed, answered=flags.given, options=options)
        return review(run, flags=flags, options=options)

    leave(work, db)


@app.command("stop")
def stop_command(
    run: Run,
    cancel: Annotated[bool, typer.Option("--cancel", help="End it for good: it cannot be resumed.")] = False,
    db: Db = None,
    by: By = None,
) -> None:
    """Have a run save and stop, wherever it is played. `choreo resume RUN` (or an answer to it) goes on with it."""

    def work() -> int:
        from choreo.commands.stop import stop

        return stop(run, cancel=cancel, options=options_of(db, False, False, False, False, by))

    leave(work, db)


@app.command("batch")
def batch_command(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="The spec's YAML file.")],
    inputs: Annotated[str, typer.Argument(metavar="INPUTS", help="FILE.jsonl, FILE.csv, or a folder of .json files.")],
    parallel: Annotated[int, typer.Option("--parallel", metavar="N", min=1, help="Runs at a time.")] = 8,
    processes: Annotated[
        int, typer.Option("--processes", metavar="N", min=1, help="Share them among N processes (no models).")
    ] = 1,
    limits: Annotated[
        list[str] | None, typer.Option("--limit", metavar="cost=VALUE", help="Begin no more once this is spent.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="Where each result goes, one line of JSON; not among INPUTS."),
    ] = None,
    labels: Annotated[
        list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Kept with the runs.")
    ] = None,
    models: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME=MODEL", help="As in `choreo run`.")
    ] = None,
    db: Db = None,
    quiet: Quiet = False,
    yes: Yes = False,
) -> None:
    """Play a spec once for each input. The same command again goes on where it stopped and plays what is new."""

    def work() -> int:
        from choreo.commands.batch import batch

        return batch(
            spec,
            inputs,
            parallel=parallel,
            limits=limits or (),
            out=out,
            labels=labels or (),
            models=models or (),
            options=options_of(db, False, quiet, False, yes, None),
            processes=processes,
        )

    leave(work, db)


def options_of(
    db: str | None, as_json: bool, quiet: bool, verbose: bool, yes: bool, by: str | None, effects: bool = False
) -> Options:
    from choreo.commands.playing import Options
    from choreo.commands.speech import person

    return Options(db=db, as_json=as_json, quiet=quiet, verbose=verbose, yes=yes, by=by or person(), effects=effects)
