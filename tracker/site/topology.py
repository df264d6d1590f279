"""The ways between cameras, in the configuration and as a file of their own, which a run can learn and another use."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tracker.crosscam.topology import Topology, Way, walks_about, walks_between
from tracker.errors import OmnitrackError
from tracker.ports import Step
from tracker.whole_files import written_whole

DECIMALS = 2
SAVE_SECONDS = 10.0
"""So often a run that learns writes what is new; a kill costs no more."""
_LOG = logging.getLogger(__name__)
Seconds = Annotated[float, Field(allow_inf_nan=False)]


class ConnectionConfig(BaseModel):
    """A way that people walk from one view to another, and how long that takes; with both_ways the same holds for the
    way back, unless that has an entry of its own.

    The time, negative where views overlap, is given as one of: seconds (shortest, usual, longest), mean and std, or
    walks that somebody measured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: Annotated[str, Field(alias="from")]
    to: str
    seconds: tuple[Seconds, Seconds, Seconds] | None = None
    mean: Seconds | None = None
    std: Seconds | None = None
    walks: tuple[Seconds, ...] | None = None
    both_ways: bool = True

    @model_validator(mode="after")
    def has_one_time(self) -> "ConnectionConfig":
        given = [self.seconds is not None, self.mean is not None or self.std is not None, self.walks is not None]
        if sum(given) != 1 or (self.mean is None) != (self.std is None):
            raise ValueError("the time is given as one of: seconds [shortest, usual, longest]; mean and std; walks")
        self.times()
        return self

    def times(self) -> tuple[float, ...]:
        """Walks in seconds. Raises ValueError for times out of order."""
        if self.seconds is not None:
            return walks_between(*self.seconds)
        if self.mean is not None and self.std is not None:
            return walks_about(self.mean, self.std)
        return self.walks or ()

    @property
    def way(self) -> Way:
        return self.origin, self.to


class TopologyConfig(BaseModel):
    """connections: the known ways. complete: there are no other ways between the cameras that they name.

    file: a YAML file with more connections, as learnt by an earlier run. learn: add what this run is sure of, and write
    it there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    connections: tuple[ConnectionConfig, ...] = ()
    complete: bool = True
    file: Path | None = None
    learn: bool = False

    @model_validator(mode="after")
    def learns_into_a_file(self) -> "TopologyConfig":
        if self.learn and self.file is None:
            raise ValueError("learn needs a file to write what is learnt")
        return self


def load_topology(config: TopologyConfig, cameras: Sequence[str], notify: Callable[[str], None]) -> Topology | None:
    """What is known of the ways between the cameras, None where nothing is.

    notify: takes a line when people begin to walk differently. Raises OmnitrackError for a file that cannot be read,
    and for a connection of an unknown camera.
    """
    if not config.connections and config.file is None:
        return None
    walks, complete = known_walks(config, cameras)
    return Topology(walks, complete=complete, learns=config.learn, notify=notify)


class LearntWays:
    """Writes what a run learns to its file, while it goes on and in the end; implements ports.Sink.

    Raises OmnitrackError, at once and in the end, where the file cannot be written; meanwhile that is only logged.
    """

    def __init__(self, file: Path, topology: Topology) -> None:
        self._file = file
        self._topology = topology
        self._written = topology.walks
        self._looked_seconds = -math.inf
        write_topology(file, self._written, topology.complete)

    def write(self, step: Step) -> None:
        if step.batch.t_seconds < self._looked_seconds + SAVE_SECONDS:
            return
        self._looked_seconds = step.batch.t_seconds
        try:
            self._save()
        except OmnitrackError as error:
            _LOG.warning("%s; what is learnt is written later", error)

    def close(self) -> None:
        self._save()

    def _save(self) -> None:
        walks = self._topology.walks
        if walks != self._written:
            write_topology(self._file, walks, self._topology.complete)
            self._written = walks


def learning_sinks(config: TopologyConfig, topology: Topology | None) -> list[LearntWays]:
    """The one that writes what a run learns, if it does. Raises OmnitrackError as LearntWays."""
    if topology is None or config.file is None or not config.learn:
        return []
    return [LearntWays(config.file, topology)]


def known_walks(config: TopologyConfig, cameras: Sequence[str]) -> tuple[dict[Way, tuple[float, ...]], bool]:
    """Seconds by way, of the configuration and of its file, and whether there are no other ways.

    Raises OmnitrackError for a file that cannot be read, and for a connection of an unknown camera.
    """
    stored = TopologyConfig()
    if config.file is not None and (config.file.exists() or not config.learn):
        stored = read_topology(config.file)
    require_known(config, cameras, "topology")
    require_known(stored, cameras, str(config.file))
    parts = [part for part in (config, stored) if part.connections]
    mirrored = {one.way[::-1]: one.times() for part in parts for one in part.connections if one.both_ways}
    walks = mirrored | {one.way: one.times() for part in parts for one in part.connections}
    return walks, bool(parts) and all(part.complete for part in parts)


def read_topology(path: Path) -> TopologyConfig:
    """A file with the keys of TopologyConfig. Raises OmnitrackError naming file and key."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TopologyConfig.model_validate({} if found is None else found)
    except FileNotFoundError:
        raise OmnitrackError(f"{path}: no such topology file; a run with --learn-topology writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise OmnitrackError(f"{path}: not a readable text file ({error})") from None
    except yaml.YAMLError as error:
        raise OmnitrackError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "topology"
        raise OmnitrackError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from None


def write_topology(path: Path, walks: Mapping[Way, Sequence[float]], complete: bool) -> None:
    """What read_topology reads. Raises OmnitrackError for a file that cannot be written."""
    connections = [
        {"from": start, "to": end, "both_ways": False, "walks": [round(seconds, DECIMALS) for seconds in times]}
        for (start, end), times in walks.items()
    ]
    content = {"complete": complete, "connections": connections}
    with written_whole(path) as file:
        if not file.parent.exists():
            file.parent.mkdir(parents=True)
        text = yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False, default_flow_style=None)
        file.write_text(text, encoding="utf-8")


def require_known(config: TopologyConfig, cameras: Sequence[str], where: str) -> None:
    """Raises OmnitrackError where a connection names a camera that is not there."""
    for number, connection in enumerate(config.connections):
        for name in (connection.origin, connection.to):
            if name not in cameras:
                near = get_close_matches(name, cameras, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"the cameras are {', '.join(cameras)}"
                raise OmnitrackError(f"{where}: connections.{number}: no camera is named {name!r}; {hint}")
