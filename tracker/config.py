"""The whole configuration, one typed model per component; an unknown key is an error that names its path."""

import difflib
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tracker.core.polygons import Corners, require_polygon
from tracker.core.selection import SelectionConfig
from tracker.core.settings import TrackerConfig
from tracker.core.zones import Line, Zone
from tracker.crosscam.settings import MatcherConfig
from tracker.errors import OmnitrackError
from tracker.events.settings import EventsConfig
from tracker.site.ground_section import GroundSection, under
from tracker.site.topology import TopologyConfig
from tracker.site.unique_keys import UniqueKeyLoader
from tracker.video.camera import LiveConfig
from tracker.video.urls import is_live

LOCAL_MEMORY_SECONDS = 1.8
"""Among several cameras the matcher, which sees them all, decides who came back after a longer while."""
CAMERA_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


def _polygon(corners: Corners) -> Corners:
    require_polygon(corners)
    return corners


Polygon = Annotated[Corners, AfterValidator(_polygon)]
"""Corners [x, y] in order round an area, in fractions of the picture's width and height."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CameraConfig(Section):
    """One camera. start_time is the wall time of its first frame (with time zone); cameras that have one are
    aligned by it. If none has, the earliest recording time that a file states is the run's beginning, else its start.
    time_offset_seconds shifts it against the other cameras.
    frames_per_second is the true rate of a folder of pictures, or of a video whose file states a wrong one;
    process_fps is how many of them are looked at. confidence takes the place of detector.confidence. moving: it pans
    or is carried, which is measured in its pictures and taken out of people's motion.
    region, masks: see tracker.video.areas; zones and lines: see tracker.core.zones. retention_days takes the place of
    retention.days.
    """

    name: Annotated[str, Field(pattern=CAMERA_NAME, max_length=64)]
    source: Annotated[str, Field(min_length=1)]
    start_time: datetime | None = None
    time_offset_seconds: float = 0.0
    frames_per_second: Annotated[float, Field(gt=0, le=1000)] | None = None
    process_fps: Annotated[float, Field(gt=0, le=1000)] | None = None
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    moving: bool = False
    region: tuple[Polygon, ...] = ()
    masks: tuple[Polygon, ...] = ()
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    retention_days: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def places_differ(self) -> "CameraConfig":
        names = [zone.name for zone in self.zones] + [line.name for line in self.lines]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"camera {self.name}: two zones or lines are named {name!r}")
        return self

    @field_validator("start_time")
    @classmethod
    def with_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("needs a time zone, for example 2026-11-21T08:00:00+01:00")
        return value


class RetentionConfig(Section):
    """days: sightings that ended longer ago are erased when a run begins, and daily while it goes on; None: never."""

    days: Annotated[float, Field(gt=0)] | None = None


class DetectorConfig(Section):
    """model is auto, a name in models.yaml, or a path. motion_gate: people are not sought again in pictures that
    nowhere differ by so many grey levels from the one searched last; None: always. shape: of the network's input.
    """

    model: str = "auto"
    shape: Literal["square", "picture"] = "square"
    motion_gate: Annotated[float, Field(gt=0, le=255)] | None = None
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.1
    nms_iou: Annotated[float, Field(gt=0, le=1)] = 0.6


class EmbedderConfig(Section):
    """model is auto, a name in models.yaml, or a path. policy: everybody is described in every frame, or only those
    whose look may change something (selection says who).
    """

    model: str = "auto"
    policy: Literal["every", "selective"] = "every"
    selection: SelectionConfig = SelectionConfig()


class ModelsConfig(Section):
    """Where networks are looked for, before OMNITRACK_MODELS, and whether they may be downloaded."""

    folders: tuple[Path, ...] = ()
    download: bool = True


class ClipsConfig(Section):
    """Segments of what live cameras send, in OUT/clips: each segment_seconds long, the oldest deleted when all of them
    together exceed quota_megabytes.
    """

    segment_seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
    quota_megabytes: Annotated[float, Field(gt=0)] = 10_000.0


class OutputConfig(Section):
    """What a run leaves in its folder beside the database; None: for recorded cameras, not for live ones.

    Gaps of a track up to interpolate_seconds are filled in the MOT files. hide_people: who is pixelated in all pictures
    and videos that are kept or sent. Of each sighting, the database keeps the crops_per_sighting clearest pictures.
    """

    video: bool | None = None
    mot: bool | None = None
    timeline: bool | None = None
    interpolate_seconds: Annotated[float, Field(ge=0)] = 1.0
    hide_people: Annotated[str, Field(pattern="^(nobody|everybody|everybody_but_wanted)$")] = "nobody"
    crops_per_sighting: Annotated[int, Field(ge=0, le=10)] = 0
    clips: ClipsConfig | None = None

    @model_validator(mode="after")
    def hidden_everywhere(self) -> "OutputConfig":
        if self.clips is not None and self.hide_people != "nobody":
            raise ValueError("clips show people as they are: leave them out, or set hide_people to nobody")
        return self


class OperationConfig(Section):
    """log: text or json. port: where /health and /metrics of a live run are served, None: nowhere; host: the address
    of this machine on which they are.
    """

    log: Annotated[str, Field(pattern=r"^(text|json)$")] = "text"
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] | None = None


class Config(Section):
    cameras: tuple[CameraConfig, ...] = ()
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda|cuda:\d+(, ?cuda:\d+)*)$")] = "auto"
    models: ModelsConfig = ModelsConfig()
    live: LiveConfig = LiveConfig()
    detector: DetectorConfig = DetectorConfig()
    embedder: EmbedderConfig = EmbedderConfig()
    tracker: TrackerConfig = TrackerConfig(memory_seconds=LOCAL_MEMORY_SECONDS)
    matcher: MatcherConfig = MatcherConfig()
    topology: TopologyConfig = TopologyConfig()
    ground: GroundSection = GroundSection()
    retention: RetentionConfig = RetentionConfig()
    events: EventsConfig = EventsConfig()
    output: OutputConfig = OutputConfig()
    operation: OperationConfig = OperationConfig()

    @property
    def least_confidence(self) -> float:
        """What the detector, one for all cameras, has to tell of."""
        return min([self.detector.confidence, *(c.confidence for c in self.cameras if c.confidence is not None)])

    @field_validator("tracker", mode="before")
    @classmethod
    def with_local_memory(cls, value: Any) -> Any:
        """The default of memory_seconds among several cameras, also where other keys of the section are given."""
        return {"memory_seconds": LOCAL_MEMORY_SECONDS, **value} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def names_differ(self) -> "Config":
        require_different_names(self.cameras)
        return self


def require_different_names(cameras: tuple[CameraConfig, ...]) -> None:
    """Raises ValueError when two cameras have one name (case is ignored: the names become file names)."""
    seen: dict[str, CameraConfig] = {}
    for camera in cameras:
        other = seen.setdefault(camera.name.casefold(), camera)
        if other is not camera:
            raise ValueError(
                f"two cameras are named {camera.name!r} ({other.source} and {camera.source}); give each its own name"
            )


def load_config(path: Path) -> Config:
    """Read a YAML file; relative camera sources count from the file's folder.

    Raises OmnitrackError naming file and key for unknown keys, wrong types and values out of range.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise OmnitrackError(f"{path}: no such configuration file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise OmnitrackError(f"{path}: not a readable text file ({error})") from None
    try:
        data = yaml.load(text, UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise OmnitrackError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise OmnitrackError(f"{path}: expected keys and values at the top, got {type(data).__name__}")
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise OmnitrackError(f"{path}: {explain(error)}") from None
    cameras = tuple(c.model_copy(update={"source": resolve_source(c.source, path.parent)}) for c in config.cameras)
    topology = config.topology
    if topology.file is not None:
        topology = topology.model_copy(update={"file": path.parent / topology.file})
    ground = under(path.parent, config.ground)
    return config.model_copy(update={"cameras": cameras, "topology": topology, "ground": ground})


def resolve_source(source: str, folder: Path) -> str:
    """A relative file path counts from the configuration's folder; URLs and device numbers stay."""
    return source if is_live(source) else str(folder / source)


def with_secrets(text: str, whose: str) -> str:
    """The text with every ${NAME} replaced by that environment variable, so that no password stands in a file.

    Raises OmnitrackError naming whose text it is (a camera, a key) and the variable that is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise OmnitrackError(f"{whose}: environment variable {name} is not set")
        return os.environ[name]

    return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", value, text)


def explain(error: ValidationError) -> str:
    """The first problem as `key.path: what is wrong`, with the key that was probably meant."""
    first, count = error.errors()[0], error.error_count()
    location = [str(part) for part in first["loc"]]
    where = ".".join(location) or "configuration"
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        near = difflib.get_close_matches(location[-1], known_keys(location[:-1]), n=1)
        what = "unknown key" + (f"; did you mean {near[0]!r}?" if near else "")
    else:
        message = first["msg"].removeprefix("Value error, ")
        what = message if first["type"] == "value_error" else f"{message}, got {first['input']!r}"
    more = f" (and {count - 1} more)" if count > 1 else ""
    return f"{where}: {what}{more}"


def known_keys(location: list[str]) -> list[str]:
    """The keys that the section at `location` has."""
    schema = Config.model_json_schema()
    node: dict[str, Any] = schema
    for part in location:
        node = node.get("items", {}) if part.isdigit() else node.get("properties", {}).get(part, {})
        reference = node.get("$ref", "") or next((c["$ref"] for c in node.get("allOf", []) if "$ref" in c), "")
        if reference:
            node = schema["$defs"][reference.rsplit("/", 1)[-1]]
    return list(node.get("properties", {}))
