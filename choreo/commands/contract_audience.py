"""Whom a change of a contract concerns: who emits, accepts or reads it by name, and which of them move first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from choreo.commands.contract_ground import Ground
from choreo.compat import First
from choreo.loading.catalogue import Catalogue
from choreo.loading.parties import Party
from choreo.loading.readings import Reading
from choreo.problem import Place


@dataclass(frozen=True)
class Audience:
    parties: tuple[Party, ...] = ()
    readings: tuple[Reading, ...] = ()

    @property
    def also(self) -> tuple[tuple[Place, str], ...]:
        """All of them as the other places of a Problem."""
        roles = [(party.place, f"affected: {party}") for party in self.parties]
        return (*roles, *((reading.place, f"affected: {reading.what} reads it") for reading in self.readings))

    @property
    def lines(self) -> list[str]:
        return [f"concerns {one}" for one in (*self.parties, *self.readings)]

    @property
    def data(self) -> dict[str, Any]:
        return {
            "affected": [
                {"spec": party.spec, "role": party.role, "does": party.does, "range": party.range}
                for party in self.parties
            ],
            "reads": [
                {"spec": reading.spec, "what": reading.what, "place": str(reading.place)} for reading in self.readings
            ],
            "readers": self._roles("accepts"),
            "writers": self._roles("emits"),
        }

    def moves(self, first: First) -> str:
        """Which side moves first, by the names of its roles; the bare side where no spec is known to use it."""
        readers, writers = self._side("readers", "accepts"), self._side("writers", "emits")
        if first == "either" or not self.parties:
            return first
        if first == "together":
            return f"together: {readers} and {writers}"
        return f"{readers}, then {writers}" if first == "readers" else f"{writers}, then {readers}"

    def _side(self, name: str, does: str) -> str:
        return f"{name} ({', '.join(self._roles(does)) or 'none in these specs'})"

    def _roles(self, does: str) -> list[str]:
        return [f"{party.spec}:{party.role}" for party in self.parties if party.does == does]


def audience(ground: Ground, home: Catalogue | None, name: str, versions: Sequence[str]) -> Audience:
    """Those who emit, accept or read one of these versions of a contract that is kept in `home` (None: anywhere)."""
    known = ground.parties if home is None else ground.parties_of(home)
    parties = tuple(party for party in known if party.contract == name and any(map(party.allows, versions)))
    readings = ground.readings if parties else ()
    return Audience(parties, tuple(one for one in readings if any(map(one.concerns, parties))))
