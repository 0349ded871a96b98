"""What the types of an expression's parts say: findings at the exact column, and at the contract's end."""

from __future__ import annotations

from msgspec import Struct, field

from choreo.expression import Const, Ident, Node, Select
from choreo.lint.schemas import Field, declared_fields, field_of, item_of
from choreo.lint.types import ANY, NUMBERS, STRING, Alt, Type, either
from choreo.lint.wording import (
    ABSENT,
    KINDS,
    contract_name,
    described,
    field_offset,
    is_absent,
    named,
    null_origin,
    origin,
    start,
    written,
)
from choreo.problem import Place, Problem, Severity, closest
from choreo.spec import Expr

GUARD = "guard it: `{0} != null && ...`, or `{0} != null ? ... : ...`"


class Findings(Struct):
    """The findings in one expression. `forgiven` are the codes of what works for some values only and does no harm
    there: an error in the `when` of a touchpoint makes it ask, a null in its `show` is shown as what it is.
    """

    expr: Expr
    forgiven: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    is_wrong: bool = False
    """Whether there is an error in it."""

    def tell(
        self,
        node: Node,
        code: str,
        message: str,
        help: str = "",
        *,
        severity: Severity = "error",
        at: int | None = None,
        also: tuple[tuple[Place, str], ...] = (),
    ) -> None:
        """A finding at the beginning of a part, or at the offset `at`."""
        offset = start(node, self.expr.text) if at is None else at
        self.is_wrong = self.is_wrong or severity == "error"
        self.problems.append(Problem(self.expr.at(offset), code, message, help, severity, also))

    # -- values that are not there ---------------------------------------------------------------

    def not_null(self, kind: Type, node: Node) -> None:
        """`node` is used where null does not work."""
        if kind.only_null:
            self.tell(node, "always-null", f"{named(node)} is always null here", _never(node))
        elif kind.nullable and "maybe-null" not in self.forgiven:
            help = GUARD.format(named(node).strip("`"))
            message = f"{named(node)} may be null here: {_why_null(kind, node)}"
            also = () if isinstance(node, Ident) else null_origin(kind)
            self.tell(node, "maybe-null", message, help, severity="warning", also=also)

    # -- looking into values ---------------------------------------------------------------------

    def field(self, owner: Type, operand: Node, node: Node, name: str, certain: bool) -> Type:
        """The type of a field that is read. `certain`: it is known to be there, or only asked for."""
        objects = [alt for alt in owner.alts or () if alt.kind == "object"]
        if owner.alts and not objects and not owner.only_null:
            message = f"{named(operand)} is {described(owner.without_null())}, and `{name}` is read from it"
            self.tell(node, "type-clash", message, "", at=self._field(node), also=origin(owner, "", *KINDS))
            return ANY
        self.not_null(owner, operand)
        if not objects:
            return ANY
        found = [field_of(alt, name) for alt in objects]
        if all(one is None for one in found):
            self._undeclared(objects, operand, node, name)
            return ANY
        if not certain:
            self._optional(found, objects, node, name)
        return either(one.type for one in found if one is not None)

    def _undeclared(self, objects: list[Alt], operand: Node, node: Node, name: str) -> None:
        if isinstance(operand, Ident) and operand.name in ("visits", "confidence"):
            self.is_wrong = True
            return  # that is no role, which `unknown-name` says
        known = tuple(dict.fromkeys(field for alt in objects for field in declared_fields(alt)))
        part = next((written(alt) for alt in objects if written(alt)), None)
        near = closest(name, known)
        help = f"did you mean `{near}`? " if near else ""
        help += f"its fields: {', '.join(known[:16])}" if known else "it has no fields"
        message = f"{named(operand)} has no field `{name}`"
        if part is not None:
            message = f"{contract_name(part)} declares no field `{name}`{_at(part.pointer)}, read from {named(operand)}"
        self.tell(node, "undeclared-field", message, help, at=self._field(node), also=_declared(objects, near or ""))

    def _optional(self, found: list[Field | None], objects: list[Alt], node: Node, name: str) -> None:
        if "maybe-missing" in self.forgiven or all(one is not None and one.required for one in found):
            return
        part = next((written(alt) for alt in objects if written(alt)), None)
        by = f": {contract_name(part)} does not require it" if part else ""
        path = named(node).strip("`")
        help = f"ask for it first: `has({path}) ? {path} : ...`, or require it in the contract"
        message = f"`{name}` may be missing{by}"
        also = next((origin(alt, "does not require it", field=name) for alt in objects if written(alt)), ())
        self.tell(node, "maybe-missing", message, help, severity="warning", at=self._field(node), also=also)

    def _field(self, node: Node) -> int:
        return field_offset(self.expr.text, node)

    def elements(self, over: Type, node: Node, macro: str) -> Type:
        """The type of what a macro walks over: a list's elements, an object's keys."""
        if over.alts and not over.only_null and not over.kinds & {"list", "object"}:
            message = f"{named(node)} is {described(over.without_null())}, and `{macro}` needs a list"
            self.tell(node, "type-clash", message, also=origin(over, "", *KINDS))
            return ANY
        self.not_null(over, node)
        if not over.alts:
            return ANY
        return either(
            item_of(alt) if alt.kind == "list" else STRING for alt in over.alts if alt.kind in ("list", "object")
        )

    def index(self, owner: Type, operand: Node, key: Type, by: Node) -> Type:
        """The type of `list[number]` or `object[text]` where the key (`by`) is a number or is computed."""
        if owner.alts and not owner.only_null and not owner.kinds & {"list", "object"}:
            message = f"{named(operand)} is {described(owner.without_null())}: nothing can be picked out of it"
            self.tell(operand, "type-clash", message, also=origin(owner, "", *KINDS))
            return ANY
        self.not_null(owner, operand)
        lists = [alt for alt in owner.alts or () if alt.kind == "list"]
        by_place = bool(key.kinds & set(NUMBERS))
        self._wrong_key(owner, operand, key, by)
        return either(item_of(alt) for alt in lists) if lists and by_place else ANY

    def _wrong_key(self, owner: Type, operand: Node, key: Type, by: Node) -> None:
        """What is surely an object is read by the names of its fields, what is surely a list by places."""
        inside, keys = owner.without_null().kinds, key.without_null().kinds
        if not keys or key.only_null:
            return
        if inside == {"object"} and "string" not in keys:
            fields = [field for alt in owner.alts or () for field in declared_fields(alt)]
            message = f"{named(operand)} is an object, and {described(key.without_null())} is no name of a field"
            help = f"its fields: {', '.join(dict.fromkeys(fields[:16]))}" if fields else "read a field by its name"
            self.tell(by, "type-clash", message, help, also=origin(owner, "", *KINDS))
        elif inside == {"list"} and keys.isdisjoint(NUMBERS):
            message = f"{named(operand)} is a list, and {described(key.without_null())} is no place in it"
            self.tell(by, "type-clash", message, "the first element is `[0]`", also=origin(owner, "", *KINDS))
        elif inside == {"list"} and isinstance(by, Const) and isinstance(by.value, int) and by.value < 0:
            message = f"there is no element at {by.value}: places in a list count from 0"
            help = f"the last one is `{named(operand).strip('`')}[size({named(operand).strip('`')}) - 1]`"
            self.tell(by, "type-clash", message, help)

    # -- conditions ------------------------------------------------------------------------------

    def condition(self, kind: Type, node: Node) -> None:
        """`node` must be true or false."""
        if kind.alts and "bool" not in kind.kinds and not kind.only_null:
            message = f"{named(node)} is {described(kind)}, and a condition must be true or false"
            help = f"compare it: `{named(node).strip('`')} == ...`" if kind.kinds != {"object"} else ""
            if isinstance(node, Const) and node.value in ("true", "false"):
                help = f"write `{node.value}` without quotes"
            self.tell(node, "not-a-condition", message, help, also=origin(kind, "", *KINDS))
        elif kind.alts:
            self.not_null(kind, node)


def _why_null(kind: Type, node: Node) -> str:
    if isinstance(node, Ident):
        return _WHY.get(node.name, "not every way to this place leads through it")
    part = written(kind)
    if part is None:
        return "nothing rules it out"
    return f"{contract_name(part)} {ABSENT if is_absent(kind) else 'allows it'}"


_WHY = {
    "previous": "it is null on the first visit",
    "feedback": "it is null on the first visit",
}


def _declared(objects: list[Alt], near: str) -> tuple[tuple[Place, str], ...]:
    """The line that declares a field of nearly the name that is read, else that of all fields."""
    written_ones = [alt for alt in objects if written(alt)]
    alt = next((one for one in written_ones if near in declared_fields(one)), next(iter(written_ones), None))
    return origin(alt, "", "properties", "type", field=near)


def _never(node: Node) -> str:
    if isinstance(node, Ident):
        if node.name in _WHY:
            return "nothing sends this role back to revise (`revise: true`)"
        return "it never plays before this place"
    if isinstance(node, Select) and isinstance(node.operand, Ident) and node.operand.name == "confidence":
        return f"`{node.field}` measures none: give the role a `confidence`"
    return ""


def _at(pointer: str) -> str:
    return f" at {pointer}" if pointer else ""
