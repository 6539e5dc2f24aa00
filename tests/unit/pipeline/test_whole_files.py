"""A file that a command writes is there whole or not at all, and an output that takes nothing more ends it with one sentence."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.sample.files import write_lines
from pipeline.whole_files import whole_file


@pytest.mark.parametrize("name", ["c.ndjson", "c.ndjson.gz"])
def test_a_writer_that_is_interrupted_leaves_what_was_there(name: str, tmp_path: Path) -> None:
    write_lines(tmp_path / name, [b"before"])

    def lines() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_lines(tmp_path / name, lines())
    read = gzip.open if name.endswith(".gz") else open
    with read(tmp_path / name, "rb") as stream:
        assert stream.read() == b"before\n"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_is_no_file_is_written_to_as_it_is() -> None:
    with whole_file(Path(os.devnull)) as stream:
        stream.write(b"away")
    assert not Path(os.devnull).is_file()


COMMANDS = [["packs", "list"], ["packs", "list", "--json"], ["packs", "show", "qiannan-2022"]]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_full_standard_output_is_told_in_one_sentence(words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "error: the output: cannot be written: No space left on device\n"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_reader_that_leaves_early_is_no_error_to_speak_of(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", *words],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
