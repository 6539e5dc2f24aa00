"""Who may be proposed for the list of honest physicians (诚信定岗医师, `002 第十九条`): published, and no part of any decision.

The text asks institutions to propose a share of their physicians in each agreement term, without a number, and the agency to
review. So everybody is told in whose running term no point was taken off; whom an institution proposes, it decides.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rules.standing import span_on
from rules.timeline import PhysicianTimeline
from rules.vocabulary import SiteStatus, Standing


class Candidate(NamedTuple):
    """A physician of an institution whose standing is normal on the day, without a point taken off in the running term."""

    region: str
    institution: str
    physician: str


def candidates(timelines: Iterable[PhysicianTimeline], day: dt.date) -> Iterator[Candidate]:
    """The candidates of a day by region, institution and physician. Laws without points have none."""
    found = []
    for timeline in timelines:
        span = span_on(timeline.spans, day)
        if span is None or span.standing is not Standing.NORMAL or span.points_accumulated != 0:
            continue
        for site in timeline.practised:
            first, last = site.start or dt.date.min, site.end or dt.date.max
            if site.status is SiteStatus.DECLARED and first <= day <= last:
                found.append(Candidate(timeline.region, site.institution_code, timeline.physician_code))
    yield from sorted(found)
