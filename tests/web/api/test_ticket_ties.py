"""Files of tickets, and tickets beside tickets, over real HTTP."""

from __future__ import annotations

import pytest

from bot.records.users import Role
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA
from tests.services.desk_helpers import waits
from tests.services.media_samples import PDF
from tests.web.api.conftest import Team
from tests.web.api.test_records import NEW, asked
from tests.web.test_media import sent

pytestmark = pytest.mark.scenario


async def test_a_file_is_attached_shown_kept_and_let_go(scene: Scene, team: Team) -> None:
    nadia, omar = await team.member("Nadia"), await team.member("Omar")
    viewer = await team.member("Vic", Role.VIEWER)
    ana, _ = await waits(scene, ANA)
    made = await asked(nadia, "POST", "/tickets", NEW | {"customer_id": (await ana.customer()).id}, status=201)
    path = f"/tickets/{made['number']}"
    assert made["files"] == []
    file = await sent(nadia, PDF, "contract.pdf")
    theirs = await asked(omar, "POST", f"{path}/files", {"media": file["id"]}, status=404)
    assert theirs["error"]["message"] == "there is no such file; upload it again"
    [shown] = (await asked(nadia, "POST", f"{path}/files", {"media": file["id"]}, status=201))["files"]
    assert {name: shown[name] for name in ("id", "name", "size", "type", "url")} == {
        "id": file["id"],
        "name": "contract.pdf",
        "size": len(PDF),
        "type": "document",
        "url": f"/media/{file['id']}",
    }
    assert shown["by"]["name"] == "Nadia"
    await scene.clock.advance(7200)
    await scene.app.media.sweep()
    assert (await asked(viewer, "GET", path))["files"] == [shown]
    async with viewer.http.get(f"{viewer.url}{shown['url']}") as answer:
        assert (answer.status, await answer.read()) == (200, PDF)
    await asked(nadia, "DELETE", f"{path}/files/{file['id']}", status=204)
    await asked(nadia, "DELETE", f"{path}/files/{file['id']}", status=404)
    assert (await asked(nadia, "GET", path))["files"] == []
    await scene.app.media.sweep()
    await asked(nadia, "GET", f"/media/{file['id']}", status=404)


async def test_tickets_are_told_apart_again_and_one_is_the_duplicate_of_another(scene: Scene, team: Team) -> None:
    nadia = await team.member("Nadia")
    ana, _ = await waits(scene, ANA)
    new = NEW | {"customer_id": (await ana.customer()).id}
    one, other = [await asked(nadia, "POST", "/tickets", new, status=201) for _ in range(2)]
    path, named = f"/tickets/{one['number']}", {"ticket": other["number"]}
    assert (await asked(nadia, "POST", f"{path}/relate", named))["related"] == [other["id"]]
    assert (await asked(nadia, "POST", f"{path}/unrelate", named))["related"] == []
    done = await asked(nadia, "POST", f"{path}/duplicate", named)
    assert (done["status"], done["resolution"]["category"], done["related"]) == ("resolved", "duplicate", [other["id"]])
    said = await asked(nadia, "POST", f"{path}/feedback", {"rating": 4, "comment": "quick"})
    assert said["feedback"] == {"rating": 4, "comment": "quick", "follow_up_needed": False}
    assert (await asked(nadia, "POST", f"{path}/feedback", {"rating": 6}, status=422))["error"]["field"] == "rating"
