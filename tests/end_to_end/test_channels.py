"""The same conversations on every channel: what is said does not depend on where it is said, but for proof of who says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.testing.conversations import load, play

pytestmark = pytest.mark.end_to_end

FOLDER = Path(__file__).parent.parent / "conversations"
SCRIPTS = {file.stem: load(file) for file in sorted(FOLDER.glob("*.yaml"))}
ANYWHERE = {name: script for name, script in SCRIPTS.items() if script.user is None and script.channel == "whatsapp"}
NEEDS_PROOF = {
    "callback": "moves and cancels what is on record",
    "callback_hi": "moves what is on record",
    "memory": "what is remembered of somebody",
    "my_record": "the record",
    "record": "the record",
    "sale": "qualifies a lead",
    "lead_hi": "qualifies a lead",
    "ticket": "lists tickets",
    "ticket_life": "lists and changes tickets",
    "not_my_ticket": "looks for a ticket",
    "offline_es": "lists tickets",
    "offline_hi": "a visitor has no number to be called at",
}
"""Conversations that a channel which vouches for nobody cannot have, and why."""
TOLD_APART = frozenset({"sale"})
"""Conversations in which it is looked at where somebody wrote."""


@pytest.mark.parametrize("name", sorted(ANYWHERE.keys() - TOLD_APART))
async def test_a_conversation_goes_the_same_way_on_the_console(name: str, tmp_path: Path) -> None:
    await play(ANYWHERE[name].model_copy(update={"channel": "console"}), tmp_path)


@pytest.mark.parametrize("name", sorted(ANYWHERE.keys() - NEEDS_PROOF.keys()))
async def test_a_conversation_goes_the_same_way_in_the_web_chat(name: str, tmp_path: Path) -> None:
    await play(ANYWHERE[name].model_copy(update={"channel": "web"}), tmp_path)
