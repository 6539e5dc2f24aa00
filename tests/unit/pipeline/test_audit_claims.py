"""The audit tells the truth about work that was not done: each kind of claims without an outcome has a number of its own."""

from __future__ import annotations

from typing import Any

from pipeline.audit.claims import Ledger, _note, balance
from pipeline.audit.findings import Findings
from pipeline.kafka.offsets import Noted, PartitionOffsets


def audited(
    offsets: PartitionOffsets,
    *,
    judged: int,
    topic: str | None = "now",
    open_end: int | None = None,
    of_before: int = 0,
) -> tuple[dict[str, Any], list[str]]:
    """The figures of one partition whose log is full of claims, of which the first so many have a verdict; and the differences.

    `of_before` verdicts answer claims of the topic before, which had the same offsets.
    """
    ledger = Ledger({0: offsets}, topic, {0: offsets.high if open_end is None else open_end})
    for offset in range(offsets.low, offsets.high):
        ledger.record(0, offset)
    for offset in range(offsets.low, offsets.low + judged):
        ledger.outcome(0, offset)
        ledger.verdicts[0] += 1
    findings = Findings()
    for offset in range(of_before):
        assert not _note("claims", "before", 0, offset, "claim-verdicts/0/0", ledger, findings)
    balance(0, ledger, findings)
    [row] = findings.figures
    return row, [item.kind for item in findings.differences]


def test_what_waits_is_counted_and_is_no_difference() -> None:
    row, kinds = audited(PartitionOffsets(0, 20, 15, "now"), judged=15)
    assert (row["claims"], row["waiting"], kinds) == (15, 5, [])
    assert (row["behind_open_transaction"], row["expired_unread"], row["of_another_topic"]) == (0, 0, 0)


def test_the_age_of_what_waits_is_that_of_the_first_claim_behind_the_workers_offset() -> None:
    ledger = Ledger({0: PartitionOffsets(0, 3, 1, "now"), 1: PartitionOffsets(0, 2, 2, "now")}, "now")
    for partition, offset, stamp_ms in ((0, 0, 1_000), (0, 1, 2_000), (0, 2, 1_500), (1, 0, 10), (1, 1, 20)):
        ledger.record(partition, offset, stamp_ms)
    findings = Findings()
    for partition in (0, 1):
        balance(partition, ledger, findings)
    assert findings.waiting_since == {"claims": 2_000}
    assert findings.as_json()["waiting_since"] == {"claims": "1970-01-01T00:00:02.000Z"}


def test_what_an_open_transaction_hides_has_its_own_number() -> None:
    row, kinds = audited(PartitionOffsets(0, 20, 20, "now"), judged=20, open_end=60)
    assert (row["waiting"], row["behind_open_transaction"], kinds) == (0, 40, [])


def test_claims_that_expired_before_they_were_judged_are_a_difference() -> None:
    row, kinds = audited(PartitionOffsets(100, 120, 70, "now"), judged=0)
    assert (row["expired_unread"], row["waiting"], kinds) == (30, 20, ["expired_unread"])


def test_an_offset_of_a_topic_made_before_says_nothing_of_the_claims_of_this_one() -> None:
    """Made again, the log has grown past the old offset of 900: nothing would be missing by the offsets alone."""
    row, kinds = audited(PartitionOffsets(0, 1_000, 900, "before"), judged=0)
    assert (row["of_another_topic"], row["claims"], row["waiting"], kinds) == (1_000, 0, 1_000, ["other_topic"])
    row, kinds = audited(PartitionOffsets(0, 1_000, 900, ""), judged=900)
    assert (row["of_another_topic"], kinds) == (0, []), "a group that notes no topic is taken at its word"


def test_outcomes_of_a_topic_made_before_are_not_taken_for_those_of_this_one() -> None:
    """The same offsets were judged in both: by the offsets alone two claims would be doubled and three answered."""
    row, kinds = audited(PartitionOffsets(0, 20, 20, "now"), judged=17, of_before=5)
    assert (row["verdicts"], row["outcomes_of_another_topic"], kinds) == (17, 5, ["missing"])
    row, kinds = audited(PartitionOffsets(0, 20, 20, "now"), judged=20, of_before=5)
    assert kinds == []


def test_what_expired_unread_stays_a_number_of_its_own_after_the_workers_went_on() -> None:
    row, kinds = audited(PartitionOffsets(100, 120, 120, Noted("now", 30).text), judged=20)
    assert (row["expired_unread"], row["claims"], kinds) == (30, 20, [])
    row, kinds = audited(PartitionOffsets(100, 120, 90, Noted("now", 30).text), judged=0)
    assert (row["expired_unread"], row["waiting"], kinds) == (40, 20, ["expired_unread"])


def test_what_is_written_beside_an_offset_is_read_as_it_was_written() -> None:
    for noted in (Noted("nKBZb0r6R6-id"), Noted("nKBZb0r6R6-id", 12), Noted(""), Noted("", 7)):
        assert Noted.read(noted.text) == noted
    assert Noted("id").text == "id", "workers of before read it too"
