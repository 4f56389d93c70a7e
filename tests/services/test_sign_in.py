"""Signing in, pauses after failures, sessions, links: on a real store, with a clock that the test moves."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import pytest_asyncio

from bot.errors import Conflict, LimitReached, NotFound, PasswordRefused, RecordError, SendRefused, ServiceError, SignInRefused
from bot.jobs import Jobs
from bot.principal import UserRef
from bot.records.access import AccessLink, FailedSignIns, LinkPurpose, Session
from bot.records.audit import AuditEntry
from bot.records.users import Role, User
from bot.records.work import Job
from bot.services.access_links import LinkMail
from bot.services.accounts import Accounts, accounts_of
from bot.services.audit import Audit
from bot.services.passwords import Passwords
from bot.services.sessions import Visit, hashed
from bot.store.base import Unit
from bot.store.local import LocalLanes
from bot.store.sqlite import SqliteStore
from bot.testing.clock import ManualClock
from bot.testing.mail import RecordingMailer

pytestmark = pytest.mark.unit

KEY = b"k" * 32
HERE, THERE = Visit("203.0.113.7", "Firefox"), Visit("198.51.100.9", "Safari")
PASSWORD, OTHER = "three words together", "four other words here"
HOUR = 3600.0


@pytest.fixture
def accounts(store: SqliteStore, clock: ManualClock, audit: Audit) -> Accounts:
    return accounts_of(store, clock, audit, KEY, "https://bot.example.com", Passwords(cost=4))


@pytest_asyncio.fixture
async def ana(accounts: Accounts) -> User:
    return await with_password(accounts, "ana@example.org", Role.AGENT)


async def with_password(accounts: Accounts, email: str, role: Role) -> User:
    user = accounts.users.new(email, "Somebody", role)
    user = user.model_copy(update={"password_hash": await accounts.passwords.hashed(PASSWORD)})
    await accounts.users.insert(Unit(), user, by="test")
    return user


async def enters(accounts: Accounts, email: str = "ana@example.org", password: str = PASSWORD, visit: Visit = HERE) -> str:
    _, token = await accounts.sign_in.enter(email, password, visit)
    return token


async def fails(accounts: Accounts, email: str = "ana@example.org", visit: Visit = HERE) -> float:
    """A wrong password; the seconds to wait that were told instead, if any."""
    try:
        await accounts.sign_in.enter(email, "not the password", visit)
    except SignInRefused:
        return 0.0
    except LimitReached as error:
        return error.wait
    raise AssertionError("let in")


async def told(store: SqliteStore) -> list[str]:
    entries = await store.find(AuditEntry, {}, limit=1000)
    return [entry.action for entry in sorted(entries, key=lambda entry: entry.id)]


# Signing in


class HeldPasswords(Passwords):
    """Says that the next password is right only when the test lets it: as a hash does that takes long."""

    def __init__(self) -> None:
        super().__init__(cost=4)
        self.is_asked, self.may_go = asyncio.Event(), asyncio.Event()

    async def is_right(self, password: str, hashed: str | None) -> bool:
        found = await super().is_right(password, hashed)
        self.is_asked.set()
        await self.may_go.wait()
        return found


async def test_a_password_that_is_replaced_while_it_is_looked_at_lets_nobody_in(
    accounts: Accounts, store: SqliteStore, ana: User, clock: ManualClock, audit: Audit
) -> None:
    passwords = HeldPasswords()
    slow = accounts_of(store, clock, audit, KEY, "https://bot.example.com", passwords)
    entering = asyncio.create_task(slow.sign_in.enter(ana.email, PASSWORD, THERE))
    await passwords.is_asked.wait()
    await accounts.sign_in.change_password(ana, PASSWORD, OTHER, HERE)
    passwords.may_go.set()
    with pytest.raises(SignInRefused):
        await entering
    assert [session.ip_address for session in await accounts.sessions.of(ana.id)] == [HERE.network]


async def test_signing_in_begins_a_session_that_is_kept_as_a_hash(
    accounts: Accounts, store: SqliteStore, ana: User, clock: ManualClock, tmp_path: Path
) -> None:
    token = await enters(accounts, " Ana@Example.ORG ")
    found = await accounts.sessions.find(token)
    assert found is not None
    session, user = found
    assert (user.id, user.last_login, session.id) == (ana.id, clock.now(), hashed(token))
    assert (session.ip_address, session.user_agent) == (HERE.network, HERE.user_agent)
    await store.close()
    assert token.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ana@example.org", "not the password"),
        ("ana@example.org", ""),
        ("bo@example.org", PASSWORD),
        ("", ""),
        ("x" * 100_000, PASSWORD),
        ("a\0b@example.org", "\0"),
    ],
)
async def test_what_is_wrong_is_refused_in_the_same_words(accounts: Accounts, ana: User, email: str, password: str) -> None:
    with pytest.raises(SignInRefused, match=r"^no user has this address and this password$"):
        await accounts.sign_in.enter(email, password, HERE)


async def test_who_is_invited_or_not_active_is_refused_in_the_same_words(accounts: Accounts, ana: User) -> None:
    await accounts.team.invite("bo@example.org", "Bo", "agent", by=None)
    await accounts.team.deactivate(ana.id, by=None)
    for email in ("ana@example.org", "bo@example.org"):
        with pytest.raises(SignInRefused, match=r"^no user has this address and this password$"):
            await accounts.sign_in.enter(email, PASSWORD, HERE)


async def test_who_is_let_go_while_the_password_is_compared_stays_out(
    accounts: Accounts, store: SqliteStore, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = accounts.passwords.is_right

    async def slowly(password: str, hashed: str | None) -> bool:
        await accounts.team.deactivate(ana.id, by=None)
        return await compare(password, hashed)

    monkeypatch.setattr(accounts.passwords, "is_right", slowly)
    with pytest.raises(SignInRefused):
        await accounts.sign_in.enter("ana@example.org", PASSWORD, HERE)
    assert await accounts.sessions.of(ana.id) == []


async def test_a_token_that_nobody_was_given_is_nobodys(accounts: Accounts, ana: User) -> None:
    token = await enters(accounts)
    for wrong in ("", token[:-1], token + "x", hashed(token), "\ud800"):
        assert await accounts.sessions.find(wrong) is None


async def test_signing_in_again_in_the_same_browser_ends_the_session_before(accounts: Accounts, ana: User) -> None:
    first = await enters(accounts)
    _, second = await accounts.sign_in.enter("ana@example.org", PASSWORD, HERE, former=first)
    assert await accounts.sessions.find(first) is None
    assert await accounts.sessions.find(second) is not None


async def test_every_way_in_and_out_is_written_down_without_secrets(accounts: Accounts, store: SqliteStore, ana: User) -> None:
    await fails(accounts)
    await fails(accounts, "bo@example.org")
    token = await enters(accounts)
    found = await accounts.sessions.find(token)
    assert found is not None
    await accounts.sign_in.leave(found[0], HERE)
    entries = {entry.action: entry for entry in await store.find(AuditEntry, {}, limit=100)}
    assert set(entries) == {"created", "sign_in_failed", "signed_in", "signed_out"}
    entered = entries["signed_in"]
    assert (entered.performed_by, entered.ip_address, entered.user_agent) == (f"user:{ana.id}", HERE.network, HERE.user_agent)
    everything = " ".join(str(entry.model_dump()) for entry in entries.values())
    assert PASSWORD not in everything
    assert "$2b$" not in everything
    assert "bo@example.org" not in everything
    assert token not in everything


# Pauses


async def test_after_five_failures_there_is_a_pause_that_doubles(accounts: Accounts, ana: User, clock: ManualClock) -> None:
    assert [await fails(accounts) for _ in range(6)] == [0.0] * 6
    assert await fails(accounts) == 30.0
    with pytest.raises(LimitReached):
        await enters(accounts)
    for pause in (30, 60, 120, 240, 480, 900, 900):
        await clock.advance(pause)
        assert await fails(accounts) == 0.0
        assert await fails(accounts) == min(2.0 * pause, 900.0)


async def test_the_pause_is_the_same_for_an_address_that_nobody_has(accounts: Accounts, ana: User) -> None:
    known = [await fails(accounts, "ana@example.org") for _ in range(8)]
    unknown = [await fails(accounts, "nobody@example.org", THERE) for _ in range(8)]
    assert known == unknown


async def test_other_spellings_of_an_address_are_no_further_guesses(accounts: Accounts, ana: User) -> None:
    for spelled in (
        "ana@example.org",
        "ANA@example.org",
        " ana@EXAMPLE.org ",
        "Ana@Example.Org\t",
        "\u00a0ana@example.org",
        "aNa@example.org",
    ):
        assert await fails(accounts, spelled) == 0.0
    assert await fails(accounts) == 30.0


async def test_a_right_password_after_the_pause_takes_back_what_was_counted(
    accounts: Accounts, ana: User, clock: ManualClock
) -> None:
    for _ in range(6):
        await fails(accounts)
    await clock.advance(30)
    await enters(accounts)
    assert [await fails(accounts) for _ in range(6)] == [0.0] * 6


async def test_a_hundred_tries_at_once_are_six_guesses(accounts: Accounts, store: SqliteStore, ana: User) -> None:
    waits = await asyncio.gather(*(fails(accounts) for _ in range(100)))
    assert waits.count(0.0) <= 6
    assert (await told(store)).count("sign_in_failed") == waits.count(0.0)


async def test_a_network_that_tries_many_addresses_is_stopped_and_others_are_not(
    accounts: Accounts, ana: User, clock: ManualClock
) -> None:
    waits = [await fails(accounts, f"{n}@example.org") for n in range(60)]
    assert waits[:51] == [0.0] * 51
    assert all(wait > 0 for wait in waits[51:])
    with pytest.raises(LimitReached):
        await enters(accounts)
    await enters(accounts, visit=THERE)
    await clock.advance(30)
    await enters(accounts)


async def test_an_office_that_types_right_is_never_stopped(accounts: Accounts, ana: User) -> None:
    for _ in range(60):
        await enters(accounts)


async def test_what_failed_yesterday_does_not_count(
    accounts: Accounts, store: SqliteStore, ana: User, clock: ManualClock
) -> None:
    for _ in range(5):
        await fails(accounts)
    await clock.advance(24 * HOUR + 1)
    assert [await fails(accounts) for _ in range(6)] == [0.0] * 6
    assert all("example" not in row.id and "203" not in row.id for row in await store.find(FailedSignIns, {}, limit=10))


# Sessions


async def test_a_session_ends_after_a_day_without_use_and_after_a_week_of_it(
    accounts: Accounts, ana: User, clock: ManualClock
) -> None:
    idle, used = await enters(accounts), await enters(accounts)
    for _ in range(13):
        await clock.advance(12 * HOUR)
        assert await accounts.sessions.find(used) is not None
    assert await accounts.sessions.find(idle) is None
    await clock.advance(12 * HOUR)
    assert await accounts.sessions.find(used) is None


async def test_what_stays_open_learns_that_its_session_is_over(accounts: Accounts, ana: User, clock: ManualClock) -> None:
    id_ = hashed(await enters(accounts))
    assert (still := await accounts.sessions.still(id_)) is not None
    assert still.id == ana.id
    await accounts.team.deactivate(ana.id, by=None)
    assert await accounts.sessions.still(id_) is None
    await accounts.team.activate(ana.id, by=None)
    assert await accounts.sessions.still(id_) is None


async def test_somebody_sees_and_ends_their_own_sessions_only(accounts: Accounts, ana: User) -> None:
    bo = await with_password(accounts, "bo@example.org", Role.AGENT)
    anas, bos = await enters(accounts), await enters(accounts, "bo@example.org")
    await accounts.sign_in.end(ana.id, hashed(bos), HERE)
    assert [session.id for session in await accounts.sessions.of(bo.id)] == [hashed(bos)]
    here = await enters(accounts)
    await accounts.sign_in.leave_everywhere(ana.id, HERE, but=hashed(here))
    assert [session.id for session in await accounts.sessions.of(ana.id)] == [hashed(here)]
    assert await accounts.sessions.find(anas) is None
    assert await accounts.sessions.find(bos) is not None


@pytest.mark.parametrize("what", ["deactivate", "role", "sign out"])
async def test_who_is_let_go_or_may_do_something_else_is_signed_out_at_once(accounts: Accounts, ana: User, what: str) -> None:
    await with_password(accounts, "boss@example.org", Role.ADMIN)
    token = await enters(accounts)
    if what == "deactivate":
        await accounts.team.deactivate(ana.id, by=None)
    elif what == "role":
        await accounts.team.set_role(ana.id, Role.SUPERVISOR, by=None)
    else:
        await accounts.team.sign_out(ana.id, by=None)
    assert await accounts.sessions.find(token) is None


async def test_an_inactive_user_has_no_session_whoever_wrote_it(accounts: Accounts, store: SqliteStore, ana: User) -> None:
    token = await enters(accounts)
    await store.change(User, {"id": ana.id}, set={"is_active": False})
    assert await accounts.sessions.find(token) is None


async def test_sessions_that_are_over_are_swept(accounts: Accounts, store: SqliteStore, ana: User, clock: ManualClock) -> None:
    await enters(accounts)
    await clock.advance(25 * HOUR)
    await store.sweep()
    assert await store.find(Session, {"user_id": ana.id}) == []


# Passwords of one's own


async def test_a_changed_password_ends_all_sessions_and_begins_one(accounts: Accounts, ana: User) -> None:
    former = await enters(accounts)
    user = await accounts.users.get(ana.id)
    token = await accounts.sign_in.change_password(user, PASSWORD, OTHER, HERE)
    assert await accounts.sessions.find(former) is None
    assert await accounts.sessions.find(token) is not None
    await enters(accounts, password=OTHER)
    with pytest.raises(SignInRefused):
        await enters(accounts)


async def test_whoever_sits_at_an_open_browser_cannot_guess_the_password(
    accounts: Accounts, store: SqliteStore, ana: User
) -> None:
    for _ in range(6):
        with pytest.raises(SignInRefused):
            await accounts.sign_in.change_password(ana, "not the password", OTHER, HERE)
    with pytest.raises(LimitReached):
        await accounts.sign_in.change_password(ana, PASSWORD, OTHER, HERE)
    assert (await told(store)).count("password_not_changed") == 6


async def test_of_two_changes_at_once_one_is_refused(accounts: Accounts, ana: User) -> None:
    both = (accounts.sign_in.change_password(ana, PASSWORD, f"{OTHER} {n}", HERE) for n in range(2))
    done = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "str"]


# Links


def token_of(url: str, purpose: str = "invite") -> str:
    assert url.startswith(f"https://bot.example.com/{purpose}/")
    return url.rpartition("/")[2]


async def test_an_invite_sets_a_password_once(accounts: Accounts, store: SqliteStore) -> None:
    bo, url = await accounts.team.invite("bo@example.org", "Bo", "agent", by=None)
    token = token_of(url)
    await accounts.sign_in.choose_password(token, LinkPurpose.INVITE, PASSWORD, HERE)
    assert await accounts.sessions.find(await enters(accounts, "bo@example.org")) is not None
    with pytest.raises(NotFound, match="used already"):
        await accounts.sign_in.choose_password(token, LinkPurpose.INVITE, OTHER, HERE)
    assert [link.id for link in await store.find(AccessLink, {"user_id": bo.id})] == [hashed(token)]


async def test_a_link_used_twice_at_once_counts_once(accounts: Accounts) -> None:
    _, url = await accounts.team.invite("bo@example.org", "Bo", "agent", by=None)
    both = (accounts.sign_in.choose_password(token_of(url), LinkPurpose.INVITE, f"{OTHER} {n}", HERE) for n in range(2))
    done = await asyncio.gather(*both, return_exceptions=True)
    assert len([one for one in done if isinstance(one, User)]) == 1
    assert len([one for one in done if isinstance(one, Conflict | NotFound)]) == 1


@pytest.mark.parametrize(("purpose", "seconds"), [(LinkPurpose.INVITE, 7 * 24 * HOUR), (LinkPurpose.RESET, HOUR)])
async def test_a_link_expires(accounts: Accounts, ana: User, clock: ManualClock, purpose: LinkPurpose, seconds: float) -> None:
    if purpose is LinkPurpose.RESET:
        url = await accounts.team.reset(ana.id)
    else:
        _, url = await accounts.team.invite("bo@example.org", "Bo", "agent", by=None)
    token = token_of(url, purpose)
    await clock.advance(seconds - 1)
    await accounts.links.find(token, purpose)
    await clock.advance(1)
    with pytest.raises(NotFound):
        await accounts.links.find(token, purpose)


async def test_a_link_is_for_its_own_purpose_its_own_user_and_void_when_there_is_a_newer_one(accounts: Accounts) -> None:
    bo, url = await accounts.team.invite("bo@example.org", "Bo", "agent", by=None)
    _, newer = await accounts.team.invite_again(bo.id, by=None)
    with pytest.raises(NotFound):
        await accounts.links.find(token_of(url), LinkPurpose.INVITE)
    with pytest.raises(NotFound):
        await accounts.links.find(token_of(newer), LinkPurpose.RESET)
    await accounts.team.deactivate(bo.id, by=None)
    await accounts.team.activate(bo.id, by=None)
    with pytest.raises(NotFound):
        await accounts.links.find(token_of(newer), LinkPurpose.INVITE)


async def test_a_reset_ends_all_sessions_and_the_pause(accounts: Accounts, ana: User) -> None:
    former = await enters(accounts)
    for _ in range(6):
        await fails(accounts)
    token = token_of(await accounts.team.reset(ana.id), "reset")
    with pytest.raises(PasswordRefused):
        await accounts.sign_in.choose_password(token, LinkPurpose.RESET, "short", HERE)
    await accounts.sign_in.choose_password(token, LinkPurpose.RESET, OTHER, HERE)
    assert await accounts.sessions.find(former) is None
    await enters(accounts, password=OTHER)


async def test_links_of_another_key_open_nothing(
    accounts: Accounts, store: SqliteStore, clock: ManualClock, audit: Audit
) -> None:
    theirs = accounts_of(store, clock, audit, b"t" * 32, "https://bot.example.com")
    unit = Unit()
    bo, _ = await accounts.team.invite("bo@example.org", "Bo", "agent", by=None)
    ours = accounts.links.put(unit, bo, LinkPurpose.INVITE, by="test", nonce="1")
    assert ours != theirs.links.put(Unit(), bo, LinkPurpose.INVITE, by="test", nonce="1")


# The team


def ref(user: User) -> UserRef:
    return UserRef(user.id, user.role.value, user.granted)


async def test_nobody_gives_or_takes_more_than_they_have(accounts: Accounts) -> None:
    lead = accounts.users.new("lead@example.org", "Lead", Role.SUPERVISOR, ["manage:agents", "customers:read"])
    await accounts.users.insert(Unit(), lead, by="test")
    boss = await with_password(accounts, "boss@example.org", Role.ADMIN)
    bo, _ = await accounts.team.invite("bo@example.org", "Bo", Role.AGENT, by=ref(lead))
    for role in (Role.ADMIN, Role.SALES_HEAD, Role.MANAGER):
        with pytest.raises(ServiceError, match="more than you may do yourself"):
            await accounts.team.invite(f"{role}@example.org", "X", role, by=ref(lead))
        with pytest.raises(ServiceError, match="more than you may do yourself"):
            await accounts.team.set_role(bo.id, role, by=ref(lead))
    with pytest.raises(ServiceError, match="more than you may do yourself"):
        await accounts.team.invite("x@example.org", "X", Role.AGENT, by=ref(lead), permissions=["campaigns:*"])
    for forbidden in (accounts.team.deactivate, accounts.team.sign_out, accounts.team.activate, accounts.team.invite_again):
        with pytest.raises(ServiceError, match="more than you may do yourself"):
            await forbidden(boss.id, by=ref(lead))
    assert {user.email for user in await accounts.users.all()} == {"lead@example.org", "boss@example.org", "bo@example.org"}


async def test_nobody_changes_themselves(accounts: Accounts) -> None:
    boss = await with_password(accounts, "boss@example.org", Role.ADMIN)
    await with_password(accounts, "other@example.org", Role.ADMIN)
    with pytest.raises(ServiceError, match="this is you"):
        await accounts.team.set_role(boss.id, Role.AGENT, by=ref(boss))
    with pytest.raises(ServiceError, match="this is you"):
        await accounts.team.deactivate(boss.id, by=ref(boss))


async def test_two_administrators_who_send_each_other_away_at_once_are_not_both_gone(accounts: Accounts) -> None:
    one, two = [await with_password(accounts, f"{n}@example.org", Role.ADMIN) for n in range(2)]
    both = (accounts.team.deactivate(two.id, by=ref(one)), accounts.team.deactivate(one.id, by=ref(two)))
    done = await asyncio.gather(*both, return_exceptions=True)
    assert len([user for user in await accounts.users.all() if user.is_active]) == 1
    assert [type(one).__name__ for one in done if isinstance(one, Exception)] in (["Conflict"], ["ServiceError"])


async def test_a_change_of_role_is_written_down_and_one_to_the_same_role_is_none(
    accounts: Accounts, store: SqliteStore, ana: User
) -> None:
    token = await enters(accounts)
    await accounts.team.set_role(ana.id, "agent", by=None)
    assert await accounts.sessions.find(token) is not None
    await accounts.team.set_role(ana.id, "viewer", by=None)
    entries = await store.find(AuditEntry, {"entity_type": "user", "entity_id": ana.id}, sort=("-timestamp",))
    [changed] = [entry for entry in entries if entry.action == "updated"]
    assert (changed.details["before"], changed.details["after"]) == ({"role": "agent"}, {"role": "viewer"})
    with pytest.raises(RecordError, match=r"^User\.role: "):
        await accounts.team.set_role(ana.id, "boss", by=None)


# Mail


async def test_a_job_that_runs_twice_sends_one_link_twice_and_holds_no_token(
    accounts: Accounts, store: SqliteStore, clock: ManualClock, audit: Audit, ana: User
) -> None:
    lanes, mailer = LocalLanes(0, clock), RecordingMailer()
    mail = LinkMail(store, clock, audit, Jobs(store, lanes, clock), accounts.users, accounts.links, mailer)
    await mail.ask("ana@example.org", LinkPurpose.RESET, "es", by="nobody")
    [job] = await store.find(Job, {"status": "pending"}, limit=10)
    await mail(job.payload)
    await mail(job.payload)
    lanes.close()
    first, second = mailer.sent
    assert (first.text, first.key) == (second.text, second.key)
    [link] = await store.find(AccessLink, {"user_id": ana.id})
    [token] = re.findall(r"https://bot\.example\.com/reset/(\S+)", first.text)
    assert link.id == hashed(token)
    assert token not in str(job.payload)
    assert (await told(store)).count("reset_mailed") == 1
    await accounts.sign_in.choose_password(token, LinkPurpose.RESET, OTHER, HERE)


async def test_mail_that_is_refused_is_not_tried_again(
    accounts: Accounts, store: SqliteStore, clock: ManualClock, audit: Audit, ana: User
) -> None:
    class Refusing(RecordingMailer):
        async def send(self, to: str, subject: str, text: str, key: str) -> None:
            raise SendRefused("no")

    lanes = LocalLanes(0, clock)
    mail = LinkMail(store, clock, audit, Jobs(store, lanes, clock), accounts.users, accounts.links, Refusing())
    await mail({"nonce": "1", "to": "ana@example.org", "purpose": "invite", "language": "en", "by": "nobody"})
    await mail({"nonce": "2", "to": "nobody@example.org", "purpose": "invite", "language": "en", "by": "nobody"})
    lanes.close()
    assert len(await store.find(AccessLink, {"user_id": ana.id})) == 1
