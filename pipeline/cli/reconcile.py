"""`screening reconcile`: what was decided is decided again when the past has changed."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import click

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import bootstrap_option, json_option, settings_of, tell_of_packs
from pipeline.cli.signals import Stop, leave
from pipeline.telemetry.console import out

if TYPE_CHECKING:
    from pipeline.reconcile.run import Found

_KINDS = {
    "claw_back": "paid, now rejected",
    "release": "now paid",
    "to_review": "now for a person",
    "ground_changed": "another ground",
}


@click.command()
@bootstrap_option
@click.option("--archive", "place", metavar="FOLDER|URL", help="Where the archive is [env: SCREENING_ARCHIVE_URL]")
@click.option("--dry-run", is_flag=True, help="Tell what would change, and write nothing.")
@click.option(
    "--packs-changed", is_flag=True, help="Judge every claim of the archive, as after a change of the rule packs."
)
@click.option(
    "--at-most", default=1_000, show_default=True, type=click.IntRange(1), metavar="N",
    help="Write nothing if more claims than this have another answer.",
)  # fmt: skip
@click.option("--follow", is_flag=True, help="Run on, and look back whenever a standing changes or the archive grows.")
@click.option("--instance-id", help="Stable name of a process that runs on [env: SCREENING_INSTANCE_ID]")
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="HTTP port of a process that runs on [env: SCREENING_METRICS_PORT]",
)
@json_option
def reconcile(
    bootstrap_servers: str | None,
    place: str | None,
    dry_run: bool,
    packs_changed: bool,
    at_most: int,
    follow: bool,
    instance_id: str | None,
    metrics_port: int | None,
    as_json: bool,
) -> None:
    """Judges claims again whose past has changed: a physician, an institution, an insured person or a department has another
    standing than when the claim was answered.

    The claims and their last answers are those of the archive (`screening archive`) and of the topic `claim-revisions`; the
    standings are those published now: the run waits until they hold everything recorded before it. Each claim whose answer
    differs gets a revision in `claim-revisions`, exactly once: the earlier and the new answer, what the fund gets or gives, the
    events behind it and an explanation. A run that was killed is done again, and doubles nothing. A claim that is not archived
    yet is found by the next run.

    With --follow it is a process, with metrics and a page, that does so again whenever a standing changes or the archive grows,
    and stops cleanly on SIGTERM or Ctrl-C. --at-most then holds for each look back: more is not written.

    --packs-changed --dry-run also tells whether the last answer of every archived claim follows from the register now.

    Exit code 0: done, and with --dry-run nothing differs; 1: more claims differ than --at-most allows, with --dry-run some
    differ, or the run could not come to its end; 2: the settings or the packs cannot be used.

    \b
    Example:
      screening reconcile --dry-run
      screening reconcile --at-most 5000 --json
      screening reconcile --packs-changed --dry-run
      screening reconcile --follow
    """
    if follow:
        if dry_run or packs_changed or as_json:
            fail("--follow runs on; --dry-run, --packs-changed and --json are for a run that ends", Exit.USAGE)
        _follow(bootstrap_servers, place, instance_id, metrics_port, at_most)
        return
    from deltalake.exceptions import DeltaError
    from polars.exceptions import PolarsError
    from pydantic import ValidationError

    from pipeline.kafka.diagnostics import ClusterError
    from pipeline.kafka.transactions import TransactionAborted, TransactionFatal
    from pipeline.reconcile.run import ReconcileError
    from pipeline.reconcile.run import reconcile as run
    from pipeline.screening.view import ViewError
    from pipeline.settings.packs import load_pack_set
    from pipeline.telemetry.logs import configure_logs
    from rules.packs.errors import PackError

    settings = settings_of(bootstrap_servers=bootstrap_servers, archive_url=place)
    configure_logs(settings.log_format, settings.log_level)
    try:
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file, with_subjects=True)
        found = run(
            settings,
            packs,
            every=packs_changed,
            write=not dry_run,
            at_most=at_most,
            now=lambda: dt.datetime.now(dt.UTC),
        )
    except PackError as error:
        fail(str(error), Exit.USAGE)
    except (ReconcileError, ViewError, ClusterError, TransactionAborted, TransactionFatal) as error:
        fail(str(error))
    except (DeltaError, PolarsError, OSError) as error:
        fail(f"{settings.archive_place()}: the archive cannot be read: {error}")
    except ValidationError as error:
        fail(f"claim-revisions: a record is no revision: {error}")
    if as_json:
        click.echo(json.dumps(_record(found), ensure_ascii=False))
    else:
        _show(found, dry_run=dry_run)
    if dry_run:
        raise SystemExit(Exit.FAILED if found.revisions else Exit.DONE)
    if found.revisions > at_most:
        fail(
            f"{found.revisions:,} claims have another answer, nothing is written; --at-most {found.revisions} allows it"
        )


def _follow(
    bootstrap_servers: str | None, place: str | None, instance_id: str | None, metrics_port: int | None, at_most: int
) -> None:
    stop = Stop()
    from confluent_kafka import KafkaException
    from pydantic import ValidationError

    from pipeline.cli.running import run_until_stopped
    from pipeline.kafka.diagnostics import ClusterError
    from pipeline.kafka.transactions import TransactionFatal
    from pipeline.reconcile.events import ReconcileFailed
    from pipeline.reconcile.live import Follower
    from pipeline.screening.view import ViewError
    from pipeline.settings.packs import load_pack_set
    from pipeline.telemetry.logs import configure_logs

    stop.by(leave)
    settings = settings_of(
        bootstrap_servers=bootstrap_servers, archive_url=place, instance_id=instance_id, metrics_port=metrics_port
    )
    configure_logs(settings.log_format, settings.log_level)

    def made() -> Follower:
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file, with_subjects=True)
        tell_of_packs(packs, "reconcile")
        return Follower(settings, packs, at_most)

    run_until_stopped(
        stop, settings, made, component="reconcile", failed=ReconcileFailed,
        ends_by=(ViewError, ClusterError, KafkaException, TransactionFatal, ValidationError),
    )  # fmt: skip


def _record(found: Found) -> dict[str, object]:
    return {
        "answered": found.answered,
        "judged": found.judged,
        "revisions": found.revisions,
        "physicians": len(found.people),
        "kinds": {kind: {"claims": found.kinds[kind], "to_fund": f"{found.to_fund[kind]:.2f}"} for kind in _KINDS},
        "left": found.left,
        "written": found.written,
    }


def _show(found: Found, *, dry_run: bool) -> None:
    out.print(f"{found.answered:,} answered claims in the archive, {found.judged:,} judged again", soft_wrap=True)
    if found.left:
        out.print(
            f"  {found.left:,} could not be judged: their own records are not archived yet, or are no claims any more"
        )
    for kind, words in _KINDS.items():
        if found.kinds[kind]:
            out.print(f"  {kind} ({words}): {found.kinds[kind]:,} claims, {found.to_fund[kind]:,.2f} yuan to the fund")
    told = "would be written" if dry_run else "written"
    number = found.revisions if dry_run else found.written
    out.print(f"{number:,} revisions {told}, of {len(found.people):,} physicians", soft_wrap=True)
