"""What every page tells the browser to forbid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def page_headers(ancestors: Sequence[str] = (), *, more: str = "") -> dict[str, str]:
    """The headers of a page that only these origins may show inside their own; none: nobody may.

    Nothing runs and nothing is drawn that is not a file of ours: no inline script, no inline style, nothing from elsewhere.
    `more` is appended to the policy, beginning with a semicolon.
    """
    within = " ".join(ancestors) if ancestors else "'none'"
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; "
        f"frame-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {within}{more}"
    )
    headers = {**_ALWAYS, "Content-Security-Policy": policy}
    if not ancestors:
        headers["X-Frame-Options"] = "DENY"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return headers


_ALWAYS: Mapping[str, str] = {
    "Server": "Switchboard",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
