"""The commands that play a recorded run again and compare two: replay, diff."""

from __future__ import annotations

from typing import Annotated

import typer

from choreo.cli.app import app
from choreo.cli.endings import leave
from choreo.cli.options import By, Db, Json, Quiet, Run, Verbose, Yes
from choreo.cli.play import options_of


@app.command("replay")
def replay_command(
    run: Run,
    since: Annotated[
        str | None, typer.Option("--from", metavar="ROLE", help="Play this role, and what follows from it, anew.")
    ] = None,
    spec: Annotated[
        str | None, typer.Option("--spec", metavar="FILE", help="Play this spec (default: the one the run has kept).")
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME=MODEL", help="As in `choreo run`."),
    ] = None,
    effects: Annotated[
        bool, typer.Option("--effects", help="Do effects that cannot be taken from the record.")
    ] = False,
    db: Db = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    yes: Yes = False,
    by: By = None,
) -> None:
    """Play a run again as a new run: what has not changed is taken from the record, the rest is played.

    A hop is taken over where its role (definition, model and its settings, prompt, contracts, python module) and what
    it was handed are what they were; a person's decision where the same payload stands at the same touchpoint. Effects
    are not done again: the recorded receipt is taken; where there is none the run stops and asks.
    """

    def work() -> int:
        from choreo.commands.replay import replay

        options = options_of(db, as_json, quiet, verbose, yes, by, effects)
        return replay(run, since=since, spec=spec, models=models or (), options=options)

    leave(work, db)


@app.command("diff")
def diff_command(
    before: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or `last`.")],
    after: Annotated[str, typer.Argument(metavar="RUN", help="The run it is compared with.")],
    every: Annotated[bool, typer.Option("--all", help="What is the same, too.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="1 where the runs differ, like git diff.")] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Compare two runs hop by hop: inputs and outputs field by field, decisions, cost, latency, and how they ended.

    Hops are paired by role, visit and lane. Cost and latency are shown; they alone make no difference.
    """

    def work() -> int:
        from choreo.commands.diff import diff

        return diff(before, after, every=every, exit_code=exit_code, as_json=as_json, db=db)

    leave(work, db)
