"""What is said to people: every sentence and name in Chinese and in English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Lang = Literal["zh", "en"]


class Text(NamedTuple):
    """One text in both languages. In a pack file it is the mapping `{zh: ..., en: ...}`, neither of them empty."""

    zh: str
    en: str

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        sentence = core_schema.typed_dict_field(core_schema.str_schema(min_length=1))
        written = core_schema.typed_dict_schema({"zh": sentence, "en": sentence}, extra_behavior="forbid")
        return core_schema.no_info_after_validator_function(
            lambda found: cls(**found),
            core_schema.no_info_before_validator_function(_as_written, written),
            serialization=core_schema.plain_serializer_function_ser_schema(_as_written),
        )


def _as_written(value: Any) -> Any:
    return value._asdict() if isinstance(value, Text) else value


Pair = tuple[str, str]
"""The loose form, as the tables of a page write it. A Text is one."""


def pick(text: Pair, lang: Lang) -> str:
    """The text in one language."""
    return text[0] if lang == "zh" else text[1]


def joined(parts: Sequence[str], lang: Lang) -> str:
    """A list in a sentence."""
    return ("、" if lang == "zh" else ", ").join(parts)
