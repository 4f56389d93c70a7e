"""An upgrade that rolls through the machines: an older and a newer version of the program work on one database."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

import bot
from bot.clock import SystemClock
from bot.resources import ROOT
from bot.store.versions import VERSION
from bot.testing.audit import come_to_rest
from bot.testing.deployment import Deployment, deployment
from bot.testing.processes import Program
from bot.testing.redis import require_redis
from bot.testing.whatsapp.server import PHONE_ID, SECRET
from bot.testing.whatsapp.vendor import Vendor

pytestmark = pytest.mark.end_to_end

NEWER = "99.1.0"
PEOPLE = [f"120255502{number:02}" for number in range(12)]


@pytest.fixture(autouse=True)
def _with_redis() -> None:
    require_redis()


def newer_checkout(folder: Path) -> Path:
    """A copy of the program as a later release might be: conversations have a new shape, persons one more field."""
    shutil.copytree(Path(bot.__file__).parent, folder / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("prompts", "knowledge"):
        if not (folder / "bot" / "data").is_dir():
            shutil.copytree(ROOT / name, folder / name)
    _edit(folder / "bot/store/versions.py", 'VERSION = version("switchboard")', f'VERSION = "{NEWER}"')
    _edit(folder / "bot/records/people.py", "    last_language: ", '    nick: str = "newer"\n    last_language: ')
    conversations = folder / "bot/records/conversations.py"
    _edit(conversations, "class Conversation(Record):\n", 'class Conversation(Record):\n    mood: str = "calm"\n', docstring=True)
    _edit(
        conversations,
        '    Index("lane", unique=True, where={"openness": "open"}),',
        '    Index("lane", unique=True, where={"openness": "open"}),\n    upgrades=(lambda old: {**old, "mood": "glad"},),',
        last_argument=True,
    )
    return folder


def _edit(file: Path, before: str, after: str, *, docstring: bool = False, last_argument: bool = False) -> None:
    text = file.read_text()
    assert text.count(before) == 1, f"{file.name} does not read {before!r} once any more: mend this test"
    if docstring:  # behind it
        head, tail = text.split(before)
        end = tail.index('"""', tail.index('"""') + 3) + 4
        file.write_text(head + before + tail[:end] + after.removeprefix(before) + tail[end:])
    elif last_argument:  # keywords come behind the indexes
        head, tail = text.split(before)
        end = tail.index("\n)\n")
        file.write_text(head + before + tail[:end] + after.removeprefix(before) + tail[end:])
    else:
        file.write_text(text.replace(before, after))


async def say(running: Deployment, people: Sequence[str], text: str) -> None:
    vendor = Vendor(target=running.around.webhook, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=True)
    for person in people:
        await vendor.batch([vendor.text_node(person, text, f"wamid.{person}.{text[:5]}")], name="Ana")
    await vendor.close()


async def ran(program: Program) -> tuple[int, str]:
    code = await program.start().ended(30.0)
    return code, program.output()


@pytest.mark.timeout(300)  # seven processes are started
async def test_an_older_and_a_newer_version_work_on_one_database_and_every_conversation_goes_on(
    mongo_uri: str, tmp_path: Path
) -> None:
    newer = str(newer_checkout(tmp_path / "newer"))
    async with deployment(tmp_path / "all", mongo_uri, workers=1) as running:
        await say(running, PEOPLE[:4], "Hello, are you open today?")
        await come_to_rest(running.store)
        new = running.around.bot("work", PYTHONPATH=newer).start()
        await new.ready(40.0)
        older = running.workers[0]
        for round_ in ("First", "Again", "Later"):  # newcomers among them: their conversations begin with whoever is there
            await say(running, PEOPLE, f"{round_}, are you open tomorrow?")
            await come_to_rest(running.store)
        heard = Counter(send.to for send in running.around.sends())
        assert heard == {person: 4 if person in PEOPLE[:4] else 3 for person in PEOPLE}
        assert "Traceback" not in older.output()
        database = running.store._client[running.database]  # type: ignore[index]
        shapes = await database["conversations"].distinct("shapeNumber")
        assert 2 in shapes, "the newer one had its share"

        _, report = await ran(running.around.bot("check"))
        assert f"{VERSION}, {NEWER}: an older one leaves alone what only a newer one can read" in report
        assert sum(line.startswith("process ") for line in report.splitlines()) == 3

        code, said = await ran(running.around.bot("migrate", PYTHONPATH=newer))
        assert (code, said.count("\n")) == (1, 1), said
        assert "work" in said

        # Going back: what only the newer version can read waits for it, and everybody else is served.
        assert await new.stop() == 0
        upgraded = await database["conversations"].find_one({"shapeNumber": 2})
        assert upgraded is not None
        before = dict(upgraded)
        theirs = upgraded["lane"].rpartition(":")[2]
        stranger = "12025550299"
        await say(running, [theirs, stranger], "Backwards, is anybody there?")
        async with asyncio.timeout(30):
            while not any(send.to == stranger for send in running.around.sends()) or "newer version" not in older.output():
                await asyncio.sleep(0.05)
        after = await database["conversations"].find_one({"_id": before["_id"]})
        assert after == before, "an older one does not touch it"
        assert await database["inbox"].count_documents({"state": "dead"}) == 0
        await new.start().ready(40.0)
        await come_to_rest(running.store)
        assert sum(send.to == theirs for send in running.around.sends()) == heard[theirs] + 1
