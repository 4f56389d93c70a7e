"""Somebody on the telephone: dials, hears, speaks, presses keys, hangs up; and the Twilio in between, which obeys our TwiML."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.running import end_tasks
from bot.testing.twilio.documents import BadDocument, Verb, read
from bot.testing.twilio.relay import Plan, RelayEnd
from bot.testing.twilio.stream import StreamEnd
from bot.testing.twilio.vendor import OURS, VOICE, Answer, Vendor, new_call_sid

_MOST_STEPS = 60
"""Documents in a row without anybody being listened to: it goes round in circles."""


class Carried(Protocol):
    """A websocket that carries the call, as the caller sees it."""

    plan: Plan | None
    """What they will say over the next that is said to them."""

    async def run(self) -> None:
        """Until it is over."""

    async def says(self, text: str) -> None: ...
    async def presses(self, digits: str) -> None: ...
    async def hangs_up(self) -> None: ...
    async def breaks(self) -> None: ...

    def outcome(self) -> dict[str, str]:
        """What the action URL is told of it."""


@dataclass
class Rung:
    """Somebody who was dialled for the caller."""

    to: str
    caller_id: str


@dataclass
class FakeCaller:
    """One call. `speed` is how many times faster than real its pauses pass."""

    vendor: Vendor
    number: str
    ours: str = OURS
    sid: str = field(default_factory=new_call_sid)
    direction: str = "inbound"
    speed: float = 1000.0
    tells_status: bool = True
    """Whether the number has a status callback."""
    answers_dial: bool = True
    """Whether somebody answers who is dialled for the caller."""
    passes: Callable[[float], Awaitable[None]] | None = None
    """Lets so many seconds of the call go by; by default they are slept, `speed` times faster."""
    url: str = VOICE
    """What Twilio asks when the call begins; of a call that we placed, the address that was given."""
    status_url: str = f"{VOICE}/status"
    amd_url: str = f"{VOICE}/amd"

    heard: list[str] = field(default_factory=list)
    """What was said to them, in order."""
    languages: list[str] = field(default_factory=list)
    """In which language each of it was."""
    documents: list[str] = field(default_factory=list)
    """The TwiML that was answered, in order."""
    rung: list[Rung] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)
    """Where news of a recording is to be told, for each that was started."""
    status: str = "ringing"
    trouble: Exception | None = None
    """What went wrong on Twilio's side while a websocket carried the call."""
    gather: Verb | None = None
    """Where we listen to them now."""
    carried: Carried | None = None
    """The websocket that carries the call now."""

    @classmethod
    def called(cls, vendor: Vendor, sid: str, form: Mapping[str, str], **options: Any) -> FakeCaller:
        """Somebody whom we call, by the form with which Twilio was asked to (`FakeRest.placed`)."""
        addresses: dict[str, Any] = {
            "url": form["Url"],
            "status_url": form["StatusCallback"],
            "amd_url": form["AsyncAmdStatusCallback"],
        }
        return cls(vendor, form["To"], ours=form["From"], sid=sid, direction="outbound-api", **addresses, **options)

    def __post_init__(self) -> None:
        self._sequence = 0
        self._lasted = 0.0
        """Seconds, by what took time."""
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.last_posted: tuple[str, dict[str, str]] = ("", {})
        """The last webhook: where and what, to be posted again."""

    # What the caller does

    async def calls(self, **fields: str) -> None:
        """Dials (or answers, where we call them), and hears what is said until somebody listens, or it is over."""
        await self._obey(await self._post(self.url, **fields))

    async def says(self, text: str, confidence: float = 0.93) -> None:
        """Says something, where they are listened to; hears the answer."""
        if self.carried is not None:
            await self.carried.says(text)
            return
        await self._answer_gather(SpeechResult=text, Confidence=str(confidence))

    async def presses(self, digits: str) -> None:
        """Presses keys."""
        if self.carried is not None:
            await self.carried.presses(digits)
            return
        await self._answer_gather(Digits=digits)

    def will_interrupt(self, text: str, after: int = 3) -> None:
        """They will say this in the middle of the next that is said to them, so many words after its beginning."""
        assert self.carried is not None, "on the plain way nobody knows when somebody began to speak"
        self.carried.plan = Plan(text, after)

    async def keeps_silent(self) -> None:
        """Says nothing until the time is over."""
        assert self.gather is not None, "nobody listens"
        if self.gather.attributes.get("actionOnEmptyResult") == "true":
            await self._answer_gather()
        else:
            await self._obey_verbs(self._after_gather)

    async def hangs_up(self) -> None:
        """Hangs up, whatever is going on; Twilio tells that the call is over."""
        self.gather = None
        carried, self.carried = self.carried, None
        await self._ended("completed")
        if carried is not None:
            await carried.hangs_up()
        if self._task is not None:
            async with asyncio.timeout(40):
                await self._task

    async def breaks(self) -> None:
        """The websocket that carries the call breaks off."""
        assert self.carried is not None, "no websocket carries the call"
        await self.carried.breaks()

    async def ends(self, within: float = 30.0) -> None:
        """Waits until we have ended the call."""
        async with asyncio.timeout(within):
            while not self.is_over and self.trouble is None:
                await self.waits()
            if self._task is not None:
                await self._task

    async def opens(self, way: str, **parameters: str) -> None:
        """Opens a websocket without having been told to, with these parameters; comes back when it is over."""
        url = f"ws{self.vendor.public_url.removeprefix('http')}{VOICE}/{way}"
        nested = tuple(Verb("Parameter", {"name": name, "value": value}, "") for name, value in parameters.items())
        noun = Verb("ConversationRelay" if way == "relay" else "Stream", {"url": url}, "", nested)
        end: Carried = RelayEnd(self, noun, self._passes) if way == "relay" else StreamEnd(self, noun)
        async with asyncio.timeout(30):
            await end.run()

    async def is_listened_to(self, within: float = 30.0) -> None:
        """Waits until a document listens to them, or it is over: behind a websocket that carried the call."""
        async with asyncio.timeout(within):
            while self.gather is None and not self.is_over and self.trouble is None:
                await self.waits()
        if self.trouble is not None:
            raise self.trouble

    async def hears(self, *parts: str, within: float = 30.0) -> str:
        """Waits until something was said with all these words, in any case; all that was said, in one text."""
        async with asyncio.timeout(within):
            while True:
                everything = " ".join(self.heard)
                if all(part.casefold() in everything.casefold() for part in parts):
                    return everything
                self._news.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), 0.25)

    def has_heard(self, *parts: str) -> bool:
        """Whether all these words were said by now, in any case."""
        everything = " ".join(self.heard).casefold()
        return all(part.casefold() in everything for part in parts)

    @property
    def is_over(self) -> bool:
        return self.status in ("completed", "busy", "failed", "no-answer", "canceled")

    # What Twilio does

    async def tells(self, status: str, *, sequence: int | None = None, **fields: str) -> Answer:
        """A status callback, with the next number or this one: the order is the test's to mix up."""
        number = self._sequence if sequence is None else sequence
        self._sequence = max(self._sequence, number) + 1
        extra = {"CallbackSource": "call-progress-events", "Timestamp": self.vendor.timestamp(), "SequenceNumber": str(number)}
        return await self.vendor.post(self.status_url, {**self.fields(), "CallStatus": status, **extra, **fields})

    async def tells_machine(self, answered_by: str, milliseconds: int = 3460) -> Answer:
        """The asynchronous result of answering machine detection."""
        found = {"AnsweredBy": answered_by, "MachineDetectionDuration": str(milliseconds)}
        short = {name: value for name, value in self.fields().items() if name in ("AccountSid", "CallSid")}
        return await self.vendor.post(self.amd_url, {**short, **found})

    async def tells_recording(self, sid: str, seconds: int = 12, status: str = "completed") -> Answer:
        """A recording is there."""
        where = f"https://api.twilio.com/2010-04-01/Accounts/{self.vendor.account_sid}/Recordings/{sid}"
        news = {"RecordingSid": sid, "RecordingUrl": where, "RecordingStatus": status, "RecordingDuration": str(seconds)}
        more = {
            "RecordingChannels": "2",
            "RecordingSource": "StartCallRecordingTwiML",
            "RecordingTrack": "both",
            "ErrorCode": "0",
        }
        short = {name: value for name, value in self.fields().items() if name in ("AccountSid", "CallSid")}
        url = self.recordings[-1] if self.recordings else f"{VOICE}/recording"
        return await self.vendor.post(url, {**short, **news, **more})

    async def again(self) -> Answer:
        """Posts the last webhook once more, as Twilio does when the answer was lost; nobody obeys what comes back."""
        url, fields = self.last_posted
        return await self.vendor.post(url, fields)

    def fields(self) -> dict[str, str]:
        """What every request of a call says."""
        inbound = self.direction == "inbound"
        from_, to = (self.number, self.ours) if inbound else (self.ours, self.number)
        return {
            "AccountSid": self.vendor.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self.sid,
            "CallStatus": self.status,
            "Direction": self.direction,
            "From": from_,
            "To": to,
            "Caller": from_,
            "Called": to,
            "FromCity": "",
            "FromState": "",
            "FromCountry": "US",
            "ToCountry": "US",
        }

    def spoken(self, text: str, language: str = "") -> None:
        """Something was said to them."""
        self.heard.append(text)
        self.languages.append(language)
        self._news.set()

    async def _post(self, url: str, **fields: str) -> Sequence[Verb]:
        self.last_posted = (url, {**self.fields(), **fields})
        answer = await self.vendor.post(*self.last_posted)
        if answer.status != 200:
            raise BadDocument(f"{url} was answered with {answer.status}: Twilio says that an application error has occurred")
        self.documents.append(answer.body)
        return read(answer.body)

    async def _answer_gather(self, **fields: str) -> None:
        gather, self.gather = self.gather, None
        assert gather is not None, f"nobody listens; heard so far: {self.heard}"
        await self._obey(await self._post(gather.attributes["action"], **fields))

    async def _obey(self, verbs: Sequence[Verb]) -> None:
        """Does what a document says, and the next, until the caller is listened to, is carried by a websocket, or is gone."""
        for _ in range(_MOST_STEPS):
            following = await self._obey_verbs(verbs)
            if following is None:
                return
            verbs = following
        raise BadDocument("it goes round in circles")

    async def _obey_verbs(self, verbs: Sequence[Verb]) -> Sequence[Verb] | None:
        """The next document; None where it does not go on by itself."""
        for index, verb in enumerate(verbs):
            if verb.name != "Reject" and self.status == "ringing":
                self.status = "in-progress"
            match verb.name:
                case "Say" | "Play":
                    self.spoken(verb.text, verb.attributes.get("language", ""))
                case "Pause":
                    await self._passes(float(verb.attributes.get("length", "1")))
                case "Start":
                    self.recordings.extend(r.attributes["recordingStatusCallback"] for r in verb.all("Recording"))
                case "Gather":
                    for said in verb.all("Say"):
                        self.spoken(said.text, said.attributes.get("language", ""))
                    self.gather, self._after_gather = verb, verbs[index + 1 :]
                    return None
                case "Redirect":
                    return await self._post(verb.text)
                case "Dial":
                    return await self._post(verb.attributes["action"], **self._dialled(verb))
                case "Connect":
                    self._connect(verb)
                    return None
                case "Hangup":
                    break
                case "Reject":
                    await self._ended("busy" if verb.attributes.get("reason") == "busy" else "no-answer")
                    return None
        await self._ended("completed")
        return None

    def _dialled(self, verb: Verb) -> dict[str, str]:
        to = [one.text for one in verb.nested if one.name in ("Number", "Sip")] or [verb.text]
        self.rung.append(Rung(to[0], verb.attributes.get("callerId", "")))
        if self.answers_dial:
            return {"DialCallStatus": "completed", "DialCallSid": new_call_sid(), "DialCallDuration": "33", "DialBridged": "true"}
        return {"DialCallStatus": "no-answer", "DialCallSid": new_call_sid()}

    def _connect(self, verb: Verb) -> None:
        for noun in verb.nested:
            if noun.name == "ConversationRelay":
                self.carried = RelayEnd(self, noun, self._passes)
            elif noun.name == "Stream":
                self.carried = StreamEnd(self, noun)
        if self.carried is None:
            raise BadDocument(f"nobody carries {verb.nested}")
        self._task = asyncio.create_task(self._carry(self.carried, verb.attributes.get("action", "")))

    async def _carry(self, carried: Carried, action: str) -> None:
        """The call over its websocket, and what is asked for after that."""
        try:
            await carried.run()
            self.carried = None
            if action:
                following = await self._post(action, **carried.outcome())
                if not self.is_over:
                    await self._obey(following)
            elif not self.is_over:
                await self._ended("completed")
        except Exception as error:
            self.trouble = error
            raise
        finally:
            self._news.set()

    async def _ended(self, status: str) -> None:
        if self.is_over:
            return
        self.status = status
        self.gather = None
        self._news.set()
        if self.tells_status:
            await self.tells(status, CallDuration=str(int(self._lasted)), Duration="1", SipResponseCode="200")

    async def close(self) -> None:
        """Nothing is left of it, whatever was going on."""
        if self._task is not None:
            await end_tasks(self._task)

    async def waits(self, seconds: float = 0.01) -> None:
        """Lets a moment go by, on the wall's clock; on one that a test moves five times as much."""
        await asyncio.sleep(seconds)
        if self.passes is not None:
            await self._passes(5 * seconds)

    async def _passes(self, seconds: float) -> None:
        self._lasted += seconds
        if self.passes is not None:
            await self.passes(seconds)
        else:
            await asyncio.sleep(seconds / self.speed)
