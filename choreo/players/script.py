"""The scripted player: answers prepared in advance, for dry runs and tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from choreo.errors import PlayFailed
from choreo.players.base import Played, Record, Visit

Answer = Callable[[Any], Any]


class ScriptPlayer:
    """Plays every role from a script: role to a list of outputs (one a visit, the last one repeated) or a
    function of the input. An output that is an exception is raised."""

    def __init__(self, script: Mapping[str, Sequence[Any] | Answer]) -> None:
        self._script = script
        self.played: list[tuple[str, Any]] = []
        """(role, input value) of every visit, in the order in which they were played."""

    async def play(self, visit: Visit, record: Record) -> Played:
        name = visit.role.name
        self.played.append((name, visit.input.value))
        answers = self._script.get(name)
        if answers is None:
            raise PlayFailed("no-script", f"the script has no answer for `{name}`")
        if callable(answers):
            return Played(answers(visit.input.value))
        visits = sum(1 for role, _ in self.played if role == name)
        answer = answers[min(visits, len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return Played(answer)
