"""Players and what they say of themselves: python targets, effects, measured confidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from choreo.contract import Contract
from choreo.lint.survey import Survey
from choreo.problem import Place, Problem, suggestion
from choreo.spec import (
    CommandService,
    Confidence,
    HttpService,
    McpService,
    ModelPlayer,
    Player,
    PythonService,
    Role,
    Template,
)

_WRITES = frozenset(
    (
        *("add", "append", "approve", "assign", "cancel", "create", "delete", "deploy", "edit", "execute", "insert"),
        *("pay", "publish", "push", "put", "remove", "rename", "save", "send", "submit", "update", "upload", "upsert"),
        "write",
    )
)
"""Words in a tool's name that tell that it changes something."""
_READS = frozenset(("check", "count", "describe", "fetch", "find", "get", "list", "lookup", "query", "read", "search"))
_FIXED_HOST = r"(https?://[^/?#]+|\$\{env:[^}]+\}[^/?#]*)[/?#]"
_TARGET = r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*"


def bad_service(survey: Survey) -> Iterator[Problem]:
    """`bad-target`: a python service is `module:function`, with the module as it is imported from the spec's folder:
    `services.orders:lookup` is the function `lookup` in services/orders.py.

    `empty-command`: a command needs at least the program to start.

    `bad-tool`: a model hands a tool named arguments, so the contract that a tool `accepts` is that of an object.
    """
    for role in survey.spec.roles.values():
        for tool in role.player.tools if isinstance(role.player, ModelPlayer) else ():
            contract = survey.resolved(tool.accepts, f"{role.name}.{tool.name}")
            if contract is not None and not contract.is_broken and contract.schema.get("type") != "object":
                message = f"the arguments of the tool `{tool.name}` are not said to be an object"
                yield Problem(tool.place, "bad-tool", message, "write `type: object` in the contract it accepts")
    for player in (one for role in survey.spec.roles.values() for one in _services(role.player)):
        if isinstance(player, PythonService) and re.fullmatch(_TARGET, player.target) is None:
            message = f"`{player.target}` is not a python function"
            yield Problem(player.place, "bad-target", message, f"write `module:function`{_meant(player.target)}")
        elif isinstance(player, CommandService) and not player.argv:
            yield Problem(player.place, "empty-command", "the command is empty", "name the program to start")


def _meant(target: str) -> str:
    module = target.partition(":")[0].removesuffix(".py").replace("/", ".").strip(".")
    function = target.partition(":")[2].removesuffix("()")
    if not function and "." in module and not target.endswith(".py"):
        module, _, function = module.rpartition(".")
    guess = f"{module}:{function or 'function'}"
    return f", such as `{guess}`" if re.fullmatch(_TARGET, guess) else ""


def misplaced_effect(survey: Survey) -> Iterator[Problem]:
    """`effect-not-actor`: only actors do something to the world outside.

    `effect: once` and `effect: idempotent`, an http call that is not a GET or HEAD, and an MCP tool that writes belong
    to roles of `kind: actor`: so that everybody sees in the spec, and in front of every touchpoint, where something
    happens that cannot be taken back. The same for the tools of a model. Whether an MCP tool writes is guessed from its
    name (`create_issue`), so that is a warning.

    `effect-unsaid` (warning): such a call in an actor that does not say its `effect`, or says `none`. After a crash it
    would be made a second time: write `effect: once`, or `effect: idempotent` where a second call does no harm.
    """
    for role in survey.spec.roles.values():
        help = "make it `kind: actor`, or move what it does to the world outside into an actor of its own"
        if role.effect != "none" and role.kind != "actor":
            message = f"`{role.name}` is a {role.kind} and has an effect (`effect: {role.effect}`)"
            yield Problem(role.effect_place or role.place, "effect-not-actor", message, help)
        for place, what, sure in _effects(role.player):
            if role.kind != "actor":
                message = f"`{role.name}` is a {role.kind} and has an effect: {what}"
                yield Problem(place, "effect-not-actor", message, help, "error" if sure else "warning")
            elif role.effect == "none" and sure:
                yield _unsaid(role, place, what)


def _unsaid(role: Role, place: Place, what: str) -> Problem:
    """An effect that is not said, or is said to be none."""
    if role.effect_place is None:
        message = f"`{role.name}` does not say its `effect`, so after a crash it is repeated: {what}"
        help = "write `effect: once`, or `effect: idempotent` where a second call does no harm"
        return Problem(role.place, "effect-unsaid", message, help, "warning")
    message = f"`{role.name}` says `effect: none` and has one, so after a crash it is repeated: {what}"
    help = "write `effect: once`, `effect: idempotent` where a second call does no harm, or a GET where it only reads"
    return Problem(role.effect_place, "effect-unsaid", message, help, "warning", ((place, what),))


def _effects(player: Player) -> Iterator[tuple[Place, str, bool]]:
    """What a player does to the world outside: (place, in words, whether that is certain)."""
    if isinstance(player, HttpService) and not player.reads_only:
        yield player.method_place or player.place, f"http {player.method}", True
    elif isinstance(player, McpService):
        tool = player.settings.get("tool", "")
        words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", tool)} if isinstance(tool, str) else set()
        if words & _WRITES and not words & _READS:
            yield player.place, f"the MCP tool `{tool}` sounds like one that writes", False
    elif isinstance(player, ModelPlayer):
        for tool in player.tools:
            for place, what, sure in _effects(tool.service):
                yield place, f"{what} (its tool `{tool.name}`)", sure


