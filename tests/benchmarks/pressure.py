"""A slow model and ten thousand people who write: what is acknowledged, how much memory it takes, who waits how long.

    python -m tests.benchmarks.pressure [--people 10000] [--burst 100] [--slow-ms 250] [--low 200]

A real `bot serve`, with a fake WhatsApp as its vendor that tells of every message, and a fake model that says a word in
`--slow-ms` until everybody has written and a while after, and then answers at once. In the middle one person writes a burst.
Then the same server with room for only `--low` to wait: what it refuses is posted again, as Meta does, until it is taken.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.clock import SystemClock
from bot.testing.llm import Said
from bot.testing.openai import FakeOpenAI
from bot.testing.processes import Program, Surroundings, surroundings
from bot.testing.whatsapp import PHONE_ID, SECRET, Posted, Vendor, person
from tests.benchmarks.common import judge, middle

MEMORY_BAR = 200.0
"""MB at the peak, in all."""
AT_ONCE = 64
SLOW_SECONDS = 20.0
"""How long the model stays slow after everybody has written."""
GIVE_UP_SECONDS = 1200.0
ANSWER = "Thank you. Somebody of ours looks at it today, and you will hear from us tomorrow. Is there anything else?"
LOUD = person(9_999_999)
"""Who writes the burst."""


def memory(server: Program) -> float:
    """MB that the process holds right now."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024


class Load:
    """Posts, and keeps what became of it."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._meta = Vendor(target=around.webhook, secret=SECRET, phone_id=PHONE_ID, clock=SystemClock(), redelivers=False)
        self.statuses: Counter[int] = Counter()
        self.took: list[float] = []
        """Seconds from post to answer."""
        self.wrote_at: dict[str, float] = {}
        """Person -> the wall-clock second of their message."""

    async def write(self, who: str, text: str) -> Posted:
        began = time.perf_counter()
        self.wrote_at.setdefault(who, time.time())
        posted = await self._meta.text(who, text)
        self.took.append(time.perf_counter() - began)
        self.statuses[posted.status] += 1
        return posted

    async def everybody(self, people: int, burst: int) -> list[Posted]:
        """So many people write a message each, and one writes many in the middle; what was refused of it."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(who: str, text: str) -> Posted:
            async with gate:
                return await self.write(who, text)

        half = people // 2
        posts = [one(person(number), f"Good day, I am number {number}.") for number in range(people)]
        posts[half:half] = [one(LOUD, f"This is line {number}.") for number in range(burst)]
        return [posted for posted in await asyncio.gather(*posts) if posted.status != 200]

    async def again(self, refused: list[Posted]) -> int:
        """Posts again what was refused, until it is taken; how many posts that took."""
        posts = 0
        while refused:
            await asyncio.sleep(0.5)
            gate = asyncio.Semaphore(AT_ONCE)

            async def one(posted: Posted, gate: asyncio.Semaphore = gate) -> Posted:
                async with gate:
                    return await self._meta.post_raw(posted.raw)

            posts += len(refused)
            refused = [posted for posted in await asyncio.gather(*map(one, refused)) if posted.status != 200]
        return posts

    async def until_answered(self, people: int) -> dict[str, float]:
        """Waits until so many people have a reply; when each got the first."""
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while True:
                first: dict[str, float] = {}
                for send in self._around.sends():
                    first.setdefault(send.to, send.seconds)
                if len(first) >= people:
                    return first
                await asyncio.sleep(1.0)

    async def close(self) -> None:
        await self._meta.close()


class Watch:
    """The most memory that was seen."""

    def __init__(self, server: Program) -> None:
        self._server = server
        self.peak = 0.0
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while True:
            self.peak = max(self.peak, memory(self._server))
            await asyncio.sleep(0.2)

    def end(self) -> float:
        self._task.cancel()
        return self.peak


@asynccontextmanager
async def running(model: FakeOpenAI, **settings: str) -> AsyncIterator[tuple[Surroundings, Program, Load]]:
    with tempfile.TemporaryDirectory() as folder:
        async with surroundings(Path(folder)) as around:
            around.settings |= {"OPENAI_BASE_URL": model.url, **settings}
            server = around.bot("serve").start()
            await server.ready()
            load = Load(around)
            yield around, server, load
            await load.close()
            await server.stop()


