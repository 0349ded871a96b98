"""A good spec of five roles, and eighteen classes of fault, each as one edit of its text."""

from __future__ import annotations

import json
from dataclasses import dataclass

from choreo.lint import check
from choreo.loading import load_stored
from choreo.problem import Problem

SPEC = "desk.yaml"
CONTRACT = "schemas/case/1.0.0.json"

GOOD = """\
choreo: 1
name: refund-desk
version: 1.0.0
description: Answers refund emails. A person approves every payout.

map:
  trigger: A customer writes
  people: {lead: Team lead}
  decisions:
    - {what: Pay or decline, by: decide, stakes: high}
  breakdowns:
    - {what: A large refund is paid by mistake, covered_by: approve}

models:
  small: {model: openai/gpt-5-mini, timeout: 30s}
  local: {model: local/qwen2.5-coder-1.5b, fallback: small}

trigger: {accepts: email@^1}
result:
  emits: outcome@1.0.0
  pass:
    action: decide.action
    receipt: "pay != null ? pay.id : null"

roles:
  read:
    kind: reader
    does: Turn the email into a case
    model: local
    prompt: "Read: {{ input.subject }}. It says: {{ input.body }}"
    emits: case@1.0.0
  decide:
    kind: reasoner
    does: Pay, decline or escalate
    model: small
    prompt: "The order is {{ input.order.number }}."
    emits: decision@1.0.0
    confidence: logprobs(action)
  draft:
    kind: drafter
    does: Write the reply
    model: local
    accepts: draft_input@^1
    emits: reply@1.0.0
  review:
    kind: reviewer
    does: Check the length
    set: {ok: "size(input.body) < 1000", why: "'too long'"}
    accepts: reply@^1
    emits: look@1.0.0
  pay:
    kind: actor
    does: Pay the refund
    service: {python: "services.pay:pay"}
    accepts: decision@^1
    emits: receipt@1.0.0
    effect: once

handoffs:
  - {from: trigger, to: read}
  - {from: read, to: decide}
  - from: decide
    to: draft
    when: "out.action == 'pay' || out.action == 'decline'"
    pass: {subject: trigger.subject, action: decide.action}
  - {from: decide, to: end, when: "out.action == 'escalate'", outcome: escalated}
  - {from: draft, to: review}
  - {from: review, to: draft, when: "!out.ok", revise: true, at_most: 2, pass: {why: out.why}}
  - {from: review, to: pay, when: "decide.action == 'pay'", pass: decide, touchpoint: approve}
  - {from: review, to: end, otherwise: true, outcome: declined}
  - {from: review, on: exhausted, to: end, outcome: gave_up}
  - {from: approve, on: rejected, to: decide, revise: true, at_most: 1, pass: {reason: out.reason}}
  - {from: {any: [approve]}, on: expired, to: end, outcome: unanswered}
  - {from: approve, on: exhausted, to: end, outcome: gave_up}
  - {from: pay, to: end}

touchpoints:
  approve:
    ask: "Pay {{ string(payload.cents) }} for {{ read.order.number }}?"
    who: lead
    show: {email: trigger, reply: draft}
    when: "payload.cents > 100 || read.order.lines.exists(line, line.price > 5000)"
    stakes: high
    within: 48h

limits: {cost: 0.50, hops: 40, time: 10m}

contracts:
  email@1.0.0:
    type: object
    required: [subject, body]
    properties: {subject: {type: string}, body: {type: string}}
  decision@1.0.0:
    type: object
    required: [action, cents]
    properties:
      action: {enum: [pay, decline, escalate]}
      cents: {type: integer}
  draft_input@1.0.0:
    type: object
    required: [subject, action]
    properties: {subject: {type: string}, action: {enum: [pay, decline, escalate]}}
  reply@1.0.0:
    type: object
    required: [body]
    properties: {body: {type: string, maxLength: 1500}}
  look@1.0.0:
    type: object
    required: [ok, why]
    properties: {ok: {type: boolean}, why: {type: string}}
  receipt@1.0.0:
    type: object
    required: [id]
    properties: {id: {type: string}}
  outcome@1.0.0:
    type: object
    required: [action]
    additionalProperties: false
    properties: {action: {enum: [pay, decline, escalate]}, receipt: {type: [string, "null"]}}
"""
CASE = """\
{
  "type": "object",
  "required": ["order", "wants"],
  "properties": {
    "wants": {"enum": ["money", "item"]},
    "order": {
      "type": "object",
      "required": ["number", "lines"],
      "properties": {
        "number": {"type": "string", "maxLength": 20},
        "lines": {
          "type": "array",
          "maxItems": 50,
          "items": {
            "type": "object",
            "required": ["price"],
            "properties": {"price": {"type": "integer"}}
          }
        }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class Fault:
    """One edit: `old` becomes `new` (once in the file). It is found with `code` where `focus` begins: the text
    `focus` in the changed file, which stands there once, from its `offset` on.
    """

    name: str
    code: str
    old: str
    new: str
    focus: str
    offset: int = 0
    path: str = SPEC


FAULTS = (
    Fault("YAML syntax", "yaml-syntax", "{lead: Team lead}", "{lead: Team lead}}", "lead}}", 5),
    Fault("unknown key", "unknown-key", "    effect: once", "    efect: once", "efect"),
    Fault("extra key", "unknown-key", "limits: {cost", "owner: me\nlimits: {cost", "owner: me"),
    Fault("route to a missing role", "unknown-role", "from: draft, to: review", "from: draft, to: revue", "revue"),
    Fault("template names a missing role", "unknown-name", "{{ read.order", "{{ reed.order", "reed"),
    Fault("template reads a missing field", "undeclared-field", "input.order.number", "input.order.nummer", "nummer"),
    Fault("route tests a missing field", "undeclared-field", "when: \"decide.action", "when: \"decide.akt", "akt =="),
    Fault("enum value typo", "unknown-value", "== 'escalate'", "== 'escalated'", "'escalated'"),
    Fault("missing input", "missing-field", "{subject: trigger.subject, action: decide.action}",
          "{action: decide.action}", "{action: decide.action}"),
    Fault("send-back to a missing role", "unknown-role", "rejected, to: decide", "rejected, to: decider", "decider,"),
    Fault("bad contract keyword", "unknown-keyword", '"maxItems": 50', '"maxItem": 50', '"maxItem"', path=CONTRACT),
    Fault("unreachable role", "unreachable-role", "  - {from: draft, to: review}\n", "", "  review:\n", 2),
    Fault("result reads a missing field", "undeclared-field", "? pay.id :", "? pay.number :", "pay.number", 4),
    Fault("bad type", "wrong-type", "at_most: 2", "at_most: twice", "twice"),
    Fault("duplicate role", "duplicate-key", "    effect: once\n", "    effect: once\n  draft: {kind: reader}\n",
          "draft: {kind"),
    Fault("duplicate key", "duplicate-key", "    stakes: high\n    within", "    who: lead\n    within",
          "    who: lead\n    within", 4),
    Fault("model-name typo", "unknown-model", "model: small\n", "model: smal\n", "smal\n"),
    Fault("model-name typo (catalogue)", "unknown-weights", "local/qwen2.5-coder", "local/qwen2.5-codr", "local/"),
    Fault("model-name typo (provider)", "unknown-provider", "openai/gpt", "opanai/gpt", "opanai/"),
    Fault("loop without exit", "unbounded-loop", "revise: true, at_most: 2, pass", "revise: true, pass",
          "{from: review, to: draft"),
)  # fmt: skip
CLASSES = tuple(dict.fromkeys(fault.name.partition(" (")[0] for fault in FAULTS))


def problems(texts: dict[str, str]) -> tuple[Problem, ...]:
    """Everything that is found in a spec with its contract."""
    loaded = load_stored(texts, SPEC)
    rules = () if loaded.spec is None else check(loaded.spec, loaded.contracts)
    return (*loaded.problems, *rules)


def good() -> dict[str, str]:
    return {SPEC: GOOD, CONTRACT: CASE}


def seeded(fault: Fault) -> tuple[dict[str, str], tuple[str, int, int, str]]:
    """The texts with a fault in them, and where it must be found: (path, line, column, code)."""
    texts = good()
    text = texts[fault.path]
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.name}: {fault.old!r} stands {text.count(fault.old)} times in the file")
    text = text.replace(fault.old, fault.new)
    if text.count(fault.focus) != 1:
        raise ValueError(f"{fault.name}: {fault.focus!r} stands {text.count(fault.focus)} times in the file")
    before = text[: text.index(fault.focus) + fault.offset]
    place = (fault.path, before.count("\n") + 1, len(before) - before.rfind("\n"), fault.code)
    return {**texts, fault.path: text}, place


def found_at(texts: dict[str, str]) -> list[tuple[str, int, int, str]]:
    """(path, line, column, code) of every error."""
    return [
        (one.place.path, one.place.line, one.place.column, one.code)
        for one in problems(texts)
        if one.severity == "error"
    ]


def table() -> str:
    """The faults as a table in Markdown: class, found as, line and column right, errors besides."""
    rows = ["| class | found as | line:column | errors besides |", "|---|---|---|---|"]
    for fault in FAULTS:
        texts, wanted = seeded(fault)
        found = found_at(texts)
        caught = next((one for one in found if one == wanted), None)
        place = f"{wanted[1]}:{wanted[2]} right" if caught else f"{wanted[1]}:{wanted[2]} MISSED, found {found}"
        code = fault.code if caught else "-"
        rows.append(f"| {fault.name} | {code} | {place} | {len(found) - bool(caught)} |")
    rows.append(f"| none | {json.dumps([str(one) for one in problems(good())])} | | |")
    return "\n".join(rows)
