"""The syntax tree, its offsets, and what is said about a text that is no expression."""

from __future__ import annotations

import subprocess
import sys

import pytest

from choreo.expression import (
    Call,
    Comprehension,
    Const,
    ExpressionSyntax,
    Ident,
    ListOf,
    MapOf,
    Select,
    compile_expression,
    parse,
    reserved_name,
)
from choreo.expression.syntax import FUNCTIONS, MACROS, METHODS

DECODED = {
    "null": Const("null", None, 0),
    "true": Const("bool", True, 0),
    "-1": Const("int", -1, 0),
    "0": Const("int", 0, 0),
    "9223372036854775807": Const("int", 2**63 - 1, 0),
    "7u": Const("uint", 7, 0),
    "-2.5": Const("double", -2.5, 0),
    "'日本 🎉'": Const("string", "日本 🎉", 0),
    "''": Const("string", "", 0),
    "b'ab'": Const("bytes", b"ab", 0),
    "x": Ident("x", 0),
    "x.y.z": Select(Select(Ident("x", 0), "y", False, 1), "z", False, 3),
    "has(x.y)": Select(Ident("x", 4), "y", True, 3),
    "x['a-b']": Call("_[_]", None, (Ident("x", 0), Const("string", "a-b", 2)), 1),
    "!x": Call("!_", None, (Ident("x", 1),), 0),
    "'日本' ==\n  x": Call("_==_", None, (Const("string", "日本", 0), Ident("x", 10)), 5),
    "a ? b : c": Call("_?_:_", None, (Ident("a", 0), Ident("b", 4), Ident("c", 8)), 2),
    "a in [1]": Call("@in", None, (Ident("a", 0), ListOf((Const("int", 1, 6),), 5)), 2),
    "size(x)": Call("size", None, (Ident("x", 5),), 4),
    "x.startsWith('a')": Call("startsWith", Ident("x", 0), (Const("string", "a", 13),), 12),
    "{'k': x}": MapOf(((Const("string", "k", 1), Ident("x", 6)),), 0),
    "x.all(i, i)": Comprehension(
        "all",
        "i",
        Ident("x", 0),
        "@result",
        Const("bool", True, 5),
        Call("@not_strictly_false", None, (Ident("@result", 5),), 5),
        Call("_&&_", None, (Ident("@result", 5), Ident("i", 9)), 5),
        Ident("@result", 5),
        5,
    ),
}


@pytest.mark.parametrize("text", DECODED)
def test_the_tree_of_a_fixed_set_of_expressions_is_decoded_with_offsets(text):
    assert parse(text) == DECODED[text]


@pytest.mark.parametrize("macro", ["all", "exists", "exists_one", "map", "filter"])
def test_a_macro_is_known_by_the_word_that_was_written(macro):
    tree = parse(f"x.{macro}(i, i > 0)")
    assert isinstance(tree, Comprehension)
    assert (tree.macro, tree.variable) == (macro, "i")


@pytest.mark.parametrize(
    ("text", "names", "paths"),
    [
        ("visits.read > 1", {"visits"}, {("visits", "read")}),
        ("confidence.decide < 0.8", {"confidence"}, {("confidence", "decide")}),
        ('confidence["decide"] < 0.8', {"confidence"}, {("confidence", "decide")}),
        ("x.all(i, i.n > y.m)", {"x", "y"}, {("x",), ("y", "m")}),
        ("x.all(x, x > 0)", {"x"}, {("x",)}),
        ("x.map(i, i) + [i]", {"x", "i"}, {("x",), ("i",)}),
        ("has(a.b) ? a.b.c : d", {"a", "d"}, {("a", "b"), ("a", "b", "c"), ("d",)}),
        ("a[i].b", {"a", "i"}, {("a",), ("i",)}),
        ("{'k': v.w}", {"v"}, {("v", "w")}),
        ("1 + 2", set(), set()),
    ],
)
def test_names_are_the_free_names_and_member_paths_the_longest_chains(text, names, paths):
    found = compile_expression(text)
    assert found.names == names
    assert found.member_paths == paths


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("lookup", ("lookup",)),
        (" lookup.order.id ", ("lookup", "order", "id")),
        ('out["order-id"].n', ("out", "order-id", "n")),
        ("has(a.b)", None),
        ("a[0]", None),
        ("a.b == 1", None),
        ("'a'", None),
    ],
)
def test_a_plain_path_is_known_as_such(text, path):
    assert compile_expression(text).path == path


