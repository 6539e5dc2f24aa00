"""Which tier of a discretion standard the facts of a case select, or why the text leaves it to a person.

Nothing is assumed: a fact that was not told and on which the answer depends is named, and no answer is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from itertools import product
from typing import Any, NamedTuple

from rules.penalties.pack import Article, Band, Fact, Grade, PenaltyPack, Remark, Suspension, Tier

MITIGATING = (Grade.NONE, Grade.REDUCED, Grade.LENIENT)
_FACTS = frozenset[str](Fact)


class Gap(StrEnum):
    """Why the text selects no tier."""

    MIXED = "mixed"
    """The facts fit the severe tier and a lighter one: the main circumstances are weighed (art. 7)."""
    NOT_FIRST_OR_NOT_CORRECTED = "not_first_or_not_corrected"
    """The lighter tiers need a first offence that was corrected in time, and no other tier covers the case."""
    PERSONAL_ACCOUNT_ABOVE_BANDS = "personal_account_above_bands"
    """Money from the person's own account fits every lighter tier whatever its amount, and the amount lies above their bands."""
    NO_TIER = "no_tier"
    """No tier covers the case."""


class FactsError(ValueError):
    """Facts that contradict each other, or that no case can have."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a case; None and absence mean that it was not told.

    `amount` is the money defrauded or lost in yuan; `share` the same per cent of last year's payments from the fund; `item` the
    number of the act inside the article; `insured` whether the offender is an insured person, whose settlement can be suspended.
    """

    amount: Decimal | None = None
    share: Decimal | None = None
    item: int | None = None
    insured: bool | None = None
    told: Mapping[Fact, bool] = field(default_factory=dict)


