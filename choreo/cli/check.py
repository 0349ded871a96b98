"""The commands on specs that play nothing: validate, explain, schema."""

from __future__ import annotations

from typing import Annotated

import typer

from choreo.cli.app import app
from choreo.cli.endings import leave
from choreo.cli.options import Format, Json, Quiet


@app.command("validate")
def validate_command(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Specs, and folders of specs.")],
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")] = False,
    format: Format = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
    skip_others: Annotated[
        bool, typer.Option("--skip-others", help="Pass over YAML files that are no specs (for hooks).")
    ] = False,
) -> None:
    """Check specs and their contracts without playing anything. All problems at once, each with its place."""

    def work() -> int:
        from choreo.commands.validate import validate

        return validate(paths, strict=strict, format=format, as_json=as_json, quiet=quiet, skip_others=skip_others)

    leave(work, None)


@app.command("explain")
def explain_command(
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="A code, such as `gap` (default: all).")] = None,
    as_json: Json = False,
) -> None:
    """Tell what a code means and what to do about it; without a code, list them all."""

    def work() -> int:
        from choreo.commands.explain import explain

        return explain(code, as_json=as_json)

    leave(work, None)


@app.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of the spec language, for editors and other validators."""

    def work() -> int:
        from choreo.commands.explain import print_schema

        return print_schema()

    leave(work, None)
