"""What came of a call, over real HTTP."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from bot.records.calls import Call, Recording, RecordingStatus
from bot.records.users import Role
from bot.testing.llm import Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import set_setting
from tests.services.call_helpers import RECORDING, Talk, talk
from tests.services.test_call_filing import FORM
from tests.web.api.conftest import Team
from tests.web.api.test_records import asked

pytestmark = pytest.mark.scenario

ITEMS = [{"kind": "ticket", "description": "Send the contract"}, {"kind": "callback", "description": "About the contract"}]


async def filed(scene: Scene) -> Talk:
    await set_setting(scene, "call_action_items", "person")
    talking = await talk(scene)
    scene.model.will(Said("Of course."))
    await talking.says("Send me the contract and call me. Bye.")
    await scene.app.after_call.turns.add(talking.call_id, 1, line="relay", ended=2.0, first_audio=0.4)
    scene.model.will(Said(orjson.dumps(FORM | {"action_items": ITEMS}).decode()))
    await talking.is_over()
    return talking


async def test_a_call_is_told_with_all_that_was_made_of_it_and_what_is_to_be_done_is_decided(scene: Scene, team: Team) -> None:
    nadia, talking = await team.member("Nadia"), await filed(scene)
    path = f"/calls/{talking.call_id}"
    found = await asked(nadia, "GET", f"{path}/results")
    assert (found["transcript"], found["summary_status"], found["made_by"]) == ("completed", "completed", "scripted")
    assert (found["outcome"], found["intent"], found["sentiment"]["overall"]) == ("interested", "buy fibre", "positive")
    assert found["opportunities"][0]["type"] == "upsell"
    assert [turn["first_audio_ms"] for turn in found["turns"]] == [400.0]
    assert (found["recording"], found["recording_link"], found["line_cost"]) == (None, None, None)
    first, second = found["action_items"]
    accepted = await asked(nadia, "POST", f"{path}/action-items/{first['id']}/accept", {})
    assert accepted["status"] == "completed"
    assert accepted["became"] is not None
    await asked(nadia, "POST", f"{path}/action-items/{first['id']}/decline", status=409)
    await asked(nadia, "POST", f"{path}/action-items/{second['id']}/accept", {}, status=422)
    due = (scene.clock.now() + timedelta(days=1)).isoformat()
    booked = await asked(nadia, "POST", f"{path}/action-items/{second['id']}/accept", {"due": due})
    assert booked["due"] is not None
    await asked(nadia, "POST", f"{path}/action-items/nothing/decline", status=404)


async def test_a_recording_is_deleted_by_a_supervisor(scene: Scene, team: Team) -> None:
    boss, nadia = await team.member("Boss", Role.SUPERVISOR), await team.member("Nadia")
    talking = await talk(scene)
    path = f"/calls/{talking.call_id}/recording"
    coming = Recording(status=RecordingStatus.PROCESSING, sid=RECORDING)
    await scene.app.store.change(Call, {"id": talking.call_id}, set={"recording": coming})
    await asked(nadia, "DELETE", path, status=403)
    await asked(boss, "DELETE", path, status=204)
    found = await asked(boss, "GET", f"/calls/{talking.call_id}/results")
    assert (found["recording"], found["recording_link"]) == ("deleted", None)
    await asked(boss, "DELETE", "/calls/nothing/recording", status=404)
