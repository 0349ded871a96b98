"""Which client stands behind a model's name, and the values that only the environment knows."""

from __future__ import annotations

import functools
import os
import re

from choreo.errors import PlayFailed
from choreo.players import redact
from choreo.players.client import ModelClient

LOCAL = "local/"

_ENV = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


def client_for(model: str) -> ModelClient:
    """The client for a model's full name: `local/...` is embedded, everything else goes through litellm.

    Nothing heavy is imported before the first call.
    """
    return _local() if model.startswith(LOCAL) else _remote()


@functools.cache
def _local() -> ModelClient:
    from choreo.players.local import LocalClient

    return LocalClient()


@functools.cache
def _remote() -> ModelClient:
    from choreo.players.remote import RemoteClient

    return RemoteClient()


def resolve_env(text: str) -> str:
    """`text` with `${env:NAME}` filled in. The values are secrets from here on. Raises PlayFailed `env-missing`."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1], "")
        if not found:
            raise PlayFailed(
                "env-missing", f"the environment variable {match[1]} is not set; the spec reads ${{env:{match[1]}}}"
            )
        redact.register(found)
        return found

    return _ENV.sub(value, text)
