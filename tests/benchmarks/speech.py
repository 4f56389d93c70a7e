"""What a second of speech costs our process between a speech server and the telephone, and how soon its first byte goes on.

python -m tests.benchmarks.speech
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import aclosing

from bot.breakers import Breakers
from bot.channels.voice import mulaw
from bot.channels.voice.openai_speech import OpenAIVoice
from bot.channels.voice.resampling import FromTelephone, ToTelephone
from bot.channels.voice.speech_server import SpeechServer
from bot.channels.voice.wav import PcmReader
from bot.clock import SystemClock
from bot.testing.openai import FakeOpenAI
from bot.testing.openai_audio import Sound, tone
from tests.benchmarks.common import judge, middle, spread

SECONDS = 20
ROUNDS = 7
CLAUSES = 200
PCM = tone(SECONDS, 24_000)
CPU_BAR = 2.0
DELAY_BAR = 30.0
OWN_BAR = 1.0


def cpu_per_second(feed: Callable[[], Callable[[bytes], bytes]], sound: bytes, piece: int) -> list[float]:
    """Milliseconds of CPU for a second of speech, in each of several rounds."""
    found = []
    for _ in range(ROUNDS):
        began, resample = time.process_time(), feed()
        for at in range(0, len(sound), piece):
            resample(sound[at : at + piece])
        found.append((time.process_time() - began) / SECONDS * 1000)
    return found


def sound_until_first_byte() -> float:
    """Milliseconds of sound that must have come before the first byte goes on, where it comes a millisecond at a time."""
    telephone = ToTelephone(24_000)
    for milliseconds in range(1, 500):
        if telephone.feed(PCM[milliseconds * 48 - 48 : milliseconds * 48]):
            return float(milliseconds)
    raise SystemExit("no sound at all")


def own_delays() -> list[float]:
    """Milliseconds from the first 100 ms of a clause in hand to their mu-law."""
    found = []
    for _ in range(CLAUSES):
        began = time.perf_counter()
        reader = PcmReader(24_000)
        ToTelephone(reader.rate).feed(reader.feed(PCM[:4800]))
        found.append((time.perf_counter() - began) * 1000)
    return found


async def whole_delays() -> list[float]:
    """Milliseconds from asking for a clause to its first mu-law, by HTTP to a server that has it ready; both in this process."""
    found = []
    async with FakeOpenAI() as server:
        voice = OpenAIVoice(SpeechServer("", server.url, Breakers(SystemClock()).of("speech")), "any", {"": "any"})
        for _ in range(CLAUSES):
            server.audio.will_speak(Sound(PCM[:9600], piece=4800))
            began = time.perf_counter()
            async with aclosing(voice.speak("hola", "es")) as pieces:
                await anext(pieces)
                found.append((time.perf_counter() - began) * 1000)
                async for _ in pieces:
                    pass
        await voice.close()
    return found


def main() -> None:
    print(f"a second of speech in CPU, {SECONDS} s a round, {ROUNDS} rounds, median (lowest to highest):")
    for milliseconds in (20, 100, 200):
        figures = cpu_per_second(lambda: ToTelephone(24_000).feed, PCM, milliseconds * 48)
        print(f"  24 kHz -> mu-law, {milliseconds} ms a piece: {spread(figures)} ms")
    down = middle(figures)
    sound = mulaw.encode(tone(SECONDS, 8_000))
    print(f"  mu-law -> 16 kHz, 500 ms a piece: {spread(cpu_per_second(lambda: FromTelephone(16_000).feed, sound, 4000))} ms")
    print(f"  asking for a clause to its first mu-law, the fake server's work included: {spread(asyncio.run(whole_delays()))} ms")
    holds = [
        judge("CPU of a second of speech", down, CPU_BAR, " ms"),
        judge("sound that must have come until the first byte goes on", sound_until_first_byte(), DELAY_BAR, " ms"),
        judge("first PCM in hand to first mu-law, median", middle(own_delays()), OWN_BAR, " ms"),
    ]
    sys.exit(0 if all(holds) else 1)


if __name__ == "__main__":
    main()
