"""The fake WhatsApp as a process of its own, whose log is the outside truth about what was sent.

Prints `listening on URL` when it is ready; ends on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from bot.testing.whatsapp.server import PHONE_ID, SECRET, TOKEN, FakeWhatsApp


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bot.testing.whatsapp", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--port", type=int, default=0, help="of the API, on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--target", default="", help="whole URL of the webhook under test")
    parser.add_argument("--secret", default=SECRET, help="app secret that webhooks are signed with")
    parser.add_argument("--token", default=TOKEN, help="bearer token it expects")
    parser.add_argument("--phone-id", default=PHONE_ID, help="phone number id it answers for")
    parser.add_argument("--log", type=Path, help="file that gets one JSON line per send, before it is answered")
    parser.add_argument("--auto-receipts", action="store_true", help="post a `sent` receipt for each message, until it is taken")
    parser.add_argument("--window", action="store_true", help="fail messages outside the 24 hours")
    return parser.parse_args()


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    fake = FakeWhatsApp(
        target=options.target,
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
    """Serves until it is told to stop."""
    uvloop.run(_serve(_arguments()))


if __name__ == "__main__":
    main()
