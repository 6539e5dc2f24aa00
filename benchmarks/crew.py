"""Several workers as one process to the harness: starts one for each port given, passes SIGTERM on, waits for all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import FrameType


def main(command: list[str], ports: list[str]) -> int:
    """Runs one worker a port; returns the first exit code that is not 0."""
    stable = os.environ["SCREENING_INSTANCE_ID"]
    workers = [
        subprocess.Popen(
            command, env=os.environ | {"SCREENING_METRICS_PORT": port, "SCREENING_INSTANCE_ID": f"{stable}-{number}"}
        )
        for number, port in enumerate(ports)
    ]

    def stop(number: int, _frame: FrameType | None) -> None:
        for worker in workers:
            worker.send_signal(number)

    signal.signal(signal.SIGTERM, stop)
    return next((code for code in [worker.wait() for worker in workers] if code), 0)


if __name__ == "__main__":
    sys.exit(main([sys.argv[1], "worker"], sys.argv[2:]))
