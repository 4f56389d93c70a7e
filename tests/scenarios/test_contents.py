"""Everything a person can send is recorded in its own type and shown to the model as text."""

from __future__ import annotations

import pytest

from bot.message import Card, Choice, Contacts, Content, Location, Media, Reaction, Text, Unsupported
from bot.records.conversations import MessageType
from bot.testing.llm import Called, Said
from bot.testing.scene import Scene
from tests.scenarios.helpers import ANA

pytestmark = pytest.mark.scenario


@pytest.mark.parametrize(
    ("content", "type_", "shown"),
    [
        (Text("Hello"), MessageType.TEXT, "Hello"),
        (Text(""), MessageType.TEXT, "[empty message]"),
        (Location(19.4326, -99.1332), MessageType.LOCATION, "[location: (19.43260, -99.13320)]"),
        (Location(1, 2, "Home", "Street 1"), MessageType.LOCATION, "[location: Home, Street 1 (1.00000, 2.00000)]"),
        (Media("audio", "m1", "audio/ogg", voice=True), MessageType.AUDIO, "[voice note]"),
        (Media("audio", "m1", "audio/mpeg", filename="song.mp3"), MessageType.AUDIO, "[audio: song.mp3]"),
        (Media("image", "m1", "image/jpeg"), MessageType.IMAGE, "[image]"),
        (Media("image", "m1", "image/jpeg", caption="The red light"), MessageType.IMAGE, "[image] The red light"),
        (Media("sticker", "m1", "image/webp"), MessageType.IMAGE, "[sticker]"),
        (Media("video", "m1", "video/mp4"), MessageType.VIDEO, "[video]"),
        (Media("document", "m1", "application/pdf", filename="bill.pdf"), MessageType.DOCUMENT, "[document: bill.pdf]"),
        (Media("hologram", "m1"), MessageType.DOCUMENT, "[hologram]"),
        (Reaction("👍", "wamid.x"), MessageType.TEXT, "[reaction: 👍]"),
        (Reaction("", "wamid.x"), MessageType.TEXT, "[reaction removed]"),
        (Contacts((Card("Eva", ("+1", "+2")), Card("Bo"))), MessageType.CONTACT, "[contact: Eva +1 +2; Bo]"),
        (Unsupported("poll"), MessageType.TEXT, "[poll, which cannot be shown here]"),
        (Choice("choice:2", "Billing"), MessageType.INTERACTIVE, "Billing"),
        (Choice("order-77", "Confirm", "quick_reply"), MessageType.INTERACTIVE, "Confirm (button order-77)"),
        (Choice("row-3", "", "list"), MessageType.INTERACTIVE, "row-3 (button row-3)"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value[:20],
)
async def test_a_content_is_recorded_in_its_type_and_the_model_reads_it(
    scene: Scene, content: Content, type_: MessageType, shown: str
) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("I see."))
    await ana.sends(content)
    await ana.hears("I see")
    [message, _] = await ana.timeline()
    assert message.type is type_
    assert message.content == content.as_text() or not content.as_text()
    assert message.content
    assert scene.model.requests[0].messages[-1] == {"role": "user", "content": shown}


async def test_a_places_coordinates_are_kept(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("I see."))
    await ana.sends(Location(19.4326, -99.1332, "Zócalo"))
    await ana.hears()
    location = (await ana.timeline())[0].location
    assert location is not None
    assert (location.latitude, location.longitude, location.name, location.address) == (19.4326, -99.1332, "Zócalo", None)


async def test_a_files_id_name_and_type_are_kept(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Said("I see."))
    await ana.sends(Media("document", "media-1", "application/pdf", filename="bill.pdf"))
    await ana.hears()
    [attachment] = (await ana.timeline())[0].attachments
    assert (attachment.public_id, attachment.filename, attachment.mime_type) == ("media-1", "bill.pdf", "application/pdf")


async def test_a_tap_carries_the_buttons_id_and_the_model_goes_on_with_its_title(scene: Scene) -> None:
    ana = scene.person(ANA)
    scene.model.will(Called("offer_choices", text="Which?", options=["Sales", "Billing"]), Said("Billing it is."))
    await ana.says("Help me.")
    reply = await ana.hears("Which?")
    assert [button.id for button in reply.buttons] == ["choice:1", "choice:2"]
    await ana.taps("Billing")
    await ana.hears("Billing it is")
    offered, tapped = (await ana.timeline())[1:3]
    assert offered.interactive is not None
    assert [button.title for button in offered.interactive.buttons] == ["Sales", "Billing"]
    assert tapped.interactive is not None
    assert [(button.id, button.payload) for button in tapped.interactive.buttons] == [("choice:2", "choice:2")]
    assert scene.model.requests[1].messages[-2:] == [
        {"role": "assistant", "content": "Which?"},
        {"role": "user", "content": "Billing"},
    ]
