from __future__ import annotations

import os
from pathlib import Path

import pytest
from wheelhouse import Wheelhouse

from choreo.weights import sources


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of its own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CHOREO_HOME", str(folder))
    return folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheelhouse:
    """The only place the real pip looks for packages in this test: no index, no network."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return Wheelhouse(folder)


@pytest.fixture
def wheelhouse(index: Wheelhouse, monkeypatch: pytest.MonkeyPatch) -> Wheelhouse:
    """The same folder without pip's start-up time: wheels are copied."""
    monkeypatch.setattr(sources, "_download_wheel", index.download)
    return index
