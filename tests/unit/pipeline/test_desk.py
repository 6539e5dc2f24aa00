"""The desk as its users meet it: who sees what, what an act needs, and that nothing is shown or done without an entry of the journal."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.desk.accounts import AccountError
from pipeline.desk.rights import RIGHTS, Right, Role
from tests.support.desks import (
    AREA,
    INSTITUTION,
    OTHER_AREA,
    OTHER_INSTITUTION,
    OTHER_PHYSICIAN,
    PASSWORD,
    PHYSICIAN,
    ROLES,
    Office,
    taken,
)
from tests.support.histories import make
from topics.catalogue import CASE_FILES, NOTICES

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office with cases of two institutions of one area and one of another area; nothing here is changed by a test."""
    made = Office(tmp_path_factory.mktemp("desk")).staffed()
    fill(made)
    yield made
    made.close()


def fill(office: Office) -> None:
    office.put_case("own", physician_code=PHYSICIAN)
    office.put_case("mine", taken(1, "assign", assignee="reviewer"), physician_code=PHYSICIAN)
    office.put_case("theirs", institution_code=OTHER_INSTITUTION, physician_code=OTHER_PHYSICIAN)
    office.put_case(
        "foreign", region=OTHER_AREA, area=OTHER_AREA, institution_code="H62010000001", physician_code="D620101000001"
    )
    office.put_physician(AREA, PHYSICIAN, INSTITUTION)
    office.put_physician(AREA, OTHER_PHYSICIAN, OTHER_INSTITUTION)
    office.put_physician(OTHER_AREA, "D620101000001", "H62010000001")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Office]:
    """An office of one test alone."""
    made = Office(tmp_path).staffed()
    made.put_case("own")
    yield made
    made.close()


CASES_OF_ALL = {"own", "mine", "theirs"}
SEES: dict[str, set[str]] = {
    "reviewer": CASES_OF_ALL, "supervisor": CASES_OF_ALL, "auditor": CASES_OF_ALL, "institution": {"own", "mine"},
    "clerk": set(), "physician": set(), "elsewhere": {"foreign"},
}  # fmt: skip
PEOPLE: dict[str, set[str]] = {
    "reviewer": {PHYSICIAN, OTHER_PHYSICIAN}, "supervisor": {PHYSICIAN, OTHER_PHYSICIAN}, "clerk": {PHYSICIAN, OTHER_PHYSICIAN},
    "auditor": {PHYSICIAN, OTHER_PHYSICIAN}, "institution": {PHYSICIAN}, "physician": {PHYSICIAN}, "elsewhere": {"D620101000001"},
}  # fmt: skip
INSTITUTIONS: dict[str, set[str]] = {
    "reviewer": {INSTITUTION, OTHER_INSTITUTION}, "supervisor": {INSTITUTION, OTHER_INSTITUTION},
    "clerk": {INSTITUTION, OTHER_INSTITUTION}, "auditor": {INSTITUTION, OTHER_INSTITUTION}, "institution": {INSTITUTION},
    "physician": set(), "elsewhere": {"H62010000001"},
}  # fmt: skip


@pytest.mark.parametrize("name", [*map(str, ROLES), "elsewhere"])
def test_everybody_sees_what_the_role_and_the_area_allow_and_nothing_else(office: Office, name: str) -> None:
    """Every page with every id of both areas; what is somebody else's is answered as what does not exist."""
    visitor = office.visitor(name)
    asked = {
        **{f"/cases/{case}": case in SEES[name] for case in (*CASES_OF_ALL, "foreign", "no-such-case")},
        **{
            f"/people/{area}/{code}": code in PEOPLE[name] and (area == OTHER_AREA) == (name == "elsewhere")
            for area in (AREA, OTHER_AREA)
            for code in (PHYSICIAN, OTHER_PHYSICIAN, "D620101000001", "D000000000000")
        },
        **{
            f"/institutions/{area}/{code}": code in INSTITUTIONS[name] and (area == OTHER_AREA) == (name == "elsewhere")
            for area in (AREA, OTHER_AREA)
            for code in (INSTITUTION, OTHER_INSTITUTION, "H62010000001", "H00000000000")
        },
    }
    told = {path: visitor.http.get(path) for path in asked}
    assert {path: answer.status_code for path, answer in told.items()} == {
        path: 200 if may else 404 for path, may in asked.items()
    }
    missing = visitor.http.get("/no-such-page").text
    for path, may in asked.items():
        if not may:
            assert told[path].text.replace(path, "/") == missing.replace("/no-such-page", "/"), (
                "the answer tells nothing"
            )


