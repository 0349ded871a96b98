"""T13 and start-up: counts and imports, not times."""

import subprocess
import sys

from choreo.loading import load_stored
from choreo.render.problems import LIMIT, render_problems

HEAD = "choreo: 1\nname: big\nversion: 1.0.0\ntrigger: {accepts: note@^1}\nroles:\n"


def big(count, *, broken=False):
    role = (
        "  r{n}: {{kind: {kind}, model: small, accepts: note@^1, emits: note@1.0.0, prompt: 'Say {{{{ input.x }}}}'}}\n"
    )
    roles = "".join(role.format(n=n, kind="raeder" if broken else "reader") for n in range(count))
    edges = "".join(f"  - {{from: r{n}, to: r{n + 1}, when: r{n}.x > 1}}\n" for n in range(count - 1))
    return f"{HEAD}{roles}handoffs:\n  - {{from: trigger, to: r0}}\n{edges}  - {{from: r{count - 1}, to: end}}\n"


def test_ten_thousand_roles_are_read():
    loaded = load_stored({"a.yaml": big(10_000)}, "a.yaml")
    assert loaded.problems == ()
    assert len(loaded.spec.roles) == 10_000
    assert len(loaded.spec.handoffs) == 10_001
    last = loaded.spec.roles["r9999"]
    assert last.player.prompt.expressions[0].place.line == 5 + 10_000


def test_five_thousand_errors_are_all_found_and_some_shown():
    loaded = load_stored({"a.yaml": big(5_000, broken=True)}, "a.yaml")
    assert len(loaded.problems) == 5_000
    shown = render_problems(loaded.problems, loaded.texts)
    assert shown.count("error[bad-value]") == LIMIT
    assert f"... and {5_000 - LIMIT:,} more" in shown
    assert shown.endswith("5,000 errors in 1 file\n")


def test_loading_a_good_spec_imports_nothing_heavy():
    heavy = ("jsonschema", "rich", "litellm", "asyncio", "sqlite3", "difflib", "typer", "xllamacpp", "sqlite_utils")
    code = (
        "import sys; from choreo.loading import load_spec; "
        "assert load_spec('tests/load/good.yaml').problems == (); "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    from pathlib import Path

    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
