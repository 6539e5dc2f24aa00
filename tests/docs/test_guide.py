"""The guide's worked example is a pack: taken out of the page, it is accepted, and claims are judged by it."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
from importlib import resources

import click
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.explain.explaining import explain_claim
from pipeline.settings.packs import read_packs
from rules.dossier import fold
from rules.duties import duties
from rules.events import decode
from rules.packs.pack import Pack, PackError, parse_pack
from rules.packs.pack_set import PackSet
from rules.packs.readings import as_chosen
from rules.standing import statement
from tests.support.explaining import claim, event

GUIDE = (resources.files("rules") / "packs" / "GUIDE.md").read_text("utf-8")
YAML = re.search(r"```yaml\n(.*?)```", GUIDE, re.DOTALL).group(1)
REGION = "990100"


@pytest.fixture(scope="module")
def pack() -> Pack:
    return as_chosen(parse_pack(YAML, "mingzhou-2026.yaml"))


@pytest.fixture(scope="module")
def packs(pack: Pack) -> PackSet:
    return PackSet([*read_packs(), pack])


HISTORY = (
    event("r1", "registration", "2026-03-02", REGION),
    event("d1", "deduction", "2026-04-10", REGION, points=8, cases=4, violation_id="MZ-01"),
    event("d2", "deduction", "2026-05-20", REGION, points=4, violation_id="MZ-02"),
)


@pytest.mark.parametrize(
    ("service", "encounter", "disposition", "reason"),
    [
        ("2026-03-01", "outpatient", "reject", "physician_unregistered"),
        ("2026-03-02", "outpatient", "pay", "ok"),
        ("2026-04-10", "outpatient", "pay", "ok"),
        ("2026-05-31", "outpatient", "pay", "ok"),
        ("2026-06-01", "outpatient", "reject", "in_penalty_period"),
        ("2026-06-01", "emergency", "pay", "exempt_emergency"),
        ("2026-06-01", "public_health_emergency", "reject", "in_penalty_period"),
        ("2026-11-30", "outpatient", "reject", "in_penalty_period"),
        ("2026-12-01", "outpatient", "reject", "pending_reinstatement"),
    ],
)
def test_claims_are_judged_by_the_guides_pack(packs, service, encounter, disposition, reason):
    """Decided on 2026-05-20: six whole calendar months from 1 June (reading full_calendar_months)."""
    wanted = claim(service, region=REGION, encounter_type=encounter)
    verdict = explain_claim(wanted, HISTORY, packs, as_of=None, today=dt.date(2027, 1, 1)).verdict
    assert (verdict["disposition"], verdict["reason"], verdict["rule_pack"]) == (disposition, reason, "mingzhou-2026@1")


@pytest.mark.parametrize(
    ("service", "disposition", "reason", "by"),
    [
        ("2024-12-31", "pay", "rule_not_in_force", "mingzhou-2026@1"),
        ("2026-02-28", "reject", "physician_unregistered", "national-2024@1"),
    ],
)
def test_before_its_first_day_the_national_opinion_governs_and_before_that_nothing(
    packs, service, disposition, reason, by
):
    """S1: 003 binds every region from 2025-01-01 on; nobody was registered before 2026-03-02."""
    done = explain_claim(claim(service, region=REGION), HISTORY, packs, as_of=None, today=dt.date(2027, 1, 1))
    assert (done.verdict["disposition"], done.verdict["reason"], done.verdict["rule_pack"]) == (disposition, reason, by)


def test_marks_that_the_text_does_not_have_are_never_reached(packs):
    """No blacklist at one time: an item of 12 points alone gives the penalty period only. 24 in the year blacklists."""
    lines = [HISTORY[0], event("d1", "deduction", "2026-04-10", REGION, points=12, violation_id="MZ-03")]
    done = explain_claim(claim("2026-05-02", region=REGION), lines, packs, as_of=None, today=dt.date(2027, 1, 1))
    assert done.verdict["standing"] == "penalty"
    lines.append(event("d2", "deduction", "2026-04-11", REGION, points=12, violation_id="MZ-03"))
    done = explain_claim(claim("2026-05-02", region=REGION), lines, packs, as_of=None, today=dt.date(2027, 1, 1))
    assert done.verdict["standing"] == "blacklisted"
    assert "24 months" in " ".join(said.en for said in done.chain.window)


def test_its_next_steps_are_told_with_their_days(packs):
    """Ten working days from Monday 2026-05-25, by the official calendar of 2026 (Dragon Boat comes later)."""
    lines = (*HISTORY, event("n2", "notice_received", "2026-05-25", REGION, ref="d2"))
    chain = explain_claim(claim("2026-06-02", region=REGION), lines, packs, as_of=None, today=dt.date(2026, 6, 3)).chain
    assert [step.due_on for step in chain.next_steps] == [dt.date(2026, 6, 8), None]
    assert chain.next_steps[1].opens == dt.date(2026, 12, 1)


def test_an_event_that_its_text_does_not_know_counts_for_nothing(packs):
    bonus = event("b1", "bonus", "2026-05-01", REGION, points=1, bonus_id="QN-B1")
    done = explain_claim(
        claim("2026-06-02", region=REGION), (*HISTORY, bonus), packs, as_of=None, today=dt.date(2026, 7, 1)
    )
    assert "bonus does not exist in this scheme" in done.unusable[0].problems[0]


def test_the_command_accepts_it_and_names_the_points_left_to_the_default(tmp_path):
    file = tmp_path / "mingzhou-2026.yaml"
    file.write_text(YAML, "utf-8")
    done = CliRunner().invoke(main, ["packs", "check", str(file)])
    assert done.exit_code == 0
    assert "ok  mingzhou-2026@1, 7 grounds, 3 items" in done.stdout
    assert "after_expiry = reinstatement_needed" in done.stdout
    assert "penalty_counting =" not in done.stdout
    for lang in ("zh", "en"):
        assert CliRunner().invoke(main, ["packs", "show", str(file), "--lang", lang]).exit_code == 0


@pytest.fixture(scope="module")
def following(tmp_path_factory) -> PackSet:
    """The two files that the guide's commands make, word for word, beside the packs shipped."""
    folder = tmp_path_factory.mktemp("guide") / "my-packs"
    folder.mkdir()
    (folder / "mingzhou-2026.yaml").write_text(YAML, "utf-8")
    (commands,) = [text for text in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) if "mingzhou-2028" in text]
    subprocess.run(["sh", "-ec", commands], cwd=folder.parent, check=True)
    made = [as_chosen(parse_pack(file.read_text("utf-8"), file.name)) for file in sorted(folder.iterdir())]
    return PackSet([*read_packs(), *made])


