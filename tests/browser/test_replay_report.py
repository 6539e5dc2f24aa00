"""The report as its readers get it: opened in a real browser, in both languages, on screen and on paper."""

from __future__ import annotations

import html
import json
import re
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.replay.knowledge.register import ClockMode
from pipeline.replay.report import words
from pipeline.replay.report.charts import charts
from pipeline.replay.report.report import render, report_of
from pipeline.replay.run.provenance import code_files
from pipeline.replay.what_if.rule_set import other_rules
from pipeline.settings.packs import load_pack_set
from rules.vocabulary import Reason
from tests.support.pages import browse, dom, screenshot
from tests.support.replaying import job, run, sample_claims, sample_events, write_events, write_lines
from topics.claims.codec import ClaimError

PACKS = load_pack_set()
CHARTS = {
    "verdicts_over_time",
    "money_over_time",
    "by_ground",
    "by_institution",
    "points",
    "flips",
    "difference_over_time",
}

FONTS = (
    "",
    "font-family: serif !important",
    "font-family: monospace !important",
    "font-family: 'Noto Sans CJK SC' !important",
    "font-family: monospace !important; font-weight: bold !important; letter-spacing: 0.2em !important",
)
"""What a reader's machine may have instead of the fonts of ours: its own, narrower ones, wider ones, and far wider than any."""

PROBE = """
<script>
var FONTS = %s;
addEventListener("load", function () {
  function shown(node) { var box = node.getBoundingClientRect(); return box.width > 0 && box.height > 0; }
  var found = {
    problems: window.problems,
    requests: performance.getEntriesByType("resource").map(function (entry) { return entry.name; }),
    language: document.documentElement.lang,
    zh: [].filter.call(document.querySelectorAll("main .zh"), shown).length,
    en: [].filter.call(document.querySelectorAll("main .en"), shown).length,
    width: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    charts: {}
  };
  function labels(svg) { return [].slice.call(svg.querySelectorAll("text")).filter(shown); }
  function inside(svg, page) {
    var box = svg.getBoundingClientRect();
    return labels(svg).every(function (text) {
      var edge = text.getBoundingClientRect();
      return edge.left >= box.left - 1 && edge.right <= box.right + 1 && edge.right <= page.right
        && edge.top >= box.top - 1 && edge.bottom <= box.bottom + 1;
    });
  }
  function apart(svg) {
    var edges = labels(svg).map(function (text) { return text.getBoundingClientRect(); });
    return edges.every(function (one, place) {
      return edges.slice(place + 1).every(function (other) {
        return one.right <= other.left + 1 || other.right <= one.left + 1 || one.bottom <= other.top + 4 || other.bottom <= one.top + 4;
      });
    });
  }
  var letters = document.createElement("style");
  document.head.appendChild(letters);
  document.querySelectorAll("figure[data-chart]").forEach(function (figure) {
    var page = document.querySelector("main").getBoundingClientRect();
    var svg = [].filter.call(figure.querySelectorAll("svg"), shown);
    var box = svg.length === 1 ? svg[0].getBoundingClientRect() : { width: 0, height: 0 };
    var told = found.charts[figure.dataset.chart] = {
      drawn: svg.length, width: box.width, height: box.height, texts: svg.length === 1 ? labels(svg[0]).length : 0, cut: [], mixed: []
    };
    FONTS.forEach(function (font) {
      letters.textContent = font ? "svg, svg text { " + font + " }" : "";
      if (svg.length !== 1 || !inside(svg[0], page)) { told.cut.push(font); }
      if (svg.length !== 1 || !apart(svg[0])) { told.mixed.push(font); }
    });
    letters.textContent = "";
  });
  var told = document.createElement("script");
  told.type = "application/json";
  told.id = "probe";
  told.textContent = JSON.stringify(found);
  document.body.appendChild(told);
});
</script>
""".replace("%s", json.dumps(FONTS))
WATCH = """
<script>
window.problems = [];
addEventListener("error", function (event) { window.problems.push(String(event.message)); }, true);
addEventListener("securitypolicyviolation", function (event) { window.problems.push("blocked " + event.blockedURI); });
</script>
"""


