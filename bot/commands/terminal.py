"""What is typed in a terminal."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from contextlib import suppress


def lines_typed() -> asyncio.Queue[str | None]:
    """The lines of standard input as they come; None once it ends.

    Reading a terminal cannot be cancelled, so it has a thread of its own that nobody waits for.
    """
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None]()
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # a byte that is no UTF-8 is no reason to end

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            try:
                for line in sys.stdin:
                    loop.call_soon_threadsafe(lines.put_nowait, line)
            finally:
                loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True, name="terminal").start()
    return lines
