"""`bot migrate` as its user runs it."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from bot.__main__ import cli
from bot.errors import DataInUse, SettingsError, StoreUnavailable
from bot.store.local import DataDirectory

pytestmark = pytest.mark.scenario


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MONGODB_URI", "REDIS_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "WHATSAPP_PHONE_ID"):
        monkeypatch.delenv(name, raising=False)


def bot(*arguments: str, typed: str = "", data: str = "data", **settings: str) -> Result:
    return CliRunner().invoke(cli, arguments, input=typed, env={"BOT_DATA_DIR": data, **settings})


def test_a_conversation_moves_from_one_place_to_another_and_goes_on_there() -> None:
    talked = bot("chat", "--as", "+12025550123", typed="open a ticket: my internet is down\nskip\nyes\n")
    assert "TICKET-" in talked.output
    assert bot("migrate", "export", "out").exit_code == 0
    moved = bot("migrate", "import", "out", data="elsewhere")
    assert "records loaded from out" in moved.output
    goes_on = bot("chat", "--as", "+12025550123", typed="See my tickets\n", data="elsewhere")
    assert "my internet is down" in goes_on.output
    assert goes_on.output.count("TICKET-") == 1


def test_export_tells_how_far_it_is_and_writes_a_file_per_collection(tmp_path: Path) -> None:
    bot("chat", typed="hello\n")
    out = bot("migrate", "export", "out")
    assert "customers: 1" in out.stderr
    [line] = (tmp_path / "out" / "customers.jsonl").read_bytes().splitlines()
    assert "firstContact" in orjson.loads(line)
    assert not list((tmp_path / "out").glob("*.part"))


def test_importing_under_a_working_server_is_refused(tmp_path: Path) -> None:
    bot("chat", typed="hello\n")
    bot("migrate", "export", "out")
    with DataDirectory.hold(tmp_path / "data"):
        refused = bot("migrate", "import", "out")
    assert isinstance(refused.exception, DataInUse)


def test_a_backup_is_a_store() -> None:
    bot("chat", "--as", "+12025550123", typed="hello\n")
    Path("copy").mkdir()
    assert bot("migrate", "backup", "copy/bot.db").exit_code == 0
    sent = bot("send", "+12025550123", "News", data="copy")
    assert "sent" in sent.output


def test_bringing_up_to_date_can_always_be_run() -> None:
    assert "0 records brought up to date" in bot("migrate").output


def test_user_threads_need_to_know_our_number_and_are_taken_over(tmp_path: Path) -> None:
    assert isinstance(bot("migrate", "userthreads").exception, SettingsError)
    (tmp_path / "in").mkdir()
    line = {"_id": "5f1", "userId": "+12025550123", "threadId": "thread_1", "messageCount": 3}
    (tmp_path / "in" / "userthreads.jsonl").write_bytes(orjson.dumps(line))
    bot("migrate", "import", "in")
    done = bot("migrate", "userthreads", WHATSAPP_PHONE_ID="106540352242922")
    assert "1 taken over, 0 were already, 0 refused" in done.output


def test_going_to_mongo_needs_an_address() -> None:
    refused = bot("migrate", "sqlite-to-mongo")
    assert isinstance(refused.exception, SettingsError)
    assert "MONGODB_URI" in str(refused.exception)


def test_a_backup_of_what_is_on_mongo_is_refused_instead_of_copying_something_else() -> None:
    refused = bot("migrate", "backup", "copy.db", MONGODB_URI="mongodb://127.0.0.1:1/")
    assert isinstance(refused.exception, SettingsError)
    assert not Path("copy.db").exists()


def test_a_mistyped_directory_is_not_moved_as_an_empty_store() -> None:
    refused = bot("migrate", "export", "out", data="typo")
    assert isinstance(refused.exception, StoreUnavailable)
    assert not Path("typo").exists()


def test_what_is_exported_is_for_its_owner_only() -> None:
    bot("chat", typed="hello\n")
    bot("migrate", "export", "out")
    assert Path("out").stat().st_mode & 0o077 == 0
    assert Path("out", "messages.jsonl").stat().st_mode & 0o077 == 0
