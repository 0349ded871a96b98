"""The way from a path to a Loaded: read, shape, parse, contracts; every Problem of all of them at once."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from choreo.contract import Contract
from choreo.errors import UsageError
from choreo.loading.contracts import load_contracts
from choreo.loading.environment import environment_problems, prompt_problems
from choreo.loading.files import DiskFiles, Files, Shelf, StoredFiles, Unreadable
from choreo.loading.page import Page
from choreo.loading.parse import read_spec
from choreo.loading.settings import settings_problems
from choreo.loading.shape import check_shape
from choreo.loading.unplayed import unplayed_problems
from choreo.loading.yaml import read_yaml
from choreo.problem import Problem, closest
from choreo.spec import Spec, SpecPlayer


class Loaded(Struct, frozen=True):
    """What is in a spec's file and in the files it refers to.

    `spec` is None only where the text is no YAML mapping; where `problems` has errors it is as much as
    could be read, good enough for further checks but not for playing. `sources` are all texts that were read, by their
    path relative to the spec's folder: `load_stored` makes the same of them. `family` is the spec itself and every
    spec that plays a role in it or in one of those, by `SpecPlayer.within`; `sources` holds the texts of all of them.
    """

    spec: Spec | None
    contracts: Mapping[str, tuple[Contract, ...]]
    problems: tuple[Problem, ...]
    sources: Mapping[str, str]
    path: str = ""
    family: Mapping[str, Loaded] = {}

    @property
    def texts(self) -> Mapping[str, str]:
        """The texts by the path that a Problem's place shows."""
        folder = os.path.dirname(self.path)
        return {_shown(folder, path): text for path, text in self.sources.items()}


def _shown(folder: str, path: str) -> str:
    return os.path.normpath(os.path.join(folder, path)).replace(os.sep, "/")


def load_spec(path: str) -> Loaded:
    """Load a spec from the disk. Raises UsageError where the file is missing, a folder or unreadable."""
    files = DiskFiles(os.path.dirname(path) or ".")
    if os.path.isdir(path):
        raise UsageError("is-a-folder", f"`{path}` is a folder", "name a spec's file in it")
    try:
        data = files.read(os.path.basename(path))
    except Unreadable as error:
        missing = not os.path.lexists(path)
        help = _near_file(path) if missing else "check the file and its permissions"
        raise UsageError(
            "missing-file" if missing else "cannot-read", f"cannot read `{path}`: {error}", help
        ) from error
    return _load(data, path, files)


def load_stored(sources: Mapping[str, str], spec_path: str) -> Loaded:
    """Load a spec from the texts that a run stored (`Loaded.sources`), without looking at the disk.

    `spec_path` is the path it was loaded from. Raises UsageError where its text is not among them.
    """
    text = sources.get(os.path.basename(spec_path))
    if text is None:
        raise UsageError("missing-file", f"the stored run has no text of `{spec_path}`")
    return _load(text.encode("utf-8"), spec_path, StoredFiles(sources))


def _near_file(path: str) -> str:
    folder = os.path.dirname(path)
    try:
        names = [name for name in os.listdir(folder or ".") if name.endswith((".yaml", ".yml"))]
    except OSError:
        return f"there is no folder `{folder}`"
    near = closest(os.path.basename(path), names)
    return f"did you mean `{os.path.join(folder, near)}`?" if near else "check the path"


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cycle collector: what is read is all kept, and scanning it again and again is a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _load(data: bytes, path: str, files: Files) -> Loaded:
    with _uncollected():
        first = _read(data, path, files)
        return _with_family(first, files) if _sub_specs(first) else first