def open_address(survey: Survey) -> Iterator[Problem]:
    """`open-address` (error or warning): the host of an http call comes out of an expression.

    Then whoever writes the input decides where the call goes: an email, a web page, a model's answer. Write the host in
    the spec (`https://api.example/orders/{{ input.id }}`) or in a variable (`${env:ORDERS_URL}/orders`); expressions
    stand in the path and in `query`. It is an error where the call carries a key (`${env:NAME}`), which would go along.
    """
    for role in survey.spec.roles.values():
        for service in _services(role.player):
            if isinstance(service, HttpService) and not _has_fixed_host(service.url):
                keyed = any("${env:" in part for part in _literals(service.url, *(text for _, text in service.headers)))
                message = f"where `{role.name}` calls is decided by its input" + ", and a key goes along" * keyed
                help = "write the host in the address, and expressions behind it: `https://api.example/{{ ... }}`"
                yield Problem(service.url.place, "open-address", message, help, "error" if keyed else "warning")


def _has_fixed_host(url: Template) -> bool:
    first = url.parts[0] if url.parts else ""
    return not url.expressions or (isinstance(first, str) and re.match(_FIXED_HOST, first) is not None)


def _literals(*texts: Template) -> Iterator[str]:
    yield from (part for text in texts for part in text.parts if isinstance(part, str))


def _services(player: Player) -> Iterator[Player]:
    """The service that plays a role, or those that its model may call."""
    yield from (tool.service for tool in player.tools) if isinstance(player, ModelPlayer) else (player,)


def local_tools(survey: Survey) -> Iterator[Problem]:
    """`no-tools`: a role has tools, and a model that runs in this process plays it, which cannot call any.

    Give the role a model behind a server (one of your own will do: `api_base`), or hand it what the tools would find:
    a role played by the service before it.
    """
    for role in survey.spec.roles.values():
        if not isinstance(role.player, ModelPlayer) or not role.player.tools:
            continue
        name: str | None = role.player.model
        seen: set[str] = set()
        while name is not None and name not in seen:
            seen.add(name)
            settings = survey.spec.models.get(name)
            if (name if settings is None else settings.model).startswith("local/"):
                message = f"`{role.name}` has tools, and `{name}` runs in this process: it cannot call any"
                help = "give it a model behind a server, or let a role before it find what the tools would"
                yield Problem(role.player.place, "no-tools", message, help)
                break
            name = None if settings is None else settings.fallback


def unmeasurable_confidence(survey: Survey) -> Iterator[Problem]:
    """`bad-confidence`: the confidence of a role cannot be measured as its spec says.

    `logprobs(FIELD)` reads token probabilities: the role is played by a model, and FIELD is a field of its output whose
    contract lists its values (`enum`, texts). `votes` asks a model several times: its `field` is one of its output's,
    and the role has no `tools`, which each answer would call anew.
    """
    for role in survey.spec.roles.values():
        measure = role.confidence
        if measure is None or measure.source == "expression":
            continue
        if not isinstance(role.player, ModelPlayer):
            message = f"`{role.name}` is not played by a model, so there is nothing to measure"
            yield Problem(measure.place, "bad-confidence", message, "remove `confidence`, or write an expression")
            continue
        contract = survey.emits.get(role.name)
        if contract is not None and contract.is_broken:
            continue
        if measure.source == "votes":
            yield from _unvotable(role.player, measure, contract)
        if measure.source == "logprobs" and contract is not None and not _options(contract.schema, measure.field or ""):
            message = f"`{measure.field}` is not a field with an `enum` in {contract.ref}"
            listed = ", ".join(
                name for name in _mapping(contract.schema.get("properties")) if _options(contract.schema, name)
            )
            help = f"fields that list their values: {listed}" if listed else "list its values in the contract: `enum`"
            yield Problem(measure.place, "bad-confidence", message, help, also=((contract.place, "the contract"),))


def _unvotable(player: ModelPlayer, measure: Confidence, contract: Contract | None) -> Iterator[Problem]:
    if player.tools:
        message = "each of the answers that vote would call the tools anew"
        help = "remove `votes`, or let a role before it find what the tools would"
        yield Problem(measure.place, "bad-confidence", message, help)
    fields = _mapping(contract.schema.get("properties")) if contract is not None else {}
    if contract is not None and measure.field is not None and measure.field not in fields:
        message = f"{contract.ref} declares no field `{measure.field}` to vote on"
        also = ((contract.place, "the contract"),)
        yield Problem(
            measure.place, "bad-confidence", message, suggestion(measure.field, tuple(fields), "field"), also=also
        )


def _options(schema: Mapping[str, Any], field: str) -> bool:
    """Whether a field's values are listed, as texts: where it is declared, or in the one definition it refers to."""
    part = _mapping(_mapping(schema.get("properties")).get(field))
    reference = part.get("$ref")
    if isinstance(reference, str):
        part = _mapping(_mapping(schema.get("$defs")).get(reference.removeprefix("#/$defs/")))
    values = part.get("enum")
    return isinstance(values, list) and bool(values) and all(isinstance(value, str) for value in values)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
