"""marketing-message: four lookups at the same time, one message from all of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from faults.relay import environment
from gallery_play import GALLERY, play

from choreo.trace import HopFinished, HopStarted

LOOKUPS = ["clock", "customer", "purchases", "on_sale"]
MESSAGE = {"subject": "Cups for Ada", "body": "Espresso cups are 20 % off today."}


def message(folder: Path, username: str = "ada") -> Any:
    return play("marketing-message", {"username": username}, folder, {"write": [MESSAGE]})


def test_a_run_starts_with_a_user_name(tmp_path: Path) -> None:
    assert message(tmp_path).given("customer") == [{"username": "ada"}]
    refused = message(tmp_path, "Ada Lovelace")
    assert (refused.status, refused.code, refused.visits) == ("refused", "contract-violation", [])


def test_the_four_lookups_are_in_play_at_the_same_time(tmp_path: Path) -> None:
    ran = message(tmp_path)
    hops = [event for event in ran.events if isinstance(event, HopStarted | HopFinished)]
    assert [event.role for event in hops[:4] if isinstance(event, HopStarted)] == LOOKUPS
    assert [role for role, _ in ran.models] == ["write"]


def test_the_message_is_written_once_from_all_four(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1795300000")
    assert message(tmp_path).given("write") == [
        {
            "clock": {"now": "2026-11-21T22:26:40Z"},
            "customer": {"name": "Ada", "city": "Turin", "likes": ["coffee", "cycling"]},
            "purchases": {"items": ["Coffee grinder", "Bicycle bell"]},
            "on_sale": {
                "items": [{"name": "Espresso cups", "percent_off": 20}, {"name": "Chess clock", "percent_off": 35}]
            },
        }
    ]


def test_a_lookup_that_fails_keeps_the_message_from_being_written(tmp_path: Path) -> None:
    ran = message(tmp_path, "nobody")
    assert (ran.status, ran.code, ran.models) == ("failed", "service-error", [])


def test_the_message_is_what_the_run_shows(tmp_path: Path) -> None:
    assert message(tmp_path).result == MESSAGE


def test_the_message_is_printed_by_the_command(tmp_path: Path) -> None:
    """Without a key no message can be written; what is printed comes from the same spec with the writer replaced."""
    text = (GALLERY / "marketing-message.yaml").read_text(encoding="utf-8")
    at, to = text.index("    model: writer\n"), text.index("    accepts: marketing_input@^1")
    computed = '    set: {subject: "\'For \' + input.customer.name", body: "input.on_sale.items[0].name"}\n'
    (tmp_path / "schemas").symlink_to(GALLERY.parents[1] / "schemas")
    (tmp_path / "marketing_message").symlink_to(GALLERY / "marketing_message")
    (tmp_path / "message.yaml").write_text(text[:at] + computed + text[to:], encoding="utf-8")
    command = [sys.executable, "-m", "choreo", "run", "message.yaml", "--set", "username=ada"]
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"subject": "For Ada", "body": "Espresso cups"}
