"""Short numbers: said, typed, and found again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import new_id
from bot.records.people import Customer
from bot.services.numbers import by_number, number_of, number_of_id
from bot.store.sqlite import SqliteStore

pytestmark = pytest.mark.unit


async def test_each_of_many_made_in_a_moment_is_found_by_its_number_however_it_is_typed(store: SqliteStore) -> None:
    people = [Customer(id=new_id()) for _ in range(300)]
    await store.insert(people)
    assert len({number_of(person) for person in people}) == 300
    for person in people[::37]:
        number = number_of(person)
        spelled = (number, number.lower(), f" {number[:4]}-{number[4:]} ", number.replace("0", "O").replace("1", "l"))
        for typed in spelled:
            found = await by_number(store, Customer, typed)
            assert found is not None
            assert found.id == person.id


async def test_what_a_where_leaves_out_is_not_found(store: SqliteStore) -> None:
    ana = Customer(id=new_id(), source_detail="console")
    await store.insert([ana])
    assert await by_number(store, Customer, number_of(ana), {"source_detail": "console"}) is not None
    assert await by_number(store, Customer, number_of(ana), {"source_detail": "web"}) is None


async def test_a_records_id_is_a_number_only_where_somebody_else_gave_it(store: SqliteStore) -> None:
    ours, theirs = Customer(id=new_id()), Customer(id="507f1f77bcf86cd799439011")
    await store.insert([ours, theirs])
    assert await by_number(store, Customer, ours.id) is None
    found = await by_number(store, Customer, theirs.id)
    assert found is not None
    assert (found.id, number_of(found)) == (theirs.id, theirs.id)
    assert await by_number(store, Customer, "") is None


@given(st.integers(0, 2**128 - 1))
def test_any_id_has_a_number(value: int) -> None:
    id_ = f"{value:032x}"
    number = number_of_id(id_)
    assert number == id_ or len(number) == 10
