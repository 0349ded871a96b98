"""A store that cannot be trusted is refused and left exactly as it was found."""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keeping import at, new_run

from choreo.errors import StoreError, UsageError
from choreo.store import Store, driver, place


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = at(tmp_path)
    store = Store.open(path)
    for number in range(30):
        new_run(store, f"run-{number}")
    store.close()
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(path: Path, where: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(where)
        file.write(data)


def not_a_database(path: Path) -> None:
    path.write_bytes(b"these are the notes of last week\n" * 99)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def half_a_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def cut_in_a_page(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def page_of_garbage(path: Path) -> None:
    write(path, 4096, bytes(range(256)) * 16)


def every_page_garbage(path: Path) -> None:
    for page in range(1, path.stat().st_size // 4096):
        write(path, page * 4096, os.urandom(4096))


def foreign_id(path: Path) -> None:
    write(path, 68, struct.pack(">I", 0x12345678))


def from_the_future(path: Path) -> None:
    write(path, 60, struct.pack(">I", 99))


def table_missing(path: Path) -> None:
    connection = driver.connect(str(path))
    connection.execute("DROP TABLE decision")
    connection.close()


DAMAGES: list[tuple[Callable[[Path], None], str, str]] = [
    (not_a_database, "store-foreign", "is not an SQLite file"),
    (empty, "store-damaged", "has 0 bytes"),
    (half_a_header, "store-damaged", "has 60 bytes"),
    (cut_short, "store-damaged", "is cut short"),
    (cut_in_a_page, "store-damaged", "is cut short"),
    (page_of_garbage, "store-", "trace.db"),
    (every_page_garbage, "store-", "trace.db"),
    (foreign_id, "store-foreign", "not a trace store of choreo"),
    (from_the_future, "store-newer", "newer choreo (store version 99"),
    (table_missing, "store-damaged", "lacks the table decision"),
]


@pytest.mark.parametrize(("damage", "code", "told"), DAMAGES, ids=[item[0].__name__ for item in DAMAGES])
@pytest.mark.parametrize("use", [Store.open, Store.read])
def test_a_damaged_store_is_refused_and_untouched(
    good: Path, use: Callable[[Path], Store], damage: Callable[[Path], None], code: str, told: str
) -> None:
    damage(good)
    before = digest(good), good.stat().st_mtime_ns
    with pytest.raises(StoreError) as caught:
        use(good)
    assert (digest(good), good.stat().st_mtime_ns) == before
    assert caught.value.code.startswith(code)
    assert told in caught.value.message
    assert "--db" in caught.value.help
    assert caught.value.exit_code == 5


def test_a_store_that_is_whole_is_opened(good: Path) -> None:
    store = Store.open(good)
    assert len(store.runs(100)) == 30
    store.close()


def test_folder_and_file_are_for_the_owner_alone(good: Path) -> None:
    old = os.umask(0)
    os.umask(old)
    assert stat.S_IMODE(good.stat().st_mode) == 0o600
    assert stat.S_IMODE(good.parent.stat().st_mode) == 0o700


def test_the_side_files_of_a_store_in_use_are_for_the_owner_alone(good: Path) -> None:
    store = Store.open(good)
    new_run(store, "one more")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in good.parent.iterdir()}
    store.close()
    assert set(modes.values()) == {0o600}, modes


def test_a_link_that_leads_nowhere_is_refused_and_nothing_is_made_behind_it(tmp_path: Path) -> None:
    link, target = tmp_path / "trace.db", tmp_path / "elsewhere.db"
    link.symlink_to(target)
    with pytest.raises(StoreError, match="leads nowhere"):
        Store.open(link)
    assert link.is_symlink()
    assert not target.exists()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "trace.db"
    make(path)
    for use in (Store.open, Store.read):
        with pytest.raises(StoreError, match="not a plain file"):
            use(path)


def test_reading_never_makes_a_store(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no trace store"):
        Store.read(at(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_cannot_be_written_is_told_with_what_is_free(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        Store.open(at(tmp_path))
    tmp_path.chmod(0o700)


def test_a_store_under_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".choreo").write_text("in the way")
    with pytest.raises(StoreError) as caught:
        Store.open(at(tmp_path))
    assert "bytes are free" in caught.value.help
    assert (tmp_path / ".choreo").read_text() == "in the way"


@pytest.mark.parametrize("look", ["first_bytes", "exists"])
def test_a_store_whose_log_is_closed_while_it_is_looked_at_is_whole(
    tmp_path: Path, look: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last process that uses a store writes the log into it, and deletes the log, between two looks."""
    path = at(tmp_path)
    store = Store.open(path)
    for number in range(50):
        new_run(store, f"run-{number}")
    before = path.stat().st_size
    owner = place if look == "first_bytes" else Path
    looking = getattr(owner, look)

    def closing(*given: Any) -> Any:
        if given[0] in (path, path.with_name(path.name + "-wal")):
            store.close()
        return looking(*given)

    monkeypatch.setattr(owner, look, closing)
    assert place.check_header(path) > 0
    assert path.stat().st_size > before
