"""Python functions and programs that a spec names: whether they are there. Modules are read as text, nothing is run."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from choreo.problem import Place, Problem, closest
from choreo.spec import CommandService, ModelPlayer, Player, PythonService, Spec

_MOST = 2_000_000
"""Bytes of a module that is read."""


def missing_functions(spec: Spec) -> Iterator[Problem]:
    """`missing-function` for each python service that cannot be found from the spec's folder."""
    for service in _services(spec):
        if isinstance(service, PythonService) and re.fullmatch(r"[\w.]+:\w+", service.target):
            problem = _function_problem(Path(spec.folder or "."), service)
            if problem is not None:
                yield problem


def missing_programs(spec: Spec) -> Iterator[Problem]:
    """`missing-program` for each command whose program is named by a path from the spec's folder and is not there.

    One that is named without a folder is looked for where it plays.
    """
    for service in _services(spec):
        program = service.argv[0] if isinstance(service, CommandService) and service.argv else None
        if program is None or program.expressions:
            continue
        name = "".join(part for part in program.parts if isinstance(part, str))
        path = Path(spec.folder or ".", name)
        if "/" not in name or os.path.isabs(name) or "${" in name or path.is_file():
            continue
        near = closest(path.name, sorted(_files(path.parent)))
        help = f"did you mean `{name.removesuffix(path.name)}{near}`?" if near else f"it is looked for as {path}"
        yield Problem(program.place, "missing-program", f"there is no program `{name}` beside the spec", help)


def _files(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if (folder / name).is_file()]
    except OSError:
        return []


def hides_pythons_own(folder: Path, module: str) -> str | None:
    """Why a module beside the spec cannot be used: its name is that of one that this process needs; or None."""
    first = module.partition(".")[0]
    if first in sys.stdlib_module_names and ((folder / first).is_dir() or (folder / f"{first}.py").is_file()):
        return f"`{first}` is the name of a module of Python's own: give the one beside the spec another"
    return None


def _services(spec: Spec) -> Iterator[Player]:
    """What plays roles, and the tools of models."""
    for role in spec.roles.values():
        player = role.player
        yield from (tool.service for tool in player.tools) if isinstance(player, ModelPlayer) else (player,)


def _function_problem(folder: Path, service: PythonService) -> Problem | None:
    module, _, function = service.target.partition(":")
    top = module.partition(".")[0]
    hidden = hides_pythons_own(folder, module)
    if hidden is not None:
        return Problem(service.place, "missing-function", hidden, f"call it `our_{top}`, for example")
    beside = _modules(folder)
    if top not in beside:
        return _not_beside(service.place, module, top, beside)
    path, missing = _file_of(folder, module)
    if path is None:
        near = closest(missing, list(_modules(folder.joinpath(*module.split(".")[:-1]))))
        return Problem(
            service.place,
            "missing-function",
            f"there is no module `{module}` beside the spec",
            f"did you mean `{near}`?" if near else "check the path: `services.orders:lookup` is in services/orders.py",
        )
    if _is_defined(function, path):
        return None
    try:
        names = _names_in(path)
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        message = f"the module of `{service.target}` cannot be read: {path.name}{line} is no Python"
        return Problem(service.place, "missing-function", message, f"mend {path}")
    if names is None or function in names:
        return None
    near = closest(function, sorted(names))
    help = f"did you mean `{module}:{near}`?" if near else f"write it in {path}"
    return Problem(service.place, "missing-function", f"`{module}` has no function `{function}`", help)


def _not_beside(place: Place, module: str, top: str, beside: frozenset[str]) -> Problem | None:
    """A module of another place: an installed one, or a misspelt one of the spec's folder."""
    try:
        if importlib.util.find_spec(top) is not None:  # of a package at the top: nothing is imported
            return None
    except (ImportError, ValueError):
        pass
    near = closest(top, sorted(beside))
    message = f"there is no module `{top}` beside the spec"
    if near is not None:
        return Problem(place, "missing-function", message, f"did you mean `{near}{module.removeprefix(top)}`?")
    message += ", and none is installed here"
    return Problem(
        place, "missing-function", message, "put it beside the spec, or install it where it plays", "warning"
    )


def _modules(folder: Path) -> frozenset[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return frozenset()
    return frozenset(name.removesuffix(".py") for name in names if name.endswith(".py") or os.path.isdir(folder / name))


def _file_of(folder: Path, module: str) -> tuple[Path | None, str]:
    """The file of a module, or None and the part of its name at which the way ends."""
    *packages, last = module.split(".")
    for package in packages:
        if package not in _modules(folder):
            return None, package
        folder = folder / package
    if last not in _modules(folder):
        return None, last
    files = (folder / f"{last}.py", folder / last / "__init__.py")
    return next((file for file in files if file.is_file()), None), last


def _is_defined(function: str, path: Path) -> bool:
    """Whether a line plainly begins its definition: that saves reading the module as a whole."""
    begin = re.compile(rf"^(?:async )?def {re.escape(function)}\(".encode(), re.MULTILINE)
    return path.stat().st_size <= _MOST and begin.search(path.read_bytes()) is not None


def _names_in(path: Path) -> frozenset[str] | None:
    """The names that a module gives itself at its top; None where only running it would tell. Raises SyntaxError."""
    import ast

    if path.stat().st_size > _MOST:
        return None
    found: set[str] = set()
    ahead: list[ast.stmt] = list(ast.parse(path.read_bytes()).body)
    while ahead:
        statement = ahead.pop()
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found.update((one.asname or one.name).partition(".")[0] for one in names)
            case _:
                found.update(node.id for node in ast.walk(statement) if isinstance(node, ast.Name))
                ahead += [below for below in ast.walk(statement) if isinstance(below, ast.stmt) and below != statement]
    return None if found & {"*", "__getattr__", "globals", "exec", "setattr"} else frozenset(found)
