"""The result of the demo as plain figures. The tables and the JSON both show these figures and nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.demo.outcome import DeadLetter, ExampleCase, Outcome, Place, Sum, VerdictKind
from pipeline.demo.story import Chapter
from pipeline.demo.stream import STEADY_PER_SECOND, ClaimStream, Sent
from rules.vocabulary import Disposition, Reason

TELLING_REASONS = (
    Reason.IN_PENALTY_PERIOD,
    Reason.STRADDLES_PENALTY,
    Reason.BLACKLIST_CONFLICT,
    Reason.DATA_CONFLICT,
    Reason.BLACKLISTED,
    Reason.PENDING_REINSTATEMENT,
    Reason.PHYSICIAN_MISSING,
    Reason.PHYSICIAN_UNREGISTERED,
)
"""Reasons of which an example is shown, the most telling first."""

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Conservation:
    """Law 1, as a reader of committed records sees it."""

    records_in: int
    verdicts: int
    dead_letters: int
    lost: int
    repeated: int
    invented: int
    cases: int
    cases_expected: int
    dead_letters_changed: int

    @property
    def holds(self) -> bool:
        """Every record in gave exactly one verdict or dead letter, every doubtful one a case, and no byte was changed."""
        return (
            self.records_in == self.verdicts + self.dead_letters
            and not (self.lost or self.repeated or self.invented or self.dead_letters_changed)
            and self.cases == self.cases_expected
        )


@dataclass(frozen=True, slots=True)
class Speed:
    """`latency` is from a claim's Kafka timestamp to the arrival of its verdict at a committed reader, in seconds."""

    rush_claims: int
    rush_seconds: float
    steady_claims: int
    steady_rate: int
    latency: dict[str, float]

    @property
    def rush_per_second(self) -> float:
        """Claims a second while they came as fast as they were judged."""
        return self.rush_claims / self.rush_seconds if self.rush_seconds else 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that the demo shows."""

    seed: int
    physicians: int
    institutions: int
    workers: int
    transactions: dict[str, int]
    conservation: Conservation
    speed: Speed
    sums: Mapping[VerdictKind, Sum]
    dead_letters: Sequence[DeadLetter]
    examples: Sequence[ExampleCase]
    seconds: float
    story: Sequence[Chapter] = ()

    def by_disposition(self) -> dict[str, Sum]:
        """Claims and fund share of each disposition, all three always there."""
        sums = {str(disposition): Sum() for disposition in Disposition}
        for (_, disposition, *_), part in self.sums.items():
            sums[disposition].add(part.fen, part.claims)
        return sums

    def by_reason(self) -> list[tuple[str, str, Sum]]:
        """Disposition, reason and sum; in the order of dispositions, the most frequent reason first."""
        sums: defaultdict[tuple[str, str], Sum] = defaultdict(Sum)
        for (_, disposition, reason, *_), part in self.sums.items():
            sums[disposition, reason].add(part.fen, part.claims)
        order = list(Disposition)
        ranked = sorted(sums.items(), key=lambda item: (order.index(Disposition(item[0][0])), -item[1].claims, item[0]))
        return [(disposition, reason, part) for (disposition, reason), part in ranked]

    def by_pack(self) -> list[tuple[str, dict[str, Sum]]]:
        """Rule pack, and claims and fund share of each disposition under it; the busiest pack first."""
        sums: dict[str, dict[str, Sum]] = {}
        for (pack, disposition, *_), part in self.sums.items():
            row = sums.setdefault(pack, {str(each): Sum() for each in Disposition})
            row[disposition].add(part.fen, part.claims)
        return sorted(sums.items(), key=lambda item: (-sum(part.claims for part in item[1].values()), item[0]))

    def exempted(self) -> list[tuple[str, dict[str, Sum]]]:
        """Ground that an exemption lifted, and claims and fund share by the encounter that was exempt."""
        sums: dict[str, dict[str, Sum]] = {}
        for (_, _, _, ground, encounter), part in self.sums.items():
            if ground is not None:
                sums.setdefault(ground, {}).setdefault(encounter, Sum()).add(part.fen, part.claims)
        return sorted(sums.items(), key=lambda item: (-sum(part.claims for part in item[1].values()), item[0]))

    def dead_by_kind(self) -> list[tuple[str, int, DeadLetter]]:
        """Kind of error, number of records, and the first of them; the most frequent kind first."""
        counts = Counter(letter.kind for letter in self.dead_letters)
        first: dict[str, DeadLetter] = {}
        for letter in sorted(self.dead_letters, key=lambda letter: letter.place):
            first.setdefault(letter.kind, letter)
        return [(kind, counts[kind], first[kind]) for kind in sorted(counts, key=lambda kind: (-counts[kind], kind))]

    def as_json(self) -> dict[str, Any]:
        """One object for programs. Money is a decimal string in yuan."""
        kept = self.conservation
        return {
            "ok": kept.holds,
            "seed": self.seed,
            "broker": "embedded (librdkafka mock cluster); for the demo only, keeps nothing",
            "register": {"physicians": self.physicians, "institutions": self.institutions},
            "conservation": {
                "records_in": kept.records_in,
                "verdicts": kept.verdicts,
                "dead_letters": kept.dead_letters,
                "lost": kept.lost,
                "repeated": kept.repeated,
                "invented": kept.invented,
                "cases": kept.cases,
                "cases_expected": kept.cases_expected,
                "dead_letters_changed": kept.dead_letters_changed,
                "holds": kept.holds,
            },
            "dispositions": {name: _sum(part) for name, part in self.by_disposition().items()},
            "reasons": [{"disposition": d, "reason": r, **_sum(part)} for d, r, part in self.by_reason()],
            "rule_packs": [
                {"rule_pack": pack, **{name: _sum(part) for name, part in row.items()}} for pack, row in self.by_pack()
            ],
            "exempted": [
                {"ground": ground, "encounter_type": encounter, **_sum(part)}
                for ground, row in self.exempted()
                for encounter, part in sorted(row.items())
            ],
            "dead_letters": [
                {
                    "error": kind,
                    "records": count,
                    "example": {
                        "detail": letter.error,
                        "partition": letter.place[0],
                        "offset": letter.place[1],
                        "key": letter.key,
                        "bytes": letter.size,
                    },
                }
                for kind, count, letter in self.dead_by_kind()
            ],
            "examples": [
                {
                    "case_id": case.case_id,
                    "claim_id": case.claim_id,
                    "disposition": case.disposition,
                    "reason": case.reason,
                    "fund_amount": case.fund_amount,
                    "evidence": list(case.evidence),
                    "explanation": case.explanation,
                }
                for case in self.examples
            ],
            "speed": {
                "rush_claims": self.speed.rush_claims,
                "rush_claims_per_second": round(self.speed.rush_per_second),
                "steady_claims": self.speed.steady_claims,
                "steady_claims_per_second": self.speed.steady_rate,
                "latency_ms": {name: round(value * 1000, 1) for name, value in self.speed.latency.items()},
                "latency_from": "the claim's Kafka timestamp",
                "latency_to": "arrival of its verdict or dead letter at a read_committed reader",
            },
            "story": [chapter.as_json() for chapter in self.story],
            "workers": self.workers,
            "transactions": self.transactions,
            "seconds": round(self.seconds, 2),
        }


def _sum(part: Sum) -> dict[str, Any]:
    return {"claims": part.claims, "fund_yuan": yuan(part.fen, grouped=False)}


def yuan(fen: int, *, grouped: bool = True) -> str:
    """An amount of fen as yuan with two decimals."""
    sign, whole = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{whole // 100:{',' if grouped else ''}}.{whole % 100:02d}"


def summarise(
    *,
    seed: int,
    physicians: int,
    institutions: int,
    workers: int,
    transactions: dict[str, int],
    stream: ClaimStream,
    outcome: Outcome,
    seconds: float,
    story: Sequence[Chapter] = (),
) -> Summary:
    """Compares what went in with what came out, and sums it up."""
    telling = [outcome.examples[reason] for reason in TELLING_REASONS if reason in outcome.examples]
    others = [case for reason, case in sorted(outcome.examples.items()) if reason not in TELLING_REASONS]
    return Summary(
        seed=seed,
        physicians=physicians,
        institutions=institutions,
        workers=workers,
        transactions=transactions,
        conservation=_conservation(stream, outcome),
        speed=_speed(stream, outcome),
        sums=dict(outcome.sums),
        dead_letters=tuple(outcome.dead_letters),
        examples=(telling + others)[:EXAMPLES],
        seconds=seconds,
        story=story,
    )


def _conservation(stream: ClaimStream, outcome: Outcome) -> Conservation:
    taken = stream.taken
    doubtful = sum(part.claims for kind, part in outcome.sums.items() if kind[1] != Disposition.PAY)
    return Conservation(
        records_in=len(taken),
        verdicts=outcome.verdicts,
        dead_letters=len(outcome.dead_letters),
        lost=len(taken.keys() - outcome.seen.keys()),
        repeated=sum(times > 1 for times in outcome.seen.values()),
        invented=len(outcome.seen.keys() - taken.keys()),
        cases=outcome.cases,
        cases_expected=doubtful,
        dead_letters_changed=_changed(taken, outcome.dead_values),
    )


def _changed(taken: Mapping[Place, Sent], dead: Mapping[Place, int]) -> int:
    return sum(place in taken and taken[place].value_hash != value_hash for place, value_hash in dead.items())


def _speed(stream: ClaimStream, outcome: Outcome) -> Speed:
    waits = [
        outcome.arrived[place] - sent.stamp
        for place, sent in stream.taken.items()
        # Kafka's timestamps are whole milliseconds, cut off.
        if sent.stamp >= stream.steady_from - 0.001 and place in outcome.arrived
    ]
    latency = {f"p{rank}": float(np.percentile(waits, rank)) for rank in (50, 95, 99)} if waits else {}
    return Speed(stream.rush_claims, stream.rush_seconds, len(waits), STEADY_PER_SECOND, latency)
