"""Serves without a model: no key, or the model is down. It is a `Model` like any other: the same loop, tools, journal.

For now it is honest about what it cannot do and offers a ticket or a person by buttons.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.dialogs.llm import ModelRequest, ModelStep, ToolCall
from bot.dialogs.task import CONFIRMED
from bot.errors import NOT_DONE
from bot.policy import plain, plain_words, without_politeness
from bot.resources import LANGUAGES, say

_SUBJECT_LENGTH = 120
_DESCRIPTION_LENGTH = 8000
_SENTENCE_END = re.compile(r"[.,;:!?¡¿।…\n]+")


@dataclass(frozen=True, slots=True)
class _Told:
    """What one tool gave back."""

    call_id: str
    tool: str
    text: str

    @property
    def failed(self) -> bool:
        return self.text.startswith(NOT_DONE)


class OfflineModel:
    """Answers from a fixed set of moves, in one language."""

    def __init__(self, language: str) -> None:
        self._language = language

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelStep, None]:
        step = self._next(request)
        if step.text:
            yield step.text
        yield step

    async def close(self) -> None:
        return

    def _next(self, request: ModelRequest) -> ModelStep:
        last = request.messages[-1]
        if last["role"] == "tool":
            return self._told(request)
        if _has_other_moves(request):
            return _said(say(self._language, "no_model"))
        *before, chosen = str(last["content"]).strip().split("\n")  # a burst has a line for each message
        if _is_option(chosen, "option_my_tickets"):
            return _call("list_my_tickets")
        if _is_option(chosen, "option_ticket"):
            return self._open_ticket(_without_options(before) or _problem(request))
        if any(map(_asks_for_person, (*before, chosen))):
            return _call("hand_to_person", reason="asked for a person (simple mode)")
        return self._offer(say(self._language, "simple_mode"))

    def _open_ticket(self, problem: str) -> ModelStep:
        if not problem:
            return _said(say(self._language, "describe_problem"))
        subject = " ".join(problem.split())[:_SUBJECT_LENGTH]
        return _call("create_ticket", subject=subject, description=problem[:_DESCRIPTION_LENGTH])

    def _offer(self, text: str) -> ModelStep:
        options = [say(self._language, name) for name in ("option_ticket", "option_my_tickets", "option_person")]
        return _call("offer_choices", text=text, options=options)

    def _told(self, request: ModelRequest) -> ModelStep:
        """What the tools of this turn came to, in the person's words: their results are for a model, and in English."""
        results = _results(request.messages)
        done = [text for result in results if (text := self._done(result))]
        if done:
            return _said("\n".join(done))
        last = results[-1]
        if last.failed:
            return _said(say(self._language, "sorry_failed"))
        if last.tool == "list_my_tickets":  # its lines are made of our own sentences
            return _said(say(self._language, "no_tickets") if last.text == "the person has no tickets" else last.text)
        if _has_other_moves(request):
            return _said(say(self._language, "no_model"))
        return self._offer(say(self._language, "simple_mode"))

    def _done(self, result: _Told) -> str:
        """What to say of something that was done; empty where there are no words for it."""
        if result.failed:
            return ""
        if result.tool == "create_ticket":
            return say(self._language, "ticket_opened", ticket_id=result.text.rsplit(" ", 1)[-1])
        return say(self._language, "done") if result.call_id == CONFIRMED else ""


def _said(text: str) -> ModelStep:
    return ModelStep(text, model="offline")


def _call(name: str, **arguments: object) -> ModelStep:
    call = ToolCall(f"offline_{name}", name, json.dumps(arguments, ensure_ascii=False))
    return ModelStep("", (call,), finish_reason="tool_calls", model="offline")


def _has_other_moves(request: ModelRequest) -> bool:
    """Whether the agent is not one for customers: what it could offer instead is not known here."""
    names = {tool["function"]["name"] for tool in request.tools}
    return bool(names) and names.isdisjoint(("offer_choices", "hand_to_person"))


def _results(messages: Sequence[Mapping[str, Any]]) -> list[_Told]:
    """What the tools gave back since the person's last words, in order; the same call once."""
    last = max(place for place, message in enumerate(messages) if message["role"] == "user")
    names = {call["id"]: str(call["function"]["name"]) for message in messages[last:] for call in message.get("tool_calls", ())}
    results = (message for message in messages[last:] if message["role"] == "tool")
    told = (_Told(id_ := str(message["tool_call_id"]), names.get(id_, ""), str(message["content"])) for message in results)
    return list({(result.tool, result.text): result for result in told}.values())


def _is_option(text: str, name: str) -> bool:
    """Whether somebody tapped this option, or typed its words, in any of our languages."""
    said = text.casefold().strip(" .!")
    return any(said == say(language, name).casefold() for language in LANGUAGES)


def _asks_for_person(text: str) -> bool:
    """Whether somebody tapped the option of a person, or asks for one in words, in any of our languages."""
    return _is_option(text, "option_person") or any(map(_wants_person, _SENTENCE_END.split(text)))


def _wants_person(part: str) -> bool:
    """A word for a person as the whole part of a sentence, or a phrase in it that is not denied right beside it."""
    said = without_politeness(plain(part))
    phrases = plain_words("person_words")
    if said in phrases:
        return True
    return any(_undenied(said, phrase) for phrase in phrases if len(phrase.split()) > 2)


def _undenied(said: str, phrase: str) -> bool:
    before, found, after = f" {said} ".partition(f" {phrase} ")
    if not found:
        return False
    denied_before = any(f"{before} ".endswith(f" {denial} ") for denial in plain_words("not_before_person"))
    return not denied_before and not any(f" {after}".startswith(f" {denial} ") for denial in plain_words("not_after_person"))


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
    names = ("option_ticket", "option_my_tickets")
    left = (line for line in lines if not _asks_for_person(line) and not any(_is_option(line, name) for name in names))
    return "\n".join(left).strip()


def _closes_a_ticket(text: str) -> bool:
    """What was written before a ticket was opened is in that ticket already."""
    around = (say(language, "ticket_opened", ticket_id="\0").split("\0") for language in LANGUAGES)
    return any(text.startswith(before) and text.endswith(after) for before, after in around)
