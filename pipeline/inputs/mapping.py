"""Mappings: which column of a source gives which field of a claim, as data.

A mapping is a YAML file. `fields` names for every field of the contract (`topics.messages.claims.Claim`) where it comes from:

    claim_id: setl_id                              one column
    physician_code: [bilg_dr_codg, bilg_dr_code]   the first that is not missing; the source may lack some
    region: {constant: "522700"}                   the same for every row
    encounter_type: {column: med_type, values: {"11": outpatient}}         a code table; other codes are refused
    insurance_type: {column: insutype, values: {"310": employee}, otherwise: other, absent: unknown}
    service_date: {column: enddate, date: yyyy-MM-dd}                      text in this form, or a time whose day in China counts
    settlement_time: {column: setl_time, time: ["yyyy-MM-dd HH:mm:ss", "yyyy/M/d H:mm"]}       the first form that fits
    fund_amount: {column: fund_pay_sumamt, unit: fen}                      hundredths of a yuan
    encounter_type: {column: med_type, values: {"11": outpatient}, otherwise: unknown}      others are kept as `encounter_code`
    claim_version: {column: version, optional: true}                       may be missing from the source
    region: {columns: [mdtrtarea_admvs], division_in: fixmedins_code}
                                                   the place of care, else the division inside the institution's code (P2); with
                                                   `area: true` its pooling area (P1), which claims need not name

A column of nested data is a path: `payment.amount.value`, `total[0].amount.value`, `careTeam[responsible=true].provider`,
`../patn_id` (of the object that holds the row). `rows` says where the rows of a document stand: the first of its paths that
a document has, `[]` meaning every element; without it a document is a row. `sheet` names the sheet of a workbook.

Forms of days and times are written with yyyy, MM or M, dd or d, HH or H, mm, ss and SSS, each exactly once; or they are rfc3339,
epoch_s or epoch_ms. `offset` is the offset of the source's own clock (+08:00 unless it says otherwise) and `day_at` the offset at
which a moment's day is counted, which is China's; they are two settings, since a warehouse may keep its times in UTC.

Words that exports write for nothing (`\\N`, NULL, None, nan, -, 无 and so on) are missing everywhere; `missing` gives regular
expressions of further ones, for the whole mapping or for one field.

`refund: {column: refd_setl_flag, values: ["1"], others: ["0"]}` makes the amounts of such rows negative, whatever their sign
in the source; a missing flag is no refund, and a flag that is in neither list is set aside. With `speaks: sign` the amounts
stand as they are. With `reversal_of: init_setl_id` a source that has this column writes a reversal as a row of its own: only
a flagged row that names what it reverses is made negative, and the flagged one that it names stands as it is.
"""

from __future__ import annotations

import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pipeline.inputs.errors import MappingError
from pipeline.inputs.moments import FormSyntaxError, compile_form
from topics.messages.claims import Claim

CONTRACT = "contract"
"""Name of the mapping that takes the contract's own field names."""

FIELDS = tuple(dict.fromkeys((*Claim.model_fields, "insured_region")))
"""Fields that a mapping may give, in the order of the contract."""

REQUIRED = tuple(name for name, field in Claim.model_fields.items() if field.is_required())

DATES, TIMES = ("service_date", "service_start"), ("settlement_time",)
AMOUNTS = ("total_amount", "fund_amount")
FLAGS = ("emergency_origin", "interim")

Offset = Annotated[str, Field(pattern=r"^[+-]\d\d:\d\d$")]


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Part(BaseModel):
    """A part of a mapping: frozen, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class FieldSource(Part):
    """Where one field comes from: `columns`, the first that is not missing, or a `constant`."""

    column: str | None = None
    columns: tuple[str, ...] = ()
    constant: str | None = None
    values: dict[str, str] | None = None
    otherwise: str | None = None
    absent: str | None = None
    date: Words = ()
    time: Words = ()
    offset: Offset = "+08:00"
    day_at: Offset = "+08:00"
    unit: Literal["yuan", "fen"] = "yuan"
    division_in: str | None = None
    area: bool = False
    missing: Words = ()
    optional: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> FieldSource:
        given = [name for name in ("column", "columns", "constant") if getattr(self, name)]
        if len(given) != 1 and not (self.division_in and not given):
            raise ValueError("give one of column, columns, constant")
        if self.otherwise is not None and self.values is None:
            raise ValueError("otherwise goes with values")
        for kind, forms in (("date", self.date), ("time", self.time)):
            for form in forms:
                try:
                    compile_form(form)
                except FormSyntaxError as error:
                    raise ValueError(f"{kind}: {error}") from None
        for word in self.missing:
            try:
                re.compile(word)
            except re.error as error:
                raise ValueError(f"missing: {word!r} is no regular expression: {error}") from None
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The columns asked for, in the order of preference; that with the institution's code is not among them."""
        return self.columns if self.column is None else (self.column,)


