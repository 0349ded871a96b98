"""Files as they were at a commit. Git is asked; nothing is checked out, and no hook or filter runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable

from choreo.errors import UsageError

_SECONDS = 60.0


def files_at(folder: str, ref: str) -> dict[str, bytes]:
    """Every file below a folder at a commit, by its path from that folder. Raises UsageError."""
    commit = _commit(folder, ref)
    listed = _git(folder, ("ls-tree", "-r", "-z", "--name-only", commit))
    names = [name for name in listed.decode("utf-8", "surrogateescape").split("\0") if name and "\n" not in name]
    return _contents(folder, commit, names)


def file_at(path: str, ref: str) -> bytes | None:
    """A file's bytes at a commit, or None where it was not there. Raises UsageError."""
    folder = os.path.dirname(path) or "."
    commit = _commit(folder, ref)
    return _contents(folder, commit, [os.path.basename(path)]).get(os.path.basename(path))


def _commit(folder: str, ref: str) -> str:
    help = "name a branch, a tag or a commit of this repository, such as origin/main"
    if ref.startswith("-"):
        raise UsageError("no-such-ref", f"`{ref}` is no git reference", help)
    if not os.path.isdir(folder):
        raise UsageError("missing-file", f"there is no folder `{folder}`", "check the path")
    try:
        return _git(folder, ("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")).decode().strip()
    except subprocess.CalledProcessError as error:
        if _is_repository(folder):
            raise UsageError("no-such-ref", f"git knows no commit `{ref}` here", help) from error
        raise UsageError("no-repository", f"`{folder}` is in no git repository", "leave out --base") from error


def _is_repository(folder: str) -> bool:
    try:
        _git(folder, ("rev-parse", "--git-dir"))
    except subprocess.CalledProcessError:
        return False
    return True


def _contents(folder: str, commit: str, names: Iterable[str]) -> dict[str, bytes]:
    """The bytes of each name that is there, by one call."""
    wanted = list(names)
    asked = "".join(f"{commit}:./{name}\n" for name in wanted).encode("utf-8", "surrogateescape")
    told = _git(folder, ("cat-file", "--batch"), asked) if wanted else b""
    found: dict[str, bytes] = {}
    for name in wanted:
        head, _, told = told.partition(b"\n")
        words = head.rsplit(b" ", 2)
        if head.endswith(b" missing") or len(words) != 3 or not words[2].isdigit():
            continue
        size = int(words[2])
        if words[1] == b"blob":
            found[name] = told[:size]
        told = told[size + 1 :]
    return found


def _git(folder: str, words: tuple[str, ...], data: bytes = b"") -> bytes:
    """What git prints. Raises UsageError where there is no git or it hangs, CalledProcessError where it refuses."""
    settings = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ("git", "-C", folder, *words), input=data, capture_output=True, check=True, timeout=_SECONDS, env=settings
        )
    except FileNotFoundError as error:
        raise UsageError("no-git", "git is not installed here", "install git, or leave out --base") from error
    except subprocess.TimeoutExpired as error:
        raise UsageError("git-hangs", f"git did not answer within {_SECONDS:.0f} s", "try again") from error
    return done.stdout