@pytest.mark.parametrize(
    ("service", "disposition", "reason", "by"),
    [
        ("2027-12-31", "reject", "pending_reinstatement", "mingzhou-2026@1"),
        ("2028-01-01", "pay", "ok", "mingzhou-2028@1"),
    ],
)
def test_the_guides_second_pack_follows_the_first_on_its_day(following, service, disposition, reason, by):
    """S1, S3: the penalty of 2026 is over, and the registration goes over to the measures of 2028."""
    verdict = explain_claim(
        claim(service, region=REGION), HISTORY, following, as_of=None, today=dt.date(2029, 1, 1)
    ).verdict
    assert (verdict["disposition"], verdict["reason"], verdict["rule_pack"]) == (disposition, reason, by)


def test_the_guides_second_pack_carries_points_and_owes_its_own_duty_until_the_act_is_recorded(following):
    lines = [
        event("r1", "registration", "2026-03-02", REGION),
        event("d1", "deduction", "2028-02-01", REGION, points=12, violation_id="MZ-03"),
    ]
    acted = event("a1", "act_done", "2028-02-10", REGION, duty="visit_institution", ref="d1", by="agency")
    for known, met in ((lines, None), ([*lines, acted], "a1")):
        file = fold([decode(line) for line in known])
        law = following.law(REGION)
        (visit,) = [duty for duty in duties(file, statement(file, law), law) if duty.kind == "visit_institution"]
        # Ten working days from Tuesday 2028-02-01; holidays of 2028 are not published, so the fallback counts weekdays.
        assert (visit.raised_on, visit.due_on, visit.met_by) == (dt.date(2028, 2, 1), dt.date(2028, 2, 15), met)
    assert following.law(REGION).on(dt.date(2028, 1, 1)).carries == "points"


def test_a_county_belongs_to_the_area_that_a_pack_lists(pack):
    """P1: the pack of 520300 governs 520302, and six points in one county and six in another are one account of twelve."""
    packs = PackSet([*read_packs(), pack.model_copy(update={"regions": ("520300",)})])
    lines = [
        event("r1", "registration", "2026-03-02", "520300"),
        event("d1", "deduction", "2026-04-10", "520302", points=8, cases=4, violation_id="MZ-01"),
        event("d2", "deduction", "2026-05-20", "520303", points=4, violation_id="MZ-02"),
    ]
    done = explain_claim(claim("2026-06-01", region="520304"), lines, packs, as_of=None, today=dt.date(2027, 1, 1))
    assert (done.verdict["reason"], done.verdict["rule_pack"]) == ("in_penalty_period", "mingzhou-2026@1")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "cost_bearer: institution}\n    exempted: {disposition: pay",
            "cost_bearer: fund}\n    exempted: {disposition: pay",
        ),
        ("full: {value: 12,", "full: {value: twelve,"),
    ],
)
def test_the_slips_that_it_shows_are_told_as_it_says(old, new):
    """File, line, key and expectation, word for word as the page has them."""
    with pytest.raises(PackError) as error:
        parse_pack(YAML.replace(old, new, 1), "my-packs/mingzhou-2026.yaml")
    assert str(error.value) in GUIDE


def test_every_command_of_the_guide_exists():
    for words in re.findall(r"screening ((?:[a-z]+ ?)+)", "\n".join(re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL))):
        command: click.Command = main
        for word in words.split():
            if isinstance(command, click.Group):
                found = command.get_command(click.Context(command), word)
                assert found is not None, f"screening {words}: there is no {word}"
                command = found
        assert not isinstance(command, click.Group)
