"""Edit in the person's editor: checked, opened again with the findings, shown as a diff, asked again."""

import os
import re
import signal
import time

import pytest
from pty_driver import Terminal
from sitting_program import QUESTIONS

PROMPT = "\napprove_payout> "
ORIGINAL = QUESTIONS["refund"]().payload


def test_an_edit_is_diffed_and_asked_again_before_it_counts(editor, result):
    command = editor("save(text.replace('250,', '200,'))")
    with Terminal("refund", EDITOR=command) as terminal:
        terminal.answer("e", PROMPT)
        shown = terminal.wait_for(PROMPT)
        assert "/amount: 250 -> 200" in shown
        assert "as you edited it" in shown
        terminal.send("a\n")
        outcome = result(terminal)
    assert outcome["decision"] == "edit"
    assert outcome["payload"] == {**ORIGINAL.value, "amount": 200}
    assert outcome["digest"] == ORIGINAL.digest


def test_a_second_edit_starts_from_the_first_and_can_still_be_rejected(editor, result, tmp_path):
    command = editor("save(text.replace('250,', '200,'))", "save(text.replace('200,', '180,'))")
    with Terminal("refund", VISUAL=command, EDITOR="false") as terminal:
        terminal.answer("e", PROMPT)
        terminal.answer("e", PROMPT)
        assert "/amount: 250 -> 180" in terminal.wait_for(PROMPT)
        terminal.send("r\n")
        terminal.answer("still too much", "Reason (one line): ")
        assert result(terminal)["decision"] == "reject"
    assert '"amount": 200,' in (tmp_path / "seen-2").read_text()


def test_the_file_is_private_and_says_what_it_is_and_is_gone_afterwards(editor, result, tmp_path):
    command = editor(
        """
        modes = oct(path.stat().st_mode & 0o777), oct(path.parent.stat().st_mode & 0o777)
        (here / "modes").write_text(f"{modes} {path}")
        save(text.replace("250,", "200,"))
        """
    )
    with Terminal("refund", EDITOR=command) as terminal:
        terminal.answer("e", PROMPT)
        terminal.answer("a", PROMPT)
        result(terminal)
    modes, _, path = (tmp_path / "modes").read_text().rpartition(" ")
    assert modes == "('0o600', '0o700')"
    assert not os.path.exists(path)
    header = (tmp_path / "seen-1").read_text().split("{")[0]
    assert all(line.startswith("#") for line in header.splitlines())
    assert "To give up: leave it unchanged, or empty." in header
    assert "amount (number, minimum 0, maximum 500, required)" in header


def test_broken_json_is_opened_again_with_its_place_and_the_text_kept(editor, result, tmp_path):
    command = editor("save(text.replace('250,', '200,, # mine'))", "save(text.replace('200,, # mine', '200,'))")
    with Terminal("refund", EDITOR=command) as terminal:
        terminal.answer("e", PROMPT)
        terminal.answer("a", PROMPT)
        assert result(terminal)["payload"]["amount"] == 200
    again = (tmp_path / "seen-2").read_text()
    line, column = map(int, re.search(r"NOT VALID YET \(line (\d+), column (\d+)\)", again).groups())
    assert again.splitlines()[line - 1][: column - 1] == '  "amount": 200,'


def test_a_broken_contract_is_opened_again_with_the_violations(editor, result, tmp_path):
    command = editor("save(text.replace('250,', '900,'))", "save(text.replace('900,', '90,'))")
    with Terminal("refund", EDITOR=command) as terminal:
        terminal.answer("e", PROMPT)
        terminal.wait_for("Not valid, opened again: /amount: 900 is more than the maximum")
        terminal.answer("a", PROMPT)
        assert result(terminal)["payload"]["amount"] == 90
    again = (tmp_path / "seen-2").read_text()
    assert "#   /amount: 900 is more than the maximum of 500" in again
    assert '"amount": 900,' in again


def test_a_text_left_broken_and_unchanged_is_given_up(editor, result):
    with Terminal("refund", EDITOR=editor("save('# only\\n{')", "pass")) as terminal:
        terminal.answer("e", PROMPT)
        terminal.wait_for("Edit given up: nothing was changed")
        terminal.answer("a", PROMPT)
        assert result(terminal)["decision"] == "approve"


@pytest.mark.parametrize(
    ("snippet", "why"),
    [
        ("pass", "nothing was changed"),
        ("save(text.replace('  ', '    '))", "nothing was changed"),
        ("save('')", "left empty"),
        ("save('# all gone\\n')", "left empty"),
        ("path.unlink()", "left empty"),
        ("sys.exit(1)", "ended with exit code 1"),
        ("os.kill(os.getpid(), 9)", "was killed by signal 9"),
        ('path.write_bytes(b\'{"order": "\\xff"}\')', "not UTF-8 (byte 11)"),
        ("path.unlink(); path.symlink_to('/etc/passwd')", "symbolic link"),
        ("path.unlink(); os.mkfifo(path)", "not a plain file"),
        ("path.unlink(); path.mkdir()", "could not be used"),
    ],
)
def test_an_edit_that_comes_to_nothing_leaves_the_original(snippet, why, editor, result):
    with Terminal("refund", EDITOR=editor(snippet)) as terminal:
        terminal.answer("e", PROMPT)
        said = " ".join(terminal.wait_for(PROMPT).split())
        assert "Edit given up" in said
        assert why in said
        terminal.send("a\n")
        outcome = result(terminal)
    assert (outcome["decision"], outcome["payload"], outcome["digest"]) == ("approve", None, ORIGINAL.digest)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("/nowhere/editor -f", "could not be started: No such file or directory"),
        ("'unclosed", "cannot be read as a command"),
        ("/", "could not be started"),
    ],
)
def test_an_editor_that_cannot_be_started_is_said_with_its_source(command, why, result):
    with Terminal("refund", EDITOR=command) as terminal:
        terminal.answer("e", PROMPT)
        said = " ".join(terminal.wait_for(PROMPT).split())
        assert why in said
        assert "$EDITOR" in said
        terminal.send("q\n")
        assert result(terminal)["parked"] == "quit"


def test_no_editor_at_all_is_said(result):
    with Terminal("refund", PATH="/nowhere") as terminal:
        terminal.answer("e", PROMPT)
        assert "set VISUAL or EDITOR" in terminal.wait_for(PROMPT)
        terminal.send("q\n")
        assert result(terminal)["parked"] == "quit"


def test_an_interrupt_while_the_editor_is_open_ends_it_and_restores_the_terminal(editor, tmp_path):
    command = editor(
        """
        import termios, tty
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        tty.setraw(0)
        (here / "pid").write_text(f"{os.getpid()} {path}")
        print("EDITING", flush=True)
        time.sleep(60)
        """
    )
    with Terminal("refund", EDITOR=command) as terminal:
        terminal.answer("e", PROMPT)
        terminal.wait_for("EDITING")
        os.kill(terminal.child.pid, signal.SIGINT)
        assert terminal.finish() == 130
        assert terminal.restored()
    pid, path = (tmp_path / "pid").read_text().split()
    assert not os.path.exists(path)
    assert _gone(int(pid))


def _gone(pid):
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False
