"""`choreo init`: Enter all the way gives a project that runs, and nothing that is typed breaks the files."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.small_specs import choreo
from faults.relay import environment
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo.commands.init import first_problem, interview
from choreo.errors import UsageError
from choreo.loading.yaml import read_yaml
from choreo.starter.draft import Draft
from choreo.starter.examples import EXAMPLES, example_files
from choreo.starter.project import project_files
from choreo.starter.yamltext import yaml_text

NASTY = (
    "",
    "'",
    '"',
    '""" + __import__("os").system("true") + """',
    "# heading: value",
    "a: b",
    "- item",
    "{{ input.secret }}",
    "${env:HOME}",
    "yes",
    "null",
    "1e3",
    "0x10",
    "2026-11-22",
    "&anchor *alias !tag",
    "line\nbreak",
    "\ttab",
    "nul\0",
    "esc\x1b[31m",
    "turned \u202e around",
    "\u2028",
    "\udcff",
    "日本語 🎉 é",
    "a\\b\\",
    "%TAG",
    "x" * 5000,
    "list",
    "class",
    "```",
    "::error::x",
)


class Person:
    """Types the answers in turn, then Enter; gives up after `most` lines."""

    def __init__(self, answers: dict[str, str] | list[str], most: int = 400) -> None:
        self.answers = answers
        self.said: list[str] = []
        self.question = ""
        self.most = most

    def tell(self, text: str, style: str) -> None:
        self.said.append(text)
        if style == "bold":
            self.question = text

    def read(self, prompt: str) -> str:
        self.most -= 1
        assert self.most, self.said[-6:]
        if isinstance(self.answers, list):
            return self.answers.pop(0) if self.answers else ""
        for start in [start for start in self.answers if self.question.startswith(start)]:
            return self.answers.pop(start)
        return ""

    @property
    def refused(self) -> list[str]:
        return [text for text in self.said if text.startswith("  Not taken")]


def drafted(answers: dict[str, str] | list[str]) -> tuple[Draft, Person]:
    person = Person(answers)
    return interview(person.read, person.tell).draft("desk"), person


def written(folder: Path, draft: Draft) -> Path:
    for path, text in project_files(draft).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


# -- the terminal --------------------------------------------------------------------------------


def test_enter_all_the_way_at_a_terminal_gives_a_project_that_runs(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "choreo", "init", "desk"],
        cwd=tmp_path,
        env=environment(TERM="dumb", NO_COLOR="1"),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    for _ in _prompts(master):
        os.write(master, b"\n")
    assert child.wait(timeout=30) == 0
    os.close(master)

    desk = tmp_path / "desk"
    assert choreo(desk, "validate", "--strict", ".").returncode == 0
    waiting = choreo(desk, "run", "desk.yaml", "--input", "sample.json")
    assert waiting.returncode == 4, waiting.stderr
    done = choreo(desk, "review", "last", "--approve")
    assert done.returncode == 0, done.stderr
    kept = json.loads((desk / json.loads(done.stdout)["file"]).read_text())
    assert kept["sender"] == "ada@example.org"


def _prompts(master: int) -> Iterator[bytes]:
    """Each prompt as it appears, until the program is gone."""
    shown = b""
    while True:
        assert select.select([master], [], [], 30)[0], shown
        try:
            data = os.read(master, 65536)
        except OSError:
            return
        if not data:
            return
        shown += data
        if shown.endswith(b"> "):
            yield shown


def test_without_a_terminal_it_names_the_examples_and_writes_nothing(tmp_path: Path) -> None:
    done = choreo(tmp_path, "init", "desk")
    assert done.returncode == 2
    assert "error[no-terminal]" in done.stderr
    assert all(name in done.stderr for name in EXAMPLES)
    assert not list(tmp_path.iterdir())


def test_an_answer_is_needed_for_every_question() -> None:
    def read(prompt: str) -> str:
        raise UsageError("no-answer", "the answers ended")

    with pytest.raises(UsageError):
        interview(read, lambda text, style: None).draft("desk")


# -- files ---------------------------------------------------------------------------------------


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "services.py").symlink_to("nowhere")
    done = choreo(tmp_path, "init", "--example", "approve")
    assert done.returncode == 2
    assert "error[file-exists]" in done.stderr
    assert "README.md" in done.stderr
    assert "services.py" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "services.py"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "desk").write_text("mine")
    done = choreo(tmp_path, "init", "desk", "--example", "approve")
    assert (done.returncode, "error[not-a-folder]" in done.stderr) == (2, True)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "schemas").write_text("a file where a folder goes")
    done = choreo(tmp_path, "init", "--example", "approve")
    assert done.returncode in (1, 2)
    assert "schemas" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_example_lists_the_examples(tmp_path: Path) -> None:
    done = choreo(tmp_path, "init", "desk", "--example", "nothing")
    assert done.returncode == 2
    assert "error[unknown-example]" in done.stderr
    assert all(name in done.stderr for name in EXAMPLES)


# -- the examples --------------------------------------------------------------------------------


def test_every_example_has_a_folder_and_every_folder_is_an_example() -> None:
    from choreo.starter.examples import FOLDER

    assert sorted(EXAMPLES) == sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
    for name in EXAMPLES:
        assert {f"{name}.yaml", "README.md", "sample.json"} <= set(example_files(name))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_written_and_has_no_problems(name: str, tmp_path: Path) -> None:
    done = choreo(tmp_path, "init", "here", "--example", name)
    assert done.returncode == 0, done.stderr
    assert f"next: cd here && choreo run {name}.yaml --input sample.json" in done.stderr
    assert "then: choreo trace last" in done.stderr
    assert (tmp_path / "here" / ".gitignore").read_text().startswith(".choreo/")
    checked = choreo(tmp_path, "validate", "--strict", "here")
    assert checked.returncode == 0, checked.stdout


def test_the_example_approve_waits_for_its_person_and_pays(tmp_path: Path) -> None:
    choreo(tmp_path, "init", "--example", "approve")
    assert choreo(tmp_path, "run", "approve.yaml", "--input", "sample.json").returncode == 4
    paid = choreo(tmp_path, "review", "last", "--approve")
    assert json.loads(paid.stdout) == {"order": "C-1041", "cents": 4590, "line": 1}
    small = choreo(tmp_path, "run", "approve.yaml", "--input", "sample.json", "--set", "paid_cents=1500")
    assert json.loads(small.stdout) == {"order": "C-1041", "cents": 1500, "line": 2}


@pytest.mark.parametrize(
    ("text", "code", "outcome"),
    [
        ("The upload is broken", 0, "reported"),
        ("Where is my invoice?", 0, "answered"),
        ("Hello", 4, None),
    ],
)
def test_the_example_branch_takes_each_of_its_ways(text: str, code: int, outcome: str | None, tmp_path: Path) -> None:
    choreo(tmp_path, "init", "--example", "branch")
    done = choreo(tmp_path, "run", "branch.yaml", "--set", "from=ada", "--set", f"text={text}", "--json")
    assert done.returncode == code, done.stderr
    assert json.loads(done.stdout)["outcome"] == outcome


def test_the_example_loop_ends_when_it_fits_and_asks_a_person_when_it_does_not(tmp_path: Path) -> None:
    choreo(tmp_path, "init", "--example", "loop")
    fits = choreo(tmp_path, "run", "loop.yaml", "--input", "sample.json")
    assert json.loads(fits.stdout) == {"text": "Closed on Friday."}
    assert choreo(tmp_path, "run", "loop.yaml", "--input", "sample.json", "--set", "longest=5").returncode == 4


# -- answers -------------------------------------------------------------------------------------

QUESTIONS = (
    "What is this project called?",
    "What is the job?",
    "What starts it?",
    "Who has a say in it?",
    "Where does it go wrong today?",
    "What is decided in it?",
    "How much is at stake?",
    "How many minutes",
    "Which kinds",
    "What is the reader called?",
    "What does `read` do?",
    "Who plays `read`?",
    "What is the thing called",
    "What is in `email`?",
    "What does `draft` hand over?",
    "Which label",
    "How many hops",
    "How long may it play?",
    "Before which roles",
    "What is lead asked",
    "Always, or only when?",
    "How long does the question",
    "What covers",
    "Who decides",
)


@pytest.mark.parametrize("answer", NASTY, ids=range(len(NASTY)))
def test_no_answer_to_any_question_breaks_the_project(answer: str) -> None:
    """The same answer to every question, the first time it is asked; Enter where it was not taken."""
    draft, person = drafted(dict.fromkeys(QUESTIONS, answer))
    assert len(person.answers) <= 6, person.answers  # a role that got another name is asked about under that name
    assert first_problem(draft) is None, person.said
    for path, text in project_files(draft).items():
        text.encode()
        if path.endswith(".py"):
            compile(text, path, "exec")


def test_a_role_named_like_a_word_of_the_language_gets_another_name_proposed() -> None:
    draft, person = drafted({"What is the reader called?": "list"})
    assert draft.roles[0].name == "my_list"
    assert "word of the language" in person.refused[0]


def test_an_expression_that_reads_a_missing_field_is_asked_again() -> None:
    draft, person = drafted({"Always, or only when?": "payload.amount > 100"})
    assert draft.gates[0].when is None
    assert "amount" in person.refused[0]
    draft, _ = drafted({"Always, or only when?": "payload.reply.contains('refund')"})
    assert draft.gates[0].when == "payload.reply.contains('refund')"


def test_a_high_stakes_decision_that_nobody_sees_is_asked_again() -> None:
    answers = {"Before which roles": "-", "Who decides": "send"}
    draft, person = drafted(answers)
    assert any("high stakes" in text for text in person.refused)
    assert first_problem(draft) is None


def test_every_kind_and_every_player_makes_a_sound_project(tmp_path: Path) -> None:
    answers = {
        "Who has a say": "lead: Team lead; agent: Support agent",
        "Which kinds": "reader, researcher, reasoner, drafter, reviewer, reviewer, actor",
        "Who plays `read`": "model",
        "Who plays `decide`": "model",
        "Who plays `check`": "human",
        "Who is that?": "agent",
        "What is in `email`": 'sender, amount number, count whole, urgent yes/no, tags list, action pay|it\'s "no"',
        "How many minutes": "12.5",
    }
    draft, person = drafted(answers)
    assert not answers, answers
    assert not person.refused
    assert first_problem(draft) is None
    assert [role.sure_of for role in draft.roles][0:3] == ["action", None, "action"]
    folder = written(tmp_path, draft)
    assert "logprobs(action)" in (folder / "desk.yaml").read_text()
    assert (folder / "prompts" / "read.md").is_file()


def test_a_project_of_services_and_expressions_runs_whatever_the_fields_are(tmp_path: Path) -> None:
    answers = {
        "Which kinds": "researcher, reasoner, actor",
        "What is in `email`": 'amount number, action pay|it\'s "no", tags list, in_time yes/no',
        "What does `decide` hand over?": "why, count whole, sure number, ok yes/no, notes list, action go|stop",
        "Before which roles": "-",
        "Who decides": "lead",
    }
    draft, _ = drafted(answers)
    assert not answers, answers
    done = choreo(written(tmp_path, draft), "run", "desk.yaml", "--input", "sample.json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["file"].startswith("outbox/")


ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(max_examples=60, deadline=None)
@given(ANY, ANY)
def test_texts_come_back_from_the_yaml_as_they_went_in(key: str, value: str) -> None:
    text = yaml_text({"top": {"text": value, "list": [value, 1, True], "map": {f"k{key}": value}}})
    document = read_yaml(text.encode(), "x.yaml")
    assert not document.problems, (text, document.problems)
    assert document.root is not None
    top = document.root.get("top")
    assert top is not None
    assert top.get("text").value == value
    assert [node.value for node in top.get("list").items()] == [value, 1, True]


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "1e3", ".5", "0o17", "12:30:45", "~", "Null", "2026-11-22", "=", "<<"]
)
def test_a_text_that_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    assert yaml_text({"a": text}) == f'a: "{text}"\n'
