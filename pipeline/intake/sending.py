"""Files of messages of the national interface into the topic that the intake reads, each under the code of its institution."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pipeline.inputs.document_slices import json_form
from pipeline.inputs.documents import read_document, read_documents
from pipeline.inputs.errors import InputError
from pipeline.inputs.files import DAMAGE, InputFile, damaged, encoding_of, find_inputs, opened
from pipeline.inputs.rows import read_table
from pipeline.intake.messages import Envelope, Refused, read_envelope
from pipeline.intake.saying import said_by
from pipeline.kafka.producing import Sender
from pipeline.loading import BadLine, Loaded, LoadError
from pipeline.settings.model import Settings
from topics.catalogue import INTERFACE_MESSAGES, MAX_RECORD_BYTES
from topics.claims.errors import ClaimError
from topics.dead_letters import Code

_AT_ONCE = 1_000


def send_files(
    place: str,
    settings: Settings,
    *,
    encoding: str | None,
    strict: bool,
    report: Callable[[BadLine], None],
    progress: Callable[[Loaded], None],
) -> Loaded:
    """Sends the messages of files, a folder or a pattern. What is no message is reported with its line and not sent; with
    `strict` it stops the run. Raises LoadError for what cannot be read and ClusterError when the brokers do not answer."""
    loaded = Loaded()
    sender: Sender | None = None
    try:
        found = find_inputs(place)
        loaded.notices += [f"{name}: is not read: its name is that of no known format" for name in found.passed_over]
        sender = Sender(settings, INTERFACE_MESSAGES.name, MAX_RECORD_BYTES)
        several = len(found.files) > 1
        for file in found.files:
            for records, bad in _chunks(file, encoding, loaded):
                for line in bad:
                    told = replace(line, file=file.name if several else "")
                    loaded.bad += 1
                    report(told)
                    if strict:
                        raise LoadError(f"{file.name}: line {line.number}: {line.reason}; stopped, as --strict asks")
                sender.send(records)
                loaded.sent = sender.delivered
                progress(loaded)
    except (LoadError, InputError) as error:
        failed = error if isinstance(error, LoadError) else LoadError(str(error))
        if sender is not None:
            sender.finish()
            failed.sent = sender.delivered
        raise failed from None
    sender.finish()
    loaded.sent, loaded.refused = sender.delivered, len(sender.failed)
    loaded.reasons = tuple(dict.fromkeys(sender.failed))
    progress(loaded)
    return loaded


def _chunks(
    file: InputFile, encoding: str | None, loaded: Loaded
) -> Iterator[tuple[list[dict[str, Any]], list[BadLine]]]:
    records: list[dict[str, Any]] = []
    bad: list[BadLine] = []
    for number, value, document in _messages(file, encoding, loaded):
        try:
            if isinstance(document, ClaimError):
                raise Refused(Code(document.kind), document.reason)
            envelope = read_envelope(document, f"{file.name}:{number}", number)
            records.append({"key": institution_of(envelope).encode(), "value": value})
        except Refused as refused:
            bad.append(BadLine(number, str(refused)))
        except Exception as error:
            bad.append(BadLine(number, f"{Code.UNREADABLE}: {type(error).__name__}: {error}"))
        if len(records) + len(bad) >= _AT_ONCE:
            yield records, bad
            records, bad = [], []
    yield records, bad


def institution_of(envelope: Envelope) -> str:
    """The institution under whose code a message is sent: its own, else that of its rows. Raises Refused."""
    if envelope.institution is not None:
        return envelope.institution
    for fact in said_by(envelope).facts:
        if not isinstance(fact, Refused):
            return fact.key[0]
    raise Refused(Code.MISSING_FIELD, "fixmedins_code: missing, and the number of the message names no institution")


def _messages(
    file: InputFile, encoding: str | None, loaded: Loaded
) -> Iterator[tuple[int, bytes, dict[str, Any] | ClaimError]]:
    """The messages of a file with their lines (in an array: their numbers), as they are sent and as they are read."""
    if file.format != "ndjson":
        table = read_table(file, (), encoding=encoding)
        loaded.lines += table.lines.lines - table.lines.header
        loaded.blank += table.lines.blank
        loaded.continued += table.lines.continued
        for row in table.rows:
            value = json.dumps(row.values, ensure_ascii=False, default=str).encode()
            yield row.line, value, row.values if row.problem is None else ClaimError("unreadable", row.problem)
        return
    made = replace(file, encoding=encoding or encoding_of(file))
    made = replace(made, format=json_form(made))
    try:
        with opened(made) as text:
            if made.format == "json":
                for number, (document, raw) in enumerate(read_documents(text.chunks(), made.name), 1):
                    loaded.lines += 1
                    yield number, raw.encode(), document
                return
            for number, line in enumerate(text.lines(), 1):
                loaded.lines += 1
                if not line.strip():
                    loaded.blank += 1
                    continue
                try:
                    yield number, line.strip(), read_document(line)
                except ClaimError as error:
                    yield number, line, error
    except DAMAGE as error:
        raise damaged(file, error, f"line {loaded.lines:,}") from error
