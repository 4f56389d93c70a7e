"""`bot bench`: what is promised, proved on this machine."""

from __future__ import annotations

import asyncio
import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bot.errors import SettingsError
from bot.running import run
from bot.testing import redis, secantus
from bot.testing.crowd import MOST_PEOPLE
from bot.testing.processes import ProcessEnded
from bot.testing.secantus import Secantus
from bot.testing.shared_chaos import Plan, Proof, shared_chaos

_MINUTES = 3.0
_LONGEST_MINUTES = 24 * 60.0
_PROCESSES = click.IntRange(1, 8)


@click.group(short_help="Prove what is promised: real processes, killed at random.")
def command() -> None:
    """Prove what is promised, on this machine: real processes, a fake WhatsApp, a fake model."""


@command.command("chaos", short_help="Kill, pause and empty things at random; nothing may be lost.")
@click.option("--minutes", type=click.FloatRange(0.2, _LONGEST_MINUTES), help=f"How long people write ({_MINUTES:g}).")
@click.option("--conversations", type=click.IntRange(1, MOST_PEOPLE), help="Or: until so many conversations are over.")
@click.option("--seed", type=click.IntRange(0), help="What happens when; the one of an earlier run, to run it again.")
@click.option("--web", "webs", type=_PROCESSES, default=2, show_default=True, help="`bot serve` processes.")
@click.option("--workers", type=_PROCESSES, default=2, show_default=True, help="`bot work` processes.")
@click.option("--mongodb-uri", default="", help="A MongoDB instead of SecantusDB; a database of its own is made and dropped.")
@click.option("--redis-url", default="", help="A Redis instead of one of its own: its database has to be empty and is emptied.")
def chaos_command(
    minutes: float | None,
    conversations: int | None,
    seed: int | None,
    webs: int,
    workers: int,
    mongodb_uri: str,
    redis_url: str,
) -> None:
    """Drive conversations through real `bot serve` and `bot work` processes while they are killed, paused and stopped at random.

    Redis is killed and emptied, too (one that is given is only emptied), operators take conversations over in the middle. Then
    what the fake WhatsApp received is compared with what the store holds. Exit code 1 if anything was lost, repeated, out of
    order or said after a take-over, or if another process went on too late.
    """
    if minutes is not None and conversations is not None:
        raise click.UsageError("either --minutes or --conversations")
    seconds = 60 * (minutes or (_LONGEST_MINUTES if conversations else _MINUTES))
    seed = random.randrange(1_000_000) if seed is None else seed  # noqa: S311 - nothing to be guessed
    plan = Plan(seed, seconds, conversations or MOST_PEOPLE, webs, workers, redis_url=redis_url)
    _require_programs(mongodb_uri, redis_url)
    run(_chaos(plan, mongodb_uri, _again(plan, minutes, conversations, mongodb_uri, redis_url)))


def _require_programs(mongodb_uri: str, redis_url: str) -> None:
    """Raises SettingsError, with the command that installs what is missing."""
    if not redis_url and shutil.which(redis.PROGRAM) is None:
        raise SettingsError(f"{redis.INSTALL}; or give --redis-url")
    if not mongodb_uri and secantus.program() is None:
        raise SettingsError(f"{secantus.INSTALL}; or give --mongodb-uri")


def _again(plan: Plan, minutes: float | None, conversations: int | None, mongodb_uri: str, redis_url: str) -> str:
    """The command that runs it again, without the passwords that addresses may hold."""
    length = f"--conversations {conversations}" if conversations else f"--minutes {minutes or _MINUTES:g}"
    given = [option for option, uri in (("--mongodb-uri ...", mongodb_uri), ("--redis-url ...", redis_url)) if uri]
    return " ".join(["bot bench chaos", length, f"--seed {plan.seed} --web {plan.webs} --workers {plan.workers}", *given])


async def _chaos(plan: Plan, mongodb_uri: str, again: str) -> None:
    """Runs it in a folder that is kept where something was wrong. SIGTERM ends it as Ctrl-C does: with all that it started."""
    if me := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    folder = Path(tempfile.mkdtemp(prefix="switchboard-chaos-"))
    keep = False
    try:
        click.echo(_begins(plan, mongodb_uri))
        with _mongo(folder / "mongo", mongodb_uri) as uri:
            proof = await shared_chaos(folder, uri, plan, click.echo)
        keep = bool(proof.problems)
    except (RuntimeError, ProcessEnded) as error:
        raise click.ClickException(f"a program could not be started: {error}") from None
    except asyncio.CancelledError:
        raise click.Abort from None
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    _tell(proof, again, folder)
    if proof.problems:
        sys.exit(1)


@contextmanager
def _mongo(folder: Path, uri: str) -> Iterator[str]:
    """The one that was given, or SecantusDB for as long as it is needed."""
    if uri:
        yield uri
        return
    server = Secantus(folder).start()
    try:
        yield server.uri
    finally:
        server.kill()


def _begins(plan: Plan, mongodb_uri: str) -> str:
    mongo = "the MongoDB that was given" if mongodb_uri else "SecantusDB"
    cache = "the Redis that was given (emptied, never killed)" if plan.redis_url else "a redis-server of its own"
    lease = plan.lease_ms / 1000
    return f"{plan.webs} web, {plan.workers} workers, {mongo}, {cache}; lease {lease:g} s; seed {plan.seed}"


def _tell(proof: Proof, again: str, folder: Path) -> None:
    click.echo(proof.table())
    if proof.problems and not proof.wrong:
        load, cores = os.getloadavg()[0], os.cpu_count()
        click.echo(f"only recovery was late; on a busy machine it is: load average {load:.1f} on {cores} cores")
    if proof.problems:
        click.echo(f"FAIL: {len(proof.problems)} problems; logs of all processes: {shlex.quote(str(folder))}")
    else:
        click.echo("pass: nothing lost, repeated, out of order or said after a take-over")
    click.echo(f"again: {again}")
