"""Who emits and who accepts a contract: the roles, triggers and results of the specs that name it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from choreo.contract import BadVersion, Version, parse_range
from choreo.load.loaded import Loaded
from choreo.problem import Place
from choreo.spec import ContractRef, InlineSchema


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a handoff. `range` is as written; `role` is `trigger` or `result` for those."""

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
    ends: list[tuple[str, Literal["emits", "accepts"], ContractRef | InlineSchema | None]] = [
        ("trigger", "accepts", spec.trigger.accepts)
    ]
    for role in spec.roles.values():
        ends += [(role.name, "accepts", role.accepts), (role.name, "emits", role.emits)]
    if spec.result is not None:
        ends.append(("result", "emits", spec.result.emits))
    for role_name, does, ref in ends:
        if isinstance(ref, ContractRef):
            yield Party(spec.name, role_name, does, ref.name, ref.range, ref.place)
