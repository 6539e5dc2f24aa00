"""Dual-channel drugs over time (001 篇10): prescriptions crossed off, lists of drugs, prescribers and pharmacies, stays.

The first claim in order that names a prescription crosses it off (核销); a later one uses it again. What a stay's patient buys
outside joins the stay, whose first and last day count. Quantities are units of the lists.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from rules.calendar import corresponding_day
from rules.longitudinal.claims import Finding, Found, Ground, Key, Line, NotExamined, PastClaim
from rules.longitudinal.facts import Drug, DualChannelFacts, Pharmacy, Prescription
from rules.longitudinal.pack import Days, DualChannelPack
from rules.longitudinal.wording import (
    dosage,
    no_drug_file,
    not_connected,
    not_listed,
    out_of_scope,
    over_prescribed,
    price,
    purchase,
    unknown_prescription,
    used_again,
)
from rules.text import Text
from rules.vocabulary import EncounterType


class DualChannelCheck:
    """Examines one person's claims, which are given in their order."""

    def __init__(self, pack: DualChannelPack, lists: DualChannelFacts) -> None:
        self._pack = pack
        self._lists = lists
        self._drugs: dict[str, list[Drug]] = {}
        for drug in lists.drugs:
            self._drugs.setdefault(drug.item, []).append(drug)
        self._prescriptions = {one.prescription: one for one in lists.prescriptions}
        self._pharmacies: dict[str, list[Pharmacy]] = {}
        for pharmacy in lists.pharmacies:
            self._pharmacies.setdefault(pharmacy.institution, []).append(pharmacy)
        # From the day of issue for so many years (九): the last day is the one before the corresponding day.
        self._in_force = (
            None
            if lists.issued is None
            else Days.model_validate(
                {"from": lists.issued, "to": corresponding_day(lists.issued, 12 * pack.years) - dt.timedelta(days=1)}
            )
        )

    @property
    def in_force(self) -> Days | None:
        """The days of the rules; None while nobody has told when they were issued, so that they do not hold yet."""
        return self._in_force

    def examine(self, claims: Sequence[PastClaim]) -> Iterator[Found]:
        """The findings about a person's claims; a claim has one of each ground at most."""
        if self._in_force is None:
            return
        own = [claim for claim in claims if claim.area.startswith(self._pack.territory)]
        crossed: dict[str, PastClaim] = {}
        given: dict[str, list[tuple[dt.date, Decimal]]] = {}
        for claim in own:
            lines = [line for line in claim.lines if line.item in self._drugs and self._holds(line.day)]
            if not lines:
                continue
            yield from self._prescribed(claim, lines, crossed)
            yield from self._listed(claim, lines, given)
            if claim.encounter is EncounterType.PHARMACY:
                yield from self._pharmacy(claim, lines)
                yield from self._stay(claim, lines, own)

    def _holds(self, day: dt.date) -> bool:
        return self._in_force is not None and self._in_force.holds(day)

    def _finding(
        self,
        claim: PastClaim,
        ground: Ground,
        article: str,
        told: Sequence[Text],
        figures: dict[str, str],
        others: Sequence[Key] = (),
    ) -> Finding:
        text = Text("；".join(one.zh for one in told), "; ".join(one.en for one in told))
        return Finding(
            claim, ground, self._pack.name, (self._pack.articles[article],), text, figures, tuple(dict.fromkeys(others))
        )

    # -- prescriptions -------------------------------------------------------------------------------------------

    def _prescribed(self, claim: PastClaim, lines: Sequence[Line], crossed: dict[str, PastClaim]) -> Iterator[Finding]:
        dispensed: dict[str, Decimal] = {}
        unknown: dict[Text, None] = {}
        for line in lines:
            known = None if line.prescription is None else self._prescriptions.get(line.prescription)
            if known is not None and _fits(known, claim, line):
                name = known.prescription
                dispensed[name] = dispensed.get(name, Decimal()) + (line.quantity or Decimal())
            elif claim.encounter is not EncounterType.INPATIENT:
                unknown[unknown_prescription(line.prescription, line.item or "")] = None
        if unknown:
            yield self._finding(claim, Ground.PRESCRIPTION_UNKNOWN, "cross_off", list(unknown), {})
        yield from self._crossed_off(claim, dispensed, crossed)
        if scope := [out_of_scope(name) for name in dispensed if self._prescriptions[name].within_scope is False]:
            yield self._finding(claim, Ground.OVER_LIMITED_SCOPE, "cross_off", scope, {})
        if claim.encounter is EncounterType.INPATIENT:
            return
        written = [self._prescriptions[name] for name in dispensed]
        if listed := [
            not_listed(one.physician, one.institution, one.day) for one in written if not self._appointed(one)
        ]:
            told = list(dict.fromkeys(listed))
            yield self._finding(claim, Ground.PRESCRIBER_NOT_LISTED, "prescriber", told, {})

    def _crossed_off(
        self, claim: PastClaim, dispensed: Mapping[str, Decimal], crossed: dict[str, PastClaim]
    ) -> Iterator[Finding]:
        """No prescription is used twice, and no more is given than it says."""
        again: list[Text] = []
        over: list[Text] = []
        others: list[Key] = []
        figures: dict[str, str] = {}
        for name, quantity in dispensed.items():
            first = crossed.setdefault(name, claim)
            if first is not claim:
                again.append(used_again(name, first.institution, first.claim_id, first.day))
                others.append(first.key)
            prescribed = self._prescriptions[name].quantity
            if quantity > prescribed:
                over.append(over_prescribed(name, prescribed, quantity))
                figures |= {f"prescribed.{name}": f"{prescribed:f}", f"dispensed.{name}": f"{quantity:f}"}
        if again:
            yield self._finding(claim, Ground.PRESCRIPTION_USED_AGAIN, "cross_off", again, {}, others)
        if over:
            yield self._finding(claim, Ground.OVER_PRESCRIBED, "cross_off", over, figures)

    def _appointed(self, known: Prescription) -> bool:
        return any(
            (one.physician, one.institution) == (known.physician, known.institution)
            and one.item in (None, known.item)
            and one.holds(known.day)
            for one in self._lists.prescribers
        )

    # -- drugs ---------------------------------------------------------------------------------------------------

    def _listed(
        self, claim: PastClaim, lines: Sequence[Line], given: dict[str, list[tuple[dt.date, Decimal]]]
    ) -> Iterator[Found]:
        dear: list[Text] = []
        much: list[Text] = []
        prices: dict[str, str] = {}
        doses: dict[str, str] = {}
        untold = False
        for line in lines:
            if line.quantity is not None:
                given.setdefault(line.item or "", []).append((line.day, line.quantity))
        for line in lines:
            item = line.item or ""
            drug = self._drug(item, line.day)
            if drug is None:
                continue
            if not line.quantity:
                untold = untold or drug.price is not None or drug.dose is not None
                continue
            if drug.price is not None and line.amount > drug.price * line.quantity:
                unit = (line.amount / line.quantity).quantize(Decimal("0.0001"))
                dear.append(price(item, drug.price, unit))
                prices |= {f"price.{item}": f"{unit:f}", f"standard.{item}": f"{drug.price:f}"}
            if drug.dose is None:
                continue
            window = line.day - dt.timedelta(days=drug.dose.days - 1)
            total = sum((many for day, many in given.get(item, ()) if window <= day <= line.day), Decimal())
            if total > drug.dose.quantity:
                much.append(dosage(item, drug.dose.quantity, drug.dose.days, total))
                doses |= {f"given.{item}": f"{total:f}", f"most.{item}": f"{drug.dose.quantity:f}"}
        if untold:
            yield NotExamined(claim, self._pack.name, "quantity")
        if dear:
            yield self._finding(claim, Ground.PRICE_ABOVE_PAYMENT_STANDARD, "price", dear, prices)
        if much:
            yield self._finding(claim, Ground.OVER_DOSAGE, "cross_off", list(dict.fromkeys(much)), doses)

    def _drug(self, item: str, day: dt.date) -> Drug | None:
        known = [one for one in self._drugs[item] if one.holds(day)]
        return max(known, key=lambda one: one.start or dt.date.min, default=None)

    # -- pharmacies and stays --------------------------------------------------------------------------------------

    def _pharmacy(self, claim: PastClaim, lines: Sequence[Line]) -> Iterator[Finding]:
        day = max(line.day for line in lines)
        known = [one for one in self._pharmacies.get(claim.institution, ()) if one.holds(day)]
        if not any(one.connected is not None and one.connected <= day for one in known):
            told = [not_connected(claim.institution, selected=bool(known))]
            yield self._finding(claim, Ground.PHARMACY_NOT_CONNECTED, "selection", told, {})
        files = self._lists.drug_files
        if files is not None and not any(
            (one.institution, one.insured) == (claim.institution, claim.insured) and one.holds(day) for one in files
        ):
            yield self._finding(claim, Ground.DRUG_FILE_MISSING, "cross_off", [no_drug_file(claim.institution)], {})

    def _stay(self, claim: PastClaim, lines: Sequence[Line], own: Sequence[PastClaim]) -> Iterator[Finding]:
        for stay in own:
            if stay.encounter is not EncounterType.INPATIENT:
                continue
            inside = [line for line in lines if stay.first_day <= line.day <= stay.day]
            if inside:
                amount = sum((line.amount for line in inside), Decimal())
                told = [purchase(stay.institution, stay.claim_id, stay.first_day, stay.day, amount)]
                yield self._finding(
                    claim, Ground.PURCHASE_IN_STAY, "stay", told, {"amount": f"{amount:.2f}"}, [stay.key]
                )
                return


def _fits(known: Prescription, claim: PastClaim, line: Line) -> bool:
    """Whether a prescription is of this person and drug, and was there on the day."""
    return (known.insured, known.item) == (claim.insured, line.item) and known.day <= line.day
