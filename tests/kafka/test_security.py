"""Who may reach what: brokers that let nobody in unproved, the least rights, secrets that are never shown, guarded pages."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.kafka.acl import bindings, grant
from tests.support.cluster import Cluster
from tests.support.control import Controls, last_values, record, wait_taken
from tests.support.histories import make
from tests.support.runs import publish, sample, send_claims, wait_judged
from tests.support.secured import SESSION_S, SecuredKafka
from tests.support.spoiled import SPOILED
from tests.support.workers import Crew
from topics.access import role

PASSWORD = "a-secret-that-nobody-may-see"
CLAIM = {
    "region": "522700", "institution_code": "H1", "encounter_type": "outpatient", "service_date": "2023-05-10",
    "settlement_time": "2023-05-11T09:30:00+08:00", "insured_id": "P1", "insurance_type": "resident", "total_amount": "100.00",
    "fund_amount": "70.00",
}  # fmt: skip
GROUPS = {"group_id": "gates-of-the-province", "control_group_id": "ledgers-of-the-province"}
"""Names that do not begin with one another, as the groups' own do."""


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    made = SecuredKafka(tmp_path_factory.mktemp("secured"))
    with made.broker:
        for name in ("gate", "ledger", "sender", "operator", "auditor", "nobody"):
            made.add_user(name, PASSWORD)
        inside = made.cluster.settings()
        for name, principal in (("worker", "User:gate"), ("settlement", "User:sender"), ("operator", "User:operator")):
            grant(bindings(role(name), principal, inside), inside)
        grant(bindings(role("worker"), "User:gate-by-certificate", inside), inside)
        grant(bindings(role("auditor"), "User:auditor", made.cluster.settings(**GROUPS)), inside)
        for principal in ("User:ledger", "User:ledger-by-certificate"):
            grant(bindings(role("control"), principal, inside), inside)
        yield made


@pytest.fixture
def guarded(secured: SecuredKafka) -> Cluster:
    secured.cluster.reset()
    return secured.cluster


@pytest.mark.kafka
@pytest.mark.parametrize("way", ["password", "certificate"])
def test_a_gate_with_the_least_rights_judges_claims_over_tls(
    guarded: Cluster, secured: SecuredKafka, tmp_path: Path, way: str
) -> None:
    register, claims = sample(seed=61, claims=300)
    publish(guarded, register)
    send_claims(guarded, [*claims, *(spoiled.value for spoiled in SPOILED)])
    proof = (
        secured.by_password("gate", PASSWORD) if way == "password" else secured.by_certificate("gate-by-certificate")
    )
    crew = Crew(guarded, tmp_path)
    try:
        worker = crew.start(log_level="debug", **proof).wait_ready()
        wait_judged(guarded, crew)
        assert crew.stop() == [0]
    finally:
        crew.dismiss()
    assert len(guarded.read("claim-verdicts")) == len(claims)
    assert len(guarded.read("claims-dead-letter")) == len(SPOILED)
    assert PASSWORD not in worker.output


@pytest.mark.kafka
@pytest.mark.parametrize("way", ["password", "certificate"])
def test_a_control_plane_with_the_least_rights_makes_standings_over_tls(
    guarded: Cluster, secured: SecuredKafka, tmp_path: Path, way: str
) -> None:
    proof = (
        secured.by_password("ledger", PASSWORD)
        if way == "password"
        else secured.by_certificate("ledger-by-certificate")
    )
    controls = Controls(guarded, tmp_path)
    try:
        control = controls.start(log_level="debug", **proof).wait_ready()
        event = make("registration", "2023-01-03", 1, region="522700", physician_code="D522701000001")
        guarded.send("physician-events", [record(event), {"key": "x", "value": b"{"}])
        wait_taken(guarded, controls)
        assert controls.stop() == [0]
    finally:
        controls.dismiss()
    assert set(last_values(guarded, "physician-standing")) == {"522700|D522701000001"}
    assert len(guarded.read("physician-events-dead-letter")) == 1
    assert PASSWORD not in control.output


