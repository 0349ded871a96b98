"""The example projects that come with the package, in `choreo/examples/<name>/`."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent.parent / "examples"

EXAMPLES = {
    "approve": "a service prepares a refund, a person approves it, an actor pays",
    "branch": "a ticket takes one of three ways, two checks run side by side and join",
    "loop": "a text is sent back until it fits, then a person takes over",
    "model": "an embedded model sorts messages, a person looks where it is unsure",
}


def example_files(name: str) -> dict[str, str]:
    """Path (with `/`) to text of every file of an example, the spec first."""
    folder = FOLDER / name
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    found.sort(key=lambda path: (path.suffix != ".yaml", path.parent != folder))
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}
