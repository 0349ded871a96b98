"""Runs that are started from outside: the files under specs/starting/, as cron, a mail filter and a caller use them."""

from __future__ import annotations

import http.client
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from faults.relay import environment
from small_specs import choreo, write

ROOT = Path(__file__).parents[2]
STARTING = ROOT / "specs/starting"
EMAIL = json.loads((ROOT / "schemas/email/1.0.0.json").read_text(encoding="utf-8"))
TOKEN = "a token of the test"
SIZE = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
HOSTILE = "$(touch pwned) `touch pwned`; touch pwned #"


def mail(**headers: str) -> EmailMessage:
    made = EmailMessage()
    given = {"From": "Ann <ann@example.org>", "Subject": "Return", "Date": "Mon, 16 Nov 2026 09:41:00 +0100", **headers}
    for name, value in given.items():
        made[name] = value
    return made


def piped(folder: Path, raw: bytes, *command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, str(STARTING / "mail_to_json.py"), *command],
        input=raw, cwd=folder, env=environment(), capture_output=True, check=False, timeout=60,
    )  # fmt: skip


def as_trigger(folder: Path, message: EmailMessage) -> Any:
    done = piped(folder, message.as_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


def receiver(folder: Path) -> list[str]:
    """A spec that takes `email@1`, and the command that plays it."""
    write(
        folder, "inbox",
        contracts={"email@1.0.0": EMAIL, "size@1.0.0": SIZE},
        trigger={"accepts": "email@^1"}, result={"emits": "size@1.0.0"},
        roles={"one": {"kind": "reader", "does": "Count", "set": {"n": "size(input.body)"}, "emits": "size@1.0.0"}},
        handoffs=[{"from": "trigger", "to": "one"}, {"from": "one", "to": "end"}],
    )  # fmt: skip
    return [sys.executable, "-m", "choreo", "run", "inbox.yaml", "--input", "-", "--json", "--quiet"]


def test_a_mail_becomes_what_the_email_contract_wants(tmp_path: Path) -> None:
    message = mail(Subject="Grüße")
    message.set_content("Hello\n\nOrder A-1042.")
    assert as_trigger(tmp_path, message) == {
        "sender": "ann@example.org",
        "received": "2026-11-16T08:41:00Z",
        "subject": "Grüße",
        "body": "Hello\n\nOrder A-1042.",
    }


def test_a_mail_in_html_gives_its_words_and_one_without_text_says_so(tmp_path: Path) -> None:
    message = mail()
    message.set_content("<style>p {}</style><p>Hello</p><script>steal()</script><p>you</p>", subtype="html")
    assert as_trigger(tmp_path, message)["body"].split() == ["Hello", "you"]
    picture = mail()
    picture.set_content(b"\x89PNG", maintype="image", subtype="png")
    assert as_trigger(tmp_path, picture)["body"] == "(no text)"


def test_a_mail_longer_than_the_contract_takes_is_cut_and_says_so(tmp_path: Path) -> None:
    message = mail(Subject="x" * 500)
    message.set_content("word " * 10_000)
    made = as_trigger(tmp_path, message)
    assert len(made["body"]) <= EMAIL["properties"]["body"]["maxLength"]
    assert made["body"].endswith("[cut here: 49999 characters in all]")
    assert len(made["subject"]) <= EMAIL["properties"]["subject"]["maxLength"]


def test_a_mail_starts_a_run_and_nothing_of_it_reaches_a_command_line(tmp_path: Path) -> None:
    command = receiver(tmp_path)
    message = mail(Subject=HOSTILE)
    message.set_content(HOSTILE)
    done = piped(tmp_path, message.as_bytes(), *command)
    assert (done.returncode, done.stdout) == (0, b"")
    (run,) = json.loads(choreo(tmp_path, "runs", "--json").stdout)
    assert run["status"] == "done"
    assert not (tmp_path / "pwned").exists()


def test_a_mail_that_started_no_run_is_kept_for_another_try(tmp_path: Path) -> None:
    message = mail()
    message.set_content("Hello")
    command = receiver(tmp_path)
    (tmp_path / "inbox.yaml").write_text("choreo: 1\n")
    assert piped(tmp_path, message.as_bytes(), *command).returncode == 75
    assert piped(tmp_path, message.as_bytes(), str(tmp_path / "no-such-program")).returncode == 75


def test_what_is_no_mail_is_told_as_bad_data(tmp_path: Path) -> None:
    for raw in (b"", b"hello", b"From: nobody\n\nhi", b"\xff\xfe\0"):
        done = piped(tmp_path, raw)
        assert (done.returncode, done.stdout) == (65, b"")
        assert b"Traceback" not in done.stderr
    assert piped(tmp_path, mail().as_bytes() + b"x" * 10_000_000).returncode == 65


@pytest.fixture
def address(tmp_path: Path) -> Iterator[tuple[str, int]]:
    write(tmp_path)
    yield from served(tmp_path)


@pytest.fixture(params=[(), ("--quiet",), ("-q", "--json")])
def once(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """A webhook before a spec that plays each number once."""
    write(tmp_path, trigger={"accepts": "thing@^1", "once_per": "trigger.n"})
    yield from served(tmp_path, *request.param)


def served(folder: Path, *more: str) -> Iterator[tuple[str, int]]:
    command = [sys.executable, str(STARTING / "webhook.py"), "0"]
    server = subprocess.Popen(
        [*command, sys.executable, "-m", "choreo", "run", "count.yaml", "--input", "-", *more],
        cwd=folder, env=environment(CHOREO_WEBHOOK_TOKEN=TOKEN), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stderr
    host, port = server.stderr.readline().removeprefix("listening on http://").strip("/\n").split(":")
    yield host, int(port)
    server.terminate()
    server.wait(timeout=30)
    server.stderr.read()
    server.stderr.close()


def post(address: tuple[str, int], body: bytes, **headers: str) -> tuple[int, Any]:
    caller = http.client.HTTPConnection(*address, timeout=60)
    caller.request("POST", "/", body, {"Authorization": f"Bearer {TOKEN}", **headers})
    answer = caller.getresponse()
    told = answer.status, json.loads(answer.read())
    caller.close()
    return told


def test_a_webhook_starts_a_run_for_each_post_and_answers_when_it_is_on_record(
    address: tuple[str, int], tmp_path: Path
) -> None:
    assert address[0] == "127.0.0.1"
    status, told = post(address, b'{"n": 1}')
    assert (status, list(told)) == (202, ["run"])
    listed = json.loads(choreo(tmp_path, "runs", "--json").stdout)
    assert [run["id"] for run in listed] == [told["run"]]
    refused, told = post(address, json.dumps({"n": HOSTILE}).encode())
    assert refused == 202
    assert json.loads(choreo(tmp_path, "runs", "--json", "--status", "refused").stdout)[0]["id"] == told["run"]
    assert not (tmp_path / "pwned").exists()


def test_a_webhook_starts_nothing_for_strangers_for_what_is_no_json_or_is_too_large(
    address: tuple[str, int], tmp_path: Path
) -> None:
    body = b'{"n": 1}'
    assert [post(address, body, Authorization=given)[0] for given in ("", "Bearer", "Bearer no", TOKEN)] == [401] * 4
    assert post(address, b"{")[0] == 400
    assert post(address, b"[" * 100_000)[0] == 400
    assert post(address, b"{}", **{"Content-Length": "9999999"})[0] == 413
    assert post(address, b"{}", **{"Content-Length": "-1"})[0] == 411
    assert choreo(tmp_path, "runs", "--json").stdout == "[]\n"


def test_a_webhook_answers_a_duplicate_with_the_first_run_also_where_the_command_is_quiet(
    once: tuple[str, int], tmp_path: Path
) -> None:
    status, first = post(once, b'{"n": 1}')
    assert (status, list(first)) == (202, ["run"])
    again, told = post(once, b'{"n": 1}')
    assert (again, told["duplicate_of"]) == (200, first["run"])
    listed = json.loads(choreo(tmp_path, "runs", "--json").stdout)
    assert [(run["id"], run["status"] == "duplicate") for run in listed] == [
        (told["run"], True), (first["run"], False)
    ]  # fmt: skip


@pytest.mark.parametrize("body", [b"NaN", b'"\\ud800"', b'{"n": "\\u0000"}', b'{"n": -Infinity}', b"\xff", b"{}x"])
def test_a_webhook_says_400_to_what_is_no_data(address: tuple[str, int], tmp_path: Path, body: bytes) -> None:
    status, told = post(address, body)
    assert (status, list(told)) == (400, ["error"])
    assert choreo(tmp_path, "runs", "--json").stdout == "[]\n"


def test_a_webhook_does_not_start_without_a_token(tmp_path: Path) -> None:
    command = [sys.executable, str(STARTING / "webhook.py"), "0", "true"]
    env = environment(CHOREO_WEBHOOK_TOKEN="short")
    assert subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, check=False, timeout=30).returncode == 2


def lines_of(name: str) -> list[str]:
    """The command lines of a file, from `cd` on."""
    text = (STARTING / name).read_text(encoding="utf-8")
    return [line[line.index("cd ") :] for line in text.splitlines() if "cd " in line and not line.startswith("#")]


def test_each_line_of_the_crontab_plays_as_it_stands(tmp_path: Path) -> None:
    made = tmp_path / ".venv/bin/choreo"
    made.parent.mkdir(parents=True)
    made.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m choreo "$@"\n')
    made.chmod(0o700)
    for name in ("specs", "schemas"):
        (tmp_path / name).symlink_to(ROOT / name)
    lines = lines_of("crontab")
    assert len(lines) == 2
    for line in lines:
        here = ["/bin/sh", "-c", line.replace("/srv/desk", shlex.quote(str(tmp_path)))]
        done = subprocess.run(here, env=environment(), capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr.replace("no run is due\n", "")) == (0, "")


def test_the_line_of_the_mail_filter_is_what_the_test_of_the_mail_plays() -> None:
    (line,) = lines_of("procmailrc")
    words = shlex.split(line)
    assert words[:3] == ["cd", "/srv/desk", "&&"]
    assert words[3:6] == ["specs/starting/mail_to_json.py", ".venv/bin/choreo", "run"]
    assert words[6:] == ["specs/support-desk.yaml", "--input", "-", "--json"]
    assert (STARTING / "mail_to_json.py").stat().st_mode & 0o111
