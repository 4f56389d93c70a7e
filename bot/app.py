"""The one place where parts are chosen and joined."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bot.backlog import Backlog
from bot.channels.base import Channel, shape_for
from bot.channels.voice.joining import Calls
from bot.channels.whatsapp.simulator import Simulator
from bot.clock import Clock, SystemClock, follow
from bot.config import Settings
from bot.dialogs.agent import AgentLoop
from bot.dialogs.call_reading import ModelCallReader
from bot.dialogs.flow import discover as discover_flows
from bot.dialogs.intents import Intents
from bot.dialogs.llm import Model
from bot.dialogs.offline import Offline
from bot.dialogs.roster import load_agents
from bot.dialogs.router import Router
from bot.dialogs.scene import Parts
from bot.dialogs.summarising import ModelSummariser
from bot.dialogs.task import Bounds
from bot.engine import Engine
from bot.errors import DataInUse, SettingsError
from bot.inbox import Inbox
from bot.jobs import Jobs
from bot.live import Live
from bot.message import Reply
from bot.meter import KEEPS_NOTHING, Meter
from bot.outbox import Outbox
from bot.policy import Policy
from bot.secret_key import load_secret_key
from bot.sending import Sending
from bot.services.access_links import JOB as LINK_JOB
from bot.services.access_links import LinkMail
from bot.services.accounts import Accounts, accounts_of
from bot.services.after_call import AfterCall
from bot.services.after_call import join as join_after_call
from bot.services.audit import Audit
from bot.services.call_jobs import RETENTION_JOB, STALE_JOB
from bot.services.call_timeline import CallTimeline
from bot.services.callbacks import Callbacks
from bot.services.calling import Calling
from bot.services.calling import join as join_calling
from bot.services.capture import Capture
from bot.services.code_delivery import CodeDelivery, Mailer
from bot.services.consents import ConsentBook, Consents
from bot.services.conversations import DESK_JOB, WAITING_CALL_JOB, Conversations
from bot.services.deadlines import JOB as DEADLINES_JOB
from bot.services.deadlines import SECONDS as DEADLINES_SECONDS
from bot.services.depths import Depths
from bot.services.desk import DESK_SECONDS, Desk
from bot.services.desk import join as join_desk
from bot.services.directory import Directory
from bot.services.handoff import Handoffs
from bot.services.hours import Hours
from bot.services.knowledge import Knowledge
from bot.services.leads import Leads
from bot.services.media import SWEEP_JOB as MEDIA_JOB
from bot.services.media import SWEEP_SECONDS as MEDIA_SECONDS
from bot.services.media import Media, MediaBounds
from bot.services.media_links import MediaLinks
from bot.services.memories import Memories
from bot.services.merging import Merging
from bot.services.one_time_codes import OneTimeCodes
from bot.services.people import People
from bot.services.phone_calls import PhoneCalls
from bot.services.phone_provider import PhoneProvider
from bot.services.ratings import Ratings
from bot.services.receipts import Receipts
from bot.services.recordings import RETENTION_SECONDS
from bot.services.search import Search
from bot.services.settings import SystemSettings
from bot.services.spending import Spending
from bot.services.stale_calls import SECONDS as STALE_SECONDS
from bot.services.telephone import Telephone
from bot.services.ticketing import Ticketing
from bot.services.ticketing import join as join_ticketing
from bot.services.transfer_call import TransferCalls
from bot.services.users import Users
from bot.services.verification import JOB, Verifying
from bot.services.waiting_calls import WaitingCalls
from bot.services.webhook_events import WebhookEvents
from bot.services.webhook_posting import Posting, Tools
from bot.services.webhooks import Webhooks
from bot.shared import Shared
from bot.store.base import LaneKinds, Store
from bot.store.files import FileDirectory
from bot.store.ownership import Ownership, beside
from bot.tools.base import Services, Toolbox
from bot.vendors import (
    channels_of,
    is_worked_on,
    lanes_of,
    mailer_of,
    model_of,
    posting_tools,
    shared_of,
    simulator_of,
    store_of,
    telephone_of,
    worked_on,
)
from bot.worker import Worker

if TYPE_CHECKING:
    from bot.channels.voice.simulator import SimulatedTelephone

log = structlog.get_logger()

COMPANY = "our company"
SWEEP_SECONDS = 60.0
STRAGGLERS_SECONDS = 3600.0
CLOCK_SECONDS = 0.5
"""By so much a machine's clock may differ from the store's."""


@dataclass
class App:
    """The joined parts of one process."""

    settings: Settings
    clock: Clock
    store: Store
    lanes: LaneKinds
    backlog: Backlog
    inbox: Inbox
    outbox: Outbox
    jobs: Jobs
    policy: Policy
    people: People
    users: Users
    accounts: Accounts
    link_mail: LinkMail
    merging: Merging
    conversations: Conversations
    phone_calls: PhoneCalls
    transfer_calls: TransferCalls
    calls: Calls
    """The telephone calls whose lines this process holds."""
    phone_simulator: SimulatedTelephone | None
    """The telephone of the front page: `bot serve` has one where there is no real number and nobody but this machine comes in."""
    calling: Calling
    telephone: Telephone | None
    """None where the settings switch none on."""
    consents: ConsentBook
    call_timeline: CallTimeline
    after_call: AfterCall
    knowledge: Knowledge
    router: Router
    engine: Engine
    spending: Spending
    worker: Worker
    channels: Mapping[str, Channel]
    ownership: Ownership
    live: Live
    desk: Desk
    media: Media
    ticketing: Ticketing
    webhooks: Webhooks
    posting_tools: Tools
    services: Services
    shared: Shared
    meter: Meter
    depths: Depths
    simulator: Simulator | None
    """The phone of the front page; None where there is a real number, or where others than this machine come in."""
    is_working: bool
    """Whether this process works on the store; only others do if not."""


@asynccontextmanager
async def assemble(
    settings: Settings,
    *,
    clock: Clock | None = None,
    model: Model | None = None,
    channels: Mapping[str, Channel] | None = None,
    bounds: Bounds | None = None,
    mailer: Mailer | None = None,
    telephone: Telephone | None = None,
    phone_provider: PhoneProvider | None = None,
    meter: Meter = KEEPS_NOTHING,
    work: bool = True,
) -> AsyncIterator[App]:
    """The parts, joined and open; closed again when the block ends.

    `clock`, `model`, `channels`, `bounds`, `mailer`, `telephone` and `phone_provider` take the place of what the settings say:
    for tests, and for programs that embed us. What they measure is told to `meter`, which is closed with the rest.
    With `work` the process takes the store for itself, or joins those that share it: raises DataInUse when another one has it
    alone. The worker is not started here. Raises SettingsError, StoreError, ResourceError.
    """
    _refuse_half_of_it(settings)
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(meter.close)
        store = store_of(settings, clock)
        ownership = await stack.enter_async_context(worked_on(settings, store) if work else beside(store))
        if settings.is_shared:
            await _follow_clock_of(store)
        lanes = await stack.enter_async_context(lanes_of(settings, store, clock, ownership.fence, works=work))
        shared = await stack.enter_async_context(shared_of(settings, clock))
        model = model or model_of(settings, clock, shared.breakers)
        if model is not None:
            stack.push_async_callback(model.close)
        channels = channels if channels is not None else channels_of(settings)
        for channel in channels.values():
            stack.push_async_callback(channel.close)
        mailer = mailer or mailer_of(settings, clock, shared.breakers.of("e-mail"))
        if telephone is None and (rest := telephone_of(settings, clock, shared.breakers.of("twilio"))) is not None:
            stack.push_async_callback(rest.close)
            telephone = rest
            phone_provider = phone_provider if phone_provider is not None else rest
        app = _join(
            settings,
            clock,
            store,
            lanes,
            shared,
            model,
            channels,
            bounds,
            mailer,
            telephone,
            phone_provider,
            meter,
            ownership,
            work,
        )
        stack.push_async_callback(app.posting_tools.close)
        stack.push_async_callback(app.calls.close)
        stack.push_async_callback(app.spending.close)
        stack.push_async_callback(app.backlog.close)
        if work:
            await SystemSettings(store, clock).ensure_defaults()
        await _plan_jobs(app)
        yield app


@asynccontextmanager
async def assemble_beside(settings: Settings) -> AsyncIterator[App]:
    """The parts for a command that works itself if nobody else does, and leaves the work to a running `bot serve` otherwise."""
    async with AsyncExitStack() as stack:
        try:
            app = await stack.enter_async_context(assemble(settings, work=not await _do_others_work(settings)))
        except DataInUse:
            app = await stack.enter_async_context(assemble(settings, work=False))
        if app.is_working:
            await app.worker.start()
            stack.push_async_callback(app.worker.stop)
        yield app


async def _follow_clock_of(store: Store) -> None:
    """Machines that work together agree on what is due, and on what came first, by the store's clock."""
    there = await store.now()
    if abs((there - SystemClock().now()).total_seconds()) > CLOCK_SECONDS:
        log.warning("this machine's clock is wrong; the store's is followed", ahead=round(follow(there), 1))


