"""What several commands take: their options and arguments, said once."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Db = Annotated[
    str | None,
    typer.Option(
        "--db", metavar="FILE", help="The trace store (default: CHOREO_DB, else the nearest .choreo/trace.db)."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
Format = Annotated[
    Literal["auto", "text", "json", "github", "sarif", "junit"],
    typer.Option("--format", help="How findings are written (auto: github on GitHub Actions, else text)."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="More about what happens in between.")]
Yes = Annotated[bool, typer.Option("--yes", help="Download missing weights without asking. Never approves anything.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who answers (default: the user of this machine).")
]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or `last`.")]
Paths = Annotated[list[str] | None, typer.Argument(metavar="PATH...", help="Specs and folders (default: here).")]
