"""`choreo explain`: every code has a manual, whoever uses it."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import choreo
from choreo.api.checked import sifted
from choreo.commands.explain import explain
from choreo.contract import sanity
from choreo.engine import limits
from choreo.errors import UsageError
from choreo.lint import RULES
from choreo.loading import load_spec
from choreo.manual import manuals

PACKAGE = Path(choreo.__file__).parent
BAD = Path(__file__).parent.parent / "specs_bad"
_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TAKES_A_CODE = {
    **dict.fromkeys(("Problem", "report", "_report"), 1),
    **dict.fromkeys(("UsageError", "ChoreoError", "StoreError", "HeldError"), 0),
    **dict.fromkeys(("PlayFailed", "CallError", "CallFailed", "Fault"), 0),
    **dict.fromkeys(("Misfit", "_misfit"), 0),
}
"""Calls that make a Problem or an error, with the place of the code among their arguments."""


def used_codes():
    """Every code that is written in the source: in such a call, or as the name `code` before one."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            for part in _code_of(node):
                for code in _texts(part):
                    found.setdefault(code, f"{path.name}:{node.lineno}")
    return found


def _code_of(node):
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
        place = _TAKES_A_CODE.get(name)
        if place is not None and len(node.args) > place:
            yield node.args[place]
        yield from (word.value for word in node.keywords if word.arg == "code")
        if name == "finish" and len(node.args) > 1:  # a run's status and its code
            yield node.args[1]
        if name == "tell" and len(node.args) > 1:  # a finding in an expression
            yield node.args[1]
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _assigned(target, node.value)
    elif isinstance(node, ast.Return | ast.Yield) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 4:
        yield node.value.elts[1]  # a finding in a contract


def _assigned(target, value):
    if isinstance(target, ast.Name) and target.id == "code":
        yield value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for name, part in zip(target.elts, value.elts, strict=False):
            yield from _assigned(name, part)


def _texts(part):
    """The codes in an expression; none where a code is put together."""
    if isinstance(part, ast.JoinedStr | ast.BinOp | ast.Call | ast.Subscript | ast.Compare):
        return
    if isinstance(part, ast.Constant) and isinstance(part.value, str) and _CODE.fullmatch(part.value):
        yield part.value
    if isinstance(part, ast.IfExp):
        yield from (*_texts(part.body), *_texts(part.orelse))
    if isinstance(part, ast.BoolOp):
        for value in part.values:
            yield from _texts(value)


def test_every_code_in_the_source_has_a_manual():
    used = used_codes()
    assert {"gap", "duplicate-key", "missing-file", "cannot-read", "bad-type", "two-results", "timeout"} <= set(used)
    missing = {code: where for code, where in used.items() if code not in manuals() and code != "failed"}
    assert missing == {}


def test_every_code_of_a_rule_and_of_a_contract_s_sanity_has_a_manual():
    codes = {code for rule in RULES for code in rule.codes}
    codes |= set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", (sanity.inspect_schema.__doc__ or "").split("Codes:")[1]))
    codes |= {f"limit-{name}" for name in re.findall(r"`(\w+)`", (limits.reached_limit.__doc__ or ""))[:3]}
    assert codes <= set(manuals())


def test_no_manual_is_left_over():
    texts = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    written = set(re.findall(r'["\[]([a-z][a-z0-9-]*)["\]]', texts))
    assert {code for code in manuals() if not code.startswith(("limit-", "finish-"))} <= written


def test_each_code_is_explained_once_beside_the_rules():
    files = "\n".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "manual").glob("*.md"))
    heads = [code for line in re.findall(r"^(`.*?`)(?: \(|: )", files, re.M) for code in re.findall(r"`(.*?)`", line)]
    assert len(heads) == len(set(heads))
    assert set(manuals()) - {code for rule in RULES for code in rule.codes} <= set(heads)


def test_a_finding_is_never_graver_or_lighter_than_its_manual_says():
    for path in sorted(BAD.rglob("*.yaml")):
        for found in sifted(load_spec(str(path))).problems:
            assert found.severity in manuals()[found.code].severity.split(" or "), (path.name, found.code)


def test_every_summary_is_one_line_that_says_something():
    for code, manual in manuals().items():
        assert 10 <= len(manual.summary) <= 250, code
        assert "\n" not in manual.summary
        assert set(manual.severity.split(" or ")) <= {"error", "warning", "advice"}, code


def test_a_code_is_explained(capsys):
    assert explain("duplicate-key", as_json=False) == 0
    told = capsys.readouterr().out
    assert told.startswith("duplicate-key (error)\n\n`duplicate-key`: a key stands twice")
    assert explain("maybe-null", as_json=True) == 0
    data = json.loads(capsys.readouterr().out)
    assert list(data) == ["code", "severity", "about", "summary", "manual"]
    assert (data["code"], data["severity"], data["about"]) == ("maybe-null", "warning", "spec")


def test_without_a_code_all_are_listed_with_severity_and_summary(capsys):
    assert explain(None, as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    for code, manual in manuals().items():
        assert any(line.split()[:1] == [code] and line.endswith(manual.summary) for line in lines), code
    assert explain(None, as_json=True) == 0
    assert {one["code"] for one in json.loads(capsys.readouterr().out)} == set(manuals())


def test_an_unknown_code_is_refused_with_the_nearest_one():
    with pytest.raises(UsageError, match="no code `duplicat-key`") as caught:
        explain("duplicat-key", as_json=False)
    assert (caught.value.exit_code, caught.value.help) == (2, "did you mean `duplicate-key`?")
