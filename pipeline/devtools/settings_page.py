"""Writes the page of all settings from their model: `python -m pipeline.devtools.settings_page`, part of `make docs`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipeline.settings.model import Settings
from pipeline.settings.security import Security

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"

_TYPES: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    Path: "path",
    SecretStr: "secret text",
    tuple: "JSON list of texts",
    dict: "JSON object of texts",
}
_UNITS = {"_ms": "milliseconds", "_s": "seconds"}

_HEAD = """# Settings

Generated from the model of settings (`make docs`): change `pipeline/settings/`, never this page.

Every setting is an environment variable, and every process reads them when it starts. A variable whose name is nearly that of
a setting is refused as a slip. A value that cannot be used ends the process with exit code 2 and a message that names the
variable and what was expected. Lists and objects are written as JSON. Some commands have options that win over the
environment; their `--help` says so.
"""


def _type(annotation: Any) -> str:
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType] if NoneType in get_args(annotation) else []
    kind = kinds[0] if kinds else annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "one of " + ", ".join(f"`{item.value}`" for item in kind)
    return _TYPES[get_origin(kind) or kind]


def _default(field: FieldInfo) -> str:
    value = field.get_default()
    temporary = Path(tempfile.gettempdir())
    match value:
        case _ if value is PydanticUndefined:
            return "must be set"
        case None | "":
            return "none"
        case Path() if value.is_relative_to(temporary):
            return f"`{value.relative_to(temporary)}` in the system's folder for temporary files"
        case bool():
            value = str(value).lower()
        case Enum():
            value = value.value
        case tuple():
            value = json.dumps(value)
    return f"`{value}`"


def _limits(field: FieldInfo) -> str:
    said = []
    for rule in field.metadata:
        match rule:
            case Ge(ge=bound):
                said.append(f"at least {bound:,}")
            case Gt(gt=bound):
                said.append(f"more than {bound:,}")
            case Le(le=bound):
                said.append(f"at most {bound:,}")
            case Lt(lt=bound):
                said.append(f"less than {bound:,}")
            case MinLen(min_length=1):
                said.append("not empty")
            case MinLen(min_length=bound):
                said.append(f"at least {bound} characters")
            case MaxLen(max_length=bound):
                said.append(f"at most {bound} characters")
            case _ if pattern := getattr(rule, "pattern", None):
                choices = str(pattern).removeprefix("^(").removesuffix(")$")
                said.append("one of " + ", ".join(f"`{choice}`" for choice in choices.split("|")))
    return ", ".join(said)


def _table(fields: Iterable[tuple[str, FieldInfo]]) -> str:
    lines = ["| variable | type | default | unit | limits | meaning |", "|---|---|---|---|---|---|"]
    for name, field in fields:
        unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
        meaning = (field.description or "").replace("|", "\\|")
        cells = (_type(field.annotation), _default(field), unit, _limits(field), meaning)
        lines.append(f"| `SCREENING_{name.upper()}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def render() -> str:
    """The page: every setting with its type, default, unit, limits and meaning."""
    fields = Settings.model_fields
    guarding = Security.model_fields
    own = _table((name, field) for name, field in fields.items() if name not in guarding)
    security = _table((name, field) for name, field in fields.items() if name in guarding)
    return f"{_HEAD}\n## What the processes do\n\n{own}\n\n## Who they are, and who may see their pages\n\n{security}\n"


def main() -> None:
    """Writes the page of the checkout that this module lies in."""
    PAGE.write_text(render(), "utf-8")


if __name__ == "__main__":
    main()
