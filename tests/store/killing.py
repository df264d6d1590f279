"""A run in another process that is killed in the middle."""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def kill_a_run(module: str, arguments: Sequence[object], after_batches: int, delay_seconds: float) -> None:
    """module: prints the number of batches committed each time that it changes. Killed so long after that many."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as victim:
        assert victim.stdout is not None
        while int(victim.stdout.readline()) < after_batches:
            pass
        time.sleep(delay_seconds)
        victim.send_signal(signal.SIGKILL)
