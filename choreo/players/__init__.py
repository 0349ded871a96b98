"""Players: who plays a role. `player_for` is the registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from choreo.players.base import Instant, Played, Player, Record, Visit
from choreo.players.expression_player import ExpressionPlayer
from choreo.spec import CommandService, HttpService, ModelPlayer, PythonService, SetPlayer

if TYPE_CHECKING:  # costs every command a little, and few call functions
    from choreo.players.workers import Line

__all__ = ["Instant", "Played", "Player", "Record", "Visit", "player_for", "stop_commands"]


def _model(_: Any) -> Player:
    from choreo.players.model import ModelPlayer as PlayedByModel

    return PlayedByModel()


def _python(service: PythonService, line: Line | None = None) -> Player:
    from choreo.players.python_service import PythonCall, PythonPlayer

    return PythonPlayer(PythonCall(service), line)


def _command(service: CommandService) -> Player:
    from choreo.players.command_service import CommandCall
    from choreo.players.service import ServicePlayer

    return ServicePlayer(CommandCall(service))


def _http(service: HttpService) -> Player:
    from choreo.players.http_service import HttpCall
    from choreo.players.service import ServicePlayer

    return ServicePlayer(HttpCall(service))


async def stop_commands() -> None:
    """End every command that is being called, with its children: for a process that must leave at once."""
    import sys

    module = sys.modules.get("choreo.players.command_service")
    if module is not None:
        await module.stop_all()


_PLAYERS: dict[type, Callable[[Any], Player | Instant]] = {
    ModelPlayer: _model,
    PythonService: _python,
    CommandService: _command,
    HttpService: _http,
    SetPlayer: ExpressionPlayer,
}


def player_for(player: Any, line: Line | None = None) -> Player | Instant:
    """The player of a role's `model`, `service` or `set`. A person is not a player: the runner asks them.

    `line`: where many runs have functions called that are quick.
    """
    if line is not None and isinstance(player, PythonService):
        return _python(player, line)
    return _PLAYERS[type(player)](player)