async def all_waiting(model: FakeOpenAI, people: int, burst: int, slow: float) -> bool:
    """Everybody is acknowledged at once, and answered in the end."""
    model.token_seconds = slow
    async with running(model) as (around, server, load):
        await asyncio.sleep(2)
        rest, watch = memory(server), Watch(server)
        began = time.perf_counter()
        refused = await load.everybody(people, burst)
        seconds = time.perf_counter() - began
        late = sorted(load.took)[-max(1, len(load.took) // 100)]
        posts = people + burst
        print(f"acknowledged: {load.statuses[200]} of {posts}, {posts / seconds:.0f}/s", end=", ")
        print(f"p50 {middle(load.took) * 1e3:.0f} ms, p99 {late * 1e3:.0f} ms; answered meanwhile: {len(around.sends())}")
        await asyncio.sleep(SLOW_SECONDS)
        slowly = len(around.sends())
        model.token_seconds = 0.0
        first = await load.until_answered(people + 1)
        print(f"answered: {slowly} while the model was slow, all after {time.perf_counter() - began:.0f} s")
        waits = {who: first[who] - load.wrote_at[who] for who in first}
        order = sorted((who for who in waits if who != LOUD), key=load.wrote_at.__getitem__)
        fell_back = _fell_back([first[who] for who in order])
        longest, median = max(waits.values()), middle(list(waits.values()))
        print(f"waited: median {median:.0f} s, longest {longest:.0f} s, who wrote the burst {waits[LOUD]:.0f} s")
        await asyncio.sleep(5)
        peak, after = watch.end(), memory(server)
    print(f"memory: {rest:.0f} MB at rest, {peak:.0f} MB at the peak, {after:.0f} MB afterwards")
    holds = [
        judge("not acknowledged", len(refused), 0),
        judge("people served by others who wrote later, at most", fell_back, 2 * 256),
        judge("memory at the peak", peak, MEMORY_BAR, " MB"),
    ]
    return all(holds)


def _fell_back(answered: list[float]) -> int:
    """Of moments in the order in which people wrote: by how many later ones somebody was overtaken at most."""
    ranks = {place: rank for rank, place in enumerate(sorted(range(len(answered)), key=answered.__getitem__))}
    return max(ranks[place] - place for place in range(len(answered)))


async def over_the_bound(model: FakeOpenAI, people: int, low: int, slow: float) -> bool:
    """What is refused is written nowhere, comes again and is answered."""
    model.token_seconds = slow
    async with running(model, BOT_MAX_WAITING=str(low)) as (around, _, load):
        refused = await load.everybody(people, 0)
        share = load.statuses[503] / people
        print(f"bound {low}: {load.statuses[200]} of {people} acknowledged, {share:.0%} told to come again (503)", end=", ")
        model.token_seconds = 0.0
        posts = await load.again(refused)
        first = await load.until_answered(people)
        print(f"taken after {posts} more posts; answered in the end: {len(first)}")
        twice = len(around.sends()) - len(first)
    holds = [
        judge("acknowledged over the bound", load.statuses[200], low + 2 * AT_ONCE + 256),
        judge("neither 200 nor 503", people - load.statuses[200] - load.statuses[503], 0),
        judge("answered twice", twice, 0),
    ]
    return all(holds)


async def measure(options: argparse.Namespace) -> bool:
    async with FakeOpenAI(rule=lambda _: Said(ANSWER), keep=0) as model:
        whole = await all_waiting(model, options.people, options.burst, options.slow_ms / 1e3)
        low = await over_the_bound(model, min(options.people, 2000), options.low, options.slow_ms / 1e3)
    return whole and low


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pressure")
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--burst", type=int, default=100)
    parser.add_argument("--slow-ms", type=float, default=250.0, help="of the model, for each word")
    parser.add_argument("--low", type=int, default=200, help="the low bound of what may wait")
    sys.exit(0 if asyncio.run(measure(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
