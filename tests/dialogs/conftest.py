"""What the tests on agents' files share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialogs.agentfiles import AgentFiles


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AgentFiles:
    return AgentFiles(tmp_path, monkeypatch)
