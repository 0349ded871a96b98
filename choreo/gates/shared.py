"""One gate for several runs that are played side by side."""

from __future__ import annotations

import asyncio

from choreo.gates.base import Answer, Gate, Parked, Question, Violations


class SharedGate:
    """Asks one question at a time, whichever run it comes from. Who quits has quit for all of them."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._asking = asyncio.Lock()
        self._quit = False

    async def ask(self, question: Question, check: Violations) -> Answer | Parked:
        async with self._asking:
            if self._quit:
                return "quit"
            answer = await self._gate.ask(question, check)
            self._quit = answer == "quit"
            return answer
