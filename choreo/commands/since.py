"""Whether a run's files are still those that it began with: a run keeps its plan, so a change in them is told."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from choreo.api.checked import Checked
from choreo.commands.playing import Options
from choreo.commands.speech import say_safe
from choreo.loading.files import DiskFiles, Unreadable
from choreo.loading.text import decode
from choreo.store import RunRecord

_MOST_NAMED = 3


def say_what_changed(record: RunRecord, checked: Checked, options: Options) -> None:
    """Tell that the run goes on with the texts it began with, where the files now hold other ones."""
    main = Path(checked.loaded.path)
    if options.quiet or not main.parent.is_dir():
        return
    changed = [f"`{os.path.relpath(main.parent / name)}`{how}" for name, how in _changed(main, checked.loaded.sources)]
    if not changed:
        return
    more = f" and {len(changed) - _MOST_NAMED} more" if len(changed) > _MOST_NAMED else ""
    named = ", ".join(changed[:_MOST_NAMED]) + more
    say_safe(f"note: {named} changed since run {record.id} began; it goes on with the texts it began with")
    spec = shlex.quote(os.path.relpath(main))
    say_safe(f"to play the new ones: choreo replay {record.id}{options.store_flag} --spec {spec}")
    say_safe(f"to go on with the new ones: choreo resume {record.id}{options.store_flag} --accept-changes")


def _changed(main: Path, sources: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(path from the spec's folder, ` (gone)` or nothing) of each text that is another one now; the spec is first."""
    files = DiskFiles(str(main.parent))
    for name, text in sorted(sources.items(), key=lambda item: (item[0] != main.name, item[0])):
        try:
            if decode(files.read(name), name, []) != text:
                yield name, ""
        except Unreadable:
            yield name, " (gone)"
