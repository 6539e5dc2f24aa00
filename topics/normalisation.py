"""One normalisation (规范化) of codes and ids, for claims, events, actions and files alike.

A code that differs from another only in blanks around it, in small letters, in full-width forms or in characters that nobody
sees names the same physician or institution. Without one normalisation a blank would open a second dossier and pay a
terminated institution. Ids keep their letters' case, since two systems may tell ids apart by it.
"""

from __future__ import annotations

import re
import unicodedata

PLAIN_CODE = r"^[!-`{-~]+$"
"""Codes that `normal_code` leaves as they are, beyond doubt: printable ASCII without blanks and small letters. Whatever does
not match has to be normalised; the pattern lets a whole column be tested at once."""

PLAIN_ID = r"^[!-~]+$"
"""The same for ids and `normal_id`: printable ASCII without blanks."""

_PLAIN_CODE = re.compile(PLAIN_CODE)
_PLAIN_ID = re.compile(PLAIN_ID)
_HALF_WIDTH = {0xFF01 + number: 0x21 + number for number in range(94)} | {0x3000: 0x20}
_UPPER = {ord(letter): ord(letter) - 32 for letter in "abcdefghijklmnopqrstuvwxyz"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def normal_code(text: str) -> str:
    """A code of a person, institution or region: trimmed, half width, ASCII letters in upper case, nothing invisible.

    A blank code becomes the empty string.
    """
    return text if _PLAIN_CODE.match(text) and not text.endswith("\n") else _visible(text).translate(_UPPER)


def normal_id(text: str) -> str:
    """An id (of a claim, event, case or action): as `normal_code`, but letters keep their case."""
    return text if _PLAIN_ID.match(text) and not text.endswith("\n") else _visible(text)


def without_mark(value: bytes) -> bytes:
    """The bytes of a record or line without the byte order mark that some editors and exports put before them."""
    return value.removeprefix(_BYTE_ORDER_MARK)


def _visible(text: str) -> str:
    """Half width, without what nobody sees, trimmed: format characters (zero-width, directional and byte order marks, soft
    hyphens), and control characters such as the NUL with which exports of fixed columns pad."""
    half = text.translate(_HALF_WIDTH)
    if not half.isprintable():
        half = "".join(character for character in half if character.isspace() or not _unseen(character))
    return half.strip()


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cf", "Cc")
