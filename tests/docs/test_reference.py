"""The reference page says what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from pipeline.devtools.topics_page import reference
from topics.catalogue import CATALOGUE

PAGE = Path(__file__).parents[2] / "topics" / "README.md"


def test_the_checked_in_page_is_what_the_catalogue_renders() -> None:
    assert PAGE.read_text("utf-8") == reference(), "run `make docs`"


def test_every_field_of_every_message_stands_on_the_page() -> None:
    page = reference()
    for spec in CATALOGUE:
        assert f"## {spec.name}\n" in page
        if spec.model is not None:
            for name, field in spec.model.model_fields.items():
                assert f"| `{field.alias or name}` |" in page


def test_the_page_says_what_is_lost_of_a_topic_whose_records_pass_away_and_of_no_other() -> None:
    kept = reference().partition("## What is kept")[2].partition("## Rights")[0]
    rows = {
        cells[1].strip(" `"): cells[3].strip()
        for cells in (line.split("|") for line in kept.splitlines() if "`" in line)
        if len(cells) == 5
    }
    assert rows.keys() == {spec.name for spec in CATALOGUE}
    for spec in CATALOGUE:
        passes = spec.cleanup == "delete" and spec.retention_ms >= 0
        assert (rows[spec.name] != "nothing") == passes, spec.name
