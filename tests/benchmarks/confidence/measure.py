"""How often is the embedded model right about 25 labelled emails, and how sure was it, measured and by its own word?

Run: python tests/benchmarks/confidence/measure.py [local/NAME]   (needs the weights; about five minutes on two cores)
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from choreo.players.client import Message, ModelCall
from choreo.players.confidence import measure
from choreo.players.local import LocalClient

EMAILS = Path(__file__).with_name("emails.jsonl")
MEANING = {
    "refund": "the customer wants money back",
    "replace": "the customer wants a new or another item in place of the one that came",
    "delivery": "the customer asks where an order is or when it comes",
    "change": "the customer wants an order changed before it is delivered: address, date, size, items",
    "legal": "a lawyer, a court, an authority or a claim for damages is mentioned",
}
SYSTEM = (
    "You sort emails to a shop. Say what the customer wants. `intent` is exactly one of:\n"
    + "\n".join(f"- {name}: {meaning}" for name, meaning in MEANING.items())
    + '\n`sure` is how sure you are, from 0 to 1.\nAnswer in JSON, like {"intent": "delivery", "sure": 0.75}'
)
SCHEMA = {
    "type": "object",
    "properties": {"intent": {"enum": list(MEANING)}, "sure": {"type": "number", "minimum": 0, "maximum": 1}},
    "required": ["intent", "sure"],
    "additionalProperties": False,
}


async def main(model: str) -> None:
    client = LocalClient()
    right, confidences, own_words, measuring = 0, [], [], 0.0
    for line in EMAILS.read_text("utf-8").splitlines():
        case = json.loads(line)
        messages = (Message("system", SYSTEM), Message("user", case["email"]))
        call = ModelCall(model, messages, schema=SCHEMA, deadline=600, max_tokens=40)
        reply = await client.complete(call)
        answer = json.loads(reply.text)
        began = time.monotonic()
        found = await measure(client, call, answer, "intent", tuple(MEANING))
        measuring += time.monotonic() - began
        hit = answer["intent"] == case["intent"]
        right += hit
        confidences.append((found.confidence, hit))
        own_words.append(answer["sure"])
        print("  " if hit else "! ", case["intent"], answer, found.confidence, found.mass, found.margin)
    print(f"{right} of {len(confidences)} right; facts of the last call: {dict(reply.facts)}")
    for_right = sorted(value or 0 for value, hit in confidences if hit)
    print(f"measured, when right: lowest {for_right[0]}, median {for_right[len(for_right) // 2]}")
    print("measured, when wrong:", [value for value, hit in confidences if not hit])
    print("by its own word:", sorted(set(own_words)), f"; measuring took {measuring / len(confidences):.2f} s each")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "local/qwen2.5-coder-1.5b"))
