"""The page `/` of a process: what an operator wants to see first, from the same metrics that Prometheus reads.

Shared by the gate and the control plane; each says which tiles and tables its page has.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry

from pipeline.web.app import Check
from pipeline.web.templates import template
from rules.packs.pack_set import PackSet
from rules.text import Lang, Pair, pick

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""Every sample of a registry, by name and labels."""

_EVERY_S = 5.0
_WINDOW = 12
_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Tile:
    """One large figure. `of` computes it from the samples now and a minute ago, and the seconds between them."""

    label: Pair
    of: Callable[[View], str]


@dataclass(frozen=True, slots=True)
class Listing:
    """A table that counts a metric by one label, the largest first, with its rate over the last minute."""

    title: Pair
    metric: str
    label: str
    names: Mapping[str, Pair]
    most: int = 12


@dataclass(frozen=True, slots=True)
class View:
    """The samples of two moments, `seconds` apart."""

    now: Samples
    before: Samples
    seconds: float

    def value(self, name: str) -> float:
        """Sum of a metric over all its labels, now."""
        return sum(value for (metric, _), value in self.now.items() if metric == name)

    def rate(self, name: str) -> float:
        """Growth a second of a counter, over all its labels."""
        if self.seconds <= 0:
            return 0.0
        return (self.value(name) - sum(v for (metric, _), v in self.before.items() if metric == name)) / self.seconds

    def by(self, name: str, label: str) -> list[tuple[str, float, float]]:
        """Value and growth a second by a label, the largest first."""
        found: dict[str, list[float]] = {}
        for number, samples in enumerate((self.now, self.before)):
            for (metric, labels), value in samples.items():
                if metric == name:
                    found.setdefault(dict(labels).get(label, ""), [0.0, 0.0])[number] += value
        rows = [
            (key, now, (now - then) / self.seconds if self.seconds > 0 else 0.0) for key, (now, then) in found.items()
        ]
        return sorted((row for row in rows if row[1]), key=lambda row: (-row[1], row[0]))

    def quantile(self, histogram: str, share: float) -> float | None:
        """Upper bound, in the metric's unit, below which `share` of the last minute's observations lie; None without any."""
        buckets: dict[float, float] = {}
        for samples, sign in ((self.now, 1), (self.before, -1)):
            for (metric, labels), value in samples.items():
                if metric == f"{histogram}_bucket":
                    edge = float(dict(labels)["le"])
                    buckets[edge] = buckets.get(edge, 0) + sign * value
        total = buckets.get(float("inf"), 0)
        return None if not total else min(edge for edge, count in buckets.items() if count >= share * total)


class StatusPage:
    """Answers `/`. Takes a sample of the registry every few seconds, so that the first look already shows rates."""

    def __init__(
        self,
        registry: CollectorRegistry,
        ready: Check,
        *,
        title: Pair,
        version: str,
        packs: PackSet | None,
        tiles: Sequence[Tile],
        listings: Sequence[Listing],
    ) -> None:
        self._registry = registry
        self._ready = ready
        self._title = title
        self._facts: tuple[tuple[Pair, str], ...] = ((("版本", "version"), version),)
        if packs is not None:
            in_force = "; ".join(f"{pack.name} ({', '.join(pack.regions)})" for pack in packs.packs)
            self._facts += ((("规则包（地区）", "packs in force (regions)"), in_force),)
        self._tiles = tiles
        self._listings = listings
        self._past: deque[tuple[float, Samples]] = deque([(time.monotonic(), self._sample())], maxlen=_WINDOW)
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name="status-samples", daemon=True).start()

    def close(self) -> None:
        """Stops taking samples."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(_EVERY_S):
            self._past.append((time.monotonic(), self._sample()))

    def _sample(self) -> Samples:
        return {
            (sample.name, frozenset(sample.labels.items())): float(sample.value)
            for family in self._registry.collect()
            for sample in family.samples
        }

    def __call__(self, _path: str, query: dict[str, str]) -> tuple[int, str, bytes]:
        """The page in the language of the query."""
        lang: Lang = "en" if query["lang"] == "en" else "zh"
        taken, before = self._past[0]
        view = View(self._sample(), before, time.monotonic() - taken)
        ready, details = self._ready()
        text = template("pipeline.web", "status.html.j2").render(
            lang=lang,
            other="en" if lang == "zh" else "zh",
            title=pick(self._title, lang),
            ready=ready,
            held=bool(details.get("held")),
            instance=details.get("instance", ""),
            details={name: value for name, value in details.items() if name not in ("instance", "held")},
            facts=[(pick(name, lang), value) for name, value in self._facts],
            tiles=[(pick(tile.label, lang), tile.of(view)) for tile in self._tiles],
            listings=[_listing(listing, view, lang) for listing in self._listings],
        )
        return 200, _HTML, text.encode()


def _listing(listing: Listing, view: View, lang: Lang) -> dict[str, object]:
    rows = view.by(listing.metric, listing.label)
    shown, total = rows[: listing.most], sum(value for _, value, _ in rows)
    return {
        "title": pick(listing.title, lang),
        "rows": [
            {
                "name": pick(listing.names[key], lang) if key in listing.names else key,
                "key": key,
                "value": number(value),
                "share": value / total if total else 0.0,
                "rate": _rate(rate),
            }
            for key, value, rate in shown
        ],
        "more": len(rows) - len(shown),
    }


def number(value: float) -> str:
    """A count for people."""
    return f"{value:,.0f}"


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def per_second(metric: str) -> Callable[[View], str]:
    """Growth of a counter a second."""
    return lambda view: _rate(view.rate(metric))


def count(metric: str) -> Callable[[View], str]:
    """Sum of a metric."""
    return lambda view: number(view.value(metric))


def duration(metric: str, kind: Literal["value"] | float = "value") -> Callable[[View], str]:
    """A time: a gauge's value, or a quantile of a histogram's last minute."""

    def told(view: View) -> str:
        seconds = view.value(metric) if kind == "value" else view.quantile(metric, kind)
        if seconds is None:
            return "–"
        if seconds == float("inf"):
            return "> 1 min"
        return f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"

    return told
