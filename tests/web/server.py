"""`main.py serve` as a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    """log: all that it has written; complete once it has ended."""

    url: str
    process: subprocess.Popen[str]
    log: str = ""

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=120)
        self.log += out + err
        return self.process.returncode


@contextmanager
def serving(database: Path, *options: str) -> Iterator[Server]:
    """The server on a free port, up; killed in the end if need be."""
    command = [sys.executable, "main.py", "serve", "--db", str(database), "--port", "0", *options]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, env=os.environ)
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        found = re.match(r"(http://\S+)/api/v1 answers", first)
        assert found, first + process.stderr.read()
        yield Server(found[1], process, first)
    finally:
        process.kill()
        process.communicate()
