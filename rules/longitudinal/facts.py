"""What a deployment tells the checks over time: covers, referrals, lists of drugs and pharmacies, prescriptions. All with days.

The lists are data of their owners (医保经办机构, 校医院) and no part of the product; without them nothing is found.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from rules.longitudinal.pack import Days, DualChannelPack, Number, Recognition
from rules.packs.cited import Part, Sentence
from rules.text import Text


class FactsError(ValueError):
    """Facts that cannot be used; the message names each place."""


class Benefit(StrEnum):
    """What a student's claim is settled as."""

    ORDINARY_OUTPATIENT = "ordinary_outpatient"
    CHRONIC_OUTPATIENT = "chronic_outpatient"
    MAJOR_OUTPATIENT = "major_outpatient"
    ACCIDENT_OUTPATIENT = "accident_outpatient"
    INPATIENT = "inpatient"
    MAJOR_INPATIENT = "major_inpatient"


class Cover(Part):
    """A student's cover in the insurance year that begins on 1 September of `year`; `paid` is the day of the contribution."""

    insured: Sentence
    year: Annotated[int, Field(ge=2000, le=2100)]
    tier: Literal[1, 2]
    hardship: bool = False
    paid: dt.date
    withdrawn: dt.date | None = None


class Hospital(Days):
    """An institution's level (医疗机构级别), whether it is designated, and whether it is the campus hospital (校医院)."""

    institution: Sentence
    level: Literal[1, 2, 3]
    designated: bool = True
    campus: bool = False


class Referral(Days):
    """A referral (转诊) of the campus hospital to care outside it, for days; without a last one to the end of the year."""

    insured: Sentence
    start: Annotated[dt.date, Field(alias="from")]
    institution: str | None = None


class Notice(Part):
    """The day on which the campus hospital was told of a sudden admission."""

    insured: Sentence
    admitted: dt.date
    told: dt.date


class Approval(Days):
    """An approved chronic or major disease, with the one hospital that was chosen for it."""

    insured: Sentence
    benefit: Benefit
    institution: Sentence


class Settlement(Part):
    """What a claim is settled as, the costs that the student bears alone (自负费用), and causes that are not paid."""

    institution: Sentence
    claim: Sentence
    benefit: Benefit
    self_borne: Number
    causes: tuple[str, ...] = ()


class StudentFacts(Part):
    """All that is told of students."""

    covers: tuple[Cover, ...] = ()
    hospitals: tuple[Hospital, ...] = ()
    referrals: tuple[Referral, ...] = ()
    notices: tuple[Notice, ...] = ()
    approvals: tuple[Approval, ...] = ()
    settlements: tuple[Settlement, ...] = ()


class Dose(Part):
    """At most so many units within so many days (使用剂量)."""

    quantity: Number
    days: Annotated[int, Field(ge=1)]


class Drug(Days):
    """A dual-channel drug on days: the payment standard of a unit in yuan, and its dosage."""

    item: Sentence
    price: Number | None = None
    dose: Dose | None = None


class Prescriber(Days):
    """A physician whom an institution appointed (指定医师), for one drug or for all."""

    physician: Sentence
    institution: Sentence
    item: str | None = None


class Pharmacy(Days):
    """A pharmacy that was selected; `connected` is the first day on which its system was joined to the provincial centre."""

    institution: Sentence
    district: str | None = None
    chain: str | None = None
    connected: dt.date | None = None


class Prescription(Part):
    """A prescription (处方) of a dual-channel drug: for whom, what, how much, by whom, and whether the physician found the use
    within the insurance-limited scope (医保限定支付范围; null: not told)."""

    prescription: Sentence
    insured: Sentence
    item: Sentence
    quantity: Number
    day: dt.date
    physician: Sentence
    institution: Sentence
    within_scope: bool | None = None


class DrugFile(Days):
    """A patient's drug file (药品使用档案) at a pharmacy, for days."""

    institution: Sentence
    insured: Sentence


class DualChannelFacts(Part):
    """The lists of dual-channel management. `issued`: the day of the rules, from which they last. `drug_files` is null where no
    such files are told, so that none is missed."""

    issued: dt.date | None = None
    drugs: tuple[Drug, ...] = ()
    prescribers: tuple[Prescriber, ...] = ()
    pharmacies: tuple[Pharmacy, ...] = ()
    prescriptions: tuple[Prescription, ...] = ()
    drug_files: tuple[DrugFile, ...] | None = None


class Facts(Part):
    """A whole file of facts, by the check that asks for them."""

    students: StudentFacts = StudentFacts()
    dual_channel: DualChannelFacts = DualChannelFacts()
    recognition: tuple[Recognition, ...] = ()


def read_facts(data: object) -> Facts:
    """Facts from the data of a file. Raises FactsError with every place that is wrong or stands twice."""
    try:
        facts = Facts.model_validate(data)
    except ValidationError as error:
        told = [f"{'.'.join(map(str, one['loc'])) or '(top)'}: {one['msg']}" for one in error.errors()]
        raise FactsError("; ".join(dict.fromkeys(told))) from None
    if twice := list(_twice(facts)):
        raise FactsError("; ".join(twice))
    return facts


def _twice(facts: Facts) -> Iterator[str]:
    students, lists = facts.students, facts.dual_channel
    yield from _repeated("students.covers", ((one.insured, one.year) for one in students.covers))
    yield from _repeated("students.settlements", ((one.institution, one.claim) for one in students.settlements))
    yield from _repeated("dual_channel.prescriptions", ((one.prescription,) for one in lists.prescriptions))


def _repeated(where: str, names: Iterable[tuple[object, ...]]) -> Iterator[str]:
    seen: set[tuple[object, ...]] = set()
    for name in names:
        if name in seen:
            yield f"{where}: {' '.join(map(str, name))} stands twice; which one counts cannot be known"
        seen.add(name)


def selection_problems(lists: DualChannelFacts, pack: DualChannelPack) -> Iterator[Text]:
    """Where the selected pharmacies are more than the text allows: by district, and of one chain or owner."""
    districts: dict[str, set[str]] = {}
    chains: dict[str, set[str]] = {}
    for one in lists.pharmacies:
        districts.setdefault(one.district or "", set()).add(one.institution)
        chains.setdefault(one.chain or "", set()).add(one.institution)
    article = pack.articles["selection"]
    for district, most in pack.pharmacies.items():
        found = len(districts.get(district, ()))
        if found > most:
            yield Text(
                f"{district}双通道药店{found}家，首次遴选不超过{most}家（{article}）",
                f"{district}: {found} pharmacies, and the first selection has at most {most} ({article})",
            )
    for chain, members in sorted(chains.items()):
        if chain and len(members) > pack.per_chain:
            yield Text(
                f"{chain}双通道药店{len(members)}家，同一连锁或控股人不超过{pack.per_chain}家（{article}）",
                f"{chain}: {len(members)} pharmacies, and one chain or owner has at most {pack.per_chain} ({article})",
            )
