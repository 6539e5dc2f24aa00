"""Bodies of requests: read within a bound and a time, and split into claims without changing a byte of them."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request

from pipeline.precheck.problems import Problem
from pipeline.precheck.shapes import FieldError
from topics.normalisation import without_mark

MOST_CLAIMS = 1_000
"""Claims in one request."""

_WITHIN_S = 10.0
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_one = msgspec.json.Decoder(msgspec.Raw).decode


async def read_body(request: Request, most: int) -> bytes:
    """The body of a request. Raises Problem where it is larger than `most` bytes, or comes too slowly."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise _too_large(most)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_WITHIN_S):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise _too_large(most)
                parts.append(part)
    except TimeoutError:
        raise Problem("too_slow", f"the whole body has to be there within {_WITHIN_S:.0f} s") from None
    return b"".join(parts)


def _too_large(most: int) -> Problem:
    return Problem("too_large", f"a body has at most {most:,} bytes; send fewer claims at once")


def claims_of(body: bytes) -> tuple[list[bytes], bool]:
    """The claims of a body, each as it was written, and whether it is one alone. Raises Problem."""
    text = without_mark(body).strip()
    if not text.startswith(b"["):
        try:
            _one(text)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise unreadable(error) from None
        return [text], True
    try:
        values = [bytes(one) for one in _split(text)]
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise unreadable(error) from None
    if len(values) > MOST_CLAIMS:
        raise Problem("too_many_claims", f"{len(values):,} claims; send at most {MOST_CLAIMS:,} at once")
    if not values:
        raise Problem("not_valid", errors=[FieldError("there is no claim in the list", "missing_field", "")])
    return values, False


def unreadable(error: Exception) -> Problem:
    """The problem of a body that is no JSON."""
    return Problem("unreadable", str(error) or type(error).__name__)
