"""`choreo validate` of large specs, beside a plain load of the same text by PyYAML's C loader.

python tests/benchmarks/large_spec.py [--roles 1000] [--keep FOLDER]

Two shapes: `chains` (each role hands on to the next, every twentieth chain starts at the trigger) and `bushy`
(branches on a condition, joins, `pass` mappings, prompts, touchpoints, bounded loops). CPU seconds of the whole
command, start-up included, its peak memory, and how many times the plain load's CPU seconds that is.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

PLAIN = "import yaml; yaml.load(open({path!r}, encoding='utf-8'), yaml.CSafeLoader)"
MATTER = {
    "type": "object",
    "required": ["kind", "amount", "items"],
    "additionalProperties": False,
    "properties": {
        "kind": {"enum": ["pay", "refuse", "ask"]},
        "amount": {"type": "integer", "minimum": 0},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
        "note": {"type": ["string", "null"], "maxLength": 500},
    },
    "$defs": {
        "item": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 80}}}
    },
}
PAIR = {
    "type": "object",
    "required": ["kind", "more"],
    "additionalProperties": False,
    "properties": {"kind": {"enum": ["pay", "refuse", "ask"]}, "more": {"type": "string", "maxLength": 600}},
}
HEAD = """\
choreo: 1
name: large
version: 1.0.0
models: {small: {model: local/qwen2.5-coder-1.5b}, large: {model: openai/gpt-5}}
trigger: {accepts: matter@^1}
result: {emits: matter@1.0.0}
"""


def chains(roles: int) -> Iterator[str]:
    """Twenty roles a chain, each handing on on a condition."""
    yield HEAD + "roles:\n"
    for n in range(roles):
        yield f"  r{n}: {{kind: reader, does: Read on, model: small, emits: matter@1.0.0, accepts: matter@^1,"
        yield f' prompt: "Part {n} of {{{{ input.kind }}}}: {{{{ input.amount }}}}"}}\n'
    yield "handoffs:\n"
    for n in range(roles):
        if n % 20 == 0:
            yield f'  - {{from: trigger, to: r{n}, when: "trigger.amount == {n}"}}\n'
        if n % 20 == 19 or n == roles - 1:
            yield f"  - {{from: r{n}, to: end}}\n"
        else:
            yield f"  - {{from: r{n}, to: r{n + 1}, when: \"out.kind == 'pay' && out.amount >= {n}\"}}\n"
            yield f"  - {{from: r{n}, to: end, otherwise: true}}\n"
    yield "  - {from: trigger, to: end, otherwise: true}\n"


def bushy(roles: int) -> Iterator[str]:
    """Blocks of five: one that splits, two beside each other, a join of them, a reviewer who sends back."""
    blocks = range(0, roles, 5)
    yield HEAD + "roles:\n"
    for n in blocks:
        prompt = f'prompt: "Part {n}: {{{{ input.kind }}}} {{{{ size(input.items) }}}}"'
        yield f"  s{n}: {{kind: reader, does: Split, model: small, accepts: matter@^1, emits: matter@1.0.0,"
        yield f" {prompt}}}\n"
        for side in "ab":
            own = f'prompt: "Say {{{{ input.more }}}} about {{{{ input.kind }}}} {n}"'
            yield f"  {side}{n}: {{kind: researcher, does: Look, model: small, accepts: pair@^1,"
            yield f" emits: matter@1.0.0, {own}}}\n"
        yield f"  j{n}: {{kind: reasoner, does: Decide, model: large, accepts: pair@^1, emits: matter@1.0.0}}\n"
        yield f"  v{n}: {{kind: reviewer, does: Look again, model: large, accepts: matter@^1, emits: matter@1.0.0}}\n"
    yield "handoffs:\n"
    for n in blocks:
        before = "trigger" if n % 50 == 0 else f"v{n - 5}"
        chosen = f'when: "trigger.amount == {n}"' if n % 50 == 0 else "otherwise: true"
        yield f"  - {{from: {before}, to: s{n}, {chosen}}}\n"
        yield f"  - {{from: s{n}, to: a{n}, pass: {{kind: s{n}.kind, more: \"s{n}.items[0].name + ' {n}'\"}}}}\n"
        note = f"has(out.note) && out.note != null ? out.note : '{n}'"
        yield f'  - {{from: s{n}, to: b{n}, pass: {{kind: out.kind, more: "{note}"}}}}\n'
        yield f'  - {{from: [a{n}, b{n}], to: j{n}, pass: {{kind: s{n}.kind, more: "string(visits.s{n})"}}}}\n'
        yield f"  - {{from: j{n}, to: v{n}, touchpoint: t{n}}}\n"
        again = f"out.kind == 'ask' && j{n}.amount > {n}"
        yield f'  - {{from: v{n}, to: j{n}, when: "{again}", revise: true, at_most: 2}}\n'
        yield f"  - {{from: v{n}, on: exhausted, to: end}}\n"
        if n % 50 == 45 or n + 5 >= roles:
            yield f"  - {{from: v{n}, to: end, otherwise: true}}\n"
        else:
            yield f"  - {{from: v{n}, to: end, when: \"out.kind == 'refuse'\"}}\n"
    yield "  - {from: trigger, to: end, otherwise: true}\n"
    yield "touchpoints:\n"
    for n in blocks:
        yield f'  t{n}: {{ask: "Is {{{{ payload.kind }}}} right?", show: {{case: s{n}}},'
        yield f' when: "payload.amount > {n} || confidence.j{n} == null", within: 2h}}\n'


SHAPES: dict[str, Callable[[int], Iterator[str]]] = {"chains": chains, "bushy": bushy}


def write(folder: Path, shape: str, roles: int) -> Path:
    """A spec of this shape with its contracts in files."""
    for name, schema in (("matter", MATTER), ("pair", PAIR)):
        path = folder / "schemas" / name / "1.0.0.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(schema, indent=2), encoding="utf-8")
    spec = folder / f"{shape}.yaml"
    spec.write_text("".join(SHAPES[shape](roles)), encoding="utf-8")
    return spec


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--roles", type=int, default=1000)
    arguments.add_argument("--keep", type=Path, help="write the specs here and leave them")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for shape in SHAPES:
            spec = write(given.keep or Path(scratch), shape, given.roles)
            plain, _, _ = _measured([sys.executable, "-c", PLAIN.format(path=str(spec))])
            seconds, megabytes, last = _measured([sys.executable, "-m", "choreo", "validate", str(spec)])
            ratio = seconds / plain
            print(f"{shape:8} {given.roles:6,} roles {seconds:6.2f} s {megabytes:5.0f} MB {ratio:5.1f} x  {last}")


def _measured(command: list[str]) -> tuple[float, float, str]:
    """CPU seconds, peak megabytes and the last line that a command says. A child of a child counts its own peak."""
    script = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], capture_output=True, text=True);"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss);"
        "print((done.stdout + done.stderr).strip().splitlines()[-1] if done.stdout + done.stderr else '')"
    )
    done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
    numbers, _, last = done.stdout.partition("\n")
    seconds, kilobytes = numbers.split()
    return float(seconds), int(kilobytes) / (1024 if sys.platform != "darwin" else 1024 * 1024), last.strip()


if __name__ == "__main__":
    main()
