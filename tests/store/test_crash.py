"""Real kills and a really full disk."""

import itertools
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.store.walk import EPOCH, crowd, steps
from tracker.store.models import Event, Identity, Observations, Tracklet
from tracker.store.runs import ActiveRun, RunCameraKey, micros
from tracker.store.session import open_store
from tracker.store.sink import StoreSink
from tracker.store.writer import Batch, WriterCounters

ROOT = Path(__file__).parents[2]
GENERATIONS = 400

Boxes = dict[tuple[int, int], bytes]


class Recorder:
    """Stands where the writer stands and keeps the batches."""

    def __init__(self) -> None:
        self.counters = WriterCounters()
        self.batches: list[Batch] = []

    def submit(self, batch: Batch) -> None:
        self.batches.append(batch)


def batches_of(run_id: int, first_identity_id: int, number: int, monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """The victim's first batches, made here once more: its run is deterministic."""
    recorder = Recorder()
    monkeypatch.setattr("tracker.store.sink.StoreWriter", lambda *_: recorder)
    run = ActiveRun(run_id, {"west": RunCameraKey(1, micros(EPOCH))}, first_identity_id, embedder_id=1)
    sink = StoreSink(None, run)  # type: ignore[arg-type]
    for step in steps(["west"], crowd(first_identity_id, GENERATIONS)):
        sink.write(step)
        if len(recorder.batches) == number:
            break
    return recorder.batches


def kill_a_run(path: Path, after_batches: int, delay_seconds: float) -> tuple[int, int, int]:
    """-> run, its first identity, and the number of batches acknowledged before the kill."""
    command = [sys.executable, "-m", "tests.store.victim", str(path), str(GENERATIONS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as victim:
        assert victim.stdout is not None
        run_id, first_identity_id = map(int, victim.stdout.readline().split())
        while after_batches > 0 and int(victim.stdout.readline()) < after_batches:
            pass
        time.sleep(delay_seconds)
        victim.send_signal(signal.SIGKILL)
        said = victim.stdout.read().split()
    assert "closed" not in said, "the run was over before it could be killed"
    return run_id, first_identity_id, int(said[-1]) if said else after_batches


def stored(path: Path, run_id: int) -> tuple[Boxes, int]:
    """All chunks and the number of events of a run, in a database that is whole."""
    with open_store(path) as store, store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        chunks = select(Observations).join(Tracklet).where(Tracklet.run_id == run_id)
        boxes = {(row.tracklet_id, row.first_frame): row.boxes for row in connection.execute(chunks)}
        events = connection.execute(select(func.count(Event.id)).where(Event.run_id == run_id)).scalar_one()
    return boxes, events


def whole_batches(batches: list[Batch], boxes: Boxes, events: int) -> int | None:
    """How many batches make exactly this content; None if no number does."""
    made: Boxes = {}
    logged = 0
    for number, batch in enumerate([Batch(), *batches]):
        made |= {(row["tracklet_id"], row["first_frame"]): row["boxes"] for row in batch.observations}
        logged += len(batch.events)
        if logged == events and made == boxes:
            return number
    return None


def survive(path: Path, kills: int, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = random.Random(kills)
    for _ in range(kills):
        run_id, first_identity_id, acknowledged = kill_a_run(path, moments.randrange(6), moments.uniform(0, 0.1))
        boxes, events = stored(path, run_id)
        with monkeypatch.context() as patch:
            whole = whole_batches(batches_of(run_id, first_identity_id, acknowledged + 64, patch), boxes, events)
        assert whole is not None, f"run {run_id}: a batch is there in part"
        assert whole >= acknowledged, f"run {run_id}: {acknowledged} batches acknowledged, {whole} there"
    with open_store(path) as store, store.read() as connection:
        numbers = (
            select(func.min(Identity.id), func.max(Identity.id)).group_by(Identity.run_id).order_by(Identity.run_id)
        )
        ranges = [tuple(row) for row in connection.execute(numbers)]
    assert all(last < first for (_, last), (first, _) in itertools.pairwise(ranges))


def test_ten_kills_lose_nothing_that_was_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    survive(tmp_path / "omnitrack.db", 10, monkeypatch)


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing_that_was_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    survive(tmp_path / "omnitrack.db", 100, monkeypatch)


def test_a_kill_while_the_database_is_made_leaves_one_that_opens(tmp_path: Path) -> None:
    path = tmp_path / "omnitrack.db"
    code = f"from tracker.store.session import open_store; print(flush=True); open_store({str(path)!r})"
    for delay_seconds in (0.02, 0.06, 0.1, 0.14):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as maker:
            assert maker.stdout is not None
            maker.stdout.readline()
            time.sleep(delay_seconds)
            maker.send_signal(signal.SIGKILL)
        open_store(path).close()
        for left in tmp_path.iterdir():
            left.unlink()


def test_programs_that_make_the_same_database_at_once_agree(tmp_path: Path) -> None:
    path = tmp_path / "omnitrack.db"
    code = f"from tests.store.victim import main; from pathlib import Path; main(Path({str(path)!r}), 1)"
    programs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) for _ in range(3)]
    outputs = [program.communicate()[0].decode() for program in programs]
    runs = sorted(int(output.split()[0]) for output in outputs if output)
    assert runs == [1, 2, 3]
    with open_store(path) as store, store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def may_mount() -> bool:
    return (
        shutil.which("unshare") is not None and subprocess.run(["unshare", "-rm", "true"], check=False).returncode == 0
    )


@pytest.mark.skipif(not may_mount(), reason="needs unshare and user namespaces, to mount a small disk")
def test_a_full_disk_pauses_the_run(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o size=32m tmpfs "$1" && exec "$0" -m tests.store.small_disk "$1"'
    command = ["unshare", "-rm", "sh", "-c", script, sys.executable, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    first, last = result.stderr.strip().splitlines()
    assert "the disk is full; free some space; the run pauses" in first
    assert "can be written again" in last
