"""support-ticket: a conversation until it is solved or needs a ticket; then a team, and another conversation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gallery_play import play

PROBLEM = {"text": "My PC keeps rebooting and I can't use it."}
CASE = {"issue": "The PC reboots.", "tried": "Another socket."}


def desk(reply: str = "Try another socket.", solved: bool = False, ticket: bool = False) -> dict[str, Any]:
    return {"reply": reply, "is_resolved": solved, "needs_ticket": ticket, **CASE}


def windows(solved: bool = False, escalate: bool = False) -> dict[str, Any]:
    state = {"is_resolved": solved, "needs_escalation": escalate}
    return {"reply": "Remove the last driver.", "summary": "The driver was removed.", **state}


def complete(done: bool) -> dict[str, Any]:
    return {"reply": "Which model is it?", "is_complete": done, "briefing": "A T480 reboots under load."}


def said(*texts: str) -> list[Any]:
    return [("fill", {"text": text}) for text in texts]


def ask(folder: Path, answers: dict[str, Any] | None = None, team: str = "Windows Support", **models: Any) -> Any:
    scripted = {"route": [{"team": team}], **models}
    return play("support-ticket", PROBLEM, folder, scripted, answers)


def tickets(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "tickets.jsonl").read_text().splitlines()]


def test_the_desk_talks_with_the_customer_until_it_is_solved(tmp_path: Path) -> None:
    turns = [desk(), desk("And the battery?"), desk("Good to hear.", solved=True)]
    ran = ask(tmp_path, {"customer": said("It did not help.", "That was it, thanks!")}, self_service=turns)
    assert ran.visits == ["self_service", "customer", "self_service", "customer", "self_service"]
    assert ran.given("customer") == [{"text": "Try another socket."}, {"text": "And the battery?"}]
    assert ran.given("self_service") == [PROBLEM, {"text": "It did not help."}, {"text": "That was it, thanks!"}]
    assert [role for role, _ in ran.heard("self_service")[2]] == ["self_service", "customer"] * 2
    assert (ran.status, ran.outcome, ran.result["ticket"]) == ("done", "resolved", None)
    wrong = ask(tmp_path, self_service=[{**desk(), "is_resolved": "yes"}])
    assert (wrong.status, wrong.code) == ("failed", "contract-violation")


def test_a_conversation_that_gets_nowhere_becomes_a_ticket(tmp_path: Path) -> None:
    answers = {"customer": said(*["No."] * 8)}
    ran = ask(tmp_path, answers, self_service=[desk()], team="Networking Support", escalate=[complete(True)])
    assert ran.visits.count("customer") == 8
    assert ran.given("open_ticket") == [CASE]


def test_a_solved_problem_ends_at_once_and_any_other_opens_a_ticket_with_what_is_known(tmp_path: Path) -> None:
    at_once = ask(tmp_path, self_service=[desk(solved=True)])
    assert (at_once.visits, at_once.outcome) == (["self_service"], "resolved")
    assert not (tmp_path / "tickets.jsonl").exists()
    answers = {"customer": said("No."), "support_customer": []}
    ran = ask(tmp_path, answers, self_service=[desk(), desk(ticket=True)], support=[windows()])
    assert ran.given("open_ticket") == [CASE]
    assert tickets(tmp_path) == [{"id": "T-0001", "status": "open", **CASE}]


def test_a_customer_who_had_no_say_yet_is_asked_before_a_ticket_is_opened(tmp_path: Path) -> None:
    ran = ask(tmp_path, {"confirm_ticket": ("reject", "I will wait.")}, self_service=[desk(ticket=True)])
    assert ran.asked[0].payload.value == CASE
    assert (ran.outcome, ran.result["ticket"]) == ("no_ticket", None)


@pytest.mark.parametrize("team", ["Networking Support", "Account Support", "Hardware Support"])
def test_every_other_team_gets_the_ticket_without_the_windows_desk(team: str, tmp_path: Path) -> None:
    answers = {"confirm_ticket": "approve"}
    ran = ask(tmp_path, answers, team=team, self_service=[desk(ticket=True)], escalate=[complete(True)])
    assert ran.visits == ["self_service", "open_ticket", "route", "escalate"]
    assert (ran.outcome, ran.result["team"]) == ("escalated", team)


def test_the_windows_team_talks_with_the_customer_in_a_conversation_of_its_own(tmp_path: Path) -> None:
    answers = {"confirm_ticket": "approve", "support_customer": said("Which driver?", "It works!")}
    turns = [windows(), windows(), windows(solved=True)]
    ran = ask(tmp_path, answers, self_service=[desk(ticket=True)], support=turns)
    assert ran.given("support") == [CASE] * 3
    first = [("support", windows()), ("support_customer", {"text": "Which driver?"})]
    second = [*first, ("support", windows()), ("support_customer", {"text": "It works!"})]
    assert ran.heard("support") == [[], first, second]


def test_a_problem_that_the_windows_team_solved_closes_the_ticket(tmp_path: Path) -> None:
    answers = {"confirm_ticket": "approve", "support_customer": said("It works!")}
    ran = ask(tmp_path, answers, self_service=[desk(ticket=True)], support=[windows(), windows(solved=True)])
    assert ran.given("close_ticket") == [{"id": "T-0001", "summary": "The driver was removed."}]
    assert (ran.status, ran.outcome, ran.result["ticket"]) == ("done", "closed", "T-0001")
    assert [ticket["status"] for ticket in tickets(tmp_path)] == ["open", "closed"]


def test_any_other_is_escalated_until_everything_is_there(tmp_path: Path) -> None:
    answers = {"confirm_ticket": "approve", "escalation_customer": said("A T480.", "Since Monday.")}
    turns = [complete(False), complete(False), complete(True)]
    ran = ask(tmp_path, answers, self_service=[desk(ticket=True)], support=[windows(escalate=True)], escalate=turns)
    said_last = [turns[-1:] for turns in ran.heard("escalate")]
    customer = "escalation_customer"
    assert said_last == [[], [(customer, {"text": "A T480."})], [(customer, {"text": "Since Monday."})]]
    assert {turn["summary"] for turn in ran.given("escalate")} == {"The driver was removed."}
    assert (ran.status, ran.outcome) == ("done", "escalated")
    assert ran.result == {
        "ticket": "T-0001",
        "team": "Windows Support",
        "issue": "The PC reboots.",
        "summary": "A T480 reboots under load.",
    }
