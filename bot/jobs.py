"""The one scheduler: work that is due at a time, once or again and again. Handlers register by name.

Jobs are rows, so they survive restarts; a handler may run twice if the process dies in it, and must not mind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars

from bot.clock import Clock, new_id
from bot.meter import KEEPS_NOTHING, Counted, Meter
from bot.records.work import Job, JobSchedule, JobStatus
from bot.store.base import Between, Claim, Lanes, Store, Unit

log = structlog.get_logger()

MAX_ATTEMPTS = 8

Handler = Callable[[Mapping[str, Any]], Awaitable[object]]


class Jobs:
    """Keeps, wakes and runs jobs."""

    def __init__(self, store: Store, lanes: Lanes, clock: Clock, meter: Meter = KEEPS_NOTHING) -> None:
        self._store = store
        self._meter = meter
        self._lanes = lanes
        self._clock = clock
        self._handlers: dict[str, Handler] = {}

    def register(self, name: str, handler: Handler) -> None:
        """Work of this name is done by this handler."""
        self._handlers[name] = handler

    async def schedule(self, name: str, due_at: datetime, payload: Mapping[str, Any] | None = None, *, id: str = "") -> str:
        """Work due at a time; its id. The same id is scheduled once, however often this is called."""
        job = Job(id=id or new_id(), job_type=name, schedule=JobSchedule(execute_at=due_at), payload=dict(payload or {}))
        await self._store.insert([job])
        await self._wake(job)
        return job.id

    def add(self, unit: Unit, name: str, payload: Mapping[str, Any], *, id: str) -> None:
        """Work that is due as soon as the unit is written, and is not there without it."""
        job = Job(id=id, job_type=name, schedule=JobSchedule(execute_at=self._clock.now()), payload=dict(payload))
        unit.insert(job)
        unit.then(lambda: self._wake(job))

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

    async def recover(self) -> int:
        """Brings every job to mind that is not done, at its time: at start-up, and when somebody may have written untold."""
        due = await self._store.find(Job, {"status": JobStatus.PENDING}, sort=("schedule.execute_at",))
        for job in due:
            await self._lanes.remind(job.id, self._until(job))
        return len(due)

    async def work(self, claim: Claim) -> float | None:
        """Runs the job whose lane it is, if it is due; seconds until it is due again, or None."""
        job = await self._store.get(Job, claim.lane)
        if job is None or job.status is not JobStatus.PENDING:
            return None
        wait = (job.due_at - self._clock.now()).total_seconds()
        if wait > 0:
            return wait
        handler = self._handlers.get(job.job_type)
        if handler is None:
            return await self._failed(job, f"no handler is registered for {job.job_type!r}")
        bind_contextvars(job=job.id)
        try:
            await handler(job.payload)
        except Exception as error:  # whatever a handler does wrong is this job's own failure
            log.exception("job failed", job=job.id, job_type=job.job_type)
            return await self._failed(job, f"{type(error).__name__}: {error}")
        return await self._done(job)

    async def _done(self, job: Job) -> float | None:
        every = job.schedule.every_seconds
        if every is None:
            done = {"status": JobStatus.COMPLETED, "error": "", "executed_at": self._clock.now()}
            await self._store.change(Job, {"id": job.id}, set=done)
            return None
        return await self._again(job, every, attempts=0, error="", executed_at=self._clock.now())

    async def _failed(self, job: Job, error: str) -> float | None:
        attempts, every = job.attempts + 1, job.schedule.every_seconds
        if every is None and attempts >= (job.max_attempts or MAX_ATTEMPTS):
            failed = {"status": JobStatus.FAILED, "attempts": attempts, "error": error}
            await self._store.change(Job, {"id": job.id}, set=failed)
            self._meter.count(Counted.SET_ASIDE, "jobs")
            return None
        wait = every if every is not None else float(min(2**attempts, 600))
        self._meter.count(Counted.RETRIES, "jobs")
        return await self._again(job, wait, attempts=attempts, error=error)

    async def _again(self, job: Job, wait: float, **fields: Any) -> float:
        due = self._clock.now() + timedelta(seconds=wait)
        await self._store.change(Job, {"id": job.id}, set={"schedule.execute_at": due, **fields})
        return wait

    async def _wake(self, job: Job) -> None:
        await self._lanes.wake(job.id, self._until(job))

    def _until(self, job: Job) -> float:
        return max(0.0, (job.due_at - self._clock.now()).total_seconds())
