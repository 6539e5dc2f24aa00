"""The messages of a centre's day, as systems of hospitals send them: late, doubled, shuffled, in several spellings."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from random import Random
from typing import Any

from tests.oracle.centre import Line, Settlement, Visit

Message = dict[str, Any]
DAY = dt.date(2024, 3, 14)
_INSTITUTIONS = (("H52270100001", "522701"), ("H50010100002", "500101"), ("H43010200003", "430102"))
_OUT = ("11", "11", "11", "13", "14", "19", "51", "1301", "9902", "9914", "9901", "9977", "12")
_STAY = ("21", "21", "24", "22", "26", "52")


def a_day(seed: int, visits: int) -> list[Visit]:
    """A plan of so many visits, the same for the same seed."""
    random = Random(seed)
    return [_visit(random, number) for number in range(visits)]


def _visit(random: Random, number: int) -> Visit:
    institution, place = random.choice(_INSTITUTIONS)
    stays = random.random() < 0.25
    code = random.choice(_STAY if stays else _OUT)
    if (place[:2], code) == ("50", "9902"):
        stays = True
    last = dt.datetime.combine(DAY, dt.time(random.randint(8, 16), random.randint(0, 59)))
    begun = last - (dt.timedelta(days=random.randint(1, 9)) if stays else dt.timedelta(minutes=random.randint(5, 90)))
    doctors = [f"D{place}{random.randint(1, 40):06}" for _ in range(3)]
    visit = Visit(
        number=f"{place}G{number:013}",
        institution=institution,
        place=place,
        insured_place=random.choice([place, "520100", "110101"]),
        person=f"P{random.randint(1, 500):08}",
        insurance=random.choice(["310", "390", "390", "380", "340"]),
        code=code,
        begun=begun,
        doctor=None if random.random() < 0.04 else doctors[0],
        department=random.choice(["A02", "A03.01", "20"]),
        settlements=[],
        seen=random.random() > 0.05,
    )
    interim = stays and random.random() < 0.2
    ends = [begun + (last - begun) / 2, last] if interim else [last]
    start = begun
    for which, end in enumerate(moment.replace(microsecond=0) for moment in ends):
        visit.settlements.append(_settlement(random, f"{number}-{which}", visit, doctors, start, end))
        visit.settlements[-1].interim = interim and which == 0
        start = end + dt.timedelta(seconds=60)
    return visit


def _settlement(
    random: Random, name: str, visit: Visit, doctors: list[str], start: dt.datetime, end: dt.datetime
) -> Settlement:
    lines = []
    for number in range(random.randint(1, 5)):
        at = (start + (end - start) * random.random()).replace(microsecond=0)
        count = random.randint(1, 4)
        line = Line(
            number=f"{name}-L{number}", at=at, item=f"XA{random.randint(1, 99):04}",
            price=Decimal(random.randint(100, 9999)) / 100, count=count,
            doctor=None if random.random() < 0.05 else random.choice([doctors[0], *doctors]),
        )  # fmt: skip
        if random.random() < 0.15:
            line.taken_back = random.choice([count, random.randint(1, count)])
        lines.append(line)
    total = sum((line.price * (line.count - line.taken_back) for line in lines), Decimal(0)) or Decimal("1.00")
    total = total.quantize(Decimal("0.01"))
    settlement = Settlement(
        number=f"{visit.place}S{name}", at=end + dt.timedelta(seconds=30), total=total,
        fund=(total * Decimal("0.7")).quantize(Decimal("0.01")), lines=lines,
    )  # fmt: skip
    if random.random() < 0.5:
        settlement.days_told = (start.date(), end.date())
    if random.random() < 0.06:
        settlement.corrected = (total + 1, settlement.fund)
    if random.random() < 0.08:
        settlement.refund = random.choice(["flag", "record"])
        settlement.refund_number = f"{settlement.number}-R"
        settlement.refund_at = settlement.at + dt.timedelta(minutes=50)
    return settlement


# -- messages -----------------------------------------------------------------------------------------------------


def messages_of(visits: list[Visit], seed: int) -> list[Message]:
    """Everything that is sent about a plan, shuffled, some of it twice."""
    random = Random(seed)
    sender = _Sender(random)
    for visit in visits:
        sender.visit(visit)
    sent = sender.sent
    sent += random.sample(sent, len(sent) // 10)
    random.shuffle(sent)
    return sent


class _Sender:
    """Numbers messages, and decides how each of them is spelt."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._count = 0
        self.sent: list[Message] = []

    def visit(self, visit: Visit) -> None:
        if visit.seen:
            self._registered(visit)
        for settlement in visit.settlements:
            self._lines(visit, settlement)
            self._settled(visit, settlement)

    def _registered(self, visit: Visit) -> None:
        when = visit.begun
        person = {"psn_no": visit.person, "insutype": visit.insurance, "begntime": str(when)}
        if visit.stay:
            told = {
                **person, "med_type": visit.code, "atddr_no": visit.doctor or "", "chfpdr_name": "x",
                "adm_dept_codg": visit.department,
            }  # fmt: skip
            self._exchange(visit, "2401", when, {"mdtrtinfo": told}, {"result": {"mdtrt_id": visit.number}})
            return
        told = {**person, "atddr_no": visit.doctor or "", "dr_name": "x", "dept_code": visit.department}
        self._exchange(
            visit, "2201", when, {"data": told}, {"data": {"mdtrt_id": visit.number, "psn_no": visit.person}}
        )
        later = when + dt.timedelta(seconds=20)
        told = {"mdtrt_id": visit.number, "psn_no": visit.person, "med_type": visit.code, "begntime": str(when)}
        doctor = {"dise_dor_no": visit.doctor or "", "maindise_flag": self._either(1)}
        self._exchange(visit, "2203", later, {"mdtrtinfo": told, "diseinfo": [doctor]}, None)

    def _lines(self, visit: Visit, settlement: Settlement) -> None:
        rows = []
        for line in settlement.lines:
            row = {
                "feedetl_sn": line.number, "mdtrt_id": visit.number, "psn_no": visit.person, "fee_ocur_time": str(line.at),
                "med_list_codg": line.item, "cnt": self._either(line.count), "pric": f"{line.price}",
                "det_item_fee_sumamt": self._money(line.price * line.count),
                self._random.choice(["bilg_dr_codg", "bilg_dr_code"]): line.doctor or self._random.choice(["", None, "-"]),
            }  # fmt: skip
            rows.append(row)
            if line.taken_back:
                rows.append(
                    {
                        **row, "feedetl_sn": f"{line.number}-X", "init_feedetl_sn": line.number,
                        "cnt": self._either(-line.taken_back), "det_item_fee_sumamt": self._money(-line.price * line.taken_back),
                    }
                )  # fmt: skip
        self._random.shuffle(rows)
        transaction = "2301" if visit.stay else "2204"
        cut = self._random.randint(1, len(rows))
        for part in (rows[:cut], rows[cut:]):
            if part:
                node: Any = part[0] if len(part) == 1 and self._random.random() < 0.5 else part
                self._exchange(visit, transaction, settlement.at - dt.timedelta(seconds=9), {"feedetail": node}, None)

    def _settled(self, visit: Visit, settlement: Settlement) -> None:
        self._settle(visit, settlement, settlement.at, settlement.total, settlement.fund)
        asked = settlement.at + dt.timedelta(minutes=5)
        if settlement.days_told or settlement.corrected:
            self._ask(visit, settlement, asked, settlement.total, settlement.fund)
        total, fund = settlement.corrected or (settlement.total, settlement.fund)
        if settlement.corrected:
            self._ask(visit, settlement, asked + dt.timedelta(minutes=5), total, fund)
        if settlement.refund:
            assert settlement.refund_at is not None
            self._ask(visit, settlement, settlement.refund_at, total, fund, flag=1)
        if settlement.refund == "record":
            assert settlement.refund_at is not None
            row = self._row(visit, settlement.refund_number, settlement.refund_at, -total, -fund)
            row |= {"refd_setl_flag": self._either(1)}
            if self._random.random() < 0.5:
                row["init_setl_id"] = settlement.number
            self._exchange(visit, "5203", settlement.refund_at, {"data": {"mdtrt_id": visit.number}}, {"setlinfo": row})

    def _row(self, visit: Visit, number: str, at: dt.datetime, total: Decimal, fund: Decimal) -> Message:
        return {
            "setl_id": number, "mdtrt_id": visit.number, "psn_no": visit.person, "insutype": self._either(visit.insurance),
            "med_type": self._either(visit.code), "setl_time": str(at), "medfee_sumamt": self._money(total),
            "fund_pay_sumamt": self._money(fund),
        }  # fmt: skip

    def _settle(self, visit: Visit, settlement: Settlement, at: dt.datetime, total: Decimal, fund: Decimal) -> None:
        row = self._row(visit, settlement.number, at, total, fund)
        asked: Message = {"psn_no": visit.person, "mdtrt_id": visit.number, "medfee_sumamt": self._money(total)}
        if settlement.interim:
            asked["mid_setl_flag"] = self._either(1)
        detail = [{"fund_pay_type": "310100", "fund_payamt": f"{fund}"}]
        transaction = "2304" if visit.stay else "2207"
        self._exchange(visit, transaction, at, {"data": asked}, {"setlinfo": row, "setldetail": detail})

    def _ask(
        self, visit: Visit, settlement: Settlement, at: dt.datetime, total: Decimal, fund: Decimal, flag: int = 0
    ) -> None:
        row = self._row(visit, settlement.number, settlement.at, total, fund)
        row |= {"fixmedins_code": visit.institution, "refd_setl_flag": self._either(flag)}
        if settlement.days_told:
            row |= {"begndate": str(settlement.days_told[0]), "enddate": str(settlement.days_told[1])}
        rows: Any = self._random.choice([row, [row]])
        self._exchange(visit, "5203", at, {"data": {"psn_no": visit.person}}, {"setlinfo": rows})

    # -- spelling --

    def _exchange(
        self, visit: Visit, transaction: str, at: dt.datetime, given: Message, answered: Message | None
    ) -> None:
        self._count += 1
        number = f"{visit.institution}{at:%Y%m%d%H%M%S}{self._count % 10000:04}"
        request = {
            "infno": self._either(transaction), "msgid": number, "mdtrtarea_admvs": visit.place,
            "insuplc_admdvs": visit.insured_place, "infver": "V1.0", "opter": "1", "inf_time": str(at),
            "fixmedins_code": visit.institution, "input": given,
        }  # fmt: skip
        response = {
            "infcode": self._random.choice([0, "0"]), "inf_refmsgid": number, "respond_time": f"{at:%Y%m%d%H%M%S}123",
            "err_msg": self._random.choice(["", None, "注意"]), "output": {} if answered is None else answered,
        }  # fmt: skip
        form = self._random.choice(["apart", "pair", "one", "asked only"])
        if form == "pair":
            self.sent.append({"request": request, "response": response})
        elif form == "one":
            self.sent.append({**request, **response})
        elif form == "asked only" and answered is None:
            self.sent.append(request)
        else:
            self.sent += [request, response]

    def _either(self, value: Any) -> Any:
        text = str(value)
        return int(text) if self._random.random() < 0.5 else text

    def _money(self, value: Decimal) -> Any:
        return float(value) if self._random.random() < 0.5 else f"{value:.2f}"
