"""What an agent is told of the person, the place and the hour when a turn begins."""

from __future__ import annotations

from collections.abc import Sequence

from bot.dialogs.scene import Parts, Scene
from bot.dialogs.scenery import Scenery, Someone, time_in_words
from bot.principal import Strength, strength_in
from bot.records.calls import Call, CallDirection
from bot.records.people import Customer, Segment
from bot.services.phones import zone_of
from bot.services.users import name_of

_LANGUAGES = {"es": "Spanish", "en": "English", "hi": "Hindi"}
_MEMORIES = 5
"""Of what is remembered, the newest: more is there for the tool to recall."""


async def scenery_of(parts: Parts, scene: Scene) -> Scenery:
    """The blanks of a prompt, but for whom an agent can hand to.

    What is on record is told only where we are sure enough that it is theirs: of a number that a call shows, nothing is.
    """
    customer = scene.customer
    strength = strength_in(scene.conversation, parts.clock.now()) if scene.user is None else None
    known = customer if strength is not None and strength >= Strength.SIGNED else None
    zone = zone_of(customer.phone_number) if customer is not None else None
    call = await _our_call(parts, scene)
    return Scenery(
        company=parts.company,
        language=_LANGUAGES.get(scene.language, scene.language),
        now=time_in_words(parts.clock.now(), zone),
        channel=scene.turn.address.channel,
        place=_place(known),
        person=Someone(_name(scene, known), _facts(known, await _memories(parts, known))),
        strength=strength,
        hours=await parts.hours.opening(),
        is_our_call=call is not None,
        about=call.about if call is not None else "",
    )


async def _our_call(parts: Parts, scene: Scene) -> Call | None:
    """The telephone call that this is, where we have placed it."""
    call = await parts.store.get(Call, scene.conversation.call_id) if scene.conversation.call_id else None
    return call if call is not None and call.direction is CallDirection.OUTBOUND else None


def _name(scene: Scene, known: Customer | None) -> str:
    """As it is on record, or else what they call themselves in these messages."""
    if scene.user is not None:
        return name_of(scene.user)
    if known is not None:
        return " ".join(name for name in (known.first_name, known.last_name) if name)
    return next((message.sender.name for message in reversed(scene.turn.messages) if message.sender.name), "")


def _place(known: Customer | None) -> str:
    if known is None:
        return ""
    return ", ".join(part for part in (known.address.city, known.own_country) if part)


async def _memories(parts: Parts, known: Customer | None) -> Sequence[str]:
    return await parts.services.memories.recall(known.id, limit=_MEMORIES) if known is not None else ()


def _facts(known: Customer | None, memories: Sequence[str]) -> tuple[str, ...]:
    if known is None:
        return ()
    facts = [f"segment: {known.segment}"] if known.segment is not Segment.NEW else []
    if known.statistics.total_tickets:
        facts.append(f"tickets so far: {known.statistics.total_tickets}")
    return (*facts, *memories)
