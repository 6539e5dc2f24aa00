"""Mappings: which column of a source gives which field of a claim, as data.

A mapping is a YAML file. `fields` names for every field of the contract (`topics.messages.Claim`) where it comes from:

    claim_id: setl_id                              one column
    physician_code: [bilg_dr_codg, bilg_dr_code]   the first that is not blank; the source may lack some
    region: {constant: "522700"}                   the same for every row
    encounter_type: {column: med_type, values: {"11": outpatient}}         a code table; other codes are refused
    insurance_type: {column: insutype, values: {"310": employee}, otherwise: other}
    service_date: {column: enddate, date: yyyy-MM-dd}                      text in this form, or a time whose local day counts
    settlement_time: {column: setl_time, time: "yyyy-MM-dd HH:mm:ss"}      local time at `offset`, by default +08:00
    claim_version: {column: version, optional: true}                       may be missing from the source

`refund: {column: refd_setl_flag, values: ["1"]}` makes the amounts of such rows negative, whatever their sign in the source.
Amounts may be text, decimals, integers or floating-point numbers that mean two decimals. Names of codes are kept as text.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pipeline.inputs.errors import MappingError
from topics.messages import Claim

CONTRACT = "contract"
"""Name of the mapping that takes the contract's own field names."""

FIELDS = tuple(Claim.model_fields)
REQUIRED = tuple(name for name, field in Claim.model_fields.items() if field.is_required())
_OPTIONAL = tuple(name for name in FIELDS if name not in REQUIRED)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class FieldSource(_Part):
    """Where one field comes from: `columns`, the first that is not blank, or a `constant`."""

    column: str | None = None
    columns: tuple[str, ...] = ()
    constant: str | None = None
    values: dict[str, str] | None = None
    otherwise: str | None = None
    date: str | None = None
    time: str | None = None
    offset: Annotated[str, Field(pattern=r"^[+-]\d\d:\d\d$")] = "+08:00"
    optional: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> FieldSource:
        given = [name for name in ("column", "columns", "constant") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("give one of column, columns, constant")
        if self.otherwise is not None and self.values is None:
            raise ValueError("otherwise goes with values")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The columns asked for, in the order of preference."""
        return self.columns if self.column is None else (self.column,)


def _source(value: Any) -> Any:
    if isinstance(value, str):
        return {"column": value}
    return {"columns": value} if isinstance(value, list) else value


class Refund(_Part):
    """Rows whose `column` has one of these values cancel a settlement (退费结算): their amounts count negative."""

    column: str
    values: tuple[str, ...]


class Mapping(_Part):
    """A mapping as its file has it."""

    name: str
    about: str
    fields: dict[str, Annotated[FieldSource, BeforeValidator(_source)]]
    refund: Refund | None = None


def shipped() -> tuple[str, ...]:
    """Names of the mappings shipped with the product."""
    folder = resources.files("pipeline.inputs") / "mappings"
    return tuple(sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")))


def load_mapping(name: str) -> Mapping:
    """A shipped mapping by its name, or one from a YAML file. Raises MappingError with every problem of the file."""
    folder = resources.files("pipeline.inputs") / "mappings"
    if name in shipped():
        text, where = (folder / f"{name}.yaml").read_text("utf-8"), name
    elif Path(name).is_file():
        text, where = Path(name).read_text("utf-8"), Path(name).name
    else:
        raise MappingError([f"no mapping {name!r}: give a YAML file, or one of those shipped: {', '.join(shipped())}"])
    return parse_mapping(text, where)


def parse_mapping(text: str, where: str) -> Mapping:
    """Reads a mapping from YAML text; `where` is named in errors. Raises MappingError."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise MappingError([f"{where}: not YAML: {error}"]) from None
    try:
        mapping = Mapping.model_validate(data)
    except ValidationError as error:
        raise MappingError(
            [
                f"{where}: {'.'.join(str(part) for part in item['loc']) or '(top)'}: {item['msg'].removeprefix('Value error, ')}"
                for item in error.errors(include_input=False, include_url=False)
            ]
        ) from None
    problems = [
        f"{where}: fields.{field}: no field of a claim; those are {', '.join(FIELDS)}"
        for field in mapping.fields
        if field not in FIELDS
    ]
    problems += [
        f"{where}: fields.{field}: missing; every claim needs it" for field in REQUIRED if field not in mapping.fields
    ]
    if problems:
        raise MappingError(problems)
    return mapping
