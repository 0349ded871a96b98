"""Where handoffs go: events that never come, words that do nothing, cases that nobody takes."""

from __future__ import annotations

from collections.abc import Iterator

from choreo.expression import ExpressionSyntax, Node
from choreo.lint.cases import Case, cases, holds, paths, subjects, told
from choreo.lint.meaning import Meanings
from choreo.lint.scopes import Scope
from choreo.lint.survey import Survey
from choreo.plan import Edge
from choreo.problem import Problem
from choreo.spec import END, TRIGGER, HumanPlayer, SetPlayer


def never_happens(survey: Survey) -> Iterator[Problem]:
    """`never-happens` (warning): a handoff waits for an event that cannot come.

    `exhausted` comes only where a handoff of the source has an `at_most`, `expired` only with `within`, `rejected`
    only where `may` offers it, `over_budget` only with `limits`, and `timeout` neither from a `set` nor from a person
    who has all the time there is.
    """
    for edge in survey.edges:
        for source in edge.sources:
            why = None if edge.join else _why_never(survey, source, edge.handoff.on)
            if why is not None:
                message = f"`{source}` never gives `{edge.handoff.on}`: {why[0]}"
                yield Problem(edge.handoff.place, "never-happens", message, why[1], "warning")


def _why_never(survey: Survey, source: str, on: str) -> tuple[str, str] | None:
    """Why an event never comes, and what would make it come; None where it can."""
    gate, role = survey.spec.touchpoints.get(source), survey.spec.roles.get(source)
    if on == "exhausted":
        leaving = survey.outgoing.get(source, ())
        if all(edge.handoff.at_most is None for edge in leaving if edge.handoff.on != "exhausted"):
            return "no handoff from it has an `at_most`", "write `at_most` on the handoff that may be used up"
    elif on == "expired" and gate is not None and gate.within is None:
        return "it has no `within`", f"write `within: 48h` at the touchpoint `{source}`"
    elif on == "rejected" and gate is not None and "reject" not in gate.may:
        return "its `may` does not offer to reject", "add `reject` to `may`"
    elif on == "over_budget":
        limits = survey.spec.limits
        if limits.cost is None and limits.hops is None and limits.time is None:
            return "the spec has no limits", "write `limits: {cost: ..., hops: ..., time: ...}`"
    elif on == "timeout" and role is not None:
        if isinstance(role.player, HumanPlayer) and role.player.within is None:
            return "its person has no `within`", "write `human: {within: 48h}`"
        if isinstance(role.player, SetPlayer):
            return "it is computed at once", "wait for `failed`, which an expression can give"
    return None


def idle_words(survey: Survey) -> Iterator[Problem]:
    """`otherwise-alone` (warning): `otherwise` where no `when` stands beside it always fires: leave it out, or write
    the `when`. `two-otherwise` (warning): of two `otherwise` at one event both fire. `also-without-when` (warning): a
    handoff without `when` fires always, `also` adds nothing.
    """
    for group in _groups(survey).values():
        others = [edge for edge in group if edge.handoff.otherwise]
        chosen = [edge for edge in group if edge.handoff.when is not None and not edge.handoff.also]
        if others and not chosen:
            message = f"no `when` stands beside this `otherwise` {_beside(others[0])}, so it always fires"
            help = "remove `otherwise`, or write `when` on the others"
            yield Problem(others[0].handoff.place, "otherwise-alone", message, help, "warning")
        for edge in others[1:]:
            message = f"a second `otherwise` {_beside(edge)}: both fire"
            also = ((others[0].handoff.place, "the first one"),)
            yield Problem(edge.handoff.place, "two-otherwise", message, "keep one of them", "warning", also)
        for edge in group:
            if edge.handoff.also and edge.handoff.when is None:
                message = "`also` without `when` says nothing: a handoff without `when` always fires"
                yield Problem(edge.handoff.place, "also-without-when", message, "remove `also`", "warning")


