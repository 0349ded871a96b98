"""Readers that leave, streams that are closed, terminals that can do little: no traceback, the right exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import AtTerminal, choreo, slow_spec

RUN = ("run", "slow.yaml", "--set", "n=1")
RESULT = {"n": 2}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    slow_spec(tmp_path)
    (tmp_path / "slow.go").touch()
    return tmp_path


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    slow_spec(tmp_path, touchpoint=True)
    (tmp_path / "slow.go").touch()
    return tmp_path


def no_bug(folder: Path) -> bool:
    return not list((folder / ".choreo").glob("log/*"))


CLOSED = [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full", "| true", "| head -c 1", "2> >(true)"]


@pytest.mark.parametrize("shell", CLOSED)
def test_a_run_is_played_to_its_end_whoever_reads(folder: Path, shell: str) -> None:
    done = choreo(*RUN, cwd=folder, shell=shell)
    assert (done.returncode, no_bug(folder)) == (0, True), done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    listed = json.loads(choreo("runs", "--json", cwd=folder).stdout)
    assert [run["status"] for run in listed] == ["done"]


@pytest.mark.parametrize("shell", [">&-", "2>&-", "| true"])
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_run_that_waits_says_so_with_its_exit_code_whoever_reads(
    waiting: Path, shell: str, more: tuple[str, ...]
) -> None:
    done = choreo(*RUN, *more, cwd=waiting, shell=shell)
    assert (done.returncode, no_bug(waiting)) == (4, True), done.stderr


def test_a_result_that_cannot_be_written_is_an_error_and_stays_on_record(folder: Path) -> None:
    done = choreo(*RUN, cwd=folder, shell=">/dev/full")
    assert done.returncode == 1
    assert "error[cannot-write]: the result could not be written to standard output: No space left" in done.stderr
    assert no_bug(folder)
    assert '"n":2' in choreo("trace", "last", "--json", cwd=folder).stdout.replace(" ", "")


@pytest.mark.parametrize("command", [("--help",), ("trace", "last"), ("runs",)])
def test_a_reader_that_leaves_early_is_no_error(folder: Path, command: tuple[str, ...]) -> None:
    choreo(*RUN, cwd=folder)
    done = choreo(*command, cwd=folder, shell="| head -c 5")
    assert (done.returncode, done.stderr, no_bug(folder)) == (0, "", True)


POOR = [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}, {"TERM": "dumb"}]


@pytest.mark.parametrize("env", [*POOR, {"NO_COLOR": "1"}, {"COLUMNS": "20"}, {"COLUMNS": "x"}])
def test_a_poor_surrounding_changes_neither_result_nor_exit_code(folder: Path, env: dict[str, str]) -> None:
    done = choreo(*RUN, cwd=folder, env=env)
    assert (done.returncode, json.loads(done.stdout)) == (0, RESULT), done.stderr
    shown = choreo("trace", "last", cwd=folder, env=env)
    assert (shown.returncode, shown.stderr, no_bug(folder)) == (0, "", True)


@pytest.mark.parametrize("env", [{"LC_ALL": "C"}, {"TERM": "dumb"}, {}])
def test_a_narrow_poor_terminal_can_be_used_to_approve(waiting: Path, env: dict[str, str]) -> None:
    with AtTerminal(*RUN, "--by", "ann", cwd=waiting, columns=20, **env) as terminal:
        terminal.answer("a", "gate> ")
        assert terminal.finish() == 0, terminal.seen
        assert terminal.restored()
        assert "Traceback" not in terminal.seen
        if env.get("LC_ALL") == "C":
            assert terminal.seen.isascii()


def test_without_a_terminal_on_stdin_nobody_is_asked(waiting: Path) -> None:
    done = choreo(*RUN, cwd=waiting, stdin="a\na\na\ny\n")
    assert done.returncode == 4
    assert "next: choreo review " in done.stderr
