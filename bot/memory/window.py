"""The messages that fit the model, in the Chat Completions wire format.

`recent` chooses what of the past is told at all; `fit` makes a whole request fit the context length of the model that is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.conversation import Turn
from bot.memory.tokens import BYTES_PER_TOKEN, bytes_on_the_wire, estimate_tokens
from bot.message import EMPTY_MESSAGE, Choice, InboundMessage
from bot.records.conversations import Conversation, Direction, Message, MessageSender, MessageStatus
from bot.store.base import Store

MAX_MESSAGES = 40
MAX_TOKENS = 6000

_LEAST_RESULT = 200
"""Bytes of a tool's result that are kept however little room there is."""
_SHORTENED = " … (shortened)"
_NEVER_DROPPED = frozenset({"system", "developer"})


def _cut(text: str, tokens: int) -> str:
    """The beginning of a text that takes at most so many tokens."""
    return text.encode()[: max(0, (tokens - 4) * BYTES_PER_TOKEN)].decode(errors="ignore")


async def recent(store: Store, conversation: Conversation, before: Turn) -> list[dict[str, Any]]:
    """What was said before this turn, oldest first: at most 40 messages and about 6,000 tokens.

    What we wrote but never said (refused, dead, or spoken over on a call) is not among it: the model must not believe that it
    was heard.
    The newest message and the person's newest are there however long they are, cut to what is left of the budget.
    """
    messages = await store.find(
        Message, {"conversation_id": conversation.id}, sort=("-timestamp",), limit=MAX_MESSAGES + len(before.messages)
    )
    budget = MAX_TOKENS
    kept: list[dict[str, Any]] = []
    for message in messages:
        if message.turn_id == before.id or _was_never_said(message):
            continue
        if len(kept) == MAX_MESSAGES:
            break
        shown = _shown(message)
        if estimate_tokens(shown["content"]) > budget:
            if kept and (shown["role"] != "user" or any(other["role"] == "user" for other in kept)):
                break
            shown["content"] = _cut(shown["content"], budget)
            if not shown["content"]:
                break
        budget -= estimate_tokens(shown["content"])
        kept.append(shown)
    return kept[::-1]


def fit(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], *, context: int, answer: int
) -> Sequence[Mapping[str, Any]]:
    """The messages of a request that fit a context length beside its tools and its answer; all lengths in tokens.

    What was said before the person's newest words goes first, the oldest of it first, an assistant's tool calls always together
    with their results. If that is not enough, the results of this turn's tools are shortened, the oldest first. The system
    prompt, the person's newest words and every tool call stay: what does not fit even then is left for the server to refuse.
    The sequence that was given comes back where all of it fits. Whether it fits is estimated, rather on the safe side.
    """
    room = (context - answer) * BYTES_PER_TOKEN - (bytes_on_the_wire(tools) if tools else 0)
    over = bytes_on_the_wire(messages) - room
    if over <= 0:
        return messages
    newest = max((place for place, message in enumerate(messages) if message["role"] == "user"), default=0)
    kept: list[Mapping[str, Any]] = []
    for block in _blocks(messages[:newest]):
        if over > 0 and block[0]["role"] not in _NEVER_DROPPED:
            over -= sum(map(bytes_on_the_wire, block))
        else:
            kept.extend(block)
    for message in messages[newest:]:
        shown = _shortened(message, over) if over > 0 and message["role"] == "tool" else message
        over -= bytes_on_the_wire(message) - bytes_on_the_wire(shown)
        kept.append(shown)
    return kept


def _blocks(messages: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """What stays or goes together: tool results belong to the calls before them."""
    start = 0
    for place in range(1, len(messages) + 1):
        if place == len(messages) or messages[place]["role"] != "tool":
            yield messages[start:place]
            start = place


def _shortened(message: Mapping[str, Any], over: int) -> Mapping[str, Any]:
    """A tool's result that is so many bytes shorter, as far as that goes."""
    content = message["content"]
    if not isinstance(content, str):
        return message
    text = content.encode(errors="replace")
    keep = max(_LEAST_RESULT, len(text) - over - len(_SHORTENED.encode()))
    if keep + len(_SHORTENED.encode()) >= len(text):
        return message
    return {**message, "content": text[:keep].decode(errors="ignore") + _SHORTENED}


def heard(messages: Sequence[InboundMessage]) -> dict[str, Any]:
    """The messages of a turn as the one thing the person now said."""
    return {"role": "user", "content": "\n".join(_words(message) for message in messages)}


def _was_never_said(message: Message) -> bool:
    return message.direction is Direction.OUTBOUND and (message.status is MessageStatus.FAILED or not message.content)


def _shown(message: Message) -> dict[str, Any]:
    match message.sender:
        case MessageSender.CUSTOMER | MessageSender.USER:
            return {"role": "user", "content": message.content}
        case MessageSender.AGENT:
            return {"role": "assistant", "content": f"(A colleague of the team wrote:) {message.content}"}
        case _:
            return {"role": "assistant", "content": message.content}


def _words(message: InboundMessage) -> str:
    """What the model reads; a tapped button of a template carries its payload too (S2-135)."""
    content = message.content
    if isinstance(content, Choice) and not content.id.startswith("choice:"):
        return f"{content.as_text()} (button {content.id})"
    return content.as_text() or EMPTY_MESSAGE
