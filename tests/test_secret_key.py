"""Where the secret key comes from."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.secret_key import load_secret_key

pytestmark = pytest.mark.unit

SET = "0123456789abcdef0123456789abcdef"


def test_a_key_that_is_set_is_the_one_and_nothing_is_written(tmp_path: Path) -> None:
    assert load_secret_key(SET, tmp_path) == SET.encode()
    assert list(tmp_path.iterdir()) == []


def test_without_one_it_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = load_secret_key("", folder)
    assert len(first) == 64
    assert load_secret_key("", folder) == first
    [file] = folder.iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == ("secret.key", 0o600)


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    assert load_secret_key("", tmp_path / "a") != load_secret_key("", tmp_path / "b")


def test_whoever_starts_at_once_ends_up_with_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        keys = list(threads.map(lambda _: load_secret_key("", tmp_path), range(64)))
    assert len(set(keys)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_a_short_key_is_refused_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^BOT_SECRET_KEY: must be at least 32 characters long; make one with") as caught:
        load_secret_key("hunter2", tmp_path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 64])
def test_a_broken_file_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret.key").write_bytes(content)
    with pytest.raises(SettingsError, match=r"secret\.key: .*(delete it|mend the file)"):
        load_secret_key("", tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(SettingsError, match=r"secret\.key: cannot be read or made \(.+\); set BOT_SECRET_KEY"):
        load_secret_key("", tmp_path / "data")
