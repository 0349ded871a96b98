"""The `services.py` of a new project: one function to a service role, whole and ready to be changed. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from choreo.starter.draft import Draft, Field, RoleDraft

_HEAD = '''"""What the services do: each takes its role's input and gives its output, as plain JSON data."""

from __future__ import annotations
'''
_KEEP = '''

def keep(received: dict[str, Any]) -> str:
    """Put what was approved into `outbox/`. The same input gives the same file, so that repeating it does no harm."""
    data = json.dumps(received, ensure_ascii=False, indent=2, sort_keys=True).encode()
    file = Path("outbox") / f"{hashlib.sha256(data).hexdigest()[:12]}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    return file.as_posix()
'''


def services_text(draft: Draft) -> str:
    """The module. It holds names and contracts only: no text that a person typed stands in it outside quotes."""
    played = [(role, received) for role, received in _received(draft) if role.player == "service"]
    acts = any(role.kind == "actor" for role, _ in played)
    imports = (
        "\nimport hashlib\nimport json\nfrom pathlib import Path\nfrom typing import Any\n"
        if acts
        else "\nfrom typing import Any\n"
    )
    return _HEAD + imports + (_KEEP if acts else "") + "".join(_function(role, *received) for role, received in played)


def _received(draft: Draft) -> Iterator[tuple[RoleDraft, tuple[str, tuple[Field, ...]]]]:
    before = (draft.input, draft.fields)
    for role in draft.roles:
        yield role, before
        before = (role.contract, role.fields)


def _function(role: RoleDraft, contract: str, received: tuple[Field, ...]) -> str:
    lines = [f"        {json.dumps(field.name)}: {value},\n" for field, value in _values(role, received)]
    act = "    file = keep(received)\n" if role.kind == "actor" else ""
    return (
        f"\n\ndef play_{role.name}(received: dict[str, Any]) -> dict[str, Any]:\n"
        f'    """`{contract}@1` to `{role.contract}@1`."""\n'
        f"{act}    return {{\n{''.join(lines)}    }}\n"
    )


def _values(role: RoleDraft, received: tuple[Field, ...]) -> Iterator[tuple[Field, str]]:
    """How each field is made: taken over where it was received, else a value to begin with."""
    texts = [f"received[{json.dumps(field.name)}]" for field in received if field.kind == "text"]
    made = "file" if role.kind == "actor" else f'"{role.name}: " + {texts[-1]}' if texts else f'"{role.name}"'
    first = {"text": made, "number": "0", "whole": "0", "yes/no": "True", "list": "[]"}
    for field in role.fields:
        if field in received:
            yield field, f"received[{json.dumps(field.name)}]"
        else:
            yield field, repr(field.choices[0]) if field.choices else first[field.kind]
