"""Who may do what with which topic: the least that each process needs. The page `topics/README.md` shows it as a table."""

from __future__ import annotations

from dataclasses import dataclass

from topics.catalogue import (
    CASE_ACTIONS,
    CASE_ACTIONS_DEAD_LETTER,
    CASE_FILES,
    CASE_STATE,
    CATALOGUE,
    CLAIM_CASES,
    CLAIM_REVISIONS,
    CLAIM_VERDICTS,
    CLAIMS,
    CLAIMS_DEAD_LETTER,
    CLAIMS_REDRIVEN,
    DESK_JOURNAL,
    DOSSIERS,
    INSTITUTION_STANDING,
    INTAKE_VISITS,
    INTERFACE_MESSAGES,
    INTERFACE_MESSAGES_DEAD_LETTER,
    LEDGER_PROGRESS,
    NOTICES,
    PHYSICIAN_EVENTS,
    PHYSICIAN_EVENTS_DEAD_LETTER,
    PHYSICIAN_STANDING,
    PRECHECK_FEEDBACK,
    STANDING_TOPICS,
    TopicSpec,
)


@dataclass(frozen=True, slots=True)
class Role:
    """A process or an office. `group` and `transactional` name the settings with which the names of its consumer groups and
    transactions begin; the group `tools` is that of the command-line tools."""

    name: str
    runs: str
    reads: tuple[TopicSpec, ...]
    writes: tuple[TopicSpec, ...]
    group: str | None = None
    transactional: str | None = None


_KEPT = (DOSSIERS, *STANDING_TOPICS, NOTICES, CASE_FILES, CASE_STATE, LEDGER_PROGRESS)

ROLES: tuple[Role, ...] = (
    Role(
        "worker",
        "screening worker",
        reads=(
            *(CLAIMS, *STANDING_TOPICS, PHYSICIAN_EVENTS, LEDGER_PROGRESS),
            *(CLAIM_VERDICTS, CLAIMS_DEAD_LETTER),  # where to go on follows from the outcomes when offsets have expired
        ),
        writes=(CLAIM_VERDICTS, CLAIM_CASES, CLAIMS_DEAD_LETTER),
        group="group_id",
        transactional="group_id",
    ),
    Role(
        "precheck",
        "screening precheck",
        reads=(*STANDING_TOPICS, PHYSICIAN_EVENTS, LEDGER_PROGRESS),
        writes=(PRECHECK_FEEDBACK,),
        group="group_id",  # it joins none, but the brokers ask for the right to name one
    ),
    Role(
        "control",
        "screening control",
        reads=(PHYSICIAN_EVENTS, CLAIM_CASES, CASE_ACTIONS, *_KEPT),
        writes=(*_KEPT, PHYSICIAN_EVENTS, PHYSICIAN_EVENTS_DEAD_LETTER, CASE_ACTIONS, CASE_ACTIONS_DEAD_LETTER),
        group="control_group_id",
        transactional="control_group_id",
    ),
    Role(
        "intake",
        "screening intake --live",
        reads=(INTERFACE_MESSAGES, INTAKE_VISITS),
        # What stands in the wrong partition is sent on to the right one.
        writes=(CLAIMS, INTAKE_VISITS, INTERFACE_MESSAGES, INTERFACE_MESSAGES_DEAD_LETTER),
        group="intake_group_id",
        transactional="intake_group_id",
    ),
    Role("archive", "screening archive", reads=(CLAIMS, CLAIM_VERDICTS), writes=(), group="archive_group_id"),
    Role(
        "reconcile",
        "screening reconcile",
        reads=(*STANDING_TOPICS, PHYSICIAN_EVENTS, LEDGER_PROGRESS, CLAIM_REVISIONS, CLAIM_CASES),
        writes=(CLAIM_REVISIONS, CLAIM_CASES, CASE_ACTIONS),
        group="group_id",  # it joins none, but the brokers ask for the right to name one
        transactional="reconcile_group_id",
    ),
    Role(
        "desk",
        "screening desk",
        reads=(CASE_FILES, DOSSIERS, PHYSICIAN_STANDING, INSTITUTION_STANDING, NOTICES, DESK_JOURNAL),
        writes=(CASE_ACTIONS, DESK_JOURNAL),
        group="desk_group_id",
        transactional="desk_group_id",
    ),
    Role(
        "operator",
        "screening dlq",
        reads=(
            *(CLAIMS_DEAD_LETTER, CLAIMS_REDRIVEN, PHYSICIAN_EVENTS_DEAD_LETTER, CASE_ACTIONS_DEAD_LETTER),
            INTERFACE_MESSAGES_DEAD_LETTER,
        ),
        writes=(CLAIMS, PHYSICIAN_EVENTS, CASE_ACTIONS, CLAIM_CASES, CLAIMS_REDRIVEN, INTERFACE_MESSAGES),
        group="tools",
        transactional="redrive",
    ),
    Role("auditor", "screening audit, screening replay --from-topic", reads=CATALOGUE, writes=(), group="group_id"),
    Role(
        "settlement",
        "settlement interface, screening load claims",
        reads=(CLAIM_VERDICTS, CLAIM_REVISIONS),
        writes=(CLAIMS,),
    ),
    Role("integrator", "integrators of the interface, screening load messages", reads=(), writes=(INTERFACE_MESSAGES,)),
    Role(
        "agency",
        "agencies and case tools, screening load events, screening register sync",
        reads=(
            *(NOTICES, CLAIM_CASES, CASE_STATE, LEDGER_PROGRESS, PHYSICIAN_EVENTS, PHYSICIAN_EVENTS_DEAD_LETTER),
            PRECHECK_FEEDBACK,
        ),
        writes=(PHYSICIAN_EVENTS, CASE_ACTIONS),
        group="tools",
    ),
)


def role(name: str) -> Role:
    """The role of this name. Raises KeyError, naming the roles that exist."""
    for one in ROLES:
        if one.name == name:
            return one
    raise KeyError(f"no role is called {name!r}; there are: {', '.join(one.name for one in ROLES)}")
