"""A folder of agents' files, for the tests on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.dialogs import prompts


class AgentFiles:
    """Stands in for the prompts that ship."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.agents, self.partials = root / "prompts" / "agents", root / "prompts" / "partials"
        self.agents.mkdir(parents=True)
        self.partials.mkdir()
        monkeypatch.setattr(prompts, "ROOT", root)
        monkeypatch.setattr("bot.resources.ROOT", root)

    def agent(self, name: str, front: str = "", prompt: str = "You help.") -> None:
        """Writes an agent's file; `front` are the further lines of its front matter."""
        self.write(name, f"---\nname: {name}\n{front}\n---\n{prompt}\n")

    def write(self, name: str, text: str) -> None:
        (self.agents / f"{name}.md").write_text(text, encoding="utf-8")

    def partial(self, name: str, text: str) -> None:
        (self.partials / name).write_text(text, encoding="utf-8")