@pytest.mark.parametrize("name", [*map(str, ROLES), "elsewhere"])
def test_the_inbox_and_its_file_hold_the_cases_that_one_may_see(office: Office, name: str) -> None:
    visitor = office.visitor(name)
    for path in ("/inbox", "/inbox.csv"):
        answer = visitor.http.get(path, params={"show": "all"})
        if not SEES[name]:
            assert answer.status_code == 404
            continue
        assert answer.status_code == 200
        assert {
            case
            for case in (*CASES_OF_ALL, "foreign")
            if f"/cases/{case}" in answer.text or f"\n{case}," in answer.text
        } == SEES[name]
    for query in ({"area": OTHER_AREA}, {"institution": "H62010000001"}):
        if SEES[name] and name != "elsewhere":
            assert "/cases/" not in visitor.http.get("/inbox", params={"show": "all", **query}).text


@pytest.mark.parametrize("name", [*map(str, ROLES), "elsewhere"])
def test_only_reviewers_of_the_area_act_and_a_case_of_another_area_stays_out_of_reach(
    office: Office, name: str
) -> None:
    before = len(office.actions.sent)
    visitor = office.visitor(name)
    csrf = (
        visitor.form("/")["csrf"]
        if name == "clerk"
        else visitor.form(visitor.http.get("/").headers.get("location", "/")).get("csrf", "")
    )
    form = {"csrf": csrf, "action": "assign", "assignee": "reviewer", "revision": "0", "action_id": "desk-1"}
    told = {case: visitor.http.post(f"/cases/{case}", data=form).status_code for case in ("own", "foreign")}
    acts = RIGHTS[Role.SUPERVISOR if name == "elsewhere" else Role(name)] >= {Right.ACT}
    assert told["foreign"] != 303 or name == "elsewhere"
    assert told["own"] == (303 if acts and name != "elsewhere" else 404)
    assert len(office.actions.sent) - before == (acts and name != "elsewhere")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/inbox",
        "/inbox.csv",
        "/cases/own",
        f"/people/{AREA}/{PHYSICIAN}",
        f"/institutions/{AREA}/{INSTITUTION}",
        "/look-up",
    ],
)
def test_whoever_is_not_logged_in_is_led_to_the_log_in_and_back_again(office: Office, path: str) -> None:
    visitor = office.visitor()
    answer = visitor.http.get(path)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
    assert visitor.http.post("/cases/own", data={"csrf": "x"}).status_code == 401


def test_nothing_is_shown_and_nothing_is_done_when_the_journal_cannot_be_written(fresh: Office) -> None:
    visitor = fresh.visitor("supervisor")
    form = visitor.form("/cases/own")
    fresh.journal.closed = True
    for path in ("/inbox", "/inbox.csv", "/cases/own"):
        answer = visitor.http.get(path)
        assert answer.status_code == 503
        assert "C0001" not in answer.text, "nothing of the page comes through"
    answer = visitor.http.post("/cases/own", data={**form, "action": "assign", "assignee": "reviewer"})
    assert (answer.status_code, fresh.actions.sent) == (503, [])
    assert fresh.visitor().http.post("/login", data={"name": "reviewer", "password": PASSWORD}).status_code == 503


def test_the_journal_says_who_looked_at_and_did_what_and_names_nobody(fresh: Office) -> None:
    fresh.put_physician(AREA, PHYSICIAN, INSTITUTION)
    visitor = fresh.visitor("supervisor")
    visitor.http.get("/inbox")
    visitor.http.get("/inbox.csv")
    visitor.http.get(f"/people/{AREA}/{PHYSICIAN}")
    visitor.act("own", "assign", assignee="supervisor", note="a note about a patient")
    visitor.http.post("/logout", data={"csrf": visitor.form("/inbox")["csrf"]})
    told = [(entry.act, entry.what, entry.ids) for entry in fresh.journal.entries]
    (sent,) = fresh.actions.sent
    assert told == [
        ("log_in", "desk", ()),
        ("look", "inbox", ("own",)),
        ("export", "inbox", ()),
        ("look", "person", (PHYSICIAN, "own")),
        ("look", "case", ("own", PHYSICIAN)),
        ("act", "case_assign", ("own", sent.action_id)),
        ("look", "inbox", ("own",)),
        ("log_out", "desk", ()),
    ]
    assert {(entry.by, entry.role, entry.why) for entry in fresh.journal.entries} == {
        ("supervisor", "supervisor", "case_review")
    }
    assert fresh.journal.entries[2].count == 1
    assert "patient" not in repr(fresh.journal.entries)
    assert visitor.http.get("/inbox").status_code == 303, "logged out"


