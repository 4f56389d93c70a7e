"""`bot check`: what is on, what is off and why."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager

import click

from bot.clock import SystemClock
from bot.config import Settings, load_settings
from bot.dialogs.prices import is_priced
from bot.dialogs.prompts import Agent
from bot.dialogs.roster import inspect_agents
from bot.dialogs.templates import Problem
from bot.errors import SettingsError, StoreError
from bot.logs import configure_logs
from bot.running import run
from bot.services.status import (
    Finding,
    State,
    ability,
    configuration,
    left_alone,
    processes,
    redis_trouble,
    stored,
    unpriced,
    workers,
)
from bot.store.base import Store
from bot.tools.base import Toolbox
from bot.vendors import ask_vendors, embedded_path, lanes_of, shared_of, store_of, tracing, unmakeable

_MARKS = {State.ON: ("on", "green"), State.OFF: ("off", "yellow"), State.WRONG: ("WRONG", "red"), State.INFO: ("", "white")}


@click.command(short_help="Show what is on, what is off and why.")
@click.option("--live", is_flag=True, help="Also ask the vendors whether the keys are right.")
def command(live: bool) -> None:
    """Show what is on, what is off and why. Exit code 1 when something is wrong."""
    configure_logs(logging.CRITICAL)
    settings = load_settings()
    findings: list[Finding] = []
    run(_collect(settings, live, findings))
    for finding in findings:
        _show(finding)
    if any(finding.state is State.WRONG for finding in findings):
        sys.exit(1)


async def _collect(settings: Settings, live: bool, into: list[Finding]) -> None:
    into.extend([*configuration(settings), tracing(settings), *unmakeable(settings)])
    agents, problems = inspect_agents(Toolbox.discover().names())
    into.extend(_agents(agents, problems))
    if settings.has_model:
        models = {agent.model or settings.openai_model for agent in agents.values()}
        into.extend(unpriced(sorted(model for model in models if not is_priced(model))))
    try:
        async with _existing_store(settings) as store:
            none = [Finding("work", State.INFO, "no data yet")]
            into.extend(none if store is None else await stored(store, SystemClock(), settings))
            if store is not None:
                into.extend(processes(await store.processes()))
            if store is not None and settings.is_shared:
                into.extend(await _workers(settings, store))
                into.extend(await _left_alone(settings))
    except (StoreError, OSError) as error:  # the rest of the report is still worth having
        into.append(Finding("work", State.WRONG, str(error)))
    if live:
        try:
            into.extend(await ask_vendors(settings))
        except SettingsError as error:
            into.append(Finding("live", State.WRONG, str(error)))


def _agents(agents: Mapping[str, Agent], problems: Sequence[Problem]) -> Iterator[Finding]:
    """Every agent, and all that is wrong with their files: `bot serve` would stop at the first."""
    for agent in agents.values():
        yield ability(agent.name, len(agent.tools), agent.handoffs, agent.skills)
    for problem in problems:
        yield Finding("agents", State.WRONG, f"{problem.file}: {problem.what}", problem.fix)


async def _workers(settings: Settings, store: Store) -> list[Finding]:
    try:
        async with lanes_of(settings, store, SystemClock(), 0, works=True) as lanes:
            if lanes.commons is None:
                return [workers([])]
            return [workers(await lanes.commons.workers()), *redis_trouble(await lanes.commons.faults())]
    except (SettingsError, StoreError) as error:
        return [Finding("workers", State.WRONG, str(error))]


async def _left_alone(settings: Settings) -> list[Finding]:
    async with shared_of(settings, SystemClock()) as shared:
        return left_alone(await shared.breakers.left_alone())


@asynccontextmanager
async def _existing_store(settings: Settings) -> AsyncIterator[Store | None]:
    """The store, if there is one: looking must not make one."""
    if not settings.mongodb_uri.get_secret_value() and not embedded_path(settings).exists():
        yield None
        return
    store = store_of(settings, SystemClock())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def _show(finding: Finding) -> None:
    mark, colour = _MARKS[finding.state]
    fix = f"  ->  {finding.fix}" if finding.fix else ""
    click.echo(f"{finding.name:<16} " + click.style(f"{mark:<6}", fg=colour) + f" {finding.detail}{fix}")
