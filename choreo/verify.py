"""Contract checks with a deadline: quick ones in place, the rest in a child process that can be stopped.

A schema and a payload can be made so that a check takes hours (a schema that refers to itself twice,
an enormous list). No thread can be stopped in the middle of one, a process can.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from typing import IO, Any

from choreo.canonical import Payload
from choreo.contract import Contract, check, is_bounded
from choreo.problem import Place
from choreo.trace import Verdict

START_SECONDS = 60.0
"""How long the child may take to be ready; this is no part of a check's deadline."""


def make_checker(deadline_seconds: float = 5.0) -> Checker:
    """A check that comes back: `checker(contract, payload)` gives a Verdict at the latest after the deadline.

    What is not checked by then is a violation that says so. Close it at the end (it is a context manager);
    the child process ends with this one in any case.
    """
    return Checker(deadline_seconds)


@functools.cache
def the_checker() -> Checker:
    """The one checker of this process, so that there is at most one child."""
    return make_checker()


class Checker:
    """See `make_checker`. May be used from several threads; checks that need the child take turns.

    A call may block up to the deadline: `choreo.contract.is_bounded` says whether it will not.
    """

    def __init__(self, deadline_seconds: float) -> None:
        self.deadline = deadline_seconds
        self._turn = threading.Lock()
        self._child: _Child | None = None

    def __call__(self, contract: Contract, payload: Payload) -> Verdict:
        if is_bounded(contract, payload):
            return check(contract, payload)
        with self._turn:
            return self._by_child(contract, payload)

    def _by_child(self, contract: Contract, payload: Payload) -> Verdict:
        try:
            if self._child is None or not self._child.alive:
                self.close()
                self._child = _Child(self.deadline)
            violations = self._child.ask(contract, payload)
        except OSError as error:
            self.close()
            reason = f"could not be checked against {contract.ref}: no process for it could be started ({error})"
            violations = (("", reason),)
        except BaseException:
            self.close()  # an interrupt leaves an answer under way: the next check must not read it
            raise
        return Verdict(contract.ref, contract.digest, violations)

    def close(self) -> None:
        """Stop the child process, if there is one. The checker can still be used: it starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.stop()

    def __enter__(self) -> Checker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# -- this side -----------------------------------------------------------------------------------

_PROGRAM = "import sys; sys.path.append({root!r}); from choreo.verify import serve; serve()"


class _Child:
    """A child process that checks one payload at a time.

    Frames, both ways: one line of JSON. A request's line tells how many bytes of payload follow; a schema
    is sent the first time it is used.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self._known: set[str] = set()
        program = _PROGRAM.format(root=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        # -P: the working directory is no place to import from; a session of its own: Ctrl-C is ours to handle
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._end = weakref.finalize(self, _stop, self._process)
        self._answer(START_SECONDS)  # it says that it is ready

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, contract: Contract, payload: Payload) -> tuple[tuple[str, str], ...]:
        """The violations of a payload; one that says so where the child could not tell."""
        request = {"ref": contract.ref, "digest": contract.digest, "size": len(payload.data), "deadline": self.deadline}
        if contract.digest not in self._known:
            request["schema"] = contract.schema
        self._known.add(contract.digest)
        line = json.dumps(request).encode("ascii") + b"\n"
        answer, in_time = self._answer(self.deadline, line + payload.data)
        if answer is not None:
            return tuple((pointer, sentence) for pointer, sentence in answer)
        self.stop()
        if in_time:
            return (("", f"could not be checked against {contract.ref}: the check broke down"),)
        seconds = f"{self.deadline:g} s"
        return (
            ("", f"could not be checked against {contract.ref} within {seconds}: it is too large or too intricate"),
        )

    def _answer(self, seconds: float, request: bytes = b"") -> tuple[Any, bool]:
        """The child's next line, and whether the time was enough. The child is killed when it is over."""
        settled = threading.Lock()  # whoever takes it first, the answer or the end of the time, has won
        timer = threading.Timer(seconds, self._kill, (settled,))
        timer.daemon = True
        timer.start()
        try:
            stdin, stdout = _pipes(self._process)
            if request:
                stdin.write(request)
                stdin.flush()
            line = stdout.readline()
        except OSError:
            line = b""
        finally:
            timer.cancel()
        in_time = settled.acquire(blocking=False)
        return (json.loads(line) if in_time and line.endswith(b"\n") else None), in_time

    def _kill(self, settled: threading.Lock) -> None:
        if settled.acquire(blocking=False):
            self._process.kill()

    def stop(self) -> None:
        self._end()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise OSError("the child process has no pipes")
    return process.stdin, process.stdout


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in _pipes(process):
        with contextlib.suppress(OSError):  # what was not sent yet is of no use any more
            pipe.close()
    process.wait()


# -- the child's side ----------------------------------------------------------------------------


def serve() -> None:
    """Answer requests from stdin until it ends. Runs in the child process."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    schemas: dict[str, Any] = {}
    _say(answers, "ready")
    while line := requests.readline():
        request = json.loads(line)
        schemas.setdefault(request["digest"], request.get("schema"))
        payload = Payload(requests.read(request["size"]))
        name, _, version = request["ref"].rpartition("@")
        contract = Contract(name, version, schemas[request["digest"]], request["digest"], Place(""))
        _die_with_parent(request["deadline"])
        verdict = check(contract, payload)
        _live_on()
        _say(answers, verdict.violations)


def _say(answers: IO[bytes], value: Any) -> None:
    answers.write(json.dumps(value).encode("ascii") + b"\n")
    answers.flush()


def _die_with_parent(deadline: float) -> None:
    """See to it that a check under way ends when the parent does: it cannot look at its input meanwhile.

    While a check runs the parent writes nothing, so the only thing that can happen on the pipe is its end;
    the kernel tells by SIGIO, whose default is to end the process. The alarm is for systems without that.
    """
    if sys.platform == "win32":
        return
    import fcntl
    import select

    signal.setitimer(signal.ITIMER_REAL, deadline + 1.0)
    with contextlib.suppress(OSError):
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    ready, _, _ = select.select([0], [], [], 0)
    if ready:
        os._exit(0)  # it ended before we were told to look


def _live_on() -> None:
    if sys.platform == "win32":
        return
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) & ~os.O_ASYNC)
    signal.setitimer(signal.ITIMER_REAL, 0)
