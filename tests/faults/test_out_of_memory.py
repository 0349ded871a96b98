"""A payload that does not fit into memory: exit 8 without a crash, what was done is on record, and the run goes on."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import CHOREO, choreo
from playing import HEAD
from relay import environment

from choreo.canonical import encode
from choreo.store import Store, rows
from choreo.trace import Attempt, HopFinished

SPEC = """
roles:
  a: {kind: reader, does: it, set: {n: input.n + 1}, emits: any@1.0.0}
  b: {kind: reader, does: it, service: {python: "large:grown"}, accepts: any@^1, emits: any@1.0.0}
  c: {kind: reader, does: it, set: {n: input.n}, accepts: any@^1, emits: any@1.0.0}
handoffs: [{from: trigger, to: a}, {from: a, to: b}, {from: b, to: c}, {from: c, to: end}]
"""
GROWN = "import os\ndef grown(given):\n    return {'n': 7, 'text': 'x' * int(os.environ['SIZE'])}\n"
RUN = ("run", "spec.yaml", "--set", "n=1")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is not kept elsewhere")
@pytest.mark.parametrize("megabytes", [300, 400, 490])
def test_a_run_without_memory_leaves_with_its_record_whole_and_can_be_resumed(tmp_path: Path, megabytes: int) -> None:
    (tmp_path / "spec.yaml").write_text(HEAD + SPEC)
    (tmp_path / "large.py").write_text(GROWN)
    most = megabytes * 1024 * 1024
    done = subprocess.run(
        [*CHOREO, *RUN],
        cwd=tmp_path,
        env={**environment(), "SIZE": "100000000"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
    )
    assert done.returncode == 8, done.stderr
    assert "error[out-of-memory]: " in done.stderr
    assert "Traceback" not in done.stderr
    store = Store.read(tmp_path / ".choreo" / "trace.db")
    record = store.find("last")
    assert [event.hop for event in store.history(record) if isinstance(event, HopFinished)] == [1]
    assert store.verify(record)
    store.close()
    again = choreo("resume", "last", cwd=tmp_path, env={"SIZE": "10"})
    assert (again.returncode, json.loads(again.stdout)) == (0, {"n": 7})


@pytest.mark.parametrize("size", [0, 999_999, 1_000_001, 3_000_001])
def test_the_chain_is_the_same_over_what_is_large(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = Attempt("model", b"\xff" * size, None, 1.5, 0.2, "c", 'm\x01"ü' * 900, facts={"b": [1, "\x02"], "a": 1})
    found = rows.link(b"before", 3, attempt)
    monkeypatch.setattr(rows, "_LARGE", 10**9)
    assert rows.link(b"before", 3, attempt) == found
    assert len(found) == hashlib.sha256().digest_size


def test_canonical_bytes_are_the_same_for_what_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"b": ['é\x01"\\/\u2028' * 20, 1.5, 10, None, True], "a": {"ü": "x" * 100}}
    small = encode(value)
    monkeypatch.setattr("choreo.canonical._LARGE", 10)
    assert encode(value) == small
