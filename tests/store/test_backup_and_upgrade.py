"""A copy of the store is whole and checked or not there; an older store is upgraded with a copy beside it first."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
import typer
from keeping import at, new_run
from older import write_v1

from choreo.cli.endings import leave
from choreo.commands.db import backup, upgrade_store
from choreo.commands.trace import runs
from choreo.errors import StoreError, UsageError
from choreo.store import Store, driver
from choreo.store.backup import untold_upgrades, upgrade
from choreo.store.place import check_header
from choreo.store.schema import VERSION


@pytest.fixture(autouse=True)
def nothing_untold() -> None:
    untold_upgrades()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = at(tmp_path)
    store = Store.open(path)
    for number in range(30):
        new_run(store, f"run-{number}")
    store.close()
    return path


def ids(path: Path) -> set[str]:
    store = Store.read(path)
    found = {run.id for run in store.runs(limit=10_000)}
    store.close()
    return found


def test_a_backup_is_a_store_of_its_own_with_every_run_that_was_acknowledged(good: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    writer = Store.open(good)
    new_run(writer, "in-the-wal")
    assert backup(str(copy), db=str(good)) == 0
    writer.close()
    assert ids(copy) == {*(f"run-{number}" for number in range(30)), "in-the-wal"}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    store = Store.open(copy)
    new_run(store, "goes-on")
    store.close()
    assert "goes-on" not in ids(good)


def test_a_backup_taken_while_another_connection_writes_is_whole(good: Path, tmp_path: Path) -> None:
    written: list[str] = []

    def write() -> None:
        store = Store.open(good)
        for number in range(60):
            new_run(store, f"more-{number}")
            written.append(f"more-{number}")
        store.close()

    other = threading.Thread(target=write)
    before = set(written)
    other.start()
    backup(str(tmp_path / "copy.db"), db=str(good))
    other.join()
    assert ids(tmp_path / "copy.db") >= {*(f"run-{number}" for number in range(30)), *before}
    assert len(written) == 60


def test_a_backup_never_replaces_a_file_and_leaves_nothing_where_it_fails(good: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        backup(str(tmp_path / "there"), db=str(good))
    assert (tmp_path / "there").read_text() == "mine"
    with pytest.raises(StoreError, match="could not be copied"):
        backup(str(tmp_path / "no" / "such" / "folder"), db=str(good))
    size = good.stat().st_size
    with good.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\x55" * 4096)
    with pytest.raises(StoreError):
        backup(str(tmp_path / "copy.db"), db=str(good))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".choreo", "there"]


@pytest.mark.parametrize("how", [Store.open, Store.read])
def test_an_older_store_is_upgraded_when_it_is_opened_and_its_copy_is_as_it_was(how, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = at(tmp_path)
    write_v1(path)
    assert check_header(path) == 1
    store = how(path)
    assert [(run.id, run.status, run.due) for run in store.runs()] == [("old", "done", None)]
    store.close()
    copy = path.with_name("trace.db.v1-backup")
    assert (check_header(path), check_header(copy)) == (VERSION, 1)
    old = driver.connect(str(copy), read_only=True)
    assert old.execute("SELECT id FROM run").fetchall() == [("old",)]
    old.close()
    assert upgrade(path) == (VERSION, None)


def test_an_upgrade_never_writes_over_an_earlier_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = at(tmp_path)
    write_v1(path)
    for number in ("", "-2"):
        path.with_name(f"trace.db.v1-backup{number}").write_text("another store")
    assert upgrade_store(db=str(path)) == 0
    assert capsys.readouterr().err.endswith("as it was before: " + str(path.with_name("trace.db.v1-backup-3")) + "\n")
    assert [path.with_name(f"trace.db.v1-backup{number}").read_text() for number in ("", "-2")] == ["another store"] * 2
    assert check_header(path.with_name("trace.db.v1-backup-3")) == 1


def test_an_upgrade_that_is_cut_short_again_and_again_leaves_one_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = at(tmp_path)
    write_v1(path)

    def full(connection: object) -> None:
        raise driver.OperationalError("disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("choreo.store.backup.migrate", full)
        for _ in range(3):
            with pytest.raises(StoreError, match="disk is full"):
                Store.open(path)
    Store.open(path).close()
    assert [one.name for one in path.parent.glob("*backup*")] == ["trace.db.v1-backup"]


def test_whichever_command_upgrades_a_store_says_where_the_copy_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = at(tmp_path)
    write_v1(path)
    said = []
    for _ in range(2):
        with pytest.raises(typer.Exit):
            leave(lambda: runs(limit=5, status=None, labels=(), as_json=False, db=str(path)), str(path))
        said.append(capsys.readouterr().err)
    copy = path.with_name("trace.db.v1-backup")
    assert said == [f"{path} is upgraded to store version {VERSION}; as it was before: {copy}\n", ""]


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = at(tmp_path)
    write_v1(path)
    assert [upgrade_store(db=str(path)), upgrade_store(db=str(path))] == [0, 0]
    first, second = capsys.readouterr().err.splitlines()
    assert "as it was before" in first
    assert "up to date" in second


def test_a_damaged_older_store_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = at(tmp_path)
    write_v1(path)
    connection = driver.connect(str(path))
    connection.execute("DROP TABLE handoff")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="lacks the table handoff"):
        Store.open(path)
    assert path.read_bytes() == before
    assert not path.with_name("trace.db.v1-backup").exists()
