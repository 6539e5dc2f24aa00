"""A folder of tables that is full, and has room again: what was written stays, and nothing has to be restarted."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.control.faust.state_store import RocksStateStore


@contextmanager
def full() -> Iterator[None]:
    """No file of this process may grow meanwhile, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_table_whose_folder_was_full_can_be_closed_and_opened_again_in_the_same_process(tmp_path: Path) -> None:
    path = tmp_path / "dossiers-0.db"
    store = RocksStateStore(path)
    store.write({b"a": b"1"}, 4)
    with full(), pytest.raises(Exception, match="File too large"):
        store.write({b"b": b"2" * 100_000}, 7)
    store.close()

    again = RocksStateStore(path)
    assert (again.get(b"a"), again.get(b"b"), again.offset) == (b"1", None, 4), "as far as the folder had room"
    again.write({b"b": b"2"}, 7)
    assert (again.get(b"b"), again.offset) == (b"2", 7)
    again.close()


def test_a_table_that_cannot_be_opened_for_want_of_room_lets_go_of_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "dossiers-0.db"
    with full(), pytest.raises(Exception, match="File too large"):
        RocksStateStore(path)
    store = RocksStateStore(path)
    store.write({b"a": b"1"}, 4)
    assert store.offset == 4
    store.close()
