"""What is released: the wheel, what it is made of, and what its version promises."""

from __future__ import annotations

import hashlib
import json
import re
from importlib import metadata
from pathlib import Path

from tests.support.installed import ROOT, wheel

GOLDEN = ROOT / "tests" / "unit" / "topics"

FREE = {
    "0BSD", "Apache-2.0", "LGPL-3.0-only", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "PSF-2.0", "Zlib",
    "Apache Software License", "BSD License", "MIT License", "Mozilla Public License 2.0 (MPL 2.0)",
    "Python Software Foundation License", "Repoze Public License",
}  # fmt: skip
"""Licences under which a fund may run and pass on the product without publishing anything of its own. MPL and LGPL ask for changes to
the package's own files alone."""


def test_the_same_source_gives_the_same_wheel_byte_for_byte(tmp_path: Path) -> None:
    made = {hashlib.sha256(wheel(tmp_path / name).read_bytes()).hexdigest() for name in ("first", "second")}
    assert len(made) == 1


def licences(name: str) -> set[str]:
    """The licences that a package names, by its expression or its classifiers, or else by its field."""
    told = metadata.distribution(name).metadata
    if "License-Expression" in told:
        return set(re.split(r" (?:AND|OR|WITH) ", told["License-Expression"].strip("()")))
    classifiers = told.get_all("Classifier") or []
    by_field = {told["License"]} if "License" in told else {"none"}
    named = {one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License :: ")} - {"OSI Approved"}
    return named or by_field


def test_every_package_that_is_shipped_has_a_licence_that_lets_a_fund_run_it_and_pass_it_on() -> None:
    lock = (ROOT / "docker" / "requirements.lock").read_text("utf-8").splitlines()
    shipped = [line.split("==")[0] for line in lock if re.match(r"[a-z0-9-]+==", line) and "win32" not in line]
    here = {re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower() for one in metadata.distributions()}
    doubtful = {name: licences(name) - FREE for name in shipped if name in here}
    assert len(shipped) > 50
    assert {name: found for name, found in doubtful.items() if found} == {}


def test_the_bytes_of_contract_version_1_are_those_that_were_first_written_down() -> None:
    first = json.loads((GOLDEN / "golden-version-1.json").read_text("utf-8"))
    assert first, "a contract that promises nothing"
    changed = [
        name for name, digest in first.items() if hashlib.sha256((GOLDEN / name).read_bytes()).hexdigest() != digest
    ]
    assert changed == [], (
        "a reader of version 1 may stop working: docs/contract.md says what a change of this kind needs"
    )


def test_the_contract_page_names_the_version_that_the_topics_have() -> None:
    version = re.search(r"Wire contract version (\d+)", (ROOT / "topics" / "README.md").read_text("utf-8"))
    assert version is not None
    assert f"version {version[1]}" in (ROOT / "docs" / "contract.md").read_text("utf-8")
