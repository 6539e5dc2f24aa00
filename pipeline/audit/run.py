"""Runs an audit in one call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from pipeline.audit.cases import audit_cases
from pipeline.audit.claims import audit_claims
from pipeline.audit.events import read_log
from pipeline.audit.findings import Findings, Part, Progress
from pipeline.audit.journal import audit_journal
from pipeline.audit.notices import audit_notices
from pipeline.audit.offsets import control_offsets
from pipeline.audit.standings import audit_standings, read_standings
from pipeline.settings.model import Settings, SettingsError
from pipeline.settings.packs import load_pack_set
from rules.events import CHINA
from topics.catalogue import PHYSICIAN_EVENTS
from topics.journal import Head


def run_audit(
    settings: Settings, part: Part | None, notices_on: dt.date | None, progress: Progress, heads: Iterable[Head] = ()
) -> Findings:
    """Audits the part named, or everything. Notices are demanded until `notices_on`, by default the clock's day in China. `heads`
    are those of the desk's journal that were kept elsewhere.

    Raises ClusterError, PackError, and SettingsError for a clock file that cannot be used.
    """
    findings = Findings()
    if part not in ("claims", "journal"):
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file, with_subjects=True)
        names = [pack.name for pack in (*packs.packs, *packs.subjects)]
        findings.law = {"packs": names, "holidays_sha256": packs.holidays.digest}
    if part in (None, "standings"):
        today = notices_on or _today(settings.control_clock_file)
        # In this order a plane at work is no difference: what it had done by now must be there, and every event behind what is
        # published is in the log that is read afterwards. Notices may be more than are demanded, so they come last.
        done = control_offsets(settings, PHYSICIAN_EVENTS)[PHYSICIAN_EVENTS.name]
        published = read_standings(settings, findings, progress)
        any_standing = any(topic.records for topic in published.values())
        log = read_log(settings, packs, done, findings, progress, published=any_standing)
        audit_standings(published, log, findings, progress)
        audit_notices(settings, log, today, findings, progress)
    if part in (None, "claims"):
        audit_claims(settings, findings, progress)
    if part in (None, "cases"):
        audit_cases(settings, packs, findings, progress)
    if part in (None, "journal"):
        audit_journal(settings, heads, findings, progress)
    return findings


def _today(clock_file: Path | None) -> dt.date:
    if clock_file is None:
        return dt.datetime.now(CHINA).date()
    try:
        return dt.datetime.fromisoformat(clock_file.read_text("utf-8").strip()).astimezone(CHINA).date()
    except (OSError, ValueError) as error:
        raise SettingsError(f"SCREENING_CONTROL_CLOCK_FILE: {clock_file}: {error}") from error
