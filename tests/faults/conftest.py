"""One nursery for all fault tests of a session: its children are fresh processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from relay import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()
