import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.inference.networks import write_onnx, write_openvino
from tracker.core.types import FloatArray
from tracker.errors import OmnitrackError
from tracker.inference.onnxruntime_session import ONNXRuntimeSession
from tracker.inference.openvino_session import OpenVINOSession
from tracker.inference.session import Session, open_session

Opener = Callable[[Path, int | None], Session]


def openvino_ir(folder: Path, batch: int | None) -> Session:
    return OpenVINOSession(write_openvino(folder / "tiny.xml", batch), streams=2, threads=2, precision="f32", chunk=4)


def openvino_onnx(folder: Path, batch: int | None) -> Session:
    return OpenVINOSession(write_onnx(folder / "tiny.onnx", batch), streams=2, threads=2, precision="f32", chunk=4)


def onnxruntime(folder: Path, batch: int | None) -> Session:
    return ONNXRuntimeSession(write_onnx(folder / "tiny.onnx", batch), threads=1)


def images(count: int) -> FloatArray:
    return np.random.default_rng(count).random((count, 3, 4, 4), np.float32)


@pytest.mark.parametrize("opener", [openvino_ir, openvino_onnx, onnxruntime])
@pytest.mark.parametrize("batch", [None, 1, 3])
@pytest.mark.parametrize("count", [0, 1, 3, 17])
def test_results_keep_the_order_of_the_batch(opener: Opener, batch: int | None, count: int, tmp_path: Path) -> None:
    session = opener(tmp_path, batch)
    assert session.input_shape == (batch, 3, 4, 4)
    rows = images(count)
    np.testing.assert_allclose(session.infer(rows), 2 * rows.sum(axis=(2, 3)), rtol=1e-5)
    assert session.infer(rows).dtype == np.float32


@pytest.mark.parametrize("opener", [openvino_ir, onnxruntime])
def test_results_outlive_the_next_call(opener: Opener, tmp_path: Path) -> None:
    session = opener(tmp_path, 1)
    first, second = images(2), images(5)
    kept = session.infer(first)
    session.infer(second)
    np.testing.assert_allclose(kept, 2 * first.sum(axis=(2, 3)), rtol=1e-5)


def test_rows_that_are_not_contiguous_are_accepted(tmp_path: Path) -> None:
    session = openvino_ir(tmp_path, None)
    rows = images(6)[::2]
    np.testing.assert_allclose(session.infer(rows), 2 * rows.sum(axis=(2, 3)), rtol=1e-5)


@pytest.mark.parametrize("batch", [None, 1, 3])
def test_threads_may_share_a_session(batch: int | None, tmp_path: Path) -> None:
    """With fewer requests than rows, each thread waits for what others hold; nobody waits for ever or gets mixed up."""
    session = openvino_ir(tmp_path, batch)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda count: session.infer(images(count)), range(40)))
    for count, result in enumerate(results):
        np.testing.assert_allclose(result, 2 * images(count).sum(axis=(2, 3)), rtol=1e-5)


def test_compiled_network_is_kept_on_disk(tmp_path: Path) -> None:
    cache = tmp_path / "compiled"
    network = write_openvino(tmp_path / "tiny.xml", 1)
    rows = images(2)
    first = OpenVINOSession(network, cache_dir=cache, precision="f32").infer(rows)
    blobs = sorted(cache.glob("*.blob"))
    assert blobs
    second = OpenVINOSession(network, cache_dir=cache, precision="f32").infer(rows)
    assert sorted(cache.glob("*.blob")) == blobs
    np.testing.assert_array_equal(first, second)


def test_open_session_takes_a_folder_with_one_network(tmp_path: Path) -> None:
    write_openvino(tmp_path / "tiny.xml", 1)
    assert open_session(tmp_path).input_shape == (1, 3, 4, 4)
    write_openvino(tmp_path / "other.xml", 1)
    with pytest.raises(OmnitrackError, match="holds 2"):
        open_session(tmp_path)


def test_a_network_that_openvino_refuses_runs_all_the_same(tmp_path: Path) -> None:
    """OpenVINO has no determinant of ONNX."""
    network = write_onnx(tmp_path / "determinant.onnx", None, "Det")
    with pytest.raises(OmnitrackError, match=r"determinant\.onnx: cannot be loaded"):
        OpenVINOSession(network)
    session = open_session(network, threads=1)
    assert session.input_shape == (None, 3, 4, 4)
    np.testing.assert_allclose(session.infer(images(5)), np.linalg.det(images(5)), atol=1e-5)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=r"nothing\.xml: no such model file"):
        open_session(tmp_path / "nothing.xml")


def test_other_endings_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"")
    with pytest.raises(OmnitrackError, match=r"weights\.pth: cannot be run as it is"):
        open_session(weights)


@pytest.mark.parametrize("name", ["damaged.xml", "damaged.onnx"])
def test_damaged_file_is_named(name: str, tmp_path: Path) -> None:
    damaged = tmp_path / name
    damaged.write_text("this is no network")
    with pytest.raises(OmnitrackError, match=rf"{name}: cannot be loaded"):
        open_session(damaged)
    if damaged.suffix == ".onnx":
        with pytest.raises(OmnitrackError, match=rf"{name}: cannot be loaded"):
            ONNXRuntimeSession(damaged)


def test_network_with_two_inputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match="2 inputs and 1 outputs"):
        open_session(write_openvino(tmp_path / "two.xml", 1, inputs=2))


def test_cpu_path_loads_neither_torch_nor_telemetry(tmp_path: Path) -> None:
    network = write_openvino(tmp_path / "tiny.xml", 1)
    program = (
        "import sys\nfrom pathlib import Path\nfrom tracker.inference.session import open_session\n"
        f"open_session(Path({str(network)!r}))\n"
        "print(sorted({'torch', 'ultralytics', 'openvino_telemetry.main'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    assert result.stderr == ""
