"""What people have allowed or taken back, as it is captured elsewhere."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bot.records.people import Consent, ConsentState
from bot.web.endpoint import Call, Endpoint, Model, declared, endpoint
from bot.web.fields import At
from bot.web.paging import Page
from bot.web.site import Site

READ, MANAGE = "read:customers", "manage:customers"


class NewConsent(Model):
    number: Annotated[str, Field(max_length=40, examples=["+12025550123"])]
    """Whose; somebody we have not met becomes a customer."""
    purpose: Literal["calls", "messages"]
    state: ConsentState = ConsentState.GIVEN
    source: Annotated[str, Field(min_length=1, max_length=200, examples=["form on our site, 2026-01-15"])]
    """Where the proof is."""
    proof: Annotated[str, Field(max_length=1000)] = ""
    """Their own words."""


class Given(Model):
    id: str
    customer_id: str
    purpose: str
    state: ConsentState
    at: At
    source: str
    proof: str


class Of(Model):
    customer_id: Annotated[str, Field(min_length=1, max_length=200)]


class Consents:
    def __init__(self, site: Site) -> None:
        self._store = site.parts.store
        self._consents = site.parts.consents

    @endpoint("GET", "/consents", READ)
    async def listed(self, call: Call, query: Of) -> Page[Given]:
        """All that a customer has said, the newest first: of each purpose the newest counts."""
        found = await self._store.find(Consent, {"customer_id": query.customer_id})
        return Page(items=[_shown(one) for one in sorted(found, key=lambda one: (one.at, one.id), reverse=True)])

    @endpoint("POST", "/consents", MANAGE, status=201)
    async def record(self, call: Call, body: NewConsent) -> Given:
        """Writes down what somebody has agreed to, or taken back."""
        consent = await self._consents.record(
            body.number, body.purpose, source=body.source, by=call.by, proof=body.proof, state=body.state
        )
        return _shown(consent)


def _shown(consent: Consent) -> Given:
    return Given(
        id=consent.id,
        customer_id=consent.customer_id,
        purpose=consent.purpose,
        state=consent.state,
        at=consent.at,
        source=consent.source,
        proof=consent.proof,
    )


def endpoints(site: Site) -> list[Endpoint]:
    return declared(Consents(site))
