"""Processes of the console script that begin with the product's modules loaded.

Loading them is most of what a short-lived worker or control process computes, and the suite starts hundreds. A server loads
them once for each process of pytest and forks; what it starts is a process of its own in every other respect: settings from
its environment, its own clients, signals, exit code. How a process starts from nothing is tested elsewhere (the demo, the
commands that are run to their end, `test_stopping`).
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn

from pipeline.cli.main import main
from pipeline.settings.packs import load_pack_set

_ROOT = Path(__file__).parents[2]
_LOADED = (
    "faust",
    "pipeline.cli.control",
    "pipeline.cli.precheck",
    "pipeline.cli.worker",
    "pipeline.control.service",
    "pipeline.precheck.service",
    "pipeline.screening.worker",
    "uvicorn.protocols.http.httptools_impl",
)


class Forked:
    """A process that the server started, as `subprocess.Popen` shows one."""

    def __init__(self, pid: int, ended: Path) -> None:
        self.pid = pid
        self.args = "screening"
        self._ended = ended
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""
        if self.returncode is None and self._ended.exists():
            self.returncode = int(self._ended.read_text())
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end. Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and timeout is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(0.01)
        return code

    def terminate(self) -> None:
        """SIGTERM, if it still runs."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:  # it has ended, and its exit code is on the way
                return


class ForkServer:
    """The server of this process of pytest. It ends when this process does."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
        )
        atexit.register(self._server.communicate)

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Forked:
        """Starts `screening ARGUMENTS`; what it says goes to a file."""
        ended = log.with_name(f"{log.name}.exit")
        ended.unlink(missing_ok=True)
        log.write_bytes(b"")
        asked = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": str(Path.cwd()),
            "log": str(log),
            "ended": str(ended),
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(asked).encode() + b"\n")
        self._server.stdin.flush()
        told = self._server.stdout.readline()
        assert told, "the server that starts processes has ended"
        return Forked(int(told), ended)


@cache
def fork_server() -> ForkServer:
    """The one server of this process, started when it is first asked for."""
    return ForkServer()


# -- the server's own process ---------------------------------------------------------------------------------------


def _serve() -> None:
    for name in _LOADED:
        __import__(name)
    load_pack_set()  # a scheme is loaded when a pack names it
    # What is loaded stays: a collection in a process that looks at it would copy every page of it.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        read, write = os.pipe()
        if os.fork() == 0:
            os.close(read)
            _keep(asked, write)
        os.close(write)
        told = os.read(read, 20)
        os.close(read)
        sys.stdout.buffer.write(told + b"\n")
        sys.stdout.buffer.flush()
        _bury()


def _bury() -> None:
    """Takes leave of keepers that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _keep(asked: dict, told: int) -> NoReturn:
    """Starts the process, tells its id, and writes its exit code down when it has ended."""
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _become(asked)
    os.write(told, str(pid).encode())
    os.close(told)
    _, status = os.waitpid(pid, 0)
    ended = Path(asked["ended"])
    part = ended.with_suffix(".part")
    part.write_text(str(os.waitstatus_to_exitcode(status)))
    part.rename(ended)
    os._exit(0)


def _become(asked: dict) -> NoReturn:
    """From here on this is the console script."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["screening", *asked["arguments"]]
    main()
    sys.exit(0)


if __name__ == "__main__":
    _serve()
