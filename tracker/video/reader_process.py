"""`python -m tracker.video.reader_process MEMORY WAKE CONTROL`: see reader.py. Started by reader_session.py only.

The arguments are open file descriptors; pickled ReaderSettings, which hold a password, come on standard input.
"""

import pickle
import sys
from multiprocessing.connection import Connection

from tracker.video.reader import ReaderSettings, read_camera
from tracker.video.ring import SharedFile


def main() -> None:
    memory, wake, control = map(int, sys.argv[1:])
    settings: ReaderSettings = pickle.load(sys.stdin.buffer)
    read_camera(
        settings,
        SharedFile(memory),
        Connection(wake, readable=False),
        Connection(control, readable=False),
    )


if __name__ == "__main__":
    main()
