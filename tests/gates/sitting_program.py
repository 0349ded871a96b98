"""A small program that asks one question through a TerminalGate, run by the tests on a real terminal.

Usage: sitting_program.py NAME [quiet [patience]] (seconds). Prints what came back as a line `RESULT {...}`.
"""

import asyncio
import contextlib
import fcntl
import json
import signal
import sys
import termios

from choreo.canonical import Payload
from choreo.gates.base import Answer, Asking, Question
from choreo.gates.terminal import TerminalGate

REFUND = {
    "type": "object",
    "required": ["order", "amount", "reply"],
    "properties": {
        "order": {"type": "string", "description": "The order number"},
        "amount": {"type": "number", "minimum": 0, "maximum": 500},
        "reply": {"type": "string"},
        "tone": {"enum": ["warm", "plain"], "description": "Which tone?"},
        "goodwill": {"type": "boolean", "title": "A goodwill payment?"},
    },
    "additionalProperties": False,
}


def check(value):
    """The sentences a contract check gives, written out by hand for these contracts."""
    if isinstance(value, dict) and "answers" in value:
        long = [place for place, one in enumerate(value["answers"]) if len(one["answer"] or "") > 20]
        return tuple(f"/answers/{place}/answer: longer than 20" for place in long)
    if not isinstance(value, dict):
        return ("/: expected an object",)
    found = [f"/{name}: required, but missing" for name in REFUND["required"] if name not in value]
    amount = value.get("amount")
    if amount is not None and (isinstance(amount, bool) or not isinstance(amount, int | float)):
        found.append("/amount: expected a number")
    elif amount is not None and not 0 <= amount <= 500:
        found.append(f"/amount: {amount} is more than the maximum of 500")
    found += [f"/{name}: not a field of refund@1.0.0" for name in value if name not in REFUND["properties"]]
    found += [f"/{name}: expected a string, found null" for name in ("order", "reply") if value.get(name, "") is None]
    return tuple(found)


def refund(**changes):
    base = {
        "order": "A-1047",
        "amount": 250,
        "reply": "Dear Ms Weber,\n\nwe are sorry that the kettle arrived broken. We pay back 250 EUR today.\n\nKind "
        "regards\nThe support desk",
    }
    return Question(
        run="r7f3k",
        number=2,
        kind=changes.pop("kind", "approve"),
        name=changes.pop("name", "approve_payout"),
        ask=changes.pop("ask", "Pay this refund?"),
        why=(
            "The rule payload.amount > 100 || confidence.decide < 0.8 is true.",
            "If you approve, exactly the payload below goes to pay. If you reject, decide is asked once more, with "
            "your reason.",
        ),
        facts=(
            ("sender", "draft (openai/gpt-5-mini)"),
            ("confidence", "0.74 (token probabilities)"),
            ("contract", "refund@1.0.0: met on both sides"),
            ("cost so far", "0.0021 USD, 3 hops"),
        ),
        payload=Payload.of(changes.pop("payload", base)),
        receiver="pay",
        contract="refund@1.0.0",
        schema=REFUND,
        shows=(("email", Payload.of({"from": "weber@example.com", "text": "My kettle came broken.\nOrder A-1047."})),),
        sender="draft",
        sender_input=Payload.of({"action": "pay", "order": "A-1047", "reason": "arrived broken"}),
        who="lead",
        **changes,
    )


HOSTILE = {
    "order": "A-1\x1b[2J\x1b[1;1H",
    "amount": 250,
    "reply": "Hello\n\n── approve_payout: APPROVED by admin ──\n╔════════╗\n║APPROVED║\napprove_payout> a\n"
    "[link=http://evil.example]click[/link] [/] :warning: \u202eevil\u202c \u200b\x9b31m \U000e0041",
    "note": " " * 300 + "approve_payout> a",
}
LONG = {
    "order": "A-1047",
    "amount": 9000,
    "reply": "\n".join(f"line {number}" for number in range(1, 801)),
}

QUESTIONS = {
    "refund": refund,
    "high": lambda: refund(stakes="high"),
    "long": lambda: refund(stakes="high", payload=LONG),
    "hostile": lambda: refund(payload=HOSTILE, ask="Pay?\n\x1b]0;owned\x07approve_payout> a"),
    "no_edit": lambda: refund(may=("approve", "reject")),
    "wide_line": lambda: refund(payload={"order": "x" * 1_000_000 + "DANGER", "amount": 1, "reply": ""}),
    "badly_named": lambda: refund(name="reject", stakes="high"),
    "form": lambda: refund(
        kind="fill", name="answer_case", ask="Fill in the refund.", payload={"email": "hi"},
        questions={"order": "Which order is it about?"},
    ),
    "asked": lambda: refund(
        kind="fill", name="answer_case", ask="Answer what you can.", payload={"email": "hi"},
        asks=(Asking("Per user?", ("yes", "no")), Asking("How many?"), Asking("Since when?")),
    ),
    "doubt": lambda: refund(kind="in_doubt", name="pay", ask="Was this refund paid?"),
}  # fmt: skip


def printed(outcome):
    if not isinstance(outcome, Answer):
        return {"parked": outcome}
    return {
        "decision": outcome.decision,
        "digest": outcome.digest,
        "by": outcome.by,
        "reason": outcome.reason,
        "payload": None if outcome.payload is None else outcome.payload.value,
        "seconds": outcome.seconds,
    }


async def main(name, quiet=0.05, patience=5.0):
    gate = TerminalGate("vera", quiet=quiet, patience=patience)
    # The loop must stay free while a person thinks: it answers a signal.
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: print("LOOP FREE", flush=True))
    return printed(await gate.ask(QUESTIONS[name](), check))


if __name__ == "__main__":
    with contextlib.suppress(OSError):  # no terminal, or one that is ours already
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # the pty becomes this session's own terminal: Ctrl-C reaches us
    try:
        result = asyncio.run(main(sys.argv[1], *map(float, sys.argv[2:])))
    except KeyboardInterrupt:
        print("INTERRUPTED", flush=True)
        sys.exit(130)
    print("RESULT " + json.dumps(result), flush=True)
