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
