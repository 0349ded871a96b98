"""open-questions: an architect says what is open, a person answers what they can, the approach is revised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gallery_play import play

from choreo.gates.base import Asking

OPEN = [
    {"question": "Per user or per address?", "choices": ["per user", "per address"]},
    {"question": "What happens above the limit?", "choices": []},
]
APPROACH = {"summary": "A token bucket.", "open_questions": OPEN}
REVISED = {"text": "A token bucket per user."}


def filled(*answers: str | None) -> tuple[str, Any]:
    pairs = zip(OPEN, answers, strict=True)
    return "fill", {"answers": [{"question": one["question"], "answer": answer} for one, answer in pairs]}


def ask(folder: Path, *answers: str | None, approach: Any = APPROACH) -> Any:
    scripted = {"answer": filled(*answers)} if answers else {}
    models = {"architect": [approach], "finalise": [REVISED]}
    return play("open-questions", {"topic": "rate limiting"}, folder, models, scripted)


def test_the_architect_gives_a_summary_and_questions_with_choices(tmp_path: Path) -> None:
    assert ask(tmp_path).given("answer") == [APPROACH]
    bad = ask(tmp_path, approach={"summary": "A bucket.", "open_questions": [{"question": "Which?", "choices": "two"}]})
    assert (bad.status, bad.code) == ("failed", "contract-violation")


def test_a_person_is_asked_each_question_with_its_choices_and_may_skip(tmp_path: Path) -> None:
    waiting = ask(tmp_path)
    (question,) = waiting.asked
    assert (waiting.status, question.who) == ("waiting", "Whoever asked for it")
    assert question.asks == (
        Asking("Per user or per address?", ("per user", "per address")),
        Asking("What happens above the limit?", ()),
    )
    assert ask(tmp_path, None, "It waits.").gave("answer") == [filled(None, "It waits.")[1]]


def test_one_answer_is_enough_for_a_revision_and_none_ends_with_the_summary(tmp_path: Path) -> None:
    ran = ask(tmp_path, "per user", None)
    assert ran.given("finalise") == [{"summary": "A token bucket.", "answers": filled("per user", None)[1]["answers"]}]
    assert ran.result["approach"] == "A token bucket per user."
    skipped = ask(tmp_path, None, None)
    assert (skipped.visits, skipped.result["approach"]) == (["architect", "answer"], "A token bucket.")


def test_the_result_has_the_approach_the_answers_and_the_counts(tmp_path: Path) -> None:
    ran = ask(tmp_path, "per user", None)
    assert (ran.status, ran.outcome) == ("done", "revised")
    assert ran.result == {
        "approach": "A token bucket per user.",
        "answers": filled("per user", None)[1]["answers"],
        "answered": 1,
        "skipped": 1,
    }
    skipped = ask(tmp_path, None, None)
    assert (skipped.outcome, skipped.result["answered"], skipped.result["skipped"]) == ("unanswered", 0, 2)


def test_without_questions_nobody_is_asked(tmp_path: Path) -> None:
    ran = ask(tmp_path, approach={"summary": "A bucket.", "open_questions": []})
    assert (ran.outcome, ran.asked, ran.result["approach"]) == ("nothing_open", [], "A bucket.")
