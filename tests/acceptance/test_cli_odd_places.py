"""What a person meets off the beaten track: gone folders, narrow streams, finished runs, hidden characters."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from faults.relay import environment
from small_specs import THING, choreo, write

TEXT = {"type": "object", "required": ["s"], "properties": {"s": {"type": "string"}}}
HIDDEN = "\u009b31mX\u202eevil\u200b\u2028\U000e0041 ü"


def echo(folder: Path) -> Path:
    """Gives its text back."""
    role = {"kind": "reader", "does": "Pass it on", "set": "input", "accepts": "text@^1", "emits": "text@1.0.0"}
    return write(
        folder,
        "echo",
        contracts={"text@1.0.0": TEXT},
        trigger={"accepts": "text@^1"},
        result={"emits": "text@1.0.0"},
        roles={"one": role},
        handoffs=[{"from": "trigger", "to": "one"}, {"from": "one", "to": "end"}],
    )


@pytest.mark.parametrize("command", ["runs", "doctor", "resume last"])
def test_a_working_directory_that_is_gone_is_one_line(tmp_path: Path, command: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"rmdir ../gone && {sys.executable} -m choreo {command}"
    done = subprocess.run(
        ["/bin/sh", "-c", script], check=False, cwd=gone, env=environment(), capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 2), done.stderr
    assert command == "doctor" or "the working directory is not there any more" in done.stderr


def test_nothing_in_a_result_steers_a_terminal(tmp_path: Path) -> None:
    echo(tmp_path)
    (tmp_path / "in.json").write_text(json.dumps({"s": HIDDEN}))
    for args in (["run", "echo.yaml", "--input", "in.json"], ["trace", "last", "--json"]):
        said = on_a_terminal(tmp_path, *args)
        assert not set("\u009b\u202e\u200b\u2028\U000e0041") & set(said), args
        assert "\\u202e" in said
        assert "ü" in said


def test_a_result_is_whole_json_on_a_stream_that_takes_ascii_only(tmp_path: Path) -> None:
    echo(tmp_path)
    done = choreo(tmp_path, "run", "echo.yaml", "--set", "s=grün 𝒳", "--json", PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)["result"] == {"s": "grün 𝒳"}


def on_a_terminal(folder: Path, *args: str) -> str:
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "choreo", *args],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(slave)
        said = b""
        try:
            while part := os.read(master, 65536):
                said += part
        except OSError:  # the other end was closed
            pass
        process.wait(60)
    os.close(master)
    return said.decode()


TYPED: dict[str, Any] = {
    "$defs": {"whole": {"type": "integer"}, "deep": {"properties": {"z": {"type": "boolean"}}}},
    "type": "object",
    "properties": {
        "ref": {"$ref": "#/$defs/whole"},
        "all": {"allOf": [{"minimum": 1}, {"type": "integer"}]},
        "listed": {"enum": [1, 2]},
        "fixed": {"const": 5},
        "deep": {"$ref": "#/$defs/deep"},
        "any": {"anyOf": [{"type": "integer"}, {"type": "boolean"}]},
        "text": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "word": {"enum": ["1", "2"]},
        "free": {},
    },
}
GIVEN = ("ref=3", "all=3", "listed=1", "fixed=5", "deep.z=true", "any=4", "text=null", "word=1", "free=7")


def test_what_is_set_is_json_wherever_the_contract_takes_no_text(tmp_path: Path) -> None:
    role = {"kind": "reader", "does": "Pass it on", "set": "input", "accepts": "thing@^1", "emits": "thing@1.0.0"}
    handoffs = [{"from": "trigger", "to": "one"}, {"from": "one", "to": "end"}]
    write(tmp_path, contracts={"thing@1.0.0": TYPED}, roles={"one": role}, handoffs=handoffs)
    flags = [word for given in GIVEN for word in ("--set", given)]
    done = choreo(tmp_path, "run", "count.yaml", *flags)
    assert json.loads(done.stdout) == {
        "ref": 3,
        "all": 3,
        "listed": 1,
        "fixed": 5,
        "deep": {"z": True},
        "any": 4,
        "text": "null",
        "word": "1",
        "free": "7",
    }


def test_a_run_that_is_over_gives_its_result_again(tmp_path: Path) -> None:
    write(tmp_path)
    choreo(tmp_path, "run", "count.yaml", "--set", "n=1")
    again = choreo(tmp_path, "resume", "last")
    assert (again.returncode, json.loads(again.stdout)) == (0, {"n": 3})
    told = json.loads(choreo(tmp_path, "resume", "last", "--json").stdout)
    assert (told["status"], told["exit"], told["result"]) == ("done", 0, {"n": 3})


def test_whether_a_run_is_whole_is_told_as_json(tmp_path: Path) -> None:
    write(tmp_path)
    choreo(tmp_path, "run", "count.yaml", "--set", "n=1")
    told = json.loads(choreo(tmp_path, "trace", "last", "--verify", "--json").stdout)
    assert (told["whole"], told["changed"]) == (True, None)


def test_a_status_that_there_is_not_is_a_usage_error(tmp_path: Path) -> None:
    done = choreo(tmp_path, "runs", "--status", "finished")
    assert done.returncode == 2
    assert "what exists: running, waiting, done" in done.stderr


def test_the_command_that_an_error_names_finds_the_same_store(tmp_path: Path) -> None:
    write(tmp_path, gate=True)
    choreo(tmp_path, "run", "count.yaml", "--set", "n=1", "--db", "my runs.db")
    assert choreo(tmp_path, "review", "last", "--approve", "--by", "me", "--db", "my runs.db").returncode == 0
    late = choreo(tmp_path, "review", "last", "--approve", "--by", "me", "--db", "my runs.db")
    assert late.returncode == 6
    assert "--db 'my runs.db'" in late.stderr


def test_without_a_terminal_only_what_may_be_answered_is_offered(tmp_path: Path) -> None:
    point = {"gate": {"ask": "Go on?", "may": ["reject", "approve"]}}
    write(tmp_path, gate=True, touchpoints=point)
    choreo(tmp_path, "run", "count.yaml", "--set", "n=1")
    told = choreo(tmp_path, "review", "last").stderr
    assert " --approve | --reject --note WHY, with --by NAME" in told
    assert "--edit" not in told


def test_a_form_offers_to_be_filled_in(tmp_path: Path) -> None:
    role = {"kind": "reader", "does": "Say a number", "human": {"who": "lead"}, "emits": "thing@1.0.0"}
    handoffs = [{"from": "trigger", "to": "one"}, {"from": "one", "to": "end"}]
    write(tmp_path, contracts={"thing@1.0.0": THING}, roles={"one": {**role, "accepts": "thing@^1"}}, handoffs=handoffs)
    choreo(tmp_path, "run", "count.yaml", "--set", "n=1")
    told = choreo(tmp_path, "review", "last").stderr
    assert " --edit FILE, with --by NAME" in told
    assert "--approve" not in told


def test_an_edit_that_changes_nothing_is_none(tmp_path: Path) -> None:
    write(tmp_path, gate=True)
    choreo(tmp_path, "run", "count.yaml", "--set", "n=1")
    waiting = json.loads(choreo(tmp_path, "review", "last").stdout)
    (tmp_path / "same.json").write_text(json.dumps(waiting["payload"]))
    done = choreo(tmp_path, "review", "last", "--edit", "same.json", "--by", "me")
    assert done.returncode == 2
    assert "nothing was changed" in done.stderr


def test_every_hop_of_a_long_loop_has_its_line(tmp_path: Path) -> None:
    role = {"kind": "reader", "does": "Count", "set": {"n": "input.n"}, "accepts": "thing@^1", "emits": "thing@1.0.0"}
    handoffs = [
        {"from": "trigger", "to": "one"},
        {"from": "one", "to": "one", "at_most": 700},
        {"from": "one", "on": "exhausted", "to": "end"},
    ]
    write(tmp_path, roles={"one": role}, handoffs=handoffs, limits={"hops": 2000})
    done = choreo(tmp_path, "run", "count.yaml", "--set", "n=1")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("✓ one") == 701
