"""`NAME=VALUE` in options that may be given more than once: no value is dropped silently."""

from __future__ import annotations

import pytest

from choreo.commands.run import pairs
from choreo.errors import UsageError


@pytest.mark.parametrize("flag", ["--label", "--model", "--limit"])
def test_a_name_that_is_given_two_values_is_refused_and_one_that_is_repeated_is_not(flag: str) -> None:
    assert pairs(flag, ["a=1", "b=2", "a=1"]) == {"a": "1", "b": "2"}
    with pytest.raises(UsageError, match=f"`{flag}` names `a` twice: `1` and `2`") as told:
        pairs(flag, ["a=1", "b=1", "a=2"])
    assert (told.value.code, told.value.exit_code) == ("bad-pair", 2)
