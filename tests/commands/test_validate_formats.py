"""`choreo validate`: one summary, every format on stdout as it was asked for, and exit codes that CI can use."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

from choreo.commands.contract import check_contracts
from choreo.commands.report import format_of
from choreo.commands.validate import validate
from choreo.errors import UsageError

GOOD = """\
choreo: 1
name: desk
version: 1.0.0
trigger: {accepts: thing@^1}
roles:
  read: {kind: reader, set: input, emits: thing@1.0.0}
handoffs:
  - {from: trigger, to: read}
  - {from: read, to: end}
contracts:
  thing@1.0.0: {type: object, required: [a], properties: {a: {type: string, maxLength: 9}}}
"""
WARNED = GOOD.replace("to: end}", "to: end, otherwise: true}")
BAD = GOOD.replace("to: end}", "to: ende}")
WARNING = "warning[otherwise-alone]"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    for name, text in (("good", GOOD), ("warned", WARNED), ("bad", BAD), ("other", "a: 1\n")):
        Path(f"{name}.yaml").write_text(text)
    return tmp_path


def test_text_has_the_problems_and_the_summary_once_on_stdout(capsys):
    assert validate(["bad.yaml"]) == 1
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.startswith("bad.yaml:9:22: error[unknown-role]: there is no role `ende`\n")
    assert told.out.count("1 error in 1 file") == 1
    assert told.out.endswith("\n\n1 spec checked: 1 error in 1 file\n")


def test_what_was_checked_skipped_and_ignored_is_in_the_summary(capsys):
    Path("bad.yaml").unlink()
    Path("warned.yaml").write_text(WARNED.replace("true}", "true}  # choreo: ignore[otherwise-alone] it reads better"))
    assert validate(["."], strict=True) == 0
    assert (
        capsys.readouterr().out
        == "2 specs checked, 1 other YAML file skipped (other.yaml): no problems; 1 finding ignored\n"
    )


def test_a_key_that_is_nearly_choreo_is_an_error_in_a_folder_and_for_a_hook(capsys):
    Path("bad.yaml").write_text(GOOD.replace("choreo: 1", "chreo: 1"))
    for paths, skip in ((["."], False), (["."], True), (["bad.yaml", "other.yaml"], True)):
        assert validate(paths, skip_others=skip) == 1
        told = capsys.readouterr().out
        assert told.startswith("bad.yaml:1:1: error[unknown-key]: `chreo` is not a key of a choreo spec\n")
        assert "\nhelp: did you mean `choreo`?\n" in told
    Path("bad.yaml").write_text(GOOD.replace("choreo: 1\n", ""))
    assert validate(["."]) == 1
    assert "bad.yaml:1:1: error[missing-key]: a choreo spec needs `choreo`" in capsys.readouterr().out


def test_a_file_that_is_named_twice_is_checked_once(folder, capsys):
    Path("good").mkdir()
    for name in ("x", "y"):
        Path(f"good/{name}.yaml").write_text(GOOD)
    Path("good/other.yaml").write_text("a: 1\n")
    again = ["good/x.yaml", "./good/../good/x.yaml", str(folder / "good" / "x.yaml"), "good/./y.yaml"]
    assert validate(["good", *again, "./good/"]) == 0
    assert capsys.readouterr().out == "2 specs checked, 1 other YAML file skipped (good/other.yaml): no problems\n"
    Path("good/link.yaml").symlink_to("x.yaml")
    assert validate(["good/x.yaml", "good/link.yaml"]) == 0
    assert capsys.readouterr().out == "2 specs checked: no problems\n"


def test_few_skipped_files_are_named_and_many_are_counted(capsys):
    for name in ("b", "c"):
        Path(f"{name}.yaml").write_text("a: 1\n")
    validate(["."])
    assert ", 3 other YAML files skipped (b.yaml, c.yaml, other.yaml): " in capsys.readouterr().out
    Path("d.yaml").write_text("a: 1\n")
    validate(["."])
    assert ", 4 other YAML files skipped: " in capsys.readouterr().out


def test_warnings_fail_only_with_strict_and_quiet_shows_errors_only(capsys):
    assert validate(["warned.yaml"]) == 0
    assert WARNING in capsys.readouterr().out
    assert validate(["warned.yaml"], strict=True) == 1
    capsys.readouterr()
    assert validate(["warned.yaml"], quiet=True) == 0
    assert capsys.readouterr().out == ""
    assert validate(["warned.yaml", "bad.yaml"], quiet=True) == 1
    told = capsys.readouterr().out
    assert "error[unknown-role]" in told
    assert WARNING not in told
    assert "checked" not in told


def test_a_finding_that_two_specs_share_is_told_once(capsys):
    Path("schemas/thing").mkdir(parents=True)
    Path("schemas/thing/1.0.0.json").write_text('{"type": "objekt"}')
    for name in ("a", "b"):
        Path(f"{name}.yaml").write_text(GOOD.partition("contracts:")[0])
    assert validate(["a.yaml", "b.yaml"]) == 1
    told = capsys.readouterr().out
    assert told.count("error[bad-type]") == 1
    assert told.endswith("2 specs checked: 1 error in 1 file\n")


def test_json_is_the_same_by_either_name_and_the_summary_is_beside_it(capsys):
    assert validate(["bad.yaml"], as_json=True) == 1
    one = capsys.readouterr()
    assert validate(["bad.yaml"], format="json") == 1
    assert capsys.readouterr() == one
    assert [(found["code"], found["line"]) for found in json.loads(one.out)] == [("unknown-role", 9)]
    assert one.err == "1 spec checked: 1 error in 1 file\n"


def test_json_beside_another_format_is_refused():
    with pytest.raises(UsageError, match="--format sarif"):
        format_of("sarif", True)


@pytest.mark.parametrize(("value", "is_github"), [("true", True), ("false", False), ("", False)])
def test_auto_is_github_on_github_actions_only(monkeypatch, value, is_github):
    monkeypatch.setenv("GITHUB_ACTIONS", value)
    assert format_of("auto", False) == ("github" if is_github else "text")
    assert format_of("text", False) == "text"
    assert format_of("auto", True) == "json"


def test_on_github_actions_annotations_and_the_summary_are_written(monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert validate(["bad.yaml", "warned.yaml"]) == 1
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("::error file=bad.yaml,line=9,col=22,title=unknown-role::there is no role `ende`%0Ahelp: ")
    assert second.startswith("::warning file=warned.yaml,line=9,col=5,title=otherwise-alone::")
    assert last == "2 specs checked: 1 error, 1 warning in 2 files"


def test_annotations_and_sarif_name_files_from_the_root_of_the_checkout(folder, monkeypatch, capsys):
    (folder / "desk").mkdir()
    (folder / "desk" / "bad.yaml").write_text(BAD)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder))
    monkeypatch.chdir(folder / "desk")
    for path in ("bad.yaml", str(folder / "desk" / "bad.yaml")):
        validate([path], format="github")
        assert capsys.readouterr().out.startswith("::error file=desk/bad.yaml,")
        validate([path], format="sarif")
        assert '"uri": "desk/bad.yaml"' in capsys.readouterr().out


def test_an_absolute_path_becomes_a_relative_uri(folder, capsys):
    validate([str(folder / "bad.yaml")], format="sarif")
    assert '"uri": "bad.yaml"' in capsys.readouterr().out


def test_sarif_tells_what_is_ignored_as_suppressed(capsys):
    Path("warned.yaml").write_text(WARNED.replace("true}", "true}  # choreo: ignore[otherwise-alone] it reads better"))
    assert validate(["warned.yaml"], format="sarif", strict=True) == 0
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["suppressions"] == [{"kind": "inSource", "justification": "it reads better"}]


def test_junit_has_a_suite_for_each_spec_and_warnings_fail_with_strict_only(capsys):
    for strict, failures in ((False, "1"), (True, "2")):
        validate(["good.yaml", "warned.yaml", "bad.yaml"], format="junit", strict=strict)
        tree = ElementTree.fromstring(capsys.readouterr().out)
        assert [suite.attrib["name"] for suite in tree] == ["good.yaml", "warned.yaml", "bad.yaml"]
        assert (tree.attrib["tests"], tree.attrib["failures"]) == ("3", failures)


@pytest.mark.parametrize("format", ["text", "json", "github", "sarif", "junit"])
def test_no_line_from_a_file_is_a_command_of_a_ci_runner(format, capsys):
    evil = "::add-mask::x ##[add-mask]y ##vso[task.setvariable]z"
    name = "::error::.yaml"
    text = BAD.replace("name: desk", f'name: "{evil}"').replace("to: ende", f'to: "\\n::error::a {evil}"')
    Path(name).write_text(text)
    assert validate([name], format=format) == 1
    told = capsys.readouterr()
    ours = ("::error file=", "::notice::") if format == "github" else ()
    for line in (told.out + told.err).splitlines():
        assert not line.lstrip().startswith("::") or line.startswith(ours)
        assert "##[" not in line
        assert "##vso[" not in line


def test_files_that_are_no_specs_are_passed_over_where_that_is_asked_for(capsys):
    assert validate(["other.yaml"]) == 1
    capsys.readouterr()
    assert validate(["other.yaml", "good.yaml"], skip_others=True) == 0
    assert capsys.readouterr().out == "1 spec checked, 1 other YAML file skipped (other.yaml): no problems\n"
    assert validate(["other.yaml"], skip_others=True) == 0
    with pytest.raises(UsageError, match="cannot read"):
        validate(["not-there.yaml"], skip_others=True)


def pre_commit_hook():
    root = Path(__file__).parent.parent.parent
    (hook,) = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["language"], hook["pass_filenames"]) == ("choreo-validate", "python", False)
    return hook


def test_the_pre_commit_hook_checks_every_spec_so_that_other_yaml_files_do_no_harm():
    from typer.testing import CliRunner

    from choreo.cli import app

    hook = pre_commit_hook()
    program, *words = [*shlex.split(hook["entry"]), *hook["args"]]
    assert program == "choreo"
    assert CliRunner().invoke(app, words).exit_code == 1
    Path("bad.yaml").unlink()
    assert CliRunner().invoke(app, words).exit_code == 0
    Path("good.yaml").unlink()
    Path("warned.yaml").unlink()
    assert CliRunner().invoke(app, words).exit_code == 0


def test_the_pre_commit_hook_runs_whatever_changed():
    """A contract, prompt or service that changes or is deleted breaks specs that stay as they are."""
    hook = pre_commit_hook()
    assert hook["always_run"] is True
    assert not {"files", "types", "types_or"} & set(hook)


def test_contract_check_takes_the_formats_too(capsys):
    Path("schemas/thing").mkdir(parents=True)
    Path("schemas/thing/1.0.0.json").write_text('{"type": "objekt"}')
    assert check_contracts(["."], base=None) == 1
    assert capsys.readouterr().out.endswith(
        "4 contract versions checked, 1 of them cannot be used: 1 error in 1 file\n"
    )
    assert check_contracts(["."], base=None, format="github") == 1
    place = os.path.join("schemas", "thing", "1.0.0.json").replace(os.sep, "/")
    assert capsys.readouterr().out.startswith(f"::error file={place},line=1,col=10,title=bad-type::")
    assert check_contracts(["."], base=None, format="junit") == 1
    assert ElementTree.fromstring(capsys.readouterr().out).attrib["failures"] == "1"
    assert check_contracts(["."], base=None, format="sarif") == 1
    assert json.loads(capsys.readouterr().out)["runs"][0]["results"][0]["ruleId"] == "bad-type"
    assert check_contracts(["."], base=None, as_json=True) == 1
    assert list(json.loads(capsys.readouterr().out)) == ["problems", "steps"]


def test_a_terminal_shows_one_summary() -> None:
    pty = pytest.importorskip("pty")
    Path("bad.yaml").write_text(BAD, encoding="utf-8")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "choreo", "validate", "bad.yaml"]
    code = subprocess.run(command, stdout=theirs, stderr=theirs, stdin=theirs, check=False).returncode
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal says that nobody holds its other end
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    assert (code, shown.count(b"1 error in 1 file"), shown.count(b"1 spec checked")) == (1, 1, 1)
