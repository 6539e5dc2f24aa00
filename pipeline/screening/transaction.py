"""What a batch of the gate writes, in one transaction: verdicts, cases, dead letters and input offsets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.kafka.producing import Record
from pipeline.kafka.transactions import BATCH_BYTES, Objection, Outgoing, ReadUpTo, TransactionWriter
from pipeline.settings.model import Settings
from topics.catalogue import CLAIM_CASES, CLAIM_VERDICTS, CLAIMS_DEAD_LETTER


@dataclass(frozen=True, slots=True)
class Output:
    """What one batch writes. Dead letters carry key, value and headers as one keyword mapping each.

    `objection` is asked when all is written: what speaks against committing it.
    """

    verdicts: list[Record]
    cases: list[Record]
    dead_letters: list[Record]
    read: ReadUpTo
    epoch: int
    objection: Callable[[], Objection | None]


class TransactionalSink:
    """Writes outputs. `commit` may run on another thread than the one that made the sink, but only on one at a time.

    `epoch` answers the current ownership epoch; an output of an older epoch is not written, because its partitions may
    by now belong to another worker.
    """

    def __init__(
        self, settings: Settings, instance: str, epoch: Callable[[], int], batch_bytes: int = BATCH_BYTES
    ) -> None:
        """`batch_bytes`: what is sent at once to a partition, before it is compressed. A topic's limit holds for all of it."""
        self._epoch = epoch
        self._verdicts = CLAIM_VERDICTS.prefixed(settings.output_prefix).name
        self._cases = CLAIM_CASES.prefixed(settings.output_prefix).name
        self._dead_letters = CLAIMS_DEAD_LETTER.prefixed(settings.output_prefix).name
        self._writer = TransactionWriter(
            settings,
            f"{settings.group_id}-{settings.output_prefix}{instance}",
            queue__buffering__max__messages=1_000_000,
            queue__buffering__max__kbytes=1_048_576,
            batch__size=batch_bytes,
        )

    def start(self) -> None:
        """Takes over the instance name: fences any earlier producer of that name and finishes its transaction.

        Raises TransactionFatal when that is not possible.
        """
        self._writer.start()

    def commit(self, output: Output) -> None:
        """Writes one batch and its offsets. Raises TransactionAborted (read again) or TransactionFatal (producer done for)."""
        self._writer.commit(
            (
                Outgoing(self._verdicts, output.verdicts),
                Outgoing(self._cases, output.cases),
                Outgoing(self._dead_letters, output.dead_letters, single=True),
            ),
            output.read,
            owner=lambda: self._epoch() == output.epoch,
            objection=output.objection,
        )