class Page(HTMLParser):
    """What a page refers to, and the figures that it shows, by their place in report.json."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.figures: list[tuple[str, str]] = []
        self._figure: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.references += [
            given[name] or "" for name in ("src", "href", "xlink:href", "data", "action") if name in given
        ]
        self._figure = given.get("data-figure")

    def handle_data(self, data: str) -> None:
        if self._figure is not None:
            self.figures.append((self._figure, data))
            self._figure = None


def watched(page: Path, folder: Path) -> Path:
    """The page with a probe that tells what a reader would see."""
    text = page.read_text("utf-8")
    target = folder / f"watched-{page.name}"
    target.write_text(text.replace("<head>", f"<head>{WATCH}", 1).replace("</body>", f"{PROBE}</body>", 1), "utf-8")
    return target


def seen(page: Path, language: str, folder: Path, *arguments: str) -> dict:
    """What the probe saw with this language chosen."""
    text = browse(f"{watched(page, folder).as_uri()}#{language}", "--dump-dom", *arguments)
    found = re.search(r'<script type="application/json" id="probe">(.*?)</script>', text, re.DOTALL)
    assert found, "the page did not finish loading"
    return json.loads(found.group(1))


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A what-if over the sample, with its report."""
    folder = tmp_path_factory.mktemp("report")
    claims = write_lines(folder / "claims.ndjson.gz", sample_claims(6_000, broken_share=0.02))
    events = write_events(folder / "events.ndjson", sample_events())
    other = other_rules(PACKS, None, ["qiannan-2022.penalty.months=6"])
    run(folder / "out", claims, events, other=other)
    report_of(job(folder / "out", claims, events, other=other))
    return folder / "out"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_reader_with_any_fonts_sees_every_chart_in_one_language_and_nothing_goes_wrong_or_out_to_the_network(
    reported: Path, language: str, tmp_path: Path
) -> None:
    page = seen(reported / "report.html", language, tmp_path, "--window-size=1100,1400")
    assert page["problems"] == []
    assert page["requests"] == []
    assert page["language"] == {"zh": "zh-CN", "en": "en"}[language]
    other = "en" if language == "zh" else "zh"
    assert page[language] > 150
    assert page[other] == 0, "the language that is not chosen is neither seen nor printed"
    assert page["charts"].keys() == CHARTS
    for name, chart in page["charts"].items():
        assert chart["drawn"] == 1, name
        assert chart["width"] > 500, name
        assert chart["height"] > 60, name
        assert chart["texts"] > 3, name
        assert chart["cut"] == [], f"{name}: with these fonts a label runs out of the picture"
        assert chart["mixed"] == [], f"{name}: with these fonts one label lies on another"
    assert page["width"] <= 0, "the page is wider than the window"


