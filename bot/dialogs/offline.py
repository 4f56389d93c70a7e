"""Serves without a model: no key, or the model is down. It is a `Model` like any other: the same loop, tools, journal.

What somebody wants is told by the nearest examples (`intents`): a flow is begun, an article quoted with its source, smalltalk
answered; for the rest there are a ticket and a person. It says nothing that is not one of our own sentences or articles.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.dialogs.form import ASKING
from bot.dialogs.intents import ARTICLE, IntentGuess, Intents
from bot.dialogs.llm import ModelRequest, ModelStep, ToolCall
from bot.dialogs.task import CONFIRMED
from bot.dialogs.telling import told
from bot.dialogs.wanted import SMALLTALK, is_bare, wanted
from bot.dialogs.wishes import denies_person, wants_person
from bot.errors import NOT_DONE
from bot.message import EMPTY_MESSAGE
from bot.resources import LANGUAGES, say
from bot.services.knowledge import Knowledge
from bot.services.quoting import answer_from

_READ = 1000
"""Characters of a message by which it is told what it wants."""
_ABOUT_LENGTH = 8000
_PLEA_CONFIDENCE = 0.4
"""Below it a person is offered rather than called: "the agent told me to wait" asks for none."""
_OFFER_LENGTH = 1024
"""Characters above buttons."""
_OPTIONS = {
    "option_ticket": "open_ticket",
    "option_my_tickets": "ticket_status",
    "option_callback": "book_callback",
}
"""Our buttons, and the flow that each begins."""


class Offline:
    """Makes the model that serves without one, in a language, for a turn."""

    def __init__(self, intents: Intents, knowledge: Knowledge) -> None:
        self._intents = intents
        self._knowledge = knowledge

    def __call__(self, language: str, turn: str = "") -> OfflineModel:
        return OfflineModel(language, turn, self._intents, self._knowledge)


class OfflineModel:
    """Answers one turn, in one language."""

    def __init__(self, language: str, turn: str, intents: Intents, knowledge: Knowledge) -> None:
        self._language = language
        self._turn = turn
        self._intents = intents
        self._knowledge = knowledge

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        step = await self._next(request)
        if step.text:
            yield step.text
        yield step

    async def close(self) -> None:
        return

    async def _next(self, request: ModelRequest) -> ModelStep:
        last = request.messages[-1]
        if last["role"] == "tool":
            return self._told(request)
        if _has_other_moves(request):
            return _said(say(self._language, "no_model"))
        content = str(last["content"]).strip()
        *before, chosen = content.split("\n")  # a burst has a line for each message
        option = next((name for name in _OPTIONS if _is_option(chosen, name)), None)
        if option is not None:
            about = _without_options(before)
            return self._begin(request, _OPTIONS[option], about or (_problem(request) if option == "option_ticket" else ""))
        if any(map(_asks_for_person, (*before, chosen))):
            return self._hand_over(content)
        return await self._answer(request, content)

    async def _answer(self, request: ModelRequest, text: str) -> ModelStep:
        if is_bare(text):
            return self._offer(say(self._language, "offline_what", seed=self._turn))
        await self._knowledge.refresh()
        guess = wanted(self._intents, text, self._language)
        if guess.is_in_scope and guess.name == "talk_to_person" and _is_plea(text, guess):
            return self._hand_over(text)
        if guess.is_in_scope and guess.name == "opt_out" and _offers(request, "opt_out"):
            return _call("opt_out", words=text[:500])
        if guess.is_in_scope and guess.name in SMALLTALK:
            return self._small_talk(guess.name)
        if guess.is_in_scope and guess.name not in (ARTICLE, "talk_to_person"):
            return self._begin(request, guess.name, text)
        quoted = await self._quote(text, guess) if guess.is_in_scope and guess.name == ARTICLE else ""
        if not quoted:
            return self._offer(say(self._language, "no_answer"))
        is_beside = ASKING in str(request.messages[0]["content"])  # then the flow's question comes right after it
        return _said(quoted) if is_beside or len(quoted) > _OFFER_LENGTH else self._offer(quoted)

    async def _quote(self, text: str, guess: IntentGuess) -> str:
        passages = await self._knowledge.find(text[:_READ], self._language)
        about = [passage for passage in passages if passage.topic == guess.topic] or passages
        quote = answer_from(about, text[:_READ], self._language)
        return quote.said() if quote is not None else ""

    def _small_talk(self, name: str) -> ModelStep:
        text = say(self._language, f"offline_{name}", seed=self._turn)
        return self._offer(text) if name in ("greeting", "who_are_you") else _said(text)

    def _begin(self, request: ModelRequest, flow: str, about: str) -> ModelStep:
        if _offers(request, "start_flow"):
            return _call("start_flow", name=flow, about=about[:_ABOUT_LENGTH])
        return self._offer(say(self._language, "no_answer"))

    def _hand_over(self, text: str) -> ModelStep:
        return _call("hand_to_person", reason=" ".join(text.split())[:300])

    def _offer(self, text: str) -> ModelStep:
        options = [say(self._language, name) for name in ("option_ticket", "option_callback", "option_person")]
        return _call("offer_choices", text=text, options=options)

    def _told(self, request: ModelRequest) -> ModelStep:
        """What the tools of this turn came to, in the person's words: their results are for a model, and in English."""
        results = _results(request.messages)
        done = [text for result in results if (text := self._done(result))]
        if done:
            return _said("\n".join(done))
        last = results[-1]
        if last.failed:
            return self._failed(request)
        if last.tool == "list_my_tickets":  # its lines are made of our own sentences
            return _said(say(self._language, "no_tickets") if last.text == "the person has no tickets" else last.text)
        if _has_other_moves(request):
            return _said(say(self._language, "no_model"))
        return self._offer(say(self._language, "no_answer"))

    def _failed(self, request: ModelRequest) -> ModelStep:
        text = say(self._language, "sorry_failed")
        return self._offer(text) if _offers(request, "offer_choices") else _said(text)

    def _done(self, result: _Told) -> str:
        """What to say of something that was done; empty where there are no words for it."""
        if result.failed:
            return ""
        text = told(self._language, result.tool, result.arguments, result.text)
        return text or (say(self._language, "done", seed=self._turn) if result.call_id == CONFIRMED else "")


