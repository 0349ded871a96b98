"""An effect whose outcome is unknown after a crash: did it happen? Only a person can find out."""

from __future__ import annotations

from choreo.gates.base import Answer, Parked
from choreo.gates.form import ask_form
from choreo.gates.screen import draw, view_all
from choreo.gates.sitting import Sitting

_CHOICES = ("done", "redo", "stop", "view", "skip", "quit")


def settle(sitting: Sitting) -> Answer | Parked:
    """Ask until it is said whether the effect happened. `redo` and `stop` are typed in full."""
    console = sitting.console
    drawn = draw(console, sitting.question, sitting.by)
    console.say()
    for sentence in drawn.hidden:
        console.say(sentence, "warn", "! ")
    console.say("Look at the other system first: doing it again may do it twice.", "danger", "!! ")
    while True:
        word = sitting.choose(_CHOICES)
        if word == "done":
            return ask_form(sitting, "done", drawn.parts)
        if word == "view":
            view_all(console, drawn.parts)
        elif word in ("skip", "quit"):
            return sitting.parked(word)
        else:
            return sitting.answer(word)
