"""What pages need of tickets, joined; and the jobs that look after them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.clock import Clock
from bot.jobs import Jobs
from bot.outbox import Outbox
from bot.policy import Policy
from bot.services import deadlines, ticket_news
from bot.services.audit import Audit
from bot.services.conversations import Conversations
from bot.services.deadlines import Deadlines
from bot.services.hours import Hours
from bot.services.media import Media
from bot.services.notifying import Notifying
from bot.services.relations import Relations
from bot.services.service_levels import ServiceLevels
from bot.services.settings import SystemSettings
from bot.services.ticket_files import TicketFiles
from bot.services.ticket_lists import TicketLists
from bot.services.ticket_news import NewsDelivery, TicketNews
from bot.services.tickets import Tickets
from bot.store.base import Store


@dataclass(frozen=True)
class Ticketing:
    """The services of tickets."""

    tickets: Tickets
    relations: Relations
    files: TicketFiles
    lists: TicketLists
    levels: ServiceLevels


def join(
    store: Store,
    clock: Clock,
    audit: Audit,
    settings: SystemSettings,
    hours: Hours,
    jobs: Jobs,
    outbox: Outbox,
    policy: Policy,
    conversations: Conversations,
    notifying: Notifying,
    media: Media,
) -> Ticketing:
    """The services, and the handlers of their jobs."""
    levels = ServiceLevels(settings, hours)
    tickets = Tickets(store, clock, audit, levels, TicketNews(jobs))
    jobs.register(deadlines.JOB, Deadlines(store, clock, tickets, levels, notifying))
    jobs.register(ticket_news.JOB, NewsDelivery(store, clock, outbox, policy, conversations, settings))
    return Ticketing(
        tickets=tickets,
        relations=Relations(store, tickets),
        files=TicketFiles(store, clock, tickets, media),
        lists=TicketLists(store, clock),
        levels=levels,
    )
