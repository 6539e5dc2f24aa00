"""What a message says (事实): of a visit, of a fee line, of a settlement. Values are read as the files of claims are.

| transaction | says |
|---|---|
| 2201, 2401 | who is the attending physician of a visit (挂号, 入院办理) |
| 2203 | its class and who diagnosed (门诊就诊信息) |
| 2204, 2301 | fee lines: who ordered what, when, for how much (费用明细) |
| 2207, 2304, 5203 | settlements (结算), which name nobody |
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from pipeline.intake.fields import Fields, source
from pipeline.intake.messages import Envelope, Refused, Told, objects_of, rows_at
from topics.dead_letters import Code
from topics.fields import REGION_PATTERN

VISITS = frozenset({"2201", "2203", "2203A", "2401"})
LINES = frozenset({"2204", "2301"})
SETTLEMENTS = frozenset({"2207", "2304", "5203"})
UNDOING = frozenset({"2202", "2205", "2208", "2302", "2305", "2404"})
"""Cancellations of what the others said. No document at hand describes them, so they are named and not guessed at."""

_ADMISSION = "2401"
_ATTENDING = ("atddr_no", "chfpdr_code", "chfpdr_codg")
_DIAGNOSES = ("diseinfo",)
_REGION = re.compile(REGION_PATTERN)

Key = tuple[str, str]
"""Institution and visit (mdtrt_id): what messages are joined by."""


class VisitFact(msgspec.Struct, frozen=True, gc=False):
    """A visit (就诊). `begun` is a time, or a day where only that is told; `stay` that it is one in hospital; `registered` that
    the message is one that has to name who attends."""

    key: Key
    told: Told
    begun: str | None = None
    attending: str | None = None
    diagnosing: str | None = None
    others: tuple[str, ...] = ()
    code: str | None = None
    person: str | None = None
    insurance: str | None = None
    department: str | None = None
    care: str | None = None
    insured: str | None = None
    stay: bool | None = None
    registered: bool | None = None
    doubts: tuple[str, ...] = ()


class LineFact(msgspec.Struct, frozen=True, gc=False):
    """A fee line (费用明细). `at` as `begun` of a visit; `cancels` is the line that a negative one takes back."""

    key: Key
    told: Told
    number: str
    at: str
    amount: Decimal
    person: str | None = None
    receiver: str | None = None
    item: str | None = None
    quantity: Decimal | None = None
    prescription: str | None = None
    cancels: str | None = None
    settlement: str | None = None
    batch: str | None = None
    care: str | None = None
    insured: str | None = None
    doubts: tuple[str, ...] = ()


class SettlementFact(msgspec.Struct, frozen=True, gc=False):
    """A settlement (结算), its amounts in yuan. `refunded` is the flag alone (refd_setl_flag); `takes_back` names the settlement
    that a refund of its own is about. `attending` is told by exports alone that have joined it with its visit."""

    key: Key
    told: Told
    number: str
    at: str
    total: str
    fund: str
    person: str | None = None
    insurance: str | None = None
    code: str | None = None
    begun: str | None = None
    ended: str | None = None
    interim: bool | None = None
    batch: str | None = None
    takes_back: str | None = None
    attending: str | None = None
    care: str | None = None
    insured: str | None = None
    refunded: bool = False
    doubts: tuple[str, ...] = ()


Fact = VisitFact | LineFact | SettlementFact

_OF_THE_MESSAGE = ("told", "refunded", "doubts")
SAYS = {
    kind: tuple(name for name in kind.__struct_fields__ if name not in _OF_THE_MESSAGE)
    for kind in (VisitFact, LineFact, SettlementFact)
}
"""The fields of a fact that say something of its subject."""


# -- of one message -----------------------------------------------------------------------------------------------


def needs_response(envelope: Envelope) -> bool:
    """Whether a request alone does not name its visit or its settlement, which only the response does."""
    if envelope.asked is None or envelope.answered is not None:
        return False
    wanted = {"2201": "mdtrt_id", "2401": "mdtrt_id", "2207": "setl_id", "2304": "setl_id", "5203": "fund_pay_sumamt"}
    name = wanted.get(envelope.infno or "")
    return name is not None and not any(name in part for part in objects_of(envelope.asked))


def kind_of(envelope: Envelope) -> str | None:
    """Which transaction a message is: as it says, else as what stands in it shows; None where neither does."""
    return envelope.infno or _shown_kind(envelope)


def _shown_kind(envelope: Envelope) -> str | None:
    if envelope.answered is not None and rows_at(envelope.answered, "setlinfo") is not None:
        return "5203"
    if envelope.asked is not None and rows_at(envelope.asked, "feedetail") is not None:
        return "2204"
    if envelope.flat is not None:
        named = {name for name, value in envelope.flat.items() if value is not None and value != ""}
        if "feedetl_sn" in named:
            return "2204"
        if "setl_id" in named:
            return "5203"
        if named & {"atddr_no", "dise_dor_no"}:
            return "2201" if "atddr_no" in named else "2203"
    return None


def rows_of(envelope: Envelope, kind: str) -> list[Fields]:
    """The rows of a message of a kind: fee lines and settlements are several, a visit is one. Raises Refused."""
    if envelope.flat is not None:
        return [Fields(envelope.flat)]
    asked = list(objects_of(envelope.asked))
    answered = list(objects_of(envelope.answered))
    if kind in VISITS:
        return [Fields(*asked, *answered)]
    if kind in LINES:
        rows = rows_at(envelope.asked, "feedetail", "data")
        if rows is None:
            raise Refused(Code.MISSING_FIELD, "input.feedetail: missing; a message of fee lines has at least one")
        return [Fields(row) for row in rows]
    rows = rows_at(envelope.answered, "setlinfo", "data")
    if rows is None:
        raise Refused(Code.MISSING_FIELD, "output.setlinfo: missing; a settlement stands in the response")
    # What was asked tells about the one settlement that came of it; of a list each row tells for itself.
    return [Fields(row, *(asked if len(rows) == 1 else ())) for row in rows]


def facts_of(envelope: Envelope, kind: str) -> Iterator[Fact | Refused]:
    """What each row of a message says, or why it says nothing that can be used. Raises Refused for a message without rows."""
    read = _visit if kind in VISITS else _line if kind in LINES else _settlement
    for row in rows_of(envelope, kind):
        try:
            yield read(envelope, kind, row)
        except Refused as refused:
            yield refused
        except Exception as error:
            # Whatever nobody foresaw in a row of others, it costs this row alone.
            yield Refused(Code.UNREADABLE, f"{type(error).__name__}: {error}")


def _visit(envelope: Envelope, kind: str, row: Fields) -> VisitFact:
    care, insured, doubts = _places(envelope, row)
    main, others = _diagnosing(envelope, row)
    return VisitFact(
        key=(_institution(envelope, row), row.needed("mdtrt_id", row.text("mdtrt_id"))),
        told=envelope.told,
        begun=row.time_or_day("begntime", "begndate"),
        attending=row.doctor(*_ATTENDING),
        diagnosing=main,
        others=others,
        code=row.code("med_type"),
        person=row.text("psn_no"),
        insurance=row.code("insutype"),
        department=row.text("dept_code", "adm_dept_codg"),
        care=care,
        insured=insured,
        stay=True if kind == _ADMISSION else None,
        registered=True if not kind.startswith("2203") else None,
        doubts=doubts,
    )


def _diagnosing(envelope: Envelope, row: Fields) -> tuple[str | None, tuple[str, ...]]:
    """Who made the main diagnosis, where that can be told, and everybody who made one."""
    node = envelope.flat if envelope.flat is not None else envelope.asked
    rows = rows_at(node, *_DIAGNOSES) or []
    doctors: list[str] = []
    main: str | None = None
    for one in map(Fields, rows):
        doctor = one.doctor("dise_dor_no")
        if doctor is None:
            continue
        doctors.append(doctor)
        if main is None and one.flag("maindise_flag"):
            main = doctor
    if not rows:
        alone = row.doctor("dise_dor_no")
        return alone, () if alone is None else (alone,)
    every = tuple(sorted(set(doctors)))
    return main or (every[0] if len(every) == 1 else None), every


def _line(envelope: Envelope, _kind: str, row: Fields) -> LineFact:
    care, insured, doubts = _places(envelope, row)
    return LineFact(
        key=(_institution(envelope, row), row.needed("mdtrt_id", row.text("mdtrt_id"))),
        told=envelope.told,
        number=row.needed("feedetl_sn", row.text("feedetl_sn")),
        at=row.needed("fee_ocur_time", row.time_or_day("fee_ocur_time")),
        amount=Decimal(row.needed("det_item_fee_sumamt", row.money("det_item_fee_sumamt"))),
        person=row.doctor("bilg_dr_codg", "bilg_dr_code"),
        receiver=row.doctor("orders_dr_code", "orders_dr_codg"),
        item=row.text("med_list_codg"),
        quantity=row.count("cnt"),
        prescription=row.text("rxno", "rx_no"),
        cancels=row.text("init_feedetl_sn"),
        settlement=row.text("setl_id"),
        batch=row.text("chrg_bchno"),
        care=care,
        insured=insured,
        doubts=doubts,
    )


def _settlement(envelope: Envelope, _kind: str, row: Fields) -> SettlementFact:
    care, insured, doubts = _places(envelope, row)
    number = row.needed("setl_id", row.text("setl_id"))
    visit = row.text("mdtrt_id")
    return SettlementFact(
        # A settlement that names no visit is one whose visit is never seen.
        key=(_institution(envelope, row), visit if visit is not None else f"of settlement {number}"),
        told=envelope.told,
        number=number,
        at=row.needed("setl_time", row.time("setl_time")),
        total=_two(row.needed("medfee_sumamt", row.money("medfee_sumamt"))),
        fund=_two(row.needed("fund_pay_sumamt", row.money("fund_pay_sumamt"))),
        person=row.text("psn_no"),
        insurance=row.code("insutype"),
        code=row.code("med_type", "med_typecode"),
        begun=row.day("begndate", "start_date"),
        ended=row.day("enddate", "end_date"),
        interim=row.flag("mid_setl_flag") or None,
        batch=row.text("chrg_bchno"),
        takes_back=row.text("init_setl_id"),
        attending=row.doctor(*_ATTENDING),
        care=care,
        insured=insured,
        refunded=bool(row.flag("refd_setl_flag")),
        doubts=doubts,
    )


def _two(amount: str) -> str:
    return f"{Decimal(amount):.2f}"


def _institution(envelope: Envelope, row: Fields) -> str:
    found: str = row.needed("fixmedins_code", row.code("fixmedins_code") or envelope.institution)
    return found


def _places(envelope: Envelope, row: Fields) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Place of care, place of insurance, and what is doubtful. Where a person is insured decides nothing, so a code of it that
    cannot be read is left out and told."""
    care = row.code("mdtrtarea_admvs", "mdtrtarea_admdvs", "fixmedins_admdvs") or envelope.place
    insured = row.code("insuplc_admdvs", "insuplc_admvs", "insu_admdvs") or envelope.insured_place
    if care is not None and not _REGION.fullmatch(care):
        raise Refused(
            Code.INVALID_VALUE, f"mdtrtarea_admvs: expected a division code of six digits, found {care[:20]!r}"
        )
    if insured is not None and not _REGION.fullmatch(insured):
        return care, None, ("insured_region_unreadable",)
    return care, insured, ()


def insurance_of(code: str) -> str:
    """The kind of insurance (险种) as the contract has it; a code without a name of ours stays itself."""
    return (source("insurance_type").values or {}).get(code, code)
