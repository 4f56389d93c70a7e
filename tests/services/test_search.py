"""Finding by words (S2-054, S2-061, S2-129, S2-142, S2-172, S4-036, S2-217)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import RecordError
from bot.records.conversations import Direction, Message, MessageSender
from bot.records.people import Customer
from bot.records.tickets import Ticket, TicketCategory
from bot.records.tokens import MAX_TOKENS, document_tokens, query_words
from bot.services.search import LARGEST_PAGE, Search
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock

pytestmark = pytest.mark.unit


def finds(query: str, *texts: str) -> bool:
    tokens = document_tokens(texts)
    return all(word.is_in(tokens) for word in query_words(query))


@pytest.fixture
async def search(store: SqliteStore, clock: ManualClock) -> Search:
    people = [
        ("raj", "Rajesh", "Kumar", "+919876543210", "rajesh.kumar@example.org"),
        ("rajan", "Priya", "Rajan", "+525550255123", "priya@example.org"),
        ("ana", "Ana María", "Núñez", "+12025550123", "ana@example.com"),
        ("lee", None, None, "+12025550255", None),
    ]
    for id_, first, last, phone, email in people:
        await clock.advance(1)
        await store.insert([Customer(id=id_, first_name=first, last_name=last, phone_number=phone, email=email)])
    return Search(store)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("raj", "rajan raj"),
        ("RAJ kumar", "raj"),
        ("kumar raj", "raj"),
        ("nunez", "ana"),
        ("NÚÑ", "ana"),
        ("maria ana", "ana"),
        ("0255", "lee ana rajan"),
        ("555 0255", "lee rajan"),
        ("+1 202-555", "lee ana"),
        ("+1 (202) 555-0123", "ana"),
        ("2025550", "lee ana"),
        ("ana@example.com", "ana"),
        ("priya@", "rajan"),
        ("rajesh.kumar@exam", "raj"),
        ("example org", "rajan raj"),
        ("nobody", ""),
        ("raj nobody", ""),
    ],
)
async def test_people_are_found_by_name_number_and_address_the_newest_first(search: Search, query: str, found: str) -> None:
    """S2-054, S2-061."""
    page = await search.customers(query)
    assert [customer.id for customer in page.records] == found.split()
    assert page.after is None


async def test_messages_are_found_by_stems_of_three_languages(store: SqliteStore, search: Search, clock: ManualClock) -> None:
    """S2-129, S2-142: "facturas" finds "factura"."""
    texts = {
        "es": "¿Dónde está mi factura de marzo?",
        "en": "My payments were refused twice",
        "hi": "मेरी किताबें कहाँ हैं?",
    }
    for number, (id_, text) in enumerate(texts.items()):
        await store.insert(
            [
                Message(
                    id=id_,
                    conversation_id=f"c-{id_}",
                    customer_id="ana" if number else "raj",
                    content=text,
                    direction=Direction.INBOUND,
                    sender=MessageSender.CUSTOMER,
                    timestamp=clock.now() - timedelta(minutes=number),
                )
            ]
        )
    for query, id_ in (("facturas", "es"), ("DONDE esta", "es"), ("payment refusing", "en"), ("किताब", "hi"), ("pay", "en")):
        assert [message.id for message in (await search.messages(query)).records] == [id_], query
    assert (await search.messages("factura", conversation_id="c-en")).records == []
    assert len((await search.messages("factura", customer_id="raj")).records) == 1


async def test_tickets_are_found_by_words_and_by_number(store: SqliteStore, search: Search, clock: ManualClock) -> None:
    """S2-172."""
    for number, (subject, customer) in enumerate([("No internet at home", "ana"), ("Factura duplicada", "raj")], 1):
        await store.insert(
            [
                Ticket(
                    id=f"t{number}",
                    ticket_id=f"TICKET-2026-00000{number}",
                    customer_id=customer,
                    subject=subject,
                    description="Desde ayer",
                    category=TicketCategory.OTHER,
                    last_activity_at=clock.now(),
                )
            ]
        )
    for query, found in (("internets", ["t1"]), ("duplicadas", ["t2"]), ("ticket-2026-000001", ["t1"])):
        assert [ticket.id for ticket in (await search.tickets(query)).records] == found
    assert (await search.tickets("TICKET-2026-000001", customer_id="raj")).records == []
    assert {ticket.id for ticket in (await search.tickets("ayer")).records} == {"t1", "t2"}
    assert [ticket.id for ticket in (await search.tickets("ayer", customer_id="raj")).records] == ["t2"]


async def test_a_page_is_bounded_and_continues(store: SqliteStore, clock: ManualClock) -> None:
    """S2-217."""
    await store.insert([Customer(id=f"c{number:03}", first_name="Ana") for number in range(150)])
    search = Search(store)
    page = await search.customers("ana", limit=10_000)
    assert len(page.records) == LARGEST_PAGE
    rest = await search.customers("ana", limit=10_000, after=page.after)
    assert len({customer.id for customer in page.records + rest.records}) == 150
    assert rest.after is None


async def test_words_that_never_meet_end_after_a_few_pages(store: SqliteStore) -> None:
    """However common two words are, a page looks at so many records; following the pages finds all there is."""
    await store.insert([Customer(id=f"a{number}", first_name="Ana", last_name="Ruiz") for number in range(1600)])
    await store.insert([Customer(id=f"b{number}", first_name="Bo", last_name="Lee") for number in range(1600)])
    await store.insert([Customer(id="both", first_name="Ana", last_name="Lee", created_at=None)])
    await store.insert([Customer(id=f"c{number}", first_name="Ana") for number in range(1600)])
    search, found, pages, after = Search(store), [], 0, None
    while pages == 0 or after is not None:
        page = await search.customers("ana lee", after=after)
        found += [customer.id for customer in page.records]
        pages, after = pages + 1, page.after
    assert found == ["both"]
    assert pages < 5


@pytest.mark.parametrize("nothing", ["", "  ", "?!", "...", "@", "।"])
async def test_nothing_to_search_for_is_said_so(search: Search, nothing: str) -> None:
    with pytest.raises(RecordError, match=r"^search: .* has no letter or digit to search for; for example 'raj' or '555 0123'$"):
        await search.customers(nothing)


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("facturacion", "facturación electrónica", True),
        ("facturaciones", "la facturación", True),
        ("cancelar", "quiero cancelarlo", True),
        ("niño", "los niños", True),
        ("nino", "los niños", True),
        ("running", "he runs", True),
        ("लड़कियाँ", "लड़की", True),
        ("है", "यह मेरा है।", True),
        ("नहीं", "नहीं।", True),
        ("९८७६५", "call 98765", True),
        ("straße", "STRASSE", True),
        ("casa", "mesa", False),
        ("12", "room 12", True),
        ("1 2 3", "1 and 2 and 3", True),
        ("4111111111111111", "4111 1111 1111 1111", False),
        ("order 4711", "ORDER-4711", True),
    ],
)
def test_words_in_all_their_forms(query: str, text: str, found: bool) -> None:
    assert finds(query, text) is found


@given(st.text(min_size=1, max_size=200))
def test_every_text_is_found_by_its_own_words(text: str) -> None:
    try:
        words = query_words(text)
    except RecordError:
        return
    tokens = document_tokens([text])
    if len(tokens) < MAX_TOKENS:
        assert all(word.is_in(tokens) for word in words)


@given(st.text(max_size=400))
def test_tokens_are_sorted_few_and_each_once(text: str) -> None:
    tokens = document_tokens([text, None, text])
    assert tokens == sorted(set(tokens))
    assert len(tokens) <= MAX_TOKENS


@given(st.from_regex(r"\+[1-9][0-9]{9,12}", fullmatch=True), st.integers(0, 8), st.integers(3, 6))
def test_any_few_digits_of_a_number_find_it(phone: str, start: int, length: int) -> None:
    """S2-054: phone fragments."""
    fragment = phone[1:][start : start + length]
    if len(fragment) >= 3:
        assert finds(fragment, phone)
        assert finds(fragment, f"call {phone} now")
