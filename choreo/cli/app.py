"""The applications that the commands of this package are put on."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    name="choreo",
    help="Run AI choreographies: roles, contracts, touchpoints and a trace, from one YAML spec.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(help="The weights of embedded models.", no_args_is_help=True, rich_markup_mode=None)
contract_app = typer.Typer(
    help="Contracts: list, show, check, lock, compare.", no_args_is_help=True, rich_markup_mode=None
)
db_app = typer.Typer(help="The trace store as a file: backup, upgrade.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(models_app, name="models")
app.add_typer(contract_app, name="contract")
app.add_typer(db_app, name="db")


def _version(wanted: bool) -> None:
    if wanted:
        from choreo import __version__

        print(f"choreo {__version__}")  # noqa: T201
        raise typer.Exit(0)


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
