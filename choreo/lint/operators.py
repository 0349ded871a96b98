"""What operators and functions need, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from choreo.expression import Call, Const, ListOf, Node, pattern_fault
from choreo.lint.bounds import VISITS, begin_of, size_of, sized, text_of
from choreo.lint.findings import Findings
from choreo.lint.schemas import declared_fields, field_of, item_of
from choreo.lint.types import (
    ANY,
    BOOL,
    DOUBLE,
    INT,
    MOST,
    NUMBER,
    NUMBERS,
    STRING,
    Alt,
    Kind,
    Type,
    either,
    kind_of,
    list_of,
    one_of,
)
from choreo.lint.wording import KINDS, LISTED, described, listed, named, origin, shown
from choreo.problem import Place, closest

Args = list[Type]
_LONGEST = 60


def group(kind: str) -> str:
    """Kinds that can be equal and be compared."""
    return "number" if kind in NUMBERS else kind


def groups(kind: Type) -> set[str]:
    return {group(one) for one in kind.kinds}


# -- equality --------------------------------------------------------------------------------------


def _equality(node: Call, args: Args, found: Findings) -> Type:
    left, right = args
    if left.alts and right.alts and not (left.only_null or right.only_null):
        if groups(left).isdisjoint(groups(right)):
            _never_equal(node, left, right, found)
        else:
            first, second = node.args
            if isinstance(second, Const):
                _listed_value(second, left, first, found)
            elif isinstance(first, Const):
                _listed_value(first, right, second, found)
            else:
                _disjoint(node, left, right, found)
    return BOOL


def _never_equal(node: Call, left: Type, right: Type, found: Findings) -> None:
    one, other = node.args
    message = f"{named(one)} is {described(left)} and {named(other)} is {described(right)}: they are never equal"
    also = _both(left, right)
    found.tell(node, "type-clash", message, "compare values of one type", also=also)


def _both(left: Type, right: Type) -> tuple[tuple[Place, str], ...]:
    """Where the contracts say of what kind the two sides are."""
    return origin(left, "", *KINDS) + origin(right, "", *KINDS)


def _listed_value(constant: Const, kind: Type, owner: Node, found: Findings) -> None:
    """A literal that is none of the values which the other side can be."""
    values = _values(kind, group(kind_of(constant.value)))
    if values is None or _is_among(constant.value, values):
        return
    near = (
        closest(constant.value, [v for v in values if isinstance(v, str)])
        if kind_of(constant.value) == "string"
        else None
    )
    help = f"did you mean {shown(near)}? " if near else ""
    message = f"{named(owner)} is never {shown(constant.value)}"
    help += f"it can be: {listed(values)}"
    found.tell(constant, "unknown-value", message, help, also=origin(kind, "", *LISTED))


def _disjoint(node: Call, left: Type, right: Type, found: Findings) -> None:
    some, others = left.values, right.values
    if some and others and not any(_is_among(value, others) for value in some):
        message = f"{named(node.args[0])} and {named(node.args[1])} are never equal"
        help = f"the one can be {listed(some)}; the other {listed(others)}"
        found.tell(node, "unknown-value", message, help, also=origin(left, "", *LISTED) + origin(right, "", *LISTED))


def _values(kind: Type, wanted: str) -> tuple[object, ...] | None:
    """All values of one group that a type can have; None where they are not listed."""
    alts = [alt for alt in kind.alts or () if group(alt.kind) == wanted]
    if not alts or any(alt.values is None for alt in alts):
        return None
    return tuple(value for alt in alts for value in alt.values or ())


def _is_among(value: object, values: tuple[object, ...]) -> bool:
    """JSON equality: 1 is 1.0, and true is not 1."""
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in values)


def _inside(node: Call, args: Args, found: Findings) -> Type:
    element, container = args
    owner, listing = node.args
    if container.alts and not container.only_null and not container.kinds & {"list", "object"}:
        message = f"`in` needs a list or an object, and {named(listing)} is {described(container.without_null())}"
        found.tell(listing, "type-clash", message, also=origin(container, "", *KINDS))
        return BOOL
    found.not_null(container, listing)
    for item in listing.items if isinstance(listing, ListOf) else ():
        if isinstance(item, Const) and item.kind != "null" and element.alts and not element.only_null:
            if group(kind_of(item.value)) not in groups(element):
                message = f"{named(owner)} is {described(element)} and never {shown(item.value)}"
                found.tell(item, "type-clash", message, also=origin(element, "", *KINDS))
            else:
                _listed_value(item, element, owner, found)
    return BOOL


# -- order and arithmetic ----------------------------------------------------------------------------


def _order(node: Call, args: Args, found: Findings) -> Type:
    if _usable(node, args, ("number", "string", "bool"), "compared", found):
        left, right = args
        if left.alts and right.alts and (groups(left) & groups(right)) - {"null"} == set():
            one, other = node.args
            message = (
                f"{named(one)} is {described(left)} and {named(other)} is {described(right)}: they cannot be compared"
            )
            found.tell(node, "type-clash", message, also=_both(left, right))
    return BOOL


def _plus(node: Call, args: Args, found: Findings) -> Type:
    if not _usable(node, args, ("number", "string", "list"), "added", found):
        return ANY
    left, right = args
    if not (left.alts and right.alts):
        return ANY
    both = (groups(left) & groups(right)) - {"null"}
    if not both:
        one, other = node.args
        message = f"{named(one)} is {described(left)} and {named(other)} is {described(right)}: they cannot be added"
        help = "make a text of it: `string(x)`" if "string" in groups(left) | groups(right) else ""
        found.tell(node, "type-clash", message, help, also=_both(left, right))
        return ANY
    if both == {"number"}:
        return _numbers(node, args, found)
    return _joined(left, right, "string" if both == {"string"} else "list") if len(both) == 1 else ANY


def _joined(left: Type, right: Type, kind: Kind) -> Type:
    """A text behind a text, a list behind a list: their sizes are added, the first says how it begins."""
    if kind == "string" and left.values and right.values and len(left.values) * len(right.values) <= MOST:
        return one_of(dict.fromkeys(f"{one}{other}" for one in left.values for other in right.values))
    (least, most), (others_least, others_most) = size_of(left, kind), size_of(right, kind)
    total = None if most is None or others_most is None else most + others_most
    items = [item_of(alt) for side in (left, right) for alt in side.alts or () if alt.kind == "list"]
    begin = begin_of(left) if kind == "string" else ""
    return sized(kind, least + others_least, total, either(items) if kind == "list" else None, begin)


def _arithmetic(node: Call, args: Args, found: Findings) -> Type:
    if not _usable(node, args, ("number",), "calculated with", found):
        return ANY
    return _numbers(node, args, found) if all(one.alts for one in args) else ANY


def _numbers(node: Call, args: Args, found: Findings) -> Type:
    """Arithmetic on a JSON number fails where one side happens to be whole and the other is not."""
    kinds = [one.kinds & set(NUMBERS) for one in args]
    bare = [part for part, kind in zip(node.args, kinds, strict=True) if kind == {"number"}]
    for part in bare:
        inner = named(part).strip("`")
        message = f"{named(part)} is a JSON number, whole or not: `{_sign(node)}` fails where the two sides differ"
        found.tell(part, "bare-number", message, f"write `double({inner})`, and decimals (`2.0`) beside it")
    if bare:
        return NUMBER
    if kinds in ([{"int"}, {"double"}], [{"double"}, {"int"}]):
        whole = node.args[0] if kinds[0] == {"int"} else node.args[1]
        message = f"{named(whole)} is a whole number and the other side of `{_sign(node)}` is not"
        found.tell(whole, "type-clash", message, f"write `double({named(whole).strip('`')})`")
    return INT if all(kind == {"int"} for kind in kinds) else DOUBLE if {"double"} in kinds else NUMBER


def _negative(node: Call, args: Args, found: Findings) -> Type:
    return args[0] if _usable(node, args, ("number",), "negated", found) else ANY


def _usable(node: Call, args: Args, wanted: tuple[str, ...], done: str, found: Findings) -> bool:
    """Whether each side is of a kind that fits; says so where one is not."""
    good = True
    for kind, part in zip(args, node.args, strict=True):
        if kind.alts and not kind.only_null and not groups(kind) & set(wanted):
            message = f"{named(part)} is {described(kind)} and cannot be {done}"
            found.tell(part, "type-clash", message, also=origin(kind, "", *KINDS))
            good = False
        else:
            found.not_null(kind, part)
            good = good and not kind.only_null
    return good


def _sign(node: Call) -> str:
    return node.function.strip("_")


OPERATORS: Mapping[str, Callable[[Call, Args, Findings], Type]] = {
    "_==_": _equality,
    "_!=_": _equality,
    "@in": _inside,
    "_<_": _order,
    "_<=_": _order,
    "_>_": _order,
    "_>=_": _order,
    "_+_": _plus,
    "_-_": _arithmetic,
    "_*_": _arithmetic,
    "_/_": _arithmetic,
    "_%_": _arithmetic,
    "-_": _negative,
}

# -- functions and methods -------------------------------------------------------------------------

_TAKES: Mapping[str, tuple[str, ...]] = {
    "size": ("string", "list", "object"),
    "string": ("string", "number", "bool"),
    "int": ("string", "number"),
    "double": ("string", "number"),
    "uint": ("string", "number"),
    "bool": ("string", "bool"),
    "timestamp": ("string", "number"),
    "duration": ("string",),
    "matches": ("string",),
    "merge": ("object",),
}
_GIVES = {"size": VISITS, "int": INT, "double": DOUBLE, "bool": BOOL, "matches": BOOL}
_OF_TEXTS = {
    **dict.fromkeys(("contains", "startsWith", "endsWith", "matches"), BOOL),
    **dict.fromkeys(("charAt", "lowerAscii", "upperAscii", "replace", "substring", "trim", "format"), STRING),
    **dict.fromkeys(("indexOf", "lastIndexOf"), INT),
    "split": list_of(STRING),
}


def function_type(node: Call, args: Args, found: Findings) -> Type:
    """`size(x)`, `double(x)`, `merge(a, b)`, ..."""
    _fits(node.function, list(zip(args, node.args, strict=True)), _TAKES.get(node.function), found)
    if node.function == "matches":
        _pattern(node.args[-1], found)
    if node.function == "string" and args:
        return text_of(args[0])
    if node.function == "merge" and len(args) == 2:
        return _merged(*args)
    return _GIVES.get(node.function, ANY)


def method_type(node: Call, target: Type, args: Args, found: Findings) -> Type:
    """`text.contains(x)`, `list.size()`, ..."""
    owner = node.target
    if owner is None:
        return ANY
    if node.function in _OF_TEXTS:
        wanted = ("string",)
        pairs = [(target, owner)]
        if node.function in ("contains", "startsWith", "endsWith", "matches"):
            pairs += list(zip(args, node.args, strict=True))
        _fits(node.function, pairs, wanted, found)
        if node.function == "matches":
            _pattern(node.args[-1], found)
        _never_has(node, owner, target, found)
        return _as_long(node.function, target) or _OF_TEXTS[node.function]
    if node.function == "size":
        _fits("size", [(target, owner)], _TAKES["size"], found)
        return VISITS
    if node.function == "join":
        _fits("join", [(target, owner)], ("list",), found)
        return _strung(target, args[0] if args else one_of([""]))
    return ANY


def _pattern(part: Node, found: Findings) -> None:
    """A pattern that is written out must be one that the engine can use."""
    fault = pattern_fault(part.value) if isinstance(part, Const) and part.kind == "string" else None
    if fault is not None:
        help = "patterns in expressions are those of RE2: no look-around, no references to groups"
        text = named(part)
        text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."
        found.tell(part, "pattern-syntax", f"{text} is no regular expression: {fault}", help)


_ASKED: Mapping[str, tuple[Callable[[str, str], bool], str]] = {
    "startsWith": (str.startswith, "begins with"),
    "endsWith": (str.endswith, "ends with"),
    "contains": (lambda text, part: part in text, "contains"),
}


def _never_has(node: Call, owner: Node, target: Type, found: Findings) -> None:
    """A literal that no listed value of a text begins with, ends with or contains."""
    part = node.args[0] if node.args else None
    values = [one for one in _values(target, "string") or () if isinstance(one, str)]
    if node.function not in _ASKED or not values or not isinstance(part, Const) or part.kind != "string":
        return
    has, words = _ASKED[node.function]
    if not any(has(value, part.value) for value in values):
        near = closest(part.value, values)
        help = (f"did you mean {shown(near)}? " if near else "") + f"it can be: {listed(tuple(values))}"
        message = f"no value of {named(owner)} {words} {shown(part.value)}"
        found.tell(part, "unknown-value", message, help, also=origin(target, "", *LISTED))


def _as_long(function: str, text: Type) -> Type | None:
    """What a function makes of a text that then is at most as long as it was; None for any other function."""
    least, most = size_of(text, "string")
    if function in ("lowerAscii", "upperAscii"):
        return sized("string", least, most)
    return sized("string", 0, most) if function in ("trim", "substring") else None


def _strung(items: Type, between: Type) -> Type:
    """The texts of a list in one, with a text between every two."""
    (least, most), (short, long) = size_of(items, "list"), size_of(between, "string")
    each = [size_of(item_of(alt), "string") for alt in items.alts or () if alt.kind == "list"]
    longest = [size for _, size in each if size is not None]
    total = None
    if most is not None and long is not None and each and len(longest) == len(each):
        total = most * max(longest) + max(0, most - 1) * long
    shortest = min((size for size, _ in each), default=0)
    return sized("string", least * shortest + max(0, least - 1) * short, total)


def _fits(function: str, pairs: list[tuple[Type, Node]], wanted: tuple[str, ...] | None, found: Findings) -> None:
    for kind, part in pairs if wanted is not None else ():
        if kind.alts and not kind.only_null and groups(kind).isdisjoint(wanted or ()):
            message = f"`{function}` does not take {described(kind.without_null())}: {named(part)}"
            found.tell(part, "type-clash", message, also=origin(kind, "", *KINDS))
        else:
            found.not_null(kind, part)


def _merged(first: Type, second: Type) -> Type:
    """The type of `merge(a, b)`: where both are objects of one shape, the fields of both, the second's first."""
    if not (first.alts and second.alts) or len(first.alts) > 1 or len(second.alts) > 1:
        return ANY
    one, other = first.alts[0], second.alts[0]
    if one.kind != "object" or other.kind != "object" or not (declared_fields(one) and declared_fields(other)):
        return ANY
    fields: dict[str, Type] = {}
    optional: set[str] = set()
    for name in dict.fromkeys((*declared_fields(one), *declared_fields(other))):
        before, after = field_of(one, name), field_of(other, name)
        if after is not None and after.type.alts is not None and name in declared_fields(other):
            fields[name] = after.type if after.required or before is None else either([before.type, after.type])
        else:
            fields[name] = before.type if before is not None else ANY
        if not any(part is not None and part.required for part in (before, after)):
            optional.add(name)
    return Type((Alt("object", fields=fields, optional=frozenset(optional)),))
