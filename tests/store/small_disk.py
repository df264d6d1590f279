"""A run on a disk that fills up: python -m tests.store.small_disk FOLDER, where FOLDER is a file system of 32 MB.

Exit code 0 if the run paused, went on once there was space, and everything is there in the end.
"""

import shutil
import sys
import time
from pathlib import Path
from threading import Thread

from tests.store.walk import begin, crowd, steps
from tracker.store.session import open_store
from tracker.store.sink import StoreSink
from tracker.store.stored_tracks import tracklets

GENERATIONS = 30


def free_space_after_pause(sink: StoreSink, ballast: Path, reasons: list[str]) -> None:
    for _ in range(300):
        if sink.counters.paused_by is not None:
            reasons.append(sink.counters.paused_by)
            break
        time.sleep(0.1)
    ballast.unlink()


def main(folder: Path) -> None:
    ballast, reasons = folder / "ballast", list[str]()
    with open_store(folder / "omnitrack.db") as store:
        run = begin(store, ["west"])
        ballast.write_bytes(bytes(shutil.disk_usage(folder).free - 500_000))
        sink = StoreSink(store, run)
        helper = Thread(target=free_space_after_pause, args=(sink, ballast, reasons))
        helper.start()
        for step in steps(["west"], crowd(1, GENERATIONS)):
            sink.write(step)
        sink.close()
        helper.join()
        assert "the disk is full" in reasons[0]
        assert sink.counters.paused_by is None
        assert sink.counters.seconds_waited > 0
        with store.read() as connection:
            rows = list(tracklets(connection, run.id))
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert [len(row.frames) for row in rows] == [39] * 10 * GENERATIONS


if __name__ == "__main__":
    main(Path(sys.argv[1]))
