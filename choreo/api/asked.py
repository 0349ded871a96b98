"""What a caller of the Python API hands over besides the payload, looked at before anything is begun."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from choreo.errors import UsageError


def labels_given(labels: object) -> dict[str, str]:
    """Labels that can be kept with a run and found again (`choreo runs --label`). Raises UsageError."""
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise UsageError(
            "bad-labels", f"`labels` is {labels!a:.60}", 'expected a mapping of texts: labels={"who": "ann"}'
        )
    for name, value in labels.items():
        if not (_can_be_kept(name) and name and _can_be_kept(value)):
            found = f"`labels` holds {name!a:.60}: {value!a:.60}"
            raise UsageError("bad-labels", found, "expected text that is not empty for text, without NUL or surrogates")
    return dict(labels)


def _can_be_kept(value: object) -> bool:
    """Whether a value is text that the store takes as it is."""
    return isinstance(value, str) and "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def no_loop_runs(call: str) -> None:
    """A run is played in an event loop of its own, and a thread has one at a time. Raises UsageError inside of one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    found = f"`{call}` was called inside a running event loop, and a run needs one of its own"
    raise UsageError("running-loop", found, f"call it in a thread: await asyncio.to_thread({call}, ...)")
