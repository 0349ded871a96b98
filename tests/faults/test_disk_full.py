"""A full disk: exit 5 with the path and what is free, what is done stays readable, and the run goes on later."""

from __future__ import annotations

import contextlib
import re
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import CHOREO, choreo, result_of, slow_spec
from playing import HEAD, run_spec
from relay import environment

from choreo.api.parts import plan_of
from choreo.commands.bug import keep_traceback
from choreo.commands.playing import Options, resumed
from choreo.errors import StoreError
from choreo.players import player_for
from choreo.players.base import Played, Record, Visit
from choreo.runners.local import LocalRunner
from choreo.spec import ModelPlayer
from choreo.store import Store
from choreo.store.files import ANSWER, Files
from choreo.trace import Attempt, HopFinished

RUN = ("run", "slow.yaml", "--set", "n=1")
TOLD = re.compile(r"error\[store-\w+\]: (\S*/)?trace\.db.*")
FREE = re.compile(r"\d[\d,]* bytes (are free|can be written)")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte with a spec on it whose command waits for nothing."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a file system can only be made by root")
    try:
        slow_spec(disk, touchpoint=True)
        (disk / "slow.go").touch()
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Take all that is free."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1024))
    return filler


def must_tell_path_and_room(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 5, done.stderr
    assert TOLD.search(done.stderr), done.stderr
    assert FREE.search(done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_a_disk_that_is_full_from_the_start_is_told_and_no_part_of_a_store_is_left(small_disk: Path) -> None:
    filler = fill(small_disk)
    must_tell_path_and_room(choreo(*RUN, cwd=small_disk))
    assert list((small_disk / ".choreo").glob("*")) == []
    filler.unlink()
    assert choreo(*RUN, cwd=small_disk).returncode == 4


def test_a_disk_that_is_full_at_the_approval_decides_nothing_and_shows_all_there_is(small_disk: Path) -> None:
    assert choreo(*RUN, cwd=small_disk).returncode == 4
    filler = fill(small_disk)
    must_tell_path_and_room(choreo("review", "last", "--approve", "--by", "ann", cwd=small_disk))
    shown = choreo("trace", "last", cwd=small_disk)
    assert shown.returncode == 0, shown.stderr
    assert "hop 2  slow" in shown.stdout
    filler.unlink()
    done = choreo("review", "last", "--approve", "--by", "ann", cwd=small_disk)
    assert (done.returncode, result_of(done)) == (0, {"n": 2})


GROWING = """
roles:
  a: {kind: reader, does: grow, service: {python: "grow:big"}, emits: any@1.0.0}
handoffs:
  - {from: trigger, to: a}
  - {from: a, to: a, at_most: 40}
  - {from: a, on: exhausted, to: end, pass: {n: 1}}
limits: {hops: 1000}
"""
BIG = "import random\ndef big(given):\n    return {'n': 1, 'text': random.randbytes(20000).hex()}\n"


def full_in_the_middle(folder: Path, grows_to: int = resource.RLIM_INFINITY) -> str:
    """The run that came to the end of the disk, or of what a file may hold (bytes)."""
    (folder / "spec.yaml").write_text(HEAD + GROWING)
    (folder / "grow.py").write_text(BIG)
    told = subprocess.run(
        [*CHOREO, "run", "spec.yaml", "--set", "n=1", "--db", "trace.db"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (grows_to, resource.RLIM_INFINITY)),
    )
    must_tell_path_and_room(told)
    store = Store.read(folder / "trace.db")
    record = store.find("last")
    done = [event.hop for event in store.history(record) if isinstance(event, HopFinished)]
    assert 3 < len(done) < 40
    assert len(re.findall("^✓ a", told.stderr, re.MULTILINE)) <= len(done)
    assert f"choreo resume {record.id}" in told.stderr
    assert store.verify(record)
    store.close()
    return record.id


def goes_on(folder: Path, run: str) -> None:
    done = choreo("resume", run, "--db", "trace.db", cwd=folder)
    assert (done.returncode, result_of(done)) == (0, {"n": 1})
    store = Store.read(folder / "trace.db")
    assert store.find(run).hops == 41
    assert store.verify(store.find(run))
    store.close()


def test_a_disk_that_fills_up_in_a_run_keeps_what_was_done_and_the_run_goes_on_with_more_room(small_disk: Path) -> None:
    run = full_in_the_middle(small_disk)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    goes_on(small_disk, run)


def test_a_disk_that_is_full_with_a_log_left_behind_is_told_by_every_command_that_would_write(small_disk: Path) -> None:
    run = full_in_the_middle(small_disk)
    filler = fill(small_disk)
    assert (small_disk / "trace.db-wal").stat().st_size
    for words in (("run", "spec.yaml", "--set", "n=1"), ("resume", run), ("stop", run), ("replay", run)):
        must_tell_path_and_room(choreo(*words, "--db", "trace.db", cwd=small_disk))
    assert choreo("trace", run, "--db", "trace.db", cwd=small_disk).returncode == 0
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    goes_on(small_disk, run)


def test_a_traceback_that_there_is_no_room_for_takes_the_place_of_no_message(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small_disk / ".choreo").mkdir()
    monkeypatch.chdir(small_disk)
    monkeypatch.setattr("choreo.commands.bug.tempfile.tempdir", str(small_disk))
    fill(small_disk)
    assert keep_traceback(ValueError("odd"), None) == "what is said here: there is no room to keep the rest"


def test_a_file_that_may_grow_no_more_is_told_in_the_same_way(tmp_path: Path) -> None:
    run = full_in_the_middle(tmp_path, 700_000)
    goes_on(tmp_path, run)


def test_a_disk_that_is_full_when_the_store_is_closed_takes_nothing_away(small_disk: Path) -> None:
    ran = run_spec(small_disk, "roles: {a: {kind: reader, does: it, set: input}}\nhandoffs: [{from: trigger, to: a}, "
                   "{from: a, to: end}]\n".replace("set: input}", "set: input, emits: any@1.0.0}"))  # fmt: skip
    assert (small_disk / "trace.db-wal").stat().st_size
    fill(small_disk)
    ran.store.close()
    store = Store.read(small_disk / "trace.db")
    assert store.find("last").status == "done"
    assert store.verify(store.find("last"))
    store.close()


# -- paid calls ----------------------------------------------------------------------------------

PAID = """
roles:
  a: {kind: drafter, does: ask, model: openai/none, prompt: hi, emits: any@1.0.0}
  b: {kind: drafter, does: ask, model: openai/none, prompt: hi, accepts: any@^1, emits: any@1.0.0}
handoffs: [{from: trigger, to: a}, {from: a, to: b}, {from: b, to: end}]
"""


class Model:
    """Stands for a model: each call is recorded as a failed one, then once more."""

    def __init__(self, calls: list[str], then: Any = lambda: None) -> None:
        self.calls, self._then = calls, then

    async def play(self, visit: Visit, record: Record) -> Played:
        for _ in range(2):
            self.calls.append(visit.role.name)
            if len(self.calls) % 2:
                self._then()
                record(Attempt("model", b"{}", b"no", 1.0, 0.1, "contract-violation", "not good", cost=0.1))
        return Played({"n": len(self.calls)})


def played_by(model: Model) -> Any:
    return lambda role: model if isinstance(role.player, ModelPlayer) else player_for(role.player)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What is free; [0] can be changed at any time."""
    left = [10 * ANSWER]
    monkeypatch.setattr("choreo.store.files.shutil.disk_usage", lambda _: type("Usage", (), {"free": left[0]}))
    return left


def go_on(store: Store, model: Model) -> Any:
    import asyncio

    record = store.find("last")
    checked = plan_of(store, record)
    parts = resumed(checked.plan, record, store, Options(quiet=True))
    parts.player = played_by(model)
    return asyncio.run(LocalRunner(parts).run())


def test_no_model_is_called_whose_answer_could_not_be_kept(tmp_path: Path, room: list[int]) -> None:
    room[0] = ANSWER - 1
    calls: list[str] = []
    with pytest.raises(
        StoreError, match=r"262,143 bytes can be written, 262,144 are needed .* no call was made"
    ) as told:
        run_spec(tmp_path, PAID, player=played_by(Model(calls)))
    assert told.value.exit_code == 5
    assert calls == []
    room[0] = ANSWER
    store = Store.open(tmp_path / "trace.db")
    assert go_on(store, Model(calls)).status == "done"
    assert calls == ["a", "a", "b", "b"]
    store.close()


def test_a_disk_that_fills_up_between_two_calls_of_a_hop_stops_the_second(tmp_path: Path, room: list[int]) -> None:
    calls: list[str] = []
    with pytest.raises(StoreError, match="no call was made"):
        run_spec(tmp_path, PAID, player=played_by(Model(calls, then=lambda: room.__setitem__(0, 0))))
    assert calls == ["a"]
    store = Store.read(tmp_path / "trace.db")
    assert [attempt.cost for _, attempt in store.attempts(store.find("last"))] == [0.1]
    store.close()


def test_each_call_in_flight_has_room_of_its_own(tmp_path: Path, room: list[int]) -> None:
    (tmp_path / "trace.db").touch()
    files = Files(tmp_path / "trace.db")
    room[0] = 2 * ANSWER
    with files.room_for_answer(), files.room_for_answer():
        with pytest.raises(StoreError, match="524,288 bytes can be written, 786,432 are needed"):  # noqa: SIM117
            with files.room_for_answer():
                pass
        files.check_room()


def test_a_role_without_a_price_is_played_however_little_is_free(tmp_path: Path, room: list[int]) -> None:
    room[0] = 1
    body = "roles: {a: {kind: reader, does: it, set: input, emits: any@1.0.0}}\n"
    ran = run_spec(tmp_path, body + "handoffs: [{from: trigger, to: a}, {from: a, to: end}]\n")
    assert ran.result == {"n": 1}
    ran.store.close()
