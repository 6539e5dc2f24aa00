"""Every decision can be found, has its four parts, and names a test that exists."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "decisions"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
PARTS = ["Context", "Decision", "Consequences", "Proof"]


def title(page: Path) -> str:
    return page.read_text("utf-8").splitlines()[0].removeprefix("# ")


@cache
def names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds) and node.name.startswith("test_"))


def test_no_two_decisions_have_one_number() -> None:
    assert [number for number, times in Counter(page.name[:4] for page in PAGES).items() if times > 1] == []


def test_the_list_leads_to_every_decision_under_its_own_title_and_to_nothing_else() -> None:
    listed = re.findall(r"^- \[(.+)\]\((.+)\)$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted((title(page), page.name) for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_has_its_number_its_four_parts_and_a_test_that_exists(page: Path) -> None:
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.name), "the file is named NNNN-title.md, in small letters"
    assert title(page).startswith(f"{page.name[:4]}. "), "the title begins with the number of the file"
    top, *texts = re.split(r"^## (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    assert texts[::2] == PARTS, f"the sections are {', '.join(PARTS)}, in this order"
    for part, text in zip(PARTS, texts[1::2], strict=True):
        assert text.strip(), f"{part} says nothing"
    later = re.search(r"^Superseded by \[(\d{4})\]\((.+)\)\.$", top, re.MULTILINE)
    if later:
        assert later[2][:4] == later[1], "the link leads to the decision of that number"
        assert (FOLDER / later[2]).is_file(), f"there is no {later[2]}"
        return
    proofs = re.findall(r"`(tests/[^`:]+\.py)(?:::(\w+))?`", texts[-1])
    assert proofs, "Proof names at least one test by its path"
    for path, name in proofs:
        assert (ROOT / path).is_file(), f"there is no {path}"
        assert not name or name in names_in(ROOT / path), f"{path} has no {name}"
