"""The roles of a spec and who plays each."""

from __future__ import annotations

import re

from choreo.loading.node import Node, plain
from choreo.loading.page import Page
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
    Template,
    Tool,
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
        effect_place=page.key_of(node, "effect"),
    )
    if not isinstance(role.player, ModelPlayer | HumanPlayer):
        _alone(node, "thread", "a role that a model or a person plays", page)
    if role.cache and not isinstance(role.player, ModelPlayer):
        _alone(node, "cache", "a role that a model plays", page)
    if role.effect != "once":
        _alone(node, "key", "`effect: once`", page)
    if role.kind == "actor":
        for key, contract in (("accepts", role.accepts), ("emits", role.emits)):
            if isinstance(contract, InlineSchema):
                message = f"the actor `{name}` has an inline schema under `{key}`; an actor needs a named contract"
                help = "move the schema under `contracts:` with a name and a version, and name it here"
                page.report(contract.place, "unnamed-contract", message, help)
    return role


def _alone(node: Node, key: str, beside: str, page: Page) -> None:
    """A key that means nothing where what it belongs to is not there."""
    if node.get(key) is not None:
        message = f"`{key}` only means something beside {beside}, which is not here"
        page.report(page.document.key(node, key), "bad-combination", message, f"remove `{key}`")


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
            within, asks = page.duration(part, "within"), page.expr(part, "questions")
            who = part.get("who")
            named = None if who is None else page.place(who)
            return HumanPlayer(here, page.text(part, "who"), asked, within, asks, named, page.text(node, "thread"))
        if part.kind == "text":
            return SpecPlayer(part.value, here)
        path = part.get("path")
        place = here if path is None else page.place(path)
        return SpecPlayer(page.text(part, "path") or "", place, page.value(part, "takes_feedback", False))
    return HttpService(Template(("",), place), place)


def _model(node: Node, named: Node, page: Page) -> ModelPlayer:
    prompt, examples, tools = node.get("prompt"), node.get("examples"), node.get("tools")
    shown = [] if examples is None else examples.items()
    return ModelPlayer(
        model=named.value,
        place=page.place(named),
        prompt=None if prompt is None else page.prompt(prompt),
        repair=page.value(node, "repair", 2),
        examples=tuple((page.value(item, "input"), page.value(item, "output")) for item in shown),
        example_places=tuple(page.document.places(item) for item in shown),
        thread=page.text(node, "thread"),
        tools=() if tools is None else _tools(tools, page),
    )


def _tools(node: Node, page: Page) -> tuple[Tool, ...]:
    """The tools of a model. A name that stands twice is a Problem; the later one is left out."""
    found: dict[str, Tool] = {}
    for item in node.items():
        service, named = item.get("service"), item.get("name")
        name, here = page.text(item, "name") or "", page.place(named or item)
        if name in found:
            page.report(here, "duplicate-item", f"there are two tools `{name}`", "give each a name of its own")
        elif service is not None:
            played = _service(service, page.place(service), page)
            found[name] = Tool(name, here, played, page.text(item, "does") or "", page.contract(item, "accepts"))
    return tuple(found.values())


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
    http = node.get("http")
    return HttpService(Template(("",), place), place) if http is None else _http(http, place, feedback, page)


def _http(node: Node, place: Place, feedback: bool, page: Page) -> HttpService:
    url, headers = node.get("url"), node.get("headers")
    return HttpService(
        url=Template(("",), place) if url is None else page.template(url),
        place=place,
        method=page.value(node, "method", "GET"),
        headers=() if headers is None else tuple((name, page.template(part)) for name, part in headers.entries()),
        query=page.form_at(node, "query"),
        body=page.form_at(node, "body"),
        takes_feedback=feedback,
        method_place=page.key_of(node, "method"),
    )


def _confidence(owner: Node, page: Page) -> Confidence | None:
    node = owner.get("confidence")
    if node is None:
        return None
    place = page.place(node)
    if node.kind == "map":
        votes = page.value(node, "votes")
        return None if votes is None else Confidence("votes", place, page.text(node, "field"), votes)
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
