"""The one scheduler: work that is due at a time, once or again and again. Handlers register by name.

Jobs are rows, so they survive restarts; a handler may run twice if the process dies in it, and must not mind. One that takes too
long is ended and counts as failed, so that it holds up nobody else's work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars

from bot.clock import Clock, new_id
from bot.errors import DataTooNew, StoreUnavailable, VendorLeftAlone
from bot.meter import KEEPS_NOTHING, Counted, Meter
from bot.records.work import Job, JobSchedule, JobStatus
from bot.store.base import Between, Claim, Delete, Lanes, Store, Unit

log = structlog.get_logger()

MAX_ATTEMPTS = 8
MAX_SECONDS = 300.0
"""How long a handler may take, unless it was registered with another bound."""
_PENDING = {"status": JobStatus.PENDING}
_PAGE = 500
"""Jobs that are read at once, however many wait for their time."""


@dataclass(frozen=True, slots=True)
class Again:
    """What a handler may give back: it wants to be called again in so many seconds.

    Recurring work is, where that is sooner; other work is not done yet.
    """

    seconds: float


Handler = Callable[[Mapping[str, Any]], Awaitable[object]]


class Jobs:
    """Keeps, wakes and runs jobs."""

    def __init__(self, store: Store, lanes: Lanes, clock: Clock, meter: Meter = KEEPS_NOTHING) -> None:
        self._store = store
        self._meter = meter
        self._lanes = lanes
        self._clock = clock
        self._handlers: dict[str, tuple[Handler, float]] = {}
        self._given_up: dict[str, Handler] = {}

    def register(self, name: str, handler: Handler, *, seconds: float = MAX_SECONDS, given_up: Handler | None = None) -> None:
        """Work of this name is done by this handler, which may take so many seconds and is ended then.

        `given_up` is told of work that failed too often, before it is set aside; it may be told twice.
        """
        self._handlers[name] = handler, seconds
        if given_up is not None:
            self._given_up[name] = given_up

    async def schedule(self, name: str, due_at: datetime, payload: Mapping[str, Any] | None = None, *, id: str = "") -> str:
        """Work due at a time; its id. The same id is scheduled once, however often this is called."""
        job = Job(id=id or new_id(), job_type=name, schedule=JobSchedule(execute_at=due_at), payload=dict(payload or {}))
        await self._store.insert([job])
        await self._wake(job)
        return job.id

    def add(
        self,
        unit: Unit,
        name: str,
        payload: Mapping[str, Any],
        *,
        id: str,
        every: float | None = None,
        delay: float = 0.0,
    ) -> None:
        """Work that is due as soon as the unit is written, or `delay` seconds from now, and not there without it.

        Every so many seconds again with `every`.
        """
        due_at = self._clock.now() + timedelta(seconds=delay)
        schedule = JobSchedule(execute_at=due_at, recurring=every is not None, every_seconds=every)
        job = Job(id=id, job_type=name, schedule=schedule, payload=dict(payload))
        unit.insert(job)
        unit.then(lambda: self._wake(job))

    @staticmethod
    def end(unit: Unit, id: str) -> None:
        """Recurring work is over when the unit is written."""
        unit.add(Delete(Job, {"id": id}))

    async def every(self, name: str, seconds: float) -> None:
        """Work that recurs; the first time now. A changed interval takes the place of the former one."""
        id_ = f"every:{name}"
        now = self._clock.now()
        job = Job(id=id_, job_type=name, schedule=JobSchedule(execute_at=now, recurring=True, every_seconds=seconds))
        [is_new] = await self._store.insert([job])
        if not is_new:
            latest = now + timedelta(seconds=seconds)  # by the former interval it may be due much later
            again = {"schedule.every_seconds": seconds, "schedule.recurring": True, "status": JobStatus.PENDING}
            await self._store.change(Job, {"id": id_}, set=again)
            late = {"id": id_, "schedule.execute_at": Between(low=latest)}
            await self._store.change(Job, late, set={"schedule.execute_at": latest})
        await self._lanes.wake(id_)

    async def hurry(self, name: str) -> None:
        """Work that recurs is due now; nothing where there is none of this name."""
        await self.hurry_one(f"every:{name}")

    async def hurry_one(self, id: str) -> None:
        """The same for recurring work by its id."""
        now = self._clock.now()
        if await self._store.change(Job, {"id": id, "status": JobStatus.PENDING}, set={"schedule.execute_at": now}):
            await self._lanes.wake(id)

    async def retry(self, job_id: str) -> bool:
        """A job that failed for good is due now, with a fresh count of tries; False if it has not failed."""
        again = {"status": JobStatus.PENDING, "attempts": 0, "error": "", "schedule.execute_at": self._clock.now()}
        if not await self._store.change(Job, {"id": job_id, "status": JobStatus.FAILED}, set=again):
            return False
        await self._lanes.wake(job_id)
        return True

    async def recover(self) -> int:
        """Brings every job to mind that is not done, at its time: at start-up, and when somebody may have written untold."""
        found = 0
        async for page in self._pending():
            for job in page:
                await self._lanes.remind(job.id, self._until(job))
            found += len(page)
        return found

    async def _pending(self) -> AsyncIterator[Sequence[Job]]:
        """Those that are not done; without those that only a newer version can read."""
        after = None
        while True:
            try:
                page = await self._store.find(Job, _PENDING, sort=("schedule.execute_at",), limit=_PAGE, after=after)
            except DataTooNew as error:
                log.warning("jobs are left for a newer version of this program", error=str(error))
                yield await self._readable()
                return
            yield page
            if len(page) < _PAGE:
                return
            after = page[-1].id

    async def _readable(self) -> list[Job]:
        found = []
        for id_ in await self._store.distinct(Job, "id", _PENDING):
            with suppress(DataTooNew):
                if job := await self._store.get(Job, id_):
                    found.append(job)
        return found

    async def work(self, claim: Claim) -> float | None:
        """Runs the job whose lane it is, if it is due; seconds until it is due again, or None."""
        job = await self._store.get(Job, claim.lane)
        if job is None or job.status is not JobStatus.PENDING:
            return None
        wait = (job.due_at - self._clock.now()).total_seconds()
        if wait > 0:
            return wait
        if job.job_type not in self._handlers:
            return await self._failed(job, f"no handler is registered for {job.job_type!r}")
        handler, seconds = self._handlers[job.job_type]
        bind_contextvars(job=job.id)
        try:
            async with asyncio.timeout(seconds) as bound:
                result = await handler(job.payload)
        except VendorLeftAlone as error:  # nothing was tried, so nothing is counted
            return await self._again(job, error.wait, error=str(error))
        except DataTooNew:
            raise  # a newer version's worker will do it
        except Exception as error:  # whatever a handler does wrong is this job's own failure
            log.exception("job failed", job=job.id, job_type=job.job_type)
            if bound.expired():
                return await self._failed(job, f"took longer than {seconds:g} s")
            return await self._failed(job, f"{type(error).__name__}: {error}")
        return await self._done(job, result)

    async def _done(self, job: Job, result: object) -> float | None:
        every = job.schedule.every_seconds
        if every is None and isinstance(result, Again):
            return await self._again(job, result.seconds, attempts=0, error="")
        if every is None:
            done = {"status": JobStatus.COMPLETED, "error": "", "executed_at": self._clock.now()}
            await self._store.change(Job, {"id": job.id}, set=done)
            return None
        if isinstance(result, Again):
            every = min(every, max(0.0, result.seconds))
        now = self._clock.now()
        done = {"attempts": 0, "error": "", "executed_at": now}
        as_it_was = {"id": job.id, "schedule.execute_at": job.due_at}
        again = {**done, "schedule.execute_at": now + timedelta(seconds=every)}
        if await self._store.change(Job, as_it_was, set=again):
            return every
        await self._store.change(Job, {"id": job.id}, set=done)
        return 0.0  # somebody has hurried it meanwhile

    async def _failed(self, job: Job, error: str) -> float | None:
        attempts, every = job.attempts + 1, job.schedule.every_seconds
        if every is None and attempts >= (job.max_attempts or MAX_ATTEMPTS):
            await self._give_up(job)
            failed = {"status": JobStatus.FAILED, "attempts": attempts, "error": error}
            await self._store.change(Job, {"id": job.id}, set=failed)
            self._meter.count(Counted.SET_ASIDE, "jobs")
            return None
        wait = every if every is not None else float(min(2**attempts, 600))
        self._meter.count(Counted.RETRIES, "jobs")
        return await self._again(job, wait, attempts=attempts, error=error)

    async def _give_up(self, job: Job) -> None:
        """Whoever wants to know is told first: after a crash in between it is tried, and told, once more."""
        told = self._given_up.get(job.job_type)
        if told is None:
            return
        try:
            await told(job.payload)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("what follows a job that failed was not done", job=job.id, job_type=job.job_type)

    async def _again(self, job: Job, wait: float, **fields: Any) -> float:
        due = self._clock.now() + timedelta(seconds=wait)
        await self._store.change(Job, {"id": job.id}, set={"schedule.execute_at": due, **fields})
        return wait

    async def _wake(self, job: Job) -> None:
        await self._lanes.wake(job.id, self._until(job))

    def _until(self, job: Job) -> float:
        return max(0.0, (job.due_at - self._clock.now()).total_seconds())
