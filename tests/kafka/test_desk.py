"""The desk as a process on a real Kafka: a reviewer's day, what the journal says of it, and what is found when the journal is touched."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from pipeline.desk.accounts import Accounts
from pipeline.desk.journal import HEADS_FILE
from pipeline.desk.rights import Role
from pipeline.desk.store.database import open_database
from tests.kafka.test_control_cases import case, handled
from tests.support.cluster import Cluster
from tests.support.commands import screening
from tests.support.control import Controls, record
from tests.support.desks import AREA, INSTITUTION, PASSWORD, PHYSICIAN, DeskProcess, Desks
from tests.support.histories import make
from tests.support.waiting import wait_for
from topics.journal import Head

pytestmark = pytest.mark.kafka


class Browser:
    """Somebody at the desk."""

    def __init__(self, process: DeskProcess, name: str) -> None:
        address = process.wait_event("desk_started")["metrics"].removesuffix("/metrics")
        self.http = httpx.Client(base_url=address, headers={"accept-language": "en"}, trust_env=False, timeout=60)
        assert self.http.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303

    def act(self, name: str, action: str, **more: str) -> str:
        """Acts on a case and waits until its page says what became of it."""
        path = f"/cases/{name}"
        form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.http.get(path).text))
        answer = self.http.post(path, data={**form, "action": action, "note": "seen", **more})
        assert answer.status_code == 303, answer.text
        wait_for("the ledger has taken it", lambda: "refresh" not in self.http.get(answer.headers["location"]).headers)
        return self.http.get(answer.headers["location"]).text


def accounts(folder: Path, cluster: Cluster) -> None:
    made = Accounts(open_database(cluster.settings(data_dir=folder)))
    made.add("li.na", PASSWORD, Role.REVIEWER, [AREA])
    made.add("elsewhere", PASSWORD, Role.REVIEWER, ["620100"])


def journal(cluster: Cluster) -> list[dict]:
    return [json.loads(item.value or b"") for item in cluster.read("desk-journal")]


def audited(cluster: Cluster, *arguments: object) -> tuple[int, list[str]]:
    done = screening("audit", "--journal", "--json", *arguments, bootstrap_servers=cluster.bootstrap)
    return done.returncode, [found["kind"] for found in json.loads(done.stdout)["differences"]]


def test_a_reviewer_takes_a_case_decides_it_and_all_of_it_is_in_the_journal(
    cluster: Cluster, controls: Controls, desks: Desks, tmp_path: Path
) -> None:
    """Case and dossier come from the control plane; acts go to it and are shown when it has taken them; a rebuild shows the same."""
    folder = tmp_path / "desk"
    controls.start().wait_ready()
    common = {"region": AREA, "physician_code": PHYSICIAN, "institution": INSTITUTION}
    cluster.send("physician-events", [
        record(make("registration", "2023-01-01", 1, event_id="ev-1", **common)),
        record(make("deduction", "2023-05-10", 2, event_id="ev-17", points=6, violation_id="QN-T6-02", **common)),
    ])  # fmt: skip
    cluster.send("claim-cases", [case("case-1"), case("case-2")])
    handled(cluster, controls)
    accounts(folder, cluster)
    process = desks.start()
    process.wait_ready()
    li_na = Browser(process, "li.na")
    assert li_na.http.get("/inbox").text.count('href="/cases/case-') == 2
    assert "assigned" in li_na.act("case-1", "assign", assignee="li.na")
    assert "The ledger has taken it" in li_na.act("case-1", "uphold")
    assert cluster.read("case-actions-dead-letter") == []
    state = handled(cluster, controls)["case-1"]
    assert (state["state"], state["updated_by"]) == ("upheld", "li.na")
    assert "ev-1" in li_na.http.get(f"/people/{AREA}/{PHYSICIAN}").text
    assert Browser(process, "elsewhere").http.get("/cases/case-1").status_code == 404
    acts = [(entry["act"], entry["what"]) for entry in journal(cluster) if entry["act"] == "act"]
    assert acts == [("act", "case_assign"), ("act", "case_uphold")]
    assert audited(cluster) == (0, [])

    shown = li_na.http.get("/inbox.csv", params={"show": "all"}).text
    done = screening("desk", "rebuild", "--json", bootstrap_servers=cluster.bootstrap, data_dir=folder)
    assert (done.returncode, json.loads(done.stdout)["unreadable"]) == (0, 0), done.stderr
    wait_for("the desk has gone on", lambda: json.loads(process.get("/readyz")[1])["records_behind"] == 0)
    assert li_na.http.get("/inbox.csv", params={"show": "all"}).text == shown, (
        "accounts and sessions stay, rows come again"
    )
    assert desks.stop() == [0]


def test_one_desk_writes_the_journal_and_who_touches_it_is_found(
    cluster: Cluster, desks: Desks, tmp_path: Path
) -> None:
    folder = tmp_path / "desk"
    accounts(folder, cluster)
    first = desks.start()
    first.wait_ready()
    li_na = Browser(first, "li.na")
    for _ in range(3):
        assert li_na.http.get("/inbox").status_code == 200
    second = desks.start()
    second.wait_ready()
    assert li_na.http.get("/inbox").status_code == 503, "fenced: what it cannot write down it does not show"
    assert first.wait() == 1
    assert Browser(second, "li.na").http.get("/inbox").status_code == 200
    assert desks.stop() == [0]
    assert audited(cluster, "--journal-heads", folder / HEADS_FILE) == (0, [])
    assert [entry["seq"] for entry in journal(cluster)] == list(range(1, len(journal(cluster)) + 1))

    kept = [item.value or b"" for item in cluster.read("desk-journal")]
    last = Head(len(kept), json.loads(kept[-1])["hash"])
    cluster.reset()
    cluster.send("desk-journal", [{"key": "x", "value": value} for value in kept[:-1]])
    assert audited(cluster) == (0, []), "a cut tail leaves a chain that is whole"
    assert audited(cluster, "--journal-heads", folder / HEADS_FILE) == (1, ["cut"])
    third = desks.start()
    assert third.wait() == 1
    assert str(last.seq) in third.wait_event("desk_failed")["error"]
    cluster.send("desk-journal", [{"key": "x", "value": kept[-1].replace(b'"li.na"', b'"wu.li"')}])
    assert audited(cluster) == (1, ["altered"])