@dataclass(frozen=True, slots=True)
class _Told:
    """What one tool gave back."""

    call_id: str
    tool: str
    arguments: Mapping[str, Any]
    text: str

    @property
    def failed(self) -> bool:
        return self.text.startswith(NOT_DONE)


def _said(text: str) -> ModelStep:
    return ModelStep(text, model="offline")


def _call(tool: str, /, **arguments: object) -> ModelStep:
    call = ToolCall(f"offline_{tool}", tool, json.dumps(arguments, ensure_ascii=False))
    return ModelStep("", (call,), finish_reason="tool_calls", model="offline")


def _offers(request: ModelRequest, name: str) -> bool:
    return any(tool["function"]["name"] == name for tool in request.tools)


def _has_other_moves(request: ModelRequest) -> bool:
    """Whether the agent is not one for customers: what it could offer instead is not known here."""
    return bool(request.tools) and not (_offers(request, "offer_choices") or _offers(request, "hand_to_person"))


def _results(messages: Sequence[Mapping[str, Any]]) -> list[_Told]:
    """What the tools gave back since the person's last words, in order; the same call once."""
    last = max(place for place, message in enumerate(messages) if message["role"] == "user")
    calls = {call["id"]: call["function"] for message in messages[last:] for call in message.get("tool_calls", ())}
    results: dict[tuple[str, str], _Told] = {}
    for message in messages[last:]:
        if message["role"] == "tool":
            call = calls.get(id_ := str(message["tool_call_id"]), {"name": "", "arguments": ""})
            name, text = str(call["name"]), str(message["content"])
            results[name, text] = _Told(id_, name, _arguments(call["arguments"]), text)
    return list(results.values())


def _arguments(text: object) -> Mapping[str, Any]:
    try:
        found = json.loads(str(text))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_option(text: str, name: str) -> bool:
    """Whether somebody tapped this option, or typed its words, in any of our languages."""
    said = text.casefold().strip(" .!")
    return any(said == say(language, name).casefold() for language in LANGUAGES)


def _asks_for_person(text: str) -> bool:
    """Whether somebody tapped the option of a person, or asks for one in words, in any of our languages."""
    return _is_option(text, "option_person") or wants_person(text)


def _is_plea(text: str, guess: IntentGuess) -> bool:
    """Whether a guess that they want a person is believed: not for one word, nor where a person is spoken of otherwise."""
    return guess.confidence >= _PLEA_CONFIDENCE and len(text.split()) > 1 and not denies_person(text)


def _problem(request: ModelRequest) -> str:
    """What the ticket is to be about: the last that the person wrote, without our options and without asking for a person."""
    for message in reversed(request.messages[:-1]):
        content = str(message.get("content") or "")
        if message["role"] == "user" and (problem := _without_options(content.split("\n"))):
            return problem
        if message["role"] == "assistant" and _closes_a_ticket(content):
            return ""
    return ""


def _without_options(lines: Sequence[str]) -> str:
    """What is left of somebody's lines without the options among them, and what asks for a person."""
    left = (line for line in lines if not _asks_for_person(line) and not any(_is_option(line, name) for name in _OPTIONS))
    return "\n".join(line for line in left if line != EMPTY_MESSAGE).strip()


def _closes_a_ticket(text: str) -> bool:
    """What was written before a ticket was opened is in that ticket already."""
    around = (say(language, "ticket_opened", ticket_id="\0").split("\0") for language in LANGUAGES)
    return any(text.startswith(before) and text.endswith(after) for before, after in around)
