"""Where texts come from: the disk around a spec, or what a run stored. Paths are relative to the spec's folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct, field

from choreo.loading.text import MAX_BYTES, decode
from choreo.problem import Place, Problem, closest

_ROOT_MARKS = (".git", "pyproject.toml")


class Unreadable(Exception):
    """A file that is not there or cannot be read: one clause that says why."""


class Files(Protocol):
    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises Unreadable."""

    def names(self, folder: str) -> tuple[str, ...]:
        """The names in a folder, sorted; none where it is not there."""

    def schemas(self) -> str | None:
        """The nearest `schemas` folder from the spec's folder upward to the project's root."""

    def seen_from(self, folder: str) -> Files:
        """The same files, with paths that start at another folder."""


class DiskFiles(Struct, frozen=True):
    folder: str

    def read(self, path: str) -> bytes:
        full = os.path.normpath(os.path.join(self.folder, path))
        try:
            status = os.stat(full)
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("it is a folder" if stat.S_ISDIR(status.st_mode) else "it is no regular file")
            if status.st_size > MAX_BYTES:
                raise Unreadable(f"it holds {status.st_size:,} bytes; at most {MAX_BYTES:,} are read")
            with open(full, "rb") as file:
                return file.read(MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise Unreadable("there is no such file") from error
        except (OSError, ValueError) as error:
            raise Unreadable(getattr(error, "strerror", None) or str(error)) from error

    def names(self, folder: str) -> tuple[str, ...]:
        try:
            return tuple(sorted(os.listdir(os.path.normpath(os.path.join(self.folder, folder)))))
        except (OSError, ValueError):
            return ()

    def schemas(self) -> str | None:
        folder, found = os.path.abspath(self.folder), "schemas"
        while not os.path.isdir(os.path.join(folder, "schemas")):
            above = os.path.dirname(folder)
            if above == folder or any(os.path.exists(os.path.join(folder, mark)) for mark in _ROOT_MARKS):
                return None
            folder, found = above, "../" + found
        return found

    def seen_from(self, folder: str) -> DiskFiles:
        return DiskFiles(os.path.join(self.folder, folder))


class StoredFiles(Struct, frozen=True):
    """The texts of a stored run: nothing on the disk is looked at."""

    sources: Mapping[str, str]

    def read(self, path: str) -> bytes:
        text = self.sources.get(path, self.sources.get(os.path.normpath(path).replace(os.sep, "/")))
        if text is None:
            raise Unreadable("it is not among the stored texts")
        return text.encode("utf-8")

    def names(self, folder: str) -> tuple[str, ...]:
        start = "" if folder == "." else folder + "/"
        return tuple(sorted({path[len(start) :].split("/")[0] for path in self.sources if path.startswith(start)}))

    def schemas(self) -> str | None:
        found = [path.partition("schemas/") for path in self.sources if path.endswith(".json")]
        upward = [before for before, schemas, _ in found if schemas and not before.replace("../", "")]
        return min(upward, key=len) + "schemas" if upward else None

    def seen_from(self, folder: str) -> StoredFiles:
        return StoredFiles(seen_from(folder, self.sources))


def seen_from(folder: str, sources: Mapping[str, str]) -> dict[str, str]:
    """Texts by their path from another folder."""
    return {os.path.relpath(path, folder).replace(os.sep, "/"): text for path, text in sources.items()}


class Shelf(Struct, frozen=True):
    """Reads texts and keeps each of them under its path. `shown` is the spec's folder as the caller named it."""

    files: Files
    shown: str
    problems: list[Problem]
    texts: dict[str, str] = field(default_factory=dict)

    def display(self, path: str) -> str:
        """A path as it stands in messages: seen from where the caller stands."""
        return os.path.normpath(os.path.join(self.shown, path)).replace(os.sep, "/")

    def near(self, path: str, ends: tuple[str, ...] = ("",)) -> str | None:
        """The path of the file which was probably meant: one beside it, or of that name in a folder of a near name."""
        folder, name = os.path.split(path)
        names = [one for one in self.files.names(folder or ".") if one.endswith(ends)]
        stems = {os.path.splitext(one)[0]: one for one in names}  # all end alike: that is no likeness
        near = closest(os.path.splitext(name)[0], list(stems))
        if near is not None:
            return f"{folder}/{stems[near]}" if folder else stems[near]
        above, inner = os.path.split(folder)
        other = closest(inner, self.files.names(above or ".")) if inner and not names else None
        beside = f"{above}/{other}" if above else other
        return f"{beside}/{name}" if beside and name in self.files.names(beside) else None

    def text(self, path: str, blame: Place, noun: str) -> str | None:
        """A file's text. What keeps it from being read is a Problem: at `blame`, or at a character of the file."""
        known = self.texts.get(path)
        if known is not None:
            return known
        try:
            data = self.files.read(path)
        except Unreadable as error:
            message, near = f"cannot read the {noun} `{path}`: {error}", self.near(path)
            help = f"did you mean `{near}`?" if near else f"it is looked for at {self.display(path)}"
            self.problems.append(Problem(blame, "missing-file", message, help))
            return None
        text = decode(data, self.display(path), self.problems)
        if text is not None:
            self.texts[path] = text
        return text
