"""Types across the handoff: every expression against the contracts in scope, every payload against its receiver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from choreo.expression import Call, Const, ExpressionSyntax, ListOf, Node, free_names
from choreo.lint.bounds import written_out
from choreo.lint.facts import NOTHING, Path, path_of
from choreo.lint.findings import Findings
from choreo.lint.fits import Misfit, extra, misfits, missing
from choreo.lint.folding import never
from choreo.lint.inclusion import Answer, Inclusion
from choreo.lint.infer import Inference
from choreo.lint.literals import Misplaced, ends, misplaced
from choreo.lint.meaning import Meanings
from choreo.lint.narrowing import narrowed
from choreo.lint.proofs import Proofs, Value, refused
from choreo.lint.schemas import declared_fields, field_of, is_closed, item_of, required_fields
from choreo.lint.scopes import Scope
from choreo.lint.survey import Survey
from choreo.lint.types import ANSWERS, ANY, NUMBERS, QUESTION, Alt, Type, built, either, literal
from choreo.lint.uses import Purpose, Use, expressions, uses
from choreo.lint.wording import KINDS, described, is_absent, named, null_origin, origin
from choreo.plan import Edge
from choreo.problem import Place, Problem, closest
from choreo.spec import END, TRIGGER, Expr, Fields, Fixed, Form, HumanPlayer, Items, Role, SetPlayer

CODES = (
    *("undeclared-field", "maybe-missing", "unknown-value", "type-clash", "bare-number", "not-a-condition"),
    *("always-null", "maybe-null", "missing-field", "extra-field", "pick-outside"),
    *("refused-value", "cannot-be-decided", "pattern-syntax"),
)


def types(survey: Survey) -> Iterator[Problem]:
    """Every expression is read with the contracts in scope as types, and every payload is held against what its
    receiver accepts. What a contract leaves open gives no finding.

    `undeclared-field`: a field is read that the contract does not declare. (`additionalProperties: true` in the
    contract says that more may be there.) `maybe-missing` (warning): the field is declared and not required; ask
    first with `has(a.b)`. `unknown-value` (error or warning): a value that is none of those listed (`enum`): a misspelt
    text in a comparison, or one that the receiver does not take.

    `type-clash` (error or warning): types that do not go together: a field of a text, a place in an object, a number
    compared with a text, a text where the receiver wants a number. `bare-number`: arithmetic on a JSON `number`, which
    may be whole or not; the two are different types in an expression: write `double(x) * 2.0`. `not-a-condition`: a
    condition that is neither true nor false.

    `pattern-syntax`: the text that `matches` is given is no regular expression which the expression engine can use.

    `always-null`: a role is named that never plays before this place. `maybe-null` (warning): it plays on some ways to
    this place only, or a contract allows null; guard it with `x != null`.

    `missing-field` (error or warning): a payload without a field that the receiver requires. `extra-field` (error or
    warning): a payload with a field that it refuses (`additionalProperties: false`). `pick-outside` (error or warning):
    `pick` names a receiver that is not in `to`, or may give one: nobody is picked then.

    `refused-value` (error or warning): the types fit, and still the receiver does not take every value (`maxLength`,
    `pattern`, `minimum`, ...), with one that it refuses. `cannot-be-decided` (advice): whether it takes every value
    cannot be told before a run, as where the value is computed; the receiver checks each payload in the run.

    Errors can never work; warnings do not work for some values.
    """
    reader = Reader(survey)
    for use in uses(survey):
        yield from reader.use(use)
    for role in survey.spec.roles.values():
        if isinstance(role.player, SetPlayer):
            wanted = reader.meanings.output(role.name)
            yield from reader.payload(role.player.form, wanted, Scope("role", role=role))
        elif isinstance(role.player, HumanPlayer) and role.player.asks is not None:
            yield from reader.questions(role.player.asks, role)
    for edge in survey.edges:
        yield from reader.edge(edge)
    result = survey.spec.result
    if result is not None and result.passes is not None:
        yield from reader.payload(result.passes, reader.meanings.result, Scope("result"))


class Reader:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.meanings = Meanings(survey)
        self.conditions = self.meanings.conditions
        self.inclusion = Inclusion()
        self._read: dict[tuple[int, int], Type] = {}
        self._sides: dict[tuple[int, int], Mapping[int, Type]] = {}
        """What the sides of each `? :` in an expression give."""
        self._alive: dict[tuple[int, int], list[Node]] = {}
        self._told: dict[tuple[int, int], frozenset[int]] = {}
        """The ends of an expression in which a literal was told to be wrong: the rest is judged without them."""
        self._literals: set[Problem] = set()
        self._undecided: set[int] = set()
        """The handoffs of which was said that something cannot be decided."""
        self._faulty: set[int] = set()
        """The expressions in which there is an error: what they give is not judged any further."""

    # -- expressions -----------------------------------------------------------------------------

    def use(self, use: Use) -> Iterator[Problem]:
        tree = self.survey.tree(use.expr)
        if isinstance(tree, ExpressionSyntax):
            return
        found = Findings(use.expr, _FORGIVEN.get(use.purpose, ()) if use.scope.where == "touchpoint" else ())
        known = self.conditions.known(use.scope, use.expr)
        inference = Inference(lambda name: self.meanings.of(name, use.scope), found)
        kind = inference.type(tree, known)
        _serves(use.purpose, kind, tree, use.scope, found)
        key = (id(use.expr), _edge_number(use.scope))
        self._read[key], self._sides[key] = kind, inference.sides
        if found.is_wrong:
            self._faulty.add(id(use.expr))
        yield from found.problems

    # -- payloads --------------------------------------------------------------------------------

    def edge(self, edge: Edge) -> Iterator[Problem]:
        """What is wrong with what a handoff carries; what cannot be told of it is told once, be its ends many."""
        for problem in self._carried(edge):
            if problem.code != "cannot-be-decided" or edge.handoff.index not in self._undecided:
                yield problem
            if problem.code == "cannot-be-decided":
                self._undecided.add(edge.handoff.index)

    def _carried(self, edge: Edge) -> Iterator[Problem]:
        handoff = edge.handoff
        if (
            handoff.revise
            or handoff.index in self.survey.guessed
            or (handoff.each is not None and id(handoff.each) in self._faulty)
        ):
            return
        lane = self.survey.flow.lanes.behind(edge)
        scope = Scope("handoff", edge=edge, lane=lane[-1] if lane else None)
        for target, place in zip(handoff.targets, handoff.target_places, strict=False):
            if handoff.fails(target):
                continue
            if handoff.passes is not None:
                yield from self.payload(handoff.passes, self.meanings.received(target), scope)
            elif self._is_judged(edge, target):
                yield from self._unchanged(edge, self.meanings.received(target), place)

    def _unchanged(self, edge: Edge, wanted: Type, place: Place) -> Iterator[Problem]:
        """Hold what an edge carries without a `pass` against a type."""
        names = " and ".join(f"`{one}`" for one in edge.sources)
        what = f"what {names} give together" if edge.join else f"what {names} gives"
        what = _AS_LANES.get((edge.handoff.each is not None, edge.handoff.gather), what)
        ways = [("item",)] if edge.handoff.each is not None else _ways(("out",), edge)
        conditions = self.conditions.asked(edge)
        given = narrowed(
            self.meanings.given(edge), ways, conditions, self.conditions.known(Scope("handoff", edge=edge), None)
        )
        found = [_problem(misfit, place) for misfit in misfits(given, wanted, what)]
        yield from found
        if not found and not _is_broken(wanted) and not any(map(self._is_unread, edge.sources)):
            value = Value(given, what, place)
            yield from Proofs(self.inclusion, lambda _: value).given(value, wanted)

    def questions(self, asks: Expr, role: Role) -> Iterator[Problem]:
        """The questions of a human role, where they are data, and what it makes of the answers."""
        asked, output = self._type(asks, Scope("role", role=role)), self.meanings.output(role.name)
        for alt in asked.only("list").alts or ():
            for misfit in misfits(item_of(alt), QUESTION, "one of the questions"):
                yield _problem(misfit, asks.place)
        for misfit in misfits(ANSWERS, output, "what the person's answers make"):
            yield _problem(misfit, asks.place)

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
        found = list(self._shape(form, wanted, scope))
        yield from found
        at_fault = _is_broken(wanted) or any(self._is_at_fault(expr, scope) for expr in expressions(form))
        if self._literals.issuperset(found) and not at_fault:
            yield from Proofs(self.inclusion, lambda part: self._value(part, scope)).form(form, wanted)

    def _is_at_fault(self, expr: Expr, scope: Scope) -> bool:
        """Whether there is an error in an expression, or a role that it names has no contract, which is told there."""
        tree = self.survey.tree(expr)
        if id(expr) in self._faulty or isinstance(tree, ExpressionSyntax):
            return True
        names = {ident.name for ident in free_names(tree)}
        if not all(scope.sees(name, self.survey.spec) for name in names):
            return True
        if "input" in names and scope.role is not None:
            return self.survey.is_unread(self.survey.accepts.get(scope.role.name))
        if "out" in names and scope.edge is not None:
            names.update(scope.edge.sources)
        return any(self._is_unread(name) for name in names)

    def _is_unread(self, name: str) -> bool:
        """Whether the contract of what a name stands for is missing or broken, which is told there."""
        if name == TRIGGER:
            return self.survey.is_unread(self.survey.trigger)
        return name in self.survey.emits and self.survey.is_unread(self.survey.emits[name])

    def _value(self, form: Form, scope: Scope) -> Value:
        name = self._called(form) if isinstance(form, Expr) else "this"
        return Value(self._type(form, scope), name, form.place)

    def _shape(self, form: Form, wanted: Type, scope: Scope) -> Iterator[Problem]:
        objects = [alt for alt in wanted.alts or () if alt.kind == "object"]
        if isinstance(form, Fields) and len(objects) == 1:
            yield from self._fields(form, objects[0], scope)
            return
        what = self._called(form) if isinstance(form, Expr) else "this"
        yield from self._literals_in(form, wanted, scope)
        for misfit in misfits(self._type(form, scope), wanted, what):
            yield _problem(misfit, form.place)

    def _literals_in(self, form: Form, wanted: Type, scope: Scope) -> Iterator[Problem]:
        lists = [alt for alt in wanted.alts or () if alt.kind == "list"]
        if isinstance(form, Expr):
            yield from self._misplaced(form, wanted, scope)
        elif isinstance(form, Items) and len(lists) == 1:
            for part in form.entries:
                yield from self._literals_in(part, item_of(lists[0]), scope)

    def _misplaced(self, expr: Expr, wanted: Type, scope: Scope) -> Iterator[Problem]:
        """The literals in an expression that the receiver never takes. A literal that is all of it is read as any
        other value is where it is of the right type.
        """
        tree, told = self.survey.tree(expr), set()
        for end in self._ends(expr, scope):
            for one in misplaced(end, wanted, self.inclusion):
                whole = one.node is tree
                if not (whole and isinstance(one.why, Answer)):
                    told.add(id(end))
                    problem = _of_literal(one, expr.place if whole else expr.at(one.node.offset))
                    self._literals.add(problem)
                    yield problem
        self._told[id(expr), _edge_number(scope)] = frozenset(told)

    def _ends(self, expr: Expr, scope: Scope) -> list[Node]:
        """What an expression may give, without what its tests can never lead to."""
        key = id(expr), _edge_number(scope)
        if key not in self._alive:
            self._alive[key] = list(self._ends_of(expr, scope))
        return self._alive[key]

    def _ends_of(self, expr: Expr, scope: Scope) -> Iterator[Node]:
        tree = self.survey.tree(expr)
        if isinstance(tree, ExpressionSyntax):
            return
        asked, known = self.conditions.asked(scope.edge, expr), dict[Path, Type]()

        def type_of(path: Path) -> Type:
            if path not in known:
                known[path] = self.meanings.at(path, scope)
            return known[path]

        yield from (end for end, tests in ends(tree) if not tests or not never([*asked, *tests], type_of))

    def _given(self, expr: Expr, scope: Scope) -> Type:
        """What an expression gives, without the ends of which something was told and those that are never come to."""
        key, tree = (id(expr), _edge_number(scope)), self.survey.tree(expr)
        kind, sides, told = self._read.get(key, ANY), self._sides.get(key, {}), self._told.get(key, frozenset())
        if isinstance(tree, ExpressionSyntax):
            return ANY
        if not (sides or told or isinstance(tree, Const)):
            return kind
        kept = [end for end in self._ends(expr, scope) if id(end) not in told]
        return either(_exact(end, kind if end is tree else sides.get(id(end), ANY)) for end in kept)

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
                yield from self._shape(part, theirs.type, scope)
            elif is_closed(wanted):
                yield _problem(extra(key, wanted, mine), place)

    def _type(self, form: Form, scope: Scope) -> Type:
        match form:
            case Expr():
                kind, ways = self._given(form, scope), self._ways(form, scope)
                known = self.conditions.known(scope, form) if ways and scope.edge is not None else NOTHING
                return narrowed(kind, ways, self.conditions.asked(scope.edge), known) if ways else kind
            case Fixed(value=value):
                return literal(value)
            case Fields(entries=entries):
                return built({key: self._type(part, scope) for key, _, part in entries})
            case _:
                parts = form.entries if isinstance(form, Items) else ()
                return written_out([self._type(part, scope) for part in parts])

    def _ways(self, expr: Expr, scope: Scope) -> list[Path]:
        """The paths by which the value of an expression can be named on an edge; none where it is computed."""
        tree = self.survey.tree(expr) if scope.edge is not None else None
        path = None if tree is None or isinstance(tree, ExpressionSyntax) else path_of(tree)
        return [] if path is None or scope.edge is None else _ways(path, scope.edge)

    def _called(self, expr: Expr) -> str:
        tree = self.survey.tree(expr)
        return "this" if isinstance(tree, ExpressionSyntax) else named(tree)


def _is_broken(kind: Type) -> bool:
    """Whether what is accepted is that of a contract with mistakes, which are told there."""
    return any(part.contract.is_broken for part in kind.parts)


_FORGIVEN: Mapping[Purpose, tuple[str, ...]] = {"condition": ("maybe-null", "maybe-missing"), "show": ("maybe-null",)}
"""What does no harm at a touchpoint."""
_AS_LANES = {(True, False): "each element", (False, True): "the list of what the lanes gave"}


def _ways(path: Path, edge: Edge) -> list[Path]:
    """`out` and the name of the only source are one and the same."""
    (source, *others), (first, *rest) = edge.sources, path
    same = () if others or edge.join or edge.handoff.gather or edge.handoff.on != "done" else ("out", source)
    return [(name, *rest) for name in same] if first in same else [path]


def _edge_number(scope: Scope) -> int:
    return -1 if scope.edge is None else scope.edge.number


def _exact(node: Node, kind: Type) -> Type:
    """A decimal literal as the number that it is: with nothing behind the point it may be taken as a whole one."""
    return literal(node.value) if isinstance(node, Const) and node.kind == "double" else kind


def _of_literal(one: Misplaced, place: Place) -> Problem:
    if isinstance(one.why, Misfit):
        return _problem(one.why, place)
    found = refused(Value(one.kind, named(one.node), place), one.wanted, one.why)
    return replace(found, help="write a value that it takes, or accept this one")


def _problem(misfit: Misfit, place: Place) -> Problem:
    accepted = origin(misfit.wanted, "(what is accepted)", *misfit.refusing)
    given, message = origin(misfit.given, "(what is given)", *misfit.giving, field=misfit.field), misfit.message
    if misfit.code == "maybe-null" and isinstance(misfit.given, Type) and is_absent(misfit.given):
        given, message = null_origin(misfit.given), f"{message}: an absent field reads as null"
    severity = "error" if misfit.sure else "warning"
    return Problem(place, misfit.code, message, misfit.help, severity, accepted + given)  # type: ignore[arg-type]


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
            _may_pick(kind, tree, scope.edge, found)
        case "list" | "questions":
            _must_be(kind, ("list",), "a list", tree, found)
        case "duration":
            _must_be(kind, (), "a duration (`90s`, or an expression such as `duration(out.wait)`)", tree, found)
        case "number":
            _must_be(kind, (*NUMBERS, "null"), "a number from 0 to 1", tree, found)


def _must_be(kind: Type, wanted: tuple[str, ...], what: str, tree: Node, found: Findings) -> None:
    if kind.alts and kind.kinds.isdisjoint(wanted):
        message = f"{named(tree)} is {described(kind)}, and {what} is needed here"
        found.tell(tree, "type-clash", message, also=origin(kind, "", *KINDS))


def _may_pick(kind: Type, tree: Node, edge: Edge, found: Findings) -> None:
    """Values that a field may have by its contract and that are no receivers of the handoff."""
    lists = (alt.item for alt in kind.alts or () if alt.kind == "list" and alt.item is not None)
    names = [
        name for one in (kind, *lists) for alt in one.alts or () if alt.kind == "string" for name in alt.values or ()
    ]
    outside = [name for name in dict.fromkeys(names) if name not in edge.handoff.targets]
    chosen = edge.handoff.otherwise or edge.handoff.when is not None  # these values may be taken elsewhere
    if outside and not chosen and not found.is_wrong:
        shown = ", ".join(f"`{name}`" for name in outside[:4]) + (", ..." if len(outside) > 4 else "")
        message = f"where {named(tree)} is {shown} nobody is picked: `to` has {', '.join(edge.handoff.targets)}"
        help = "add these receivers to `to`, or pick one of those that are there"
        found.tell(tree, "pick-outside", message, help, severity="warning", also=origin(kind, "", "string"))


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
