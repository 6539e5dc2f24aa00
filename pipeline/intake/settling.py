"""The visits of which something new is known become claims, and of those the difference to what was written is written."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from pipeline.intake.difference import difference
from pipeline.intake.facts import SettlementFact, VisitFact
from pipeline.intake.fold import claims_of
from pipeline.intake.history import Refusal
from pipeline.intake.state import Record, State
from pipeline.intake.unit_of_work import UnitOfWork
from topics.dead_letters import Code


def settle_all(work: UnitOfWork) -> None:
    """Settles each of them; what goes wrong with one costs the records that spoke of it."""
    for key, records in work.dirty.items():
        try:
            _settle(work, key, records)
        except Exception as error:
            # Whatever nobody foresaw in what others say of a visit, it costs what came of it now, and no other visit.
            work.leave(key)
            if not records:
                raise
            for record in records:
                work.refuse(record, Code.UNREADABLE, f"{type(error).__name__}: {error}")


def _settle(work: UnitOfWork, key: str, records: list[Record]) -> None:
    """Folds a visit to its claims, and writes what is new of them unless they wait for the visit."""
    state = work.changing(key)
    if not any(isinstance(fact, SettlementFact) for fact in state.facts) and (
        sum(isinstance(fact, VisitFact) for fact in state.facts) < 2
    ):
        work.keep(key, records)
        return
    outcome = claims_of(state.facts, work.visits.classes)
    claims, after = difference([made.claim for made in outcome.claims], state.written)
    refused = {_refusal_id(refusal): refusal for refusal in outcome.refused}
    state.told &= refused.keys()
    fresh = {name: refusal for name, refusal in refused.items() if name not in state.told}
    waits = {name for name, refusal in fresh.items() if refusal.code is Code.MISSING_FIELD}
    blocked = any(claim.get("visit") == "not_seen" for claim in claims)
    since = work.now if state.since is None else state.since
    if (waits or blocked) and work.now < since + work.visits.wait_ms:
        state.since = since
        state.held = {
            refusal.told.position: _record(refusal, state, records) for refusal in map(fresh.get, waits) if refusal
        }
        fresh = {name: refusal for name, refusal in fresh.items() if name not in waits}
        claims, after = ([], state.written) if blocked else (claims, after)
    else:
        state.since = None
    tellings = [(_record(refusal, state, records), refusal) for refusal in fresh.values()]
    state.told |= fresh.keys()
    if state.since is None:
        state.held = {}
    state.written = after
    if work.keep(key, records):
        for record, refusal in tellings:
            work.refuse(record, refusal.code, refusal.reason)
        _write(work, claims)
        if claims:
            work.out.tally.doubts += outcome.doubts


def _record(refusal: Refusal, state: State, records: list[Record]) -> Record:
    """The record that a refusal is about; if it is not at hand, the one that brought it to light."""
    offset = refusal.told.position
    found = next((record for record in records if record.offset == offset), None) or state.held.get(offset)
    return found or (records[-1] if records else Record(offset, None))


def _write(work: UnitOfWork, claims: list[dict[str, Any]]) -> None:
    tally = work.out.tally
    for claim in claims:
        work.out.claims.append((claim["claim_id"], msgspec.json.encode(claim)))
        refund = "reverses" in claim or claim["fund_amount"].startswith("-")
        tally.claims["refund" if refund else "first" if claim["claim_version"] == 1 else "version"] += 1
        tally.visit_not_seen += claim.get("visit") == "not_seen"
        if claim["encounter_type"] == "unknown":
            tally.encounter_unknown[claim.get("encounter_code") or "none"] += 1


def _refusal_id(refusal: Refusal) -> str:
    said = f"{refusal.what}|{refusal.code}|{refusal.told.position}|{refusal.reason}"
    return blake2b(said.encode(), digest_size=12).hexdigest()
