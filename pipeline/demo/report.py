"""The demo's tables: what one would show a customer."""

from __future__ import annotations

from rich import box
from rich.columns import Columns
from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from pipeline.demo.outcome import Sum
from pipeline.demo.summary import Summary, yuan
from pipeline.demo.words import Language, Words, reason_label, words
from pipeline.telemetry.console import Table
from rules.text import pick
from rules.vocabulary import Disposition, EncounterType, Standing
from rules.wording.labels import ENCOUNTER, STANDING
from topics.catalogue import CLAIMS, CLAIMS_DEAD_LETTER

_COLOUR = {Disposition.PAY: "green", Disposition.REJECT: "red", Disposition.REVIEW: "yellow"}
_CARD = {Disposition.PAY: "settled", Disposition.REJECT: "withheld", Disposition.REVIEW: "in_review"}
_EXEMPT = (EncounterType.EMERGENCY, EncounterType.RESCUE, EncounterType.PUBLIC_HEALTH_EMERGENCY)
_LONGEST_KEY = 24


def show(summary: Summary, console: Console, lang: Language) -> None:
    """Prints everything."""
    say = words(lang)
    console.print()
    console.print(_cards(summary, say))
    console.print(_reasons(summary, say, lang))
    console.print(_packs(summary, say))
    if below_zero(summary):
        console.print(Text(say["negative"], style="dim"))
    if summary.exempted():
        console.print(_exempted(summary, say, lang))
    console.print(_dead_letters(summary, say))
    console.print(_cases(summary, say, lang))
    console.print(_story(summary, say, lang))
    console.print(_proof(summary, say))
    console.print(Text(say["note"], style="dim"))


def below_zero(summary: Summary) -> bool:
    """Whether an amount of these tables is negative, which a reader would take for a mistake."""
    sums = [part for _, _, part in summary.by_reason()]
    sums += [row[Disposition.REJECT] for _, row in summary.by_pack()]
    return any(part.fen < 0 for part in (*sums, *summary.by_disposition().values()))


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _cards(summary: Summary, say: Words) -> Columns:
    sums = summary.by_disposition()
    total = sum(part.claims for part in sums.values()) or 1
    cards = []
    for disposition in Disposition:
        part = sums[disposition]
        amount = Text(f"¥ {yuan(part.fen)}", style=f"bold {_COLOUR[disposition]}")
        about = Text(say["of_claims"].format(claims=part.claims, share=part.claims / total), style="dim")
        title = f"[{_COLOUR[disposition]}]{say[_CARD[disposition]]}"
        cards.append(Panel(Group(amount, about), title=title, title_align="left", width=26))
    return Columns(cards, padding=(0, 1))


def _reasons(summary: Summary, say: Words, lang: Language) -> Table:
    table = _table(say["by_reason"])
    table.add_column(say["disposition"], no_wrap=True)
    table.add_column(say["reason"], overflow="fold")
    for name in ("claims", "share", "fund"):
        table.add_column(say[name], justify="right", no_wrap=True)
    rows = summary.by_reason()
    total = sum(part.claims for _, _, part in rows) or 1
    for number, (disposition, reason, part) in enumerate(rows):
        first = number == 0 or rows[number - 1][0] != disposition
        last = number + 1 == len(rows) or rows[number + 1][0] != disposition
        colour = _COLOUR[Disposition(disposition)]
        table.add_row(
            Text(say[disposition], style=colour) if first else "",
            reason_label(reason, lang),
            f"{part.claims:,}",
            f"{part.claims / total:.2%}",
            yuan(part.fen),
            end_section=last,
        )
    return table


def _packs(summary: Summary, say: Words) -> Table:
    table = _table(say["by_pack"])
    table.add_column(say["pack"], no_wrap=True)
    for name in ("claims", "pay", "reject", "review", "withheld_yuan"):
        table.add_column(say[name], justify="right", no_wrap=True)
    for pack, row in summary.by_pack():
        table.add_row(
            pack,
            f"{sum(part.claims for part in row.values()):,}",
            *(f"{row[disposition].claims:,}" for disposition in Disposition),
            yuan(row[Disposition.REJECT].fen),
        )
    return table


def _exempted(summary: Summary, say: Words, lang: Language) -> Table:
    table = _table(say["exempted"])
    table.add_column(say["ground"], overflow="fold")
    for name in (*_EXEMPT, "claims", "fund"):
        table.add_column(say[name], justify="right", no_wrap=True)
    for ground, row in summary.exempted():
        table.add_row(
            reason_label(ground, lang),
            *(f"{row.get(encounter, Sum()).claims:,}" for encounter in _EXEMPT),
            f"{sum(part.claims for part in row.values()):,}",
            yuan(sum(part.fen for part in row.values())),
        )
    return table


