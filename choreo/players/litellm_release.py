"""Which releases of litellm may be imported: two were malicious, older ones have a published security hole."""

from __future__ import annotations

import re

from choreo.players.client import CallFailed

LEAST = (1, 83, 10)
MALICIOUS = ("1.82.7", "1.82.8")


def litellm_problem(version: str | None) -> str | None:
    """What is wrong with an installed litellm (None: not installed), or None where it can be used."""
    if version is None:
        return "litellm is not installed; remote models need it: pip install 'litellm>=1.83.10'"
    if version in MALICIOUS:
        return (
            f"litellm {version} is a release with malicious code in it: remove it (pip uninstall litellm), change the "
            "keys this machine could read, then: pip install 'litellm>=1.83.10'"
        )
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if numbers < LEAST:
        return f"litellm {version} has a published security hole: pip install -U 'litellm>=1.83.10'"
    return None


def litellm_version() -> str | None:
    """The installed version, without importing it."""
    import importlib.metadata

    try:
        return importlib.metadata.version("litellm")
    except importlib.metadata.PackageNotFoundError:
        return None


def check_litellm() -> None:
    """Raise CallFailed `litellm-unusable` before a missing or dangerous litellm is imported."""
    problem = litellm_problem(litellm_version())
    if problem is not None:
        raise CallFailed("litellm-unusable", problem)
