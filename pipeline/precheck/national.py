"""The pre-check in the shape of the national interface: 3101 明细审核事前分析, 3102 事中分析, 3103 反馈.

Requests are read as integrators send them: numbers or text for codes, one object or a list, optional parts missing. Each
encounter (fsi_encounter_dtos) is judged as the claim that it would be if it were settled now, and each finding is one entry of
`result`. Severity, kind of conduct and state of the amount (sev_deg, vola_bhvr_type, vola_amt_stas) have code tables that are not
public, and are left empty.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from pydantic import ValidationError
from starlette.responses import Response

from pipeline.inputs.documents import read_document
from pipeline.intake.messages import Document, Envelope, Refused, read_envelope, rows_at
from pipeline.precheck.answers import Told
from pipeline.precheck.api import Api, Asked, Done
from pipeline.precheck.bodies import MOST_CLAIMS
from pipeline.precheck.encounters import Encounter, Encounters
from pipeline.precheck.feedback import NotRecorded, Recorder
from pipeline.precheck.problems import Problem, field_errors, pointer
from pipeline.precheck.shapes import FieldError, RegisterTold
from rules.screens.table import Ruling
from rules.text import Lang, pick
from rules.vocabulary import Disposition
from rules.wording.explanation import ground_name, law_title
from topics.claims.codec import problems_of
from topics.claims.errors import ClaimError
from topics.dead_letters import Code
from topics.fields import utc_text
from topics.messages.precheck import PrecheckFeedback
from topics.objects import field_problems
from topics.verdicts.codec import case_of

MOST_TEXT = 500
"""Characters of vola_cont and vola_evid."""
_MOST_NAME = 200
_CHECKS, _FEEDBACK = ("3101", "3102"), "3103"
_STAGE = {"1": "before", "2": "during"}
_CHOICE = {"1": "continued", "2": "returned"}
_RECORDED_WITHIN_S = 10.0


class Detail(msgspec.Struct):
    """An order line of a finding (judge_result_detail_dtos)."""

    jrd_id: str
    patn_id: str
    mdtrt_id: str
    rx_id: str
    vola_item_type: str
    vola_amt: str


class Finding(msgspec.Struct):
    """One finding (result)."""

    jr_id: str
    rule_id: str
    rule_name: str
    vola_cont: str
    patn_id: str
    mdtrt_id: str
    judge_result_detail_dtos: list[Detail]
    vola_amt: str
    vola_amt_stas: str
    sev_deg: str
    vola_evid: str
    vola_bhvr_type: str
    task_id: str


class Output(msgspec.Struct):
    """The output of 3101 and 3102: empty where nothing is found."""

    result: list[Finding] = []


class NationalAnswer(msgspec.Struct, omit_defaults=False):
    """The envelope of an answer; infcode 0 is success. `register` is ours: by what state of the register it was given."""

    infcode: str
    inf_refmsgid: str
    refmsg_time: str
    err_msg: str
    output: Output
    register: RegisterTold | None = None


@dataclass(frozen=True, slots=True)
class _Message:
    """A request read: which transaction, its number, and its input."""

    infno: str
    number: str
    envelope: Envelope
    data: Document


class National:
    """The endpoint of the three transactions."""

    def __init__(self, api: Api, encounters: Encounters, recorder: Recorder) -> None:
        self._api, self._encounters, self._recorder = api, encounters, recorder

    async def answer(self, asked: Asked) -> Done:
        """Answers a transaction. Raises Problem."""
        message = self._read(await self._api.body(asked), asked.request.path_params.get("infno", ""))
        if message.infno == _FEEDBACK:
            return await self._feedback(asked, message)
        return await self._check(asked, message)

    def refuse(self, problem: Problem, lang: Lang) -> Response:
        """What is wrong, in the form that an integrator's program reads: infcode -1 and everything in err_msg."""
        told = problem.response(lang)
        body = problem.body(lang)
        errors = "; ".join(f"{error.pointer or ''} {error.detail}".strip() for error in body.errors)
        words = ": ".join(part for part in (body.title, body.detail, errors) if part)
        answer = NationalAnswer("-1", "", self._time(), words, Output())
        headers = {
            name: value for name, value in told.headers.items() if name not in ("content-length", "content-type")
        }
        return Response(msgspec.json.encode(answer), problem.status, headers, "application/json")

    # -- reading --------------------------------------------------------------------------------------------------

    def _read(self, body: bytes, named: str) -> _Message:
        try:
            document = read_document(body)
            envelope = read_envelope(document, "", 0)
            node = envelope.asked if envelope.asked is not None else envelope.flat
            rows = rows_at(node, "data") or ([] if node is None else [node])
        except ClaimError as error:
            raise Problem("unreadable", str(error)) from None
        except Refused as refused:
            raise Problem("not_valid", errors=[FieldError(refused.reason, refused.code.value)]) from None
        infno = named or envelope.infno or ""
        if infno not in (*_CHECKS, _FEEDBACK):
            raise Problem("not_valid", errors=[FieldError("expected 3101, 3102 or 3103", "invalid_value", "/infno")])
        if envelope.infno not in (None, infno):
            told = f"the address says {infno}, the message {envelope.infno[:10]}"
            raise Problem("not_valid", errors=[FieldError(told, "invalid_value", "/infno")])
        if len(rows) != 1:
            told = f"expected one object, found {len(rows)}"
            raise Problem("not_valid", errors=[FieldError(told, "invalid_value", "/input/data")])
        return _Message(infno, envelope.told.number or "", envelope, rows[0])

    def _time(self) -> str:
        return self._api.now().strftime("%Y%m%d%H%M%S%f")[:17]

    # -- 3101 and 3102 --------------------------------------------------------------------------------------------

    async def _check(self, asked: Asked, message: _Message) -> Done:
        read = self._encounters.of(message.data, message.envelope, self._api.now())
        if read.errors:
            raise Problem("not_valid", errors=read.errors)
        if not read.encounters:
            nothing = FieldError(
                "missing; there is at least one encounter", "missing_field", "/input/data/patient_dtos"
            )
            raise Problem("not_valid", errors=[nothing])
        if len(read.encounters) > MOST_CLAIMS:
            raise Problem("too_many_claims", f"{len(read.encounters):,} encounters")
        values = [msgspec.json.encode(one.claim) for one in read.encounters]
        told = await self._api.judged(asked, values)
        if told.refused:
            wrong = [
                error
                for letter in told.refused
                for error in field_errors(problems_of(values[letter.row]), read.encounters[letter.row].place)
            ]
            raise Problem("not_valid", errors=wrong)
        task = _short(message.data.get("task_id"), 50)
        found = [
            finding
            for place, one in enumerate(read.encounters)
            for finding in _findings(one, told.told[place], asked.lang, task)
        ]
        answer = NationalAnswer("0", message.number, self._time(), "", Output(found), told.register)
        return Done(msgspec.json.encode(answer), len(values), told.register.current)

    # -- 3103 -----------------------------------------------------------------------------------------------------

    async def _feedback(self, asked: Asked, message: _Message) -> Done:
        institution = message.envelope.institution
        own = asked.caller.institutions
        if institution is None and own is not None and len(own) == 1:
            (institution,) = own
        if own is not None and (institution is None or not asked.caller.may_see(institution)):
            raise Problem("not_yours", errors=[FieldError("not one of your token", pointer="/fixmedins_code")])
        rows = rows_at(message.data, "warns") or []
        found: list[PrecheckFeedback] = []
        errors: list[FieldError] = []
        for place, row in enumerate(rows):
            at = pointer(["input", "data", "warns", place])
            try:
                found.append(_said(message, row, institution, self._api.now()))
            except Refused as refused:
                errors.append(FieldError(refused.reason, refused.code.value, at))
            except ValidationError as error:
                errors += field_errors(field_problems(error), at)
        if not rows:
            errors.append(FieldError("missing; there is at least one", "missing_field", "/input/data/warns"))
        if errors:
            raise Problem("not_valid", errors=errors)
        try:
            await asyncio.wait_for(asyncio.to_thread(self._recorder.record, found), _RECORDED_WITHIN_S)
        except (NotRecorded, TimeoutError) as error:
            raise Problem("not_recorded", str(error) or None, retry_after=2) from None
        answer = NationalAnswer("0", message.number, self._time(), "", Output())
        return Done(msgspec.json.encode(answer), len(found))


