"""`choreo trace --follow`: one process plays a run, another one shows it, and neither is in the other's way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import AtTerminal, choreo, end_group, ended, line_of, slow_spec, start, wait_until

from choreo.store import Store, driver

RUN = ("run", "slow.yaml", "--set", "n=1")
FOLLOW = ("trace", "last", "--follow")


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """What a test has started, so that nothing of it stays behind."""
    begun: list[subprocess.Popen[str]] = []
    yield begun
    for process in begun:
        end_group(process)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    slow_spec(tmp_path)
    yield tmp_path
    (tmp_path / "slow.go").touch()
    for number in (tmp_path / "slow.all").read_text().split() if (tmp_path / "slow.all").exists() else ():
        with contextlib.suppress(OSError):  # it has ended by itself, and its number may be another's by now
            if b"sleep\x001000" in Path(f"/proc/{number}/cmdline").read_bytes():
                os.kill(int(number), signal.SIGKILL)


@pytest.fixture
def player(folder: Path, started: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """A run whose second hop is in play until the file slow.go is there."""
    return in_play(folder, started)


def in_play(folder: Path, started: list[subprocess.Popen[str]], *args: str) -> subprocess.Popen[str]:
    started.append(start(*(args or RUN), cwd=folder))
    wait_until((folder / "slow.pid").exists, "the slow hop is in play")
    return started[-1]


def follow(folder: Path, started: list[subprocess.Popen[str]], *more: str) -> subprocess.Popen[str]:
    started.append(start(*FOLLOW, *more, cwd=folder))
    return started[-1]


def test_what_has_ended_is_shown_at_once_and_each_further_hop_and_the_end_as_they_come(
    folder: Path, player: subprocess.Popen[str], started: list[subprocess.Popen[str]]
) -> None:
    following = follow(folder, started)
    assert line_of(following).split()[2:] == ["slow", "1.0.0"]
    assert line_of(following).startswith("✓ first ")
    (folder / "slow.go").touch()
    code, out, err = ended(following)
    hop, end = out.splitlines()
    assert hop.startswith("✓ slow ")
    assert end.startswith("done - 2 hops, cost 0, ")
    assert err.startswith("look at it: choreo trace ")
    assert (code, ended(player)[0]) == (0, 0)


def test_each_event_is_a_line_of_json_as_soon_as_it_is_on_record(
    folder: Path, player: subprocess.Popen[str], started: list[subprocess.Popen[str]]
) -> None:
    following = follow(folder, started, "--json")
    told = [json.loads(line_of(following))]
    while (told[-1]["event"], told[-1].get("role")) != ("hop-started", "slow"):
        told.append(json.loads(line_of(following)))
    (folder / "slow.go").touch()
    code, out, err = ended(following)
    told += map(json.loads, out.splitlines())
    assert (code, told[-1]["event"]) == (0, "run-finished")
    assert err.startswith("done - 2 hops")
    assert told == json.loads(choreo("trace", "last", "--json", cwd=folder).stdout)["events"]


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_run_whose_process_was_killed_is_cut_short_and_can_be_resumed(
    folder: Path, player: subprocess.Popen[str], started: list[subprocess.Popen[str]], more: tuple[str, ...]
) -> None:
    following = follow(folder, started, *more)
    first = line_of(following)
    os.killpg(player.pid, signal.SIGKILL)
    player.wait()
    code, out, err = ended(following)
    run = record(folder).id
    assert code == 143
    assert "cut short: nobody plays it - 2 hops" in (err if more else out)
    assert err.endswith(f"go on: choreo resume {run}\n")
    assert "Traceback" not in first + out + err
    (folder / "slow.go").touch()
    resumed = choreo("resume", run, cwd=folder)
    assert resumed.returncode == 0, resumed.stderr
    again = choreo(*FOLLOW, cwd=folder)
    assert (again.returncode, again.stdout.splitlines()[-1][:14]) == (0, "done - 2 hops,")


@pytest.mark.parametrize("db", [(), ("--db", "my store.db")])
def test_a_run_that_waits_for_a_person_ends_the_following_with_the_next_command(
    folder: Path, started: list[subprocess.Popen[str]], db: tuple[str, ...]
) -> None:
    slow_spec(folder, touchpoint=True)
    player = in_play(folder, started, *RUN, *db)
    following = follow(folder, started, *db)
    assert line_of(following).startswith("run ")
    (folder / "slow.go").touch()
    code, out, err = ended(following)
    run = record(folder, *db[1:]).id
    assert (code, ended(player)[0]) == (4, 4)
    assert [line[:9] for line in out.splitlines()[-3:]] == ["✓ slow   ", "? gate: a", "waiting f"]
    assert "waiting for a decision: `gate` (question 1; this touchpoint always asks)\n" in out
    assert err == f"next: choreo review {run}" + (" --db 'my store.db'\n" if db else "\n")


def test_a_run_that_waits_for_a_time_ends_the_following_with_when_it_goes_on(folder: Path) -> None:
    (folder / "slow.go").touch()
    path = slow_spec(folder)
    spec = json.loads(path.read_text())
    spec["handoffs"][-1]["after"] = "2h"
    path.write_text(json.dumps(spec))
    assert choreo(*RUN, cwd=folder).returncode == 4
    done = choreo(*FOLLOW, cwd=folder)
    assert (done.returncode, done.stdout.splitlines()[-1][:14]) == (4, "waiting until ")
    assert done.stderr.endswith(" on: choreo resume --due\n")


def test_a_run_that_is_stopped_ends_the_following_with_its_exit_code(
    folder: Path, player: subprocess.Popen[str], started: list[subprocess.Popen[str]]
) -> None:
    following = follow(folder, started)
    assert line_of(following).startswith("run ")
    assert choreo("stop", "last", cwd=folder).returncode == 0
    code, out, err = ended(following)
    assert code == ended(player)[0] == 143
    assert "stopped [stopped]: stopped by " in out
    assert "go on, unless it was cancelled: choreo resume " in err


@pytest.mark.parametrize("more", ["", " --json"])
def test_a_reader_that_leaves_ends_the_following_although_nothing_is_written(
    folder: Path, player: subprocess.Popen[str], more: str
) -> None:
    done = choreo(*FOLLOW, *more.split(), cwd=folder, shell="| head -n 1")
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 1, "")
    assert player.poll() is None


def test_a_result_that_cannot_be_written_is_an_error(folder: Path, player: subprocess.Popen[str]) -> None:
    done = choreo(*FOLLOW, cwd=folder, shell=">/dev/full")
    assert done.returncode == 1
    assert "error[cannot-write]" in done.stderr
    assert player.poll() is None


def test_ctrl_c_ends_the_following_and_not_the_run(
    folder: Path, player: subprocess.Popen[str], started: list[subprocess.Popen[str]]
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background inherit deaf ears
    following = follow(folder, started)
    signal.signal(signal.SIGINT, before)
    assert line_of(following).startswith("run ")
    os.killpg(following.pid, signal.SIGINT)
    code, out, err = ended(following)
    assert (code, "Traceback" in out + err) == (130, False)
    (folder / "slow.go").touch()
    assert ended(player)[0] == 0


def test_a_store_that_is_removed_ends_the_following(
    folder: Path, player: subprocess.Popen[str], started: list[subprocess.Popen[str]]
) -> None:
    following = follow(folder, started)
    assert line_of(following).startswith("run ")
    for file in (folder / ".choreo").glob("trace.db*"):
        file.unlink()
    code, out, err = ended(following)
    assert code == 5
    assert err.startswith("error[store-replaced]: ")
    assert "is no longer the file that run " in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize("other", [("--hop", "1"), ("--verify",), ("--lane", "x[1]")])
def test_a_part_of_a_run_cannot_be_followed(folder: Path, other: tuple[str, ...]) -> None:
    (folder / "slow.go").touch()
    choreo(*RUN, cwd=folder)
    done = choreo(*FOLLOW, *other, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error[follow-alone]: `--follow` shows all of a run as it goes on: `{other[0]}" in done.stderr


def test_whoever_follows_writes_nothing_and_keeps_nobody_from_writing(
    folder: Path, player: subprocess.Popen[str], started: list[subprocess.Popen[str]]
) -> None:
    before = choreo("trace", "last", "--json", cwd=folder).stdout
    following = follow(folder, started)
    assert line_of(following).startswith("run ")
    assert line_of(following).startswith("✓ first ")
    beside = driver.connect(str(folder / ".choreo/trace.db"))
    if driver.wal_is_safe():
        wait_until(lambda: emptied(beside), "the log can be begun anew")
        log = folder / ".choreo/trace.db-wal"
        assert log.stat().st_size == 0
        beside.execute("BEGIN IMMEDIATE")
        shown = follow(folder, started)
        assert line_of(shown).startswith("run ")
        assert line_of(shown).startswith("✓ first ")
        assert log.stat().st_size == 0
        beside.execute("ROLLBACK")
    beside.close()
    assert choreo("trace", "last", "--json", cwd=folder).stdout == before
    (folder / "slow.go").touch()
    assert (ended(player)[0], ended(following)[0]) == (0, 0)
    assert choreo("trace", "last", "--verify", cwd=folder).returncode == 0


def emptied(connection: Any) -> bool:
    """Whether a checkpoint found no reader in the middle of the log: nobody reads for long."""
    connection.execute("PRAGMA busy_timeout=100")
    return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)


def outer_spec(folder: Path) -> None:
    thing = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    part = {"kind": "reasoner", "does": "It", "spec": "slow.yaml", "accepts": "thing@^1", "emits": "thing@1.0.0"}
    spec = {
        "choreo": 1,
        "name": "outer",
        "version": "1.0.0",
        "contracts": {"thing@1.0.0": thing},
        "trigger": {"accepts": "thing@^1"},
        "result": {"emits": "thing@1.0.0"},
        "roles": {"part": part},
        "handoffs": [{"from": "trigger", "to": "part"}, {"from": "part", "to": "end"}],
    }
    (folder / "outer.yaml").write_text(json.dumps(spec))


def test_child_runs_are_set_in_under_the_run_above_and_their_events_are_their_own(
    folder: Path, started: list[subprocess.Popen[str]]
) -> None:
    outer_spec(folder)
    player = in_play(folder, started, "run", "outer.yaml", "--set", "n=1")
    following, events = follow(folder, started), follow(folder, started, "--json")
    run = line_of(following).split()[1]
    below = start("trace", f"{run}.1", "--follow", "--json", cwd=folder)
    started.append(below)
    (folder / "slow.go").touch()
    code, out, _ = ended(following)
    assert [line[:8] for line in out.splitlines()] == ["  ✓ firs", "  ✓ slow", "✓ part  ", "done - 3"]
    assert (code, ended(player)[0]) == (0, 0)
    told = json.loads(choreo("trace", run, "--json", cwd=folder).stdout)
    for process, kept in ((events, told["events"]), (below, told["children"][0]["events"])):
        code, out, _ = ended(process)
        assert (code, list(map(json.loads, out.splitlines()))) == (0, kept)


def test_a_run_that_went_on_with_another_plan_is_followed_through_it(folder: Path) -> None:
    (folder / "slow.go").touch()
    path = slow_spec(folder, touchpoint=True)
    assert choreo(*RUN, cwd=folder).returncode == 4
    path.write_text(path.read_text().replace("Let it out?", "May it go?"))
    assert choreo("resume", "last", "--accept-changes", cwd=folder).returncode == 4
    shown = choreo(*FOLLOW, cwd=folder)
    assert (shown.returncode, shown.stdout.count("\n? gate: a person decides")) == (4, 1)


def test_at_a_terminal_what_is_in_play_is_shown_until_it_has_ended(folder: Path, player: subprocess.Popen[str]) -> None:
    with AtTerminal(*FOLLOW, cwd=folder) as terminal:
        terminal.wait_for("✓ first ")
        terminal.wait_for(" slow ")
        (folder / "slow.go").touch()
        terminal.wait_for("✓ slow ")
        terminal.wait_for("done - 2 hops")
        assert terminal.finish() == 0, terminal.seen
    assert ended(player)[0] == 0


def record(folder: Path, name: str = ".choreo/trace.db") -> Any:
    store = Store.read(folder / name)
    found = store.find("last")
    store.close()
    return found