async def _do_others_work(settings: Settings) -> bool:
    """Whether processes work that would let this one join them, which it need not."""
    if not settings.is_shared:
        return False
    async with beside(store := store_of(settings, SystemClock())):
        return await is_worked_on(settings, store)


def _refuse_half_of_it(settings: Settings) -> None:
    """A setting that would be ignored is a promise broken in silence."""
    if settings.redis_url.get_secret_value() and not settings.is_shared:
        raise SettingsError(
            "REDIS_URL: Redis joins several processes, and the embedded store serves one: set MONGODB_URI too, or unset REDIS_URL"
        )
    if settings.has_any_twilio and not settings.has_twilio:
        missing = " and ".join(settings.twilio_missing())
        raise SettingsError(
            f"{missing}: not set, and the telephone needs them; set them too, or unset the other TWILIO_ settings"
        )


def _join(
    settings: Settings,
    clock: Clock,
    store: Store,
    lanes: LaneKinds,
    shared: Shared,
    model: Model | None,
    channels: Mapping[str, Channel],
    bounds: Bounds | None,
    mailer: Mailer | None,
    telephone: Telephone | None,
    phone_provider: PhoneProvider | None,
    meter: Meter,
    ownership: Ownership,
    is_working: bool,
) -> App:
    def shape(lane: str, reply: Reply) -> list[Reply]:
        return shape_for(channels, lane, reply)

    company = settings.company or COMPANY
    audit = Audit(clock)
    policy = Policy(store, clock)
    backlog = Backlog(store, clock, settings.max_waiting)
    inbox = Inbox(store, lanes.turns, lanes.receipts, clock, settings.quiet_ms, backlog, meter)
    outbox = Outbox(store, lanes.sends, clock, policy, shape, meter)
    jobs = Jobs(store, lanes.jobs, clock, meter)
    people = People(store, clock, audit)
    merging = Merging(store, clock, audit)
    conversations = Conversations(store, clock, audit, jobs, meter)
    key = load_secret_key(settings.secret_key.get_secret_value(), settings.data_dir)
    codes = OneTimeCodes(key)
    accounts = accounts_of(store, clock, audit, key, settings.web_url)
    link_mail = LinkMail(store, clock, audit, jobs, accounts.users, accounts.links, mailer)
    jobs.register(LINK_JOB, link_mail)
    jobs.register(JOB, CodeDelivery(store, clock, outbox, conversations, codes, mailer))
    verification = Verifying(store, clock, audit, policy, jobs, people, merging, codes, has_email=mailer is not None)
    search = Search(store)
    knowledge = Knowledge(store)
    intents = Intents(knowledge)
    leads = Leads(store, clock, audit)
    toolbox = Toolbox.discover()
    agents = load_agents(toolbox.names())
    router = Router(agents)
    system = SystemSettings(store, clock)
    hours = Hours(system, clock)
    spending = Spending(store, clock, system)
    handoffs = Handoffs(router.skills())
    summariser = ModelSummariser(model) if model is not None else None
    files = FileDirectory(settings.media_path)
    media = Media(store, clock, audit, files, MediaLinks(key, clock), MediaBounds(settings.media_max_mb, settings.media_total_mb))
    desk = join_desk(
        store, clock, audit, system, hours, jobs, outbox, policy, conversations, handoffs, shared.live, mailer, summariser, media
    )
    ticketing = join_ticketing(store, clock, audit, system, hours, jobs, outbox, policy, conversations, desk.notifying, media)
    tools, events = posting_tools(key), WebhookEvents(store, clock, jobs)
    store.before_commit(events)
    Posting(store, clock, system, desk.notifying, events, tools, jobs)
    webhooks = Webhooks(store, clock, audit, jobs, events, tools, is_public=bool(settings.public_url))
    callbacks, capture = Callbacks(store, clock, audit), Capture(store, clock, leads)
    phone_calls = PhoneCalls(store, clock, audit, people, conversations, jobs)
    calling = join_calling(
        store, clock, audit, jobs, policy, system, phone_calls, callbacks, shared.pacer, telephone, company, settings
    )
    after_call = join_after_call(
        store,
        clock,
        audit,
        jobs,
        shared.live,
        meter,
        system,
        spending,
        conversations,
        phone_calls,
        ticketing.tickets,
        callbacks,
        leads,
        capture,
        media,
        ModelCallReader(model, meter) if model is not None else None,
        phone_provider,
    )
    parts = Parts(
        store=store,
        clock=clock,
        inbox=inbox,
        outbox=outbox,
        policy=policy,
        people=people,
        conversations=conversations,
        receipts=Receipts(store, meter),
        settings=system,
        spending=spending,
        services=Services(
            tickets=ticketing.tickets,
            handoffs=handoffs,
            people=people,
            callbacks=callbacks,
            search=search,
            knowledge=knowledge,
            memories=Memories(store, clock, audit),
            verification=verification,
            leads=leads,
            capture=capture,
            directory=Directory(store, search, leads),
            ratings=Ratings(store, clock, audit),
            consents=Consents(clock),
            hours=hours,
            dialling=calling.dialling,
        ),
        loop=AgentLoop(model, Offline(intents, knowledge), toolbox, clock, bounds, meter),
        agents=agents,
        router=router,
        hours=hours,
        queueing=desk.queueing,
        flows=discover_flows(),
        intents=intents,
        company=company,
        default_language=settings.default_language,
        meter=meter,
    )
    engine = Engine(parts)
    transfer_calls = TransferCalls(store, clock, audit, outbox, conversations, desk.transfers, shared.live)
    jobs.register(WAITING_CALL_JOB, WaitingCalls(store, clock, jobs, transfer_calls, desk.queueing))
    calls = Calls(
        settings, engine, lanes.turns, store, phone_calls, after_call.turns, shared.live, clock, meter, calling.do_not_call.said
    )
    calling.dialling.admit_by(calls.live)
    sending = Sending(outbox, channels, shared, meter)
    worker = Worker(store, lanes, inbox, outbox, engine, sending, jobs, shared.live, meter)
    return App(
        settings=settings,
        clock=clock,
        store=store,
        lanes=lanes,
        backlog=backlog,
        inbox=inbox,
        outbox=outbox,
        jobs=jobs,
        policy=policy,
        people=people,
        users=accounts.users,
        accounts=accounts,
        link_mail=link_mail,
        merging=merging,
        conversations=conversations,
        phone_calls=phone_calls,
        transfer_calls=transfer_calls,
        calls=calls,
        phone_simulator=None,
        calling=calling,
        telephone=telephone,
        consents=ConsentBook(store, clock, audit, people),
        call_timeline=CallTimeline(store, clock, outbox, conversations),
        after_call=after_call,
        knowledge=knowledge,
        router=router,
        engine=engine,
        worker=worker,
        channels=channels,
        ownership=ownership,
        simulator=simulator_of(settings, inbox.accept, clock),
        is_working=is_working,
        live=shared.live,
        desk=desk,
        media=media,
        ticketing=ticketing,
        webhooks=webhooks,
        posting_tools=tools,
        services=parts.services,
        shared=shared,
        meter=meter,
        depths=Depths(store, clock),
        spending=spending,
    )


async def _plan_jobs(app: App) -> None:
    async def sweep(_: Mapping[str, Any]) -> None:
        gone = await app.store.sweep()
        if gone:
            log.info("expired records swept", count=gone)

    async def bring_stragglers(_: Mapping[str, Any]) -> None:
        await app.merging.stragglers()

    app.jobs.register("sweep", sweep)
    app.jobs.register("merge-stragglers", bring_stragglers)
    app.jobs.register(MEDIA_JOB, app.media.sweep)
    if app.is_working:
        await app.jobs.every("sweep", SWEEP_SECONDS)
        await app.jobs.every("merge-stragglers", STRAGGLERS_SECONDS)
        await app.jobs.every(DESK_JOB, DESK_SECONDS)
        await app.jobs.every(MEDIA_JOB, MEDIA_SECONDS)
        await app.jobs.every(STALE_JOB, STALE_SECONDS)
        await app.jobs.every(RETENTION_JOB, RETENTION_SECONDS)
        await app.jobs.every(DEADLINES_JOB, DEADLINES_SECONDS)
