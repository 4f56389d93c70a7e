"""What was to be confirmed and was not: the agent sees its own call again, and nothing of it in its prompt."""

from __future__ import annotations

import json

import pytest

from bot.testing.llm import Called, Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA

pytestmark = pytest.mark.scenario

REASON = "Whoever writes here is staff"


async def test_a_call_that_was_not_confirmed_comes_back_as_a_call(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("create_ticket", subject="No internet", description="Since yesterday"), Said("Opened."))
    await ana.says("My internet is down.")
    await ana.hears("Opened.")
    [ticket] = await ana.tickets()
    asked = {"number": ticket.ticket_id, "reason": REASON}
    scene.model.will(Called("close_my_ticket", **asked), Said("What do you want to change?"))
    await ana.says("Close it.")
    await ana.hears(ticket.ticket_id)
    await ana.says("Wait, one more thing.")
    await ana.hears("What do you want to change?")
    system, *_, call, result, heard = scene.model.requests[-1].messages
    function = call["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])) == ("close_my_ticket", asked)
    assert (result["role"], result["tool_call_id"]) == ("tool", call["tool_calls"][0]["id"])
    assert "NOT done" in str(result["content"])
    assert REASON not in str(system["content"])
    assert heard == {"role": "user", "content": "Wait, one more thing."}
