"""Going from the embedded store to MongoDB in the middle of a conversation (on SecantusDB, or on TEST_MONGODB_URI)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from click.testing import CliRunner, Result
from pymongo import MongoClient

from bot.__main__ import cli
from bot.dialogs.llm import Usage
from bot.records.conversations import Outcome
from bot.resources import say
from bot.services.phone_provider import ProviderCall
from bot.services.settings import SystemSettings
from bot.services.spending import Spending, spent_on
from bot.testing.conversations import load, play
from bot.testing.llm import Said
from bot.testing.scene import open_scene
from tests.services.call_helpers import MP3, RECORDING, SID, Exchange, talk
from tests.services.test_call_filing import FORM

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def mongo(mongo_uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, str]]:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    name = f"test_{uuid4().hex}"
    yield {"MONGODB_URI": mongo_uri, "MONGODB_DATABASE": name}
    client: MongoClient[dict[str, object]] = MongoClient(mongo_uri)
    client.drop_database(name)
    client.close()


ITEM = {"kind": "ticket", "description": "Send the contract"}
CONVERSATIONS = sorted((Path(__file__).parent.parent / "conversations").glob("*.yaml"))


@pytest.mark.parametrize("file", CONVERSATIONS, ids=[file.stem for file in CONVERSATIONS])
async def test_conversations_are_the_same_on_mongo(file: Path, mongo: dict[str, str], tmp_path: Path) -> None:
    await play(load(file), tmp_path, mongodb=(mongo["MONGODB_URI"], mongo["MONGODB_DATABASE"]))


async def test_what_models_cost_is_counted_and_bounded_on_mongo(mongo: dict[str, str], tmp_path: Path) -> None:
    async with open_scene(tmp_path, mongodb=(mongo["MONGODB_URI"], mongo["MONGODB_DATABASE"])) as scene:
        ana, store = scene.person("12025550123"), scene.app.store
        scene.model.name = "gpt-4o"
        scene.model.will(Said("Hello.", usage=Usage(0, 100_000)))
        await ana.says("What is the state of my order?")
        await ana.hears("Hello")
        await ana.says("What is the state of my order?")
        await ana.hears(say("en", "limit_reached"))
        cost = (await ana.conversation()).cost
        others = [Spending(store, scene.clock, SystemSettings(store, scene.clock)) for _ in range(5)]
        for spending in others:
            spending.add(7)
        await asyncio.gather(scene.app.spending.close(), *(spending.close() for spending in others))
        assert (cost.day_micros, await spent_on(store, cost.day)) == (1_000_000, 1_000_035)


async def test_a_call_is_filed_recorded_and_priced_on_mongo(mongo: dict[str, str], tmp_path: Path) -> None:
    exchange = Exchange({SID: ProviderCall("completed", Decimal("-0.0085"), "USD")}, {RECORDING: MP3})
    where = (mongo["MONGODB_URI"], mongo["MONGODB_DATABASE"])
    async with open_scene(tmp_path, mongodb=where, phone_provider=exchange) as scene:
        talking = await talk(scene)
        scene.model.will(Said("Of course."), Said(orjson.dumps(FORM | {"action_items": [ITEM]}).decode()))
        await talking.says("Send me the contract. Bye.")
        await talking.ends()
        news = {"RecordingSid": RECORDING, "RecordingStatus": "completed"}
        await scene.app.after_call.recordings.recorded(await talking.call(), news)
        await scene.passes(70)
        await scene.app.after_call.turns.add(talking.call_id, 1, line="relay", ended=2.0, first_audio=0.4)
        view = await scene.app.after_call.views.of(talking.call_id)
        assert view.call.ai_summary is not None
        assert view.call.ai_summary.action_items[0].became == view.tickets[0].id
        assert view.call.call_cost == Decimal("0.0085")
        assert view.recording_link is not None
        assert (await talking.conversation()).outcome is Outcome.INTERESTED
        assert len(view.turns) == 1
        await scene.app.after_call.recordings.delete(talking.call_id, by="user:boss")
        await scene.passes(1)
        assert exchange.deleted == [RECORDING]
        assert await scene.app.after_call.stale.sweep() == 0


def bot(*arguments: str, typed: str = "", **settings: str) -> Result:
    result = CliRunner().invoke(cli, arguments, input=typed, env={"BOT_DATA_DIR": "data", **settings})
    assert result.exception is None, result.exception
    return result


def test_a_conversation_begun_on_sqlite_goes_on_on_mongo(mongo: dict[str, str]) -> None:
    bot("chat", "--as", "+12025550123", typed="open a ticket: my internet is down\nskip\nyes\n")
    assert "records copied to MongoDB" in bot("migrate", "sqlite-to-mongo", **mongo).output
    goes_on = bot("chat", "--as", "+12025550123", typed="See my tickets\n", **mongo)
    assert "my internet is down" in goes_on.output
    assert "MongoDB" in bot("check", **mongo).output
    assert bot("migrate", "export", "out", **mongo).output
    for collection in ("customers", "conversations", "tickets"):
        assert len(Path("out", f"{collection}.jsonl").read_bytes().splitlines()) == 1


def test_files_of_an_export_are_loaded_into_mongo(mongo: dict[str, str]) -> None:
    bot("chat", "--as", "+12025550123", typed="hello\n")
    bot("migrate", "export", "out")
    bot("migrate", "import", "out", **mongo)
    goes_on = bot("chat", "--as", "+12025550123", typed="Talk to a person\n", **mongo)
    assert "passing you to a person" in goes_on.output
