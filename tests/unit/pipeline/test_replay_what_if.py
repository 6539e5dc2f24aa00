"""What-if: a second rule set beside the first, and what it would have done to claims, money, physicians and deadlines."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from pipeline.replay.knowledge.register import histories, read_events
from pipeline.replay.report.figures import figures
from pipeline.replay.sums import FiguresError
from pipeline.replay.what_if.rule_set import _paths, other_rules, pack_changes
from pipeline.settings.packs import SHIPPED, load_pack_set, read_packs
from rules.events import Event
from rules.packs.pack import PackError
from rules.packs.pack_set import PackSet
from tests.support.histories import make
from tests.support.replaying import run, sample_claims, sample_events, verdicts, write_events, write_lines
from tests.support.spoiled import claim

PACKS = load_pack_set()
SIX_MONTHS = "qiannan-2022.penalty.months=6"


def only_change(*sets: str) -> tuple[str, object, object]:
    (pack,) = pack_changes(PACKS, other_rules(PACKS, None, sets))
    (change,) = pack.changes
    return change.key, change.left, change.right


def refusal(*sets: str, folder: Path | None = None) -> str:
    with pytest.raises(PackError) as caught:
        other_rules(PACKS, folder, sets)
    return str(caught.value)


# -- the second rule set ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        SIX_MONTHS,
        "qiannan-2022.penalty_months=6",
        "qiannan-2022.ledger.penalty_months.value=6",
        "qiannan-2022@1.penalty.months = 6",
    ],
)
def test_a_number_of_the_law_may_be_named_in_full_or_in_short(text: str) -> None:
    assert only_change(text) == ("ledger.penalty_months.value", 3, 6)


def test_a_changed_pack_has_a_name_of_its_own_and_everything_else_stays() -> None:
    other = other_rules(PACKS, None, [SIX_MONTHS])
    changed = other.for_region("522700")
    assert changed.name not in {pack.name for pack in PACKS.packs}
    assert changed.name.startswith("qiannan-2022-what-if-")
    assert [pack.name for pack in other.packs if pack is not changed] == [
        pack.name for pack in PACKS.packs if pack.pack != "qiannan-2022"
    ]
    again = other_rules(PACKS, None, ["qiannan-2022.penalty_months=6"])
    assert again.for_region("522700").name == changed.name, "the same rules have the same name"
    assert other_rules(PACKS, None, ["qiannan-2022.penalty.months=4"]).for_region("522700").name != changed.name


def test_an_open_point_takes_another_of_its_readings() -> None:
    key, left, right = only_change("qiannan-2022.settings.after_expiry=valid_on_expiry")
    assert (key, left, right) == ("ledger.settings[after_expiry].reading", "reinstatement_needed", "valid_on_expiry")


def test_items_of_lists_are_named_by_id_or_ground_and_an_outcome_may_be_taken_away() -> None:
    sets = [
        "qiannan-2022.deadlines.review_request.working_days=10",
        "qiannan-2022.screening.pending_reinstatement.exempted=null",
    ]
    (pack,) = pack_changes(PACKS, other_rules(PACKS, None, sets))
    assert [change.key for change in pack.changes] == [
        "screening[pending_reinstatement].exempted",
        "ledger.deadlines[review_request].working_days",
    ]


def test_every_known_path_of_every_pack_leads_to_its_value() -> None:
    for pack in read_packs():
        one = PackSet([pack.model_copy(update={"regions": ("*",)})], switched_on=[pack.pack])
        every = list(_paths(pack.model_dump(mode="json", by_alias=True)))
        around = {path[:length] for path in every for length in range(1, len(path))}
        paths = [".".join(path) for path in every if path not in around]
        with pytest.raises(PackError) as caught:
            other_rules(
                one, None, [*(f"{pack.pack}.{path}=[no, such, value]" for path in paths), f"{pack.pack}.nowhere=1"]
            )
        assert len(paths) > 20
        assert str(caught.value).startswith(f"--set {pack.pack}.nowhere=1"), "the first that is not found is the last"


def test_an_unknown_value_is_answered_with_the_nearest_known_ones() -> None:
    said = refusal("qiannan-2022.penalty.month=6")
    assert "qiannan-2022@1 has no value penalty.month" in said
    assert "nearest: qiannan-2022.penalty_months" in said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("penalty.months", "expected PACK.PATH=VALUE"),
        ("guiyang-2020.penalty.months=6", "no pack in force is called guiyang-2020; there are: lanzhou-2014"),
        ("qiannan-2022.penalty.months=six", "valid integer"),
        ("qiannan-2022.penalty.months=-1", "not negative"),
        ("qiannan-2022.penalty.months=3", "is 3 already"),
        ("qiannan-2022.penalty.months=[", "no YAML value"),
        ("qiannan-2022.settings.after_expiry=never", "expected one of reinstatement_needed, valid_on_expiry"),
        ("qiannan-2022.screening.blacklisted.ordinary.disposition=pay", "disposition pay goes with cost_bearer fund"),
    ],
)
def test_a_change_that_cannot_be_made_says_what_would_have_been_right(text: str, told: str) -> None:
    assert told in refusal(text)


def test_a_value_and_a_part_of_it_are_not_set_together() -> None:
    whole, part = (
        "qiannan-2022.screening.rule_not_in_force.when=null",
        "qiannan-2022.screening.rule_not_in_force.when.rule=x",
    )
    for sets in ((whole, part), (part, whole)):
        assert "sets a value that holds this one, or a part of it" in refusal(*sets)


def test_one_value_is_not_set_twice() -> None:
    assert "sets the same value" in refusal(SIX_MONTHS, "qiannan-2022.penalty_months=9")


def test_the_packs_of_a_folder_are_the_second_rule_set_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "packs"
    shutil.copytree(SHIPPED, folder)
    file = folder / "qiannan-2022.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("penalty_months: {value: 3,", "penalty_months: {value: 6,", 1), "utf-8")
    other = other_rules(PACKS, folder, ())
    (pack,) = pack_changes(PACKS, other)
    assert [tuple(change) for change in pack.changes] == [("ledger.penalty_months.value", 3, 6)]
    assert pack.right.name == other_rules(PACKS, None, [SIX_MONTHS]).for_region("522700").name, "same rules, same name"
    both = other_rules(PACKS, folder, ["qiannan-2022.full=10"])
    assert len(pack_changes(PACKS, both)[0].changes) == 2


def test_a_folder_that_leaves_regions_without_law_is_refused_and_one_that_changes_nothing_too(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "same")
    assert "says nothing else than the first" in refusal(folder=tmp_path / "same")
    (tmp_path / "one").mkdir()
    shutil.copy(SHIPPED / "qiannan-2022.yaml", tmp_path / "one")
    said = refusal(folder=tmp_path / "one")
    assert "every other region" in said
    assert "copy the folder of the packs in force" in said


# -- what it would have done --------------------------------------------------------------------------------------


def event(kind: str, day: str, number: int, **fields: object) -> Event:
    """An event of the one physician in Qiannan."""
    made = make(kind, day, number, **fields)
    return type(made)(**{**{name: getattr(made, name) for name in made.__struct_fields__}, "region": "522700"})


def one_case(folder: Path, events: list[Event], claims: list[bytes], *sets: str) -> dict:
    """The figures of a tiny what-if."""
    other = other_rules(PACKS, None, sets)
    claims_file = write_lines(folder / "claims.ndjson", claims)
    events_file = write_events(folder / "events.ndjson", events)
    out = folder / "out"
    run(out, claims_file, events_file, other=other)
    return figures(out, PACKS, other, histories=histories(read_events(events_file, PACKS)))


def told(claim_id: str, day: str, encounter: str = "outpatient", amount: str = "100.00") -> bytes:
    return claim(
        claim_id=claim_id, region="522700", physician_code="P-0001", institution_code="H1", encounter_type=encounter,
        service_date=day, service_start=None, settlement_time=f"{day}T10:00:00+08:00", fund_amount=amount, total_amount=amount,
    )  # fmt: skip


TWELVE = [
    event("registration", "2022-12-26", 1),
    event("deduction", "2023-05-02", 2, points=6, violation_id="QN-T6-02"),
    event("deduction", "2023-05-10", 3, points=6, violation_id="QN-T6-02"),
]
CLAIMS = [
    told("before", "2023-05-01"),
    told("inside", "2023-06-01"),
    told("after", "2023-09-01", amount="250.50"),
    told("urgent", "2023-09-01", "emergency"),
    told("last", "2023-09-30", amount="-50.50"),
]


def test_if_a_physician_were_payable_when_the_penalty_ends_his_later_claims_flip_to_pay(tmp_path: Path) -> None:
    found = one_case(tmp_path, TWELVE, CLAIMS, "qiannan-2022.settings.after_expiry=valid_on_expiry")["what_if"]
    flips = found["flips"]
    assert (flips["claims"], flips["amount"], flips["told_otherwise"]) == (2, "200.00", 1)
    assert [tuple(row.values()) for row in flips["matrix"]] == [
        ("reject", "pending_reinstatement", "pay", "ok", 2, "200.00"),
        ("pay", "exempt_emergency", "pay", "ok", 1, "100.00"),
    ]
    assert [row["claim_id"] for row in flips["listed"]] == ["after", "last"], (
        "those with most money first, reversals by their size"
    )
    first = flips["listed"][0]
    assert (first["from"]["disposition"], first["to"]["disposition"]) == ("reject", "pay")
    assert "三(二)5" in first["from"]["citations"]
    assert "尚未恢复" in first["from"]["explanation"]["zh"]
    assert "settled" in first["to"]["explanation"]["en"]
    assert found["by_region"][0]["paid_difference"] == "200.00"
    assert [(row["settlement_month"], row["paid_difference"]) for row in found["by_month"]] == [
        ("2023-05-01", "0.00"),
        ("2023-06-01", "0.00"),
        ("2023-09-01", "200.00"),
    ]
    people = found["physicians"]
    assert (people["physicians"], people["newly_payable"], people["newly_barred"]) == (1, 1, 0)
    assert people["payable_days"] == 51, "11 August to 30 September, the last day of service"
    assert people["on_last_day"] == [{"from": "pending_reinstatement", "to": "normal", "physicians": 1}]
    assert [(row["kind"], row["gone"]) for row in found["deadlines"]["by_kind"]] == [("train_and_apply", 1)]


def test_if_the_penalty_took_six_months_nothing_flips_for_him_but_the_ground_and_the_day_of_his_application(
    tmp_path: Path,
) -> None:
    found = one_case(tmp_path, TWELVE, CLAIMS, SIX_MONTHS)["what_if"]
    assert (found["flips"]["claims"], found["flips"]["told_otherwise"]) == (0, 3)
    assert found["physicians"]["new_suspensions"] == 0, "he was barred on all these days anyway"
    (moved,) = found["deadlines"]["listed"]
    assert (moved["kind"], moved["from"], moved["to"], moved["days"]) == (
        "train_and_apply",
        "2023-08-11",
        "2023-11-11",
        92,
    )


def test_if_six_points_were_enough_the_suspension_is_new_and_told_with_its_days(tmp_path: Path) -> None:
    found = one_case(tmp_path, TWELVE[:2], CLAIMS, "qiannan-2022.full=6", "qiannan-2022.caution_low=null")["what_if"]
    (row,) = found["physicians"]["longest_new_suspensions"]
    assert (row["physician_code"], row["from"], row["to"], row["days"]) == ("P-0001", "2023-05-03", "2023-09-30", 151)
    assert row["goes_on"]
    assert (row["rejected_days"], row["in_review_days"]) == (151, 0)
    assert row["standing"] == "penalty"
    assert row["causes"] == ["e2"]
    assert found["physicians"]["barred_days"] == 151
    assert found["flips"]["claims"] == 3


def test_a_reinstatement_at_the_old_day_contradicts_the_longer_penalty_and_the_days_after_it_are_told_as_in_review(
    tmp_path: Path,
) -> None:
    events = [*TWELVE, event("reinstatement", "2023-08-20", 4)]
    found = one_case(tmp_path, events, CLAIMS, SIX_MONTHS)["what_if"]
    people = found["physicians"]
    assert (people["newly_barred"], people["newly_in_review"]) == (0, 1)
    (row,) = people["longest_new_suspensions"]
    assert (row["from"], row["to"], row["rejected_days"], row["in_review_days"]) == ("2023-08-20", "2023-09-30", 0, 42)
    assert {(flip["from_reason"], flip["to_reason"]) for flip in found["flips"]["matrix"]} >= {("ok", "data_conflict")}


def test_a_physician_without_change_is_not_counted(tmp_path: Path) -> None:
    found = one_case(tmp_path, TWELVE[:2], CLAIMS, SIX_MONTHS)["what_if"]
    assert found["flips"]["claims"] == found["flips"]["told_otherwise"] == found["physicians"]["physicians"] == 0
    assert found["deadlines"]["by_kind"] == found["physicians"]["longest_new_suspensions"] == []


# -- the sums -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("what-if")
    other = other_rules(PACKS, None, [SIX_MONTHS])
    claims_file = write_lines(folder / "claims.ndjson.gz", sample_claims(6_000, broken_share=0.02))
    events_file = write_events(folder / "events.ndjson", sample_events())
    run(folder / "out", claims_file, events_file, other=other)
    found = figures(folder / "out", PACKS, other, histories=histories(read_events(events_file, PACKS)), top=5)
    return folder / "out", found


def plain_sums(rows: list[dict], *keys: str) -> dict[tuple, tuple[int, Decimal]]:
    """Claims and money by keys, one row at a time: the same sums the slow way."""
    claims: Counter[tuple] = Counter()
    money: dict[tuple, Decimal] = defaultdict(Decimal)
    for row in rows:
        key = tuple(str(row[name]) for name in keys)
        claims[key] += 1
        money[key] += row["fund_amount"]
    return {key: (claims[key], money[key]) for key in claims}


def test_every_sum_is_what_counting_claim_by_claim_comes_to(replayed: tuple[Path, dict]) -> None:
    folder, found = replayed
    rows = verdicts(folder).to_dicts()
    assert {
        (row["disposition"], row["reason"]): (row["claims"], Decimal(row["amount"])) for row in found["by_reason"]
    } == plain_sums(rows, "disposition", "reason")
    names = {"pay": "paid", "reject": "withheld", "review": "in_review"}
    for figure, key in (("by_month", "settlement_month"), ("by_region", "region")):
        slow = plain_sums(rows, key, "disposition")
        for row in found[figure]:
            for disposition, name in names.items():
                claims, money = slow.pop((row[key], disposition), (0, Decimal()))
                assert (row[f"{name}_claims"], Decimal(row[f"{name}_amount"])) == (claims, money)
        assert not slow
    institutions = [*found["by_institution"]["top"], found["by_institution"]["rest"]]
    for name in ("claims", "withheld_amount", "in_review_amount", "paid_claims"):
        assert sum(Decimal(row[name]) for row in institutions) == Decimal(found["totals"][name])
    assert len(institutions) == 6
    assert institutions[-1]["institutions"] == len({row["institution_code"] for row in rows}) - 5
    codes = [row["physician_code"] for row in rows if row["physician_code"] is not None]
    assert found["data_quality"]["claims_with_physician"] == len(codes)
    assert found["data_quality"]["claims_without_physician"] == len(rows) - len(codes)
    assert found["extent"]["physicians"] == len(set(codes))
    rejected = pl.read_parquet(folder / "rejected-input.parquet")
    assert found["data_quality"]["rejected_records"] == rejected.height > 0


def test_the_flips_are_those_that_putting_both_verdicts_side_by_side_shows(replayed: tuple[Path, dict]) -> None:
    folder, found = replayed
    pairs = list(zip(verdicts(folder).to_dicts(), verdicts(folder / "other").to_dicts(), strict=True))
    flips = [(one, two) for one, two in pairs if one["disposition"] != two["disposition"]]
    assert found["what_if"]["flips"]["claims"] == len(flips) > 0
    assert Decimal(found["what_if"]["flips"]["amount"]) == sum(one["fund_amount"] for one, _ in flips)
    order = sorted(flips, key=lambda pair: (-abs(pair[0]["fund_amount"]), pair[0]["source_row"]))[:5]
    assert [row["claim_id"] for row in found["what_if"]["flips"]["listed"]] == [one["claim_id"] for one, _ in order]
    paid = Decimal(found["what_if"]["totals"]["paid_amount"]) - Decimal(found["totals"]["paid_amount"])
    institutions = found["what_if"]["by_institution"]
    moved = [Decimal(row["paid_difference"]) for row in (*institutions["top"], institutions["rest"])]
    assert sum(moved) == paid
    assert sum(Decimal(row["paid_difference"]) for row in found["what_if"]["by_region"]) == paid


def test_the_figures_of_two_replays_are_never_mixed(replayed: tuple[Path, dict], tmp_path: Path) -> None:
    folder, _ = replayed
    other = other_rules(PACKS, None, [SIX_MONTHS])
    broken = tmp_path / "mixed"
    shutil.copytree(folder, broken)
    part = next((broken / "other" / "verdicts").glob("*.parquet"))
    pl.read_parquet(part).reverse().write_parquet(part)
    with pytest.raises(FiguresError, match="judged different claims"):
        figures(broken, PACKS, other)
    part.unlink()
    with pytest.raises(FiguresError):
        figures(broken, PACKS, other)
    with pytest.raises(FiguresError, match="no complete replay"):
        figures(tmp_path / "nothing", PACKS)
