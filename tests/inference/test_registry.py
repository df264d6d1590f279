import hashlib
from pathlib import Path

import pytest
import yaml

from tests.inference.file_server import FileServer
from tests.resources import MODELS, needs_models
from tracker.errors import OmnitrackError
from tracker.inference.registry import Registry, ResolvedModel, load_registry
from tracker.inference.spec import ModelFile, ModelFormat, ModelInput, ModelKind, ModelSpec

DETECTOR, EMBEDDER = ModelKind.DETECTOR, ModelKind.EMBEDDER
SIZE = ModelInput(height=32, width=32)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def model(name: str, *files: ModelFile, kind: ModelKind = DETECTOR, fallback: str | None = None) -> ModelSpec:
    return ModelSpec(
        name=name,
        kind=kind,
        format=ModelFormat.ONNX if files else ModelFormat.BUILT_IN,
        licence="MIT",
        variant=name,
        input=SIZE,
        files=files,
        fallback=fallback,
    )


class Desk:
    """A registry with two detectors, a fallback and an embedder; two directories of models, a cache, and a notepad."""

    def __init__(self, folder: Path, server: FileServer) -> None:
        self.first, self.second, self.cache = folder / "first", folder / "second", folder / "cache"
        self.first.mkdir()
        self.second.mkdir()
        self.lines: list[str] = []
        self.weights_url = server.url("/weights")
        self.registry = Registry(
            [
                model("good", ModelFile(path="g/good.onnx", sha256=sha256(b"good"), url=server.url("/good"))),
                model("fair", ModelFile(path="fair.onnx", sha256=sha256(b"fair"))),
                model("hog", fallback="the built-in one"),
                model("osnet", ModelFile(path="osnet.onnx", url=server.url("/osnet")), kind=EMBEDDER),
            ]
        )

    def put(self, path: Path, content: bytes) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def resolve(self, wanted: str, kind: ModelKind = DETECTOR, download: bool = False) -> ResolvedModel:
        search = [self.first, self.second]
        return self.registry.resolve(kind, wanted, search, self.cache, download, self.lines.append)


@pytest.fixture
def desk(tmp_path: Path, server: FileServer) -> Desk:
    return Desk(tmp_path, server)


def test_auto_takes_the_first_directory_that_has_any(desk: Desk) -> None:
    desk.put(desk.second / "g" / "good.onnx", b"good")
    fair = desk.put(desk.first / "fair.onnx", b"fair")
    found = desk.resolve("auto", download=True)
    assert (found.spec.name, found.path) == ("fair", fair)
    assert desk.lines == []


def on_cuda(desk: Desk, download: bool = False) -> ResolvedModel:
    weights = model("weights", ModelFile(path="w.pt", sha256=sha256(b"weights"), url=desk.weights_url))
    rows = [*desk.registry.models(DETECTOR), weights.model_copy(update={"format": ModelFormat.ULTRALYTICS_PT})]
    return Registry(rows).resolve(
        DETECTOR, "auto", [desk.first, desk.second], desk.cache, download, desk.lines.append, cuda=True
    )


def test_auto_on_cuda_takes_what_runs_there_before_an_exported_network(desk: Desk) -> None:
    desk.put(desk.first / "g" / "good.onnx", b"good")
    assert on_cuda(desk).spec.name == "good"
    desk.put(desk.second / "w.pt", b"weights")
    assert on_cuda(desk).spec.name == "weights"
    assert desk.resolve("auto").spec.name == "good"


def test_auto_on_cuda_downloads_what_runs_there_before_it_settles_for_less(desk: Desk, server: FileServer) -> None:
    desk.put(desk.first / "g" / "good.onnx", b"good")
    server.files["/weights"] = b"weights"
    assert on_cuda(desk, download=True).spec.name == "weights"


def test_auto_prefers_the_earlier_model_in_one_directory(desk: Desk) -> None:
    good = desk.put(desk.first / "g" / "good.onnx", b"good")
    desk.put(desk.first / "fair.onnx", b"fair")
    assert desk.resolve("auto").path == good


