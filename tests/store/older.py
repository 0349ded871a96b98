"""A store as an older choreo wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from choreo.canonical import Payload
from choreo.store import driver, schema


def write_v1(path: Path) -> None:
    """A store of version 1 with one finished run `old`, as the first release made it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    connection = driver.connect(str(path))
    for statement in schema._STEPS[0][1].split(";"):
        connection.execute(statement)
    from sqlite_utils import Database, Migrations

    migrations = Migrations("choreo")
    migrations(name=schema._STEPS[0][0])(lambda db: None)
    migrations.apply(Database(connection))
    _one_run(connection)
    connection.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
    connection.execute("PRAGMA user_version=1")
    if driver.wal_is_safe():
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def _one_run(connection: Any) -> None:
    sources = Payload.of({"s.yaml": "choreo: 1"})
    connection.execute("INSERT INTO plan VALUES(?,?,?,?)", (sources.digest, "s.yaml", sources.data, 1000.0))
    connection.execute(
        "INSERT INTO run(id,spec,version,plan,status,created,changed,chain)"
        " VALUES('old','s','1.0.0',?,'done',1,1,x'00')",
        (sources.digest,),
    )
