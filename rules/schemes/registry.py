"""The schemes that exist: every package beside this module that has a `SCHEME`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any

from pydantic import PlainValidator, SerializeAsAny, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

import rules.schemes as here
from rules.schemes.ledger import Ledger
from rules.schemes.scheme import Scheme


@cache
def schemes() -> Mapping[str, Scheme[Any]]:
    """Every scheme by its name, in the order of the names."""
    found: dict[str, Scheme[Any]] = {}
    for module in sorted(iter_modules(here.__path__), key=lambda module: module.name):
        if module.ispkg:
            scheme: Scheme[Any] = import_module(f"{here.__name__}.{module.name}").SCHEME
            found[scheme.name] = scheme
    return found


def scheme_of(ledger: Ledger) -> Scheme[Any]:
    """The scheme of a pack's ledger section."""
    return schemes()[ledger.scheme]


def ledger_model(data: Any) -> type[Ledger]:
    """The model that a `ledger:` section has to fit, as far as it names a scheme; else what all of them have."""
    name = data.get("scheme") if isinstance(data, dict) else None
    scheme = schemes().get(name) if isinstance(name, str) else None
    return Ledger if scheme is None else scheme.ledger


def _read(data: Any) -> Ledger:
    if isinstance(data, Ledger):
        return data
    model = ledger_model(data)
    if model is Ledger and isinstance(data, dict) and "scheme" in data:
        known = ", ".join(repr(name) for name in schemes())
        wrong = PydanticCustomError(
            "unknown_scheme", "no scheme is called that; expected one of {known}", {"known": known}
        )
        raise ValidationError.from_exception_data(
            "Ledger", [InitErrorDetails(type=wrong, loc=("scheme",), input=data["scheme"])]
        )
    return model.model_validate(data)


LedgerField = Annotated[SerializeAsAny[Ledger], PlainValidator(_read)]
"""A pack's `ledger:` section, read by the model of the scheme that it names."""
