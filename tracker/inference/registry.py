"""How a model is found: as given, in the directories of models, in the cache, by download, or by falling back."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from tracker.errors import OmnitrackError, UnreachableError
from tracker.inference.checksum import sha256_of
from tracker.inference.session import network_file
from tracker.inference.spec import ModelFile, ModelFormat, ModelInput, ModelKind, ModelSpec

if TYPE_CHECKING:
    from tracker.inference.download import Progress

REGISTRY_PATH = Path(__file__).resolve().parents[2] / "configs" / "models.yaml"

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as quick

Notify = Callable[[str], None]
"""Takes one line that the user should see."""

_FORMATS = {
    (ModelKind.DETECTOR, ".pt"): ModelFormat.ULTRALYTICS_PT,
    (ModelKind.DETECTOR, ".onnx"): ModelFormat.ONNX,
    (ModelKind.DETECTOR, ".xml"): ModelFormat.OPENVINO,
    (ModelKind.EMBEDDER, ".pt"): ModelFormat.TORCHREID_PTH,
    (ModelKind.EMBEDDER, ".pth"): ModelFormat.TORCHREID_PTH,
    (ModelKind.EMBEDDER, ".safetensors"): ModelFormat.SAFETENSORS,
    (ModelKind.EMBEDDER, ".onnx"): ModelFormat.ONNX,
    (ModelKind.EMBEDDER, ".xml"): ModelFormat.OPENVINO,
}
_IMAGENET = ModelInput(height=256, width=128, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model that is there. path: the file to open; None for a built-in model, which has none."""

    spec: ModelSpec
    path: Path | None


class WrongFileError(OmnitrackError):
    """A model's file is there but is not the one that the registry knows."""


