"""Twilio's signature on webhooks and websocket handshakes (CHANNELS 2.2).

It is over the URL as Twilio called it: our public URL and the path and query as they came, never a `Host` header, which anybody
can write. Of a form it covers every value, blank ones too; of a handshake only the URL, as `wss://`.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

from multidict import MultiDict
from twilio.request_validator import RequestValidator, get_signature_algorithm

HEADER = "X-Twilio-Signature"
SETTINGS_HEADER = "X-Twilio-Webhooks-Signature-Settings"
"""Names the algorithm where it is not SHA-1: `key=...,algorithm=HMAC_SHA256`."""

Form = MultiDict[str]
_MOST_FIELDS = 500


def read_form(raw: bytes) -> Form:
    """The fields of a form's body, blank ones too. Raises ValueError where there are too many of them."""
    pairs: Iterable[tuple[str, str]] = parse_qsl(
        raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
    )
    return MultiDict(pairs)


class Signatures:
    """Checks what says to be from Twilio. Total: whatever the header, the answer is yes or no, never an error."""

    def __init__(self, auth_token: str, public_url: str) -> None:
        self._validator = RequestValidator(auth_token)
        self._has_secret = bool(auth_token)
        self._url = public_url.rstrip("/")

    @property
    def socket_url(self) -> str:
        """Where websockets are opened: `wss://` for an https:// address of ours."""
        return "ws" + self._url.removeprefix("http")

    def webhook(self, path_qs: str, form: Form | str, signature: str | None, settings: str | None = None) -> bool:
        """Whether Twilio posted this form (or JSON, as text) to this path and query, as they stood in the request."""
        return self._is_signed(self._url + path_qs, form, signature, settings)

    def handshake(self, path_qs: str, signature: str | None, settings: str | None = None) -> bool:
        """Whether Twilio asks for this websocket."""
        return self._is_signed(self.socket_url + path_qs, MultiDict(), signature, settings)

    def sign(self, path_qs: str, form: Form) -> str:
        """The header that Twilio would send along: for a simulated phone of ours, and tests."""
        signature: str = self._validator.compute_signature(self._url + path_qs, form)
        return signature

    def _is_signed(self, url: str, form: Form | str, signature: str | None, settings: str | None) -> bool:
        # Twilio's own check raises for a missing header, for JSON without its hash, and for half an emoji.
        if not signature or not self._has_secret:
            return False
        try:
            return bool(self._validator.validate(url, form, signature, algorithm=get_signature_algorithm(settings)))
        except (TypeError, ValueError):
            return False
