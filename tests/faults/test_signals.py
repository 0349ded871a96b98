"""Signals: what is finished is on record, the next command is printed, no process and no terminal is left astray."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import AtTerminal, choreo, end_group, is_running, result_of, slow_spec, start, wait_until

from choreo.store import Store
from choreo.trace import Decided, HopFinished

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
RUN = ("run", "slow.yaml", "--set", "n=1")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are ended with the test."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        end_group(process)
    for file in tmp_path.glob("*.all"):
        for pid in map(int, file.read_text().split()):
            if is_running(pid) and b"sl" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


def in_the_slow_hop(folder: Path, running: list[subprocess.Popen[str]], *args: str) -> subprocess.Popen[str]:
    """A run whose program is being called now."""
    process = start(*args, cwd=folder)
    running.append(process)
    wait_until(lambda: (folder / "slow.pid").exists() and (folder / "slow.pid").read_text(), "the program was called")
    return process


def gone(folder: Path) -> bool:
    pids = [int((folder / name).read_text()) for name in ("slow.pid", "slow.child")]
    return not any(is_running(pid) for pid in pids)


def history(folder: Path) -> list[object]:
    store = Store.read(folder / ".choreo" / "trace.db")
    try:
        return list(store.history(store.find("last")))
    finally:
        store.close()


def finished_hops(folder: Path) -> list[int]:
    return [event.hop for event in history(folder) if isinstance(event, HopFinished)]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_during_a_hop_saves_the_run_and_ends_the_program_it_called(
    tmp_path: Path, running: list[subprocess.Popen[str]], number: int, code: int
) -> None:
    slow_spec(tmp_path)
    process = in_the_slow_hop(tmp_path, running, *RUN)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == ""
    found = re.search(r"^interrupted; .* Go on: choreo (resume \S+)$", err, re.MULTILINE)
    assert found, err
    wait_until(lambda: gone(tmp_path), "the program and its child have ended")
    assert finished_hops(tmp_path) == [1]
    (tmp_path / "slow.go").touch()
    done = choreo(*found[1].split(), cwd=tmp_path)
    assert (done.returncode, result_of(done)) == (0, {"n": 2})
    assert finished_hops(tmp_path) == [1, 2]


def test_a_first_signal_waits_for_an_effect_and_puts_it_on_record(
    tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    slow_spec(tmp_path, effect=True)
    process = in_the_slow_hop(tmp_path, running, *RUN)
    process.send_signal(signal.SIGTERM)
    line = next(line for line in process.stderr or () if "waiting until it is on record" in line)
    assert "`slow`" in line
    (tmp_path / "slow.go").touch()
    process.communicate(timeout=60)
    assert process.returncode in (0, 143)
    assert finished_hops(tmp_path) == [1, 2]
    assert choreo("resume", "last", cwd=tmp_path).returncode == 0
    assert (tmp_path / "slow.calls").read_text() == "call\n"


def test_a_second_signal_leaves_at_once_with_no_program_behind_and_the_effect_in_doubt(
    tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    slow_spec(tmp_path, effect=True)
    process = in_the_slow_hop(tmp_path, running, *RUN)
    process.send_signal(signal.SIGINT)
    assert any("waiting until it is on record" in line for line in process.stderr or ())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Go on: choreo resume " in err
    wait_until(lambda: gone(tmp_path), "the program and its child have ended")
    done = choreo("resume", "last", cwd=tmp_path)
    assert done.returncode == 4
    assert "waiting for a decision: `slow` (question 1; the effect was begun" in done.stderr
    assert (tmp_path / "slow.calls").read_text() == "call\n"


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_at_the_prompt_decides_nothing_and_leaves_the_terminal_as_it_was(
    tmp_path: Path, number: int, code: int
) -> None:
    slow_spec(tmp_path, touchpoint=True)
    (tmp_path / "slow.go").touch()
    with AtTerminal(*RUN, cwd=tmp_path) as terminal:
        terminal.wait_for("gate> ")
        if number == signal.SIGINT:
            terminal.send("\x03")
        else:
            terminal.child.send_signal(number)
        assert terminal.finish() == code, terminal.seen
        assert terminal.restored()
        assert "Go on: choreo resume " in terminal.seen
        assert "Traceback" not in terminal.seen
    assert not [event for event in history(tmp_path) if isinstance(event, Decided)]
    done = choreo("review", "last", "--approve", "--by", "ann", cwd=tmp_path)
    assert (done.returncode, result_of(done)) == (0, {"n": 2})


def test_a_run_that_is_played_cannot_be_resumed_beside_it(tmp_path: Path, running: list[subprocess.Popen[str]]) -> None:
    import socket

    slow_spec(tmp_path)
    process = in_the_slow_hop(tmp_path, running, *RUN)
    second = choreo("resume", "last", cwd=tmp_path)
    assert second.returncode == 6
    assert f"is being played by pid {process.pid} on {socket.gethostname()}" in second.stderr
    process.kill()
    process.wait()
    (tmp_path / "slow.go").touch()
    third = choreo("resume", "last", cwd=tmp_path)
    assert (third.returncode, result_of(third)) == (0, {"n": 2})


def test_of_two_resumes_at_once_one_plays_and_the_other_is_told_who_does(
    tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    slow_spec(tmp_path)
    first = in_the_slow_hop(tmp_path, running, *RUN)
    first.kill()
    first.wait()
    (tmp_path / "slow.pid").unlink()
    racers = [start("resume", "last", cwd=tmp_path) for _ in range(2)]
    running.extend(racers)
    wait_until(lambda: any(racer.poll() is not None for racer in racers), "one gave up")
    loser = next(racer for racer in racers if racer.poll() is not None)
    winner = next(racer for racer in racers if racer is not loser)
    assert loser.returncode == 6
    assert f"is being played by pid {winner.pid} on " in loser.communicate()[1]
    (tmp_path / "slow.go").touch()
    out, _ = winner.communicate(timeout=60)
    assert (winner.returncode, out.strip()) == (0, '{"n": 2}')
    assert (tmp_path / "slow.calls").read_text() == "call\ncall\n"


def test_an_answer_from_another_process_is_taken_in_by_the_one_that_plays(
    tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    slow_spec(tmp_path, touchpoint=True)
    (tmp_path / "slow.go").touch()
    with AtTerminal(*RUN, cwd=tmp_path) as terminal:
        terminal.wait_for("gate> ")
        said = choreo("review", "last", "--approve", "--by", "bob", cwd=tmp_path)
        assert said.returncode == 0
        assert f"recorded; pid {terminal.child.pid} on " in said.stderr
        assert terminal.finish() == 0
        assert terminal.restored()
    decided = [event for event in history(tmp_path) if isinstance(event, Decided)]
    assert [(event.decision, event.by) for event in decided] == [("approve", "bob")]


NEVER_WAITS = """
choreo: 1
name: counts
version: 1.0.0
contracts:
  thing@1.0.0: {type: object, required: [n], properties: {n: {type: integer}}}
