"""`bot knowledge sync` as its user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.__main__ import cli
from bot.errors import ResourceError

pytestmark = pytest.mark.scenario

ARTICLE = """---
title: Parking
language: en
category: shop
examples:
  - "where can I park"
---
## Where can I park?
Behind the shop.
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MONGODB_URI", "REDIS_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def sync(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["knowledge", "sync", *arguments])


def test_our_own_articles_are_taken_over_and_a_second_time_nothing_changes() -> None:
    assert "0 changed, 0 removed, 0 as they were" in sync().output
    assert sync().output.startswith("0 added, 0 changed, 0 removed, ")


def test_a_folder_takes_the_place_of_the_one_before_and_a_dry_run_only_tells(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "parking.en.md").write_text(ARTICLE)
    assert sync("articles").output == ("added  parking.en.1\n1 added, 0 changed, 0 removed, 0 as they were\n")
    (folder / "parking.en.md").unlink()
    dry = "removed  parking.en.1\n0 added, 0 changed, 1 removed, 0 as they were; nothing was written (--dry-run)\n"
    assert sync("articles", "--dry-run").output == dry
    assert sync("articles", "--dry-run").output == dry


def test_a_broken_article_is_one_line_and_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "parking.md").write_text(ARTICLE)
    broken = sync("articles")
    assert isinstance(broken.exception, ResourceError)
    assert str(broken.exception).startswith("parking.md: must be named")
    assert sync("nowhere").exit_code == 1