def _dead_letters(summary: Summary, say: Words) -> Table:
    table = _table(say["dead"])
    table.caption = say["redrive"].format(topic=CLAIMS_DEAD_LETTER.name)
    table.caption_justify = "left"
    table.add_column(say["error"], no_wrap=True, style="magenta")
    table.add_column(say["records"], justify="right", no_wrap=True)
    table.add_column(say["first"], overflow="fold")
    table.add_column(say["place"], no_wrap=True)
    for kind, count, letter in summary.dead_by_kind():
        partition, offset = letter.place
        table.add_row(
            kind,
            f"{count:,}",
            Text(letter.error),
            Text(f"{CLAIMS.name}[{partition}]@{offset}\n{letter.key[:_LONGEST_KEY]}, {letter.size:,} B"),
        )
    return table


def _cases(summary: Summary, say: Words, lang: Language) -> Group:
    panels = []
    for case in summary.examples:
        colour = _COLOUR[Disposition(case.disposition)]
        body = Text(case.explanation[lang])
        evidence = ", ".join(case.evidence) or say["none"]
        about = Text(f"{say['behind']}: {evidence}  ·  {case.case_id}", style="dim")
        verdict = f"[{colour}]{say[case.disposition]} · {reason_label(case.reason, lang)}[/]"
        title = f"{verdict} · {case.claim_id} · ¥ {case.fund_amount}"
        panels.append(Panel(Group(body, about), title=title, title_align="left"))
    return Group("", Text(say["cases"], style="bold"), *panels)


def _story(summary: Summary, say: Words, lang: Language) -> Table:
    table = _table(say["story"])
    table.add_column(say["recorded"], overflow="fold")
    table.add_column(say["standing"], overflow="fold")
    table.add_column(say["next_claim"], no_wrap=True)
    table.add_column(say["answer"], overflow="fold")
    for chapter in summary.story:
        period = (
            "" if chapter.penalty_period is None else f"\n{chapter.penalty_period[0]} – {chapter.penalty_period[1]}"
        )
        standing = pick(STANDING[Standing(chapter.standing)], lang)
        colour = _COLOUR[Disposition(chapter.disposition)]
        encounter = pick(ENCOUNTER[EncounterType(chapter.encounter_type)], lang)
        answer = Text(say[chapter.disposition], colour)
        answer.append(f" {reason_label(chapter.reason, lang)}", "default")
        if chapter.citations:
            answer.append(f"  {', '.join(chapter.citations)}", "dim")
        table.add_row(
            say[chapter.recorded],
            f"{standing} ({say['revision']} {chapter.standing_revision}){period}",
            encounter,
            answer,
        )
    return table


def _proof(summary: Summary, say: Words) -> Panel:
    kept, speed = summary.conservation, summary.speed
    figures = {
        "records_in": kept.records_in,
        "verdicts": kept.verdicts,
        "dead_letters": kept.dead_letters,
        "lost": kept.lost,
        "repeated": kept.repeated,
        "cases": kept.cases,
        "cases_expected": kept.cases_expected,
        "unchanged": kept.dead_letters - kept.dead_letters_changed,
    }
    checks = (
        ("conservation", kept.records_in == kept.verdicts + kept.dead_letters),
        ("once", not (kept.lost or kept.repeated or kept.invented)),
        ("every_case", kept.cases == kept.cases_expected),
        ("bytes_kept", not kept.dead_letters_changed),
    )
    rows = Table.grid(padding=(0, 1))
    for name, good in checks:
        mark = Text("✔", "bold green") if good else Text("✘", "bold red")
        rows.add_row(mark, Text(say[name].format(**figures), "bold" if name == "conservation" else ""))
    rows.add_row("·", say["speed"].format(rush_claims=speed.rush_claims, rate=speed.rush_per_second))
    if speed.latency:
        milliseconds = {name: value * 1000 for name, value in speed.latency.items()}
        rows.add_row("·", say["latency"].format(claims=speed.steady_claims, steady=speed.steady_rate, **milliseconds))
    if summary.transactions["aborted"] and not kept.holds:
        rows.add_row("!", Text(say["rolled_back"], "yellow"))
    rows.add_row("·", say["transactions"].format(**summary.transactions, seconds=summary.seconds, seed=summary.seed))
    return Panel(rows, title=say["proof"], title_align="left", border_style="green" if kept.holds else "red")
