"""What records and stores show by themselves of the given/when/then lines, on every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.errors import RecordError, StoreError
from bot.records.audit import AuditEntry
from bot.records.base import Record
from bot.records.contacts import Contact
from bot.records.conversations import Message, MessageSender, MessageType
from bot.records.leads import Lead
from bot.records.people import Customer
from bot.records.settings import SystemSetting, default_settings
from bot.records.tokens import query_words
from bot.services.settings import SystemSettings
from bot.store.base import Change, Delete, Unit
from tests.checklist.bench import Bench
from tests.checklist.samples import Document, drop, put, sample

pytestmark = [pytest.mark.contract, pytest.mark.asyncio(loop_scope="module")]


class Behaviour:
    """Each test is given an open store and leaves nothing in it."""

    async def both(self, bench: Bench, seed: str, collection: str, **changes: Any) -> list[bool]:
        """Whether a first document, and then a second one with these changes, are taken."""
        first, second = (
            self.record(bench, seed, collection, {"_id": "first"}),
            self.record(bench, seed, collection, {"_id": "second", **changes}),
        )
        try:
            taken = await bench.store.insert([first]) + await bench.store.insert([second])
            assert await bench.store.get(type(first), "first") == first, "the first is unchanged"
            return taken
        finally:
            await bench.clear(first, second)

    def record(self, bench: Bench, seed: str, collection: str, changes: Document) -> Record:
        document = sample(seed, collection)
        for path, value in changes.items():
            put(document, path, value)
        return bench.records(seed, collection, document)[0]

    async def test_a_second_contact_with_the_same_email_is_a_duplicate(self, bench: Bench) -> None:
        assert await self.both(bench, "S1", "contacts", email="Ana@example.org") == [True, False]
        assert await self.both(bench, "S1", "contacts", email="somebody.else@example.org") == [True, True]

    async def test_an_agents_email_is_kept_in_lower_case_and_taken_once(self, bench: Bench) -> None:
        agent = self.record(bench, "S2", "agents", {"email": "A@X.com"})
        assert agent.model_dump()["email"] == "a@x.com"
        assert await self.both(bench, "S2", "agents", email="ANA@EXAMPLE.ORG") == [True, False]

    async def test_a_second_thread_of_a_conversation_is_refused(self, bench: Bench) -> None:
        assert await self.both(bench, "S2", "conversationthreads") == [True, False]
        assert await self.both(bench, "S2", "conversationthreads", conversationId="another") == [True, True]

    async def test_a_name_of_a_list_is_taken_once_per_user(self, bench: Bench) -> None:
        assert await self.both(bench, "S4", "lists") == [True, False]
        assert await self.both(bench, "S4", "lists", userId="B") == [True, True]

    async def test_an_email_of_a_lead_is_taken_once_per_user_however_it_is_written(self, bench: Bench) -> None:
        own = {
            "integrationIds.hubspotRecordId": "h2",
            "integrationIds.salesforceRecordId": "s2",
            "integrationIds.googleSheetsRowId": "g2",
        }
        assert await self.both(bench, "S4", "leads", email=" JOHN.DOE@Example.com ", **own) == [True, False]
        assert await self.both(bench, "S4", "leads", userId="B", **own) == [True, True]

    @pytest.mark.parametrize("value", [7, True, None, ["x"], {"a": "b"}])
    async def test_a_customers_own_field_is_text_or_refused(self, bench: Bench, value: Any) -> None:
        document = sample("S2", "customers")
        document["customFields"] = {"plan": value}
        assert "Customer.customFields.plan: " in bench.refusal("S2", "customers", document)

    async def test_the_last_message_takes_every_type_and_every_sender(self, bench: Bench) -> None:
        for type_ in MessageType:
            for sender in MessageSender:
                document = sample("S2", "conversations")
                document["lastMessage"] |= {"type": str(type_), "from": str(sender)}
                kept = await bench.moved("S2", "conversations", document)
                assert (kept["lastMessage"]["type"], kept["lastMessage"]["from"]) == (type_, sender)

    async def test_a_line_is_active_only_when_it_is_provisioned(self, bench: Bench) -> None:
        document = sample("S4", "lines") | {"isActive": True}
        assert (await bench.moved("S4", "lines", document | {"provisioningStatus": "active"}))["isActive"] is True
        for status in ("provisioning", "failed"):
            assert "isActive" in bench.refusal("S4", "lines", document | {"provisioningStatus": status})

    async def test_a_lead_lacking_what_its_source_tells_is_refused_by_the_fields_name(self, bench: Bench) -> None:
        for name in ("firstName", "lastName", "email", "phone"):
            document = sample("S4", "leads")
            drop(document, name)
            assert name in bench.refusal("S4", "leads", document)
            with pytest.raises(RecordError, match=name):
                Lead.arrived({"_id": "x", **document}, bench.clock.now())
        met_on_a_call = Lead.new(id="x", source="call", phone="+91 98765 43210")
        assert await bench.store.insert([met_on_a_call]) == [True]
        await bench.clear(met_on_a_call)

    async def test_what_is_no_email_is_refused_with_the_field(self, bench: Bench) -> None:
        document = sample("S4", "leads") | {"email": "not-an-email"}
        assert "Lead.email: does not have the right form; for example" in bench.refusal("S4", "leads", document)

    async def test_fifty_custom_fields_are_kept_and_fifty_one_refused(self, bench: Bench) -> None:
        document = sample("S4", "leads")
        document["customFields"] = {f"Field {number}": f"Value {number}" for number in range(50)}
        assert (await bench.moved("S4", "leads", document))["customFields"] == document["customFields"]
        document["customFields"]["Field 50"] = "one too many"
        assert "at most 50 entries (it has 51)" in bench.refusal("S4", "leads", document)

    async def test_the_default_settings_are_there_from_the_beginning_and_written_once(self, bench: Bench) -> None:
        settings = SystemSettings(bench.store, bench.clock)
        await settings.ensure_defaults()
        await bench.store.change(SystemSetting, {"key": "max_conversations_per_agent"}, set={"value": 3})
        await settings.ensure_defaults()
        try:
            rows = {row.key: row for row in await bench.store.find(SystemSetting, {}, sort=("key",))}
            every_day = {"start": "09:00", "end": "18:00", "enabled": True}
            days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
            assert {key: row.category for key, row in rows.items()} == {
                "ai_response_enabled": "ai",
                "auto_assignment_enabled": "general",
                "business_hours": "business",
                "max_conversations_per_agent": "general",
            }
            assert rows["business_hours"].value == dict.fromkeys(days, every_day)
            assert (rows["ai_response_enabled"].value, rows["auto_assignment_enabled"].value) == (True, True)
            assert rows["max_conversations_per_agent"].value == 3, "what somebody set stays"
            assert {row.key: row.value for row in default_settings()}["max_conversations_per_agent"] == 10
        finally:
            await bench.clear(*rows.values())

    async def test_settings_are_listed_by_category(self, bench: Bench) -> None:
        categories = ("general", "whatsapp", "ai", "notifications", "security", "business")
        rows = [self.record(bench, "S2", "systemsettings", {"_id": name, "key": name, "category": name}) for name in categories]
        await bench.store.insert(rows)
        try:
            for name in categories:
                assert [row.id for row in await bench.store.find(SystemSetting, {"category": name})] == [name]
        finally:
            await bench.clear(*rows)

    async def test_an_entry_of_the_audit_log_is_neither_changed_nor_deleted(self, bench: Bench) -> None:
        entry = self.record(bench, "S2", "activitylogs", {"_id": "for ever"})
        await bench.store.insert([entry])
        with pytest.raises(StoreError, match="only added to"):
            await bench.store.change(AuditEntry, {"id": "for ever"}, set={"action": "deleted"})
        for operation in (
            Delete(AuditEntry, {"id": "for ever"}),
            Change(AuditEntry, {"id": "for ever"}, set={"action": "closed"}),
        ):
            with pytest.raises(StoreError, match="only added to"):
                await bench.store.commit(Unit(operation))
        kept = await bench.store.get(AuditEntry, "for ever")
        assert kept is not None
        assert kept.action == "resolved"

    @pytest.mark.parametrize("field", ["firstName", "lastName", "phoneNumber", "email"])
    async def test_a_customer_is_found_by_the_beginning_of_a_word_in_any_of_the_fields(self, bench: Bench, field: str) -> None:
        plain = {"firstName": "Ana", "lastName": "Ruiz", "phoneNumber": "+52 55 9999 0001", "email": "ana@example.org"}
        wanted, asked = ("+52 55 1234 9876", "12349") if field == "phoneNumber" else ("rajesh@example.org", "raj")
        value = wanted if field in ("phoneNumber", "email") else "Rajesh"
        found = self.record(bench, "S2", "customers", {"_id": "found", **plain, field: value})
        other = self.record(bench, "S2", "customers", {"_id": "other", **plain, "phoneNumber": "+52 55 9999 0002"})
        await bench.store.insert([found, other])
        try:
            answer = await bench.store.search(Customer, query_words(asked))
            assert [one.id for one in answer.records] == ["found"]
        finally:
            await bench.clear(found, other)

    async def test_a_message_is_found_by_another_form_of_its_word(self, bench: Bench) -> None:
        message = self.record(bench, "S2", "messages", {"content": "Me falta una factura de enero"})
        await bench.store.insert([message])
        try:
            answer = await bench.store.search(Message, query_words("facturas"))
            assert [one.id for one in answer.records] == [message.id]
        finally:
            await bench.clear(message)

    async def test_a_contact_is_found_by_any_of_its_dates_and_profiles(self, bench: Bench) -> None:
        contact = self.record(bench, "S1", "contacts", {})
        assert isinstance(contact, Contact)
        await bench.store.insert([contact])
        try:
            for where in ({"important_dates.date": "03-15"}, {"social_profiles.platform": contact.social_profiles[0].platform}):
                assert [found.id for found in await bench.store.find(Contact, where)] == [contact.id]
            assert await bench.store.find(Contact, {"important_dates.date": "03-16"}) == []
        finally:
            await bench.clear(contact)


class TestOnSqlite(Behaviour):
    @pytest_asyncio.fixture(loop_scope="module")
    async def bench(self, on_sqlite: Bench) -> AsyncIterator[Bench]:
        yield on_sqlite


class TestOnMongo(Behaviour):
    @pytest_asyncio.fixture(loop_scope="module")
    async def bench(self, on_mongo: Bench) -> AsyncIterator[Bench]:
        yield on_mongo
