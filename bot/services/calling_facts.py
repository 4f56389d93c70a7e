"""What is known of somebody who may be called: gathered before each call, judged in `calling_rules`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.errors import NotFound, RecordError
from bot.policy import CALLS, Policy
from bot.records.calling import CallBasis, DialledNumber, DoNotCall
from bot.records.calls import CALL_MOVES, Call, Callback, CallDirection, CallStatus
from bot.records.leads import Lead
from bot.records.people import Consent, Customer
from bot.resources import LANGUAGES
from bot.services.calling_hours import CallingHours, read_calling_hours
from bot.services.calling_settings import ATTEMPTS, WEEK, AttemptCaps, read_attempts
from bot.services.do_not_call import DoNotCallList, customer_with
from bot.services.phones import Place, place_of, read_phone
from bot.services.settings import SystemSettings
from bot.store.base import Between, Store

TIMEZONE = "timezone"
"""The custom field of a customer or a lead that says where they are (an IANA name)."""

_SPOKEN = {"spanish": "es", "english": "en", "hindi": "hi"}
_UNDER_WAY = timedelta(hours=4, minutes=10)
"""No call is longer (CHANNELS 2.7): one that seems to be was never told to us as ended."""


@dataclass(frozen=True, slots=True)
class To:
    """Whom a call is for: exactly one of the three."""

    number: str = ""
    """As somebody typed it, with its country code."""
    customer_id: str = ""
    lead_id: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that somebody would like to make."""

    to: To
    basis: CallBasis = CallBasis.OUTREACH
    callback_id: str = ""
    """The callback that it answers, where that is its basis."""
    call_id: str = ""
    """Our record of it, where there is one already: it does not count against itself."""
    by: str = "system"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision looks at."""

    asked: Asked
    number: str
    """E.164; empty where it cannot be read."""
    typed: str
    place: Place | None
    """Where the number is at home; None where nobody can tell."""
    own_zones: tuple[ZoneInfo, ...] | None = None
    """Where somebody said that the person is; empty where nobody did, None where it is no zone."""
    entry: DoNotCall | None = None
    leads: tuple[Lead, ...] = ()
    customer: Customer | None = None
    consent: Consent | None = None
    callback: Callback | None = None
    calls: tuple[Call, ...] = ()
    """Ours to this number within a week that were really tried."""
    dialled: DialledNumber | None = None
    hours: CallingHours | None = None
    caps: AttemptCaps | None = None

    @property
    def attempts(self) -> list[datetime]:
        return [call.scheduled_at for call in self.calls if call.scheduled_at is not None]

    @property
    def zones(self) -> tuple[ZoneInfo, ...]:
        """Where the clock is read: where they are, as far as somebody said so, else everywhere the number may be."""
        return self.own_zones or (self.place.zones if self.place else ())

    @property
    def language(self) -> str:
        """The language that somebody set for them, or that they last used; empty where nobody knows (S5-024)."""
        of_leads = ((lead.own_language or "").casefold() for lead in self.leads)
        customer = self.customer
        of_customer = (customer.own_language or customer.last_language or "") if customer else ""
        told = (_SPOKEN.get(each, each) for each in (*of_leads, of_customer))
        return next((each for each in told if each in LANGUAGES), "")

    def is_under_way(self, now: datetime) -> bool:
        """Whether a call of ours to the number has not ended yet."""
        return any(CALL_MOVES[call.status] and call.scheduled_at and call.scheduled_at > now - _UNDER_WAY for call in self.calls)


class CallingFacts:
    """Gathers them."""

    def __init__(self, store: Store, clock: Clock, policy: Policy, settings: SystemSettings, list_: DoNotCallList) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._settings = settings
        self._list = list_

    async def of(self, asked: Asked) -> Facts:
        """Looks up everything anew; the look-up in the list is stored on the leads. Raises StoreError, NotFound, RecordError."""
        customer, lead, typed = await self._whom(asked.to)
        number = _e164(typed)
        place = place_of(number) if number else None
        if not number:
            return Facts(asked, "", typed, None, customer=customer)
        entry, leads = await self._list.look_up(number)
        if lead is not None and lead.id not in {each.id for each in leads}:
            leads = [lead, *leads]
        if customer is None:
            known = await customer_with(self._store, number)
            customer = await self._store.get(Customer, known) if known else None
        callback = await self._store.get(Callback, asked.callback_id) if asked.callback_id else None
        return Facts(
            asked,
            number,
            typed,
            place,
            own_zones=_own_zones(callback, customer, leads),
            entry=entry,
            leads=tuple(leads),
            customer=customer,
            consent=await self._policy.consent(customer.id, CALLS) if customer else None,
            callback=callback,
            calls=await self._calls(number, asked.call_id),
            dialled=await self._dialled(number),
            hours=read_calling_hours(await self._settings.value("calling_hours")),
            caps=read_attempts(await self._settings.value(ATTEMPTS)),
        )

    async def _whom(self, to: To) -> tuple[Customer | None, Lead | None, str]:
        if sum(map(bool, (to.number, to.customer_id, to.lead_id))) != 1:
            raise RecordError("call: say whom by one of number, customer and lead")
        if to.lead_id:
            lead = await self._store.get(Lead, to.lead_id)
            if lead is None:
                raise NotFound(f"there is no lead {to.lead_id}")
            return None, lead, lead.phone_e164 or lead.phone
        if to.customer_id:
            customer = await self._store.get(Customer, to.customer_id)
            if customer is None:
                raise NotFound(f"there is no customer {to.customer_id}")
            return customer, None, customer.phone_number or ""
        return None, None, to.number

    async def _calls(self, number: str, but: str) -> tuple[Call, ...]:
        where = {"dialed_number": number, "scheduled_at": Between(low=self._clock.now() - WEEK)}
        found = await self._store.find(Call, where, sort=("-scheduled_at",))
        return tuple(
            call for call in found if call.direction is CallDirection.OUTBOUND and call.id != but and not _was_never_tried(call)
        )

    async def _dialled(self, number: str) -> DialledNumber | None:
        found = await self._store.find(DialledNumber, {"number": number}, limit=1)
        return found[0] if found else None


def _was_never_tried(call: Call) -> bool:
    """It ended before the provider had it: nobody's telephone has rung."""
    return call.external_call_id is None and call.status in (CallStatus.FAILED, CallStatus.CANCELLED)


def _e164(typed: str) -> str:
    """Empty where it is no number with a country code."""
    try:
        return read_phone(typed).e164 or ""
    except RecordError:
        return ""


def _own_zones(callback: Callback | None, customer: Customer | None, leads: list[Lead]) -> tuple[ZoneInfo, ...] | None:
    """Where they are, by what was said: in which the callback was asked for, else as customer or lead."""
    named = [callback.timezone] if callback is not None and callback.timezone else []
    if not named:
        named = [str(each.custom_fields.get(TIMEZONE) or "") for each in (customer, *leads) if each is not None]
    try:
        return tuple(ZoneInfo(name) for name in dict.fromkeys(filter(None, named)))
    except (ValueError, OSError, LookupError):
        return None
