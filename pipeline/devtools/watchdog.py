"""Ends a process when the one that started it has ended."""

from __future__ import annotations

import subprocess


class Watchdog:
    """Kills a process when this process dies, however it dies.

    A helper shell waits at the end of a pipe of which this process holds the other end: the system closes it at death,
    SIGKILL included, and the shell then kills the process. PR_SET_PDEATHSIG would not do: it fires when the *thread*
    that started it ends, and has to be set between fork and exec, where Python code may deadlock in a process
    with threads.
    """

    _SCRIPT = 'trap "" INT TERM HUP; read -r _; kill -KILL "$1"'

    def __init__(self, victim: int) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", self._SCRIPT, "watchdog", str(victim)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def dismiss(self) -> None:
        """End the watch; the process is let live."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
