"""The commands on specs that play nothing: validate."""

from __future__ import annotations

from typing import Annotated

import typer

from choreo.cli.app import app
from choreo.cli.endings import leave
from choreo.cli.options import Json, Quiet


@app.command("validate")
def validate_command(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Specs, and folders of specs.")],
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check specs and their contracts without playing anything. All problems at once, each with its place."""

    def work() -> int:
        from choreo.commands.validate import validate

        return validate(paths, strict=strict, as_json=as_json, quiet=quiet)

    leave(work, None)
