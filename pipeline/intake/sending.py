"""Files of messages of the national interface into the topic that the intake reads, each under the code of its institution."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pipeline.inputs.document_slices import json_form
from pipeline.inputs.encodings import Encoding
from pipeline.inputs.files import BLANK, DAMAGE, PASSED_OVER, InputFile, by_its_bytes, damaged, find_inputs, opened
from pipeline.inputs.rows import numbered_documents, read_table
from pipeline.inputs.slicing import Notice
from pipeline.intake.messages import Envelope, Refused, read_envelope
from pipeline.intake.saying import said_by
from pipeline.loading import BadLine, Checked, Loaded, send_checked
from pipeline.settings.model import Settings
from topics.catalogue import INTERFACE_MESSAGES
from topics.claims.errors import ClaimError
from topics.dead_letters import Code, coded

_AT_ONCE = 1_000


def send_files(
    place: str,
    settings: Settings,
    *,
    encoding: Encoding | None,
    strict: bool,
    report: Callable[[BadLine], None],
    progress: Callable[[Loaded], None],
    tell: Callable[[Notice], None],
) -> Loaded:
    """Sends the messages of files, a folder or a pattern. What is no message is reported with its line and not sent; with
    `strict` it stops the run. Raises LoadError for what cannot be read and ClusterError when the brokers do not answer."""
    loaded = Loaded()

    def noted(notice: Notice) -> None:
        loaded.notices.append(str(notice))
        tell(notice)

    chunks = checked_messages(place, encoding, loaded, noted)
    send_checked(chunks, settings, loaded, strict=strict, report=report, progress=progress)
    return loaded


def checked_messages(
    place: str, encoding: Encoding | None, loaded: Loaded, tell: Callable[[Notice], None]
) -> Iterator[Checked]:
    """The messages of files, each under the code of its institution, and what is wrong with others. `loaded` counts the lines."""
    found = find_inputs(place)
    for name in found.passed_over:
        tell(Notice(name, PASSED_OVER))
    for file in found.files:
        shown = file.name if len(found.files) > 1 else ""
        made, told = by_its_bytes(file, encoding)
        for text in told:
            tell(Notice(file.name, text))
        messages = _documents(made, loaded) if made.format == "ndjson" else _rows(made, loaded)
        while chunk := list(itertools.islice(messages, _AT_ONCE)):
            checked = Checked([], [])
            for number, value, document in chunk:
                try:
                    if isinstance(document, Refused):
                        raise document
                    envelope = read_envelope(document, f"{file.name}:{number}", number)
                    checked.records.append((INTERFACE_MESSAGES, institution_of(envelope).encode(), value))
                except Refused as refused:
                    checked.bad.append(BadLine(number, str(refused), shown))
                except Exception as error:
                    checked.bad.append(BadLine(number, f"{Code.UNREADABLE}: {type(error).__name__}: {error}", shown))
            yield checked


def institution_of(envelope: Envelope) -> str:
    """The institution under whose code a message is sent: its own, else that of its rows. Raises Refused."""
    if envelope.institution is not None:
        return envelope.institution
    for fact in said_by(envelope).facts:
        if not isinstance(fact, Refused):
            return fact.key[0]
    raise Refused(Code.MISSING_FIELD, "fixmedins_code: missing, and the number of the message names no institution")


def _documents(file: InputFile, loaded: Loaded) -> Iterator[tuple[int, bytes, dict[str, Any] | Refused]]:
    """The messages of a file of JSON with their lines (in an array: their numbers), as they are sent and as they are read."""
    made = replace(file, format=json_form(file))
    number = 0
    try:
        with opened(made) as text:
            for number, told, document in numbered_documents(text, made):
                loaded.lines += 1
                if document is None:
                    loaded.blank += 1
                    continue
                value = told.strip(BLANK) if isinstance(told, bytes) else told.encode("utf-8", "backslashreplace")
                if isinstance(document, ClaimError):
                    yield number, value, Refused(Code(document.kind), document.reason)
                else:
                    yield number, value, document
    except DAMAGE as error:
        raise damaged(file, error, f"line {number:,}") from error


def _rows(file: InputFile, loaded: Loaded) -> Iterator[tuple[int, bytes, dict[str, Any] | Refused]]:
    """The messages of a table with their lines: each row is one."""
    table = read_table(file, (), encoding=file.encoding)
    loaded.lines += table.lines.lines - table.lines.header
    loaded.blank += table.lines.blank
    loaded.continued += table.lines.continued
    for row in table.rows:
        value = json.dumps(row.values, ensure_ascii=False, default=str).encode()
        yield row.line, value, row.values if row.problem is None else Refused(*coded(row.problem, Code.UNREADABLE))
