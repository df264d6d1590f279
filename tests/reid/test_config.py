from pathlib import Path

import pytest

from reid.config import load
from reid.errors import ReidError

CONFIGS = sorted((Path(__file__).parents[2] / "configs" / "reid").glob("*.yaml"))
SMALLEST = "variant: osnet_x0_25\ndata: [{name: folder, root: crops}]\n"
HINTED = SMALLEST + "teachers: [{path: t.xml, hints: {stem: a}}]\n"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_configuration_is_valid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNITRACK_DATA", "/data")
    monkeypatch.setenv("OMNITRACK_MODELS", "/models")
    config = load(path)
    assert config.data[0].root.is_relative_to("/data")


def test_the_paper_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(SMALLEST)
    config = load(tmp_path / "c.yaml")
    assert (config.epochs, config.optimiser.learning_rate, config.schedule.milestones) == (350, 0.065, (150, 225, 300))
    assert (config.input.spec.height, config.input.spec.width, config.augmentation.enlarge) == (256, 128, 1.25)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (SMALLEST + "epoch: 3", "epoch: Extra inputs"),
        (SMALLEST + "batch: {size: 1}", r"batch\.size"),
        (SMALLEST.replace("folder", "market"), r"data\.0.*market1501"),
        (SMALLEST + "loss: {direction: 1}", "need teachers"),
        (SMALLEST + "teachers: [{path: t.xml}]", "need one of them"),
        (SMALLEST + "teachers: [{path: t.xml, input: zoo}]\nloss: {relation: 1}", "open_model_zoo"),
        (HINTED + "loss: {relation: 1}", "hints need it"),
        (SMALLEST + "teachers: [{path: t.xml}]\nloss: {hints: 1}", "teacher with hints"),
        (HINTED + "loss: {hints: 1}\naugmentation: {erase: 0.5}", "no teacher has seen"),
        (HINTED.replace("{path: t", "{path: u.xml, hints: {stem: b}}, {path: t") + "loss: {hints: 1}", "only one"),
        (SMALLEST + "schedule: {guided_epochs: 1}", "guided_epochs needs"),
        (SMALLEST.replace("folder", "cifar10") + "loss: {triplet: 1}", "cifar10 trains alone"),
        (SMALLEST.replace("folder", "pa100k"), "pa100k, which needs it"),
        (SMALLEST.replace("x0_25", "x0_25_places") + "input: {height: 128, width: 64}", "must be 256 high, 128 wide"),
        (SMALLEST + "loss: {attributes: 1}", "is for pa100k"),
        (SMALLEST.replace("folder", "pa100k") + "loss: {attributes: 1}", r"loss\.identity to 0"),
        (SMALLEST.replace("crops", "$REID_UNSET/crops"), "REID_UNSET"),
        ("variant: osnet_x0_25", "data: Field required"),
        ("- 1", "file: Input should be"),
        ("variant: [", "cannot be read as YAML"),
    ],
)
def test_mistakes_are_named_with_file_and_key(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ReidError, match=complaint) as caught:
        load(tmp_path / "c.yaml")
    assert "c.yaml" in str(caught.value)


def test_an_unset_variable_is_the_only_complaint(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(SMALLEST.replace("crops", "$REID_UNSET/crops"))
    with pytest.raises(ReidError, match=r"c\.yaml: data\.0\.root: [^;]*REID_UNSET[^;]*$"):
        load(tmp_path / "c.yaml")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ReidError, match=r"none\.yaml: cannot be read \(No such file"):
        load(tmp_path / "none.yaml")
