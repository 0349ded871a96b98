"""What the answer of a hop hangs on, as digests: the role as it is written and played, and what it was handed.

Two hops with one digest would be played alike: what one of them gave may stand for the other (`choreo replay`,
`cache: true`). Times, prices, retries and places in a file do not count: they change no answer.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from choreo.canonical import Payload, digest_of, encode
from choreo.expression import compile_expression
from choreo.plan import Plan
from choreo.players.base import Turn, Visit
from choreo.spec import Expr, ModelPlayer, ModelSettings

_NO_MATTER = frozenset({"place", "who_place", "method_place", "spots", "path", "where", "is_broken"})


class Identity(NamedTuple):
    """The digest of a role, and the names that its expressions use (`input`, `run`, ...)."""

    digest: str
    names: frozenset[str]


def identity(plan: Plan, name: str) -> Identity:
    """Of a role of this plan: its definition, its models with their settings, its prompt, and its contracts."""
    role = plan.roles[name]
    names: set[str] = set()
    written = {
        "name": name,
        "kind": role.role.kind,
        "does": role.role.does,
        "player": _plain(role.role.player, names),
        "models": _models(plan, role.role.player),
        "confidence": _plain(role.role.confidence, set()),
        "accepts": role.accepts.digest if role.accepts is not None else None,
        "emits": [role.emits.ref, role.emits.digest] if role.emits is not None else None,
    }
    if isinstance(role.role.player, ModelPlayer):
        from choreo.players import prompt

        written["guidance"] = [prompt.guidance(role.role.kind), prompt.DATA_RULE, prompt.REVISE]
        if role.tools:
            written["guidance"].append(prompt.TOOL_RULE)
            written["tools"] = {name: one.digest if one is not None else None for name, one in role.tools.items()}
    return Identity(digest_of(encode(written)), frozenset(names))


def asked(role: Identity, visit: Visit, *, any_run: bool = False) -> str:
    """The digest of a visit: its role and all that was handed to it.

    `any_run`: what another run gave is to stand for it, so a role that uses `run` is like no other.
    """
    handed: dict[str, Any] = {
        "role": role.digest,
        "input": visit.input.digest,
        "previous": _digest(visit.previous),
        "feedback": _digest(visit.feedback),
        "turns": [list(_turn(turn)) for turn in visit.turns],
    }
    if "trigger" in role.names:
        handed["trigger"] = _digest(visit.trigger)
    if any_run and "run" in role.names:
        handed["run"] = visit.run
    return digest_of(encode(handed))


def _turn(turn: Turn) -> Iterable[str | None]:
    yield turn.role.name
    yield from map(_digest, (turn.input, turn.output, turn.previous, turn.feedback))


def _digest(payload: Payload | None) -> str | None:
    return payload.digest if payload is not None else None


def _models(plan: Plan, player: object) -> list[Any]:
    """A model and its fallbacks, as far as they change what is answered."""
    found: list[Any] = []
    name = player.model if isinstance(player, ModelPlayer) else None
    while name is not None and all(name != known[0] for known in found):
        settings: ModelSettings | None = plan.spec.models.get(name)
        found.append([name, settings.model, settings.api_base, settings.params] if settings else [name])
        name = settings.fallback if settings else None
    return [[*known[1:]] or known for known in found]


def _plain(value: Any, names: set[str]) -> Any:
    """A part of a spec as JSON data, without where it was written; the names of its expressions go to `names`."""
    if isinstance(value, Expr):
        names |= _names(value.text)
        return {"expression": value.text}
    if isinstance(value, Struct):
        fields = {field: getattr(value, field) for field in value.__struct_fields__ if field not in _NO_MATTER}
        if isinstance(value, ModelPlayer):
            del fields["model"]  # what it stands for is in `models`
        return {"is": type(value).__name__, **{key: _plain(part, names) for key, part in fields.items()}}
    if isinstance(value, Mapping):
        return {str(key): _plain(part, names) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part, names) for part in value if type(part).__name__ != "Place"]
    return value


@functools.lru_cache(maxsize=1024)
def _names(text: str) -> frozenset[str]:
    return compile_expression(text).names
