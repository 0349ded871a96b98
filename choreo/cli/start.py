"""The commands that a piece of work starts with: init, map."""

from __future__ import annotations

from typing import Annotated

import typer

from choreo.cli.app import app
from choreo.cli.endings import leave
from choreo.cli.options import Json


@app.command("init")
def init_command(
    folder: Annotated[str, typer.Argument(metavar="[DIR]", help="Where the project goes (default: here).")] = ".",
    example: Annotated[
        str | None, typer.Option("--example", metavar="NAME", help="Take an example (an unknown name lists them).")
    ] = None,
) -> None:
    """Start a project: five steps at the terminal, or an example. Writes a spec that runs; overwrites nothing."""

    def work() -> int:
        from choreo.commands.init import init

        return init(folder, example=example)

    leave(work, None)


@app.command("map")
def map_command(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="The spec's YAML file.")],
    mermaid: Annotated[bool, typer.Option("--mermaid", help="The drawing as a Mermaid flowchart.")] = False,
    as_json: Json = False,
) -> None:
    """Show what covers each part of a spec's map, and draw the choreography. Plays nothing."""

    def work() -> int:
        from choreo.commands.map import draw_map

        return draw_map(spec, mermaid=mermaid, as_json=as_json)

    leave(work, None)
