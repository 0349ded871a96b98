"""An event loop for what is to be awaited from code that is not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Given = TypeVar("Given")


def to_the_end(work: Callable[[], Coroutine[Any, Any, Given]]) -> Given:
    """What `work` gives. Raises OSError where no loop can be made; then nothing was begun."""
    _check_handles()
    with asyncio.Runner() as runner:
        return runner.run(work())


def _check_handles() -> None:
    """A loop takes three handles; one that gets only some of them tells of it in a traceback when it is cleared up."""
    handles: list[int] = []
    try:
        handles.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(4))
    finally:
        for handle in handles:
            os.close(handle)
