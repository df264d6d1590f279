"""The files of docs/deploy name commands, paths and keys that exist. Nothing is built or started."""

import configparser
import re
import shlex
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from tracker.cli.app import app
from tracker.config import Config

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "docs" / "deploy"
SITE = "/etc/omnitrack/site.yaml"


def assert_run(arguments: list[str]) -> None:
    """They start a live run that keeps its history in /var/lib/omnitrack and logs for machines."""
    assert arguments[0] == "run"
    options = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    assert options == {"--config": SITE, "--out": "/var/lib/omnitrack", "--log": "json"}
    program = get_command(app)
    assert isinstance(program, TyperGroup)
    known = {option for parameter in program.commands["run"].params for option in parameter.opts}
    assert set(options) <= known


@pytest.fixture
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys as they are written
    parser.read(DEPLOY / "omnitrack.service")
    return parser


def test_the_unit_starts_a_run(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    python, program, *arguments = shlex.split(service["ExecStart"])
    assert python == f"{service['WorkingDirectory']}/.venv/bin/python"
    assert (ROOT / program).is_file()
    assert_run(arguments)
    assert service["EnvironmentFile"] == f"-{Path(SITE).with_suffix('.env')}", "where init puts secrets"
    assert service["StateDirectory"] == "omnitrack"
    assert service["CacheDirectory"] == "omnitrack"
    assert service["RestartPreventExitStatus"] == "2"
    assert float(service["TimeoutStopSec"]) > 5, "longer than a run takes to end"


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to("/bin/true")
    copy = tmp_path / "omnitrack.service"
    copy.write_text((DEPLOY / "omnitrack.service").read_text().replace("/opt/omnitrack", str(tmp_path)))
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_image_holds_what_a_run_needs() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    lines = text.splitlines()
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    allowed = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"]
    assert sorted(copied) == sorted(allowed), "what is copied is sent to the builder, and nothing else"
    assert all((ROOT / name).exists() for name in copied)
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    packages = {name.split("/")[0] for name in tracked if fnmatch(name, "*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= set(copied)
    entry, command = (re.search(rf"^{word} (\[.*\])$", text, re.MULTILINE) for word in ("ENTRYPOINT", "CMD"))
    assert entry is not None
    assert command is not None
    assert yaml.safe_load(entry[1]) == ["python", "main.py"]
    assert_run(yaml.safe_load(command[1]))


def test_compose_finds_its_files_and_the_health_of_the_run() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    service = yaml.safe_load(text)["services"]["omnitrack"]
    context = (DEPLOY / service["build"]["context"]).resolve()
    assert context == ROOT
    assert (context / service["build"]["dockerfile"]).is_file()
    assert service["env_file"] == "../../site/site.env"
    mounted = {mount.split(":")[1]: mount.split(":")[0] for mount in service["volumes"]}
    assert mounted[str(Path(SITE).parent)] == "../../site"
    image = (DEPLOY / "Dockerfile").read_text()
    assert all(path in image for path in mounted)
    told = re.search(r"# +(operation: .*)", text)
    assert told is not None
    config = Config.model_validate(yaml.safe_load(told[1]))
    assert service["healthcheck"]["test"][-1] == f"http://127.0.0.1:{config.operation.port}/health"
    assert service["healthcheck"]["test"][1] in image, "curl is installed"