@pytest.mark.parametrize(
    ("text", "offset", "message", "help"),
    [
        ("a and b", 2, "unexpected `and`", "`&&`"),
        ("a or b", 2, "unexpected `or`", "`||`"),
        ("not a", 4, "unexpected `a`", "`!`"),
        ("a = b", 2, "unexpected `=`", "`==`"),
        ("x ==", 4, "ends too early", "missing"),
        ("", 0, "empty", "write a value"),
        ("a.\n  b &&\n  #", 12, "unexpected `#`", ""),
        ("'日本' + )", 7, "unexpected `)`", ""),
        ("'a", 0, "never closed", "quote"),
        ("loop > 1", 0, "reserved word", ""),
        ("a.upper()", 7, "no method `upper`", "upperAscii"),
        ("sise(a)", 4, "no function `sise`", "size"),
        ("merge(a)", 5, "the function `merge` takes 2 arguments, here it has 1", ""),
        ("size()", 4, "the function `size` takes 1 argument, here it has 0", ""),
        ("a.replace('b')", 9, "the method `replace` takes 2 or 3 arguments, here it has 1", ""),
        ("lowerAscii(a)", 10, "no function", "x.lowerAscii"),
        ("a.int()", 5, "no method", "int(x)"),
        ("x.all(i)", 5, "no method `all`", "list.all"),
        ("google.protobuf.Int32Value{value: 1}", 0, "message literals", "plain object"),
        ("(" * 40 + "1" + ")" * 40, 0, "too deeply", "set"),
        ("1" + "+1" * 4000, 0, "too deeply", "set"),
        ("x" + ".a" * 4000, 0, "too deeply", "set"),
        ("x" * 10_001, 0, "longer than", "split"),
        ("'a\0b'", 0, "NUL", ""),
        ("'\ud800'", 0, "surrogate", ""),
    ],
)
def test_a_bad_text_is_told_with_its_offset_and_what_to_do(text, offset, message, help):
    with pytest.raises(ExpressionSyntax) as caught:
        compile_expression(text)
    assert message in caught.value.message
    assert help in caught.value.help
    if "deeply" not in message:
        assert caught.value.offset == offset


WORKING = {
    **{name: f"timestamp('2024-01-02T03:04:05Z').{name}() >= 0" for name in METHODS if name.startswith("get")},
    "size": "'ab'.size() == 2 && size([1]) == 1",
    "contains": "'ab'.contains('b')",
    "startsWith": "'ab'.startsWith('a')",
    "endsWith": "'ab'.endsWith('b')",
    "matches": "'ab'.matches('^a') && matches('ab', 'b$')",
    "charAt": "'ab'.charAt(1) == 'b'",
    "indexOf": "'ab'.indexOf('b') == 1",
    "lastIndexOf": "'aba'.lastIndexOf('a') == 2",
    "lowerAscii": "'AB'.lowerAscii() == 'ab'",
    "upperAscii": "'ab'.upperAscii() == 'AB'",
    "replace": "'ab'.replace('a', 'c') == 'cb'",
    "split": "'a b'.split(' ') == ['a', 'b']",
    "substring": "'abc'.substring(1, 2) == 'b'",
    "trim": "' a '.trim() == 'a'",
    "join": "['a', 'b'].join('-') == 'a-b'",
    "format": "'%d'.format([1]) == '1'",
    "reverse": "'ab'.reverse() == 'ba'",
    "merge": "merge({'a': 1}, {'a': 2}) == {'a': 2}",
    "type": "type(1) == int",
    "dyn": "dyn(1) == 1",
    "int": "int('1') == 1",
    "uint": "uint(1) == 1u",
    "double": "double(1) == 1.0",
    "string": "string(1) == '1'",
    "bytes": "bytes('a') == b'a'",
    "bool": "bool('true')",
    "timestamp": "timestamp('2024-01-01T00:00:00Z') < timestamp('2025-01-01T00:00:00Z')",
    "duration": "duration('1m') == duration('60s')",
}


@pytest.mark.parametrize("function", sorted({*METHODS, *FUNCTIONS}))
def test_every_function_that_is_accepted_works(function):
    assert compile_expression(WORKING[function]).evaluate({}) is True


@pytest.mark.parametrize("name", ["read", "approve_payout", "filter", "size", "r2"])
def test_a_usual_name_can_be_a_role(name):
    assert reserved_name(name) is None


@pytest.mark.parametrize(
    "name", [*METHODS, *MACROS, "merge", "matches", "google", "cel", "strings", "optional", "math"]
)
def test_a_role_named_like_a_function_still_works_as_a_name(name):
    if reserved_name(name.lower()) is None:
        scope = {name: {"a": 1}}
        assert compile_expression(f"{name}.a == 1 && size([{name}]) == 1 && has({name}.a)").evaluate(scope) is True


@pytest.mark.parametrize(
    ("name", "why", "proposal"),
    [
        ("list", "type", "list_role"),
        ("loop", "reserved word", "loop_role"),
        ("in", "reserved word", "in_role"),
        ("trigger", "the run's payload", "trigger_role"),
        ("end", "the end of the run", "end_role"),
        ("out", "output", "out_role"),
        ("Read", "lower-case", "`read`"),
        ("readMail", "lower-case", "`read_mail`"),
        ("2nd", "a letter first", "`role_2nd`"),
        ("über", "lower-case", "`ber`"),
        ("a-b", "lower-case", "`a_b`"),
        ("List", "lower-case", "`list_role`"),
        ("a\n", "lower-case", "`a`"),
        ("", "a letter first", "`role`"),
    ],
)
def test_a_name_with_another_meaning_is_refused_with_a_proposal(name, why, proposal):
    sentence = reserved_name(name)
    assert sentence is not None
    assert why in sentence
    assert proposal in sentence


def test_importing_the_package_does_not_import_the_cel_library():
    code = "import sys, choreo.expression; sys.exit('cel_expr_python' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
