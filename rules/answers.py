"""Answers that contradict each other: one request, or one act, that the file tells in two ways.

Which of them holds is for people to settle. Until then a review (复核) is contested (`rules.schemes.qiannan.appeals`), an
objection takes nothing away (`rules.objections`), and the other kinds change nothing that the text does not say of one
answer alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

from rules.dossier import Issue
from rules.events import (
    AppealRejected,
    AppealUpheld,
    Deduction,
    Event,
    Reinstatement,
    ReinstatementApplication,
    ReinstatementRefused,
    RetrainingPassed,
    StatusCorrected,
    TrainingResult,
)
from rules.objections import answered
from rules.text import Text
from rules.vocabulary import IssueCode

_REVIEW = Text("同一复核有相反或不一致的答复", "one review has two answers that differ")
_OBJECTION = Text("同一申辩既被支持又被驳回", "one objection is both upheld and rejected")
_CORRECTED = Text("申辩已被驳回，状态又被更正", "corrects a status against which the objection was rejected")
_REINSTATEMENT = Text("同一恢复申请既获准又被拒", "one application for reinstatement is both granted and refused")
_TRAINING = Text("同日培训考核既合格又不合格", "a training of one day is both passed and failed")


def answered_both_ways(events: Sequence[Event]) -> Iterator[Issue]:
    """Every answer of a file, in the law's order, that contradicts an earlier one to the same request."""
    points = {event.event_id: event.points for event in events if isinstance(event, Deduction)}
    yield from _differing(_reviews(events, points), _REVIEW)
    for about in answered(events).values():
        yield from _differing(((0, answer.answer, answer) for answer in about), _OBJECTION)
    yield from _corrected_though_rejected(events)
    yield from _differing(_reinstatements(events), _REINSTATEMENT)
    yield from _differing(_trainings(events), _TRAINING)


Answer = tuple[Hashable, Hashable, Event]
"""What is answered, the answer, and the event that tells it."""


def _differing(answers: Iterable[Answer], told: Text) -> Iterator[Issue]:
    first: dict[Hashable, Hashable] = {}
    for about, answer, event in answers:
        if first.setdefault(about, answer) != answer:
            yield Issue(IssueCode.ANSWERED_BOTH_WAYS, event.event_id, told.zh, told.en)


def _reviews(events: Sequence[Event], points: dict[str, int]) -> Iterator[Answer]:
    """`000 三(二)4`: what each answer leaves of the deduction. A revision upwards is a contradiction of its own and no answer."""
    for event in events:
        if isinstance(event, AppealRejected) and event.ref in points:
            yield event.ref, points[event.ref], event
        elif isinstance(event, AppealUpheld) and event.revised_points <= points.get(event.ref, -1):
            yield event.ref, event.revised_points, event


def _corrected_though_rejected(events: Sequence[Event]) -> Iterator[Issue]:
    """A correction is an objection accepted (`003 四`)."""
    rejected = {answer.ref for about in answered(events).values() for answer in about if answer.answer == "rejected"}
    filed = {getattr(event, "ref", None) for event in events if event.event_id in rejected}
    for event in events:
        if isinstance(event, StatusCorrected) and event.ref in rejected | filed:
            yield Issue(IssueCode.ANSWERED_BOTH_WAYS, event.event_id, _CORRECTED.zh, _CORRECTED.en)


def _reinstatements(events: Sequence[Event]) -> Iterator[Answer]:
    """`000 三(二)5`: decisions on one application; without a recorded one, decisions of one day at one institution."""
    open_application: dict[str | None, str] = {}
    for event in events:
        if isinstance(event, ReinstatementApplication):
            open_application[event.institution] = event.event_id
        elif isinstance(event, Reinstatement | ReinstatementRefused):
            applied = open_application.get(event.institution)
            yield applied or (event.date, event.institution), event.type_name == "reinstatement", event


def _trainings(events: Sequence[Event]) -> Iterator[Answer]:
    """`000 三(二)5`, `002 第十八条`: results of one day; Lanzhou has an event of its own for a training that was passed."""
    for event in events:
        if isinstance(event, TrainingResult | RetrainingPassed):
            yield event.date, not isinstance(event, TrainingResult) or event.passed, event
