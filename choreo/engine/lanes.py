"""Lanes: what `each` opens, one for every element of a list (SEMANTICS rule 12).

A lane is a scope: `research[3]`, in a lane of its own `plan[2]/research[3]`. It is called after the first role it
leads to; the indices of one list have the same number of digits (`research[007]` of a thousand), so that names sort
as the elements do. Where one place opens lanes to a role again (a loop), they are `research~2[3]`. The empty text is
the scope of the run itself.

The list is on record once, in the handoff that is `opened`. A lane that has not started costs nothing: its payload is
built when there is room for it, from names that cannot have changed (they are those of the causal past). A lane is at
rest when nothing in it is in play; that takes no record of its own. What is recorded of the lanes as a whole belongs
to the handoff with `each`: `opened`, `lane_failed` (`drop`, `keep`), `gathered`, or `cancelled` (`stop`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from choreo.canonical import Payload
from choreo.plan import Edge, Group

Sources = tuple[tuple[str, int], ...]
Past = dict[str, int]
"""The causal past of an event: role or touchpoint to the number of its latest visit or question there."""


class ScopeState(Struct):
    """What is counted apart in the run itself and in each lane."""

    flying: dict[str, int] = field(default_factory=dict)
    """Where something is in play: the role of each visit queued or played, the touchpoint of each question, the
    first roles of lanes that are open; with how much of it is there."""
    playing: set[str] = field(default_factory=set)
    slots: dict[int, dict[str, int]] = field(default_factory=dict)
    """Join to what has been delivered to it: source to hop."""
    fired: dict[int, int] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    gates: dict[str, list[int]] = field(default_factory=dict)
    """Touchpoint to its open questions: there may be one for each receiver behind it."""
    opened: dict[str, int] = field(default_factory=dict)
    """Role to how often lanes to it were opened here."""


class Lanes(Struct):
    """The lanes of one firing of a handoff with `each`, as long as they are open.

    `number` is that of the handoff, `scope` where it was fired, `past` its causal past, `given` what `out` (and
    `failures`) stand for in it. `live` counts the lanes in which something is in play.
    """

    name: str
    number: int
    edge: int
    scope: str
    items: list[Any]
    sources: Sources
    past: Past
    given: dict[str, Any]
    started: int = 0
    live: int = 0
    results: dict[int, dict[str, Payload]] = field(default_factory=dict)
    """Element to the outputs that may be gathered, by role, the newest last."""
    failed: dict[int, str] = field(default_factory=dict)

    def lane(self, index: int) -> str:
        """The scope of one lane."""
        return f"{self.name}[{index:0{len(str(len(self.items) - 1))}}]"

    @property
    def at_rest(self) -> bool:
        """Whether every lane has been started, and in none of them anything is in play."""
        return self.started == len(self.items) and not self.live

    @property
    def at_rest_now(self) -> int:
        """In how many lanes nothing is in play any more."""
        return self.started - self.live

    @property
    def failures(self) -> list[dict[str, Any]]:
        """What `failures` stands for where the lanes are gathered."""
        failed = sorted(self.failed.items())
        return [{"index": index, "item": self.items[index], "reason": reason} for index, reason in failed]


def split(scope: str) -> tuple[str, int]:
    """The name of the lanes that a lane is one of, and its element: `a[2]/b[03]` is (`a[2]/b`, 3)."""
    name, _, index = scope.rpartition("[")
    return name, int(index[:-1])


def within(scope: str, lanes: str) -> bool:
    """Whether a scope is one of the lanes of this name, or lies in one."""
    return scope.startswith(f"{lanes}[")


def inside(scope: str, lane: str) -> bool:
    """Whether a scope is this lane or lies in it."""
    return scope == lane or scope.startswith(f"{lane}/")


def opened(edge: Edge, items: list[Any], out: Payload | None, failures: Any) -> Payload:
    """The payload of the handoff that opens lanes: the list, beside it what else their payloads are built from."""
    if not edge.recalls:
        return Payload.of(items)
    known = {"out": out.value if out is not None else None, "failures": failures}
    return Payload.of({"items": items, **{name: known[name] for name in sorted(edge.recalls)}})


def recalled(edge: Edge, payload: Payload) -> tuple[list[Any], dict[str, Any]]:
    """(list, names) out of what `opened` made."""
    if not edge.recalls:
        return payload.value, {}
    given = dict(payload.value)
    return given.pop("items"), given


def gathered(lanes: Lanes, group: Group, keep: bool) -> list[Any]:
    """What the lanes gave to a gathering handoff, in the order of the elements.

    A lane that ended without giving anything to it is null; a failed one is null (`keep`) or left out.
    """
    return list(_values(lanes, group.edges[0], keep))


def _values(lanes: Lanes, edge: Edge, keep: bool) -> Iterator[Any]:
    for index in range(len(lanes.items)):
        if index not in lanes.failed:
            yield _value(lanes.results.get(index, {}), edge)
        elif keep:
            yield None


def _value(given: dict[str, Payload], edge: Edge) -> Any:
    own = {role: payload.value for role, payload in given.items() if role in edge.sources}
    if not own:
        return None
    if edge.handoff.sources_as == "join":
        return {source: own.get(source) for source in edge.sources}
    return list(own.values())[-1]