def _read(data: bytes, path: str, files: Files) -> Loaded:
    folder = os.path.dirname(path)
    shown = _shown(folder, os.path.basename(path))
    document = read_yaml(data, shown)
    problems = list(document.problems)
    shelf = Shelf(files, folder, problems)
    if document.text:
        shelf.texts[os.path.basename(path)] = document.text
    root, found = check_shape(document)
    problems += found
    if root is None or root.kind != "map" or document.root is None:
        return Loaded(None, {}, _sorted(problems), shelf.texts, path)
    page = Page(document, shelf, problems)
    spec = read_spec(root, page, path, folder or ".")
    problems += environment_problems(document, document.root)
    problems += settings_problems(document, root)
    problems += unplayed_problems(document, root)
    for role in spec.roles.values():
        prompt = getattr(role.player, "prompt", None)
        if prompt is not None and prompt.path is not None:
            problems += prompt_problems(shelf.texts[prompt.path], prompt.place.path)
    contracts = load_contracts(root, page)
    return Loaded(spec, contracts, _sorted(problems), shelf.texts, path)


def _sorted(problems: list[Problem]) -> tuple[Problem, ...]:
    """By file and position, each once (a value behind an alias is met at each of its uses)."""
    once = {(problem.place, problem.code, problem.message): problem for problem in problems}
    return tuple(sorted(once.values(), key=lambda problem: problem.order))


# -- sub-specs -----------------------------------------------------------------------------------


def _with_family(first: Loaded, files: Files) -> Loaded:
    """The spec with every spec that plays a role in it, or in one of those; each is read once."""
    family = {os.path.normpath(first.path): first}
    ahead = [first]
    while ahead:
        one = ahead.pop(0)
        problems: list[Problem] = []
        for player in _sub_specs(one):
            path = player.within(one.spec.folder if one.spec else "")
            if path in family or not _is_path(player, problems):
                continue
            found = _sub_spec(player, path, os.path.dirname(first.path), files, problems)
            if found is not None:
                family[path] = found
                ahead.append(found)
        if problems:
            family[os.path.normpath(one.path)] = replace(one, problems=_sorted([*one.problems, *problems]))
    whole = {path: replace(one, sources=_texts_of(path, family)) for path, one in family.items()}
    return replace(whole[os.path.normpath(first.path)], family=whole)


def _sub_specs(loaded: Loaded) -> list[SpecPlayer]:
    players = [role.player for role in loaded.spec.roles.values()] if loaded.spec is not None else []
    return [player for player in players if isinstance(player, SpecPlayer)]


def _is_path(player: SpecPlayer, problems: list[Problem]) -> bool:
    path = player.path
    if path.endswith((".yaml", ".yml")) and not path.startswith(("/", "~")) and not set(path) & {"\\", ":", "\0"}:
        return True
    message = f"`{path}` is not the path of a spec below or beside this spec's folder"
    problems.append(Problem(player.place, "bad-path", message, "write it relative, such as `parts/triage.yaml`"))
    return False


def _sub_spec(player: SpecPlayer, path: str, home: str, files: Files, problems: list[Problem]) -> Loaded | None:
    beside = os.path.relpath(path, home or ".").replace(os.sep, "/")
    try:
        data = files.read(beside)
    except Unreadable as error:
        near = closest(os.path.basename(path), files.names(os.path.dirname(beside) or "."))
        help = f"did you mean `{near}`?" if near else f"it is looked for at {_shown('', path)}"
        problems.append(Problem(player.place, "missing-file", f"cannot read the spec `{player.path}`: {error}", help))
        return None
    return _read(data, path, files.seen_from(os.path.dirname(beside) or "."))


def _texts_of(path: str, family: Mapping[str, Loaded]) -> dict[str, str]:
    """The texts of a spec and of all that can play in it, by their path from its folder."""
    reached = [path]
    for name in reached:
        one = family[name]
        inside = (player.within(one.spec.folder if one.spec else "") for player in _sub_specs(one))
        reached += [sub for sub in dict.fromkeys(inside) if sub in family and sub not in reached]
    found: dict[str, str] = {}
    for name in reached:
        way = os.path.relpath(os.path.dirname(name) or ".", os.path.dirname(path) or ".")
        for text_path, text in family[name].sources.items():
            found[os.path.normpath(os.path.join(way, text_path)).replace(os.sep, "/")] = text
    return found
