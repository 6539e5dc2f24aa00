"""The sweep of a partition's notices: which of those that were given nothing asks for any more (清理已无依据的通知).

A notice bears no more than its owner's code, and a dossier does not know what it was ever told. So at the first look at a
partition 1. every notice that stands is noted by its name  2. each dossier that is looked at strikes out what it asks for
3. once the log is read to its end, what is left over is held against its own dossier once more, since that may have changed
meanwhile, and withdrawn in one transaction with the look. Whoever dies in between has lost nothing: the next owner begins anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator

import msgspec

from pipeline.control.dossiers import dossier_key
from pipeline.control.ledger import Ledger
from pipeline.control.standing_notices import given_in, stands
from pipeline.control.tally import Tally
from pipeline.control.withdrawals import not_asked, withdrawals
from pipeline.control.write_batch import WriteBatch
from rules.areas import areas_over_time
from topics.catalogue import NOTICES


class Sweep:
    """The names of notices that stand and that no dossier has asked for yet, by partition: some hundred bytes each."""

    def __init__(self) -> None:
        self._open: dict[int, set[bytes]] = {}

    def __bool__(self) -> bool:
        return bool(self._open)

    @property
    def partitions(self) -> set[int]:
        """Partitions whose notices are being swept."""
        return set(self._open)

    def note(self, partition: int, names: Iterable[bytes]) -> None:
        """These notices stand."""
        self._open.setdefault(partition, set()).update(names)

    def unasked(self, partition: int) -> set[bytes]:
        """What is left; to be struck out of."""
        return self._open.get(partition, set())

    def take(self, partition: int, most: int) -> list[bytes]:
        """Takes some of what is left; after the last of them the partition is swept."""
        left = self._open.get(partition, set())
        taken = [left.pop() for _ in range(min(most, len(left)))]
        if not left:
            self._open.pop(partition, None)
        return taken

    def forget(self, partition: int) -> None:
        """The partition belongs to another process now, or is looked at anew."""
        self._open.pop(partition, None)


class _Addressed(msgspec.Struct):
    region: str
    physician_code: str | None = None
    institution: str | None = None


_addressed = msgspec.json.Decoder(_Addressed).decode


def _owners(value: bytes) -> Iterator[bytes]:
    """The keys of the dossiers that a notice may have come from: its region's, and those of the areas that this ever belonged to.

    Before there were areas, each place of one had a dossier of its own. Raises msgspec.MsgspecError for what is no notice.
    """
    told = _addressed(value)
    for region in dict.fromkeys((told.region, *areas_over_time(told.region))):
        if told.physician_code:
            yield dossier_key("physician", region, told.physician_code)
        elif told.institution:
            yield dossier_key("institution", region, told.institution)


def withdraw_unasked(
    ledger: Ledger,
    partition: int,
    names: Iterable[bytes],
    batch: WriteBatch,
    today: dt.date,
    go_on: Callable[[], bool] = lambda: True,
) -> tuple[Tally, list[bytes]]:
    """Withdraws those of these notices that stand, although nothing in the dossier of their owner asks for them.

    To be asked when the log has been read to its end. A notice stays whose owner has no dossier, or one that this version or
    this law cannot count. Also tells the names that were not come to, because `go_on` said no after some owner.
    """
    tally, left = Tally(), dict[tuple[bytes, ...], list[str]]()
    for name in names:
        value = batch.get(NOTICES, partition, name)
        if value is not None and stands(value):
            left.setdefault(tuple(_owners(value)), []).append(name.decode())
    for owners in list(left):
        given = left.pop(owners)
        holding = ledger.holding(partition, owners, batch, today)
        if holding is not None:
            tally.put(partition, withdrawals(not_asked(given, holding), given_in(batch, partition), today), batch)
        if not go_on():
            break
    return tally, [name.encode() for given in left.values() for name in given]
