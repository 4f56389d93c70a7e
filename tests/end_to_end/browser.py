"""Debian's Chromium, driven by playwright; tests that need it are skipped with a clear line where it is not installed."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

CHROMIUM = shutil.which("chromium") or ""
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="no chromium: apt-get install -y chromium")

PHONE: dict[str, Any] = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser that is closed again."""
    async with async_playwright() as playwright:
        # Tests run as root in containers, where Chromium's own sandbox does not start.
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


async def fresh_page(browser: Browser, complaints: list[str] | None = None, **context: Any) -> Page:
    """A page of a browser that has never been here. Errors of scripts, and of what the policy forbids, go to `complaints`."""
    page = await (await browser.new_context(**{"locale": "en-US", **context})).new_page()

    def said(message: ConsoleMessage) -> None:
        if complaints is not None and message.type in ("error", "warning") and "WebSocket" not in message.text:
            complaints.append(message.text)

    page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(str(error)) if complaints is not None else None)
    return page
