"""`choreo doctor`: what this machine has, and what is known to be bad about it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from choreo import __version__
from choreo.commands.speech import out
from choreo.errors import DONE, FAILED
from choreo.render.text import one_line
from choreo.store import driver, find_store


@dataclass(frozen=True)
class Finding:
    """One line of the report. `bad` findings make the command fail; `help` says what to do."""

    state: Literal["ok", "note", "bad"]
    subject: str
    told: str
    help: str = ""


def doctor(*, db: str | None, as_json: bool) -> int:
    """Look at the machine; nothing is changed and nothing is sent. Exit 1 where something is known to be bad."""
    found = [finding for look in LOOKS for finding in look()] + list(_store(find_store(db)))
    if as_json:
        out(json.dumps([finding.__dict__ for finding in found], ensure_ascii=False, indent=2))
    else:
        for finding in found:
            out(one_line(f"{finding.state:<5} {finding.subject:<12} {finding.told}"))
            if finding.help:
                out(one_line(f"{'':18} {finding.help}"))
    return FAILED if any(finding.state == "bad" for finding in found) else DONE


def _python() -> Iterator[Finding]:
    fine = sys.version_info >= (3, 11)
    told = f"{platform.python_version()} ({platform.python_implementation()}, {platform.system()} {platform.machine()})"
    yield Finding("ok", "choreo", __version__)
    yield Finding("ok" if fine else "bad", "python", told, "" if fine else "choreo needs Python 3.11 or newer")


def _sqlite() -> Iterator[Finding]:
    mode = "WAL" if driver.wal_is_safe() else "rollback journal"
    told = f"{driver.VERSION} through {driver.DRIVER}, new stores use {mode} with synchronous=FULL"
    if driver.wal_is_safe():
        yield Finding("ok", "sqlite", told)
    else:
        why = "this build has the WAL-reset bug: choreo is slower but safe; where it has a wheel, pip install pysqlite3"
        yield Finding("note", "sqlite", told, why)


def _libraries() -> Iterator[Finding]:
    for subject, package, why in (
        ("expressions", "cel-expr-python", "no spec can be played without it"),
        ("verdicts", "jsonschema-rs", "no contract can be checked without it"),
    ):
        version = _version(package)
        if version:
            yield Finding("ok", subject, f"{package} {version}")
        else:
            yield Finding("bad", subject, f"{package} is missing: {why}", f"pip install {package}")


def _litellm() -> Iterator[Finding]:
    from choreo.players.litellm_release import litellm_problem

    version = _version("litellm")
    problem = litellm_problem(version)
    if problem is None:
        yield Finding("ok", "remote", f"litellm {version}")
    else:
        state: Literal["bad", "note"] = "bad" if version else "note"
        yield Finding(state, "remote", problem, "pip install --upgrade litellm")


def _embedded() -> Iterator[Finding]:
    version = _version("xllamacpp")
    if version is None:
        yield Finding("note", "embedded", "no embedded runtime", 'for local/ models: pip install "choreo-run[local]"')
    else:
        yield Finding("ok", "embedded", f"xllamacpp {version}, {os.cpu_count()} cores")
    from choreo.weights import cached, megabytes, read_catalogue

    here = [f"{entry.name} ({megabytes(entry.size)})" for entry in read_catalogue().weights if cached(entry)]
    yield Finding(
        "ok" if here else "note", "weights", ", ".join(here) or "none here", "" if here else "choreo models pull"
    )


def _startup_code() -> Iterator[Finding]:
    """`.pth` files that run code at every start of Python: how the malicious releases of 2026 came in."""
    for folder in dict.fromkeys(path for path in sys.path if path.endswith("site-packages")):
        for path in sorted(Path(folder).glob("*.pth")):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            code = [line for line in lines if line.startswith(("import ", "import\t"))]
            if any(word in line for line in code for word in ("base64", "exec(", "subprocess", "urllib", "http")):
                yield Finding(
                    "bad", "start-up", f"{path} runs code at every start of Python", "find out who put it there"
                )


def _store(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield Finding("note", "store", f"{path} (not made yet)")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        help = f"it holds every payload: chmod 600 {path}"
        yield Finding("bad", "store", f"{path} can be read by others (mode {mode:o})", help)
        return
    from choreo.errors import ChoreoError
    from choreo.store.place import open_for_reading

    try:
        connection = open_for_reading(path)
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
        connection.close()
    except ChoreoError as error:
        yield Finding("bad", "store", error.message, error.help)
        return
    yield Finding("ok", "store", f"{path} ({path.stat().st_size:,} bytes, journal {journal}, mode {mode:o})")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (_python, _sqlite, _libraries, _litellm, _embedded, _startup_code)