def load_registry(path: Path | None = None) -> "Registry":
    """Read the rows of a models.yaml (default: configs/models.yaml); OmnitrackError names the file and the key."""
    path = path or REGISTRY_PATH
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _LOADER)
        rows = document["models"]
        return Registry([ModelSpec.model_validate(row) for row in rows])
    except OSError as error:
        raise OmnitrackError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise OmnitrackError(f"{path}: is not a list of models under the key 'models' ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise OmnitrackError(f"{path}: model {first['input']!r}: {key} {first['msg']}") from error


class Registry:
    """Known models in order of preference."""

    def __init__(self, models: Sequence[ModelSpec]) -> None:
        self._models = {model.name: model for model in models}

    def models(self, kind: ModelKind) -> Iterator[ModelSpec]:
        """Models of a kind, the preferred one first."""
        return (model for model in self._models.values() if model.kind is kind)

    def resolve(
        self,
        kind: ModelKind,
        wanted: str,
        search: Sequence[Path],
        cache: Path,
        download: bool,
        notify: Notify,
        progress: "Progress | None" = None,
        cuda: bool = False,
    ) -> ResolvedModel:
        """Find the wanted model: "auto", a registered name, or the path of a file or an OpenVINO folder.

        search: directories of models, laid out as the registry's paths; cache: where downloads are kept. notify gets
        one line about each thing that a user would want to know. cuda: for "auto", a model that runs there comes before
        any other. Raises OmnitrackError where a named model or a path
        is not there, is of another kind, or is not the file that the registry knows.
        """
        finder = _Finder([*search, cache], cache, notify, progress)
        if wanted == "auto":
            return self._automatic(kind, finder, download, cuda)
        spec = self._models.get(wanted)
        if spec is None:
            return self._at_path(kind, wanted)
        if spec.kind is not kind:
            raise OmnitrackError(f"model {wanted!r} is of kind {spec.kind}, not {kind}; choose {self._names(kind)}")
        if spec.format is ModelFormat.BUILT_IN:
            return ResolvedModel(spec, None)
        if found := finder.find(spec):
            return ResolvedModel(spec, found)
        if not download or not _downloadable(spec):
            places = ", ".join(map(str, [*search, cache]))
            raise OmnitrackError(f"model {wanted!r}: {spec.files[0].path} is in none of {places}; set OMNITRACK_MODELS")
        return ResolvedModel(spec, finder.fetch(spec))

    def _automatic(self, kind: ModelKind, finder: "_Finder", download: bool, cuda: bool) -> ResolvedModel:
        with_files = [model for model in self.models(kind) if model.files]
        preferred = [model for model in with_files if model.runs_on_cuda] if cuda else []
        reason = "downloads are off"
        for candidates in filter(None, (preferred, with_files)):
            if found := finder.find_first(candidates):
                return found
            for spec in filter(_downloadable, candidates if download else []):
                try:
                    return ResolvedModel(spec, finder.fetch(spec))
                except UnreachableError as error:
                    reason = str(error)
                    break
                except OmnitrackError as error:
                    reason = str(error)
        for spec in self.models(kind):
            if spec.fallback is not None:
                finder.notify(f"No {kind} model is at hand ({reason}): using {spec.fallback}. Set OMNITRACK_MODELS.")
                return ResolvedModel(spec, None)
        raise OmnitrackError(f"no {kind} model is at hand ({reason}); set OMNITRACK_MODELS")

    def _at_path(self, kind: ModelKind, wanted: str) -> ResolvedModel:
        given = Path(wanted).expanduser()
        if not given.exists():
            raise OmnitrackError(f"{kind} model {wanted!r} is neither a file nor one of auto, {self._names(kind)}")
        path = network_file(given)
        digest = sha256_of(path)
        for spec in self.models(kind):
            if spec.files and spec.files[0].sha256 == digest:
                return ResolvedModel(spec, path)
        return ResolvedModel(describe(kind, path), path)

    def _names(self, kind: ModelKind) -> str:
        return ", ".join(model.name for model in self.models(kind))


class _Finder:
    """Looks for the files of a model in directories, and puts what it downloads into the cache."""

    def __init__(self, directories: Sequence[Path], cache: Path, notify: Notify, progress: "Progress | None") -> None:
        self.notify = notify
        self._directories = directories
        self._cache = cache
        self._progress = progress

    def find(self, spec: ModelSpec) -> Path | None:
        """First directory's file to open; WrongFileError where a file is not the registered one."""
        return next((path for directory in self._directories if (path := _in_directory(spec, directory))), None)

    def find_first(self, specs: Sequence[ModelSpec]) -> ResolvedModel | None:
        """Directories in order, in each the models in order; a file that is not the registered one is passed over."""
        for directory in self._directories:
            for spec in specs:
                try:
                    path = _in_directory(spec, directory)
                except WrongFileError as error:
                    self.notify(f"Passing over {spec.name}: {error}")
                    continue
                if path is not None:
                    return ResolvedModel(spec, path)
        return None

    def fetch(self, spec: ModelSpec) -> Path:
        """Download what the cache lacks of a model."""
        from tracker.inference.download import download  # HTTP, which most starts do not need

        for file in spec.files:
            target = self._cache / file.path
            if file.url is None or target.exists():
                continue
            digest = download(file.url, target, file.sha256, file.size, self._progress)
            self.notify(f"Downloaded {file.path} ({spec.licence}) from {file.url}")
            if file.sha256 is None:
                _record(target).write_text(digest, encoding="ascii")
                self.notify(f"Trusting the first download of {file.path}: sha256 {digest}")
        return self._cache / spec.files[0].path


def _in_directory(spec: ModelSpec, directory: Path) -> Path | None:
    """The file to open if the directory holds all of a model's files."""
    if not all((directory / file.path).is_file() for file in spec.files):
        return None
    for file in spec.files:
        path = directory / file.path
        expected = _expected_sha256(file, path)
        if expected is not None and (digest := sha256_of(path)) != expected:
            raise WrongFileError(f"{path} has sha256 {digest}, the registry says {expected}; delete or replace it")
    return directory / spec.files[0].path


def _expected_sha256(file: ModelFile, path: Path) -> str | None:
    record = _record(path)
    if file.sha256 is None and record.is_file():
        return record.read_text(encoding="ascii").strip()
    return file.sha256


def _record(path: Path) -> Path:
    """Where the hash of a first download is kept."""
    return path.with_name(path.name + ".sha256")


def _downloadable(spec: ModelSpec) -> bool:
    return bool(spec.files) and all(file.url is not None for file in spec.files)


def describe(kind: ModelKind, path: Path) -> ModelSpec:
    """What can be told about a file that the registry does not know: by its ending, its name, and metadata beside it.

    A detector is taken for an ultralytics export (RGB, 0..1), or for a YOLOX (BGR, 0..255) where its name begins so; an
    embedder for a torchreid OSNet (RGB, ImageNet's mean and deviation). OmnitrackError for an ending that no model of
    the kind has.
    """
    model_format = _FORMATS.get((kind, path.suffix))
    if model_format is None:
        endings = ", ".join(ending for row, ending in _FORMATS if row is kind)
        raise OmnitrackError(f"{path}: a {kind} ends in one of {endings}")
    variant = re.search(r"osnet(_ibn|_ain)?_x\d_\d+", path.stem)
    return ModelSpec(
        name=path.stem,
        kind=kind,
        format=model_format,
        licence="unknown",
        variant=variant[0].rstrip("_") if variant else path.stem,
        input=_IMAGENET if kind is ModelKind.EMBEDDER else _detector_input(path),
        files=(ModelFile(path=path.name),),
    )


def _detector_input(path: Path) -> ModelInput:
    """Input of an ultralytics export, from the metadata that it writes beside the network, or of a YOLOX."""
    if path.stem.lower().startswith("yolox"):
        return ModelInput(height=640, width=640, colour="bgr", scale=1.0)
    metadata = path.with_name("metadata.yaml")
    size = yaml.safe_load(metadata.read_text(encoding="utf-8")).get("imgsz") if metadata.is_file() else None
    height, width = size or (640, 640)
    return ModelInput(height=height, width=width)