def coverage(survey: Survey) -> Iterator[Problem]:
    """`gap` (error or warning): for some values no handoff of a role fires, so its branch stops there.

    It is an error where every way to the end leads through that role: a run then has no result. Otherwise it is a
    warning. Write the missing `when`, or `otherwise: true`.

    `never-chosen` (warning): whatever a handoff's `when` could be true for is taken by those before it.
    `overlap` (advice): two `when`s over the same fields are true for the same values; the first in the file is taken.

    Only what can be proved is told: conditions over fields with listed values (`enum`, booleans, null).
    """
    meanings = Meanings(survey)
    for group in _groups(survey).values():
        choices = [edge for edge in group if edge.handoff.when is not None and not edge.handoff.also]
        trees = [_tree(survey, edge) for edge in choices]
        if choices and not any(isinstance(tree, ExpressionSyntax) for tree in trees):
            nodes = [tree for tree in trees if not isinstance(tree, ExpressionSyntax)]
            yield from _uncovered(survey, meanings, group, choices, nodes)


def _uncovered(
    survey: Survey, meanings: Meanings, group: list[Edge], choices: list[Edge], nodes: list[Node]
) -> Iterator[Problem]:
    scope = Scope("handoff", edge=choices[0])
    every = list(cases(subjects(nodes, lambda path: meanings.at(path, scope))))
    if not every:
        return
    table = [[holds(node, case) for node in nodes] for case in every]
    always = any(edge.handoff.when is None for edge in group)
    nobody = [case for case, row in zip(every, table, strict=True) if all(one is False for one in row)]
    if nobody and not always:
        yield _gap(survey, choices, told(nobody))
    for later, edge in enumerate(choices):
        possible = [row for row in table if row[later] is not False]
        if later and possible and all(True in row[:later] for row in possible):
            message = "this handoff is never chosen: those before it take every case in which its `when` is true"
            yield Problem(edge.handoff.place, "never-chosen", message, "move it before them, or remove it", "warning")
        elif later:
            yield from _overlap(choices, nodes, later, every, table)


def _overlap(
    choices: list[Edge], nodes: list[Node], later: int, every: list[Case], table: list[list[bool | None]]
) -> Iterator[Problem]:
    for earlier in range(later):
        both = [case for case, row in zip(every, table, strict=True) if row[earlier] is True and row[later] is True]
        if both and set(paths(nodes[earlier])) == set(paths(nodes[later])):
            message = f"this `when` and an earlier one are both true where {told(both, 2)}: the earlier one is taken"
            also = ((choices[earlier].handoff.place, "the earlier one"),)
            yield Problem(choices[later].handoff.place, "overlap", message, "", "advice", also)
            return


def _gap(survey: Survey, choices: list[Edge], missing: str) -> Problem:
    edge = choices[-1]
    around = survey.flow.reach((TRIGGER,), lambda arc: arc.source not in edge.sources)
    fatal = END in survey.flow.reached and END not in around
    message = f"no handoff {_beside(edge)} fires where {missing}"
    help = "add a handoff with `otherwise: true`, or with a `when` for these cases"
    return Problem(edge.handoff.place, "gap", message, help, "error" if fatal else "warning")


def _tree(survey: Survey, edge: Edge) -> Node | ExpressionSyntax:
    when = edge.handoff.when
    return ExpressionSyntax("no condition") if when is None else survey.tree(when)


def _groups(survey: Survey) -> dict[tuple[tuple[str, ...], bool, str], list[Edge]]:
    """The handoffs that are asked at one event, in the order of the file."""
    found: dict[tuple[tuple[str, ...], bool, str], list[Edge]] = {}
    for edge in survey.edges:
        found.setdefault((edge.sources, edge.join, edge.handoff.on), []).append(edge)
    return found


def _beside(edge: Edge) -> str:
    on = f" on `{edge.handoff.on}`" if edge.handoff.on != "done" else ""
    return f"from {' and '.join(f'`{source}`' for source in edge.sources)}{on}"