def _said(message: _Message, row: Document, institution: str | None, now: dt.datetime) -> PrecheckFeedback:
    """One row of 3103. Raises Refused, ValidationError."""
    fields = Encounters.fields(row, message.data)
    stage, choice = fields.code("warn_type"), fields.code("dspo_way")
    reason = row.get("dspo_way_rea")
    told = None if reason is None or not str(reason).strip() else str(reason).strip()
    if stage not in _STAGE:
        raise Refused(Code.INVALID_VALUE, "warn_type: expected 1 (事前) or 2 (事中)")
    if choice not in _CHOICE:
        raise Refused(Code.INVALID_VALUE, "dspo_way: expected 1 (继续执行医嘱) or 2 (返回修改医嘱)")
    if choice == "1" and told is None:
        raise Refused(Code.MISSING_FIELD, "dspo_way_rea: a reason is required where the orders are carried on")
    return PrecheckFeedback.model_validate(
        {
            "finding": fields.needed("warn_rslt_id", fields.text("warn_rslt_id")),
            "stage": _STAGE[stage],
            "choice": _CHOICE[choice],
            "reason": told,
            "institution_code": institution,
            "message": message.number or None,
            "recorded_at": utc_text(now),
        }
    )


# -- what is found ----------------------------------------------------------------------------------------------------


