"""`main.py reid evaluate`, `visualise` and `export` on a tiny data set."""

import json
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from reid.datasets import Division, read
from reid.errors import ReidError
from tracker.cli.reid import app

cli = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """crops/: ten people of one colour each before two cameras; net.safetensors: an untrained network."""
    import torch

    from reid import weights
    from reid.osnet import build
    from reid.preprocess import InputSpec

    torch.set_num_threads(1)
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("reid")
    (root / "crops").mkdir()
    rng = np.random.default_rng(0)
    for person in range(10):
        colour = rng.integers(0, 256, 3)
        for camera in (1, 2):
            crop = np.clip(colour + rng.normal(0, 4, (40, 20, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(root / "crops" / f"{person}_{camera}_.png"), crop)
    weights.save(build("osnet_x0_25"), root / "net.safetensors", InputSpec(32, 16).to_metadata())
    return root


def run(*arguments: object) -> str:
    result = cli.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_evaluate_prints_scores_of_both_rankings(folder: Path) -> None:
    options = ("--data", "folder", "--root", folder / "crops", "--rerank", "--json")
    scores = json.loads(run("evaluate", folder / "net.safetensors", *options))
    assert (scores["queries"], scores["gallery"]) == (20, 20)
    assert scores["ranked"]["rank-1"] > 0.5  # plain colours; chance is .05
    assert set(scores["re-ranked"]) == {"rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP"}
    table = run("evaluate", folder / "net.safetensors", *options[:-1])
    assert f"{scores['ranked']['mAP']:.3f}" in table


def test_evaluate_divides_the_people_as_the_run_did(folder: Path, tmp_path: Path) -> None:
    for camera, name in enumerate(("cam_a", "cam_b")):
        (tmp_path / name).mkdir()
        for person in range(10):
            picture = np.full((40, 20, 3), 25 * person, np.uint8)
            cv2.imwrite(str(tmp_path / name / f"{person:03}_{90 * camera}.bmp"), picture)
    trained = read("viper", tmp_path, Division(seed=1)).train
    for sample in trained:
        sample.path.write_bytes(b"of no use any more")
    options = ("--data", "viper", "--root", tmp_path, "--json")
    scores = json.loads(run("evaluate", folder / "net.safetensors", *options, "--seed", 1))
    assert (scores["queries"], scores["gallery"]) == (5, 5)
    with pytest.raises(ReidError, match=r"\.bmp"):
        run("evaluate", folder / "net.safetensors", *options)


def test_visualise_writes_three_sheets(folder: Path, tmp_path: Path) -> None:
    printed = run(
        "visualise",
        folder / "net.safetensors",
        "--data",
        "folder",
        "--root",
        folder / "crops",
        "--out",
        tmp_path,
        "--rows",
        2,
    )
    assert [Path(line).name for line in printed.splitlines()] == ["activations.png", "gates.png", "ranked.png"]
    for line in printed.splitlines():
        picture = cv2.imread(line)
        assert picture is not None
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_a_network_without_gates_has_the_other_two_sheets(folder: Path, tmp_path: Path) -> None:
    from reid import weights
    from reid.osnet import build
    from reid.preprocess import InputSpec

    weights.save(build("addition_x0_25"), tmp_path / "net.safetensors", InputSpec(32, 16).to_metadata())
    data = ("--data", "folder", "--root", folder / "crops", "--rows", 1, "--variant", "addition_x0_25")
    printed = run("visualise", tmp_path / "net.safetensors", *data, "--out", tmp_path / "sheets")
    assert [Path(line).name for line in printed.splitlines()] == ["activations.png", "ranked.png"]
    assert {path.name for path in (tmp_path / "sheets").iterdir()} == {"activations.png", "ranked.png"}


def test_export_needs_crops_before_it_writes(folder: Path, tmp_path: Path) -> None:
    from tracker.errors import OmnitrackError

    (tmp_path / "empty").mkdir()
    with pytest.raises(OmnitrackError, match=r"--crops: .*empty holds no pictures"):
        run("export", folder / "net.safetensors", tmp_path / "net.onnx", "--crops", tmp_path / "empty", "--to", "onnx")
    assert not (tmp_path / "net.onnx").exists()


@pytest.mark.parametrize(("kind", "name"), [("onnx", "net.onnx"), ("openvino", "net.xml")])
def test_export_reports_parity(kind: str, name: str, folder: Path, tmp_path: Path) -> None:
    options = ("--crops", folder / "crops", "--to", kind, "--json")
    report = json.loads(run("export", folder / "net.safetensors", tmp_path / name, *options))
    assert report["f32"]["smallest_cosine"] > 0.9999
    assert report["f32"]["largest_difference"] < 1e-3
    assert "bf16" in report
    assert (tmp_path / name).is_file()


def test_tflite_says_where_its_converter_lives(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ReidError, match="make tflite"):
        run(
            "export", folder / "net.safetensors", tmp_path / "net.tflite", "--crops", folder / "crops", "--to", "tflite"
        )


@pytest.mark.slow
def test_tflite_export_reports_parity(folder: Path, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    python = root / ".venv-tflite" / "bin" / "python"
    if not python.exists():
        pytest.skip("no .venv-tflite: run `make tflite`")
    files = (folder / "net.safetensors", tmp_path / "net.tflite", "--crops", folder / "crops")
    command = map(str, (python, root / "main.py", "reid", "export", *files, "--to", "tflite", "--json"))
    report = json.loads(subprocess.run([*command], check=True, capture_output=True, text=True).stdout)
    assert report["f32"]["smallest_cosine"] > 0.9999
    assert report["f32"]["largest_difference"] < 1e-3
    assert (tmp_path / "net.tflite").is_file()


def test_a_wrong_range_of_people_is_named(folder: Path) -> None:
    from tracker.errors import OmnitrackError

    with pytest.raises(OmnitrackError, match=r"--test-people.*'some'"):
        run(
            "evaluate",
            folder / "net.safetensors",
            "--data",
            "cuhk01",
            "--root",
            folder / "crops",
            "--test-people",
            "some",
        )
