"""The types of the names in scope: what each name stands for at one place of a spec."""

from __future__ import annotations

from functools import cached_property

from choreo.contract import Contract
from choreo.expression import ExpressionSyntax
from choreo.lint.bounds import CONFIDENCE, NAME, VISITS, size_of, sized, written_out
from choreo.lint.conditions import Conditions
from choreo.lint.facts import Path
from choreo.lint.findings import Findings
from choreo.lint.infer import Inference
from choreo.lint.schemas import declared_fields, field_of, item_of, of_contract
from choreo.lint.scopes import Scope
from choreo.lint.survey import Survey
from choreo.lint.types import ANY, ANYTHING, NULL, STRING, Alt, Type, built, either, literal, one_of
from choreo.plan import Edge
from choreo.spec import END, TRIGGER, Expr, Fields, Fixed, Form, Items

_DECISIONS = ("approve", "edit", "reject", "expired", "not-asked", "withdrawn")
_RUN = built({"id": NAME})


class Meanings:
    """The types of names, scope by scope. Contracts are opened once."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self._opened: dict[str, Type] = {}
        self._lists: dict[int, Type] = {}
        self._sayings: dict[int, Type] = {}
        self.conditions = Conditions(survey)

    def of(self, name: str, scope: Scope) -> Type:
        """The type of a name in a scope; of a name that means nothing there nothing is known."""
        spec = self.survey.spec
        if scope.outside and name in spec.roles:
            return self._at(scope, name, self.output(name))
        if scope.outside and name in spec.touchpoints:
            told = {"decision": one_of(_DECISIONS), "payload": self.payload(name), "reason": STRING, "by": STRING}
            return self._at(scope, name, built(told))
        match name:
            case "run":
                return _RUN
            case "trigger":
                return self.trigger
            case "visits":
                return self._visits
            case "confidence":
                return self._confidences
            case "payload" if scope.gate is not None:
                return self.payload(scope.gate.name)
            case "out":
                return self._out(scope)
            case "item" if scope.lane is not None:
                return self.element(scope.lane)
            case "index" if scope.lane is not None:
                return VISITS
            case "failures" if scope.edge is not None and scope.edge.handoff.gather:
                return self._failures(scope.edge)
        return self._inside(name, scope)

    def at(self, path: Path, scope: Scope) -> Type:
        """The type of what stands at a path; nothing is known of it where it may be missing or null."""
        found = self.of(path[0], scope)
        for name in path[1:]:
            fields = [field_of(alt, name) for alt in found.alts or () if alt.kind == "object"]
            if not fields or found.nullable or any(one is None or not one.required for one in fields):
                return ANY
            found = either(one.type for one in fields if one is not None)
        return found

    # -- what roles give and get -----------------------------------------------------------------

    def output(self, role: str) -> Type:
        return self._open(self.survey.emits.get(role))

    def input(self, role: str) -> Type:
        """What a role receives; where that is the trigger's payload as it is, its defaults are filled in."""
        edges = self.survey.first_time(role)
        accepts = self.survey.accepts.get(role)
        as_it_came = all(edge.sources == (TRIGGER,) and edge.passes is None for edge in edges)
        if edges and as_it_came and accepts is not None and accepts == self.survey.trigger:
            return self.trigger
        return self._open(accepts)

    @cached_property
    def result(self) -> Type:
        return of_contract(self.survey.result)

    @cached_property
    def trigger(self) -> Type:
        """The trigger's payload: a field that may be left out is its default, or null."""
        found = of_contract(self.survey.trigger)
        if found.alts is None or len(found.alts) != 1 or found.alts[0].kind != "object":
            return found
        whole, fields = found.alts[0], {}
        for name in declared_fields(whole):
            one = field_of(whole, name)
            if one is not None:
                given = one.required or any("default" in part.schema for part in one.type.parts)
                fields[name] = one.type if given else one.type.or_null()
        return Type((Alt("object", None, whole.parts, fields),), found.parts)

    def payload(self, gate: str) -> Type:
        """What may wait at a touchpoint: what the receivers behind it accept."""
        found = [
            ANY if edge.handoff.revise or edge.handoff.fails(target) else self.received(target)
            for edge in self.survey.guarded.get(gate, ())
            for target in edge.handoff.targets
        ]
        return either(found) if found else ANY

    def received(self, target: str) -> Type:
        return self.result if target == END else self.input(target)

    def _open(self, contract: Contract | None) -> Type:
        key = "" if contract is None else f"{contract.ref} {contract.digest}"
        found = self._opened.get(key)
        if found is None:
            found = self._opened[key] = of_contract(contract)
        return found

    @cached_property
    def _visits(self) -> Type:
        return built(dict.fromkeys(self.survey.spec.roles, VISITS))

    @cached_property
    def _confidences(self) -> Type:
        roles = self.survey.spec.roles.values()
        return built({role.name: NULL if role.confidence is None else CONFIDENCE.or_null() for role in roles})

    # -- what the source of a handoff gave ---------------------------------------------------------

    def _out(self, scope: Scope) -> Type:
        if scope.edge is None:
            return self.output(scope.role.name) if scope.role is not None else ANY
        return self.out(scope.edge)

    def given(self, edge: Edge) -> Type:
        """What an edge hands over where it has no `pass`."""
        return self.element(edge) if edge.handoff.each is not None else self.out(edge)

    def out(self, edge: Edge) -> Type:
        """What the source of an edge gave."""
        source, on = edge.sources[0], edge.handoff.on
        if edge.handoff.index in self.survey.guessed:
            return ANY
        if edge.handoff.gather:
            return self._gathered(edge)
        if edge.join:
            filled = self.survey.flow.sure.filled(edge)
            outputs = {name: self.output(name) for name in edge.sources}
            return built({name: out if name in filled else out.or_null() for name, out in outputs.items()})
        if source == TRIGGER:
            return self.trigger
        if source in self.survey.spec.touchpoints:
            told = {"touchpoint": one_of((source,)), "payload": self.payload(source), "reason": STRING, "by": STRING}
            return built(told)
        if on in ("failed", "timeout"):
            told = {"role": one_of((source,)), "code": STRING, "message": STRING, "input": self.input(source)}
            return built(told)
        return self.output(source)

    # -- lanes ------------------------------------------------------------------------------------

    def element(self, edge: Edge) -> Type:
        """What the elements are of the list that a handoff with `each` walks over."""
        return either(item_of(alt) for alt in self._list(edge).alts or () if alt.kind == "list")

    def _list(self, edge: Edge) -> Type:
        found = self._lists.get(edge.number)
        if found is None:
            self._lists[edge.number] = ANY  # what is asked for while it is read is not known
            tree = ANY if edge.handoff.each is None else self._read_each(edge, edge.handoff.each)
            found = self._lists[edge.number] = tree
        return found

    def _read_each(self, edge: Edge, each: Expr) -> Type:
        tree = self.survey.tree(each)
        if isinstance(tree, ExpressionSyntax):
            return ANY
        lane = self.survey.flow.lanes.before(edge)
        scope = Scope("handoff", edge=edge, lane=lane[-1] if lane else None)
        return Inference(lambda name: self.of(name, scope), Findings(each)).type(tree)

    def _gathered(self, edge: Edge) -> Type:
        """What each lane gave to the sources of a gathering handoff, in the order of the elements."""
        lane, sources = self.survey.flow.lanes.before(edge), edge.handoff.sources
        last = either(self.output(name) for name in sources)
        if edge.join:
            last = built({name: self.output(name).or_null() for name in sources})
        keeps = bool(lane) and lane[-1].handoff.on_failure == "keep"
        most = size_of(self._list(lane[-1]), "list")[1] if lane else None
        return sized("list", 0, most, last.or_null() if keeps else last)

    def _failures(self, edge: Edge) -> Type:
        lane = self.survey.flow.lanes.before(edge)
        item = self.element(lane[-1]) if lane else ANY
        most = size_of(self._list(lane[-1]), "list")[1] if lane else None
        reason = sized("string", 2, None)  # `code: message`, of any length
        return sized("list", 0, most, built({"index": VISITS, "item": item, "reason": reason}))

    # -- inside of roles -------------------------------------------------------------------------

    def _inside(self, name: str, scope: Scope) -> Type:
        if scope.role is None:
            return ANY
        if scope.tool is not None:
            contract = self.survey.resolved(scope.tool.accepts, f"{scope.role.name}.{scope.tool.name}")
            return of_contract(contract) if name == "input" and contract is not None else ANY
        role = scope.role.name
        revisions = [edge for edge in self.survey.incoming.get(role, ()) if edge.handoff.revise]
        if name == "input":
            return self.input(role)
        if name == "previous":
            return self.output(role).or_null() if revisions else NULL
        if name == "feedback":
            return either([NULL, *map(self._said, revisions)])
        return ANY

    def _said(self, edge: Edge) -> Type:
        """What a revision says to the role that it leads to."""
        found = self._sayings.get(edge.number)
        if found is None:
            behind, form = self.survey.flow.lanes.behind(edge), edge.handoff.passes
            scope = Scope("handoff", edge=edge, lane=behind[-1] if behind else None)
            kind = self.given(edge) if form is None else self._built(form, scope)
            found = self._sayings[edge.number] = kind if kind.known else ANYTHING
        return found

    def _built(self, form: Form, scope: Scope) -> Type:
        """What a form gives."""
        match form:
            case Expr():
                tree = self.survey.tree(form)
                if isinstance(tree, ExpressionSyntax):
                    return ANY
                inference = Inference(lambda name: self.of(name, scope), Findings(form))
                return inference.type(tree, self.conditions.known(scope, form))
            case Fixed(value=value):
                return literal(value)
            case Fields(entries=entries):
                return built({key: self._built(part, scope) for key, _, part in entries})
            case Items(entries=parts):
                return written_out([self._built(part, scope) for part in parts])

    # -- whether a name has a value ----------------------------------------------------------------

    def _at(self, scope: Scope, name: str, value: Type) -> Type:
        """`value`, or null where the name may not have one yet; only null where it cannot have one."""
        edges = self._edges(scope)
        sure = self.survey.flow.sure
        if not edges or all(sure.at(edge, name) for edge in edges):
            return value
        return value.or_null() if any(self._may_precede(name, edge) for edge in edges) else NULL

    def _edges(self, scope: Scope) -> tuple[Edge, ...]:
        """The handoffs at which an expression is evaluated."""
        if scope.edge is not None:
            return (scope.edge,)
        if scope.gate is not None:
            return self.survey.guarded.get(scope.gate.name, ())
        if scope.where == "result":
            return tuple(edge for edge in self.survey.first_time(END) if edge.passes is None)
        return ()

    def _may_precede(self, name: str, edge: Edge) -> bool:
        origins = self.survey.flow.origins
        if name in edge.sources and name in origins:
            return True
        starts = frozenset(start for source in edge.sources for start in origins.get(source, (source,)))
        behind = [target for one in self.survey.guarded.get(name, ()) for target in one.handoff.targets]
        return any(self.survey.flow.leads_to(one, starts) for one in (behind if name in origins else (name,)))