def test_an_act_is_one_record_in_the_name_of_whoever_is_logged_in(fresh: Office) -> None:
    visitor = fresh.visitor("reviewer")
    answer = visitor.act("own", "assign", assignee="reviewer", note="", by="somebody else")
    (sent,) = fresh.actions.sent
    assert (sent.case_id, sent.action, sent.by, sent.assignee) == ("own", "assign", "reviewer", "reviewer")
    assert answer.headers["location"] == f"/cases/own?sent={sent.action_id}"
    page = visitor.http.get(answer.headers["location"])
    assert "waiting for the ledger" in page.text
    assert page.headers["refresh"] == "2"
    fresh.put_case("own", json.loads(sent.model_dump_json()))
    page = visitor.http.get(answer.headers["location"])
    assert "The ledger has taken it" in page.text
    assert "refresh" not in page.headers


def test_what_cannot_be_done_is_refused_before_it_is_sent_and_says_why(fresh: Office) -> None:
    fresh.put_case("taken", taken(1, "assign", by="colleague", assignee="colleague"))
    reviewer, supervisor = fresh.visitor("reviewer"), fresh.visitor("supervisor")
    for visitor, case, action, more, why in (
        (reviewer, "own", "uphold", {}, "cannot do this"),
        (reviewer, "taken", "uphold", {}, "cannot do this"),
        (reviewer, "own", "assign", {"assignee": "colleague"}, "Take the case before"),
        (supervisor, "own", "assign", {"assignee": "clerk"}, "cannot work on cases"),
        (supervisor, "own", "assign", {"assignee": "elsewhere"}, "cannot work on cases"),
        (supervisor, "taken", "uphold", {"note": " "}, "Say why"),
        (supervisor, "taken", "uphold", {"note": "x" * 2001}, "at most 2,000"),
        (supervisor, "taken", "uphold", {"revision": "0"}, "has changed"),
        (supervisor, "taken", "explode", {}, "not complete"),
    ):
        answer = visitor.act(case, action, **{"note": "seen", **more})
        assert (answer.status_code, why in answer.text) == (409, True), (case, action, more)
    assert fresh.actions.sent == []
    assert supervisor.act("taken", "overturn").status_code == 303
    assert [one.action for one in fresh.actions.sent] == ["overturn"]


