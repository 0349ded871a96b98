"""The commands that look and change nothing: runs, trace, doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from choreo.cli.app import app
from choreo.cli.endings import leave
from choreo.cli.options import Db, Json, Run


@app.command("runs")
def runs_command(
    limit: Annotated[int, typer.Option("--last", metavar="N", min=1, help="How many.")] = 20,
    status: Annotated[str | None, typer.Option("--status", metavar="STATUS", help="Only runs in this status.")] = None,
    labels: Annotated[list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Only runs with it.")] = None,
    children: Annotated[bool, typer.Option("--children", help="Child runs (RUN.HOP), too.")] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """List the runs on record, newest first."""

    def work() -> int:
        from choreo.commands.trace import runs

        return runs(limit=limit, status=status, labels=labels or (), as_json=as_json, db=db, children=children)

    leave(work, db)


@app.command("trace")
def trace_command(
    run: Run,
    hop: Annotated[int | None, typer.Option("--hop", metavar="N", help="One hop with every byte.")] = None,
    lane: Annotated[
        str | None, typer.Option("--lane", metavar="LANE", help="What happened in one lane, as `research[3]`.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that rows and payloads are what was written.")
    ] = False,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="Show a run that another process plays as it goes on, with --json an event a line, until it is over "
            "or nobody plays it: the exit code is that of the run, 4 where it waits, 143 where it was cut short.",
        ),
    ] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Show what happened in a run: payloads, verdicts, causes, cost, and who decided what."""

    def work() -> int:
        from choreo.commands.trace import trace

        return trace(run, hop=hop, as_json=as_json, verify=verify, db=db, lane=lane, following=follow)

    leave(work, db)


@app.command("doctor")
def doctor_command(db: Db = None, as_json: Json = False) -> None:
    """Say what this machine has: Python, SQLite, runtimes, weights, and known-bad versions."""

    def work() -> int:
        from choreo.commands.doctor import doctor

        return doctor(db=db, as_json=as_json)

    leave(work, db)
