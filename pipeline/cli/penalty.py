"""`screening penalty`: the tier of a discretion standard that the facts of a case select."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from rich.markup import escape

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import json_option, lang_option
from pipeline.telemetry.console import out

if TYPE_CHECKING:
    from rules.penalties.decided import Outside
    from rules.penalties.pack import Band, PenaltyPack
    from rules.penalties.weighing import Assessment
    from rules.text import Lang


class _Number(click.ParamType):
    """A decimal number of 0 or more, with at most so many decimals."""

    name = "number"

    def __init__(self, places: int) -> None:
        self._places = places

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The number. Fails for what is none, is negative, or has more decimals."""
        try:
            found = Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is not a number", param, ctx)
        exponent = found.as_tuple().exponent
        if not isinstance(exponent, int) or found < 0 or -exponent > self._places:
            self.fail(f"{value!r}: expected a number of 0 or more with at most {self._places} decimals", param, ctx)
        return found


_MONEY, _PER_CENT = _Number(2), _Number(10)


@click.command()
@click.argument("act", metavar="ACT")
@click.option("--amount", type=_MONEY, metavar="YUAN", help="The money defrauded or lost.")
@click.option(
    "--share", type=_PER_CENT, metavar="PERCENT", help="The same, per cent of last year's payments from the fund."
)
@click.option(
    "--last-year", type=_MONEY, metavar="YUAN", help="Last year's payments, from which the share is computed."
)
@click.option("--item", type=click.IntRange(min=1), help="Which of the numbered acts of the article it was.")
@click.option("--first/--not-first", default=None, help="First offence (初次违法).")
@click.option(
    "--corrected/--not-corrected", default=None, help="Corrected, or returned before the order, in time (及时改正)."
)
@click.option(
    "--refuses/--no-refusal", default=None, help="Refuses to correct, or to return after the order (拒不改正)."
)
@click.option("--obstructs/--no-obstruction", default=None, help="Refuses inspection or gives false facts.")
@click.option("--intent/--no-intent", default=None, help="Done to defraud the fund (以骗取为目的).")
@click.option("--personal-account/--not-personal-account", default=None, help="All money from the personal account.")
@click.option("--self-found/--found-in-inspection", default=None, help="Who found it (自查自纠, 行政检查).")
@click.option("--single/--not-single", default=None, help="Act of single persons or departments (个别人或个别部门).")
@click.option("--serious/--not-serious", default=None, help="Serious circumstances (情节严重).")
@click.option("--emergency/--no-emergency", default=None, help="Emergency, rescue or the like.")
@click.option("--insured/--not-insured", default=None, help="The offender is an insured person (参保人员).")
@click.option(
    "--decided", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The day of a decision, to check it."
)
@click.option("--months", type=click.IntRange(1, 1_200), help="The suspension that the decision states.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The same by its last day.")
@click.option("--fine", type=_MONEY, metavar="YUAN", help="The fine that the decision states.")
@click.option(
    "--reading", "readings", multiple=True, metavar="NAME=OPTION", help="Another reading where the text has several."
)
@click.option("--pack", default="jiangxi-penalties", show_default=True, metavar="NAME|FILE", help="The standard.")
@lang_option
@json_option
def penalty(
    act: str,
    amount: Decimal | None,
    share: Decimal | None,
    last_year: Decimal | None,
    item: int | None,
    insured: bool | None,
    decided: dt.datetime | None,
    months: int | None,
    until: dt.datetime | None,
    fine: Decimal | None,
    readings: tuple[str, ...],
    pack: str,
    lang: Lang,
    as_json: bool,
    **told: bool | None,
) -> None:
    """Finds the tier of a discretion standard (行政处罚裁量基准): fine, suspension, articles.

    ACT is agency_fraud, institution_breach, institution_management, institution_fraud, person_breach or person_fraud
    (001 篇1). A number with 以上 is excluded from its band and one with 以下 included. Nothing is assumed: a fact on which
    the answer depends has to be told. It is a tool for cases and decides no claim.

    --decided with --months or --until, and --fine, hold a decision against the tier: the days of the suspension, which begins
    on the day after the decision, and whether it and the fine lie within.

    Exit code 0: a tier is found, and the decision lies within; 1: the text selects none and a person decides, for the reason
    that is told, or the decision lies outside; 2: a fact is missing or contradicts another, or wrong use.

    \b
    Example:
      screening penalty person_fraud --amount 800 --first --corrected --not-personal-account
      screening penalty institution_breach --amount 35000 --last-year 2000000 --no-intent --refuses --not-corrected
      screening penalty institution_management --item 3 --not-corrected --refuses --serious --json
      screening penalty person_fraud --amount 800 --first --corrected --decided 2026-03-31 --months 3 --fine 1600
    """
    from pipeline.settings.packs import chosen, read_penalties
    from rules.packs.errors import PackError
    from rules.penalties.pack import Fact, parse_penalties
    from rules.penalties.weighing import Facts, FactsError, assess
    from rules.wording.penalty import answer, decision

    if last_year is not None:
        if share is not None or amount is None or not last_year:
            fail("--last-year gives the share of an --amount: it needs one, and no --share, and is above 0", Exit.USAGE)
        share = amount * 100 / last_year
    facts = Facts(
        amount, share, item, insured, {Fact(name): value for name, value in told.items() if value is not None}
    )
    try:
        standard = chosen(read_penalties(), pack, parse_penalties).read(_readings(readings))
        found = assess(standard, act, facts)
        held = _held(found, decided, months, until, fine)
    except (PackError, FactsError) as error:
        fail(str(error), Exit.USAGE)
    except KeyError as error:
        fail(str(error.args[0]), Exit.USAGE)
    if as_json:
        click.echo(json.dumps(_row(standard, found, held, lang), ensure_ascii=False))
    else:
        lines = [*answer(standard, found, lang), *(decision(*held, lang) if held is not None else ())]
        for line in lines:
            out.print(escape(line), soft_wrap=True)
    if found.needs:
        raise SystemExit(Exit.USAGE)
    raise SystemExit(Exit.DONE if found.tier is not None and (held is None or not held.faults) else Exit.FAILED)


