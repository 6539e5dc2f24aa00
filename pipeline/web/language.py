"""Chooses the language in which a page answers."""

from __future__ import annotations

from rules.text import Lang


def language(asked: str | None, accepted: str) -> Lang:
    """The language of a page: what `?lang=` asks for, then what the browser prefers (`Accept-Language`), then Chinese."""
    known: dict[str, Lang] = {"zh": "zh", "en": "en"}
    if asked in known:
        return known[asked]
    best: tuple[float, Lang] = (0.0, "zh")
    for item in accepted.split(","):
        tag, _, weight = item.partition(";")
        found = known.get(tag.strip().partition("-")[0].lower())
        if found is not None and _weight(weight) > best[0]:
            best = (_weight(weight), found)
    return best[1]


def _weight(text: str) -> float:
    """The weight of a language (RFC 9110, 12.4.2): 1 without any; one that cannot be read counts for nothing."""
    name, _, value = text.strip().partition("=")
    try:
        return float(value) if name == "q" else float(not name)
    except ValueError:
        return 0.0
