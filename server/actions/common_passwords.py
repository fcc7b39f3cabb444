"""The pieces common passwords are made of: a password that is nothing but these is refused, without asking anybody.

A list of whole passwords would have to be long: people pad a favourite word to any length asked for
("Password2026!", "qwertyqwerty"). So the words are kept, and the test is whether anything else is left.
"""

from __future__ import annotations

from typing import Final

_TEXT: Final = """
    abc access account admin administrator alpha angel apple asdf asdfgh asdfghjkl autumn azerty baby bailey banana
    baseball basketball batman beer blue boss boston buddy build builder building butter camera cars change changeme
    charlie chelsea chicken chocolate coffee company computer concrete construction contractor cookie correct crane
    daniel dallas default defect demo diamond digger dragon eagle eagles easy england enter excavator family field
    flower fluffy football foreman freedom friday friend friends garden george ginger gold golden good green guest
    guitar hammer hannah happy harley heaven hello helpme hockey holdfast holiday home honey house hunter iloveyou
    internet jackson jennifer jessica jordan joshua july june justin key keys killer kitty lakers letmein liverpool
    letme local login london lord love lovely lover loveyou lucky magic manager march master matrix matthew maverick me
    michael mickey minecraft mobile monday money monkey monster morning mother music mustang my myself nature network
    nicole nothing november october office online open orange paris pass passw passwd password passwort pepper phone
    please pokemon princess private project prince punch purple q1w2e3r4 q1w2e3r4t5 qazwsx qazwsxedc qwert qwerty
    qwertyuiop qwertz rainbow ranger red robert root sample samsung sarah secret secure security server shadow shop
    silver site slipknot snag soccer spring starwars station store summer sunday sunshine super superman superuser
    supervisor system teacher temp temporary test tester testing the this thomas thunder tiger today tools trustno
    unlock user username wachtwoord welcome whatever white william windows winter wizard work worker world yankees
    year yellow you your zaq1 zaq1xsw2 zxcv zxcvbn zxcvbnm 1q2w3e 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz 2wsx 3edc 4rfv
"""

WORDS: Final = frozenset(_TEXT.split())

ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm")
"""Letters beside each other; a walk of three or more along one of them, either way, is a piece."""

LOOKALIKES: Final = str.maketrans("@4301!|$57", "aaeoiilsst")
"""Digits and signs that people write for letters."""