def test_auto_looks_in_the_cache_before_it_downloads(desk: Desk, server: FileServer) -> None:
    cached = desk.put(desk.cache / "fair.onnx", b"fair")
    assert desk.resolve("auto", download=True).path == cached
    assert server.ranges == []


def test_auto_passes_over_a_damaged_file_and_says_so(desk: Desk) -> None:
    desk.put(desk.first / "g" / "good.onnx", b"gone bad")
    fair = desk.put(desk.second / "fair.onnx", b"fair")
    assert desk.resolve("auto").path == fair
    (line,) = desk.lines
    assert "Passing over good" in line
    assert "good.onnx has sha256" in line


def test_auto_downloads_into_the_cache_once(desk: Desk, server: FileServer) -> None:
    server.files["/good"] = b"good"
    found = desk.resolve("auto", download=True)
    assert found.path == desk.cache / "g" / "good.onnx"
    assert found.path.read_bytes() == b"good"
    assert desk.resolve("auto", download=True) == found
    assert len(server.ranges) == 1


def test_auto_falls_back_with_one_line_when_downloads_are_off(desk: Desk, server: FileServer) -> None:
    server.files["/good"] = b"good"
    found = desk.resolve("auto")
    assert (found.spec.name, found.path) == ("hog", None)
    (line,) = desk.lines
    assert "downloads are off" in line
    assert "using the built-in one" in line
    assert server.ranges == []


def test_auto_falls_back_with_one_line_when_the_download_fails(desk: Desk) -> None:
    assert desk.resolve("auto", download=True).spec.name == "hog"
    (line,) = desk.lines
    assert "404" in line


def test_auto_without_a_fallback_is_an_error(desk: Desk) -> None:
    with pytest.raises(OmnitrackError, match="no embedder model is at hand"):
        desk.resolve("auto", EMBEDDER)


def test_first_download_without_a_known_hash_is_trusted_and_recorded(desk: Desk, server: FileServer) -> None:
    server.files["/osnet"] = b"version 1"
    found = desk.resolve("osnet", EMBEDDER, download=True)
    assert found.path == desk.cache / "osnet.onnx"
    assert any(sha256(b"version 1") in line for line in desk.lines)
    found.path.write_bytes(b"version 2")
    with pytest.raises(OmnitrackError, match="has sha256"):
        desk.resolve("osnet", EMBEDDER)


def test_named_model_is_found_by_name(desk: Desk) -> None:
    fair = desk.put(desk.second / "fair.onnx", b"fair")
    assert desk.resolve("fair").path == fair


def test_named_model_with_a_wrong_hash_is_an_error(desk: Desk) -> None:
    desk.put(desk.first / "fair.onnx", b"unfair")
    with pytest.raises(OmnitrackError, match=r"fair\.onnx has sha256 .* delete or replace it"):
        desk.resolve("fair")


def test_named_model_that_is_nowhere_says_where_it_was_sought(desk: Desk) -> None:
    with pytest.raises(OmnitrackError, match=r"fair\.onnx is in none of .*first, .*second, .*cache"):
        desk.resolve("fair", download=True)


def test_named_model_of_the_other_kind_is_an_error(desk: Desk) -> None:
    with pytest.raises(OmnitrackError, match="'osnet' is of kind embedder, not detector; choose good, fair, hog"):
        desk.resolve("osnet")


def test_built_in_model_needs_no_file(desk: Desk) -> None:
    assert desk.resolve("hog").path is None
    assert desk.lines == []


def test_unknown_name_lists_what_there_is(desk: Desk) -> None:
    with pytest.raises(OmnitrackError, match="'excellent' is neither a file nor one of auto, good, fair, hog"):
        desk.resolve("excellent")


def test_path_of_a_registered_file_is_recognised_by_its_hash(desk: Desk, tmp_path: Path) -> None:
    renamed = desk.put(tmp_path / "renamed.onnx", b"fair")
    found = desk.resolve(str(renamed))
    assert (found.spec.name, found.path) == ("fair", renamed)


