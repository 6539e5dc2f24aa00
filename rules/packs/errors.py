"""Errors in pack files, with file, line, key, the value found and what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from rules.schemes.registry import schemes
from rules.text import Text

Loc = Sequence[str | int]
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DATE_TAG = "tag:yaml.org,2002:timestamp"


class _Loader(_Base):  # type: ignore[misc]  # one of two classes, by what libyaml offers
    """The safe loader, but a day that does not exist (2025-13-01) stays text, so that its key can be named."""

    def day(self, node: yaml.ScalarNode) -> Any:
        """A date, or the text as it stands."""
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            return node.value


_Loader.add_constructor(_DATE_TAG, _Loader.day)


class Problem(NamedTuple):
    """One thing wrong with a pack. `line` counts from 1, None where the file has no such place."""

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class PackError(ValueError):
    """A pack file, or a set of packs, that cannot be used; the message lists every problem with its key."""

    def __init__(self, what: str | Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = () if isinstance(what, str) else tuple(what)
        super().__init__(what if isinstance(what, str) else "\n".join(str(problem) for problem in what))


class Source:
    """The YAML text of one pack file: its data, and the line of every key. Raises PackError when it is not YAML."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        loader = _Loader(text)
        try:
            self._root: yaml.Node | None = loader.get_single_node()
            twice = list(_twice(self._root, file, (), set()))
            if twice:
                raise PackError(twice)
            self.data: Any = None if self._root is None else loader.construct_document(self._root)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or str(error)
            line = None if mark is None else mark.line + 1
            raise PackError([Problem(file, line, "", f"not YAML: {reason}")]) from error
        finally:
            loader.dispose()

    def place(self, loc: Loc) -> tuple[int | None, str]:
        """Line and readable key of a place in the data.

        Parts that the file does not have (the tag of a union, a key that is missing) are passed over for the line; list
        items are named by their `ground` or `id`.
        """
        node, line, key = self._root, None, ""
        for number, part in enumerate(loc):
            found = _child(node, part)
            if found is None:
                if isinstance(part, str) and number == len(loc) - 1:
                    key += f".{part}"
                continue
            node, line = found
            key += f".{part}" if isinstance(part, str) else f"[{_name(node) or part}]"
        return line, key.lstrip(".") or "(top)"

    def problem(self, loc: Loc, message: str) -> Problem:
        """A problem at a place in the data."""
        return Problem(self.file, *self.place(loc), message)


def _twice(node: yaml.Node | None, file: str, at: tuple[str, ...], seen_nodes: set[int]) -> Iterator[Problem]:
    """Keys that stand twice in one mapping: YAML would silently take the last. A node met again is an alias."""
    if id(node) in seen_nodes:
        return
    seen_nodes.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                yield Problem(
                    file, line, ".".join((*at, name)), f"stands here again, after line {seen[name]}; keep one"
                )
            seen.setdefault(name, line)
            yield from _twice(value, file, (*at, name), seen_nodes)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _twice(item, file, (*at, _name(item) or str(number)), seen_nodes)


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    return None


def _name(node: yaml.Node) -> str:
    """The id or ground by which people know a list item."""
    for wanted in ("ground", "id"):
        found = _child(node, wanted)
        if found is not None:
            return str(found[0].value)
    return ""


Models = Mapping[str, type[BaseModel]]
"""The models of the keys whose content itself says by which model it is read."""


def problems_of(error: ValidationError, source: Source, model: type[BaseModel], chosen: Models) -> list[Problem]:
    """Every problem of a validation, in words: the key, what was found and what was expected."""
    problems = []
    for item in error.errors():
        loc = item["loc"]
        if item["type"] == "extra_forbidden":
            message = f"no such key; expected one of {', '.join(_keys(model, loc[:-1], chosen))}"
        elif item["type"] == "missing":
            message = f"missing; {_expected(model, loc, chosen)}"
        else:
            text = item["msg"].removeprefix("Value error, ")
            found = item["input"]
            shown = "" if isinstance(found, dict | list | BaseModel) else f" (found {found!r:.80})"
            message = f"{text}{shown}"
        problems.append(source.problem(loc, message))
    return problems


_HINTS = {
    "value": "write {value: ..., from: YYYY-MM-DD or null, citation: ...}",
    "from": "the day from which it holds, YYYY-MM-DD, or null when the text names none",
    "citation": "the article that says so",
    "citations": "the articles that say so, a list",
    "zh": "the Chinese text",
    "en": "the English text",
}


def _expected(model: type[BaseModel], loc: Loc, chosen: Models) -> str:
    """What a missing key should hold."""
    name = str(loc[-1])
    if name == "scheme":
        return f"expected how points or statuses are counted: {', '.join(schemes())}"
    if name in _HINTS:
        return f"expected {_HINTS[name]}"
    for candidate in _models_at(model, loc[:-1], chosen):
        for known, annotation in _fields(candidate).items():
            if known == name:
                inside = {key for kind in _kinds(annotation) for key in _fields(kind)}
                if {"value", "citation"} <= inside:
                    return f"expected {name}: {{value: ..., from: YYYY-MM-DD or null, citation: ...}}"
                if inside:
                    return f"expected the keys {', '.join(sorted(inside))}"
    return "it is needed here"


def _keys(model: type[BaseModel], loc: Loc, chosen: Models) -> list[str]:
    return list(dict.fromkeys(name for kind in _models_at(model, loc, chosen) for name in _fields(kind)))


Kind = type[BaseModel] | type[Text]


def _fields(kind: Kind) -> dict[str, Any]:
    """The keys of a mapping that is read as this, each with its annotation."""
    if issubclass(kind, BaseModel):
        return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
    return dict.fromkeys(Text._fields, str)


def _models_at(model: type[BaseModel], loc: Loc, chosen: Models) -> list[Kind]:
    """What may stand at a place."""
    candidates: list[Kind] = [model]
    for number, part in enumerate(loc):
        if isinstance(part, int):
            continue
        if number == 0 and part in chosen:
            candidates = [chosen[part]]
            continue
        inner = [
            kind
            for candidate in candidates
            for name, annotation in _fields(candidate).items()
            if name == part
            for kind in _kinds(annotation)
        ]
        candidates = inner or candidates
    return candidates


def _kinds(annotation: Any) -> list[Kind]:
    """What is read from mappings inside an annotation, whatever lists, unions or options surround it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel | Text):
        return [annotation]
    if get_origin(annotation) is Literal:
        return []
    return [kind for inner in get_args(annotation) for kind in _kinds(inner)]


def mapping(source: Source) -> Mapping[str, Any]:
    """The data of a file whose top must be a mapping. Raises PackError."""
    if not isinstance(source.data, dict):
        found = "nothing" if source.data is None else type(source.data).__name__
        raise PackError([Problem(source.file, None, "(top)", f"expected a mapping at the top, found {found}")])
    return source.data
