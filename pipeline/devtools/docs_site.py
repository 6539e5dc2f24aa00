"""Builds the documentation site from the pages of the repository: `python -m pipeline.devtools.docs_site`, part of `make docs`.

Pages stay where they are read on a code host, beside what they are about. For the site they are copied, with every file that a
page links to, into one folder of the same shape, so that links hold in both places. A link that leads nowhere ends the build.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".cache" / "docs"

NAVIGATION: dict[str, dict[str, str]] = {
    "Start": {
        "Claims screening": "README.md",
        "中文说明": "README.zh-CN.md",
        "Architecture": "ARCHITECTURE.md",
        "The pre-check": "docs/precheck.md",
        "Glossary": "docs/glossary.md",
        "Changes": "CHANGELOG.md",
    },
    "Run it": {
        "Operations": "docker/OPERATIONS.md",
        "Images and compose": "docker/README.md",
        "Settings": "docs/settings.md",
        "Log events": "docs/log-events.md",
        "Topics and messages": "topics/README.md",
        "The contract and its versions": "docs/contract.md",
        "Security": "docs/SECURITY.md",
        "Replay": "pipeline/replay/README.md",
        "Messages of the national interface": "pipeline/intake/README.md",
        "Benchmarks": "benchmarks/README.md",
    },
    "The law": {
        "What these pages are": "docs/law/README.md",
        "Conventions": "docs/law/conventions.md",
        "Determinations": "docs/law/determinations.md",
        "Events": "docs/law/events.md",
        "Qiannan 2022": "docs/law/qiannan-2022.md",
        "Lanzhou 2014": "docs/law/lanzhou-2014.md",
        "National 2024": "docs/law/national-2024.md",
        "National points, a model": "docs/law/national-points-model.md",
        "Xiamen 2017": "docs/law/xiamen-2017.md",
        "Shantou 2022, a draft": "docs/law/shantou-2022-draft.md",
        "Jiangxi penalties": "docs/law/jiangxi-penalties.md",
        "Sichuan designation": "docs/law/sichuan-designation.md",
        "Chongqing students 2009": "docs/law/chongqing-students-2009.md",
        "Counties: supervision": "docs/law/county-supervision.md",
        "All schemes side by side": "rules/packs/README.md",
        "各制度对照": "rules/packs/README.zh-CN.md",
        "Add a jurisdiction": "rules/packs/GUIDE.md",
    },
}
"""Sections of the site, their pages and the title of each. The decisions follow from their files."""

_CONFIGURATION = """site_name: Claims screening
docs_dir: {source}
site_dir: {site}
use_directory_urls: false
theme:
  name: material
  language: en
  font: false
  features: [navigation.tabs, navigation.indexes, toc.integrate]
  palette: {{primary: blue grey}}
extra: {{generator: false}}
extra_css: [site.css]
plugins: [search]
markdown_extensions:
  - tables
  - toc: {{slugify: !!python/object/apply:pymdownx.slugs.slugify {{kwds: {{case: lower}}}}}}
  - pymdownx.superfences
validation:
  nav: {{omitted_files: warn, not_found: warn}}
  links: {{not_found: warn, anchors: warn, unrecognized_links: warn, absolute_links: warn}}
nav:
{navigation}
"""


_STYLE = """/* A setting, an article or a field keeps its name on one line; wide tables scroll. */
.md-typeset td:first-child code { white-space: nowrap; word-break: keep-all; }
.md-grid { max-width: 76rem; }
"""


def decisions() -> list[Path]:
    """The pages of the decisions, in the order of their numbers, the list of them first."""
    folder = ROOT / "docs" / "decisions"
    return [folder / "README.md", *sorted(page for page in folder.glob("*.md") if page.name != "README.md")]


def _linked(page: Path) -> Iterator[Path]:
    """The files of the repository that a page links to. A folder counts as its own README."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" not in target and not target.startswith("#"):
            path = (page.parent / unquote(target.partition("#")[0])).resolve()
            if path.is_file() and path.is_relative_to(ROOT):
                yield path


def collect(folder: Path) -> None:
    """Copies the pages, and what they link to, into the folder that the site is built from."""
    pages = [ROOT / page for section in NAVIGATION.values() for page in section.values()] + decisions()
    files = dict.fromkeys(pages)
    for page in pages:
        files |= dict.fromkeys(_linked(page))
    shutil.rmtree(folder, ignore_errors=True)
    for path in files:
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def configuration(source: Path, site: Path) -> str:
    """What the builder is told: the theme without anything from other hosts, the navigation, every finding a warning."""
    titled = {
        page.read_text("utf-8").splitlines()[0].removeprefix("# "): str(page.relative_to(ROOT)) for page in decisions()
    }
    lines = []
    for section, pages in {**NAVIGATION, "Decisions": titled}.items():
        lines.append(f"  - {section}:")
        lines += [f'      - "{title}": {page}' for title, page in pages.items()]
    return _CONFIGURATION.format(source=source, site=site, navigation="\n".join(lines))


def build(place: Path) -> list[str]:
    """Builds the site into `place/site`; answers what is wrong with pages and links, nothing when all is well."""
    source = place / "pages"
    collect(source)
    (source / "site.css").write_text(_STYLE, "utf-8")
    file = place / "mkdocs.yml"
    file.write_text(configuration(source, place / "site"), "utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(file)]
    # The theme tells on every build of its successor's plans; what is told here is to be mended.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    if not built.returncode:
        return []
    return [line for line in built.stderr.splitlines() if line.strip() and not line.startswith("INFO")]


def main() -> None:
    """Builds the site into .cache/docs/site; exits with 1, and the findings, when a page or a link is wrong."""
    if found := build(PLACE):
        sys.exit("\n".join([*found, "The site was not built: mend what is told above."]))
    print(f"The site is in {PLACE.relative_to(ROOT)}/site/index.html")  # noqa: T201  the outcome of a tool that people run


if __name__ == "__main__":
    main()
