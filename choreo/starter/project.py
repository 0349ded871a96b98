"""A Draft as files: the spec, its contracts, a module of services, prompts, a sample input, a README. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from choreo.starter.draft import Draft, Field, GateDraft, RoleDraft
from choreo.starter.services import services_text
from choreo.starter.yamltext import yaml_text

IGNORED = ".choreo/\noutbox/\n__pycache__/\n"
SAMPLE = "sample.json"


def project_files(draft: Draft) -> dict[str, str]:
    """Path (with `/`, relative to the project's folder) to text, in the order in which they are worth reading."""
    files = {f"{draft.name}.yaml": spec_text(draft)}
    contracts = {draft.input: draft.fields, **{role.contract: role.fields for role in draft.roles}}
    for name, fields in contracts.items():
        files[f"schemas/{name}/1.0.0.json"] = json.dumps(schema_of(fields), ensure_ascii=False, indent=2) + "\n"
    for role in draft.roles:
        if role.player == "model":
            files[f"prompts/{role.name}.md"] = _prompt(role)
    if any(role.player == "service" for role in draft.roles):
        files["services.py"] = services_text(draft)
    files[SAMPLE] = (
        json.dumps({field.name: _sample(field) for field in draft.fields}, ensure_ascii=False, indent=2) + "\n"
    )
    files["README.md"] = readme(draft)
    files[".gitignore"] = IGNORED
    return files


# -- contracts -----------------------------------------------------------------------------------


def schema_of(fields: tuple[Field, ...]) -> dict[str, Any]:
    """The JSON Schema of a contract: every field required, nothing else allowed, every text bounded."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": [field.name for field in fields],
        "properties": {field.name: _field_schema(field) for field in fields},
        "additionalProperties": False,
    }


def _field_schema(field: Field) -> dict[str, Any]:
    match field.kind:
        case "text":
            return {"type": "string", "maxLength": 4000}
        case "number":
            return {"type": "number"}
        case "whole":
            return {"type": "integer"}
        case "yes/no":
            return {"type": "boolean"}
        case "list":
            return {"type": "array", "items": {"type": "string", "maxLength": 1000}, "maxItems": 100}
        case "choice":
            return {"type": "string", "enum": list(field.choices)}


def _sample(field: Field) -> Any:
    if field.name in _SAMPLES and field.kind == "text":
        return _SAMPLES[field.name]
    values: dict[str, Any] = {"number": 12.5, "whole": 3, "yes/no": True, "list": ["one", "two"]}
    return field.choices[0] if field.choices else values.get(field.kind, f"An example of {field.name}")


_SAMPLES = {
    "sender": "ada@example.org",
    "subject": "Where is my parcel?",
    "body": "Hello, I ordered two weeks ago and nothing has come. Can you look? Ada",
}


# -- the spec ------------------------------------------------------------------------------------


def spec_text(draft: Draft) -> str:
    """The spec, section by section in the order of the five steps."""
    heads: list[tuple[str, dict[str, Any]]] = [
        ("", {"choreo": 1, "name": draft.name, "version": "1.0.0", "description": draft.job}),
        ("# The work as it is done today, and what covers it: choreo map", {"map": _map(draft)}),
    ]
    if draft.model:
        heads.append(("", {"models": {"main": {"model": draft.model, "params": {"temperature": 0}}}}))
    heads.append(
        ("", {"trigger": {"accepts": f"{draft.input}@^1"}, "result": {"emits": f"{draft.roles[-1].contract}@1.0.0"}})
    )
    heads.append(("# Each role hands over what it emits.", {"roles": dict(_roles(draft))}))
    heads.append(("", {"handoffs": list(_handoffs(draft))}))
    if draft.gates:
        heads.append(
            ("# Where a person decides.", {"touchpoints": {gate.name: _gate(gate, draft) for gate in draft.gates}})
        )
    heads.append(("", {"limits": _limits(draft)}))
    return "\n".join(f"{comment}\n{yaml_text(data)}".lstrip("\n") for comment, data in heads)


def _map(draft: Draft) -> dict[str, Any]:
    """The map, with those of its parts that have an owner or a cover."""
    found: dict[str, Any] = {"trigger": draft.starts, "people": dict(draft.people)}
    decisions = [{"what": one.what, "by": one.by, "stakes": one.stakes} for one in draft.decisions if one.by]
    breakdowns = [{"what": one.what, "covered_by": one.covered_by} for one in draft.breakdowns if one.covered_by]
    found |= {"decisions": decisions} if decisions else {}
    found |= {"breakdowns": breakdowns} if breakdowns else {}
    return found | ({} if draft.minutes is None else {"baseline": {"minutes_per_case": draft.minutes}})


def _roles(draft: Draft) -> Iterator[tuple[str, dict[str, Any]]]:
    contract, fields = draft.input, draft.fields
    for role in draft.roles:
        found: dict[str, Any] = {"kind": role.kind, "does": role.does, "accepts": f"{contract}@^1"}
        found["emits"] = f"{role.contract}@1.0.0"
        found.update(_player(role, fields))
        yield role.name, found
        contract, fields = role.contract, role.fields


def _player(role: RoleDraft, received: tuple[Field, ...]) -> dict[str, Any]:
    match role.player:
        case "set":
            return {"set": {field.name: _expression(field, received) for field in role.fields}}
        case "service":
            effect = {"effect": "idempotent"} if role.kind == "actor" else {}
            return {"service": {"python": f"services:play_{role.name}"}, **effect}
        case "model":
            sure = {"confidence": f"logprobs({role.sure_of})"} if role.sure_of else {}
            return {"model": "main", "prompt": f"prompts/{role.name}.md", **sure}
        case "human":
            return {"human": {"who": role.who}}


def _expression(field: Field, received: tuple[Field, ...]) -> Any:
    """How a field is made by an expression: taken over where it was received, else a value to begin with."""
    if field in received:
        return f"input.{field.name}"
    texts = [f"input.{one.name}" for one in received if one.kind == "text"]
    first: Mapping[str, Any] = {
        "text": " + ': ' + ".join(texts[:2]) or "''",
        "number": 0,
        "whole": 0,
        "yes/no": True,
        "list": [],
    }
    return _cel_text(field.choices[0]) if field.choices else first[field.kind]


def _cel_text(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{quoted}'"


def _handoffs(draft: Draft) -> Iterator[dict[str, Any]]:
    gates = {gate.before: gate.name for gate in draft.gates}
    source = "trigger"
    for role in draft.roles:
        gate = {"touchpoint": gates[role.name]} if role.name in gates else {}
        yield {"from": source, "to": role.name, **gate}
        source = role.name
    yield {"from": source, "to": "end"}


def _gate(gate: GateDraft, draft: Draft) -> dict[str, Any]:
    when = {"when": gate.when} if gate.when is not None else {}
    show = {draft.input: "trigger"}
    return {"ask": gate.ask, "who": gate.who, "show": show, **when, "stakes": gate.stakes, "within": gate.within}


def _limits(draft: Draft) -> dict[str, Any]:
    cost = {"cost": 0.5} if draft.model and not draft.model.startswith("local/") else {}
    return {**cost, "hops": draft.hops, "time": draft.time}


# -- beside it -----------------------------------------------------------------------------------


def _prompt(role: RoleDraft) -> str:
    said = "\n".join(f"- `{field.name}`: {_told(field)}" for field in role.fields)
    return f"Answer with these fields:\n\n{said}\n\nWhat you received:\n\n{{{{ input }}}}\n"


def _told(field: Field) -> str:
    if field.choices:
        return "one of " + ", ".join(json.dumps(choice, ensure_ascii=False) for choice in field.choices).replace(
            "{{", "{ {"
        )
    told = {"text": "a text", "number": "a number", "whole": "a whole number", "yes/no": "true or false"}
    return told.get(field.kind, "a list of short texts")


def run_command(name: str, label: str = "") -> str:
    """How a project's spec is played on its sample."""
    return f"choreo run {name}.yaml --input {SAMPLE}" + (f" --label {shlex.quote(label)}" if label else "")


def readme(draft: Draft) -> str:
    """What the project is and the commands for it."""
    asked = (
        "A person is asked on the way; without a terminal the run waits: `choreo review last`.\n\n"
        if draft.gates
        else ""
    )
    models = "The first run downloads the model's weights, once.\n\n" if draft.model.startswith("local/") else ""
    files = "| file | what it is |\n|---|---|\n" + "".join(f"| {path} | {what} |\n" for path, what in _listed(draft))
    return (
        f"# {draft.name}\n\n{_markdown(draft.job)}\n\n"
        f"```sh\n{run_command(draft.name, draft.label)}\nchoreo trace last\nchoreo map {draft.name}.yaml\n"
        f"choreo validate .\n```\n\n{asked}{models}{files}"
    )


def _listed(draft: Draft) -> Iterator[tuple[str, str]]:
    yield f"`{draft.name}.yaml`", "the spec: map, roles, handoffs, touchpoints, limits"
    yield "`schemas/`", "the contracts; a change is a new version beside the old one (`choreo contract diff`)"
    if any(role.player == "service" for role in draft.roles):
        yield "`services.py`", "what the services do: begin here"
    if draft.model:
        yield "`prompts/`", "what the models are told"
    yield f"`{SAMPLE}`", "an input to try it with"


def _markdown(text: str) -> str:
    """A person's text as a paragraph: no sign in it makes a heading, a link or a page of code."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>#|!~&" else char for char in text)
