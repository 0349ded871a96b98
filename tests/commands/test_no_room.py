"""Where a model's answer could not be kept, the next command goes on with this very run."""

from __future__ import annotations

from pathlib import Path

import pytest
from runners.replaying import CHAIN, desk_in

from choreo.commands.resume import resume
from choreo.errors import StoreError
from choreo.store.files import Files


def test_the_help_of_a_full_store_names_the_command_and_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_in(tmp_path, monkeypatch)
    desk.write(CHAIN)
    with monkeypatch.context() as full:
        full.setattr(Files, "_writable", lambda self: 0)
        with pytest.raises(StoreError) as told:
            desk.run()
    run = desk.record.id
    help = f"free some space, then: choreo resume {run} --db {tmp_path / 'trace.db'}"
    assert (told.value.code, told.value.help) == ("store-full", help)
    assert resume(run, limits=(), options=desk.options) == 0
