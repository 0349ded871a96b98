"""The pruned tree of a spec to the frozen nouns of `choreo.spec`."""

from __future__ import annotations

from choreo.loading.handoffs import read_handoffs, read_touchpoint
from choreo.loading.node import Node, plain
from choreo.loading.page import Page
from choreo.loading.players import read_role
from choreo.problem import Place
from choreo.spec import (
    Breakdown,
    Limits,
    MapDecision,
    ModelSettings,
    Result,
    Role,
    Spec,
    Touchpoint,
    Trigger,
    WorkMap,
)


def read_spec(root: Node, page: Page, path: str, folder: str) -> Spec:
    """The Spec in a tree that went through `check_shape`. What is missing in it was reported there."""
    roles = _roles(root, page)
    touchpoints = _touchpoints(root, page)
    for name in roles.keys() & touchpoints.keys():
        place, also = touchpoints[name].place, (roles[name].place, "the role")
        message = f"`{name}` is the name of a role and of a touchpoint"
        page.report(place, "same-name", message, "rename one: expressions know both by name", also)
    return Spec(
        path=path,
        folder=folder,
        name=page.text(root, "name") or "",
        version=page.text(root, "version") or "",
        trigger=_trigger(root, page),
        roles=roles,
        handoffs=read_handoffs(root.get("handoffs"), page, roles),
        touchpoints=touchpoints,
        models=_models(root, page),
        result=_result(root, page),
        limits=_limits(root.get("limits"), page),
        map=_map(root, page),
        description=page.text(root, "description") or "",
        contracts={
            name: (plain(schema), page.document.key(owner, name))
            for owner in _maps(root, "contracts")
            for name, schema in owner.entries()
        },
        place=Place(page.document.path),
    )


def _maps(root: Node, key: str) -> list[Node]:
    """The mapping under a key, as a list of one or none."""
    found = root.get(key)
    return [] if found is None else [found]


def _roles(root: Node, page: Page) -> dict[str, Role]:
    return {
        name: read_role(name, page.document.key(owner, name), node, page)
        for owner in _maps(root, "roles")
        for name, node in owner.entries()
    }


def _touchpoints(root: Node, page: Page) -> dict[str, Touchpoint]:
    return {
        name: read_touchpoint(name, page.document.key(owner, name), node, page)
        for owner in _maps(root, "touchpoints")
        for name, node in owner.entries()
    }


def _models(root: Node, page: Page) -> dict[str, ModelSettings]:
    return {
        name: _model(name, page.document.key(owner, name), node, page)
        for owner in _maps(root, "models")
        for name, node in owner.entries()
    }


def _model(name: str, place: Place, node: Node, page: Page) -> ModelSettings:
    model, fallback, price = node.get("model"), node.get("fallback"), page.value(node, "price", {})
    priced = "input" in price and "output" in price
    return ModelSettings(
        name=name,
        place=place,
        model="" if model is None else model.value,
        model_place=place if model is None else page.place(model),
        params=page.value(node, "params", {}),
        timeout=page.duration(node, "timeout"),
        fallback=None if fallback is None else fallback.value,
        fallback_place=None if fallback is None else page.place(fallback),
        api_base=page.text(node, "api_base"),
        api_key=page.text(node, "api_key"),
        price=(float(price["input"]), float(price["output"])) if priced else None,
        rpm=page.value(node, "rpm"),
        parallel=page.value(node, "parallel"),
    )


def _trigger(root: Node, page: Page) -> Trigger:
    node = root.get("trigger")
    place = page.document.key(root, "trigger")
    if node is None:
        return Trigger(place)
    return Trigger(place, page.contract(node, "accepts"), page.expr(node, "once_per"))


def _result(root: Node, page: Page) -> Result | None:
    node = root.get("result")
    if node is None:
        return None
    return Result(page.document.key(root, "result"), page.contract(node, "emits"), page.form_at(node, "pass"))


def _limits(node: Node | None, page: Page) -> Limits:
    if node is None:
        return Limits()
    cost = page.value(node, "cost")
    return Limits(
        cost=None if cost is None else float(cost),
        hops=page.value(node, "hops"),
        time=page.duration(node, "time"),
        parallel=page.value(node, "parallel", Limits().parallel),
        depth=page.value(node, "depth"),
    )


def _map(root: Node, page: Page) -> WorkMap | None:
    node = root.get("map")
    if node is None:
        return None
    decisions, breakdowns = node.get("decisions"), node.get("breakdowns")
    return WorkMap(
        place=page.document.key(root, "map"),
        trigger=page.text(node, "trigger") or "",
        people=page.texts(node, "people"),
        systems=page.texts(node, "systems"),
        decisions=tuple(_decision(part, page) for part in decisions.items()) if decisions else (),
        breakdowns=tuple(_breakdown(part, page) for part in breakdowns.items()) if breakdowns else (),
        baseline=page.value(node, "baseline", {}),
    )


def _decision(node: Node, page: Page) -> MapDecision:
    return MapDecision(
        what=page.text(node, "what") or "",
        by=page.text(node, "by") or "",
        place=page.place(node),
        by_place=page.place(node.get("by") or node),
        stakes=page.value(node, "stakes", "low"),
    )


def _breakdown(node: Node, page: Page) -> Breakdown:
    named = node.get("covered_by")
    parts = [] if named is None else named.items() if named.kind == "list" else [named]
    names = [part for part in parts if part.kind == "text"]
    return Breakdown(
        what=page.text(node, "what") or "",
        covered_by=tuple(name.value for name in names),
        place=page.place(node),
        covered_by_places=tuple(page.place(name) for name in names),
    )
