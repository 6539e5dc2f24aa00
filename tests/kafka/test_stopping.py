"""A process that is told to stop while it starts ends well: with its exit code, and without a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import environment

BY_THEN = [
    ("worker", "confluent_kafka"),
    ("worker", "polars"),
    ("worker", "pipeline.screening.worker"),
    ("control", "pipeline.settings.model"),
    ("control", "faust"),
    ("control", "pipeline.control.faust.app"),
]
"""Commands, and a module whose import ends while they start."""


def told_to_stop(number: signal.Signals, command: list[str], module: str, folder: Path) -> tuple[int, str]:
    """Starts a command, sends it a signal when it has imported a module, and returns its exit code and what it said."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "pipeline.cli", *command],
        env=environment({"bootstrap_servers": "127.0.0.1:1", "metrics_port": 0, "data_dir": folder}),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    said: list[str] = []
    with process:
        for line in process.stderr:
            said.append(line)
            if line.rpartition("|")[2].strip() == module:
                process.send_signal(number)
                break
        said += process.stderr
    assert any(line.rpartition("|")[2].strip() == module for line in said), f"{command} never imported {module}"
    return process.returncode, "".join(line for line in said if not line.startswith("import time:"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("command", "module"), BY_THEN)
def test_a_process_that_is_stopped_while_it_starts_ends_with_0_and_without_a_traceback(
    number: signal.Signals, command: str, module: str, tmp_path: Path
) -> None:
    code, said = told_to_stop(number, [command], module, tmp_path)
    assert code == 0, said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("command", "module"),
    [
        (["topics", "list"], "pipeline.settings.model"),
        (["dlq", "list"], "confluent_kafka"),
        (["audit"], "polars"),
        (["demo"], "polars"),
        (["packs", "list"], "pydantic"),
    ],
)
def test_no_command_answers_an_early_interrupt_with_a_traceback(
    command: list[str], module: str, tmp_path: Path
) -> None:
    code, said = told_to_stop(signal.SIGINT, command, module, tmp_path)
    # An interrupt inside a dataclass in the making is remembered by Python 3.11, which then ends itself by the signal.
    assert code in (130, -signal.SIGINT), said
    assert "Aborted!" in said
    assert "Traceback" not in said
