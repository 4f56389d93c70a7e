"""A call that repeats what it hears, for tests of the simulated telephone: no engine behind it."""

from __future__ import annotations

from bot.app import App
from bot.channels.voice.base import CallInfo, Clause, Hears, Line, Played
from bot.channels.voice.detector import WebrtcDetector
from bot.channels.voice.scripted import ScriptedRecogniser, SilentVoice
from bot.channels.voice.simulator import SimulatedTelephone
from bot.channels.voice.speech import Speech
from bot.clock import SystemClock

GREETING = "Hello, this is a machine."


class Parrot:
    """Greets, and repeats."""

    def __init__(self, info: CallInfo, line: Line) -> None:
        self.info = info
        self._line = line
        self._count = 0
        self.pressed_keys: list[str] = []
        self.interruptions: list[Played | None] = []
        self.ended = ""
        self.say(GREETING)

    def say(self, text: str) -> None:
        self._count += 1
        self._line.speak(Clause(self._count, text, self.info.language))

    def heard(self, text: str, *, start: float, end: float, confidence: float | None = None, language: str = "") -> None:
        if text == "bye":
            self.say("Goodbye.")
            self._line.hang_up()
        else:
            self.say(f"You said: {text}. And so on, and so on, for quite a while, until somebody interrupts.")

    def hearing(self, text: str) -> None:
        return

    def interrupted(self, played: Played | None, words: str | None = None) -> None:
        self.interruptions.append(played)

    def played(self, clause: int) -> None:
        return

    def silent(self) -> None:
        return

    def pressed(self, digit: str) -> None:
        self.pressed_keys.append(digit)

    def failed(self, stage: str, clause: int | None = None) -> None:
        return

    def took(self, stage: str, seconds: float) -> None:
        return

    def over(self, reason: str) -> None:
        self.ended = reason


def telephone_of(app: App, parrots: list[Parrot], *, is_busy: bool = False) -> SimulatedTelephone:
    """A simulated telephone with parrots behind it."""

    async def answer(info: CallInfo, line: Line) -> Hears | None:
        if is_busy:
            return None
        parrots.append(Parrot(info, line))
        return parrots[-1]

    speech = Speech(SilentVoice(), ScriptedRecogniser())
    return SimulatedTelephone(app.phone_calls, SystemClock(), speech, WebrtcDetector, answer)
