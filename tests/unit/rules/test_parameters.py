"""No number of a pack stands there for nothing: a decision reads it, or the page tells it and this page says why that is all."""

from __future__ import annotations

import ast
from importlib import resources
from pathlib import Path

import pytest

from pipeline.settings.packs import read_packs
from rules.schemes.registry import scheme_of
from rules.schemes.sections import Param

FOLDER = Path(str(resources.files("rules") / "schemes"))
PACKS = {pack.ledger.scheme: pack for pack in read_packs() if pack.ledger is not None}

TOLD_ONLY = {
    ("shantou", "pharmacies_first_selection"): "a bound for the agency's selection, not for a claim",
    ("shantou", "pharmacies_per_chain"): "a bound for the agency's selection, not for a claim",
}


def read_by(scheme: str, *, wording: bool) -> set[str]:
    """The names that a scheme's modules read from anything: those of its wording, or of all others."""
    modules = [path for path in (FOLDER / scheme).glob("*.py") if (path.name == "wording.py") is wording]
    return {
        node.attr
        for path in modules
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize("scheme", sorted(PACKS))
def test_every_parameter_of_a_pack_is_read_by_a_decision_or_only_told_for_a_reason(scheme: str) -> None:
    ledger = type(scheme_of(PACKS[scheme].ledger)).ledger
    names = {name for name in ledger.model_fields if isinstance(getattr(PACKS[scheme].ledger, name), Param)}
    unread = names - {"working_calendar"} - read_by(scheme, wording=False)
    assert unread == {name for owner, name in TOLD_ONLY if owner == scheme}
    assert unread <= read_by(scheme, wording=True)