def test_a_form_without_its_token_or_from_another_site_does_nothing(fresh: Office) -> None:
    visitor, other = fresh.visitor("reviewer"), fresh.visitor("supervisor")
    form = {**visitor.form("/cases/own"), "action": "assign", "assignee": "reviewer"}
    theirs = other.form("/cases/own")["csrf"]
    for csrf in ("", "x", theirs):
        assert visitor.http.post("/cases/own", data={**form, "csrf": csrf}).status_code == 403
    for headers in (
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert visitor.http.post("/cases/own", data=form, headers=headers).status_code == 403
        assert (
            fresh.visitor()
            .http.post("/login", data={"name": "clerk", "password": PASSWORD}, headers=headers)
            .status_code
            == 403
        )
    assert visitor.http.post("/cases/own", json=form).status_code == 415
    assert visitor.http.post("/cases/own", data={**form, "note": "x" * 70_000}).status_code == 413
    assert fresh.actions.sent == []
    assert visitor.http.post("/cases/own", data=form, headers={"origin": fresh.address}).status_code == 303


def test_a_session_is_made_at_the_log_in_kept_from_scripts_and_ended_with_the_account(fresh: Office) -> None:
    visitor = fresh.visitor()
    visitor.http.cookies.set("desk", "chosen-by-somebody-else", domain="127.0.0.1")
    visitor.log_in("reviewer")
    answer = visitor.http.post("/login", data={"name": "reviewer", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "chosen" not in cookie
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/"))
    assert fresh.visitor("reviewer").http.get("/inbox").status_code == 200
    fresh.accounts.end("reviewer")
    assert visitor.http.get("/inbox").status_code == 303
    assert fresh.visitor().http.post("/login", data={"name": "reviewer", "password": PASSWORD}).status_code == 401


def test_every_answer_carries_the_headers_that_keep_others_out(office: Office) -> None:
    visitor = office.visitor("reviewer")
    for path in ("/login", "/inbox", "/cases/own", "/cases/foreign", "/nowhere"):
        headers = visitor.http.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["referrer-policy"], headers["cache-control"]) == (
            "nosniff", "no-referrer", "no-store",
        )  # fmt: skip


def test_a_wrong_password_is_told_like_an_unknown_name_and_tries_are_few(fresh: Office) -> None:
    visitor = fresh.visitor()
    answers = [visitor.http.post("/login", data={"name": name, "password": "wrong"}) for name in ("reviewer", "nobody")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].text == answers[1].text
    told = [(entry.act, entry.by) for entry in fresh.journal.entries]
    assert told == [("log_in_refused", "reviewer"), ("log_in_refused", "unknown")], "what was typed is not written down"
    tries = [visitor.http.post("/login", data={"name": "reviewer", "password": "wrong"}).status_code for _ in range(6)]
    assert tries == [401, 401, 401, 401, 429, 429]
    assert visitor.http.post("/login", data={"name": "reviewer", "password": PASSWORD}).status_code == 429
    assert fresh.visitor().http.post("/login", data={"name": "clerk", "password": PASSWORD}).status_code == 303


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_log_in_leads_to_no_other_site(fresh: Office, there: str) -> None:
    answer = fresh.visitor().http.post("/login", data={"name": "clerk", "password": PASSWORD, "next": there})
    assert answer.headers["location"] == "/"


def test_what_claims_and_people_write_is_shown_as_text_and_never_as_markup(fresh: Office) -> None:
    fresh.put_case(
        "odd", taken(1, "assign", by=SCRIPT, note=SCRIPT, assignee=SCRIPT),
        claim_id=SCRIPT, institution_code=f'H1"{SCRIPT}', physician_code=SCRIPT, explanation={"zh": SCRIPT, "en": SCRIPT},
        evidence=[SCRIPT], citations=[SCRIPT], reason=SCRIPT,
    )  # fmt: skip
    notice = {"notice_id": "n1", "kind": "k", "region": AREA, "institution": INSTITUTION, "due_on": "2026-12-01", "citation": SCRIPT,
              "explanation": {"zh": SCRIPT, "en": SCRIPT}}  # fmt: skip
    fresh.put(NOTICES.name, "n1", notice)
    visitor = fresh.visitor("supervisor")
    for path in (
        "/cases/odd",
        "/inbox",
        f"/institutions/{AREA}/{INSTITUTION}",
        f"/inbox?institution={SCRIPT}&least={SCRIPT}",
        f"/{SCRIPT}",
    ):
        for lang in ("zh", "en"):
            text = visitor.http.get(path, params={"lang": lang} if "?" not in path else None).text
            assert "<script" not in text.lower(), path
    assert "&lt;script&gt;alert(1)" in visitor.http.get("/cases/odd").text


def test_a_spreadsheet_takes_no_cell_of_the_file_for_a_formula(fresh: Office) -> None:
    fresh.put_case("odd", claim_id="=HYPERLINK(1)", physician_code="@SUM(1)", fund_amount="-5.00")
    text = fresh.visitor("reviewer").http.get("/inbox.csv", params={"show": "all", "lang": "en"}).text
    rows = {row["case"]: row for row in csv.DictReader(io.StringIO(text.lstrip("\ufeff")))}
    assert (rows["odd"]["claim"], rows["odd"]["physician"]) == ("'=HYPERLINK(1)", "'@SUM(1)")
    assert rows["odd"]["fund share (yuan)"] == "-5.00"


def test_what_is_overdue_sorts_first_and_what_is_decided_is_due_no_more(fresh: Office) -> None:
    fresh.put_case("late", opened_at="2026-01-05T01:00:00Z")
    fresh.put_case("decided", taken(1, "assign"), taken(2, "uphold"), opened_at="2025-01-05T01:00:00Z")
    fresh.put_case(
        "again",
        taken(1, "assign"),
        taken(2, "uphold"),
        {**taken(3, "reopen"), "at": "2099-01-05T10:00:00+08:00"},
        opened_at="2025-01-05T01:00:00Z",
    )
    visitor = fresh.visitor("reviewer")
    text = visitor.http.get("/inbox", params={"lang": "en"}).text
    assert text.index("/cases/late") < text.index("/cases/own") < text.index("/cases/again")
    assert "/cases/decided" not in text
    assert "overdue" in text
    late = visitor.http.get("/inbox", params={"overdue": "1", "lang": "en"}).text
    assert "/cases/late" in late
    assert "/cases/again" not in late
    assert "2026-01-19" in text, "ten working days from 5 January 2026"


def test_the_inbox_goes_on_from_page_to_page_and_counts_them_all(fresh: Office) -> None:
    for number in range(119):
        fresh.put_case(f"c{number:03}", fund_amount="10.00")
    visitor, seen, page = fresh.visitor("reviewer"), [], "/inbox"
    while page:
        text = visitor.http.get(page, params={"lang": "en"} if page == "/inbox" else None).text
        seen += re.findall(r'href="/cases/([^"]+)"', text)
        found = re.search(r'rel="next" href="([^"]+)"', text)
        page = found[1].replace("&amp;", "&") if found else ""
        assert "120 cases" in text
    assert len(seen) == len(set(seen)) == 120


@pytest.mark.parametrize(
    "query", ["show=nothing", "older=-1", "older=abc", "least=NaN", "least=1e999999", "least=x", "after=yesterday"]
)
def test_a_filter_that_cannot_be_read_is_told(office: Office, query: str) -> None:
    assert office.visitor("reviewer").http.get(f"/inbox?{query}").status_code == 400


def test_an_institution_reads_what_was_decided_and_not_what_the_reviewers_wrote(fresh: Office) -> None:
    fresh.put_case("own", taken(1, "assign", assignee="reviewer"), taken(2, "uphold", note="between us"))
    page = fresh.visitor("institution").http.get("/cases/own").text
    assert "upheld" in page
    assert "between us" not in page
    for path in ("/cases/own", "/inbox?show=all", "/inbox.csv?show=all", f"/institutions/{AREA}/{INSTITUTION}"):
        assert "reviewer" not in fresh.visitor("institution").http.get(path).text, "nor who they are"
    assert "between us" in fresh.visitor("auditor").http.get("/cases/own").text


def test_an_institution_sees_a_physician_only_while_it_declares_the_physician(fresh: Office) -> None:
    fresh.put_physician(AREA, PHYSICIAN, INSTITUTION)
    visitor = fresh.visitor("institution")
    assert visitor.http.get(f"/people/{AREA}/{PHYSICIAN}").status_code == 200
    left = make(
        "site_ended", "2024-01-01", 9, event_id="left", region=AREA, physician_code=PHYSICIAN, institution=INSTITUTION
    )
    fresh.put_physician(AREA, PHYSICIAN, INSTITUTION, left)
    assert visitor.http.get(f"/people/{AREA}/{PHYSICIAN}").status_code == 404


def test_a_record_that_comes_again_changes_nothing_and_a_tombstone_takes_it_away(fresh: Office) -> None:
    fresh.put_case("own")
    visitor = fresh.visitor("reviewer")
    assert visitor.http.get("/inbox").text.count('href="/cases/own"') == 1
    fresh.put(CASE_FILES.name, "own", None)
    assert visitor.http.get("/cases/own").status_code == 404


@pytest.mark.parametrize(
    ("name", "password", "role", "areas", "more", "why"),
    [
        ("Li Na", PASSWORD, Role.REVIEWER, [AREA], {}, "small letters"),
        ("li.na", "short", Role.REVIEWER, [AREA], {}, "12 to 256"),
        ("li.na", PASSWORD, Role.REVIEWER, ["Qiannan"], {}, "six digits"),
        ("li.na", PASSWORD, Role.REVIEWER, [], {}, "six digits"),
        ("li.na", PASSWORD, Role.INSTITUTION, [AREA], {}, "role institution"),
        ("li.na", PASSWORD, Role.REVIEWER, [AREA], {"institution": "H1"}, "role institution"),
        ("li.na", PASSWORD, Role.PHYSICIAN, [AREA], {}, "role physician"),
        ("clerk", PASSWORD, Role.CLERK, [AREA], {}, "already"),
    ],
)
def test_an_account_that_would_see_too_much_or_nothing_is_not_made(
    fresh: Office, name, password, role, areas, more, why
) -> None:
    with pytest.raises(AccountError, match=why):
        fresh.accounts.add(name, password, role, areas, **more)
