"""Energy Identification Codes: sixteen characters, the last a check. Y names an area, X a party.

Source: ENTSO-E, The Energy Identification Coding Scheme (EIC) Reference Manual, section 2.3.
"""

from __future__ import annotations

import re

LENGTH = 16
_SHAPE = re.compile(r"[0-9A-Z]{2}[A-Z][0-9A-Z-]{12}[0-9A-Z]")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-"


def checked(code: str) -> str:
    """The code; ValueError when it is none."""
    if not _SHAPE.fullmatch(code):
        raise ValueError(f"{code[:40]!r} is not an EIC code: {LENGTH} characters, such as 10YNL----------L")
    if code[-1] != check_character(code[:-1]):
        raise ValueError(f"the last character of the EIC code {code} does not fit the others")
    return code


def check_character(code: str) -> str:
    """Of the fifteen characters before it, weighted 16 to 2."""
    weighed = (
        weight * _ALPHABET.index(letter) for weight, letter in zip(range(16, 1, -1), code, strict=True)
    )
    return _ALPHABET[36 - (sum(weighed) - 1) % 37]
