"""A header that some client wrote in GBK: the record comes out like any other, and so do those before and behind it."""

from __future__ import annotations

import pytest
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.structs import TopicPartition

from pipeline.control.faust.headers import ForgivingRecords


class _Raw(str):
    __slots__ = ()

    def encode(self, _encoding: str = "utf-8", _errors: str = "strict") -> bytes:
        return bytes(ord(sign) for sign in self)


def _batch(first: int, headers: list[list[tuple[str, bytes]]], codec: int) -> bytes:
    built = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, -1, 100_000)
    for number, given in enumerate(headers):
        value = f"value {first + number} 中文".encode("gbk")
        assert built.append(number, 1_700_000_000_000, b"key", value, given) is not None
    made = bytearray(built.build())
    made[:8] = first.to_bytes(8, "big")
    return bytes(made)


@pytest.mark.parametrize("codec", [0, 1, 3], ids=["plain", "gzip", "lz4"])
def test_a_header_name_that_is_not_utf8_is_kept_as_bytes_and_costs_no_record(codec: int) -> None:
    bad = [("good", b"1"), (_Raw("中文".encode("gbk").decode("latin-1")), b"2")]
    sent = _batch(0, [[("a", b"b")]], codec) + _batch(1, [[("c", b"d")], bad, [("e", b"f"), ("名", b"g")]], codec)

    found = list(PartitionRecords(TopicPartition("t", 0), ForgivingRecords(sent), [], 0, None, None, True, 1))

    assert [record.offset for record in found] == [0, 1, 2, 3]
    assert [record.value for record in found] == [f"value {number} 中文".encode("gbk") for number in range(4)]
    assert [list(record.headers) for record in found] == [
        [("a", b"b")],
        [("c", b"d")],
        [("headers.unreadable", "中文".encode("gbk"))],
        [("e", b"f"), ("名", b"g")],
    ]
