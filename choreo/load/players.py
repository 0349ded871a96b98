"""The roles of a spec and who plays each."""

from __future__ import annotations

import re

from choreo.load.node import Node, plain
from choreo.load.page import Page
from choreo.problem import Place
from choreo.spec import (
    CommandService,
    Confidence,
    HttpService,
    HumanPlayer,
    InlineSchema,
    McpService,
    ModelPlayer,
    Player,
    PythonService,
    Retry,
    Role,
    Service,
    SetPlayer,
    SpecPlayer,
)

_LOGPROBS = re.compile(r"logprobs\(\s*([^()\s][^()]*?)\s*\)")
_LOGPROBS_START = re.compile(r"logprobs\b")


def read_role(name: str, place: Place, node: Node, page: Page) -> Role:
    """A role of the pruned tree. Where its kind is missing (a Problem already), `researcher` stands in."""
    role = Role(
        name=name,
        place=place,
        kind=page.value(node, "kind", "researcher"),
        player=_player(node, place, page),
        does=page.text(node, "does") or "",
        accepts=page.contract(node, "accepts"),
        emits=page.contract(node, "emits"),
        confidence=_confidence(node, page),
        timeout=page.duration(node, "timeout"),
        retry=_retry(node.get("retry"), page),
        effect=page.value(node, "effect", "none"),
        key=page.expr(node, "key"),
        cache=page.value(node, "cache", False),
    )
    if role.kind == "actor":
        for key, contract in (("accepts", role.accepts), ("emits", role.emits)):
            if isinstance(contract, InlineSchema):
                message = f"the actor `{name}` has an inline schema under `{key}`; an actor needs a named contract"
                help = "move the schema under `contracts:` with a name and a version, and name it here"
                page.report(contract.place, "unnamed-contract", message, help)
    return role


def _player(node: Node, place: Place, page: Page) -> Player:
    """Where no player can be read (a Problem already), a service that says nothing about its output stands in."""
    for key in ("model", "service", "set", "human", "spec"):
        part = node.get(key)
        if part is None:
            continue
        here = page.place(part)
        if key == "model":
            return _model(node, part, page)
        if key == "service":
            return _service(part, here, page)
        if key == "set":
            return SetPlayer(page.form(part), here)
        if key == "human":
            asked = page.texts(part, "questions")
            return HumanPlayer(here, page.text(part, "who"), asked, page.duration(part, "within"))
        return SpecPlayer(part.value if part.kind == "text" else page.text(part, "path") or "", here)
    return HttpService({}, place)


def _model(node: Node, named: Node, page: Page) -> ModelPlayer:
    prompt, examples, tools = node.get("prompt"), node.get("examples"), node.get("tools")
    shown = (
        []
        if examples is None
        else [(page.value(item, "input"), page.value(item, "output")) for item in examples.items()]
    )
    return ModelPlayer(
        model=named.value,
        place=page.place(named),
        prompt=None if prompt is None else page.prompt(prompt),
        repair=page.value(node, "repair", 2),
        examples=tuple(shown),
        thread=page.text(node, "thread"),
        tools=() if tools is None else tuple(plain(tool) for tool in tools.items()),
    )


def _service(node: Node, place: Place, page: Page) -> Service:
    feedback = page.value(node, "takes_feedback", False)
    python, command, mcp = page.text(node, "python"), node.get("command"), node.get("mcp")
    if python is not None:
        return PythonService(python, place, feedback)
    if command is not None:
        argv = tuple(page.template(word) for word in command.items())
        most = page.value(node, "max_output", 10_000_000)
        return CommandService(argv, place, page.texts(node, "env"), most, feedback)
    if mcp is not None:
        return McpService(plain(mcp), place)
    return HttpService(page.value(node, "http", {}), place)


def _confidence(owner: Node, page: Page) -> Confidence | None:
    node = owner.get("confidence")
    if node is None:
        return None
    place = page.place(node)
    if node.kind == "map":
        votes = page.value(node, "votes")
        return None if votes is None else Confidence("votes", place, votes=votes)
    text = node.value.strip()
    found = _LOGPROBS.fullmatch(text)
    if found is not None:
        return Confidence("logprobs", place, field=found.group(1))
    if _LOGPROBS_START.match(text):
        message = f"`{text}` is not a way to measure confidence"
        page.report(place, "bad-value", message, "name one field of the output: `logprobs(action)`")
        return None
    return Confidence("expression", place, expression=page.expression(node))


def _retry(node: Node | None, page: Page) -> Retry | None:
    if node is None:
        return None
    plainly = Retry()
    return Retry(
        attempts=page.value(node, "attempts", plainly.attempts),
        backoff=page.duration(node, "backoff") or plainly.backoff,
        growth=float(page.value(node, "growth", plainly.growth)),
        jitter=float(page.value(node, "jitter", plainly.jitter)),
    )
