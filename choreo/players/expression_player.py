"""`set: FORM`: a role whose output is computed by expressions over its input."""

from __future__ import annotations

from choreo.errors import PlayFailed
from choreo.expression import CompiledForm, ExpressionError, compile_form
from choreo.players.base import Played, RoleNames, Visit
from choreo.spec import Form, SetPlayer


class ExpressionPlayer:
    def __init__(self, player: SetPlayer) -> None:
        self._form = _compiled(player.form)

    def play_now(self, visit: Visit) -> Played:
        scope = RoleNames(visit)
        try:
            return Played(self._form.build(scope))
        except ExpressionError as error:
            raise PlayFailed("set-error", str(error)) from error


def _compiled(form: Form) -> CompiledForm:
    """Compiled once for all runs of a plan, as long as a thousand others are not."""
    known = _known.get(id(form))
    if known is None or known.form is not form:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[id(form)] = compile_form(form)
    return known


_known: dict[int, CompiledForm] = {}
_MOST_KNOWN = 1_000
