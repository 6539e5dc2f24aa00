"""Structured logs on standard error: past-tense events, one a batch, personal data masked."""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from pipeline.settings.model import LogFormat

_PERSONAL = ("insured_id",)


def mask(value: object) -> str:
    """A stand-in for a personal identifier: equal identifiers give equal stand-ins, and it cannot be read back."""
    return f"masked-{hashlib.sha256(str(value).encode()).hexdigest()[:8]}"


def _mask_personal(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in _PERSONAL:
        if name in event:
            event[name] = mask(event[name])
    return event


def configure_logs(log_format: LogFormat, level: str, stream: TextIO | None = None) -> None:
    """Sets up logging for a process, to standard error unless another stream is given."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _mask_personal,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


def logger(**context: Any) -> structlog.typing.FilteringBoundLogger:
    """A logger with the given context on every event."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(**context)
    return bound
