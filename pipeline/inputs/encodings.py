"""The encodings of text files that can be named."""

from __future__ import annotations

from enum import StrEnum


class Encoding(StrEnum):
    """An encoding, by the name that Python's decoders know."""

    UTF_8 = "utf-8"
    GBK = "gbk"
    GB18030 = "gb18030"
    UTF_16 = "utf-16"
    """Of the order that the text's mark tells."""
    UTF_16_LE = "utf-16-le"
    UTF_16_BE = "utf-16-be"
    BIG5 = "big5"
