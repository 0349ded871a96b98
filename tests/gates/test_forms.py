"""Human roles fill in a contract; effects in doubt are settled."""

from pty_driver import Terminal

FORM = "\nanswer_case> "


def test_a_form_is_asked_field_by_field_and_counts_after_a_typed_y(result):
    with Terminal("form") as terminal:
        assert "Which order is it about?" in terminal.wait_for("\norder: ")
        terminal.send("\n")
        terminal.wait_for("`order` is required")
        terminal.answer("A-1047", "\norder: ")
        terminal.answer("a lot", "\namount: ")
        terminal.wait_for("Not taken: expected number")
        terminal.answer("900", "\namount: ")
        terminal.wait_for("/amount: 900 is more than the maximum of 500")
        terminal.answer("19.5", "\namount: ")
        terminal.answer('""', "\nreply: ")
        assert "1) warm" in terminal.wait_for("\ntone: ")
        terminal.send("3\n")
        terminal.wait_for("expected a number from 1 to 2")
        terminal.answer("2", "\ntone: ")
        terminal.answer("", "\ngoodwill: ")
        terminal.answer("", FORM)
        terminal.answer("y", FORM)
        outcome = result(terminal)
    assert outcome["decision"] == "fill"
    assert outcome["payload"] == {"order": "A-1047", "amount": 19.5, "reply": "", "tone": "plain"}


def test_a_form_can_be_filled_in_the_editor(editor, result, tmp_path):
    snippet = """save('{"order": "B", "amount": 1, "reply": "ok"}')"""
    with Terminal("form", EDITOR=editor(snippet)) as terminal:
        terminal.answer("A", "\norder: ")
        terminal.answer(":e", "\namount: ")
        assert '"order": "B"' in terminal.wait_for(FORM)
        terminal.send("y\n")
        assert result(terminal)["payload"] == {"order": "B", "amount": 1, "reply": "ok"}
    assert '"amount": null' in (tmp_path / "seen-1").read_text()


def test_an_unfinished_form_cannot_be_sent(editor, result):
    with Terminal("form", EDITOR=editor("pass")) as terminal:
        terminal.answer(":e", "\norder: ")
        assert "does not meet the contract yet" in terminal.wait_for(FORM)
        terminal.send("y\n")
        terminal.answer("again", FORM)
        terminal.answer(":q", "\norder: ")
        assert result(terminal)["parked"] == "quit"


def test_a_form_is_not_filled_by_a_paste_of_several_lines(result):
    with Terminal("form") as terminal:
        terminal.answer("A-1\nB-2", "\norder: ")
        terminal.wait_for("Several lines arrived at once")
        terminal.answer(":s", "\norder: ")
        assert result(terminal)["parked"] == "later"


def test_an_effect_in_doubt_is_done_again_only_for_the_whole_word(result):
    with Terminal("doubt") as terminal:
        terminal.answer("r", "\npay> ")
        terminal.wait_for("`r` is none of the choices")
        terminal.answer("redo", "\npay> ")
        assert result(terminal)["decision"] == "redo"


def test_an_effect_that_took_place_is_settled_with_what_it_gave_back(result):
    with Terminal("doubt") as terminal:
        terminal.answer("d", "\npay> ")
        for typed, prompt in (("A", "order"), ("10", "amount"), ("paid", "reply"), ("", "tone"), ("n", "goodwill")):
            terminal.answer(typed, f"\n{prompt}: ")
        terminal.answer("y", "\npay> ")
        outcome = result(terminal)
    assert outcome["decision"] == "done"
    assert outcome["payload"] == {"order": "A", "amount": 10, "reply": "paid", "goodwill": False}


def test_questions_that_are_data_are_answered_by_number_or_in_own_words_and_may_be_skipped(result):
    with Terminal("asked") as terminal:
        assert "1) yes" in terminal.wait_for("\nanswer_1: ")
        terminal.send("2\n")
        terminal.answer("x" * 21, "\nanswer_2: ")
        terminal.wait_for("/answers/1/answer: longer than 20")
        terminal.answer("about five", "\nanswer_2: ")
        terminal.answer("", "\nanswer_3: ")
        terminal.answer("y", FORM)
        outcome = result(terminal)
    assert outcome["payload"] == {
        "answers": [
            {"question": "Per user?", "answer": "no"},
            {"question": "How many?", "answer": "about five"},
            {"question": "Since when?", "answer": None},
        ]
    }


def test_a_person_may_go_back_to_a_question_and_leave_the_rest(result):
    with Terminal("asked") as terminal:
        terminal.answer(":b", "\nanswer_1: ")
        terminal.answer("1", "\nanswer_1: ")
        terminal.answer(":b", "\nanswer_2: ")
        assert 'Enter keeps "yes"' in terminal.wait_for("\nanswer_1: ")
        terminal.send("only in part\n")
        terminal.answer(":r", "\nanswer_2: ")
        terminal.answer("y", FORM)
        outcome = result(terminal)
    assert [one["answer"] for one in outcome["payload"]["answers"]] == ["only in part", None, None]


def test_questions_can_be_answered_in_the_editor_and_stay_as_they_were_asked(editor, result):
    snippet = """save(text.replace('"answer": null', '"answer": "five"', 2).replace("Per user?", "Pay me?"))"""
    with Terminal("asked", EDITOR=editor(snippet)) as terminal:
        terminal.answer(":e", "\nanswer_1: ")
        terminal.answer("y", FORM)
        answers = result(terminal)["payload"]["answers"]
    assert answers[0] == {"question": "Per user?", "answer": "five"}
    assert [one["answer"] for one in answers] == ["five", "five", None]


def test_going_back_and_leaving_the_rest_work_in_every_form(result):
    with Terminal("form") as terminal:
        terminal.answer("A-1", "\norder: ")
        terminal.answer(":b", "\namount: ")
        terminal.answer("A-2", "\norder: ")
        terminal.answer("1", "\namount: ")
        terminal.answer(":r", "\nreply: ")
        assert "does not meet the contract yet" in terminal.wait_for(FORM)
        terminal.send("again\n")
        for typed, prompt in (("", "order"), ("", "amount"), ("ok", "reply"), (":r", "tone")):
            terminal.answer(typed, f"\n{prompt}: ")
        terminal.answer("y", FORM)
        assert result(terminal)["payload"] == {"order": "A-2", "amount": 1, "reply": "ok"}
