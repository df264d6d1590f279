"""Readers of live cameras end, whatever happens: against a real RTSP server."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from time import monotonic

from tests.video.rtsp import MuteServer, need_rtsp_server
from tests.video.watching import NEVER, Serve, Watch, reader_processes

pytestmark = need_rtsp_server()


def test_closing_is_prompt_whatever_the_camera_does(serve: Serve, watch: Watch, minute: Path) -> None:
    mute, frozen = MuteServer(), serve(mounts={"a": minute})
    watcher = watch({"mute": mute.url, "frozen": frozen.url("a")}, NEVER)
    watcher.wait(lambda: len(watcher.frames("frozen")) >= 3)
    frozen.freeze()
    closing = threading.Thread(target=watcher.close)
    closing.start()
    closing.join(240)
    assert not closing.is_alive(), "the ten minutes that both might have are not waited for"
    assert reader_processes() == []
    mute.stop()


def test_readers_do_not_outlive_a_process_that_is_killed(serve: Serve, minute: Path) -> None:
    script = (
        "from time import monotonic\n"
        "from tracker.video.live import LiveCamera\n"
        "if __name__ == '__main__':\n"
        f"    for frame in LiveCamera('gate', '{serve(mounts={'a': minute}).url('a')}', monotonic()):\n"
        "        print(frame.index, flush=True)\n"
    )
    (minute.parent / "watching.py").write_text(script)
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    parent = subprocess.Popen(
        [sys.executable, minute.parent / "watching.py"], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "0\n"
    tree = subprocess.run(["pgrep", "-P", str(parent.pid)], capture_output=True, text=True).stdout.split()
    assert len(tree) == 1
    parent.kill()
    parent.communicate()
    deadline = monotonic() + 60
    while any(Path(f"/proc/{child}").exists() for child in tree):
        assert monotonic() < deadline
        time.sleep(0.05)
