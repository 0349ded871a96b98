from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tickets, issues and mails are written where the caller stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
