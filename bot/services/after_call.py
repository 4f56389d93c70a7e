"""What comes after calls, and reading them: transcript, summary, recordings, prices, turns, calls nobody ended; joined."""

from __future__ import annotations

from dataclasses import dataclass

from bot.clock import Clock
from bot.jobs import Jobs
from bot.live import Live
from bot.meter import Meter
from bot.services.action_items import ActionItems
from bot.services.audit import Audit
from bot.services.call_filing import CallFiling
from bot.services.call_jobs import PRICE_JOB, RETENTION_JOB, STALE_JOB, SUMMARY_JOB, TRANSCRIPT_JOB
from bot.services.call_prices import CallPrices
from bot.services.call_reading import CallReader
from bot.services.call_turns import CallTurns
from bot.services.call_view import CallViews
from bot.services.callbacks import Callbacks
from bot.services.capture import Capture
from bot.services.conversations import Conversations
from bot.services.leads import Leads
from bot.services.media import Media
from bot.services.phone_calls import PhoneCalls
from bot.services.phone_provider import PhoneProvider
from bot.services.recordings import Recordings
from bot.services.settings import SystemSettings
from bot.services.spending import Spending
from bot.services.stale_calls import StaleCalls
from bot.services.tickets import Tickets
from bot.store.base import Store


@dataclass(frozen=True, slots=True)
class AfterCall:
    """The services."""

    filing: CallFiling
    items: ActionItems
    recordings: Recordings
    prices: CallPrices
    turns: CallTurns
    views: CallViews
    stale: StaleCalls

    async def ended(self, call_id: str) -> bool:
        """A call is over: what follows is planned, unless it was with its end (`PhoneCalls.move`). Raises NotFound."""
        return await self.filing.ended(call_id)


def join(
    store: Store,
    clock: Clock,
    audit: Audit,
    jobs: Jobs,
    live: Live,
    meter: Meter,
    settings: SystemSettings,
    spending: Spending,
    conversations: Conversations,
    calls: PhoneCalls,
    tickets: Tickets,
    callbacks: Callbacks,
    leads: Leads,
    capture: Capture,
    media: Media,
    reader: CallReader | None,
    provider: PhoneProvider | None,
) -> AfterCall:
    """The services, and the handlers of their jobs. Without a `provider` nothing is fetched or asked for."""
    items = ActionItems(store, clock, audit, tickets, callbacks)
    filing = CallFiling(
        store, clock, jobs, live, settings, spending, conversations, leads, capture, items, reader=reader, meter=meter
    )
    recordings = Recordings(store, clock, audit, jobs, media, settings, provider)
    prices, turns = CallPrices(store, clock, jobs, provider), CallTurns(store, meter)
    stale = StaleCalls(store, clock, calls, provider)
    jobs.register(TRANSCRIPT_JOB, filing.transcribe, given_up=filing.not_transcribed)
    jobs.register(SUMMARY_JOB, filing.sum_up, given_up=filing.not_summed_up)
    jobs.register(PRICE_JOB, prices.ask)
    jobs.register(STALE_JOB, stale.sweep)
    jobs.register(RETENTION_JOB, recordings.retain)
    recordings.register()
    return AfterCall(filing, items, recordings, prices, turns, CallViews(store, turns, recordings), stale)
