"""What may be a password, and how it is checked."""

from __future__ import annotations

import time

import pytest
from argon2 import PasswordHasher

from server.actions import passwords
from server.actions.passwords import PasswordRefused, Passwords, check_policy

REFUSED = [
    ("", "nothing is not a password"),
    ("elevenchars", "eleven characters are too few"),
    ("x" * 129 + "yz", "129 characters are too many"),
    ("Password2026!", "a padded favourite"),
    ("passwordpassword", "twice the same favourite"),
    ("P@ssw0rd!P@ssw0rd!", "lookalikes do not hide it"),
    ("qwertyuiop12", "a walk along the keys"),
    ("poiuytrewq!!", "the walk backwards"),
    ("abcdefghijklm", "the alphabet"),
    ("aaaaaaaaaaaaa", "one letter"),
    ("123456789012", "only digits"),
    ("............", "only signs"),
    ("supervisor-2026", "a word of the trade and a year"),
    ("ana.lopez.2026", "the user's own name"),
    ("good\x00password-horse", "a control character"),
]

ALLOWED = [
    ("ana walks site B", "a short sentence"),
    ("correct horse battery staple", "four unrelated words"),
    ("Grüße-vom-Gerüst", "umlauts"),
    ("пароль-над-рекой", "letters of any script"),
    ("k7#Vw!29sLpQ", "a random one of twelve characters"),
    ("x7" * 64, "128 characters"),
]


@pytest.mark.parametrize("password", [pytest.param(password, id=why) for password, why in REFUSED])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(PasswordRefused):
        check_policy(password, names=("ana.lopez@site.example",))


@pytest.mark.parametrize(("password", "why"), ALLOWED)
def test_a_good_password_is_accepted(password: str, why: str) -> None:
    check_policy(password, names=("ana",))
    assert not passwords.is_common(password, ("ana",)), why


def test_a_hostile_password_is_judged_in_linear_time() -> None:
    began = time.perf_counter()
    assert not passwords.is_common("passwordpass" * 10 + "üö" * 4)
    assert time.perf_counter() - began < 0.5


async def test_only_the_same_password_is_right() -> None:
    keeper = Passwords()
    stored = await keeper.hash("ana walks site B")
    assert await keeper.is_right(stored, "ana walks site B")
    assert not await keeper.is_right(stored, "ana walks site C")
    assert not await keeper.is_right(None, "ana walks site B")
    assert not await keeper.is_right("not a hash", "ana walks site B")


async def test_a_password_is_the_same_however_the_keyboard_composed_it() -> None:
    keeper = Passwords()
    assert await keeper.is_right(await keeper.hash("Gru\u0308ße vom Dach"), "Grüße vom Dach")


async def test_unknown_users_cost_the_same_work_as_known_ones() -> None:
    keeper = Passwords()
    stored = await keeper.hash("ana walks site B")
    costs = [text.split("$")[:4] for text in (stored, passwords.NOBODY)]
    assert costs[0] == costs[1] == ["", "argon2id", "v=19", "m=19456,t=2,p=1"]
    assert not PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).check_needs_rehash(passwords.NOBODY)


async def test_unknown_users_take_as_long_as_known_ones() -> None:
    keeper = Passwords()
    stored = await keeper.hash("ana walks site B")
    times: dict[bool, list[float]] = {True: [], False: []}
    for is_known in (True, False) * 4:
        began = time.process_time()  # of all threads; what else the machine does has no part in it
        await keeper.is_right(stored if is_known else None, "ana walks site C")
        times[is_known].append(time.process_time() - began)
    assert 0.5 < min(times[False]) / min(times[True]) < 2
