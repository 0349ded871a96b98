"""litellm's list of models and prices, read as data: it takes milliseconds where importing litellm takes seconds."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping
from pathlib import Path

import msgspec

_FILE = "model_prices_and_context_window_backup.json"


@functools.cache
def listed() -> Mapping[str, msgspec.Raw] | None:
    """What is known of each model, by its name; None where this litellm keeps no such file."""
    found = importlib.util.find_spec("litellm")  # of a package at the top: nothing is imported
    for folder in (found and found.submodule_search_locations) or ():
        try:
            return msgspec.json.decode((Path(folder) / _FILE).read_bytes(), type=dict[str, msgspec.Raw])
        except (OSError, msgspec.DecodeError):
            continue
    return None


def is_listed(name: str) -> bool | None:
    """Whether a model is in the list, by its full name or by what follows the provider's; None where none knows."""
    names = listed()
    return None if names is None else name in names or name.partition("/")[2] in names


def has_price(name: str) -> bool | None:
    """Whether the list has a price for a model at its provider's own address; None where nobody knows."""
    names = listed()
    if names is None:
        return None
    entry = names.get(name) or names.get(name.partition("/")[2]) or b"{}"
    return "input_cost_per_token" in msgspec.json.decode(entry)
