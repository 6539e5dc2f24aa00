"""The Xiamen report (`004`): one full 12 has no stated effect, two or criminal liability blacklist for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rules.events import CriminalLiability, Event, Full12
from rules.schemes.account import FOREVER, Account, Entry, Facts, SpanBuilder, day
from rules.schemes.ledger import Dated
from rules.schemes.xiamen.parameters import XiamenValues
from rules.vocabulary import Effect, EventType, Standing

Citations = Mapping[Standing, tuple[str, ...]]


def _enough(fulls: list[Full12], values: XiamenValues) -> bool:
    """Whether the full 12s so far blacklist: any two (default), two of different periods, or two of one period."""
    if values.which_periods == "different_periods":
        return len({event.period for event in fulls}) >= values.full_events
    if values.which_periods == "same_period":
        periods = [event.period for event in fulls]
        return any(periods.count(period) >= values.full_events for period in set(periods))
    return len(fulls) >= values.full_events


def run(events: Sequence[Event], law: Dated[XiamenValues], citations: Citations, since: int = 1) -> Account:
    """Folds a person's events, in the law's order, into spans; a day that no span covers is normal.

    Full 12s before `since` count, and list nobody by themselves (S3).
    """
    account = Account()
    fulls: list[Full12] = []
    ban: int | None = None
    causes: tuple[str, ...] = ()
    first_full: int | None = None
    for event in events:
        t = event.date.toordinal()
        values = law.on(t)
        effects: tuple[Effect, ...] = ()
        if isinstance(event, Full12):
            fulls.append(event)
            if first_full is None:
                first_full = t
            if ban is None and t >= since and _enough(fulls, values):
                # T4: a second full 12 counts from its day, the blacklist from the next one (X1).
                ban, causes, effects = t + 1, tuple(full.event_id for full in fulls), (Effect.BLACKLISTED,)
            points = values.full_points * len(fulls)
            account.entries.append(
                Entry(event.event_id, event.date, EventType.FULL_12, values.full_points, 0, points, points, effects)
            )
        elif isinstance(event, CriminalLiability):
            if ban is None:
                ban, causes, effects = t + 1, (event.event_id,), (Effect.BLACKLISTED,)
            points = values.full_points * len(fulls)
            account.entries.append(
                Entry(event.event_id, event.date, EventType.CRIMINAL_LIABILITY, 0, 0, points, points, effects)
            )
    spans = SpanBuilder()
    if first_full is not None and (ban is None or first_full < ban):
        cites = citations.get(Standing.POINTS_FULL_ONCE, ())
        spans.add(
            first_full,
            Facts(Standing.POINTS_FULL_ONCE, in_penalty=False, citations=cites, causes=(fulls[0].event_id,)),
        )
    if ban is not None:
        cites = citations.get(Standing.BLACKLISTED, ())
        spans.add(
            ban,
            Facts(Standing.BLACKLISTED, in_penalty=False, ban_period=(ban, FOREVER), citations=cites, causes=causes),
        )
    account.spans = spans.build()
    return account.since(day(since))