class Decision(NamedTuple):
    """Where a case with complete facts belongs: a tier of an article, or a gap. `suspends` and `remark` follow from its facts."""

    article: str
    tier: str | None = None
    gap: Gap | None = None
    suspends: bool = False
    remark: bool = False


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer about a case. Exactly one of `tier`, `gap` and `needs` is given.

    `needs` names the facts on which the answer depends and which were not told; `not_asked` those told to no purpose. `fine`
    is in yuan where the amount is known, `suspension` None where nothing is suspended.
    """

    article: Article
    intent_from: Article | None
    tier: Tier | None = None
    gap: Gap | None = None
    needs: tuple[str, ...] = ()
    not_asked: tuple[str, ...] = ()
    fine: Band | None = None
    suspension: Suspension | None = None
    remark: Remark | None = None
    citations: tuple[str, ...] = ()


def assess(pack: PenaltyPack, act: str, facts: Facts) -> Assessment:
    """The tier that the facts of a case select. Raises KeyError for an unknown act, FactsError for impossible facts."""
    article = pack.article(act)
    _check(article, facts)
    asked = _asked(pack, article, facts)
    decided = {case: _decide(pack, article, facts, case) for case in _completions(pack, article, facts, asked)}
    answers = set(decided.values())
    not_asked = tuple(sorted(_told(facts) - asked - {"amount", "insured"}))
    judged = pack.article(article.if_intent) if facts.told.get(Fact.INTENT) and article.if_intent else article
    before = article if judged is not article else None
    if len(answers) > 1:
        return Assessment(judged, before, needs=_needed(decided, asked), not_asked=not_asked)
    (decision,) = answers
    return _answer(pack, decision, facts, before, not_asked)


def _check(article: Article, facts: Facts) -> None:
    for name in ("amount", "share"):
        number: Decimal | None = getattr(facts, name)
        if number is not None and (not number.is_finite() or number < 0):
            raise FactsError(f"{name}: expected a number of 0 or more, found {number}")
    if facts.item is not None and article.items and not 1 <= facts.item <= len(article.items):
        raise FactsError(f"item: {article.id} has the items 1 to {len(article.items)}, found {facts.item}")
    if not _possible(facts.told):
        raise FactsError("corrected and refuses contradict each other: who corrected in time did not refuse to")


def _possible(told: Mapping[Fact, bool]) -> bool:
    return not (told.get(Fact.CORRECTED) and told.get(Fact.REFUSES))


def _told(facts: Facts) -> set[str]:
    numbers = {name for name in ("amount", "share", "item", "insured") if getattr(facts, name) is not None}
    return numbers | {str(fact) for fact in facts.told}


# -- which facts matter ---------------------------------------------------------------------------------------------


def _judged_by(pack: PenaltyPack, article: Article, facts: Facts) -> tuple[Article, ...]:
    """The articles by which a case may be judged: with intent to defraud another one."""
    if article.if_intent is None:
        return (article,)
    graver = pack.article(article.if_intent)
    return {None: (article, graver), True: (graver,), False: (article,)}[facts.told.get(Fact.INTENT)]


def _asked(pack: PenaltyPack, article: Article, facts: Facts) -> set[str]:
    asked: set[str] = {Fact.INTENT} if article.if_intent is not None else set()
    for one in _judged_by(pack, article, facts):
        asked |= {"item"} if one.items else set()
        for tier in one.tiers:
            asked |= set(tier.needs)
            asked |= {Fact.OBSTRUCTS, Fact.REFUSES} if tier.grade is Grade.SEVERE else set()
            asked |= {name for name in ("amount", "share") if getattr(tier, name) is not None}
            asked |= {tier.instead_of_amount} if tier.instead_of_amount is not None else set()
    return {str(name) for name in asked}


Case = tuple[tuple[str, Any], ...]


def _completions(pack: PenaltyPack, article: Article, facts: Facts, asked: set[str]) -> Iterator[Case]:
    """Every way in which the facts that were not told can be; of numbers the edges of all bands and a little more than each."""
    open_: dict[str, list[Any]] = {}
    articles = _judged_by(pack, article, facts)
    for name in sorted(asked - _told(facts)):
        if name in ("amount", "share"):
            bands = (getattr(tier, name) for one in articles for tier in one.tiers)
            edges = sorted({edge for band in bands if band is not None for edge in band.edges})
            open_[name] = [Decimal(0), *(number for edge in edges for number in (edge, edge + Decimal("0.01")))]
        elif name == "item":
            open_[name] = list(range(1, max(len(one.items) for one in articles) + 1))
        else:
            open_[name] = [True, False]
    for values in product(*open_.values()):
        case = dict(zip(open_, values, strict=True))
        if _possible(_all_told(facts, case)):
            yield tuple(case.items())


def _all_told(facts: Facts, case: Mapping[str, Any]) -> dict[Fact, bool]:
    return {**facts.told, **{Fact(name): value for name, value in case.items() if name in _FACTS}}


def _needed(decided: Mapping[Case, Decision], asked: set[str]) -> tuple[str, ...]:
    """The facts of which two cases that differ in nothing else get different answers; else all that are open."""
    found: list[str] = []
    names = [name for name, _ in next(iter(decided))]
    for name in names:
        groups: dict[Case, set[Decision]] = {}
        for case, decision in decided.items():
            groups.setdefault(tuple(pair for pair in case if pair[0] != name), set()).add(decision)
        if any(len(answers) > 1 for answers in groups.values()):
            found.append(name)
    return tuple(found or names)


# -- the tier -------------------------------------------------------------------------------------------------------


def _decide(pack: PenaltyPack, article: Article, facts: Facts, case: Case) -> Decision:
    """The decision about one case with complete facts."""
    known = dict(case)
    told = _all_told(facts, known)
    whole = replace(facts, told=told, **{name: value for name, value in known.items() if name not in _FACTS})
    if told.get(Fact.INTENT) and article.if_intent is not None:
        article = pack.article(article.if_intent)
    found = _chosen(article, whole)
    return Decision(article.id, gap=found) if isinstance(found, Gap) else _with(article, found, told)


def _chosen(article: Article, facts: Facts) -> Tier | Gap:
    """The tier of an article for complete facts. What is ordinary has none of the others; of several lighter ones the first."""
    fitting = [tier for tier in article.tiers if _fits(tier, facts)]
    excepted = [tier for tier in fitting if tier.grade is Grade.NO_BREACH]
    lighter = [tier for tier in fitting if tier.grade in MITIGATING]
    severe = [tier for tier in fitting if tier.grade is Grade.SEVERE]
    if severe and lighter and not excepted:
        return Gap.MIXED
    if lighter and not excepted:
        by_amount = [tier for tier in lighter if tier.amount is None or tier.amount.holds(facts.amount or Decimal(0))]
        return by_amount[0] if by_amount else Gap.PERSONAL_ACCOUNT_ABOVE_BANDS
    if first := [*excepted, *severe, *fitting]:
        return first[0]
    corrected = replace(facts, told={**facts.told, Fact.FIRST: True, Fact.CORRECTED: True, Fact.REFUSES: False})
    covered = any(_fits(tier, corrected) for tier in article.tiers)
    return Gap.NOT_FIRST_OR_NOT_CORRECTED if covered else Gap.NO_TIER


def _fits(tier: Tier, facts: Facts) -> bool:
    """Whether a tier is about a case. Who obstructs and refuses is punished severely whatever the amount (art. 10)."""
    told = facts.told
    if tier.items and facts.item not in tier.items:
        return False
    if tier.grade is Grade.SEVERE and told.get(Fact.OBSTRUCTS) and told.get(Fact.REFUSES):
        return True
    if any(told.get(fact) is not wanted for fact, wanted in tier.needs.items()):
        return False
    if tier.share is not None and not (facts.share is not None and tier.share.holds(facts.share)):
        return False
    if tier.amount is None or (tier.instead_of_amount is not None and told.get(tier.instead_of_amount)):
        return True
    return facts.amount is not None and tier.amount.holds(facts.amount)


def _with(article: Article, tier: Tier, told: Mapping[Fact, bool]) -> Decision:
    suspends = tier.suspension is not None and (not tier.suspension.if_refuses or bool(told.get(Fact.REFUSES)))
    remark = tier.by_hand
    left = remark is not None and all(told.get(fact) is wanted for fact, wanted in remark.when.items())
    return Decision(article.id, tier.id, suspends=suspends, remark=left)


def _answer(
    pack: PenaltyPack, decision: Decision, facts: Facts, before: Article | None, not_asked: tuple[str, ...]
) -> Assessment:
    article = pack.article(decision.article)
    if decision.tier is None:
        general = (pack.general.mixed,) if decision.gap is Gap.MIXED else ()
        return Assessment(
            article, before, gap=decision.gap, not_asked=not_asked, citations=(article.citation, *general)
        )
    tier = article.tier(decision.tier)
    told = facts.told
    fine = None
    if tier.fine is not None and (tier.fine.unit == "yuan" or facts.amount is not None):
        fine = tier.fine.band if tier.fine.unit == "yuan" else tier.fine.band.times(facts.amount or Decimal(0))
    suspension = tier.suspension if decision.suspends else None
    if suspension is not None and suspension.of == "networked_settlement" and facts.insured is False:
        suspension = None
    obstructs = tier.grade is Grade.SEVERE and told.get(Fact.OBSTRUCTS) and told.get(Fact.REFUSES)
    citations = (tier.citation, *((pack.general.obstructs,) if obstructs else ()))
    remark = tier.by_hand if decision.remark else None
    return Assessment(article, before, tier, None, (), not_asked, fine, suspension, remark, citations)
