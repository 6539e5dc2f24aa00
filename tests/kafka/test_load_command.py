"""`screening load`: files into Kafka, bad lines told by their number and left out."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
from pathlib import Path

import polars as pl
import pytest

from pipeline.kafka.partitioner import partition_of
from tests.support.cluster import Cluster
from tests.support.register import make_claim, make_register, wire
from tests.support.spoiled import GOOD, claim

pytestmark = pytest.mark.kafka


def load(cluster: Cluster, kind: str, file: Path, *options: str) -> tuple[dict, subprocess.CompletedProcess[str]]:
    """Runs the command; the counts that it prints, and the process."""
    done = cluster.screening("load", kind, str(file), "--json", *options)
    return json.loads(done.stdout) if done.stdout else {}, done


def claims_in(cluster: Cluster) -> list[dict]:
    """Claims on the topic, by claim_id."""
    records = cluster.read("claims")
    claims = [json.loads(record.value or b"") for record in records]
    assert [record.key for record in records] == [item["claim_id"].encode() for item in claims]
    return sorted(claims, key=lambda item: item["claim_id"])


@pytest.mark.parametrize("name", ["claims.ndjson", "claims.jsonl", "claims.ndjson.gz"])
def test_lines_arrive_byte_for_byte_under_their_claim_id(cluster: Cluster, tmp_path: Path, name: str) -> None:
    rng = random.Random(1)
    register = make_register(rng, 5)
    lines = [wire(make_claim(rng, register, number)) for number in range(700)]
    data = b"\n".join(lines) + (b"" if name == "claims.jsonl" else b"\r\n\n")
    file = tmp_path / name
    file.write_bytes(gzip.compress(data) if name.endswith("gz") else data)

    counts, done = load(cluster, "claims", file)

    assert done.returncode == 0
    assert (counts["sent"], counts["bad"], counts["refused"]) == (700, 0, 0)
    assert sorted(record.value for record in cluster.read("claims")) == sorted(lines)


@pytest.mark.parametrize("name", ["claims.csv", "claims.csv.gz", "claims.parquet", "typed.parquet"])
def test_tables_arrive_in_the_contracts_own_types(cluster: Cluster, tmp_path: Path, name: str) -> None:
    rows = [
        GOOD | {"claim_id": "C1"},
        GOOD | {"claim_id": "C2", "physician_code": None, "service_start": "2023-05-01", "fund_amount": "-98.70"},
        GOOD | {"claim_id": "C3", "claim_version": 4, "institution_code": "贵州", "fund_amount": "0.10"},
    ]
    frame = pl.DataFrame(rows)
    if name.startswith("typed"):
        money = pl.col("total_amount", "fund_amount").cast(pl.Float64)
        moment = pl.col("settlement_time").str.to_datetime(time_zone="UTC").dt.convert_time_zone("Asia/Shanghai")
        frame = frame.with_columns(pl.col("service_date", "service_start").str.to_date(), money, moment)
    file = tmp_path / name
    if name.endswith(".parquet"):
        frame.write_parquet(file)
    else:
        text = frame.write_csv().encode()
        file.write_bytes(gzip.compress(text) if name.endswith("gz") else text)

    counts, done = load(cluster, "claims", file)

    assert (done.returncode, counts["sent"], counts["bad"]) == (0, 3, 0), done.stderr
    for arrived, row in zip(claims_in(cluster), rows, strict=True):
        moment = arrived.pop("settlement_time")
        assert moment in (GOOD["settlement_time"], "2023-05-11T09:30:00.000+08:00")
        assert arrived == {field: value for field, value in row.items() if field != "settlement_time"}


def test_bad_lines_are_told_by_number_and_the_rest_is_sent(cluster: Cluster, tmp_path: Path) -> None:
    lines = [claim(claim_id=f"C{number}") for number in range(30)]
    lines[3] = b'{"claim_id":'
    lines[7] = claim(fund_amount="12,30")
    lines[8] = b""
    lines[20] = b"\xff\xfe"
    file = tmp_path / "claims.ndjson"
    file.write_bytes(b"\n".join(lines) + b"\n")

    counts, done = load(cluster, "claims", file)

    assert (done.returncode, counts["sent"], counts["bad"], counts["lines"]) == (3, 26, 3, 30)
    for told in ("line 4: invalid_json", "line 8: invalid_value: fund_amount", "line 21: invalid_utf8"):
        assert told in done.stderr
    assert len(claims_in(cluster)) == 26


def test_a_bad_row_of_a_table_is_told_by_number_and_the_rest_is_sent(cluster: Cluster, tmp_path: Path) -> None:
    rows = [
        {name: str(value or "") for name, value in GOOD.items()} | {"claim_id": f"C{number}"} for number in range(6)
    ]
    rows[1]["claim_version"] = "first"
    rows[3]["service_date"] = "10.5.2023"
    file = tmp_path / "claims.csv"
    pl.DataFrame(rows).write_csv(file)

    counts, done = load(cluster, "claims", file)

    assert (done.returncode, counts.get("sent"), counts.get("bad")) == (3, 4, 2), done.stderr
    assert "line 3: wrong_type: claim_version" in done.stderr
    assert "line 5: invalid_value: service_date" in done.stderr


def test_strict_stops_at_the_first_bad_line_and_what_was_sent_before_stays(cluster: Cluster, tmp_path: Path) -> None:
    lines = [claim(claim_id=f"C{number:06}") for number in range(20_010)]
    lines[20_005] = b"{}"
    file = tmp_path / "claims.ndjson"
    file.write_bytes(b"\n".join(lines))

    _, done = load(cluster, "claims", file, "--strict")

    assert done.returncode == 1
    assert "line 20006: missing_field" in done.stderr
    assert len(cluster.read("claims")) == 20_000


def test_the_register_and_events_are_checked_before_they_are_sent(cluster: Cluster, tmp_path: Path) -> None:
    register = make_register(random.Random(2), 8)
    good = register.lines().splitlines()
    backwards = {"region": "522700", "physician_code": "D1", "revision": 1, "sites": [],
                 "spans": [{"from": "2023-05-10", "to": "2023-05-01", "standing": "normal"}]}  # fmt: skip
    bad = [
        json.dumps(backwards),
        json.dumps(backwards | {"spans": [], "revision": -1}),
        json.dumps({"region": "522700"}),
        "[]",
        "{",
    ]
    file = tmp_path / "standing.ndjson"
    file.write_text("\n".join([*bad, *good]), "utf-8")
    events = tmp_path / "events.ndjson"
    event = {
        "event_id": "e1",
        "region": "522700",
        "type": "registration",
        "date": "2023-05-10",
        "recorded_at": "2023-05-11T09:30:00+08:00",
        "physician_code": "D1",
        "institution": "H1",
        "training": True,
    }
    events.write_text(
        "\n".join(json.dumps(item) for item in (event, event | {"physician_code": None}, event | {"date": "soon"}))
    )

    counts, done = load(cluster, "standing", file)
    counted, told = load(cluster, "events", events)

    assert (counts["sent"], counts["bad"]) == (len(good), len(bad)), done.stderr
    assert {f"line {number}:" for number in range(1, 6)} <= {
        line.partition(":")[0] + ":" for line in done.stderr.splitlines()
    }
    sent = cluster.read_all("physician-standing", "institution-standing", "physician-events")
    assert {record.key.decode() for record in sent["physician-standing"]} == register.physicians.keys()
    assert {record.key.decode() for record in sent["institution-standing"]} == register.institutions.keys()
    assert (counted["sent"], counted["bad"]) == (1, 2), told.stderr
    assert sorted(record.key for record in sent["physician-events"]) == [b"D1"]


def test_a_file_or_topic_that_is_not_there_is_told_in_words(kafka: Cluster, tmp_path: Path) -> None:
    kafka.clear()
    file = tmp_path / "claims.ndjson"
    file.write_bytes(claim())
    broken = tmp_path / "broken.ndjson.gz"
    broken.write_bytes(gzip.compress(claim() * 50)[:60])
    for place, words in (
        (tmp_path / "none.ndjson", "no such file"),
        (file, "screening topics apply"),
        (broken, "cannot be read"),
    ):
        _, done = load(kafka, "claims", place)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_a_standing_is_put_where_the_control_plane_keeps_it(cluster: Cluster, tmp_path: Path) -> None:
    """In another partition the same key would have two newest records."""
    file = tmp_path / "standing.ndjson"
    assert cluster.screening("sample", "standing", str(file), "--count", "100").returncode == 0
    _, done = load(cluster, "standing", file)
    assert done.returncode == 0
    partitions = len(
        cluster.admin.list_topics("physician-standing", timeout=20).topics["physician-standing"].partitions
    )
    records = cluster.read("physician-standing")
    assert len(records) > 90
    for record in records:
        code = (record.key or b"").partition(b"|")[2]
        assert record.partition == partition_of(code, partitions)
