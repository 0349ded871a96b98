"""Forms and templates."""

from __future__ import annotations

import pytest

from choreo.canonical import Payload
from choreo.expression import ExpressionError, ExpressionSyntax, compile_form, render_template
from choreo.problem import Place
from choreo.spec import Expr, Fields, Fixed, Items, Template

HERE = Place("spec.yaml", 3, 7)


def expr(text: str, place: Place = HERE) -> Expr:
    return Expr(text, place)


def test_a_form_of_one_plain_name_gives_the_same_payload_object():
    held = Payload(b'{"b": 1,   "a":2}')
    assert compile_form(expr("lookup")).build({"lookup": held}) is held


def test_a_form_of_one_plain_name_takes_plain_data_too():
    assert compile_form(expr("lookup")).build({"lookup": {"b": 1}}) == Payload.of({"b": 1})


def test_a_longer_path_gives_the_part_in_canonical_bytes():
    held = Payload.of({"order": {"b": 1.0, "a": "ä"}})
    assert compile_form(expr("lookup.order")).build({"lookup": held}).data == '{"a":"ä","b":1.0}'.encode()


def test_a_mapping_holds_expressions_fixed_values_and_lists():
    form = Fields(
        (
            ("title", HERE, expr("'[ci] ' + doctor.title")),
            ("body", HERE, expr("doctor.report")),
            ("urgent", HERE, Fixed(True, HERE)),
            ("nested", HERE, Fields((("n", HERE, Fixed(1.5, HERE)),), HERE)),
            ("items", HERE, Items((expr("visits.read"), Fixed(None, HERE)), HERE)),
        ),
        HERE,
    )
    compiled = compile_form(form)
    scope = {"doctor": Payload.of({"title": "t", "report": {"r": [1]}}), "visits": {"read": 2}}
    assert compiled.names == {"doctor", "visits"}
    assert ("visits", "read") in compiled.member_paths
    assert compiled.build(scope).value == {
        "title": "[ci] t",
        "body": {"r": [1]},
        "urgent": True,
        "nested": {"n": 1.5},
        "items": [2, None],
    }


def test_an_error_in_a_form_says_which_expression_and_where():
    other = Place("spec.yaml", 9, 2)
    form = Fields((("a", HERE, expr("ok")), ("b", HERE, expr("decide.sum", other))), HERE)
    with pytest.raises(ExpressionError, match="has no field `sum`: it has amount") as caught:
        compile_form(form).build({"ok": 1, "decide": {"amount": 1}})
    assert caught.value.place == other
    assert caught.value.text == "decide.sum"


def test_a_bad_expression_in_a_form_says_where():
    other = Place("spec.yaml", 9, 2)
    with pytest.raises(ExpressionSyntax) as caught:
        compile_form(Items((expr("ok"), expr("a and b", other)), HERE))
    assert (caught.value.place, caught.value.offset) == (other, 2)


@pytest.mark.parametrize("text", ["zz", "1.0 / 0.0", "x"])
def test_what_is_not_data_is_an_expression_error(text):
    with pytest.raises(ExpressionError):
        compile_form(expr(text)).build({"x": float("nan")})


def test_a_form_is_refused_where_the_whole_is_too_deep():
    deep: object = 1
    for _ in range(99):
        deep = [deep]
    form = Fields((("a", HERE, Fields((("b", HERE, expr("x")),), HERE)),), HERE)
    with pytest.raises(ExpressionError, match="nested deeper"):
        compile_form(form).build({"x": deep})


def test_a_template_inserts_texts_as_they_are_and_the_rest_as_canonical_json():
    template = Template(
        ("Hi ", expr("input.name"), ", ", expr("input.facts"), " ", expr("input.n + 1"), expr("true")), HERE
    )
    scope = {"input": {"name": "A <b>", "facts": {"z": 1, "a": "ü"}, "n": 2}}
    assert render_template(template, scope) == 'Hi A <b>, {"a":"ü","z":1} 3true'


def test_what_a_template_inserts_is_never_scanned_again():
    template = Template(("<", expr("input.text"), "|", expr("input.again"), ">"), HERE)
    scope = {"input": {"text": "{{ input.secret }}", "again": "%s {0} $(id)", "secret": "s3"}}
    assert render_template(template, scope) == "<{{ input.secret }}|%s {0} $(id)>"


def test_null_in_a_template_is_an_error_unless_the_expression_handles_it():
    scope = {"input": {"name": None}}
    with pytest.raises(ExpressionError) as caught:
        render_template(Template((expr("input.name"),), HERE), scope)
    assert (caught.value.code, caught.value.place) == ("null-in-template", HERE)
    handled = Template((expr("input.name == null ? 'nobody' : input.name"),), HERE)
    assert render_template(handled, scope) == "nobody"


def test_an_error_in_a_template_says_where():
    with pytest.raises(ExpressionError, match="no field `nme`") as caught:
        render_template(Template(("Hi ", expr("input.nme")), HERE), {"input": {"name": "x"}})
    assert caught.value.place == HERE
