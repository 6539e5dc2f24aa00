"""Count in, count out: every input offset against the verdicts, cases and dead letters, and every verdict against the oracle."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from tests.oracle.gate import judge_claim, span_on
from tests.oracle.wire import judge_bytes
from tests.support.cluster import Cluster, Record
from tests.support.differences import GATE_IS_LAXER, GATE_IS_STRICTER
from tests.support.register import Register

OUTPUTS = ("claim-verdicts", "claim-cases", "claims-dead-letter")
OWN_HEADERS = ("error", "source.topic", "source.partition", "source.offset")

COPIED = (
    "claim_id", "claim_version", "region", "institution_code", "encounter_type", "service_date", "fund_amount",
)  # fmt: skip
VERDICT_FIELDS = (
    "claim_id", "claim_version", "region", "institution_code", "physician_code", "encounter_type", "service_date", "fund_amount",
    "disposition", "reason", "exempted_ground", "cost_bearer", "standing", "penalty_period", "rule_pack", "citations",
    "standing_revision", "source", "screened_at",
)  # fmt: skip
REGISTER_FIELDS = (("as_of", "progress"), ("as_of", "progress", "institution_revision"))
CASE_FIELDS = (*VERDICT_FIELDS, "area", "case_id", "opened_at", "explanation", "evidence")

GROUND_OF = {
    "unregistered_emergency": "physician_unregistered",
    "opted_out_emergency": "opted_out",
    "blacklisted_emergency": "blacklisted",
    "missing_emergency_no_rule": "physician_missing",
    "status_abnormal_emergency": "status_abnormal",
}
"""The ground behind a reason that names the encounter; every other reason of a case is its ground."""

KINDS_OF_LEVEL = {
    "null": {"null_value"},
    "empty": {"empty_value"},
    "too_large": {"too_large"},
    "utf8": {"invalid_utf8"},
    "depth": {"too_deep"},
    "json": {"invalid_json", "empty_value", "wrong_type"},
    "object": {"not_an_object"},
    "duplicate_key": {"duplicate_key"},
    "field": {"missing_field", "wrong_type", "invalid_value"},
}
"""What the oracle calls a dead letter, and what the gate may call it."""

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class NotBalanced(AssertionError):
    """The run lost, doubled, invented or misjudged something."""


@dataclass
class Balance:
    """The figures of a balanced run."""

    inputs: int = 0
    verdicts: int = 0
    cases: int = 0
    dead_letters: int = 0
    reasons: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def table(self) -> str:
        """For people."""
        lines = [f"{'rule pack':<24}{'disposition':<13}{'reason':<36}{'claims':>9}"]
        for (pack, disposition, reason), count in sorted(
            self.reasons.items(), key=lambda item: (item[0][:2], -item[1])
        ):
            lines.append(f"{pack:<24}{disposition:<13}{reason:<36}{count:>9,}")
        for error, count in sorted(self.errors.items()):
            lines.append(f"{'-':<24}{'dead letter':<13}{error:<36}{count:>9,}")
        lines.append(
            f"in {self.inputs:,} = verdicts {self.verdicts:,} + dead letters {self.dead_letters:,}; cases {self.cases:,}"
        )
        return "\n".join(lines)


def balance(cluster: Cluster, *registers: Register, shantou_on: bool = False) -> Balance:
    """Reads the topics of a run that has ended, and proves it.

    With several registers (a register that changed during the run) a verdict may follow from any one of them.
    Raises NotBalanced with the first things that are wrong.
    """
    return prove(cluster.read_all("claims", *OUTPUTS), registers, shantou_on=shantou_on)


def prove(read: dict[str, list[Record]], registers: Sequence[Register], *, shantou_on: bool = False) -> Balance:
    """Balances records that were read."""
    inputs = {record.place: record for record in read["claims"]}
    verdicts = [(json.loads(record.value or b""), record) for record in read["claim-verdicts"]]
    cases = [(json.loads(record.value or b""), record) for record in read["claim-cases"]]
    _conserved(inputs, [_place(verdict["source"]) for verdict, _ in verdicts], read["claims-dead-letter"])
    result = Balance(len(inputs), len(verdicts), len(cases), len(read["claims-dead-letter"]))
    wrong: list[str] = []
    by_place = {_place(verdict["source"]): (verdict, record) for verdict, record in verdicts}
    for place, source in inputs.items():
        claim = judge_bytes(source.value)
        if place in by_place:
            verdict, record = by_place[place]
            wrong += _check_verdict(claim, verdict, record, registers, shantou_on)
            result.reasons[verdict["rule_pack"], verdict["disposition"], verdict["reason"]] += 1
    for letter in read["claims-dead-letter"]:
        wrong += _check_letter(letter, inputs)
        result.errors[_header(letter, "error").partition(":")[0]] += 1
    wrong += _check_cases(cases, by_place, inputs, registers)
    if wrong:
        raise NotBalanced(f"{len(wrong)} differ from the oracle:\n" + "\n".join(wrong[:10]))
    return result


def _place(source: dict) -> tuple[int, int]:
    if source["topic"] != "claims":
        raise NotBalanced(f"a verdict on a record of {source['topic']}")
    return source["partition"], source["offset"]


def _header(letter: Record, name: str) -> str:
    values = [value for header, value in letter.headers if header == name]
    if not values:
        raise NotBalanced(f"dead letter {letter.place} has no header {name}")
    return (values[-1] or b"").decode()


def _letter_place(letter: Record) -> tuple[int, int]:
    if _header(letter, "source.topic") != "claims":
        raise NotBalanced(f"dead letter {letter.place} comes from {_header(letter, 'source.topic')}")
    return int(_header(letter, "source.partition")), int(_header(letter, "source.offset"))


def _conserved(inputs: dict, judged: list[tuple[int, int]], letters: list[Record]) -> None:
    """Every input exactly once, on one side only, and nothing that never came in."""
    seen = Counter([*judged, *map(_letter_place, letters)])
    lost = sorted(inputs.keys() - seen.keys())
    twice = sorted(place for place, count in seen.items() if count > 1)
    invented = sorted(seen.keys() - inputs.keys())
    if lost or twice or invented:
        raise NotBalanced(
            f"of {len(inputs)} inputs {len(lost)} have no outcome {lost[:5]}, {len(twice)} have several {twice[:5]}, "
            f"and {len(invented)} outcomes have no input {invented[:5]}"
        )


def _check_verdict(
    claim: object, verdict: dict, record: Record, registers: Sequence[Register], shantou_on: bool
) -> list[str]:
    if not isinstance(claim, dict):
        known = claim in GATE_IS_LAXER.values()
        return [] if known else [f"{verdict['source']}: judged, but the oracle sets it aside: {claim}"]
    wrong = []
    # A verdict of the stream says last by what register it was judged; one that was judged without Kafka does not.
    register = verdict.get("register", {"as_of": verdict["screened_at"], "progress": {}})
    if tuple(verdict) not in (VERDICT_FIELDS, (*VERDICT_FIELDS, "register")) or tuple(register) not in REGISTER_FIELDS:
        wrong.append(f"{claim['claim_id']}: fields {tuple(verdict)}, register {register}")
    elif not TIME.fullmatch(register["as_of"]) or register["as_of"] > verdict["screened_at"]:
        wrong.append(
            f"{claim['claim_id']}: judged at {verdict['screened_at']} by the register as of {register['as_of']}"
        )
    if record.key != claim["claim_id"].encode():
        wrong.append(f"{claim['claim_id']}: keyed {record.key!r}")
    expected = {name: claim[name] for name in COPIED}
    expected["physician_code"] = (claim["physician_code"] or "").strip() or None
    answers = [
        expected | judge_claim(claim, register.physician(claim), register.institution(claim), shantou_on=shantou_on)
        for register in registers
    ]
    differences = [
        {name: (verdict[name], want) for name, want in answer.items() if verdict[name] != want} for answer in answers
    ]
    if all(differences):
        wrong.append(f"{claim['claim_id']} {json.dumps(claim, ensure_ascii=False)}: (gate, oracle) {differences[-1]}")
    if bool(verdict["citations"]) != (verdict["reason"] not in WITHOUT_ARTICLE):
        wrong.append(f"{claim['claim_id']}: {verdict['reason']} cites {verdict['citations']}")
    if not TIME.fullmatch(verdict["screened_at"]):
        wrong.append(f"{claim['claim_id']}: screened_at {verdict['screened_at']}")
    return wrong


WITHOUT_ARTICLE = ("ok", "implausible", "encounter_unknown")
"""Nothing is held against the claim by a text: there is no ground, or the claim says what cannot be so or what nobody knows."""


def _check_letter(letter: Record, inputs: dict[tuple[int, int], Record]) -> list[str]:
    source = inputs[_letter_place(letter)]
    wrong = []
    judged = judge_bytes(source.value)
    error = _header(letter, "error")
    kind, _, reason = error.partition(": ")
    if isinstance(judged, dict):
        if not any(pattern.search(error) for pattern in GATE_IS_STRICTER.values()):
            wrong.append(f"{source.place}: the oracle accepts it, the gate says {error}: {source.value!r:.300}")
    else:
        if kind not in KINDS_OF_LEVEL[judged[0]]:
            wrong.append(f"dead letter of {source.place}: {kind}, the oracle says {judged}")
        if judged[1] is not None and judged[1] not in reason:
            wrong.append(f"dead letter of {source.place}: {reason!r} does not name {judged[1]}")
    if not reason:
        wrong.append(f"dead letter of {source.place}: no reason")
    if (letter.key, letter.value) != (source.key, source.value):
        wrong.append(f"dead letter of {source.place}: key or bytes were changed")
    if letter.headers[: len(source.headers)] != source.headers:
        wrong.append(f"dead letter of {source.place}: the sender's headers were changed")
    if tuple(name for name, _ in letter.headers[len(source.headers) :]) not in (
        OWN_HEADERS,
        (*OWN_HEADERS, "source.topic_id"),
    ):
        wrong.append(f"dead letter of {source.place}: headers {letter.headers}")
    return wrong


def expected_case_id(verdict: dict) -> str:
    """The id that follows from the claim and the ground, computed apart from the code."""
    ground = verdict["exempted_ground"] or GROUND_OF.get(verdict["reason"], verdict["reason"])
    claim = (verdict["institution_code"], verdict["claim_id"], str(verdict["claim_version"]))
    text = "\x1f".join((verdict.get("area", verdict["region"]), *claim, ground))
    return "case-" + hashlib.sha256(text.encode()).hexdigest()[:24]


def expected_evidence(claim: dict, register: Register) -> list[str]:
    """Ids of the events behind the standing of the service date: the physician's, then the institution's."""
    on = date.fromisoformat(claim["service_date"])
    spans = [
        span_on((message or {}).get("spans") or [], on)
        for message in (register.physician(claim), register.institution(claim))
    ]
    return [cause for span in spans if span for cause in span.get("causes") or ()]


def _check_cases(
    cases: list[tuple[dict, Record]],
    verdicts: dict[tuple[int, int], tuple[dict, Record]],
    inputs: dict[tuple[int, int], Record],
    registers: Sequence[Register],
) -> list[str]:
    wrong = []
    flagged = Counter(place for place, (verdict, _) in verdicts.items() if verdict["disposition"] != "pay")
    opened = Counter(_place(case["source"]) for case, _ in cases)
    if flagged != opened:
        missing, extra = flagged - opened, opened - flagged
        wrong.append(f"cases: {len(missing)} missing {list(missing)[:5]}, {len(extra)} too many {list(extra)[:5]}")
        return wrong
    for case, record in cases:
        place = _place(case["source"])
        verdict = verdicts[place][0]
        own = [name for name in CASE_FIELDS[len(VERDICT_FIELDS) :] if name not in verdict]
        told = {"area": verdict["region"]} | verdict
        if tuple(case) != (*verdict, *own) or case | told != case:
            wrong.append(f"case of {place} does not repeat its verdict: {case}")
        if case["case_id"] != expected_case_id(verdict) or record.key != case["case_id"].encode():
            wrong.append(f"case of {place}: id {case['case_id']}, key {record.key!r}")
        if not case["explanation"].get("zh") or not case["explanation"].get("en"):
            wrong.append(f"case of {place}: not explained")
        claim = json.loads(inputs[place].value or b"")
        if case["evidence"] not in [expected_evidence(claim, register) for register in registers]:
            wrong.append(f"case of {place}: evidence {case['evidence']}")
    return wrong
