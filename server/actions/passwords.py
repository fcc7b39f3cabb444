"""Passwords: what may be one, how it is hashed (argon2id, 19 MiB, two passes), and checking it in equal time."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from typing import TYPE_CHECKING, Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from server.actions.common_passwords import LOOKALIKES, ROWS, WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST: Final = 12
LONGEST: Final = 128
"""Characters a password has, counted after Unicode normalisation (NFKC)."""

_UNMISTAKEN: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits that nobody mistakes for another."""

NOBODY: Final = "$argon2id$v=19$m=19456,t=2,p=1$W37cejjVfjvqrg/sHqAtTg$vK/jk+UzbufTL8AqeaMtNyU/OSCORF0rIBwoBwuiPnI"
"""The hash of a random password that was thrown away: checked for unknown users, so that they take as long."""


class PasswordRefused(ValueError):
    """This cannot be a password; the text says why, to people."""


class Passwords:
    """Hashes and checks passwords in threads, `at_once` side by side: each takes a core and 19 MiB."""

    def __init__(self, at_once: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
        self._turns = asyncio.Semaphore(at_once)

    async def hash(self, password: str) -> str:
        """The text to store for `password`, which must have passed `check_policy`."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, normal(password))

    async def is_right(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the one behind `stored`; as slow for `None` (no such user) as for a wrong one."""
        async with self._turns:
            return await asyncio.to_thread(self._verify, stored, password)

    def _verify(self, stored: str | None, password: str) -> bool:
        try:
            is_same = self._hasher.verify(stored or NOBODY, normal(password[: LONGEST * 4]))
        except (VerificationError, InvalidHashError):
            return False
        return is_same and stored is not None


def check_policy(password: str, names: Iterable[str] = ()) -> None:
    """Raise `PasswordRefused` unless `password` may be one; `names` are words of the user's own, like the login."""
    text = normal(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise PasswordRefused(f"A password has {SHORTEST} to {LONGEST} characters; this one has {len(text)}.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise PasswordRefused("A password cannot contain control characters.")
    if is_common(text, names):
        raise PasswordRefused("This password is too easy to guess. Three or four unrelated words make a good one.")


def is_common(password: str, names: Iterable[str] = ()) -> bool:
    """Whether nothing is left of `password` when well-known words, the user's names, rows of keys and digits go."""
    words = WORDS | {part for name in names for part in _parts(name) if len(part) > 2}
    return _is_made_of(words, password.casefold())


def made_up() -> str:
    """A password of four groups of five characters, 99 random bits."""
    return "-".join("".join(secrets.choice(_UNMISTAKEN) for _ in range(5)) for _ in range(4))


def normal(password: str) -> str:
    """The same characters whichever way a keyboard composed them."""
    return unicodedata.normalize("NFKC", password)


def _parts(name: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in name.casefold()).split()


def _is_made_of(words: frozenset[str], text: str) -> bool:
    """Whether `text` can be cut into `words`, filler characters and walks along keys; linear in its length."""
    is_reached = [True] + [False] * len(text)
    longest = max(map(len, words))
    for start in range(len(text)):
        if is_reached[start]:
            for end in range(start + 1, min(len(text), start + max(longest, 26)) + 1):
                is_reached[end] = is_reached[end] or _is_piece(words, text[start:end])
    return is_reached[-1]


def _is_piece(words: frozenset[str], piece: str) -> bool:
    if len(piece) == 1:
        return not piece.isalpha()
    if len(piece) > 2 and (len(set(piece)) == 1 or any(piece in row or piece[::-1] in row for row in ROWS)):
        return True
    return piece in words or piece.translate(LOOKALIKES) in words
