"""topic-digest: a topic split into three, each answered by another spec, three at once; one digest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gallery_play import GALLERY, play

from choreo.loading import load_spec
from choreo.trace import HopFinished, HopStarted

THREE = ["edge caches", "cache keys", "stale reads"]


def answered(given: Any) -> dict[str, str]:
    return {"answer": f"A: {given['question']}"}


def failing(*subtopics: str) -> Any:
    """Answers every question but those about some sub-topics: what comes back then breaks the contract."""
    return lambda given: {} if any(one in given["question"] for one in subtopics) else answered(given)


def digest(folder: Path, topic: str = "caching", subtopics: list[str] = THREE, reply: Any = answered) -> Any:
    models = {"split": [{"subtopics": subtopics}], "reply": reply, "merge_answers": [{"text": "All about caching."}]}
    return play("topic-digest", {"topic": topic}, folder, models)


def test_a_run_needs_a_topic(tmp_path: Path) -> None:
    assert digest(tmp_path).given("split") == [{"topic": "caching"}]
    refused = digest(tmp_path, topic="")
    assert (refused.status, refused.visits) == ("refused", [])


@pytest.mark.parametrize("subtopics", [THREE[:2], [*THREE, "a fourth"], ["a", "a", "b"]])
def test_anything_but_three_different_sub_topics_is_refused(subtopics: list[str], tmp_path: Path) -> None:
    ran = digest(tmp_path, subtopics=subtopics)
    assert (ran.status, ran.code, ran.visits) == ("failed", "contract-violation", ["split"])


def test_each_sub_topic_is_a_question_for_the_other_spec_at_most_three_at_once(tmp_path: Path) -> None:
    ran = digest(tmp_path)
    questions = [{"question": f"What is {one}?"} for one in THREE]
    assert ran.given("answer") == questions
    assert sorted(str(given) for role, given in ran.models if role == "reply") == sorted(map(str, questions))
    hops = [event for event in ran.events if isinstance(event, HopStarted | HopFinished)][2:]
    assert [event.role for event in hops[:3] if isinstance(event, HopStarted)] == ["answer"] * 3
    (each,) = [handoff for handoff in load_spec(str(GALLERY / "topic-digest.yaml")).spec.handoffs if handoff.each]
    assert each.at_once == 3


def test_one_failing_question_does_not_stop_the_rest_and_is_told(tmp_path: Path) -> None:
    ran = digest(tmp_path, reply=failing("cache keys"))
    (given,) = ran.given("merge_answers")
    assert given["answers"] == ["A: What is edge caches?", "A: What is stale reads?"]
    assert [one["subtopic"] for one in given["failed"]] == ["cache keys"]
    assert "qa_answer@1.0.0" in given["failed"][0]["reason"]
    assert (ran.status, ran.result["count"], ran.result["failed"]) == ("done", 2, ["cache keys"])


def test_without_any_answer_the_run_has_failed(tmp_path: Path) -> None:
    ran = digest(tmp_path, reply=failing(*THREE))
    assert (ran.status, ran.outcome, ran.result["count"]) == ("failed", "no_answers", 0)  # kept, and no result
    assert sorted(one["subtopic"] for one in ran.result["failed"]) == sorted(THREE)


def test_the_result_has_the_digest_and_how_many_it_covers(tmp_path: Path) -> None:
    ran = digest(tmp_path)
    assert ran.given("merge_answers")[0]["answers"] == [f"A: What is {one}?" for one in THREE]
    assert ran.result == {"digest": "All about caching.", "count": 3, "failed": []}
