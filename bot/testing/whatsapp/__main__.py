"""The fake WhatsApp as a process of its own, whose log is the outside truth about what was sent.

Prints `listening on URL` when it is ready; ends on SIGTERM or SIGINT. With `--say` it only posts one text and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
import uvloop

from bot.testing.whatsapp.server import PHONE_ID, SECRET, TOKEN, FakeWhatsApp


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bot.testing.whatsapp", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--port", type=int, default=0, help="of the API, on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--target", action="append", default=[], help="whole URL of the webhook under test; or several")
    parser.add_argument("--secret", default=SECRET, help="app secret that webhooks are signed with")
    parser.add_argument("--token", default=TOKEN, help="bearer token it expects")
    parser.add_argument("--phone-id", default=PHONE_ID, help="phone number id it answers for")
    parser.add_argument("--log", type=Path, help="file that gets one JSON line per send, before it is answered")
    parser.add_argument("--auto-receipts", action="store_true", help="post a `sent` receipt for each message, until it is taken")
    parser.add_argument("--window", action="store_true", help="fail messages outside the 24 hours")
    parser.add_argument("--say", nargs=2, metavar=("FROM", "TEXT"), help="only post this text as a signed webhook, and end")
    options = parser.parse_args()
    if options.say and not options.target:
        parser.error("--say needs --target: the whole URL of the webhook, http://127.0.0.1:8080/webhooks/whatsapp")
    return options


async def _say(options: argparse.Namespace) -> str:
    """Posts one text; what went wrong, or nothing."""
    fake = FakeWhatsApp(target=options.target[0], phone_id=options.phone_id, secret=options.secret)
    try:
        posted = await fake.text(*options.say)
    except aiohttp.ClientError as error:
        return f"{options.target[0]} cannot be reached: {error}"
    finally:
        await fake.close()
    if posted.status != 200:
        return f"{options.target[0]} answered {posted.status}; are the URL and the secret right?"
    sys.stdout.write(f"posted {posted.id}\n")
    return ""


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    fake = FakeWhatsApp(
        target=options.target[0] if options.target else "",
        others=options.target[1:],
        phone_id=options.phone_id,
        token=options.token,
        secret=options.secret,
        port=options.port,
        auto_receipts=options.auto_receipts,
        window=options.window,
        log=options.log,
    )
    async with fake:
        sys.stdout.write(f"listening on {fake.url}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Serves until it is told to stop, or says one thing."""
    options = _arguments()
    if options.say:
        sys.exit(uvloop.run(_say(options)) or None)
    uvloop.run(_serve(options))


if __name__ == "__main__":
    main()
