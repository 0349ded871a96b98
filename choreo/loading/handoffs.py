"""The handoffs and touchpoints of a spec."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from choreo.loading.node import Node
from choreo.loading.page import Page, seconds
from choreo.problem import Place
from choreo.spec import Expr, Form, Handoff, Template, Touchpoint

SourcesAs = Literal["one", "join", "any"]


def read_handoffs(node: Node | None, page: Page, roles: Collection[str]) -> tuple[Handoff, ...]:
    """The handoffs of the pruned tree. One whose sources or targets could not be read (a Problem already) has none
    of them; one that has neither is left out.
    """
    found = [_handoff(index, item, page, roles) for index, item in enumerate(node.items() if node is not None else [])]
    return tuple(handoff for handoff in found if handoff is not None)


def _handoff(index: int, node: Node, page: Page, roles: Collection[str]) -> Handoff | None:
    sources, sources_as = _sources(node.get("from"))
    to = node.get("to")
    targets = [] if to is None else [to] if to.kind == "text" else to.items()
    if not sources and not targets:
        return None
    touchpoint = node.get("touchpoint")
    handoff = Handoff(
        index=index,
        place=page.place(node),
        sources=tuple(part.value for part in sources),
        source_places=tuple(page.place(part) for part in sources),
        sources_as=sources_as,
        targets=tuple(part.value for part in targets),
        target_places=tuple(page.place(part) for part in targets),
        on=page.value(node, "on", "done"),
        when=page.expr(node, "when"),
        also=page.value(node, "also", False),
        otherwise=page.value(node, "otherwise", False),
        at_most=page.value(node, "at_most"),
        revise=page.value(node, "revise", False),
        passes=page.form_at(node, "pass"),
        pick=page.expr(node, "pick"),
        touchpoint=None if touchpoint is None else touchpoint.value,
        touchpoint_place=None if touchpoint is None else page.place(touchpoint),
        outcome=page.text(node, "outcome"),
        fail=page.value(node, "fail", False),
        each=page.expr(node, "each"),
        at_once=page.value(node, "at_once"),
        on_failure=page.value(node, "on_failure"),
        gather=page.value(node, "gather", False),
        after=_after(node.get("after"), page),
    )
    _check_together(handoff, node, page, roles)
    return handoff


def _sources(node: Node | None) -> tuple[list[Node], SourcesAs]:
    if node is None:
        return [], "one"
    if node.kind == "text":
        return [node], "one"
    if node.kind == "list":
        return node.items(), "join" if len(node.items()) > 1 else "one"
    names = node.get("any")
    sources = [] if names is None else names.items()
    return sources, "any" if len(sources) > 1 else "one"


def _check_together(handoff: Handoff, node: Node, page: Page, roles: Collection[str]) -> None:
    """Keys that mean something only beside others."""
    if handoff.pick is not None and len(handoff.targets) == 1:
        message = "`pick` chooses among the names in `to`, and there is only one"
        page.report(
            page.document.key(node, "pick"), "bad-combination", message, "write `to` as a list, or remove `pick`"
        )
    if not all(name in roles for name in handoff.targets) or not handoff.targets:
        return  # it leads to `end`, or to nobody, which is told elsewhere
    for key, given in (("outcome", handoff.outcome is not None), ("fail", handoff.fail)):
        if given:
            message = f"`{key}` only means something on a handoff to `end`"
            page.report(
                page.document.key(node, key), "bad-combination", message, f"remove `{key}`, or hand over to `end`"
            )


def _after(node: Node | None, page: Page) -> Expr | float | None:
    if node is None:
        return None
    waited = seconds(node.value.strip())
    return page.expression(node) if waited is None else waited


# -- touchpoints ---------------------------------------------------------------------------------


def read_touchpoint(name: str, place: Place, node: Node, page: Page) -> Touchpoint:
    """A touchpoint of the pruned tree. Where its question is missing (a Problem already), its name stands in."""
    ask, who, may = node.get("ask"), node.get("who"), page.value(node, "may")
    return Touchpoint(
        name=name,
        place=place,
        ask=Template((name,), place) if ask is None else page.question(ask),
        who=None if who is None else who.value,
        who_place=None if who is None else page.place(who),
        when=page.expr(node, "when"),
        show=_show(node.get("show"), page),
        stakes=page.value(node, "stakes", "low"),
        within=page.duration(node, "within"),
        may=("approve", "edit", "reject") if may is None else tuple(may),
    )


def _show(node: Node | None, page: Page) -> tuple[tuple[str, Place, Form], ...]:
    """Labels and what each shows. An expression without a label is its own label."""
    if node is None:
        return ()
    if node.kind == "map":
        return tuple((name, page.document.key(node, name), page.form(part)) for name, part in node.entries())
    parts = node.items() if node.kind == "list" else [node]
    return tuple((_label(part, number), page.place(part), page.form(part)) for number, part in enumerate(parts, 1))


def _label(node: Node, number: int) -> str:
    return " ".join(node.value.split()) if node.kind == "text" else f"{number}"
