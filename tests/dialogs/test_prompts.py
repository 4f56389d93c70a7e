"""Agents' files: what is wrong with one is one clear line that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.dialogs import prompts
from bot.dialogs.prompts import BLANKS, load_agents
from bot.errors import ResourceError
from bot.tools.base import Toolbox

pytestmark = pytest.mark.unit

GOOD = "---\nname: helper\ndescription: Helps.\ntools: [look]\nmodel: gpt-4o\n---\nYou work for {{ company }}.\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    agents = tmp_path / "prompts" / "agents"
    agents.mkdir(parents=True)
    monkeypatch.setattr(prompts, "ROOT", tmp_path)
    monkeypatch.setattr("bot.resources.ROOT", tmp_path)
    return agents


def test_every_agent_that_ships_loads_and_can_be_filled_in() -> None:
    agents = load_agents(Toolbox.discover().names())
    assert "support" in agents
    for agent in agents.values():
        text = agent.render(**{name: f"<{name}>" for name in BLANKS})
        assert "{{" not in text
        assert len(agent.hash) == 12


def test_an_agent_has_what_its_file_says(folder: Path) -> None:
    (folder / "helper.md").write_text(GOOD)
    agent = load_agents(["look"])["helper"]
    assert (agent.name, agent.description, agent.tools, agent.model) == ("helper", "Helps.", ("look",), "gpt-4o")
    assert agent.render(company="Acme") == "You work for Acme."


def test_another_wording_has_another_hash(folder: Path) -> None:
    (folder / "helper.md").write_text(GOOD)
    first = load_agents(["look"])["helper"].hash
    (folder / "helper.md").write_text(GOOD + "Be kind.")
    assert load_agents(["look"])["helper"].hash != first


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("You help.", "begins with no front matter"),
        ("", "begins with no front matter"),
        ("Hello\n---\nname: helper\n---\nYou help.", "begins with no front matter"),
        ("---\nname: helper\nYou help.", "begins with no front matter"),
        ("---\nname: [helper\n---\nYou help.", "while parsing"),
        ("---\njust words\n---\nYou help.", "front matter: "),
        ("---\n---\nYou help.", "begins with no front matter"),
        ("---\ndescription: x\n---\nYou help.", "front matter.name: "),
        ("---\nname: helper\ntool: [look]\n---\nYou help.", "front matter.tool: "),
        ("---\nname: helper\ntools: look\n---\nYou help.", "front matter.tools: "),
        ("---\nname: other\n---\nYou help.", "its name has to be that of the file, not 'other'"),
        ("---\nname: helper\ntools: [look, lok]\n---\nYou help.", "there is no tool 'lok'; there are look"),
        ("---\nname: helper\n---\nIt is {{ wether }}.", "nothing fills in 'wether'; there are company, language, now, person"),
        ("---\nname: helper\n---\n{% if false %}{{ wether }}{% endif %}", "nothing fills in 'wether'"),
        ("---\nname: helper\n---\nIt is {{ now }.", "unexpected '}'"),
        ("---\nname: helper\n---\n{% include 'other.md' %}", "no loader for this environment"),
    ],
)
def test_a_broken_file_is_one_line_that_names_it(folder: Path, text: str, told: str) -> None:
    (folder / "helper.md").write_text(text)
    with pytest.raises(ResourceError) as caught:
        load_agents(["look"])
    message = str(caught.value)
    assert message.startswith("prompts/agents/helper.md: ")
    assert told in message
    assert "\n" not in message


def test_a_blank_that_nobody_fills_at_run_time_names_the_agent(folder: Path) -> None:
    (folder / "helper.md").write_text(GOOD)
    with pytest.raises(ResourceError, match=r"prompts/agents/helper\.md: 'company' is undefined"):
        load_agents(["look"])["helper"].render()


def test_a_prompt_cannot_reach_into_the_program(folder: Path) -> None:
    (folder / "helper.md").write_text("---\nname: helper\n---\n{{ company.__class__.__mro__ }}")
    with pytest.raises(ResourceError, match=r"prompts/agents/helper\.md"):
        load_agents([])["helper"].render(company="Acme")
