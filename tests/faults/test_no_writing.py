"""A store that may not be written, and a process that may open no more files: exit 5, and the record is readable."""

from __future__ import annotations

import ctypes
import hashlib
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import CHOREO, choreo, result_of, slow_spec
from relay import environment

from choreo.store import Store
from choreo.store.files import Files
from choreo.trace import HopFinished

RUN = ("run", "slow.yaml", "--set", "n=1")
WRITING = [
    RUN,
    ("review", "last", "--approve", "--by", "ann"),
    ("resume", "last"),
    ("replay", "last"),
    ("stop", "last", "--cancel"),
    ("batch", "slow.yaml", "in.jsonl"),
    ("db", "backup", "here.db"),
]
READING = [("trace", "last"), ("trace", "last", "--verify"), ("runs",), ("review", "--list"), ("diff", "last", "last")]


def no_more_rights() -> None:
    """Root may write everywhere, unless it gives that up for good (CAP_DAC_OVERRIDE, from the bounding set)."""
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


def without_rights(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CHOREO, *args],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=no_more_rights if sys.platform == "linux" else None,
    )


def prepare(folder: Path) -> Path:
    slow_spec(folder, touchpoint=True)
    (folder / "slow.go").touch()
    (folder / "in.jsonl").write_text('{"n": 1}\n')
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return prepare(tmp_path)


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that is made read-only by the test, with a run on it that waits for a person."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(disk)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("a file system can only be made by root; what may not be written is tested with rights, too")
    try:
        prepare(disk)
        assert choreo(*RUN, cwd=disk).returncode == 4
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def must_refuse(done: subprocess.CompletedProcess[str], why: str) -> None:
    assert done.returncode == 5, done.stderr
    assert re.search(r"error\[\S+\]: (\S*/)?trace\.db", done.stderr), done.stderr
    assert why in done.stderr
    assert "free some space" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_on_a_read_only_disk_nothing_is_begun_and_the_reason_is_told(
    read_only_disk: Path, command: tuple[str, ...]
) -> None:
    before = contents(read_only_disk)
    must_refuse(choreo(*command, cwd=read_only_disk), "is on a file system that is read-only")
    assert contents(read_only_disk) == before


def test_a_read_only_disk_can_be_read_and_copied_from_and_goes_on_once_it_is_writable(
    read_only_disk: Path, tmp_path: Path
) -> None:
    for command in READING:
        done = choreo(*command, cwd=read_only_disk)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    copy = tmp_path / "copy.db"
    assert choreo("db", "backup", str(copy), cwd=read_only_disk).returncode == 0
    assert Store.read(copy).find("last").status == "waiting"
    subprocess.run(["mount", "-o", "remount,rw", str(read_only_disk)], check=True)
    done = choreo("review", "last", "--approve", "--by", "ann", cwd=read_only_disk)
    assert (done.returncode, result_of(done)) == (0, {"n": 2})


def test_on_a_disk_that_became_read_only_there_is_no_room_for_a_paid_answer(read_only_disk: Path) -> None:
    path = read_only_disk / ".choreo" / "trace.db"
    assert Files(path).free().endswith("is on a file system that is read-only")
    with pytest.raises(Exception, match="no call was made"), Files(path).room_for_answer():
        pass


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_where_nothing_may_be_written_the_reason_is_told(folder: Path, command: tuple[str, ...]) -> None:
    assert choreo(*RUN, cwd=folder).returncode == 4
    before = contents(folder)
    kept = folder / ".choreo"
    for path in (kept, folder):
        path.chmod(0o500)
    (kept / "trace.db").chmod(0o400)
    try:
        must_refuse(without_rights(*command, cwd=folder), "may be written in")
        assert without_rights("trace", "last", cwd=folder).returncode == 0
        assert contents(folder) == before
    finally:
        for path in (folder, kept):
            path.chmod(0o700)
        (kept / "trace.db").chmod(0o600)
    done = choreo("review", "last", "--approve", "--by", "ann", cwd=folder)
    assert (done.returncode, result_of(done)) == (0, {"n": 2})


def runs_of(folder: Path) -> list[str]:
    path = folder / ".choreo" / "trace.db"
    store = Store.read(path) if path.exists() else None
    if store is None:
        return []
    try:
        return [run.id for run in store.runs()]
    finally:
        store.close()


# -- no more open files --------------------------------------------------------------------------


def with_handles(most: int, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CHOREO, *args],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)),
    )


@pytest.mark.parametrize("most", [*range(5, 24), 32])
def test_however_few_files_may_be_open_a_run_is_played_or_stops_with_its_reason_and_goes_on_with_more(
    tmp_path: Path, most: int
) -> None:
    slow_spec(tmp_path)
    (tmp_path / "slow.go").touch()
    done = with_handles(most, *RUN, cwd=tmp_path)
    assert done.returncode in (0, 5), done.stderr
    assert "Traceback" not in done.stderr
    assert "never awaited" not in done.stderr
    if done.returncode == 0:
        assert result_of(done) == {"n": 2}
        return
    assert "may open no more files" in done.stderr
    begun = bool(runs_of(tmp_path))
    again = choreo("resume", "last", cwd=tmp_path) if begun else choreo(*RUN, cwd=tmp_path)
    assert (again.returncode, result_of(again)) == (0, {"n": 2}), again.stderr
    store = Store.read(tmp_path / ".choreo" / "trace.db")
    record = store.find("last")
    ends = [event.status for event in store.history(record) if isinstance(event, HopFinished)]
    assert (ends, store.verify(record)) == (["done", "done"], True)
    store.close()


def test_a_program_that_cannot_be_started_for_want_of_handles_does_not_fail_its_run(tmp_path: Path) -> None:
    """Sixteen are enough to begin, and not for the pipes of a program."""
    slow_spec(tmp_path)
    (tmp_path / "slow.go").touch()
    done = with_handles(16, *RUN, cwd=tmp_path)
    assert done.returncode == 5, done.stderr
    assert "✓ first" in done.stderr
    assert "error[too-many-open-files]: this process may open no more files" in done.stderr
    assert not (tmp_path / "slow.calls").exists()
    again = choreo("resume", "last", cwd=tmp_path)
    assert (again.returncode, result_of(again)) == (0, {"n": 2})


def test_a_file_that_cannot_be_read_for_want_of_handles_is_told_as_that(folder: Path) -> None:
    few = 5  # with fewer Python itself may not start
    while (done := with_handles(few, "batch", "slow.yaml", "in.jsonl", cwd=folder)).returncode != 4:
        assert done.returncode == 5, (few, done.stderr)
        shutil.rmtree(folder / ".choreo", ignore_errors=True)
        few += 1
        assert few < 40
    assert few > 8
