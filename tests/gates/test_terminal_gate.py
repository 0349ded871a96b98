"""A person at a real terminal (a pty), and all that is not one."""

import os
import re
import signal
import subprocess
import sys

import pytest
from pty_driver import PROGRAM, Terminal, environment
from sitting_program import QUESTIONS

PROMPT = "\napprove_payout> "
SHOWN = QUESTIONS["refund"]().payload.digest


def test_a_typed_a_approves_exactly_the_payload_that_was_shown(result):
    with Terminal("refund") as terminal:
        terminal.answer("a", PROMPT)
        outcome = result(terminal)
        assert (outcome["decision"], outcome["digest"], outcome["by"]) == ("approve", SHOWN, "vera")
        assert outcome["payload"] is None
        assert SHOWN in terminal.seen
        assert 0 < outcome["seconds"] < 60
        assert terminal.restored()


def test_the_event_loop_goes_on_while_a_person_thinks(result):
    with Terminal("refund") as terminal:
        terminal.wait_for(PROMPT)
        os.kill(terminal.child.pid, signal.SIGUSR1)
        terminal.wait_for("LOOP FREE")
        terminal.send("a\n")
        assert result(terminal)["decision"] == "approve"


def test_the_screen_goes_from_why_to_facts_to_input_to_payload_to_warnings():
    with Terminal("high") as terminal:
        screen = terminal.wait_for(PROMPT)
    places = ["Pay this refund?", "Why you are asked", "Facts", "email  ", "What draft was given", "What pay gets"]
    places += ["sha256:", "High stakes", "approve: type approve_payout"]
    found = [screen.index(place, screen.index("What pay gets")) if place == "sha256:" else screen.index(place)
             for place in places]  # fmt: skip
    assert found == sorted(found)


def test_a_rejection_needs_a_reason(result):
    with Terminal("refund") as terminal:
        terminal.answer("r", PROMPT)
        terminal.answer("   ", "Reason (one line): ")
        terminal.answer("reject", PROMPT)
        terminal.answer("The amount is wrong: 250 → 200", "Reason (one line): ")
        outcome = result(terminal)
        assert (outcome["decision"], outcome["reason"]) == ("reject", "The amount is wrong: 250 → 200")
        assert "A rejection needs a reason" in terminal.seen


def test_enter_and_unknown_words_only_bring_the_choices_again(result):
    with Terminal("refund") as terminal:
        for typed in ("", "   ", "yes", "A approve", "ok"):
            terminal.answer(typed, PROMPT)
            terminal.wait_for("[a]pprove  [r]eject")
        terminal.answer("s", PROMPT)
        assert result(terminal)["parked"] == "later"


@pytest.mark.parametrize("ahead", ["a\n", "a\na\na\n", "approve\n"])
def test_what_was_typed_before_the_prompt_is_no_answer(ahead, result):
    with Terminal("refund", ahead=ahead) as terminal:
        terminal.answer("q", PROMPT)
        assert result(terminal)["parked"] == "quit"


def test_half_a_line_typed_before_the_prompt_is_not_finished_by_enter(result):
    with Terminal("refund", ahead="a") as terminal:
        terminal.answer("", PROMPT)
        terminal.answer("q", PROMPT)
        assert result(terminal)["parked"] == "quit"


def test_several_lines_at_once_are_no_answer(result):
    with Terminal("refund") as terminal:
        terminal.answer("a\na", PROMPT)
        terminal.wait_for("Several lines arrived at once")
        terminal.answer("q", PROMPT)
        assert result(terminal)["parked"] == "quit"


def test_input_that_never_falls_silent_decides_nothing(result):
    with Terminal("refund", "0.5", "0.6") as terminal:
        flood = subprocess.Popen(["yes", "a"], stdout=terminal.master)
        try:
            assert result(terminal)["parked"] == "quit"
        finally:
            flood.kill()
            flood.wait()


def test_end_of_input_decides_nothing(result):
    with Terminal("refund") as terminal:
        terminal.wait_for(PROMPT)
        terminal.send("\x04")
        assert result(terminal)["parked"] == "quit"
        assert "Not decided: end of input" in terminal.seen


def test_a_letter_ended_by_ctrl_d_is_no_answer(result):
    with Terminal("refund") as terminal:
        terminal.wait_for(PROMPT)
        terminal.send("a\x04\x04")
        assert result(terminal)["parked"] == "quit"


def test_ctrl_c_interrupts_and_restores_the_terminal():
    with Terminal("refund") as terminal:
        terminal.wait_for(PROMPT)
        terminal.send("\x03")
        assert terminal.finish() == 130
        assert "INTERRUPTED" in terminal.seen
        assert "RESULT" not in terminal.seen
        assert terminal.restored()


def test_keys_that_do_not_print_are_no_part_of_a_reason(result):
    with Terminal("refund") as terminal:
        terminal.answer("r", PROMPT)
        terminal.answer("no\x1b[D", "Reason (one line): ")
        terminal.wait_for("Arrow and control keys")
        terminal.answer("q", PROMPT)
        assert result(terminal)["parked"] == "quit"


