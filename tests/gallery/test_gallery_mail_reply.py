"""mail-reply: a mail is summarised, a reply drafted, and sent only where a person said so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gallery_play import GALLERY, play

from choreo.loading import load_spec
from choreo.spec import ModelPlayer

MAIL = {
    "sender": "rosa@example.org",
    "to": "info@shop.example",
    "subject": "Opening hours",
    "html": "<html><head><style>p {color: red}</style></head><body><p>Hello,</p><p>are you open on <b>Sunday</b>?</p>"
    "<script>alert(1)</script></body></html>",
}
SUMMARY = {"text": "Rosa asks whether the shop is open on Sunday."}
DRAFT = {"text": "Dear Rosa, we are open on Sunday from 10 to 16. Kind regards"}


def reply(folder: Path, answer: Any = None, draft: dict[str, str] = DRAFT, mail: dict[str, str] = MAIL) -> Any:
    answers = {} if answer is None else {"approve_reply": answer}
    return play("mail-reply", mail, folder, {"summarise": [SUMMARY], "draft": [draft]}, answers)


def test_a_mail_is_what_starts_a_run(tmp_path: Path) -> None:
    ran = reply(tmp_path)
    assert ran.given("to_text") == [MAIL]
    refused = reply(tmp_path, mail={**MAIL, "sender": "nobody"})
    assert (refused.status, refused.visits) == ("refused", [])


def test_the_text_is_summarised_by_one_model_and_answered_by_another(tmp_path: Path) -> None:
    ran = reply(tmp_path)
    assert ran.models == [("summarise", {"text": "Hello,\nare you open on Sunday?"}), ("draft", SUMMARY)]
    roles = load_spec(str(GALLERY / "mail-reply.yaml")).spec.roles
    played = [role.player.model for role in roles.values() if isinstance(role.player, ModelPlayer)]
    assert len(set(played)) == 2


@pytest.mark.parametrize(("words", "status"), [(100, "waiting"), (101, "failed")])
def test_a_reply_of_more_than_100_words_does_not_get_to_anybody(words: int, status: str, tmp_path: Path) -> None:
    ran = reply(tmp_path, draft={"text": " ".join(["word"] * words)})
    assert (ran.status, len(ran.asked)) == (status, 1 if status == "waiting" else 0)


def test_a_person_sees_the_mail_as_it_came_and_the_reply(tmp_path: Path) -> None:
    (question,) = reply(tmp_path).asked
    assert dict(question.shows)["original"].value == MAIL
    assert question.payload.value["text"] == DRAFT["text"]
    assert question.may == ("approve", "reject")
    assert not (tmp_path / "outbox").exists()


def test_an_approved_reply_is_sent_to_the_sender(tmp_path: Path) -> None:
    ran = reply(tmp_path, "approve")
    assert (ran.status, ran.outcome, ran.result["sent_to"]) == ("done", "sent", MAIL["sender"])
    (file,) = (tmp_path / "outbox").iterdir()
    assert json.loads(file.read_text(encoding="utf-8")) == {
        "to": "rosa@example.org",
        "sender": "info@shop.example",
        "subject": "Re: Opening hours",
        "text": DRAFT["text"],
    }


def test_a_rejected_reply_ends_the_run_and_nothing_is_sent(tmp_path: Path) -> None:
    ran = reply(tmp_path, ("reject", "We are closed on Sunday."))
    assert (ran.status, ran.outcome, ran.result) == ("done", "rejected", {"summary": SUMMARY["text"], "sent_to": None})
    assert "send" not in ran.visits
    assert not (tmp_path / "outbox").exists()
