"""Fixed sentences are made once; nothing that goes wrong with what is kept costs more than making them again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.channels.voice.audio_cache import CachedVoice
from bot.channels.voice.speech import Keeps, Voice
from bot.errors import SpeechError
from tests.channels.voice.sounds import whole

pytestmark = pytest.mark.unit

GREETING = "Hola, le atiende una inteligencia artificial."


class Counting:
    """A voice that counts how often it was asked, and speaks a piece whenever it may."""

    def __init__(self, name: str = "counting", *, free: bool = True) -> None:
        self.name = name
        self.asked: list[str] = []
        self.closed = 0
        self.fails = False
        self.may = asyncio.Semaphore(1000 if free else 0)

    async def speak(self, text: str, language: str) -> AsyncGenerator[bytes, None]:
        self.asked.append(text)
        try:
            for number in range(4):
                await self.may.acquire()
                if self.fails and number == 2:
                    raise SpeechError("the server broke off")
                yield f"{language}:{text}:{number};".encode()
        finally:
            self.closed += 1

    async def close(self) -> None:
        """There is nothing to close."""


def sound_of(text: str, language: str = "es") -> bytes:
    return b"".join(f"{language}:{text}:{number};".encode() for number in range(4))


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_a_fixed_sentence_is_made_once_also_over_a_restart(tmp_path: Path) -> None:
    voice = Counting()
    cached = CachedVoice(voice, tmp_path / "speech")
    for _ in range(3):
        assert await whole(cached.kept(GREETING, "es")) == sound_of(GREETING)
    await cached.close()
    again = CachedVoice(voice, tmp_path / "speech")
    assert await whole(again.kept(GREETING, "es")) == sound_of(GREETING)
    await again.close()
    assert voice.asked == [GREETING]


async def test_each_language_and_voice_has_its_own_sound(tmp_path: Path) -> None:
    one, two = Counting("one"), Counting("two")
    for voice in (one, two):
        cached = CachedVoice(voice, tmp_path)
        assert await whole(cached.kept("Hola", "es")) == sound_of("Hola", "es")
        assert await whole(cached.kept("Hola", "en")) == sound_of("Hola", "en")
        await cached.close()
    assert one.asked == two.asked == ["Hola", "Hola"]
    assert len(files(tmp_path)) == 4


async def test_what_is_only_said_is_never_kept(tmp_path: Path) -> None:
    voice = Counting()
    cached = CachedVoice(voice, tmp_path / "speech")
    for _ in range(2):
        assert await whole(cached.speak("Su código es 123456", "es")) == sound_of("Su código es 123456")
    await cached.close()
    assert len(voice.asked) == 2
    assert not (tmp_path / "speech").exists()


async def test_a_files_name_tells_nothing_of_the_words(tmp_path: Path) -> None:
    cached = CachedVoice(Counting(), tmp_path)
    await whole(cached.kept(GREETING, "es"))
    await cached.close()
    [file] = files(tmp_path)
    assert len(file.stem) == 64
    assert set(file.stem) <= set("0123456789abcdef")


@pytest.mark.parametrize("damaged", [b"", b"short", b"x" * 400])
async def test_a_damaged_file_is_made_anew(damaged: bytes, tmp_path: Path) -> None:
    voice = Counting()
    first = CachedVoice(voice, tmp_path)
    await whole(first.kept(GREETING, "es"))
    await first.close()
    [file] = files(tmp_path)
    good = file.read_bytes()
    file.write_bytes(damaged)
    second = CachedVoice(voice, tmp_path)
    assert await whole(second.kept(GREETING, "es")) == sound_of(GREETING)
    await second.close()
    assert file.read_bytes() == good
    assert len(voice.asked) == 2


async def test_a_single_bit_is_noticed(tmp_path: Path) -> None:
    voice = Counting()
    first = CachedVoice(voice, tmp_path)
    await whole(first.kept(GREETING, "es"))
    await first.close()
    [file] = files(tmp_path)
    held = bytearray(file.read_bytes())
    held[-1] ^= 1
    file.write_bytes(held)
    assert await whole(CachedVoice(voice, tmp_path).kept(GREETING, "es")) == sound_of(GREETING)
    assert len(voice.asked) == 2


async def test_many_who_ask_at_once_share_one_making_and_hear_it_as_it_comes(tmp_path: Path) -> None:
    voice = Counting(free=False)
    cached = CachedVoice(voice, tmp_path)
    first, second = cached.kept(GREETING, "es"), cached.kept(GREETING, "es")
    voice.may.release()
    assert await anext(first) == await anext(second) == f"es:{GREETING}:0;".encode()
    for _ in range(3):
        voice.may.release()
    assert await whole(first) == await whole(second) == sound_of(GREETING)[len(f"es:{GREETING}:0;".encode()) :]
    await cached.close()
    assert len(voice.asked) == 1


async def test_who_asked_first_may_go_away_and_the_sentence_is_still_kept(tmp_path: Path) -> None:
    voice = Counting(free=False)
    cached = CachedVoice(voice, tmp_path)
    impatient = cached.kept(GREETING, "es")
    voice.may.release()
    await anext(impatient)
    await impatient.aclose()
    for _ in range(3):
        voice.may.release()
    assert await whole(cached.kept(GREETING, "es")) == sound_of(GREETING)
    await cached.close()
    assert len(voice.asked) == 1


async def test_a_failure_is_told_to_all_who_wait_and_keeps_nothing(tmp_path: Path) -> None:
    voice = Counting()
    voice.fails = True
    cached = CachedVoice(voice, tmp_path)
    told = await asyncio.gather(*(whole(cached.kept(GREETING, "es")) for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in told] == ["the server broke off"] * 3
    voice.fails = False
    assert await whole(cached.kept(GREETING, "es")) == sound_of(GREETING)
    await cached.close()
    assert len(voice.asked) == 2


async def test_closing_ends_what_is_being_made(tmp_path: Path) -> None:
    voice = Counting(free=False)
    cached = CachedVoice(voice, tmp_path)
    waiting = asyncio.create_task(whole(cached.kept(GREETING, "es")))
    while not voice.asked:
        await asyncio.sleep(0.001)
    await cached.close()
    with pytest.raises(SpeechError, match="not finished"):
        await waiting
    assert voice.closed == 1
    assert files(tmp_path) == []


async def test_closing_before_a_making_has_begun_leaves_nobody_waiting(tmp_path: Path) -> None:
    cached = CachedVoice(Counting(), tmp_path)
    waiting = asyncio.create_task(whole(cached.kept(GREETING, "es")))
    await asyncio.sleep(0)
    await cached.close()
    with pytest.raises(SpeechError, match="closed"):
        await waiting


async def test_memory_keeps_what_was_asked_for_last(tmp_path: Path) -> None:
    voice = Counting()
    cached = CachedVoice(voice, tmp_path / "file" / "in the way", in_memory=3 * len(sound_of("a")))
    (tmp_path / "file").write_text("no directory")
    for text in ("a", "b", "c", "a", "d", "a", "c", "b"):
        assert await whole(cached.kept(text, "es")) == sound_of(text)
    await cached.close()
    assert voice.asked == ["a", "b", "c", "d", "b"]


async def test_the_disk_keeps_within_its_bound(tmp_path: Path) -> None:
    room = 3 * (32 + len(sound_of("a")))
    cached = CachedVoice(Counting(), tmp_path, on_disk=room)
    for text in "abcdef":
        await whole(cached.kept(text, "es"))
    await cached.close()
    assert sum(file.stat().st_size for file in files(tmp_path)) <= room
    assert files(tmp_path)


async def test_it_is_a_voice_that_keeps(tmp_path: Path) -> None:
    cached: Voice = CachedVoice(Counting(), tmp_path)
    assert isinstance(cached, Keeps)
    assert not isinstance(Counting(), Keeps)