class _Decision(NamedTuple):
    """A decision as it was told, the days of its suspension both included, and in what it leaves the tier."""

    first: dt.date | None
    last: dt.date | None
    fine: Decimal | None
    faults: tuple[Outside, ...]


def _held(
    found: Assessment,
    decided: dt.datetime | None,
    months: int | None,
    until: dt.datetime | None,
    fine: Decimal | None,
) -> _Decision | None:
    """The decision held against the tier; None where none was told or there is no tier. Raises FactsError."""
    from rules.calendar import sanction_window
    from rules.penalties.decided import outside

    lengths = [length for length in (months, until) if length is not None]
    if len(lengths) > 1 or (decided is None) != (not lengths):
        fail("--decided goes with one of --months and --until, and each of these with --decided", Exit.USAGE)
    if found.tier is None or (decided is None and fine is None):
        return None
    if decided is None:
        return _Decision(None, None, fine, outside(found, fine=fine))
    day = decided.date()
    try:
        first, last = sanction_window(day, 1 if months is None else months)
    except (ValueError, OverflowError):
        fail(f"--decided {day}: the suspension would end after the year 9999", Exit.USAGE)
    last = last if until is None else until.date()
    return _Decision(first, last, fine, outside(found, decided=day, last=last, fine=fine))


def _readings(choices: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for choice in choices:
        name, equals, option = choice.partition("=")
        if not equals:
            fail(f"--reading {choice}: expected NAME=OPTION", Exit.USAGE)
        found[name] = option
    return found


def _row(pack: PenaltyPack, found: Assessment, held: _Decision | None, lang: Lang) -> dict[str, Any]:
    """The answer for scripts: numbers as decimal strings, bands as (over, up_to] or exactly."""
    from rules.wording.penalty import GAP, answer

    tier, suspension = found.tier, found.suspension
    return {
        "pack": pack.name,
        "article": found.article.id,
        "because_of_intent": found.intent_from is not None,
        "tier": tier and tier.id,
        "grade": tier and tier.grade,
        "fine": None
        if tier is None or tier.fine is None
        else {"unit": tier.fine.unit, "band": _band(tier.fine.band), "yuan": found.fine and _band(found.fine)},
        "suspension": None
        if suspension is None
        else {"of": suspension.of, "months": _band(suspension.months), "or_ended": suspension.or_ended},
        "by_hand": found.gap,
        "why": found.gap and GAP[found.gap]._asdict(),
        "left_to_a_person": found.remark and found.remark.text._asdict(),
        "needs": found.needs,
        "not_asked": found.not_asked,
        "citations": found.citations,
        "readings": {reading.id: reading.reading for reading in pack.readings_of(found.article)},
        "decision": None
        if held is None
        else {
            "from": held.first and str(held.first),
            "to": held.last and str(held.last),
            "fine": None if held.fine is None else _plain(held.fine),
            "outside": held.faults,
        },
        "told": list(answer(pack, found, lang)),
    }


def _band(band: Band) -> dict[str, str]:
    return {name: _plain(value) for name, value in band if value is not None}


def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")