@pytest.mark.parametrize("source", [subprocess.DEVNULL, subprocess.PIPE])
def test_without_a_terminal_nobody_is_asked(source):
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "refund"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        **({"stdin": source} if source == subprocess.DEVNULL else {"input": "a\n" * 50}),
    )
    assert '"parked": "quit"' in done.stdout
    assert "approve_payout>" not in done.stderr


def test_a_terminal_that_hangs_up_decides_nothing():
    with Terminal("refund") as terminal:
        terminal.wait_for(PROMPT)
        os.kill(terminal.child.pid, signal.SIGHUP)
        terminal.finish()
        assert "RESULT" not in terminal.seen


# -- untrusted text ------------------------------------------------------------------------------


def test_markup_escapes_and_false_frames_stay_literal_behind_our_gutter():
    with Terminal("hostile") as terminal:
        screen = terminal.wait_for(PROMPT)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e\u202c\U000e0041]", screen)
    for literal in ("[link=http://evil.example]click[/link]", ":warning:", r"\u202e", r"\x9b31m", r"\x1b]0;owned\x07"):
        assert literal in screen
    for line in screen.split("\n"):
        if any(word in line for word in ("APPROVED", "╔", "║", "evil", "approve_payout> a", "owned")):
            assert line.startswith("│ ")
        assert len(line) < 80, "a line that the terminal wraps would leave the gutter"
    assert "do not print" in screen


def test_with_colour_only_our_own_escapes_reach_the_terminal():
    with Terminal("hostile", NO_COLOR="") as terminal:
        screen = terminal.wait_for("approve_payout>\x1b[0m ")
    assert set(re.findall("\x1b.{0,6}?[A-Za-z]", screen)) <= {f"\x1b[{code}m" for code in ("0", "1", "2", "33", "1;31")}
    assert "\x1b[1m" in screen


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"NO_COLOR": "", "TERM": "dumb"}, {"NO_COLOR": "", "TERM": ""}])
def test_plain_terminals_get_no_escape_at_all(env):
    with Terminal("high", **env) as terminal:
        assert "\x1b" not in terminal.wait_for(PROMPT)


@pytest.mark.parametrize("env", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "latin-1"}])
def test_a_terminal_that_cannot_show_our_marks_gets_ascii(env, result):
    with Terminal("hostile", **env) as terminal:
        assert terminal.wait_for(PROMPT).isascii()
        terminal.answer("a", "")
        assert result(terminal)["decision"] == "approve"


def test_twenty_columns_are_enough(result):
    with Terminal("hostile", columns=20) as terminal:
        screen = terminal.wait_for(PROMPT)
        assert max(map(len, screen.split("\n"))) <= 20
        terminal.answer("a", "")
        assert result(terminal)["decision"] == "approve"


# -- long payloads -------------------------------------------------------------------------------


def test_high_stakes_are_not_approved_before_all_was_shown_and_the_name_typed(result):
    with Terminal("long") as terminal:
        screen = terminal.wait_for(PROMPT)
        assert "showing 39 of 805 lines, 7,933 bytes, cut: reply. [v]iew all" in " ".join(screen.split())
        assert "line 700" not in screen
        assert '"amount": 9000' in screen, "a long field must not hide a short one"
        terminal.send("a\n")
        terminal.wait_for("to approve, type approve_payout in full")
        terminal.answer("approve_payout", PROMPT)
        terminal.wait_for("Not approved: part of it was not shown yet")
        terminal.answer("v", PROMPT)
        terminal.answer("q", "q: back -- ")
        terminal.wait_for("Not shown to the end")
        terminal.answer("approve_payout", PROMPT)
        terminal.wait_for("Not approved")
        terminal.answer("v", PROMPT)
        terminal.answer("", "q: back -- ")
        terminal.answer("all", "q: back -- ")
        assert "line 700" in terminal.wait_for(PROMPT)
        terminal.send("approve_payout\n")
        assert result(terminal)["decision"] == "approve"


def test_one_very_long_line_is_cut_openly():
    with Terminal("wide_line") as terminal:
        screen = terminal.wait_for(PROMPT)
    assert "DANGER" not in screen
    assert re.search(r"showing \d+ of 1[34],\d{3} lines, 1\.0 MB, cut: order", " ".join(screen.split()))


def test_a_touchpoint_named_like_a_choice_keeps_them_apart(result):
    with Terminal("badly_named") as terminal:
        terminal.answer("reject", "\nreject> ")
        terminal.answer("", "Reason (one line): ")
        terminal.answer("approve reject", "\nreject> ")
        assert result(terminal)["decision"] == "approve"


def test_choices_that_the_spec_does_not_allow_are_not_there(result):
    with Terminal("no_edit") as terminal:
        assert "[e]dit" not in terminal.wait_for(PROMPT)
        terminal.send("e\n")
        terminal.wait_for("`e` is none of the choices")
        terminal.answer("q", PROMPT)
        assert result(terminal)["parked"] == "quit"


def test_help_says_what_each_choice_does(result):
    with Terminal("refund") as terminal:
        terminal.answer("?", PROMPT)
        assert "leave the question open and ask the next one" in terminal.wait_for(PROMPT)
        terminal.send("later\n")
        assert result(terminal)["parked"] == "later"