def test_the_page_stands_alone(reported: Path) -> None:
    text = (reported / "report.html").read_text("utf-8")
    page = Page(text)
    assert {reference.split(":")[0] for reference in page.references} <= {"data"}
    assert not re.search(r"url\((?!#)", text), "a style or a chart refers to something outside"
    assert "default-src 'none'" in text, "the browser itself is told to fetch nothing"
    assert not {"link"} & set(page.tags) or page.references == ["data:,"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_figure_on_the_page_is_that_of_report_json(reported: Path, language: str) -> None:
    found = json.loads((reported / "report.json").read_text("utf-8"))
    page = Page(dom(f"{(reported / 'report.html').as_uri()}#{language}"))
    assert len(page.figures) > 250
    for place, shown in page.figures:
        value = found
        for part in place.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
        assert Decimal(shown.replace(",", "").replace("\u2212", "-")) == Decimal(value), place
    places = {place for place, _ in page.figures}
    assert {
        "totals.claims",
        "totals.withheld_amount",
        "what_if.flips.claims",
        "what_if.physicians.physicians",
    } <= places
    assert "what_if.flips.matrix.0.claims" in places


def test_the_page_tells_what_it_rests_on_and_explains_the_flips_in_both_languages(reported: Path) -> None:
    text = html.unescape((reported / "report.html").read_text("utf-8"))
    found = json.loads((reported / "report.json").read_text("utf-8"))
    told = found["provenance"]
    digests = [file["sha256"] for file in told["inputs"]] + [told["events"]["sha256"], told["code"]["sha256"]]
    digests += [pack["sha256"] for pack in told["packs"] + told["other_packs"]]
    for digest in digests:
        assert digest in text
    assert "ledger.penalty_months.value" in text
    listed = found["what_if"]["flips"]["listed"]
    assert listed
    for row in listed:
        for side in ("from", "to"):
            assert row[side]["explanation"]["zh"] in text
            assert row[side]["explanation"]["en"] in text
    for row in found["data_quality"]["rejected"]:
        assert f"{row['reason']}</span></td>" in text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_prints_on_paper_in_the_language_chosen(reported: Path, language: str, tmp_path: Path) -> None:
    target = tmp_path / "report.pdf"
    browse(f"{(reported / 'report.html').as_uri()}#{language}", "--no-pdf-header-footer", f"--print-to-pdf={target}")
    printed = target.read_bytes()
    assert printed.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert 6 <= pages <= 20
    boxes = {
        tuple(round(float(edge)) for edge in box.split()) for box in re.findall(rb"/MediaBox\s*\[([^]]*)\]", printed)
    }
    assert boxes <= {(0, 0, 595, 842), (0, 0, 596, 842), (0, 0, 594, 842), (0, 0, 595, 841)}, "A4"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_is_legible_on_a_telephone(reported: Path, language: str, tmp_path: Path) -> None:
    page = seen(reported / "report.html", language, tmp_path, "--window-size=500,900")
    assert page["problems"] == []
    assert page["width"] <= 0, "the page is wider than the screen"
    assert all(chart["cut"] == [] for chart in page["charts"].values())


def test_the_same_replay_gives_the_same_report_byte_by_byte(reported: Path, tmp_path: Path) -> None:
    found = json.loads((reported / "report.json").read_text("utf-8"))
    assert render(found) == (reported / "report.html").read_text("utf-8")
    claims, events = reported.parent / "claims.ndjson.gz", reported.parent / "events.ndjson"
    other = other_rules(PACKS, None, ["qiannan-2022.penalty.months=6"])
    run(tmp_path / "again", claims, events, other=other)
    report_of(job(tmp_path / "again", claims, events, other=other))
    for name in ("report.json", "report.html"):
        assert (tmp_path / "again" / name).read_bytes() == (reported / name).read_bytes(), name


HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(1)>&"\''


def test_names_from_the_input_are_shown_and_never_run(reported: Path, tmp_path: Path) -> None:
    found = json.loads((reported / "report.json").read_text("utf-8"))
    found["by_institution"]["top"][0]["institution_code"] = HOSTILE
    found["what_if"]["flips"]["listed"][0]["claim_id"] = HOSTILE
    found["what_if"]["flips"]["listed"][0]["from"]["explanation"]["zh"] = HOSTILE
    found["provenance"]["inputs"][0]["name"] = HOSTILE
    found["data_quality"]["rejected"][0]["field"] = HOSTILE
    target = tmp_path / "hostile.html"
    target.write_text(render(found), "utf-8")
    page = Page(target.read_text("utf-8"))
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert seen(target, "zh", tmp_path)["problems"] == []
    shown = html.unescape(target.read_text("utf-8"))
    assert HOSTILE in shown


def test_a_replay_without_a_single_claim_has_a_report_too(tmp_path: Path) -> None:
    claims = write_lines(tmp_path / "claims.ndjson", [b"no claim", b"{}"])
    events = write_events(tmp_path / "events.ndjson", sample_events()[:3])
    run(tmp_path / "out", claims, events)
    data, page = report_of(job(tmp_path / "out", claims, events))
    found = json.loads(data.read_text("utf-8"))
    assert found["totals"]["claims"] == 0
    assert found["data_quality"]["rejected_records"] == 2
    told = seen(page, "en", tmp_path)
    assert told["problems"] == []
    assert told["charts"] == {} or set(told["charts"]) == {"points"}
    assert "There was no claim to judge." in page.read_text("utf-8")


def test_every_word_of_the_law_that_a_report_can_meet_has_a_name_in_both_languages() -> None:
    assert words.REASON.keys() == set(Reason)
    assert words.NOT_A_CLAIM.keys() == set(ClaimError.KINDS)
    assert words.CLOCK.keys() == {mode.value for mode in ClockMode}


def colours(svg: str) -> set[str]:
    return set(re.findall(r'fill="(#[0-9a-f]{6})"', svg))


def lightness(colour: str) -> float:
    """Relative luminance of a colour, 0 to 1."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_charts_colours_can_be_told_apart_in_black_and_white(reported: Path) -> None:
    found = json.loads((reported / "report.json").read_text("utf-8"))
    used: set[str] = set()
    for svg in charts(found, "en").values():
        used |= colours(svg)
    shares = sorted(lightness(colour) for colour in used & {"#c9dcef", "#e2963a", "#173f6b"})
    assert len(shares) == 3
    for darker, lighter in pairwise(shares):
        assert (lighter + 0.05) / (darker + 0.05) > 1.6, "too near to each other in grey"


def test_what_the_report_looks_like_can_be_looked_at(reported: Path, tmp_path: Path) -> None:
    assert screenshot((reported / "report.html").as_uri(), tmp_path / "report.png").stat().st_size > 40_000


def test_the_digest_of_the_code_covers_the_templates_that_the_report_is_made_by() -> None:
    root = Path(__file__).parents[2]
    names = {name for name, _ in code_files()}
    for wanted in (
        "pipeline/replay/report/templates/report.html.j2",
        "pipeline/replay/report/report.py",
        "rules/packs/qiannan-2022.yaml",
    ):
        assert wanted in names
    templates = {path.relative_to(root).as_posix() for path in root.glob("pipeline/**/*.j2")}
    assert templates <= names
