"""`choreo contract ...`"""

from __future__ import annotations

from typing import Annotated

import typer

from choreo.cli.app import contract_app
from choreo.cli.endings import leave
from choreo.cli.options import Format, Json, Paths, Quiet


@contract_app.command("list")
def contract_list_command(paths: Paths = None, as_json: Json = False) -> None:
    """The contracts there are, their versions, and who emits and accepts them in which spec."""

    def work() -> int:
        from choreo.commands.contract import list_contracts

        return list_contracts(paths or ["."], as_json=as_json)

    leave(work, None)


@contract_app.command("show")
def contract_show_command(
    named: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="A contract (default: the newest version).")],
    as_json: Json = False,
) -> None:
    """One contract: its schema, its owner, who uses it."""

    def work() -> int:
        from choreo.commands.contract import show_contract

        return show_contract(named, as_json=as_json)

    leave(work, None)


@contract_app.command("check")
def contract_check_command(
    paths: Paths = None,
    base: Annotated[str | None, typer.Option("--base", metavar="GITREF", help="Compare with this state.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Warnings fail, too: such as a version that is not locked.")
    ] = False,
    format: Format = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Every schema is valid, released versions are unchanged and locked, and each bump is as large as its change."""

    def work() -> int:
        from choreo.commands.contract import check_contracts

        return check_contracts(paths or ["."], base=base, format=format, as_json=as_json, quiet=quiet, strict=strict)

    leave(work, None)


@contract_app.command("lock")
def contract_lock_command(
    paths: Paths = None,
    rewrite: Annotated[bool, typer.Option("--rewrite", help="Take changed versions in, too.")] = False,
) -> None:
    """Write the digest of every version to schemas/choreo.lock. Contracts inside a spec are not locked."""

    def work() -> int:
        from choreo.commands.contract import lock_contracts

        return lock_contracts(paths or ["."], rewrite=rewrite)

    leave(work, None)


@contract_app.command("diff")
def contract_diff_command(
    old: Annotated[str | None, typer.Argument(metavar="OLD", help="A file, or name@version.")] = None,
    new: Annotated[str | None, typer.Argument(metavar="NEW", help="A file, or name@version.")] = None,
    base: Annotated[str | None, typer.Option("--base", metavar="GITREF", help="Compare with this state.")] = None,
    against: Annotated[
        str | None, typer.Option("--against-traces", metavar="DB", help="Hold NEW against payloads of this store.")
    ] = None,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="How many of them.")] = 100,
    as_json: Json = False,
) -> None:
    """What a change of a contract breaks, in both directions, each with a value that shows it."""

    def work() -> int:
        from choreo.commands.contract import diff_contracts

        return diff_contracts(old, new, base=base, against=against, last=last, as_json=as_json)

    leave(work, None)
