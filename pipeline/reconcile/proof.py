"""The audit of revisions: the standings of now explain the last answer of every archived claim, and every chain is in order."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

from deltalake.exceptions import DeltaError
from polars.exceptions import PolarsError
from pydantic import ValidationError

from pipeline.audit.findings import Fault, Findings, Part, Progress
from pipeline.kafka.diagnostics import ClusterError
from pipeline.reconcile.chain import chain_of, read_revisions
from pipeline.reconcile.difference import ANSWER
from pipeline.reconcile.run import ReconcileError, judging_now
from pipeline.screening.view import ViewError
from pipeline.settings.model import Settings
from pipeline.settings.packs import load_pack_set
from topics.catalogue import CLAIM_REVISIONS
from topics.messages.revisions import Answer, ClaimRevision
from topics.messages.verdicts import Source

PART = "revisions"


def audit_revisions(settings: Settings, _part: Part | None, _day: dt.date | None, progress: Progress) -> Findings:
    """Judges every archived claim again and names each whose last answer is another one, and each chain that is broken.

    Raises ClusterError, also where the archive cannot be read, and PackError.
    """
    findings = Findings()
    packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file, with_subjects=True)
    names = [pack.name for pack in (*packs.packs, *packs.subjects)]
    findings.law = {"packs": names, "holidays_sha256": packs.holidays.digest}
    try:
        progress(CLAIM_REVISIONS.name, 0)
        published = list(read_revisions(settings))
        for where, problem in broken(published):
            findings.differ(PART, Fault.BROKEN_CHAIN, where, problem)
        run = judging_now(settings, packs, chain_of(published), every=True)
        for one, _ in run.revisions(dt.datetime.now(dt.UTC)):
            told = f"{one.claim_id}: {_words(one.earlier)}, and by the standings of now {_words(one.new)}"
            findings.differ(PART, Fault.DIFFERS, _where(one.source), told)
    except (ReconcileError, ViewError) as error:
        raise ClusterError(str(error)) from error
    except ValidationError as error:
        raise ClusterError(f"{CLAIM_REVISIONS.name}: a record is no revision: {error}") from error
    except (DeltaError, PolarsError, OSError) as error:
        raise ClusterError(f"{settings.archive_place()}: the archive cannot be read: {error}") from error
    findings.count(
        PART, CLAIM_REVISIONS.name, answered=run.counts.answered, judged=run.counts.judged, not_judged=run.counts.left,
        revisions=len(published),
    )  # fmt: skip
    if run.counts.left:
        findings.notes.append(f"{run.counts.left:,} answered claims could not be judged: they are not archived yet")
    return findings


def broken(revisions: Iterable[ClaimRevision]) -> Iterator[tuple[str, str]]:
    """The chains that are not numbered from 1, or in which an answer is not the one that the next replaces: place and problem."""
    chains: defaultdict[Source, list[ClaimRevision]] = defaultdict(list)
    for revision in revisions:
        chains[revision.source].append(revision)
    for source, chain in chains.items():
        chain.sort(key=lambda one: one.number)
        numbers = [one.number for one in chain]
        if numbers != list(range(1, len(chain) + 1)):
            yield _where(source), f"{chain[0].claim_id}: its revisions are numbered {numbers}"
            continue
        for one, following in pairwise(chain):
            if _said(one.new) != _said(following.earlier):
                told = f"revision {following.number} replaces {_words(following.earlier)}, not {_words(one.new)}"
                yield _where(source), f"{one.claim_id}: {told}"


def _said(answer: Answer) -> tuple[object, ...]:
    return tuple(getattr(answer, name) for name in ANSWER)


def _words(answer: Answer) -> str:
    return f"{answer.disposition} ({answer.reason})"


def _where(source: Source) -> str:
    return f"{source.topic}/{source.partition}/{source.offset}"
