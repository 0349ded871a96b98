"""Types across the handoff: every expression against the contracts in scope, every payload against its receiver."""

from __future__ import annotations

from collections.abc import Iterator

from choreo.expression import Call, Const, ExpressionSyntax, ListOf, Node
from choreo.lint.facts import NOTHING, Facts, facts
from choreo.lint.findings import Findings
from choreo.lint.fits import Misfit, extra, misfits, missing
from choreo.lint.infer import Inference
from choreo.lint.meaning import Meanings
from choreo.lint.schemas import declared_fields, field_of, is_closed, required_fields
from choreo.lint.scopes import Scope
from choreo.lint.survey import Survey
from choreo.lint.types import ANY, NUMBERS, Alt, Type, built, list_of, literal
from choreo.lint.uses import Purpose, Use, uses
from choreo.lint.wording import described, named, origin, written
from choreo.plan import Edge
from choreo.problem import Place, Problem, closest
from choreo.spec import END, Expr, Fields, Fixed, Form, SetPlayer

CODES = (
    *("undeclared-field", "maybe-missing", "unknown-value", "type-clash", "bare-number", "not-a-condition"),
    *("always-null", "maybe-null", "missing-field", "extra-field", "pick-outside"),
)


def types(survey: Survey) -> Iterator[Problem]:
    """Every expression is read with the contracts in scope as types, and every payload is held against what its
    receiver accepts. What a contract leaves open gives no finding.

    `undeclared-field`: a field is read that the contract does not declare. (`additionalProperties: true` in the
    contract says that more may be there.) `maybe-missing` (warning): the field is declared and not required; ask
    first with `has(a.b)`. `unknown-value`: a value that is none of those listed (`enum`): a misspelt text in a
    comparison, or one that the receiver does not take.

    `type-clash`: types that do not go together: a field of a text, a number compared with a text, a text where the
    receiver wants a number. `bare-number`: arithmetic on a JSON `number`, which may be whole or not; the two are
    different types in an expression: write `double(x) * 2.0`. `not-a-condition`: a condition that is neither true nor
    false.

    `always-null`: a role is named that never plays before this place. `maybe-null` (warning): it plays on some ways to
    this place only, or a contract allows null; guard it with `x != null`.

    `missing-field`, `extra-field`: a payload without a field that the receiver requires, or with one that it refuses
    (`additionalProperties: false`). `pick-outside`: `pick` names a receiver that is not in `to`.

    Errors can never work; warnings do not work for some values.
    """
    reader = Reader(survey)
    for use in uses(survey):
        yield from reader.use(use)
    for role in survey.spec.roles.values():
        if isinstance(role.player, SetPlayer):
            wanted = reader.meanings.output(role.name)
            yield from reader.payload(role.player.form, wanted, Scope("role", role=role))
    for edge in survey.edges:
        yield from reader.edge(edge)
    result = survey.spec.result
    if result is not None and result.passes is not None:
        yield from reader.payload(result.passes, reader.meanings.result, Scope("result"))