def _findings(one: Encounter, told: Told, lang: Lang, task: str) -> Iterator[Finding]:
    """The findings of an encounter: none where the claim would be paid, two where two laws have something to say."""
    if told.disposition is Disposition.PAY:
        return
    rulings = [told.ruling] if told.ruling.second is None else [told.ruling, told.ruling.second]
    for number, ruling in enumerate(rulings):
        name = case_of(told.facts, ruling)
        yield Finding(
            jr_id=name,
            rule_id=ruling.ground.value[:50],
            rule_name=_short(ground_name(ruling.ground, lang), _MOST_NAME),
            vola_cont=_short(told.answer.explanation, MOST_TEXT),
            patn_id=one.patient,
            mdtrt_id=one.claim["claim_id"],
            judge_result_detail_dtos=_details(one, told, name) if not number else [],
            vola_amt=told.facts.fund_amount,
            vola_amt_stas="",
            sev_deg="",
            vola_evid=_short(_evidence(ruling, lang), MOST_TEXT),
            vola_bhvr_type="",
            task_id=task,
        )


def _details(one: Encounter, told: Told, finding: str) -> list[Detail]:
    """The order lines that a finding is about: those of the barred whom the claim names on its lines, else those that the
    physician of the encounter prescribed."""
    lines: Sequence[dict[str, Any]] = one.claim.get("lines") or ()
    named = {mention.line for mention in told.people if mention.line}
    own = one.claim["physician_code"]
    numbers = sorted(named) if told.people else [
        number for number, line in enumerate(lines, 1) if own is not None and line["person"] == own
    ]  # fmt: skip
    return [
        Detail(
            jrd_id=f"{finding}-{number}",
            patn_id=one.patient,
            mdtrt_id=one.claim["claim_id"],
            rx_id=one.orders[number - 1],
            vola_item_type="1",
            vola_amt=lines[number - 1]["amount"],
        )
        for number in numbers
    ]


def _evidence(ruling: Ruling, lang: Lang) -> str:
    return f"{pick(law_title(ruling), lang)} {'、'.join(ruling.citations)}".strip()


def _short(value: Any, most: int) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"
