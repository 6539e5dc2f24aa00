"""The glossary explains every Chinese term that the code's own documentation uses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
IN_PARENTHESES = re.compile(r"[(（]([^()（）]+)[)）]")
TERM = re.compile(r"(?!第.+条$)[\u4e00-\u9fff]{2,}")
"""A term alone. A form of citation is a numeral or an article, or has other signs in it; the law explains it."""


def test_every_chinese_term_beside_an_english_one_in_the_code_stands_in_the_glossary() -> None:
    cells = [
        line.split("|")[2:4]
        for line in (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
        if line.startswith("|")
    ]
    known = set(TERM.findall(" ".join(cell for row in cells for cell in row)))
    used = {term: where for where, text in docstrings() for term in terms(text)}
    assert {term: where for term, where in used.items() if term not in known} == {}
    assert len(used) > 80


def terms(text: str) -> Iterator[str]:
    for inside in IN_PARENTHESES.findall(text):
        for part in re.split(r"[、,，;；/]", inside):
            if TERM.fullmatch(part.strip()):
                yield part.strip()


def docstrings() -> Iterator[tuple[str, str]]:
    """Every text that documents a module, a class, a function or a name, with the file in which it stands."""
    for package in ("rules", "topics", "pipeline"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if (
                    isinstance(node, ast.Expr)
                    and isinstance(node.value, ast.Constant)
                    and isinstance(node.value.value, str)
                ):
                    yield str(file.relative_to(ROOT)), node.value.value