class Reader:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.meanings = Meanings(survey)
        self._read: dict[tuple[int, int], Type] = {}

    # -- expressions -----------------------------------------------------------------------------

    def use(self, use: Use) -> Iterator[Problem]:
        tree = self.survey.tree(use.expr)
        if isinstance(tree, ExpressionSyntax):
            return
        forgiving = use.scope.where == "touchpoint" and use.purpose in ("condition", "show")
        found = Findings(use.expr, forgiving)
        known = self.known(use.scope, use.expr)
        kind = Inference(lambda name: self.meanings.of(name, use.scope), found).type(tree, known)
        _serves(use.purpose, kind, tree, use.scope, found)
        self._read[id(use.expr), _edge_number(use.scope)] = kind
        yield from found.problems

    def known(self, scope: Scope, expr: Expr) -> Facts:
        """What has a value where an expression stands, because a condition was true or others were false before."""
        if scope.where == "touchpoint" and scope.gate is not None and scope.gate.when not in (None, expr):
            return self._facts(scope.gate.when, True)
        edge = scope.edge
        if edge is None:
            return NOTHING
        own = self._facts(edge.handoff.when, True) if edge.handoff.when is not expr else NOTHING
        before = [one for one in self._rivals(edge) if one.number < edge.number or edge.handoff.otherwise]
        return own.union(*(self._facts(one.handoff.when, False) for one in before))

    def _rivals(self, edge: Edge) -> list[Edge]:
        """The handoffs with `when` that were asked first, at the same event."""
        if edge.handoff.also or not (edge.handoff.otherwise or edge.handoff.when):
            return []
        beside = self.survey.outgoing.get(edge.sources[0], ())
        return [
            one
            for one in beside
            if one.handoff.when is not None
            and not one.handoff.also
            and (one.sources, one.handoff.on) == (edge.sources, edge.handoff.on)
        ]

    def _facts(self, when: Expr | None, truth: bool) -> Facts:
        tree = None if when is None else self.survey.tree(when)
        return NOTHING if tree is None or isinstance(tree, ExpressionSyntax) else facts(tree, truth)

    # -- payloads --------------------------------------------------------------------------------

    def edge(self, edge: Edge) -> Iterator[Problem]:
        handoff = edge.handoff
        if handoff.revise or handoff.gather or handoff.each is not None:
            return
        for target, place in zip(handoff.targets, handoff.target_places, strict=False):
            if handoff.passes is not None:
                yield from self.payload(handoff.passes, self.meanings.received(target), Scope("handoff", edge=edge))
            elif self._is_judged(edge, target):
                given, names = self.meanings.given(edge), " and ".join(f"`{one}`" for one in edge.sources)
                what = f"what {names} give together" if edge.join else f"what {names} gives"
                for misfit in misfits(given, self.meanings.received(target), what):
                    yield _problem(misfit, place)

    def _is_judged(self, edge: Edge, target: str) -> bool:
        """Whether what an edge carries as it is must be compared by its shape: versions of one name are compared
        elsewhere, and the result may have a `pass` of its own.
        """
        result = self.survey.spec.result
        if target == END and result is not None and result.passes is not None:
            return False
        carried = self.survey.carried(edge)
        return carried is None or carried.name.startswith("<")

    def payload(self, form: Form, wanted: Type, scope: Scope) -> Iterator[Problem]:
        """Hold what a form builds against a type, each key at its own place."""
        objects = [alt for alt in wanted.alts or () if alt.kind == "object"]
        if isinstance(form, Fields) and len(objects) == 1:
            yield from self._fields(form, objects[0], scope)
            return
        what = "this" if not isinstance(form, Expr) else self._called(form)
        for misfit in misfits(self._type(form, scope), wanted, what):
            yield _problem(misfit, form.place)

    def _fields(self, form: Fields, wanted: Alt, scope: Scope) -> Iterator[Problem]:
        given = built({key: self._type(part, scope) for key, _, part in form.entries})
        (mine,) = given.alts or ()
        for name in required_fields(wanted):
            if name not in declared_fields(mine):
                unknown = [key for key, _, _ in form.entries if key not in declared_fields(wanted)]
                yield _problem(missing(name, wanted, mine, "this", closest(name, unknown)), form.place)
        for key, place, part in form.entries:
            theirs = field_of(wanted, key)
            if theirs is not None:
                yield from self.payload(part, theirs.type, scope)
            elif is_closed(wanted):
                yield _problem(extra(key, wanted, mine), place)

    def _type(self, form: Form, scope: Scope) -> Type:
        match form:
            case Expr():
                return self._read.get((id(form), _edge_number(scope)), ANY)
            case Fixed(value=value):
                return literal(value)
            case Fields(entries=entries):
                return built({key: self._type(part, scope) for key, _, part in entries})
            case _:
                return list_of(ANY)

    def _called(self, expr: Expr) -> str:
        tree = self.survey.tree(expr)
        return "this" if isinstance(tree, ExpressionSyntax) else named(tree)


def _edge_number(scope: Scope) -> int:
    return -1 if scope.edge is None else scope.edge.number


def _problem(misfit: Misfit, place: Place) -> Problem:
    also = origin(written(misfit.wanted), "(what is accepted)") + origin(written(misfit.given), "(what is given)")
    severity = "error" if misfit.sure else "warning"
    return Problem(place, misfit.code, misfit.message, misfit.help, severity, also)  # type: ignore[arg-type]


# -- what an expression is for -------------------------------------------------------------------


def _serves(purpose: Purpose, kind: Type, tree: Node, scope: Scope, found: Findings) -> None:
    match purpose:
        case "condition":
            found.condition(kind, tree)
        case "text":
            found.not_null(kind, tree)
        case "names" if scope.edge is not None:
            _must_be(kind, ("string", "list"), "the name of a receiver, or a list of names", tree, found)
            _picks(tree, scope.edge, found)
        case "list":
            _must_be(kind, ("list",), "a list", tree, found)
        case "number":
            _must_be(kind, (*NUMBERS, "null"), "a number from 0 to 1", tree, found)


def _must_be(kind: Type, wanted: tuple[str, ...], what: str, tree: Node, found: Findings) -> None:
    if kind.alts and kind.kinds.isdisjoint(wanted):
        message = f"{named(tree)} is {described(kind)}, and {what} is needed here"
        found.tell(tree, "type-clash", message, also=origin(written(kind)))


def _picks(node: Node, edge: Edge, found: Findings) -> None:
    """Names written out in a `pick` that are no receivers of the handoff."""
    match node:
        case Const(kind="string", value=name) if name not in edge.handoff.targets:
            help = f"`to` has: {', '.join(edge.handoff.targets)}"
            found.tell(node, "pick-outside", f"`{name}` is not one of the receivers in `to`", help)
        case ListOf(items=items):
            for item in items:
                _picks(item, edge, found)
        case Call(function="_?_:_", args=(_, yes, no)):
            _picks(yes, edge, found)
            _picks(no, edge, found)
