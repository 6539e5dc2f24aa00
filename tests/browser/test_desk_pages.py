"""The pages of the desk in a real browser: nothing is wider than a phone, a screen or a wide screen, and nothing that a claim says runs."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from tests.support.desks import AREA, INSTITUTION, PHYSICIAN, Office, taken
from tests.support.pages import browse
from topics.catalogue import NOTICES

WIDTHS = (360, 1024, 1600)
EVIL = '"><img src=x onerror="top.harmed=1"><script>top.harmed=1</script>'
LONG = "x" * 200

_ASK = """<script>
addEventListener("load", () => {
  const told = [...document.querySelectorAll("iframe")].map(frame =>
    [frame.title, frame.contentDocument.documentElement.scrollWidth - frame.clientWidth, frame.contentDocument.body.innerText.length]);
  document.body.setAttribute("data-told", JSON.stringify({pages: told, harmed: window.harmed === 1}));
});
</script>"""


@pytest.fixture
def office(tmp_path: Path):
    made = Office(tmp_path / "desk").staffed()
    made.put_case("case-c3851194904ee55085fb8782", taken(1, "assign", assignee="supervisor", note=EVIL), taken(2, "note", note=LONG),
                  physician_code=PHYSICIAN, fund_amount="1234567890.12", opened_at="2026-01-05T01:00:00Z")  # fmt: skip
    made.put_case(
        "odd", claim_id=EVIL, institution_code=INSTITUTION, physician_code=LONG, explanation={"zh": EVIL, "en": EVIL}
    )
    made.put_physician(AREA, PHYSICIAN, INSTITUTION)
    notice = {"notice_id": "n1", "kind": "k", "region": AREA, "institution": INSTITUTION, "physician_code": PHYSICIAN,
              "due_on": "2026-12-01", "citation": "三(二)2", "explanation": {"zh": EVIL, "en": EVIL}}  # fmt: skip
    made.put(NOTICES.name, "n1", notice)
    yield made
    made.close()


def test_every_page_fits_every_width_in_both_languages_and_runs_nothing(office: Office, tmp_path: Path) -> None:
    visitor = office.visitor("supervisor")
    paths = {
        "login": "/login",
        "inbox": "/inbox",
        "case": "/cases/case-c3851194904ee55085fb8782",
        "odd": "/cases/odd",
        "person": f"/people/{AREA}/{PHYSICIAN}",
        "institution": f"/institutions/{AREA}/{INSTITUTION}",
        "refused": "/cases/none",
    }
    frames = []
    for name, path in paths.items():
        for lang in ("zh", "en"):
            page = visitor.http.get(path, params={"lang": lang}).text
            file = tmp_path / f"{name}-{lang}.html"
            # What is folded away is looked at, too; the style comes from the desk.
            file.write_text(
                page.replace('href="/desk.css"', f'href="{office.address}/desk.css"').replace(
                    "<details>", "<details open>"
                )
            )
            frames += [
                f'<iframe title="{name}-{lang}-{width}" src="{file.name}" style="width:{width}px;height:900px;border:0"></iframe>'
                for width in WIDTHS
            ]
    (tmp_path / "all.html").write_text(f"<body>{''.join(frames)}{_ASK}</body>")
    dom = browse(f"file://{tmp_path / 'all.html'}", "--dump-dom", "--allow-file-access-from-files")
    told = json.loads(html.unescape(re.search(r'data-told="([^"]*)"', dom)[1]))
    assert len(told["pages"]) == len(paths) * 2 * len(WIDTHS)
    assert [name for name, _, length in told["pages"] if length < 30] == [], "no page is empty"
    assert [(name, over) for name, over, _ in told["pages"] if over > 0] == []
    assert told["harmed"] is False
