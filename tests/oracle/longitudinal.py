"""001 篇4, 篇6 and 篇10 over time, written out from the documents: which claims people have to see, and what is due.

It works on the cases' own documents, one claim at a time against everything before it, and shares no code with `rules`. Money
is in cents, except where the text gives a rate. Working days are Monday to Friday.
"""

from __future__ import annotations

import datetime as dt
import random
from fractions import Fraction
from typing import Any

Json = dict[str, Any]
Told = list[Any]

GROUNDS = (
    "no_cover", "excluded_service", "not_referred", "not_notified", "not_approved", "benefit_differs",
    "prescription_unknown", "prescription_used_again", "over_prescribed", "prescriber_not_listed", "over_limited_scope",
    "over_dosage", "price_above_payment_standard", "pharmacy_not_connected", "drug_file_missing", "purchase_in_stay",
    "repeat_examination",
)  # fmt: skip


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def judge(case: Json) -> list[Told]:
    """The findings of a case in the order of claims and of GROUNDS."""
    held = standing(case["claims"])
    found: list[tuple[Any, int, Told]] = []
    for place, claim in enumerate(held):
        earlier = [one for one in held[:place] if person(one) == person(claim)]
        mine: list[Told] = []
        if "chongqing-students" in case["packs"]:
            mine += student(claim, earlier, case["facts"].get("students", {}))
        if "shantou-dual-channel" in case["packs"]:
            everything = [one for one in held if person(one) == person(claim)]
            mine += dual(claim, earlier, everything, case["facts"].get("dual_channel", {}))
        if "mutual-recognition" in case["packs"]:
            everything = [one for one in held if person(one) == person(claim)]
            mine += repeats(claim, everything, case["facts"].get("recognition", []))
        found += [(order(claim), GROUNDS.index(one[1]), one) for one in mine]
    return [one for _, _, one in sorted(found, key=lambda item: item[:2])]


def person(claim: Json) -> str:
    return str(claim.get("insured", "P1"))


def place_of(claim: Json) -> str:
    return str(claim.get("institution", "H1"))


def order(claim: Json) -> tuple[Any, ...]:
    # Settled at noon in China and so many minutes later.
    settled = dt.datetime.fromisoformat(f"{claim['day']}T04:00:00") + dt.timedelta(minutes=claim.get("at", 0))
    return claim["day"], settled, place_of(claim), claim["id"], claim.get("version", 1)


def number(text: Any) -> Fraction:
    return Fraction(str(text))


def standing(claims: list[Json]) -> list[Json]:
    """Newest versions, less what refunds of them and their own negative lines take off."""
    chosen: list[Json] = []
    for claim in claims:
        if "reverses" in claim:
            continue
        same = [
            one
            for one in claims
            if "reverses" not in one and (place_of(one), one["id"]) == (place_of(claim), claim["id"])
        ]
        best = max(same, key=lambda one: (one.get("version", 1), order(one)[1]))
        if best is claim and not claim.get("rejected"):
            chosen.append(claim)
    left = []
    for claim in chosen:
        target = [place_of(claim), claim["id"], claim.get("version", 1)]
        refunds: dict[Any, Json] = {}
        for one in claims:
            if one.get("reverses") == target:
                name = (place_of(one), one["id"])
                held = refunds.get(name)
                if held is None or (one.get("version", 1), order(one)[1]) > (held.get("version", 1), order(held)[1]):
                    refunds[name] = one
        total = number(claim.get("total", 100)) - sum(abs(number(one.get("total", 100))) for one in refunds.values())
        fund = number(claim.get("fund", 50)) - sum(abs(number(one.get("fund", 50))) for one in refunds.values())
        if refunds and total <= 0:
            continue
        lines = [unit(line, claim) for line in claim.get("lines", ())]
        taken = [unit(line, one) for one in sorted(refunds.values(), key=order) for line in one.get("lines", ())]
        taken += [line for line in lines if line["amount"] < 0 or (line["quantity"] or 0) < 0]
        lines = [line for line in lines if line["amount"] >= 0 and (line["quantity"] or 0) >= 0]
        for back in taken:
            money, units = abs(back["amount"]), None if back["quantity"] is None else abs(back["quantity"])
            for line in lines:
                if (line["item"], line["prescription"]) == (back["item"], back["prescription"]):
                    less = min(money, line["amount"])
                    money -= less
                    line["amount"] -= less
                    if units is not None and line["quantity"] is not None:
                        many = min(units, line["quantity"])
                        units -= many
                        line["quantity"] -= many
        if taken:
            lines = [line for line in lines if (line["amount"] if line["quantity"] is None else line["quantity"]) > 0]
        left.append({**claim, "total": total, "fund": fund, "lines": lines})
    return sorted(left, key=order)


