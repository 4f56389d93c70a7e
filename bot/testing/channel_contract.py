"""What every channel must do, as tests: subclass `ChannelContract`, give it a `kit` fixture, and pytest runs them all.

class TestMyChannel(ChannelContract):
    @pytest.fixture
    async def kit(self) -> AsyncIterator[ChannelKit]:
        async with MyFakeVendor() as vendor:
            channel = MyChannel(vendor.url)
            yield ChannelKit(channel, Address("mine", "page", "ana"), heard=vendor.heard, ...)
            await channel.close()
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.channels.base import Channel
from bot.errors import SendError
from bot.message import Address, Button, Reply


@dataclass(frozen=True, slots=True)
class Heard:
    """What arrived at the other end."""

    text: str
    buttons: tuple[Button, ...] = ()
    tracker: str = ""


@dataclass(frozen=True, slots=True)
class ChannelKit:
    """A channel under test, and the view from its other end."""

    channel: Channel
    address: Address
    """Somebody who can be written to."""
    heard: Callable[[], list[Heard]]
    """All that has arrived so far, in order."""
    faults: Mapping[type[SendError], tuple[Callable[[], None], ...]] = field(default_factory=dict)
    """Ways to make the next send fail, by the error that must be raised; empty for a channel that cannot fail."""
    nobody: tuple[Address, ...] = ()
    """Addresses that the channel can refuse by itself."""


LONG_TEXTS = {
    "paragraphs": "\n\n".join(f"Paragraph {number}. " + "It says something, and then some more. " * 12 for number in range(25)),
    "one paragraph": " ".join(f"word{number}" for number in range(3000)),
    "no spaces": "x" * 9000,
    "devanagari": "नमस्ते, आपका टिकट दर्ज हो गया है। " * 300,
    "emoji": "👩‍👩‍👧‍👦🇲🇽👍🏽" * 900,
    "list": "\n".join(f"- item {number}: {'a' * 40}" for number in range(300)),
}
"""Texts that are longer than most channels carry in one piece."""

OPTIONS = {
    "two": (Button("yes", "Yes"), Button("no", "No")),
    "many": tuple(Button(f"option-{number}", f"Option {number}") for number in range(7)),
    "long titles": (
        Button("sales", "Talk to somebody from sales today"),
        Button("later", "Talk to somebody from sales next week"),
    ),
    "odd": (Button("a", "Same"), Button("b", "Same"), Button("a", "Other"), Button("x" * 300, "Long id"), Button("c", "")),
}


class ChannelContract:
    """Tests of the port `Channel`; each gets the fixture `kit`."""

    async def test_a_send_gives_an_id_of_its_own(self, kit: ChannelKit) -> None:
        ids = [await kit.channel.send(kit.address, Reply(f"Message {number}"), f"t{number}") for number in range(3)]
        assert all(ids)
        assert len(set(ids)) == 3

    async def test_what_is_said_arrives_in_order_and_as_it_is(self, kit: ChannelKit) -> None:
        texts = ["Hello", "¿Qué tal? नमस्ते 🙏", 'Two\nlines & <b>"quotes"</b>']
        for text in texts:
            await kit.channel.send(kit.address, Reply(text), "t")
        assert [heard.text for heard in kit.heard()] == texts

    async def test_the_tracker_goes_along(self, kit: ChannelKit) -> None:
        if kit.channel.tracks:
            await kit.channel.send(kit.address, Reply("Hello"), "delivery-1")
            assert [heard.tracker for heard in kit.heard()] == ["delivery-1"]

    async def test_what_fits_is_left_as_it_is(self, kit: ChannelKit) -> None:
        for reply in (Reply("Hello"), Reply("Shall I?", OPTIONS["two"])):
            assert b"".join(piece.as_text().encode() for piece in kit.channel.shape(reply)) == reply.as_text().encode()

    async def test_shape_loses_no_word(self, kit: ChannelKit) -> None:
        for name, text in LONG_TEXTS.items():
            for buttons in ((), OPTIONS["two"]):
                pieces = kit.channel.shape(Reply(text, buttons))
                assert _squeezed("".join(piece.text for piece in pieces)).startswith(_squeezed(text)), name
                assert all(piece.text.strip() for piece in pieces), name

    async def test_shape_keeps_every_option_readable_and_its_id_untouched(self, kit: ChannelKit) -> None:
        for name, buttons in OPTIONS.items():
            pieces = kit.channel.shape(Reply("Which one?", buttons))
            everything = _squeezed("".join(piece.as_text() for piece in pieces))
            assert all(_squeezed(button.title or button.id) in everything for button in buttons), name
            assert {button.id for piece in pieces for button in piece.buttons} <= {button.id for button in buttons}, name

    async def test_the_buttons_are_on_the_last_piece(self, kit: ChannelKit) -> None:
        for text in ("Which one?", *LONG_TEXTS.values()):
            *before, last = kit.channel.shape(Reply(text, OPTIONS["two"]))
            assert not any(piece.buttons for piece in before)
            assert [button.id for button in last.buttons] in (["yes", "no"], [])  # none on a channel without buttons

    async def test_a_piece_is_not_shaped_again(self, kit: ChannelKit) -> None:
        for text in ("Which one?", *LONG_TEXTS.values()):
            for buttons in ((), *OPTIONS.values()):
                for piece in kit.channel.shape(Reply(text, buttons)):
                    assert kit.channel.shape(piece) == [piece]

    async def test_nothing_to_say_is_no_piece(self, kit: ChannelKit) -> None:
        assert kit.channel.shape(Reply("")) == []
        assert kit.channel.shape(Reply(" \n ")) == []

    async def test_every_piece_is_taken_as_it_is(self, kit: ChannelKit) -> None:
        pieces = [
            piece
            for text in ("Which one?", *LONG_TEXTS.values())
            for buttons in ((), *OPTIONS.values())
            for piece in kit.channel.shape(Reply(text, buttons))
        ]
        for piece in pieces:
            await kit.channel.send(kit.address, piece, "t")
        assert [(heard.text, heard.buttons) for heard in kit.heard()] == [(piece.text, piece.buttons) for piece in pieces]

    async def test_sends_side_by_side_do_not_mix(self, kit: ChannelKit) -> None:
        ids = await asyncio.gather(*(kit.channel.send(kit.address, Reply(f"Message {n}"), f"t{n}") for n in range(20)))
        assert len(set(ids)) == 20
        assert {heard.text for heard in kit.heard()} == {f"Message {n}" for n in range(20)}

    async def test_every_failure_is_one_of_ours(self, kit: ChannelKit) -> None:
        for expected, ways in kit.faults.items():
            for number, break_it in enumerate(ways):
                break_it()
                failure = await _failure(kit.channel, kit.address)
                assert type(failure) is expected, f"{expected.__name__} {number}: {failure!r}"
                assert str(failure)

    async def test_after_a_failure_the_next_one_goes_out(self, kit: ChannelKit) -> None:
        for ways in kit.faults.values():
            for break_it in ways:
                break_it()
                await _failure(kit.channel, kit.address)
                assert await kit.channel.send(kit.address, Reply("Still here"), "t")

    async def test_an_address_that_is_none_is_refused_unposted(self, kit: ChannelKit) -> None:
        for address in kit.nobody:
            failure = await _failure(kit.channel, address)
            assert isinstance(failure, SendError)
            assert not failure.retryable
        if kit.nobody:
            assert kit.heard() == []

    async def test_closing_twice_is_no_mistake(self, kit: ChannelKit) -> None:
        await kit.channel.close()
        await kit.channel.close()


async def _failure(channel: Channel, address: Address) -> Exception | None:
    try:
        await channel.send(address, Reply("Hello"), "t")
    except Exception as error:  # whatever it is, the test says what it should have been
        return error
    return None


def _squeezed(text: str) -> str:
    return "".join(text.split())
