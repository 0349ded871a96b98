"""`choreo models ...`"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from choreo.cli.app import models_app
from choreo.cli.endings import leave
from choreo.cli.options import Json, Yes


@models_app.command("list")
def models_list_command(as_json: Json = False) -> None:
    """The embedded models there are, with size and licence, and which are on this machine."""

    def work() -> int:
        from choreo.commands.models import list_models

        return list_models(as_json=as_json)

    leave(work, None)


@models_app.command("pull")
def models_pull_command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A model of the list (default: the default one).")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="GGUF", help="Take in a model file of your own.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Bring a model's weights to this machine, verified against the official file's digest."""

    def work() -> int:
        from choreo.commands.models import pull_model
        from choreo.commands.speech import ask_yes, is_terminal

        return pull_model(name, file=file, yes=yes, ask=ask_yes if is_terminal(sys.stdin) else None)

    leave(work, None)


@models_app.command("rm")
def models_rm_command(name: Annotated[str, typer.Argument(metavar="NAME", help="A model on this machine.")]) -> None:
    """Remove a model's weights from this machine."""

    def work() -> int:
        from choreo.commands.models import remove_model

        return remove_model(name)

    leave(work, None)
