"""A cited file of one authority beside the packs of grounds: its name, version, source, place and days, and how it is read."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from rules.packs.errors import PackError, mapping, problems_of
from rules.packs.errors import Source as SourceText
from rules.packs.pack import InForce, Source
from rules.text import Text

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Sentence = Annotated[str, StringConstraints(min_length=1)]


class Part(BaseModel):
    """What stands in such a file: it never changes, and knows all of its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CitedFile(Part):
    """One authority's rules. `territory` is the prefix of the division codes (行政区划代码) in which they hold."""

    pack: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    version: Annotated[int, Field(ge=1)]
    title: Text
    source: Source
    territory: Annotated[str, StringConstraints(pattern=r"^\d{2,6}$")]
    in_force: InForce

    @property
    def name(self) -> str:
        """Name with its version, such as jiangxi-penalties@1."""
        return f"{self.pack}@{self.version}"


File = TypeVar("File", bound=CitedFile)


def read_cited(text: str, name: str, model: type[File]) -> File:
    """Reads one from YAML text; `name` (a file name) is used in errors.

    Raises PackError with every problem: file, line and key, the value found and what was expected.
    """
    source = SourceText(text, name)
    data = mapping(source)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise PackError(problems_of(error, source, model, {})) from error
