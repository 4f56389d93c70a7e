"""Links with which somebody chooses a password, once: an invite, or a reset that was asked for. And the mails that carry them."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from bot.clock import Clock, new_id
from bot.errors import NotFound, SendRefused
from bot.jobs import Jobs
from bot.records.access import AccessLink, LinkPurpose
from bot.records.users import User
from bot.resources import say
from bot.services.audit import Audit
from bot.services.code_delivery import Mailer
from bot.services.sessions import hashed
from bot.services.users import Users
from bot.store.base import Change, Delete, Not, Store, Unit

log = structlog.get_logger()

JOB = "mail-access-link"
LASTS = {LinkPurpose.INVITE: timedelta(days=7), LinkPurpose.RESET: timedelta(hours=1)}
_PURPOSE = b"access links, 1\0"


class AccessLinks:
    """Makes links and finds what they open. A token follows from the secret key and a nonce, so that no job holds one."""

    def __init__(self, store: Store, clock: Clock, key: bytes, base_url: str) -> None:
        self._store = store
        self._clock = clock
        self._key = key
        self._base_url = base_url

    def put(self, unit: Unit, user: User, purpose: LinkPurpose, *, by: str, nonce: str = "") -> str:
        """A new link in the unit, as an address to open; the user's earlier ones of this purpose are void."""
        token = self._token(nonce or new_id())
        id_ = hashed(token)
        until = self._clock.now() + LASTS[purpose]
        unit.add(Delete(AccessLink, {"user_id": user.id, "purpose": purpose, "id": Not(id_)}))
        unit.insert(AccessLink(id=id_, purpose=purpose, user_id=user.id, expires_at=until, created_by=by))
        return f"{self._base_url}/{purpose}/{token}"

    async def find(self, token: str, purpose: LinkPurpose) -> tuple[AccessLink, User]:
        """What a link opens. Raises NotFound where it was used, has expired, or never was one."""
        link = await self._store.get(AccessLink, hashed(token))
        if link is None or link.purpose is not purpose or link.used_at is not None or link.expires_at <= self._clock.now():
            raise NotFound("this link was used already, or it is too old")
        user = await self._store.get(User, link.user_id)
        if user is None or not user.is_active:
            raise NotFound("this link was used already, or it is too old")
        return link, user

    def put_used(self, unit: Unit, link: AccessLink) -> None:
        """It opens nothing any more; the unit is void with Conflict if somebody else was first."""
        unit.first(Change(AccessLink, {"id": link.id, "used_at": None}, set={"used_at": self._clock.now()}, must=1))

    def put_void(self, unit: Unit, user_id: str) -> None:
        """No link of the user opens anything any more."""
        unit.add(Delete(AccessLink, {"user_id": user_id, "used_at": None}))

    def _token(self, nonce: str) -> str:
        return urlsafe_b64encode(hmac.digest(self._key, _PURPOSE + nonce.encode(), hashlib.sha256)).decode().rstrip("=")


class LinkMail:
    """Sends links by e-mail: a job, so that asking for one takes as long for an address that nobody has."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        audit: Audit,
        jobs: Jobs,
        users: Users,
        links: AccessLinks,
        mailer: Mailer | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._jobs = jobs
        self._users = users
        self._links = links
        self._mailer = mailer

    @property
    def is_on(self) -> bool:
        """Whether mail goes out at all."""
        return self._mailer is not None

    async def ask(self, address: str, purpose: LinkPurpose, language: str, *, by: str) -> None:
        """Has a link made and sent to the user with this address, if there is one."""
        nonce = new_id()
        payload = {"nonce": nonce, "to": address, "purpose": purpose.value, "language": language, "by": by}
        await self._jobs.schedule(JOB, self._clock.now(), payload, id=nonce)

    async def __call__(self, payload: Mapping[str, Any]) -> None:
        """The handler of the job; run twice, it sends the same link. Raises SendDelayed."""
        try:
            user = await self._users.by_email(payload["to"])
        except NotFound:
            return
        if self._mailer is None or not user.is_active:
            return
        purpose, language = LinkPurpose(payload["purpose"]), str(payload["language"])
        unit = Unit()
        url = self._links.put(unit, user, purpose, by=payload["by"], nonce=payload["nonce"])
        known = await self._store.get(AccessLink, hashed(url.rpartition("/")[2]))
        if known is None:
            unit.insert(self._audit.entry(f"{purpose}_mailed", "user", user.id, payload["by"]))
            await self._store.commit(unit)
        is_invite = purpose is LinkPurpose.INVITE
        subject = say(language, "invite_subject" if is_invite else "reset_subject")
        text = say(language, "invite_text" if is_invite else "reset_text", url=url)
        try:
            await self._mailer.send(user.email, subject, text, payload["nonce"])
        except SendRefused as error:  # trying again changes nothing
            log.warning("link not sent", job=payload["nonce"], error=str(error))
