"""Eighteen classes of fault, seeded one at a time into a good spec: each an error at its line and column.

`python tests/lint/test_eighteen_faults.py` (or pytest with -s) prints the table.
"""

from __future__ import annotations

import pytest
from eighteen_faults import CLASSES, FAULTS, Fault, found_at, good, problems, seeded, table


def test_the_good_spec_has_nothing_to_say_about() -> None:
    assert [str(one) for one in problems(good())] == []


def test_there_are_eighteen_classes() -> None:
    assert len(CLASSES) == 18


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_seeded_fault_is_an_error_at_its_line_and_column(fault: Fault) -> None:
    texts, wanted = seeded(fault)
    assert wanted in found_at(texts)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_what_is_found_besides_follows_from_the_fault(fault: Fault) -> None:
    """One edit gives a handful of errors at most, so that the one at fault can be seen."""
    texts, _ = seeded(fault)
    assert len(found_at(texts)) <= 5


def test_the_table_says_right_in_every_row() -> None:
    print("\n" + table())
    assert table().count(" right ") == len(FAULTS)


if __name__ == "__main__":
    print(table())
