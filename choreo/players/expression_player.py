"""`set: FORM`: a role whose output is computed by expressions over its input."""

from __future__ import annotations

from choreo.errors import PlayFailed
from choreo.expression import CompiledForm, ExpressionError, compile_form
from choreo.players.base import Played, RoleNames, Visit
from choreo.spec import SetPlayer


class ExpressionPlayer:
    def __init__(self, player: SetPlayer) -> None:
        self._form: CompiledForm = compile_form(player.form)

    def play_now(self, visit: Visit) -> Played:
        scope = RoleNames(visit)
        try:
            return Played(self._form.build(scope))
        except ExpressionError as error:
            raise PlayFailed("set-error", str(error)) from error
