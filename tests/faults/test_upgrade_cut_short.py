"""Kill -9 in the upgrade of a store: the old one or the new one is there, never half, and the next command goes on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from relay import Nursery, World
from store.older import write_v1

from choreo.store import Store
from choreo.store.place import check_header
from choreo.store.schema import VERSION


@pytest.mark.parametrize("at", [2, 5, 8, 11, 14, 17, 20, 24, 28])
def test_a_death_in_the_upgrade_leaves_the_old_store_or_the_new_one(tmp_path: Path, nursery: Nursery, at: int) -> None:
    world = World(tmp_path, "a", nursery)
    write_v1(world.db)
    assert world.child("make store", at=at) == -signal.SIGKILL, "there are more statements than that"
    store = Store.open(world.db)
    assert [run.id for run in store.runs()] == ["old"]
    store.close()
    assert check_header(world.db) == VERSION
    assert check_header(world.db.with_name("trace.db.v1-backup")) == 1
