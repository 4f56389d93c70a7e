"""Passwords: what may be one, and that comparing takes as long where there is none."""

from __future__ import annotations

import asyncio
import time

import bcrypt
import pytest

from bot.errors import PasswordRefused
from bot.services.passwords import Passwords, check_new

pytestmark = pytest.mark.unit

EMAIL = "ana.ruiz@example.org"


@pytest.mark.parametrize("password", ["three words together", "ñandú-ñandú-ñ", "पासवर्ड बहुत लंबा है", "x1y2" * 18])
async def test_what_was_hashed_is_right_and_nothing_else_is(password: str) -> None:
    check_new(password, EMAIL)
    passwords = Passwords(cost=4)
    hashed = await passwords.hashed(password)
    assert await passwords.is_right(password, hashed)
    assert not await passwords.is_right(password + "x", hashed)
    assert not await passwords.is_right(password[:-1], hashed)
    assert not await passwords.is_right("", hashed)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "short"),
        ("eleven char", "short"),
        ("x" * 73, "long"),
        ("ñ" * 37, "long"),
        ("a" * 20, "like_address"),
        ("Ana.Ruiz2026", "like_address"),
        ("ANA.RUIZ@EXAMPLE.ORG", "like_address"),
    ],
)
def test_what_cannot_be_a_password_says_why(password: str, why: str) -> None:
    with pytest.raises(PasswordRefused) as refused:
        check_new(password, EMAIL)
    assert refused.value.why == why


async def test_what_comes_behind_72_bytes_counts_too() -> None:
    passwords = Passwords(cost=4)
    hashed = await passwords.hashed("x" * 72)
    assert not await passwords.is_right("x" * 73, hashed)


async def test_the_same_letters_typed_another_way_are_the_same_password() -> None:
    passwords = Passwords(cost=4)
    assert await passwords.is_right("contrasen\u0303a larga", await passwords.hashed("contraseña larga"))


async def test_a_hash_that_another_program_made_is_understood() -> None:
    passwords = Passwords(cost=4)
    for prefix in (b"2a", b"2b"):
        hashed = bcrypt.hashpw(b"three words together", bcrypt.gensalt(5, prefix=prefix)).decode()
        assert await passwords.is_right("three words together", hashed)


@pytest.mark.parametrize("hashed", ["$2b$12$" + "N" * 53, "$2b$99$" + "a" * 53, "$2b$12$x"])
async def test_what_only_looks_like_a_hash_lets_nobody_in(hashed: str) -> None:
    assert not await Passwords(cost=4).is_right("three words together", hashed)


@pytest.mark.parametrize("typed", ["x" * 1_000_000, "\0" * 12, "\ud800 half of a character"])
async def test_whatever_is_typed_is_only_wrong(typed: str) -> None:
    passwords = Passwords(cost=4)
    assert not await passwords.is_right(typed, await passwords.hashed("three words together"))
    assert not await passwords.is_right(typed, None)


async def test_where_there_is_no_hash_as_much_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    costs: list[bytes] = []
    real = bcrypt.checkpw

    def watched(password: bytes, hashed: bytes) -> bool:
        costs.append(hashed[:7])
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", watched)
    passwords = Passwords(cost=5)
    hashed = await passwords.hashed("three words together")
    assert not await passwords.is_right("something else", None)
    assert not await passwords.is_right("something else", hashed)
    assert costs == [b"$2b$05$", b"$2b$05$"]


async def test_the_loop_goes_on_while_a_password_is_hashed() -> None:
    hashing = asyncio.create_task(Passwords(cost=10).hashed("three words together"))
    turns, began = 0, time.monotonic()
    while not hashing.done() and time.monotonic() - began < 20:
        turns += 1
        await asyncio.sleep(0)
    assert turns > 10