@pytest.mark.kafka
def test_gate_and_ledger_work_on_when_what_they_proved_holds_no_more(
    guarded: Cluster, secured: SecuredKafka, tmp_path: Path
) -> None:
    crew, controls = Crew(guarded, tmp_path), Controls(guarded, tmp_path)
    try:
        crew.start(register_lag_ms=0, **secured.by_password("gate", PASSWORD)).wait_ready()
        controls.start(**secured.by_password("ledger", PASSWORD)).wait_ready()
        ends, rounds = time.monotonic() + 3 * SESSION_S, 0
        while time.monotonic() < ends:
            rounds += 1
            code = f"D5227010{rounds:05}"
            made = make("registration", "2023-01-03", 1, region="522700", physician_code=code, event_id=code)
            guarded.send("physician-events", [record(made)])
            wait_taken(guarded, controls)
            claim = {**CLAIM, "claim_id": code, "physician_code": code}
            send_claims(guarded, [json.dumps(claim).encode()])
            wait_judged(guarded, crew)
        assert not [
            event for event in controls.all[0].events() if event["event"] in ("control_failed", "control_restarted")
        ]
        assert crew.stop() == controls.stop() == [0]
    finally:
        crew.dismiss()
        controls.dismiss()
    verdicts = [json.loads(item.value or b"") for item in guarded.read("claim-verdicts")]
    assert len(verdicts) == rounds > 1
    assert {verdict["disposition"] for verdict in verdicts} == {"pay"}, "each by the event that came just before"


@pytest.mark.kafka
def test_a_gate_may_not_write_standings_and_a_sender_may_not_read_them(
    guarded: Cluster, secured: SecuredKafka, tmp_path: Path
) -> None:
    standing = tmp_path / "standing.ndjson"
    assert guarded.screening("sample", "standing", str(standing), "--count", "20").returncode == 0
    for name in ("gate", "sender", "nobody"):
        done = guarded.screening("load", "standing", str(standing), **secured.by_password(name, PASSWORD))
        assert done.returncode == 1
        assert "uthoriz" in done.stdout + done.stderr or "no right" in done.stderr, done.stdout + done.stderr
        assert PASSWORD not in done.stdout + done.stderr
    assert guarded.read("physician-standing") == []


@pytest.mark.kafka
def test_senders_and_operators_do_their_work_with_the_rights_of_their_roles(
    guarded: Cluster, secured: SecuredKafka, tmp_path: Path
) -> None:
    claims = tmp_path / "claims.ndjson"
    assert guarded.screening("sample", "claims", str(claims), "--count", "200").returncode == 0
    sent = guarded.screening("load", "claims", str(claims), "--json", **secured.by_password("sender", PASSWORD))
    assert sent.returncode == 0, sent.stderr
    assert len(guarded.read("claims")) == 200
    send_claims(guarded, [b"{", b"["])
    crew = Crew(guarded, tmp_path)
    try:
        crew.start(**secured.by_password("gate", PASSWORD)).wait_ready()
        wait_judged(guarded, crew)
        assert crew.stop() == [0]
    finally:
        crew.dismiss()
    proof = secured.by_password("operator", PASSWORD)
    listed = guarded.screening("dlq", "list", "--json", **proof)
    assert listed.returncode == 0, listed.stderr
    redriven = guarded.screening("dlq", "redrive", "--json", **proof)
    assert redriven.returncode == 0, redriven.stderr
    assert len(guarded.read("claims")) == 204


@pytest.mark.kafka
def test_an_auditor_reads_everything_with_the_rights_of_that_role_whatever_the_groups_are_called(
    guarded: Cluster, secured: SecuredKafka
) -> None:
    done = guarded.screening("audit", **GROUPS, **secured.by_password("auditor", PASSWORD))
    assert (done.returncode, "nothing found" in done.stdout) == (0, True), done.stdout + done.stderr


@pytest.mark.kafka
@pytest.mark.parametrize("name", ["gate", "nobody"])
def test_a_wrong_password_is_told_as_such_and_not_shown(guarded: Cluster, secured: SecuredKafka, name: str) -> None:
    proof = {**secured.by_password("gate", PASSWORD), "sasl_password_file": "", "sasl_password": "wrong-and-secret"}
    del proof["sasl_password_file"]
    done = guarded.screening("topics", "list", **{**proof, "sasl_username": name})
    assert done.returncode == 1
    assert "uthenticat" in done.stderr
    assert "wrong-and-secret" not in done.stdout + done.stderr


@pytest.mark.kafka
def test_a_broker_with_another_certificate_is_not_trusted(
    guarded: Cluster, secured: SecuredKafka, tmp_path: Path
) -> None:
    other = SecuredKafka(tmp_path / "other")
    done = guarded.screening(
        "topics", "list", **{**secured.by_password("gate", PASSWORD), "ssl_ca_file": other.ca_file}
    )
    assert done.returncode == 1
    assert "certificate" in done.stderr or "SSL" in done.stderr


# -- rights -------------------------------------------------------------------------------------------------------


# -- settings -----------------------------------------------------------------------------------------------------


# -- pages --------------------------------------------------------------------------------------------------------


@pytest.mark.kafka
def test_a_worker_that_would_be_open_to_all_does_not_start(cluster: Cluster) -> None:
    done = cluster.screening("worker", metrics_host="0.0.0.0", metrics_port=0)
    assert done.returncode == 2
    assert "SCREENING_HTTP_TOKEN_FILE" in done.stderr
