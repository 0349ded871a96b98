"""What a spec names that lies outside of its texts: python functions beside it, and the models of providers.

Nothing is imported and nothing is called: modules are read as text, and models are looked up in a list.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from choreo.players import price_list
from choreo.players.python_service import hides_pythons_own
from choreo.problem import Place, Problem, closest
from choreo.spec import ModelPlayer, PythonService, Spec

_MOST = 2_000_000
"""Bytes of a module that is read."""


def problems_around(spec: Spec) -> Iterator[Problem]:
    """Everything of the kind that a spec names and that is not there."""
    for service in _python_services(spec):
        problem = _function_problem(Path(spec.folder or "."), service)
        if problem is not None:
            yield problem
    if any("/" in name and not name.startswith("local/") for name, _ in _models(spec)):
        yield from _model_problems(spec)


# -- python functions ------------------------------------------------------------------------------


def _python_services(spec: Spec) -> Iterator[PythonService]:
    for role in spec.roles.values():
        player = role.player
        for one in (tool.service for tool in player.tools) if isinstance(player, ModelPlayer) else (player,):
            if isinstance(one, PythonService) and re.fullmatch(r"[\w.]+:\w+", one.target):
                yield one


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


def _names_in(path: Path) -> frozenset[str] | None:
    """The names that a module gives itself at its top; None where only running it would tell. Raises SyntaxError."""
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


# -- models ----------------------------------------------------------------------------------------


def _models(spec: Spec) -> Iterator[tuple[str, Place]]:
    """Models at their providers' own addresses: what a server of one's own has, nobody else knows."""
    for settings in spec.models.values():
        if settings.api_base is None:
            yield settings.model, settings.model_place
    for role in spec.roles.values():
        if isinstance(role.player, ModelPlayer) and role.player.model not in spec.models:
            yield role.player.model, role.player.place


def _model_problems(spec: Spec) -> Iterator[Problem]:
    listed = price_list.listed() or {}
    for name, place in _models(spec):
        provider, slash, rest = name.partition("/")
        if not slash or provider == "local" or price_list.is_listed(name) is not False:
            continue
        meant = _meant(rest, _of_provider(provider, listed))
        if meant is not None:
            message = f"`{rest}` is no model of `{provider}` that is known"
            yield Problem(place, "unknown-model", message, f"did you mean `{provider}/{meant}`?")


def _of_provider(provider: str, listed: Mapping[str, object]) -> list[str]:
    """The names behind a provider's `/`. Some makers' models are listed without it."""
    ahead = f"{provider}/"
    return [name.removeprefix(ahead) for name in listed if name.startswith(ahead) or "/" not in name]


def _meant(name: str, known: list[str]) -> str | None:
    """The one that is meant, where only the letters of a word differ: a new number may be a new model."""
    words, numbers = _letters(name), re.sub(r"\D", "", name)
    same = [one for one in known if re.sub(r"\D", "", one) == numbers]
    alike = [one for one in same if _letters(one) == words] or [
        one for one in same if _is_one_slip(words, _letters(one))
    ]
    return min(alike, key=lambda one: (abs(len(one) - len(name)), one), default=None)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _is_one_slip(one: str, other: str) -> bool:
    """Whether one letter is missing, added or another, or two that stand side by side have changed places."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = one[start:], other[start:]
    swapped = a[:2] == b[:2][::-1] and a[2:] == b[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped
