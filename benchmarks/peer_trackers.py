"""Peers on the same videos, with the same networks, each as its documentation says.

    python -m benchmarks.peer_trackers ultralytics|boxmot-openvino|boxmot-torch STEPS MODELS OSNET VIDEO...

One camera after the other: they know of no second one. Runs in the virtual environment that make_environment() makes,
which sees the packages of this one beside its own. Prints one line of JSON (see benchmarks.measure).
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from importlib import import_module
from itertools import islice, takewhile
from pathlib import Path

from benchmarks.measure import Measurement

PACKAGES = ("boxmot==25.0.0",)
DETECTOR = "yolo11n_int8_640_openvino_model"
OSNET = "osnet_x0_25_msmt17.pth"


def make_environment(folder: Path, packages: Sequence[str] = PACKAGES) -> Path:
    """A virtual environment with the peers, beside the packages of the running one; returns its interpreter. One that
    was made in the folder before, with the same packages, is used again.
    """
    python, made = folder / "bin" / "python", folder / "made.txt"
    if made.is_file() and made.read_text(encoding="utf-8").split() == list(packages):
        return python
    venv.create(folder, with_pip=True)
    own = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (own / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
    made.write_text("\n".join(packages), encoding="utf-8")
    return python


def ultralytics_track(steps: int, models: Path, _osnet: Path, videos: list[Path], measured: Measurement) -> None:
    """`yolo track` as it comes: BoT-SORT without appearance."""
    from ultralytics import YOLO

    for video in videos:
        results = YOLO(models / DETECTOR, task="detect").track(
            source=str(video), stream=True, classes=[0], verbose=False
        )
        for _ in islice(results, steps):
            measured.step(1, 0)


def boxmot_track(steps: int, models: Path, osnet: Path, videos: list[Path], measured: Measurement) -> None:
    """BoT-SORT with its packaged motion compensation, detections of the same network, OSNet on every box it wants."""
    import cv2
    import torch
    from ultralytics import YOLO

    boxmot = import_module("boxmot")  # not among this project's packages

    network = YOLO(models / DETECTOR, task="detect")
    for video in videos:
        tracker = boxmot.BotSort(reid_weights=osnet, device=torch.device("cpu"), half=False, cmc_method="sof")
        frames = cv2.VideoCapture(str(video))
        for _ in takewhile(bool, (frames.grab() for _ in range(steps))):
            image = frames.retrieve()[1]
            found = network.predict(image, conf=0.1, classes=[0], verbose=False)[0].boxes.data.cpu().numpy()
            tracker.update(found, image)
            measured.step(1, 0)


PEERS = {"ultralytics": ultralytics_track, "boxmot-openvino": boxmot_track, "boxmot-torch": boxmot_track}


def prepared_weights(name: str, models: Path, exported: Path, folder: Path) -> Path:
    """OSNet for a peer, under a name that it accepts: the exported network (.xml), or the weights for torch."""
    if name == "boxmot-torch":
        return Path(shutil.copyfile(models / OSNET, folder / "osnet_x0_25_msmt17.pt"))
    network = folder / "osnet_x0_25_msmt17_openvino_model"
    network.mkdir(exist_ok=True)
    for suffix in (".xml", ".bin"):
        shutil.copyfile(exported.with_suffix(suffix), network / f"osnet_x0_25_msmt17{suffix}")
    return network


def main() -> None:
    name, steps, models, osnet, *videos = sys.argv[1:]
    os.environ |= {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "YOLO_VERBOSE": "false"}
    measured = Measurement()
    PEERS[name](int(steps), Path(models), Path(osnet), [Path(video) for video in videos], measured)
    measured.report()


if __name__ == "__main__":
    main()
