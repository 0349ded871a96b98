"""A run that waits for a person while a limit keeps everything else from starting says both."""

from __future__ import annotations

import re
from pathlib import Path

from command_line import choreo
from playing import HEAD

SPEC = f"""{HEAD}
roles:
  a: {{kind: reader, does: it, set: input, emits: any@1.0.0}}
  b: {{kind: reader, does: it, set: input, emits: any@1.0.0}}
handoffs:
  - {{from: trigger, to: a}}
  - {{from: a, to: b, touchpoint: ok}}
  - {{from: b, to: end}}
touchpoints:
  ok: {{ask: Go on?}}
limits: {{hops: 1}}
"""
TOLD = r"the limit on hops \(1\) is reached \(1 hop, cost 0, .* s\): nothing more starts without `--limit hops=MORE`"


def test_a_limit_that_is_reached_while_a_person_is_asked_is_told(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    asked = choreo("run", "spec.yaml", "--set", "n=1", cwd=tmp_path)
    assert asked.returncode == 4
    assert re.search(TOLD, asked.stderr), asked.stderr
    assert choreo("review", "last", "--approve", cwd=tmp_path).returncode == 8
    assert choreo("resume", "last", "--limit", "hops=5", cwd=tmp_path).returncode == 0
