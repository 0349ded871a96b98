"""it-assistant: an orchestrator finds out whose problem it is, a specialist solves it, until nothing is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gallery_play import play

REQUEST = {"username": "tomas", "text": "Hello, I need help."}
RECORD = {"username": "tomas", "name": "Tomas", "devices": ["Laptop L-1180"], "account": "locked"}


def topic(domain: str | None, reply: str = "What is it about?", summary: str = "") -> dict[str, Any]:
    return {"reply": reply, "domain": domain, "summary": summary}


def work(solved: bool, reply: str = "Try again.", summary: str = "It was unlocked.") -> dict[str, Any]:
    return {"reply": reply, "solved": solved, "summary": summary}


def talk(folder: Path, *texts: str, **models: Any) -> Any:
    answers = {"user": [("fill", {"text": text}) for text in texts]}
    return play("it-assistant", REQUEST, folder, models, answers)


def test_the_user_is_looked_up_before_a_model_is_asked(tmp_path: Path) -> None:
    ran = talk(tmp_path, orchestrate=[topic("other")])
    assert ran.visits == ["look_up", "orchestrate"]
    assert ran.given("orchestrate") == [{"user": RECORD, "summary": None, "message": "Hello, I need help."}]


def test_the_orchestrator_asks_until_it_can_name_the_domain(tmp_path: Path) -> None:
    turns = [topic(None), topic(None, "Which one?"), topic("account"), topic("other")]
    ran = talk(tmp_path, "It does not let me in.", "My account.", orchestrate=turns, account=[work(True)])
    assert ran.visits[:7] == ["look_up", "orchestrate", "user", "orchestrate", "user", "orchestrate", "account"]
    assert ran.given("user") == [{"text": "What is it about?"}, {"text": "Which one?"}]
    assert [turn["message"] for turn in ran.given("orchestrate")][1:3] == ["It does not let me in.", "My account."]
    wrong = talk(tmp_path, orchestrate=[topic("printer")])
    assert (wrong.status, wrong.code) == ("failed", "contract-violation")


@pytest.mark.parametrize("domain", ["account", "device", "network"])
def test_the_domain_chooses_one_specialist(domain: str, tmp_path: Path) -> None:
    ran = talk(tmp_path, orchestrate=[topic(domain), topic("other")], **{domain: [work(True)]})
    assert [role for role, _ in ran.models] == ["orchestrate", domain, "orchestrate"]


def test_an_unknown_domain_ends_the_run(tmp_path: Path) -> None:
    ran = talk(tmp_path, orchestrate=[topic("other", "Good bye.")])
    assert (ran.status, ran.result) == ("done", {"goodbye": "Good bye.", "summary": None, "settled": 0})


def test_after_a_specialist_the_orchestrator_goes_on_until_nothing_is_left(tmp_path: Path) -> None:
    turns = [
        topic("account"),
        topic("device", summary="It was unlocked."),
        topic("other", "Good bye.", "Both are settled."),
    ]
    ran = talk(tmp_path, orchestrate=turns, account=[work(True)], device=[work(True, summary="It prints.")])
    assert ran.visits == ["look_up", "orchestrate", "account", "orchestrate", "device", "orchestrate"]
    assert [turn["summary"] for turn in ran.given("orchestrate")] == [None, "It was unlocked.", "It prints."]
    assert ran.result == {"goodbye": "Good bye.", "summary": "Both are settled.", "settled": 2}


def test_a_specialist_talks_with_the_user_before_handing_back(tmp_path: Path) -> None:
    turns = [topic("network"), topic("other")]
    ran = talk(tmp_path, "No.", "Now it works.", orchestrate=turns, network=[work(False), work(False), work(True)])
    assert ran.visits[2:7] == ["network", "user", "network", "user", "network"]
    assert [turn["message"] for turn in ran.given("network")] == [None, "No.", "Now it works."]
    assert ran.heard("network") == [[], [("network", work(False))], [("network", work(False))] * 2]
    assert [role for role, _ in ran.heard("orchestrate")[1]] == ["orchestrate"]


def test_the_loop_is_bounded(tmp_path: Path) -> None:
    ran = talk(tmp_path, orchestrate=[topic("device")], device=[work(True)])
    assert (ran.status, ran.outcome, ran.visits.count("device")) == ("done", "gave_up", 5)