def unit(line: Json, claim: Json) -> Json:
    return {
        "day": line.get("day", claim["day"]),
        "item": line.get("item"),
        "prescription": line.get("prescription"),
        "quantity": None if line.get("quantity") is None else number(line["quantity"]),
        "amount": number(line.get("amount", 10)),
    }


def among(one: Json, text: str) -> bool:
    return (one.get("from") or "") <= text <= (one.get("to") or "9")


# -- 篇4 --------------------------------------------------------------------------------------------------------------

CAPS: dict[int, Json] = {
    1: {"ordinary_outpatient": 30, "chronic_outpatient": 2000, "accident_outpatient": 1000, "inpatient": 40000,
        "major": 100000, "all": 140000, "rates": (80, 70, 60)},
    2: {"ordinary_outpatient": 30, "chronic_outpatient": 2400, "accident_outpatient": 1200, "inpatient": 48000,
        "major": 120000, "all": 168000, "rates": (85, 75, 65)},
}  # fmt: skip
NOT_PAID = {
    "off_catalogue", "work_injury", "traffic", "fight", "self_harm", "drug_withdrawal", "venereal_disease", "crime", "alcohol",
    "medical_accident", "transplant", "myopia", "alternative_therapy", "corrective_surgery", "prosthesis", "cosmetic", "counselling",
}  # fmt: skip


def school_year(text: str) -> int:
    return int(text[:4]) - (text[5:7] < "09")


def student(claim: Json, earlier: list[Json], facts: Json) -> list[Told]:
    answer = owed(claim, earlier, facts)
    if answer is None:
        return []
    why, due = answer
    if due == claim["fund"]:
        return []
    return [[claim["id"], why or "benefit_differs", f"{float(due):.2f}", []]]


def owed(claim: Json, earlier: list[Json], facts: Json) -> tuple[str | None, Fraction] | None:
    """Why nothing is owed (None: it is computed) and what is owed; None where nobody can say."""
    who, when, began = person(claim), claim["day"], claim.get("from") or claim["day"]
    covers = [one for one in facts.get("covers", ()) if one["insured"] == who]
    if not covers or when < "2009-09-01":
        return None
    year = school_year(when)
    mine = [one for one in covers if one["year"] == year and f"{year}-09-01" <= one["paid"] <= f"{year}-09-30"]
    if not mine or began > (mine[0].get("withdrawn") or "9"):
        return "no_cover", Fraction(0)
    hospitals = [
        one for one in facts.get("hospitals", ()) if one["institution"] == place_of(claim) and among(one, began)
    ]
    settled = [
        one
        for one in facts.get("settlements", ())
        if (one["institution"], one["claim"]) == (place_of(claim), claim["id"])
    ]
    if not hospitals or not settled:
        return None
    hospital, told = hospitals[-1], settled[0]
    bar = "excluded_service" if set(told.get("causes", ())) & NOT_PAID else outside(claim, began, hospital, told, facts)
    benefit = told["benefit"]
    if bar is None and benefit in ("chronic_outpatient", "major_outpatient", "major_inpatient"):
        word = benefit.split("_")[0]
        chosen = [
            one for one in facts.get("approvals", ()) if one["insured"] == who and one["benefit"].split("_")[0] == word
        ]
        if not any(one["institution"] == place_of(claim) and among(one, began) for one in chosen):
            bar = "not_approved"
    return (bar, Fraction(0)) if bar else (None, amount_owed(claim, earlier, facts, year, mine[0], hospital, told))


