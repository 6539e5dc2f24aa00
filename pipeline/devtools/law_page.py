"""Writes the page for people beside the packs: `python -m pipeline.devtools.law_page`, part of `make docs`."""

from __future__ import annotations

from pathlib import Path

from pipeline.settings.packs import (
    read_designations,
    read_longitudinal,
    read_packs,
    read_penalties,
    read_subjects,
)
from rules.text import Lang
from rules.wording.page import render

PAGES: dict[str, Lang] = {"README.md": "en", "README.zh-CN.md": "zh"}
"""File names in `rules/packs`, and the language of each."""


def pages() -> dict[str, str]:
    """The text of every page, by file name."""
    read = (read_penalties(), read_designations(), read_subjects(), read_longitudinal())
    return {name: render(read_packs(), lang, *read) for name, lang in PAGES.items()}


def main() -> None:
    """Writes the pages of the checkout that this module lies in."""
    folder = Path(__file__).resolve().parents[2] / "rules" / "packs"
    for name, text in pages().items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
