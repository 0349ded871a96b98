"""`choreo db backup` and `choreo db upgrade`: the trace store as a file."""

from __future__ import annotations

from pathlib import Path

from choreo.commands.speech import say_safe
from choreo.errors import DONE
from choreo.store import find_store
from choreo.store.backup import back_up, untold_upgrades
from choreo.store.place import open_for_reading
from choreo.store.schema import VERSION


def backup(target: str, *, db: str | None) -> int:
    """Copy the store, while others may write to it, into a new file. The copy is whole and checked, or not there."""
    source = find_store(db)
    open_for_reading(source).close()
    size = back_up(source, Path(target))
    say_safe(f"{source} is copied to {target}: {size:,} bytes, checked")
    say_safe(f"look into it: choreo runs --db {target}")
    return DONE


def upgrade_store(*, db: str | None) -> int:
    """Bring the store to the version of this choreo. Every command does so by itself; here it is said."""
    path = find_store(db)
    open_for_reading(path).close()
    if not say_what_was_upgraded():
        say_safe(f"{path} is up to date (store version {VERSION})")
    return DONE


def say_what_was_upgraded() -> bool:
    """Say which stores this command has upgraded, and where each is as it was before. Returns whether it was one."""
    found = untold_upgrades()
    for path, copy in found:
        say_safe(f"{path} is upgraded to store version {VERSION}; as it was before: {copy}")
    return bool(found)
