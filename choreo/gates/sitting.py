"""One person in front of one question: the choices, and what each leads to."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from choreo.canonical import Payload
from choreo.gates.base import Answer, Parked, Question, Violations
from choreo.gates.console import Console

WORDS = {
    "a": "approve",
    "r": "reject",
    "e": "edit",
    "v": "view",
    "s": "skip",
    "q": "quit",
    "d": "done",
    "?": "help",
    "view all": "view",
    "later": "skip",
    "h": "help",
}
"""Short forms; each word also stands for itself."""

LABELS = {
    "approve": "[a]pprove",
    "reject": "[r]eject",
    "edit": "[e]dit",
    "view": "[v]iew all",
    "skip": "[s]kip for later",
    "quit": "[q]uit",
    "done": "[d]one",
    "redo": "redo",
    "stop": "stop",
    "help": "[?]",
}

HELP = {
    "approve": "let exactly the shown payload go on",
    "reject": "it does not go on; asks you for the reason",
    "edit": "open the payload in your editor; it is checked and shown again before you approve it",
    "view": "show everything in full, and the exact bytes",
    "skip": "leave the question open and ask the next one",
    "quit": "leave the question open and end; the run can be taken up later",
    "done": "it did take effect: fill in what it gave back",
    "redo": "it did not take effect: do it again (type the whole word)",
    "stop": "do not go on with this run (type the whole word)",
    "help": "this text",
}


@dataclass
class Sitting:
    """What a conversation needs, and when it began."""

    console: Console
    question: Question
    check: Violations
    by: str
    began: float = field(default_factory=time.monotonic)

    def answer(self, decision: str, payload: Payload | None = None, reason: str = "") -> Answer:
        """The answer, bound to the payload that was on the screen."""
        return Answer(
            decision,  # type: ignore[arg-type]
            self.question.payload.digest,
            self.by,
            payload,
            reason,
            time.monotonic() - self.began,
        )

    def choose(self, choices: tuple[str, ...], confirm: str | None = None) -> str:
        """One of `choices`, asked until one is given. `confirm` is what must be typed in place of `approve`.

        Bare Enter and unknown words only bring the choices again.
        """
        while True:
            self.console.labels(self._labels(choices, confirm))
            line = self.console.ask(f"{self.question.name}>")
            if line is None or not line.strip():
                continue
            if confirm is not None and line.strip() == confirm and "approve" in choices:
                return "approve"
            word = _word(line)
            if word == "help":
                self._help(choices, confirm)
            elif word == "approve" and confirm is not None and word in choices:
                self.console.say(f"High stakes: to approve, type {confirm} in full.", "warn")
            elif word in choices:
                return word
            else:
                self.console.say(f"`{line.strip()[:40]}` is none of the choices; nothing was decided.", "warn")

    def parked(self, word: str) -> Parked:
        """What `skip` and `quit` mean for the run."""
        later: Parked = "later" if word == "skip" else "quit"
        self.console.say("Left open: nothing was decided.")
        return later

    def _labels(self, choices: tuple[str, ...], confirm: str | None) -> list[str]:
        labels = [LABELS[word] for word in (*choices, "help")]
        if confirm is not None and "approve" in choices:
            labels[choices.index("approve")] = f"approve: type {confirm}"
        return labels

    def _help(self, choices: tuple[str, ...], confirm: str | None) -> None:
        labels = self._labels(choices, confirm)
        widest = max(map(len, labels))
        for label, word in zip(labels, (*choices, "help"), strict=True):
            self.console.say(HELP[word], mark=f"  {label:{widest}}  ")
        self.console.say()


def _word(line: str) -> str:
    said = " ".join(line.split()).lower()
    return WORDS.get(said, said)
