"""A mapping proposed for a file from its own columns and values (`screening mapping new`), as a commented file to finish.

A column is taken for a field when a shipped mapping knows its name; forms of dates are those that fit every value seen, and
codes that no table knows are named. What is not beyond doubt is left as a comment, so that a person decides it.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import yaml

from pipeline.inputs.encodings import Encoding
from pipeline.inputs.files import InputFile
from pipeline.inputs.forms import is_missing, text_of
from pipeline.inputs.headings import HEADINGS, WORDS, Headings, in_fen, plain_heading
from pipeline.inputs.mapping import AMOUNTS, DATES, FIELDS, FLAGS, REQUIRED, TIMES, FieldSource, Mapping, load_mapping
from pipeline.inputs.moments import moment_of
from pipeline.inputs.rows import Table, read_table

LOOKED_AT = 1_000
"""Rows from which a mapping is proposed."""

FINISH = "# Finish it: every line with TODO needs you."

_KNOWN = ("contract", "national-settlement")
_FORMS = (
    "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd HH:mm", "yyyy-MM-dd", "yyyy/M/d H:mm:ss", "yyyy/M/d H:mm", "yyyy/M/d", "yyyyMMddHHmmss",
    "yyyyMMdd", "yyyy-MM-dd HH:mm:ss.SSS", "yyyy年M月d日", "yyyy.M.d", "rfc3339", "yyyy-MM-ddTHH:mm:ss", "yyyy-M-d H:mm:ss",
    "yyyy-M-d H:mm", "yyyy-M-d", "yyyy.M.d H:mm:ss", "yyyy.M.d H:mm", "yyyy年M月d日 H:mm:ss", "yyyy年M月d日 H:mm",
    "yyyyMMdd HH:mm:ss",
)  # fmt: skip
_MOST_CODES = 30


def propose(file: InputFile, encoding: Encoding | None = None, sheet: str | None = None) -> str:
    """The text of a mapping for a file of claims. Raises InputError for a file that cannot be read."""
    table = read_table(file, (), encoding=encoding, sheet=sheet, most=LOOKED_AT, headings=_headings())
    found = {name: _columns_of(name, table.columns) for name in FIELDS}
    used = {column for columns in found.values() for column in columns}
    spare = [column for column in table.columns if column not in used]
    head = [
        f"# A mapping proposed from the first {len(table.rows):,} rows of {file.name}.",
        *(f"# {_plain(file.name)}: {_plain(text)}." for text in table.told),
        FINISH,
        "# `screening mapping check FILE` tells what is still wrong with it; the guide is in pipeline/replay/README.md.",
        "name: mine",
        f"about: Claims as in {_plain(file.name)}.",
        *([f"sheet: {_scalar(table.sheet)}"] if table.sheet is not None else []),
        "fields:",
    ]
    lines = [line for name in FIELDS for line in _field(name, found[name], table, spare)]
    refund = _refund(table)
    rest = [f"# Columns that no field is read from: {', '.join(spare)}"] if spare else []
    return "\n".join([*head, *lines, *refund, *rest]) + "\n"


def _shipped() -> tuple[Mapping, ...]:
    return tuple(load_mapping(name) for name in _KNOWN)


def _headings() -> Headings:
    """All names of columns that are known."""
    known = [column for mapping in _shipped() for column in mapping.columns]
    return Headings([*known, *(heading for headings in HEADINGS.values() for heading in headings)])


def _columns_of(name: str, columns: Sequence[str]) -> list[str]:
    """The columns of a file that a shipped mapping reads this field from, in its order; then those that say it in Chinese."""
    known = [
        column for mapping in _shipped() if name in mapping.fields for column in (mapping.fields[name].names or ())
    ]
    known += HEADINGS.get(name, ())
    folded = {plain_heading(column): column for column in reversed(columns)}
    return list(dict.fromkeys(folded[heading] for heading in map(plain_heading, known) if heading in folded))


def _field(name: str, columns: list[str], table: Table, spare: Sequence[str]) -> Iterator[str]:
    if not columns:
        if name in REQUIRED:
            near = difflib.get_close_matches(name, spare, n=3, cutoff=0.5)
            hint = f"perhaps {', '.join(near)}" if near else "no column resembles it"
            yield f'  # TODO {name}: every claim needs it; {hint}. The same in every row: {name}: {{constant: "..."}}'
        elif name == "physician_code":
            yield "  # TODO physician_code: without it every claim counts as without physician"
        return
    source: dict[str, Any] = {"column": columns[0]} if len(columns) == 1 else {"columns": columns}
    comment = ""
    values = [row.values.get(column) for row in table.rows for column in columns if row.problem is None]
    if name in (*DATES, *TIMES):
        forms, odd = _forms(values)
        if forms:
            source["date" if name in DATES else "time"] = forms
        if odd:
            comment = f"  # TODO no form fits {_shown(odd)}"
    elif name in AMOUNTS:
        if all(map(in_fen, columns)):
            source["unit"] = "fen"
        else:
            comment = _money_comment(values)
    elif name in FLAGS:
        source = {"columns": columns, **_said_of_flag(name)}
    else:
        yield from _coded(name, source, values)
    if name not in REQUIRED and name != "claim_version":
        source["optional"] = True
    yield f"  {name}: {_flow(source)}{comment}"


def _said_of_flag(name: str) -> dict[str, Any]:
    known = next(mapping.fields[name] for mapping in reversed(_shipped()) if name in mapping.fields)
    return {} if known.values is None else {"values": known.values, "otherwise": known.otherwise}


def _coded(name: str, source: dict[str, Any], values: list[Any]) -> Iterator[str]:
    """Gives a field its code table, and tells what of the codes seen it does not know."""
    known: FieldSource | None = next(
        (
            mapping.fields[name]
            for mapping in reversed(_shipped())
            if name in mapping.fields and mapping.fields[name].values
        ),
        None,
    )
    if known is None or known.values is None:
        return
    codes = {**known.values, **WORDS.get(name, {})}
    seen = sorted({text for value in values if (text := _text(value)) is not None})
    if not seen or set(seen) <= set(codes.values()):
        return
    table = {code: codes[code] for code in seen if code in codes}
    unknown = [code for code in seen if code not in codes]
    if unknown:
        yield f"  # TODO {name}: no table knows {_shown(unknown)}; say what they are, or leave them to `otherwise`"
    source["values"] = table
    if name == "encounter_type":
        source["otherwise"] = "unknown"
    elif unknown:
        source["otherwise"] = "other"


def _forms(values: Iterable[Any]) -> tuple[list[str], list[str]]:
    """Forms that are needed for the texts seen, and texts that none fits."""
    forms: dict[str, None] = {}
    odd: dict[str, None] = {}
    for value in values:
        if isinstance(value, dt.date) or value is None:
            continue
        text = _text(value)
        if text is None:
            continue
        fitting = next((form for form in _FORMS if moment_of(text, (form,), "+08:00") is not None), None)
        if fitting is None:
            odd[text] = None
        else:
            forms[fitting] = None
    return list(forms), list(odd)


def _money_comment(values: list[Any]) -> str:
    given = [value for value in values if value is not None and _text(value) is not None]
    whole = all(isinstance(value, int) or str(value).strip().lstrip("-").isdigit() for value in given)
    return "  # TODO whole numbers only: yuan, or fen (`unit: fen`)?" if given and whole else ""


def _refund(table: Table) -> list[str]:
    column = next((name for name in table.columns if name.casefold() == "refd_setl_flag"), None)
    if column is None:
        return []
    seen = sorted({text for row in table.rows if (text := _text(row.values.get(column))) is not None})
    other = [flag for flag in seen if flag not in ("0", "1")]
    told = [f"# TODO refund: the flag has other values, too: {_shown(other)}"] if other else []
    return [*told, f'refund: {{column: {column}, values: ["1"], others: ["0"]}}']


def _text(value: Any) -> str | None:
    try:
        text = text_of(value, coded=True)
    except ValueError:
        return str(value)
    return None if is_missing(text) else text


def _shown(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _MOST_CODES} more" if len(texts) > _MOST_CODES else ""
    return ", ".join(_plain(text[:40]) for text in texts[:_MOST_CODES]) + more


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text).replace("#", "")


def _flow(source: dict[str, Any]) -> str:
    if set(source) == {"column"}:
        return _scalar(source["column"])
    text: str = yaml.safe_dump(source, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10_000)
    return text.strip()


def _scalar(text: str) -> str:
    """A text as YAML has it."""
    return str(yaml.safe_dump(text, allow_unicode=True, width=10_000)).partition("\n")[0]
