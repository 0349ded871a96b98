"""`choreo explain`: what a code means and what to do; without a code, all of them. And `choreo schema`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from choreo.commands.speech import out
from choreo.errors import DONE, UsageError
from choreo.manual import Manual, manuals
from choreo.problem import closest

_HEADS = {"spec": "Findings in specs", "contract": "Findings in contracts", "run": "How a command or a run fails"}


def explain(code: str | None, *, as_json: bool) -> int:
    """Print the manual of a code. Raises UsageError where there is no such code."""
    known = manuals()
    if code is None:
        out(_dumped([_data(manual) for manual in known.values()]) if as_json else "\n".join(_listed()))
        return DONE
    manual = known.get(code)
    if manual is None:
        near = closest(code, tuple(known))
        help = f"did you mean `{near}`?" if near else "`choreo explain` lists them all"
        raise UsageError("no-such-code", f"there is no code `{code}`", help)
    out(_dumped(_data(manual)) if as_json else f"{manual.code} ({manual.severity})\n\n{manual.text}")
    return DONE


def _listed() -> Iterator[str]:
    every = sorted(manuals().values(), key=lambda manual: manual.code)
    wide = max(len(manual.code) for manual in every)
    grave = max(len(manual.severity) for manual in every)
    for about, head in _HEADS.items():
        yield f"{head}:"
        for manual in every:
            if manual.about == about:
                yield f"  {manual.code:<{wide}}  {manual.severity:<{grave}}  {manual.summary}"
        yield ""
    yield "choreo explain CODE tells more."


def _data(manual: Manual) -> dict[str, str]:
    return {
        "code": manual.code,
        "severity": manual.severity,
        "about": manual.about,
        "summary": manual.summary,
        "manual": manual.text,
    }


def _dumped(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2)


def print_schema() -> int:
    """Print the JSON Schema of the spec language, as it is shipped."""
    from choreo.loading.shape import schema_text

    out(schema_text().rstrip("\n"))
    return DONE