def _source(value: Any) -> Any:
    if isinstance(value, str):
        return {"column": value}
    return {"columns": value} if isinstance(value, list) else value


Source = Annotated[FieldSource, BeforeValidator(_source)]


class Refund(Part):
    """Rows whose `column` has one of these `values` belong to a refund (退费结算); see the head of this module."""

    column: str
    values: Words
    others: Words = ("0",)
    speaks: Literal["flag", "sign"] = "flag"
    reversal_of: str | None = None
    optional: bool = True


class Mapping(Part):
    """A mapping as its file has it."""

    name: str
    about: str
    kind: Literal["claims"] = "claims"
    fields: dict[str, Source]
    refund: Refund | None = None
    rows: Words = ()
    sheet: str | None = None
    missing: Words = ()

    def words(self, source: FieldSource) -> tuple[str, ...]:
        """Regular expressions of what is missing in a field, beside the words that are missing everywhere."""
        return (*self.missing, *source.missing)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are asked for."""
        asked = [column for source in self.fields.values() for column in (*source.names, source.division_in) if column]
        if self.refund is not None:
            asked += [self.refund.column, *([self.refund.reversal_of] if self.refund.reversal_of else [])]
        return tuple(dict.fromkeys(asked))


def shipped(kind: Literal["claims", "events"] = "claims") -> tuple[str, ...]:
    """Names of the mappings of a kind that are shipped with the product."""
    folder = _folder(kind)
    return tuple(sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")))


def mapping_text(name: str) -> tuple[str, str]:
    """The text of a shipped mapping by its name, or of a YAML file, and how to speak of it. Raises MappingError."""
    for kind in _KINDS:
        if name in shipped(kind):
            return (_folder(kind) / f"{name}.yaml").read_text("utf-8"), name
    if Path(name).is_file():
        try:
            return Path(name).read_text("utf-8-sig"), Path(name).name
        except (OSError, UnicodeDecodeError) as error:
            raise MappingError([f"{Path(name).name}: cannot be read as UTF-8: {error}"]) from None
    raise MappingError([f"no mapping {name!r}: give a YAML file, or one of those shipped: {', '.join(_every())}"])


_KINDS: tuple[Literal["claims", "events"], ...] = ("claims", "events")


def _every() -> tuple[str, ...]:
    return tuple(name for kind in _KINDS for name in shipped(kind))


def _folder(kind: Literal["claims", "events"]) -> Traversable:
    folder = resources.files("pipeline.inputs") / "mappings"
    return folder if kind == "claims" else folder / "registers"


def load_mapping(name: str) -> Mapping:
    """A shipped mapping by its name, or one from a YAML file. Raises MappingError with every problem of the file."""
    return parse_mapping(*mapping_text(name))


def read_yaml(text: str, where: str) -> dict[str, Any]:
    """A mapping's YAML as a dictionary. Raises MappingError."""
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MappingError([f"{where}: not YAML: {error}"]) from None
    if not isinstance(data, dict):
        raise MappingError([f"{where}: expected the fields of a mapping, found {type(data).__name__}"])
    return data


def parse_mapping(text: str, where: str) -> Mapping:
    """Reads a mapping of claims from YAML text; `where` is named in errors. Raises MappingError with everything wrong."""
    data = read_yaml(text, where)
    if data.get("kind", "claims") != "claims":
        raise MappingError([f"{where}: kind: {data['kind']!r}; expected a mapping of claims"])
    fields = data.get("fields")
    names = list(fields) if isinstance(fields, dict) else []
    problems = [
        f"{where}: fields.{field}: no field of a claim; those are {', '.join(FIELDS)}"
        for field in names
        if field not in FIELDS
    ]
    if names:
        problems += [
            f"{where}: fields.{field}: missing; every claim needs it" for field in REQUIRED if field not in names
        ]
    try:
        mapping = Mapping.model_validate(data)
    except ValidationError as error:
        raise MappingError([*problems_of(error, where), *problems]) from None
    if problems:
        raise MappingError(problems)
    return mapping


def problems_of(error: ValidationError, where: str) -> list[str]:
    """Everything that pydantic found, each with its place."""
    return [
        f"{where}: {'.'.join(str(part) for part in item['loc']) or '(top)'}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_input=False, include_url=False)
    ]
