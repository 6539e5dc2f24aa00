"""`screening penalty`: the tier of a discretion standard that the facts of a case select."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import json_option, lang_option
from pipeline.telemetry.console import out

if TYPE_CHECKING:
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

    Exit code 0: a tier is found; 1: the text selects none, and a person decides, for the reason that is told; 2: a fact is
    missing or contradicts another, or wrong use.

    \b
    Example:
      screening penalty person_fraud --amount 800 --first --corrected --not-personal-account
      screening penalty institution_breach --amount 35000 --last-year 2000000 --no-intent --refuses --not-corrected
      screening penalty institution_management --item 3 --not-corrected --refuses --serious --json
    """
    from pipeline.settings.packs import read_penalties
    from rules.packs.errors import PackError
    from rules.penalties.pack import Fact
    from rules.penalties.weighing import Facts, FactsError, assess
    from rules.wording.penalty import answer

    if last_year is not None:
        if share is not None or amount is None or not last_year:
            fail("--last-year gives the share of an --amount: it needs one, and no --share, and is above 0", Exit.USAGE)
        share = amount * 100 / last_year
    facts = Facts(
        amount, share, item, insured, {Fact(name): value for name, value in told.items() if value is not None}
    )
    try:
        standard = _chosen(read_penalties(), pack).read(_readings(readings))
        found = assess(standard, act, facts)
    except (PackError, FactsError) as error:
        fail(str(error), Exit.USAGE)
    except KeyError as error:
        fail(str(error.args[0]), Exit.USAGE)
    if as_json:
        click.echo(json.dumps(_row(standard, found, lang), ensure_ascii=False))
    else:
        for line in answer(standard, found, lang):
            out.print(escape(line), soft_wrap=True)
    raise SystemExit(Exit.USAGE if found.needs else Exit.DONE if found.tier is not None else Exit.FAILED)


def _chosen(shipped: tuple[PenaltyPack, ...], name: str) -> PenaltyPack:
    from rules.packs.errors import PackError
    from rules.penalties.pack import parse_penalties

    if name.endswith((".yaml", ".yml")):
        try:
            return parse_penalties(Path(name).read_text("utf-8"), name)
        except OSError as error:
            raise PackError(f"{name}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise PackError(f"{name}: not UTF-8; save the file as UTF-8") from None
    for one in shipped:
        if name in (one.pack, one.name):
            return one
    known = ", ".join(one.pack for one in shipped)
    raise PackError(f"no standard is called {name}; there are: {known} (a file's name ends in .yaml)")


def _readings(choices: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for choice in choices:
        name, equals, option = choice.partition("=")
        if not equals:
            fail(f"--reading {choice}: expected NAME=OPTION", Exit.USAGE)
        found[name] = option
    return found


def _row(pack: PenaltyPack, found: Assessment, lang: Lang) -> dict[str, Any]:
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
        "told": list(answer(pack, found, lang)),
    }


def _band(band: Band) -> dict[str, str]:
    return {name: format(value.normalize(), "f") for name, value in band if value is not None}
