"""Where weights live on disk: `<home>/weights/<name>/<file>`, folders 0700, files 0600.

A file's SHA-256 is remembered beside the cache, so that a gigabyte is hashed when it arrives and not
at every run.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from choreo.weights.catalogue import Weights, read_catalogue

CHUNK = 1 << 20


def home() -> Path:
    """`CHOREO_HOME`, else the user's cache folder as the platform has it."""
    if set_home := os.environ.get("CHOREO_HOME"):
        return Path(set_home).expanduser().absolute()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "choreo" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "choreo"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "choreo"


def folder_of(name: str) -> Path:
    return home() / "weights" / name


def make_private(folder: Path) -> None:
    """Make the folder and its missing parents, readable by this user alone."""
    missing = [folder, *folder.parents]
    for part in reversed([part for part in missing if not part.exists()]):
        part.mkdir(mode=0o700, exist_ok=True)


def own_files() -> Iterator[tuple[str, Path]]:
    """(name, path) of the files that people brought themselves."""
    catalogue = read_catalogue()
    for path in sorted((home() / "weights").glob("*/*.gguf")):
        if catalogue.find(path.parent.name) is None:
            yield path.parent.name, path


def cached(entry: Weights) -> Path | None:
    """The official file where it is in the cache, complete and under its own name."""
    path = folder_of(entry.name) / entry.file
    return path if path.is_file() and path.stat().st_size == entry.size else None


def looks_like_path(name: str) -> bool:
    return name.lower().endswith(".gguf") or "/" in name or os.sep in name


def locate(name: str) -> Path | None:
    """The file that `local/<name>` means: a path, a name of the catalogue, or a file of one's own."""
    if looks_like_path(name):
        path = Path(name).expanduser().absolute()
        return path if path.is_file() else None
    entry = read_catalogue().find(name)
    if entry is not None:
        return cached(entry)
    return next((path for own, path in own_files() if own == name), None)


# -- digests -------------------------------------------------------------------------------------


def hash_file(path: Path) -> str:
    """The hex SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def digest_of_file(path: Path) -> str:
    """The file's hex SHA-256, hashed again only if its size or its time of change is another."""
    note = _note_of(path)
    stamp = _stamp(path)
    try:
        found = json.loads(note.read_text("utf-8"))
        if found["stamp"] == stamp:
            return str(found["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # never noted, or not by us: hash it
    return remember_digest(path, hash_file(path))


def remember_digest(path: Path, sha256: str) -> str:
    """Note the digest of a file that was just hashed. A cache that cannot be written is no error."""
    note = _note_of(path)
    try:
        make_private(note.parent)
        write_private(note, json.dumps({"path": str(path), "stamp": _stamp(path), "sha256": sha256}).encode())
    except OSError:
        pass
    return sha256


def forget_digest(path: Path) -> None:
    _note_of(path).unlink(missing_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """Replace a small file in one step, readable by this user alone."""
    draft = path.with_name(path.name + ".new")
    with open(draft, "wb", opener=private_opener) as stream:
        stream.write(data)
    os.replace(draft, path)


def private_opener(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _note_of(path: Path) -> Path:
    key = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]
    return home() / "weights" / ".digests" / f"{key}.json"


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
