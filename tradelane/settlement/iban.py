"""Account numbers of banks: the check of ISO 13616 (mod 97-10 of ISO 7064)."""

from __future__ import annotations

import re

_FORM = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)


def checked(text: str) -> str:
    """The IBAN without spaces, in capitals. ValueError when its form or its check digits are wrong."""
    iban = text.replace(" ", "").upper()
    if not _FORM.fullmatch(iban):
        raise ValueError("an IBAN is a country, two check digits and 11 to 30 letters or digits")
    if int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 != 1:
        raise ValueError("the IBAN's check digits are wrong")
    return iban
