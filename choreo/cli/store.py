"""`choreo db ...`"""

from __future__ import annotations

from typing import Annotated

import typer

from choreo.cli.app import db_app
from choreo.cli.endings import leave
from choreo.cli.options import Db


@db_app.command("backup")
def db_backup_command(
    target: Annotated[str, typer.Argument(metavar="FILE", help="A new file.")], db: Db = None
) -> None:
    """Copy the store, while others may write to it. The copy is whole and checked, or not there."""

    def work() -> int:
        from choreo.commands.db import backup

        return backup(target, db=db)

    leave(work, db)


@db_app.command("upgrade")
def db_upgrade_command(db: Db = None) -> None:
    """Bring an older store to this version, with a copy beside it first. Every command does so by itself."""

    def work() -> int:
        from choreo.commands.db import upgrade_store

        return upgrade_store(db=db)

    leave(work, db)