def amount_owed(claim, earlier, facts, year, cover, hospital, told) -> Fraction:
    table, level = CAPS[cover["tier"]], 0 if hospital.get("campus") else hospital["level"] - 1
    benefit = told["benefit"]
    base = number(claim["total"]) - number(told["self_borne"])
    if benefit.endswith("inpatient"):
        base -= (150, 300, 1000)[level]
    rate = Fraction(100 if benefit == "ordinary_outpatient" else table["rates"][level], 100)
    cents = base * rate * 100 + Fraction(1, 2)
    pays = Fraction(max(0, cents.numerator // cents.denominator), 100)
    cap = "major" if benefit.startswith("major") else benefit
    most = table[cap]
    if benefit == "ordinary_outpatient":
        most = (80 if cover.get("hardship") and cover["tier"] == 1 else 30) if hospital.get("campus") else 0
    before = []
    for place, one in enumerate(earlier):
        if school_year(one["day"]) == year:
            answer = owed(one, earlier[:place], facts)
            kind = [
                s["benefit"]
                for s in facts.get("settlements", ())
                if (s["institution"], s["claim"]) == (place_of(one), one["id"])
            ]
            if answer is not None and answer[0] is None and kind:
                before.append(("major" if kind[0].startswith("major") else kind[0], answer[1]))
    same = sum((many for name, many in before if name == cap), Fraction(0))
    whole = sum((many for _, many in before), Fraction(0))
    return min(pays, max(Fraction(0), min(most - same, table["all"] - whole)))


def outside(claim: Json, began: str, hospital: Json, told: Json, facts: Json) -> str | None:
    if hospital.get("campus"):
        return None
    who = person(claim)
    for one in facts.get("referrals", ()):
        last = one.get("to") or f"{school_year(one['from']) + 1}-08-31"
        if one["insured"] == who and one.get("institution") in (None, place_of(claim)) and one["from"] <= began <= last:
            return None
    urgent = claim.get("emergency_origin") or claim.get("kind") in ("emergency", "rescue", "public_health_emergency")
    if not urgent:
        return "not_referred"
    stay = claim.get("kind") == "inpatient" or told["benefit"].endswith("inpatient")
    if stay or not hospital.get("designated", True):
        for one in facts.get("notices", ()):
            if (
                one["insured"] == who
                and one["admitted"] == began
                and in_three_working_days(day(began), day(one["told"]))
            ):
                return None
        return "not_notified"
    return None


def in_three_working_days(start: dt.date, act: dt.date) -> bool:
    """At most three working days have begun after the first day when the act is done."""
    working, at = 0, start
    while at < act:
        at += dt.timedelta(days=1)
        working += at.weekday() < 5
    return working <= 3


# -- 篇10 --------------------------------------------------------------------------------------------------------------


def in_force(lists: Json, text: str) -> bool:
    issued = lists.get("issued")
    if issued is None:
        return False
    year, rest = int(issued[:4]) + 3, issued[4:]
    end = f"{year}-02-28" if rest == "-02-29" else f"{year}{rest}"
    return bool(issued <= text < end)


def drug_lines(claim: Json, lists: Json) -> list[Json]:
    names = {one["item"] for one in lists.get("drugs", ())}
    return [line for line in claim["lines"] if line["item"] in names and in_force(lists, line["day"])]


def fitting(claim: Json, line: Json, lists: Json) -> Json | None:
    for one in lists.get("prescriptions", ()):
        if one["prescription"] == line["prescription"]:
            fits = one["insured"] == person(claim) and one["item"] == line["item"] and one["day"] <= line["day"]
            return one if fits else None
    return None


def dual(claim: Json, earlier: list[Json], everything: list[Json], lists: Json) -> list[Told]:
    if not claim.get("region", "440500").startswith("4405"):
        return []
    earlier = [one for one in earlier if one.get("region", "440500").startswith("4405")]
    lines = drug_lines(claim, lists)
    if not lines:
        return []
    name, stay = claim["id"], claim.get("kind") == "inpatient"
    found: list[Told] = []
    used: dict[str, Json] = {}
    for line in lines:
        one = fitting(claim, line, lists)
        if one is not None:
            used[one["prescription"]] = one
    if not stay and any(fitting(claim, line, lists) is None for line in lines):
        found.append([name, "prescription_unknown", None, []])
    before = []
    for code in used:
        for one in earlier:
            if any(
                (fit := fitting(one, line, lists)) and fit["prescription"] == code for line in drug_lines(one, lists)
            ):
                if one["id"] not in before:
                    before.append(one["id"])
                break
    if before:
        found.append([name, "prescription_used_again", None, before])
    for code, one in used.items():
        given = sum(
            (line["quantity"] or 0) for line in lines if line["prescription"] == code and fitting(claim, line, lists)
        )
        if given > number(one["quantity"]):
            found.append([name, "over_prescribed", None, []])
            break
    if not stay and any(not appointed(one, lists) for one in used.values()):
        found.append([name, "prescriber_not_listed", None, []])
    if any(one.get("within_scope") is False for one in used.values()):
        found.append([name, "over_limited_scope", None, []])
    if any(too_much(line, [*earlier, claim], lists) for line in lines):
        found.append([name, "over_dosage", None, []])
    if any(too_dear(line, lists) for line in lines):
        found.append([name, "price_above_payment_standard", None, []])
    if claim.get("kind") == "pharmacy":
        found += pharmacy(claim, lines, everything, lists)
    return found


def pharmacy(claim: Json, lines: list[Json], everything: list[Json], lists: Json) -> list[Told]:
    last = max(line["day"] for line in lines)
    found: list[Told] = []
    if not any(
        one["institution"] == place_of(claim) and among(one, last) and one.get("connected") and one["connected"] <= last
        for one in lists.get("pharmacies", ())
    ):
        found.append([claim["id"], "pharmacy_not_connected", None, []])
    files = lists.get("drug_files")
    if files is not None and not any(
        one["institution"] == place_of(claim) and one["insured"] == person(claim) and among(one, last) for one in files
    ):
        found.append([claim["id"], "drug_file_missing", None, []])
    for one in everything:
        shantou = one.get("region", "440500").startswith("4405")
        if (
            shantou
            and one.get("kind") == "inpatient"
            and any((one.get("from") or one["day"]) <= line["day"] <= one["day"] for line in lines)
        ):
            found.append([claim["id"], "purchase_in_stay", None, [one["id"]]])
            break
    return found


def appointed(one: Json, lists: Json) -> bool:
    return any(
        who["physician"] == one["physician"] and who["institution"] == one["institution"]
        and who.get("item") in (None, one["item"]) and among(who, one["day"])
        for who in lists.get("prescribers", ())
    )  # fmt: skip


def row_of(line: Json, lists: Json) -> Json | None:
    rows = [one for one in lists.get("drugs", ()) if one["item"] == line["item"] and among(one, line["day"])]
    return max(rows, key=lambda one: one.get("from") or "") if rows else None


def too_dear(line: Json, lists: Json) -> bool:
    row = row_of(line, lists)
    if row is None or row.get("price") is None or not line["quantity"]:
        return False
    return bool(line["amount"] / line["quantity"] > number(row["price"]))


def too_much(line: Json, claims: list[Json], lists: Json) -> bool:
    row = row_of(line, lists)
    if row is None or row.get("dose") is None or not line["quantity"]:
        return False
    first = (day(line["day"]) - dt.timedelta(days=row["dose"]["days"] - 1)).isoformat()
    given = [
        one["quantity"] for claim in claims for one in drug_lines(claim, lists)
        if one["item"] == line["item"] and one["quantity"] and first <= one["day"] <= line["day"]
    ]  # fmt: skip
    return bool(sum(given) > number(row["dose"]["quantity"]))


# -- 篇6 --------------------------------------------------------------------------------------------------------------


def repeats(claim: Json, everything: list[Json], table: list[Json]) -> list[Told]:
    others: list[str] = []
    found = False
    for item in dict.fromkeys(line["item"] for line in claim["lines"]):
        at = min(line["day"] for line in claim["lines"] if line["item"] == item)
        best = None
        for row in table:
            if row["item"] != item or not among(row, at):
                continue
            for one in everything:
                dates = [line["day"] for line in one["lines"] if line["item"] == item]
                group = row.get("institutions", [])
                if not dates or place_of(one) == place_of(claim):
                    continue
                if group and not (place_of(one) in group and place_of(claim) in group):
                    continue
                first = min(dates)
                if (first, order(one)) < (at, order(claim)) and (day(at) - day(first)).days <= row["days"]:
                    best = max(best or (first, order(one), one["id"]), (first, order(one), one["id"]))
            if best:
                break
        if best:
            found = True
            if best[2] not in others:
                others.append(best[2])
    return [[claim["id"], "repeat_examination", None, others]] if found else []


# -- histories ----------------------------------------------------------------------------------------------------------


def generate(kind: str, seed: int) -> Json:
    """A case of one of the three laws, dense at the edges of its numbers."""
    draw = random.Random(f"{kind}/{seed}")
    made = {"chongqing": _students, "shantou": _shantou, "recognition": _recognition}[kind](draw)
    claims = made["claims"]
    for claim in list(claims):
        if draw.random() < 0.1:
            again = {**claim, "version": claim.get("version", 1) + 1, "at": draw.randrange(900)}
            again["total"] = str(number(claim.get("total", 100)) + draw.choice((-1, 0, 5)))
            claims.append(again)
        if draw.random() < 0.12:
            back = {
                **claim, "id": f"R{claim['id']}", "at": draw.randrange(900), "version": 1, "lines": list(claim.get("lines", ())),
                "reverses": [place_of(claim), claim["id"], claim.get("version", 1) + (draw.random() < 0.2)],
            }  # fmt: skip
            if draw.random() < 0.4:
                back |= {"total": "-20", "fund": "-10", "lines": back["lines"][:1]}
            claims.append(back)
        if draw.random() < 0.05:
            claim["rejected"] = True
    draw.shuffle(claims)
    return {"id": f"{kind}-{seed}", **made}


def _moved(draw: random.Random, start: str, most: int) -> str:
    return (day(start) + dt.timedelta(days=draw.randrange(most))).isoformat()


def _students(draw: random.Random) -> Json:
    claims, settlements = [], []
    benefits = (
        "ordinary_outpatient",
        "chronic_outpatient",
        "major_outpatient",
        "accident_outpatient",
        "inpatient",
        "major_inpatient",
    )
    notices, referrals, approvals = [], [], []
    liked = draw.choice(benefits)
    for place in range(draw.randint(1, 6)):
        benefit = liked if draw.random() < 0.6 else draw.choice(benefits)
        stay = benefit.endswith("inpatient")
        start = _moved(draw, draw.choice(("2009-08-28", "2010-02-01", "2010-08-20")), 25)
        last = _moved(draw, start, 12) if stay else start
        where = draw.choice(("C", "C", "H1", "H2", "H3"))
        kind = "inpatient" if stay else draw.choice(("outpatient", "outpatient", "emergency"))
        total = draw.choice((140, 150, 300, 1000, 3000, 5000, 20_000, 60_000, 160_000)) + draw.choice((0, 0, 1, -1))
        claims.append({
            "id": f"c{place}", "region": "500106", "institution": where, "insured": "P1", "kind": kind, "day": last, "from": start,
            "at": draw.randrange(300), "total": str(total), "fund": str(draw.choice((0, 30, 80, 2000, total // 2))),
            "emergency_origin": stay and draw.random() < 0.4,
        })  # fmt: skip
        if draw.random() < 0.93:
            causes = (
                [draw.choice(sorted(NOT_PAID))]
                if draw.random() < 0.06
                else ["unlisted"]
                if draw.random() < 0.05
                else []
            )
            settlements.append({"institution": where, "claim": f"c{place}", "benefit": benefit, "causes": causes,
                                "self_borne": draw.choice((0, 0, 10, 500, "0.33"))})  # fmt: skip
        if draw.random() < 0.5:
            notices.append({"insured": "P1", "admitted": start, "told": _moved(draw, start, 8)})
        if draw.random() < 0.6:
            referrals.append(
                {"insured": "P1", "from": _moved(draw, start, 2)}
                | draw.choice(({}, {"institution": where}, {"to": last}))
            )
        if draw.random() < 0.8 and benefit not in ("ordinary_outpatient", "accident_outpatient", "inpatient"):
            approvals.append({"insured": "P1", "benefit": benefit, "institution": where})
    covers = [
        {"insured": draw.choice(("P1", "P1", "P1", "P1", "P1", "P2")), "year": year, "tier": draw.choice((1, 2)), "hardship": draw.random() < 0.4,
         "paid": draw.choice((f"{year}-09-01", f"{year}-09-30", f"{year}-09-15", f"{year}-09-15", f"{year}-10-01", f"{year}-08-31")),
         **({"withdrawn": _moved(draw, f"{year}-09-10", 300)} if draw.random() < 0.1 else {})}
        for year in (2008, 2009, 2010)
    ]  # fmt: skip
    hospitals = [
        {"institution": "C", "level": draw.choice((1, 2)), "campus": True},
        *({"institution": f"H{level}", "level": level, "designated": draw.random() < 0.6} for level in (1, 2, 3)),
    ]
    facts = {
        "covers": covers,
        "hospitals": hospitals,
        "referrals": referrals,
        "notices": notices,
        "approvals": approvals,
        "settlements": settlements,
    }
    return {"packs": ["chongqing-students"], "facts": {"students": facts}, "claims": claims}


def _shantou(draw: random.Random) -> Json:
    issued = draw.choice(("2022-10-01", "2022-02-28", "2020-02-29"))
    around = draw.choice(
        (issued, "2022-11-05", f"{int(issued[:4]) + 3}{'-02-28' if issued.endswith('29') else issued[4:]}")
    )
    start = (day(around) - dt.timedelta(days=6)).isoformat()
    items = ("A", "B")
    drugs = [{"item": item, "price": draw.choice(("10", "9.99", None)),
              "dose": draw.choice(({"quantity": 4, "days": draw.choice((1, 3, 7))}, None))} for item in items]  # fmt: skip
    if draw.random() < 0.3:
        drugs.append({"item": "A", "from": _moved(draw, start, 12), "price": "5"})
    prescriptions = [
        {"prescription": f"r{number_}", "insured": draw.choice(("P1", "P1", "P1", "P2")), "item": draw.choice(items),
         "quantity": draw.choice((1, 2, 3)), "day": _moved(draw, start, 8), "physician": draw.choice(("D1", "D2")), "institution": "H1",
         **({"within_scope": draw.random() < 0.7} if draw.random() < 0.5 else {})}
        for number_ in range(draw.randint(1, 4))
    ]  # fmt: skip
    claims = []
    for place in range(draw.randint(1, 6)):
        kind = draw.choice(("pharmacy", "pharmacy", "outpatient", "inpatient"))
        first = _moved(draw, start, 12)
        last = _moved(draw, first, 6) if kind == "inpatient" else first
        lines = []
        for _ in range(draw.choice((0, 1, 1, 1, 2))):
            one = draw.choice(prescriptions)
            units = draw.choice((1, 1, 2, 3, 4, "0.5", None, 0))
            lines.append({
                "item": one["item"] if draw.random() < 0.85 else draw.choice(("A", "B", "X")), "quantity": None if units is None else str(units),
                "prescription": one["prescription"] if draw.random() < 0.85 else None, "day": last,
                "amount": str(draw.choice((10, 20, "19.98", "9.99", 30, 5))),
            })  # fmt: skip
            if draw.random() < 0.06:
                lines.append({**lines[-1], "amount": "-5", "quantity": "-1"})
        claims.append({"id": f"c{place}", "insured": draw.choice(("P1", "P1", "P1", "P2")), "kind": kind, "day": last, "from": first,
                       "institution": {"pharmacy": draw.choice(("F1", "F2"))}.get(kind, "H1"), "at": draw.randrange(300), "lines": lines,
                       "region": draw.choice(("440500", "440511", "440300")) if draw.random() < 0.2 else "440500"})  # fmt: skip
    facts: Json = {
        "issued": issued, "drugs": drugs, "prescriptions": prescriptions,
        "prescribers": [{"physician": "D1", "institution": "H1", **draw.choice(({}, {"item": "A"}, {"from": _moved(draw, start, 8)}))}],
        "pharmacies": [{"institution": "F1", "connected": draw.choice((start, _moved(draw, start, 12), None)),
                        **draw.choice(({}, {}, {"to": _moved(draw, start, 12)}))}],
        **({"drug_files": [{"institution": "F1", "insured": "P1", "from": _moved(draw, start, 10)}]} if draw.random() < 0.5 else {}),
    }  # fmt: skip
    if draw.random() < 0.03:
        del facts["issued"]
    return {"packs": ["shantou-dual-channel"], "facts": {"dual_channel": facts}, "claims": claims}


def _recognition(draw: random.Random) -> Json:
    claims = []
    for place in range(draw.randint(2, 6)):
        at = _moved(draw, "2025-03-01", 12)
        lines = [{"item": draw.choice(("CT", "MR", "XR")), "day": draw.choice((at, "2025-03-04")), "quantity": draw.choice(("1", None))}
                 for _ in range(draw.choice((1, 1, 2)))]  # fmt: skip
        claims.append({"id": f"c{place}", "insured": draw.choice(("P1", "P1", "P2")), "day": at, "institution": draw.choice(("H1", "H2", "H3")),
                       "at": draw.randrange(300), "lines": lines})  # fmt: skip
    table: list[Json] = [{"item": "CT", "days": draw.choice((0, 3, 7)), "citation": "篇6 二(二)2",
                          **draw.choice(({}, {"institutions": ["H1", "H2"]}, {"from": "2025-03-05"}, {"to": "2025-03-08"}))}]  # fmt: skip
    if draw.random() < 0.5:
        table.append({"item": draw.choice(("MR", "CT")), "days": 5, "citation": "篇6 二(二)2"})
    return {"packs": ["mutual-recognition"], "facts": {"recognition": table}, "claims": claims}
