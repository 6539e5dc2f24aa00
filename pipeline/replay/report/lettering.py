"""How wide the words of a picture are, whatever fonts its reader has.

A report is made on one machine and read on another, and neither has the other's fonts: what fits where it was drawn runs out of
the picture where it is read. So the words of a chart are laid out by the one font that the drawing library carries with it, and
each of them states its width (`textLength`): a browser sets the letters of whatever font it has to exactly that width.
"""

from __future__ import annotations

import html
import re

DRAWN_IN = "Liberation Sans"
"""The font that vl-convert carries in itself: Vega measures with it on every machine."""

_EASE = 1.07
"""The stated widths lie between the narrow fonts (Arial) and the wide ones (DejaVu Sans, 1.15), so that no reader's letters are
stretched or pressed by more than a twelfth."""

_THOUSANDTHS = {
    222: "ijl'|",
    278: " !,./:;I[\\]ft",
    333: "()-`r",
    355: '"',
    389: "*",
    500: "Jckvxyz",
    556: "#$0123456789?L_abdeghnopqsu\u2212",
    584: "+<=>~",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1000: "\u2192",
}
"""Advance widths of Liberation Sans (those of Arial), in thousandths of the font's size."""

_WIDTHS = {letter: width for width, letters in _THOUSANDTHS.items() for letter in letters}
_NO_WIDTH = "\u200b"
_TEXT = re.compile(r'<text\b([^>]*?) font-family="[^"]*"([^>]*)>(.*?)</text>', re.DOTALL)
_SIZE = re.compile(r'font-size="([\d.]+)px"')
_LINE = re.compile(r"<tspan([^>]*)>(.*?)</tspan>", re.DOTALL)


def width(text: str, size: float = 11) -> float:
    """Pixels that a line of text takes at a font size in pixels. A character that is no Latin one is as wide as high."""
    return sum(_WIDTHS.get(letter, 1000) for letter in text if letter != _NO_WIDTH) * size * _EASE / 1000


def fitted(svg: str, fonts: str) -> str:
    """The picture in the reader's own `fonts` (a CSS font stack), every line of its words as wide as it was laid out for."""

    def line(attributes: str, words: str, size: float) -> str:
        return f'{attributes} textLength="{width(html.unescape(words), size):.1f}" lengthAdjust="spacingAndGlyphs"'

    def text(found: re.Match[str]) -> str:
        before, after, words = found.groups()
        size = _SIZE.search(before + after)
        pixels = float(size.group(1)) if size else 11.0
        if "<tspan" in words:
            spans = _LINE.sub(lambda span: f"<tspan{line(span[1], span[2], pixels)}>{span[2]}</tspan>", words)
            return f"<text{before}{after}>{spans}</text>"
        return f"<text{line(before + after, words, pixels)}>{words}</text>" if words else ""

    family = fonts.replace('"', "'")
    return _TEXT.sub(text, svg).replace("<svg ", f'<svg font-family="{family}" ', 1)
