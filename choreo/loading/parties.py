"""Who emits and who accepts a contract: the roles, triggers and results of the specs that name it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from choreo.contract import BadVersion, Contract, Version, parse_range
from choreo.errors import ChoreoError
from choreo.loading.loaded import Loaded
from choreo.plan import Plan, make_plan
from choreo.problem import Place
from choreo.spec import ContractRef, InlineSchema, ModelPlayer


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a handoff. `role` is `trigger` or `result` for those, `role.tool` for a tool of its model.

    `range` is as written, or the version that reaches a role which leaves out its `accepts`.
    """

    spec: str
    role: str
    does: Literal["emits", "accepts"]
    contract: str
    range: str
    place: Place

    def allows(self, version: str) -> bool:
        """Whether a version is one this party emits or accepts."""
        try:
            return parse_range(self.range).allows(Version.parse(version))
        except BadVersion:
            return False

    def __str__(self) -> str:
        return f"{self.spec}: {self.role} {self.does} {self.contract}@{self.range}"


def parties(loaded: Loaded) -> tuple[Party, ...]:
    """Every end of a spec that names a contract."""
    return tuple(_parties(loaded))


def _parties(loaded: Loaded) -> Iterator[Party]:
    spec = loaded.spec
    if spec is None:
        return
    plan = _planned(loaded)
    ends: list[tuple[str, Literal["emits", "accepts"], _Named, Place]] = [
        ("trigger", "accepts", spec.trigger.accepts, spec.trigger.place)
    ]
    for role in spec.roles.values():
        accepts = role.accepts or (plan.roles[role.name].accepts if plan else None)
        ends += [(role.name, "accepts", accepts, role.place), (role.name, "emits", role.emits, role.place)]
        tools = role.player.tools if isinstance(role.player, ModelPlayer) else ()
        ends += [(f"{role.name}.{tool.name}", "accepts", tool.accepts, tool.place) for tool in tools]
    result = spec.result.emits if spec.result else plan.result if plan else None
    ends.append(("result", "emits", result, spec.result.place if spec.result else spec.place))
    for role_name, does, named, place in ends:
        if isinstance(named, ContractRef):
            yield Party(spec.name, role_name, does, named.name, named.range, named.place)
        elif isinstance(named, Contract) and not named.name.startswith("<"):
            yield Party(spec.name, role_name, does, named.name, named.version, place)


_Named = ContractRef | InlineSchema | Contract | None


def _planned(loaded: Loaded) -> Plan | None:
    """The plan of a spec, which knows what reaches a role; None where the spec has mistakes."""
    if loaded.spec is None or any(problem.severity == "error" for problem in loaded.problems):
        return None
    try:
        return make_plan(loaded.spec, loaded.contracts)
    except (ChoreoError, ValueError):
        return None
