"""Whoever sets the product up finds every setting on one page, as the product reads it."""

from __future__ import annotations

import pytest

from pipeline.devtools.settings_page import PAGE, render
from pipeline.settings.model import Settings, SettingsError, load_settings

ROWS = {line.split("`")[1]: line for line in render().splitlines() if line.startswith("| `SCREENING_")}


def test_the_page_that_is_checked_in_is_what_the_model_renders() -> None:
    assert PAGE.read_text("utf-8") == render(), "`make docs` writes it anew"


def test_every_setting_stands_on_the_page_with_its_meaning() -> None:
    assert sorted(ROWS) == sorted(f"SCREENING_{name.upper()}" for name in Settings.model_fields)
    assert [name for name, row in ROWS.items() if row.split("|")[-2].strip() == ""] == []


@pytest.mark.parametrize(
    ("name", "said", "refused"),
    [
        ("SCREENING_BATCH_MAX_WAIT_MS", "| whole number | `10` | milliseconds | at least 1, at most 60,000 |", "0"),
        ("SCREENING_STALENESS_LIMIT_S", "| number | `60.0` | seconds | more than 0 |", "0"),
        ("SCREENING_STALENESS_POLICY", "| one of `hold`, `review`, `proceed` | `hold` |", "wait"),
        ("SCREENING_LOG_LEVEL", "one of `debug`, `info`, `warning`, `error`", "loud"),
        ("SCREENING_GROUP_ID", "| not empty |", ""),
    ],
)
def test_the_limits_on_the_page_are_those_that_a_process_keeps(
    name: str, said: str, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said in ROWS[name]
    monkeypatch.setenv(name, refused)
    with pytest.raises(SettingsError, match=name):
        load_settings()


def test_a_secret_has_no_value_and_a_machines_own_folder_no_name_on_the_page() -> None:
    assert "| secret text | none |" in ROWS["SCREENING_SASL_PASSWORD"]
    assert "`screening` in the system's folder for temporary files" in ROWS["SCREENING_DATA_DIR"]