trigger: {accepts: thing@^1}
result: {emits: thing@1.0.0}
limits: {hops: 500000}
roles:
  begin: {kind: reader, does: Tell, service: {python: "telling:begin"}, accepts: thing@^1, emits: thing@1.0.0}
  count: {kind: reasoner, does: Count, set: {n: input.n + 1}, accepts: thing@^1, emits: thing@1.0.0}
handoffs:
  - {from: trigger, to: begin}
  - {from: begin, to: count}
  - {from: count, to: count, at_most: 400000}
  - {from: count, on: exhausted, to: end}
"""
TELLING = """
from pathlib import Path

def begin(given):
    Path("begun").touch()
    return given
"""


def test_a_run_that_never_waits_heeds_a_signal(tmp_path: Path, running: list[subprocess.Popen[str]]) -> None:
    (tmp_path / "counts.yaml").write_text(NEVER_WAITS)
    (tmp_path / "telling.py").write_text(TELLING)
    process = start("run", "counts.yaml", "--set", "n=1", cwd=tmp_path)
    running.append(process)
    wait_until((tmp_path / "begun").exists, "the first hop was played")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert len(finished_hops(tmp_path)) < 400_000


@pytest.mark.parametrize("more", [(), ("--cancel",)])
def test_what_a_stopped_run_names_next_is_true_for_one_that_is_cancelled_too(
    tmp_path: Path, running: list[subprocess.Popen[str]], more: tuple[str, ...]
) -> None:
    slow_spec(tmp_path)
    player = in_the_slow_hop(tmp_path, running, *RUN)
    assert choreo("stop", "last", *more, cwd=tmp_path).returncode == 0
    _, said = player.communicate(timeout=60)
    assert player.returncode == 143
    [named] = [line for line in said.splitlines() if "choreo resume" in line]
    assert named.startswith("go on, unless it was cancelled: ")
    (tmp_path / "slow.go").touch()
    resumed = choreo(*named.partition("choreo ")[2].split(), cwd=tmp_path)
    assert resumed.returncode == (1 if more else 0)
    assert ("is over: stopped [cancelled]" in resumed.stderr) == bool(more)
