"""Programs that are called, and how they end when choreo must leave at once."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from model_visits import PLACE, model_visit, template
from msgspec.structs import replace

from choreo.errors import PlayFailed
from choreo.players import command_service
from choreo.players.command_service import CommandCall, _starting, stop_all
from choreo.players.service import CallError, ServicePlayer
from choreo.spec import CommandService


def test_a_program_that_was_just_about_to_start_is_ended_too() -> None:
    """Its process group is known only once it runs: leaving before that would let it run on alone."""

    async def leave_at_once() -> str:
        call = CommandCall(CommandService((template("sleep"), template("1000")), PLACE))
        calling = asyncio.create_task(call(model_visit(), 60.0))
        while not _starting:
            await asyncio.sleep(0)
        await stop_all()
        with contextlib.suppress(CallError):
            await asyncio.wait_for(calling, 60.0)
            return "it went on"
        return "it was ended"

    assert asyncio.run(leave_at_once()) == "it was ended"


def test_a_program_that_floods_what_nobody_reads_any_more_ends_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_service, "_PATIENCE", 3600.0)  # as good as for ever

    async def flood() -> str:
        service = CommandService((template("sh"), template("-c"), template("yes >&2")), PLACE)
        player = ServicePlayer(CommandCall(service))
        with contextlib.suppress(PlayFailed):
            await asyncio.wait_for(player.play(model_visit(deadline=0.2), lambda attempt: None), 60.0)
        return "it ended"

    assert asyncio.run(flood()) == "it ended"


@pytest.mark.parametrize("program", ["./tools/echo.sh", "./echo.sh", "tools/echo.sh"])
def test_a_program_beside_the_spec_is_found_from_its_folder(tmp_path: Path, program: str) -> None:
    (tmp_path / "tools").mkdir()
    for file in (tmp_path / "echo.sh", tmp_path / "tools" / "echo.sh"):
        file.write_text("#!/bin/sh\ncat\n")
        file.chmod(0o700)
    call = CommandCall(CommandService((template(program),), PLACE))
    called = asyncio.run(call(replace(model_visit(given={"n": 1}), folder=str(tmp_path)), 60.0))
    assert called.value.value == {"n": 1}