def test_path_of_an_ultralytics_export_takes_its_metadata(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "own_openvino_model"
    network = desk.put(folder / "own.xml", b"<net/>")
    desk.put(folder / "metadata.yaml", b"imgsz: [384, 640]\ntask: detect\n")
    found = desk.resolve(str(folder))
    assert found.path == network
    assert found.spec.format is ModelFormat.OPENVINO
    assert (found.spec.input.height, found.spec.input.width) == (384, 640)


@pytest.mark.parametrize(
    ("kind", "name", "expected", "variant"),
    [
        (DETECTOR, "people.pt", ModelFormat.ULTRALYTICS_PT, "people"),
        (EMBEDDER, "osnet_ain_x1_0_msmt17.pth", ModelFormat.TORCHREID_PTH, "osnet_ain_x1_0"),
        (EMBEDDER, "osnet_x0_25_mine.safetensors", ModelFormat.SAFETENSORS, "osnet_x0_25"),
        (EMBEDDER, "faces.onnx", ModelFormat.ONNX, "faces"),
    ],
)
def test_unknown_file_is_described_by_its_name(
    desk: Desk, tmp_path: Path, kind: ModelKind, name: str, expected: ModelFormat, variant: str
) -> None:
    path = desk.put(tmp_path / name, b"weights")
    spec = desk.resolve(str(path), kind).spec
    assert (spec.format, spec.variant, spec.licence) == (expected, variant, "unknown")


@pytest.mark.parametrize(
    ("name", "colour", "scale"), [("yolox_tiny.onnx", "bgr", 1.0), ("yolo11n.onnx", "rgb", 1 / 255)]
)
def test_input_of_an_unknown_detector_follows_from_its_name(
    desk: Desk, tmp_path: Path, name: str, colour: str, scale: float
) -> None:
    given = desk.resolve(str(desk.put(tmp_path / name, b"weights"))).spec.input
    assert (given.colour, given.scale) == (colour, scale)


def test_file_with_a_foreign_ending_is_refused(desk: Desk, tmp_path: Path) -> None:
    path = desk.put(tmp_path / "weights.pkl", b"weights")
    with pytest.raises(OmnitrackError, match=r"weights\.pkl: a detector ends in one of \.pt, \.onnx, \.xml"):
        desk.resolve(str(path))


def test_shipped_registry_keeps_its_promises() -> None:
    registry = load_registry()
    for kind in ModelKind:
        models = list(registry.models(kind))
        assert models[0].files
        assert [row.name for row in models if row.fallback] == [row.name for row in models if not row.files]
        assert any(all(file.url and file.sha256 for file in row.files) for row in models if row.files)
        for row in models:
            assert all(Path(file.path).parts[0] != ".." and not Path(file.path).is_absolute() for file in row.files)
            assert (row.dimension is not None) == (kind is EMBEDDER)


@needs_models
@pytest.mark.parametrize("kind", list(ModelKind))
def test_shipped_registry_knows_the_development_weights(kind: ModelKind, tmp_path: Path) -> None:
    lines: list[str] = []
    found = load_registry().resolve(kind, "auto", [MODELS], tmp_path, False, lines.append)
    assert found.spec == next(load_registry().models(kind))
    assert lines == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: [{name: x}]", "kind Field required"),
        ("models: 3", "not a list of models"),
        ("- a", "not a list of models"),
        ("models: [}", "not a list of models"),
    ],
)
def test_wrong_registry_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(text)
    with pytest.raises(OmnitrackError, match=rf"models\.yaml: .*{message}"):
        load_registry(path)


def test_unknown_key_in_the_registry_is_named(tmp_path: Path) -> None:
    row = model("x", ModelFile(path="x.onnx")).model_dump(mode="json") | {"colour": "red"}
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump({"models": [row]}))
    with pytest.raises(OmnitrackError, match="colour"):
        load_registry(path)


def test_missing_registry_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=r"nowhere\.yaml: cannot be read"):
        load_registry(tmp_path / "nowhere.yaml")
