"""The whole program in one process, measured: what `main.py run` does, with a database and MOT files.

    python -m benchmarks.whole_program [--set KEY=VALUE ...] [--video] OUT VIDEO...

--set: a key of the configuration, e.g. embedder.model=osnet-x0.25-msmt17-folded. Left out: the timeline picture, and
annotated videos without --video. Prints one line of JSON (see benchmarks.measure).
"""

import argparse
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import Measurement


def configuration(settings: list[str], videos: list[Path], video: bool) -> dict[str, Any]:
    """The configuration as a file would hold it. Cameras are c1, c2, ...; one file may serve several."""
    config: dict[str, Any] = {"output": {"video": video, "mot": True, "timeline": False}}
    config["cameras"] = [{"name": f"c{i}", "source": str(path)} for i, path in enumerate(videos, 1)]
    for setting in settings:
        keys, _, value = setting.partition("=")
        *sections, last = keys.split(".")
        section = config
        for name in sections:
            section = section.setdefault(name, {})
        section[last] = yaml.safe_load(value)
    return config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    parser.add_argument("--fps", type=float, help="true frames per second of the videos")
    parser.add_argument("--steps", type=int, help="stop after so many")
    parser.add_argument("--video", action="store_true", help="write annotated videos")
    parser.add_argument("out", type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    given = parser.parse_args()
    measured = Measurement()

    from tracker.config import Config

    config = configuration(given.settings, given.videos, given.video)
    for camera in config["cameras"]:
        camera["frames_per_second"] = given.fps
    validated = Config.model_validate(config)

    from tracker.networks import LoadingNetworks

    with LoadingNetworks(validated) as networks:
        from tracker.bootstrap import build_run

        run = build_run(validated, given.out, str(given.out / "o.db"), notify=print, networks=networks)
    with run:
        for step in islice(run.steps(), given.steps):
            embedded = [p.embeddings.any(axis=1).sum() for p in step.detections.values() if p.embeddings is not None]
            measured.step(len(step.batch.frames), int(sum(embedded)))
    measured.report()


if __name__ == "__main__":
    main()
