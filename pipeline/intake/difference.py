"""What is to be written of a visit's claims: the difference between what follows from all that was said and what was written.

What follows first is written as the files have it: each correction a version of its own, then what takes it back. Whatever
changes after that, by a late visit or fee line as well as by a correction, makes one more version of what is newest. If a claim
changes that was taken back, it is written anew and taken back anew, so that the last two agree with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import structs

from pipeline.intake.state import Written

Claim = dict[str, Any]


def difference(claims: Sequence[Claim], written: dict[str, Written]) -> tuple[list[Claim], dict[str, Written]]:
    """The claims to write, with the versions that they get, and what is written then. `claims` are those of one visit in the
    order of its fold: settlements before what takes them back."""
    after = dict(written)
    made: list[Claim] = []
    groups: dict[str, tuple[list[Claim], list[Claim]]] = {}
    for claim in claims:
        own = claim.get("reverses", {}).get("claim_id") == claim["claim_id"]
        groups.setdefault(claim["claim_id"], ([], []))[own].append(claim)
    for name, (chain, back) in groups.items():
        # Without a chain it says that it takes itself back.
        _write_chain(name, chain or back, withdrawn=not back, after=after, made=made)
    for name, (chain, back) in groups.items():
        _write_back(name, back if chain else [], after, made)
    return made, after


def _write_chain(
    name: str, chain: list[Claim], *, withdrawn: bool, after: dict[str, Written], made: list[Claim]
) -> None:
    """The claim of a settlement; `withdrawn` that nothing takes it back (any more) by the same name."""
    if not chain:
        return
    known = after.get(name)
    chain = [_naming(claim, after) for claim in chain]
    content = _hash(chain[-1])
    if known is None:
        made += [{**claim, "claim_version": number} for number, claim in enumerate(chain, 1)]
        after[name] = Written(len(chain), len(chain), content)
    elif content != known.content or (withdrawn and known.reversal is not None):
        version = known.version + 1
        made.append({**chain[-1], "claim_version": version})
        after[name] = Written(version, version, content)


def _write_back(name: str, back: list[Claim], after: dict[str, Written], made: list[Claim]) -> None:
    """What takes a claim back under its own name."""
    known = after.get(name)
    if not back or known is None:
        return
    claim = _naming(back[-1], after)
    content = _hash(claim)
    if content != known.reversal:
        version = known.version + 1
        made.append({**claim, "claim_version": version})
        after[name] = structs.replace(known, version=version, reversal=content)


def _naming(claim: Claim, written: dict[str, Written]) -> Claim:
    """A claim that takes another back names the version of it that was written last."""
    target = claim.get("reverses")
    known = None if target is None else written.get(target["claim_id"])
    return claim if known is None else {**claim, "reverses": {**claim["reverses"], "claim_version": known.of}}


def _hash(claim: Claim) -> str:
    said = {name: value for name, value in claim.items() if name != "claim_version"}
    return blake2b(msgspec.json.encode(said), digest_size=12).hexdigest()
