"""The direction of imports, read from the real source: cli -> bootstrap -> outer rooms -> inner rooms -> core."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEAVES = {"tracker.errors", "tracker.whole_files", "tracker.core.types", "tracker.video.frame"}
OUTER = {
    "pipeline",
    "ports",
    "results",
    "recorded",
    "likeness",
    "photos",
    "pictures",
    "several_devices",
    "site",
    "times",
    "web",
    "store",
    "video",
    "detection",
    "inference",
    "events",
    "operation",
}
WIRING = {"cameras", "outlets", "bootstrap", "measure", "networks", "roster", "sinks", "run"}
RANKS = {
    **{"core": 0, "crosscam": 1, "evaluation": 1, "config": 2, "cli": 4},
    **dict.fromkeys(OUTER, 2),
    **dict.fromkeys(WIRING, 3),
}
PURE_ROOMS = {"tracker.core", "tracker.crosscam"}
PURE_LIBRARIES = {"numpy", "scipy", "filterpy"}
CLOCKS = {"time", "datetime", "threading", "multiprocessing", "asyncio", "socket", "subprocess"}
STANDARD_LIBRARY = sys.stdlib_module_names
REID_USERS = {"tracker.networks", "tracker.cli"}
VENDOR_ROOMS = {
    "ultralytics": {"tracker.detection"},
    "sqlalchemy": {"tracker.store", "tracker.cli", "tracker.web"},
    "fastapi": {"tracker.web"},
}


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file; `from a import b` yields a.b as well as a."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inside(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def rank(module: str) -> int | None:
    parts = module.split(".")
    return RANKS.get(parts[1]) if parts[0] == "tracker" and len(parts) > 1 else None


def violations(root: Path) -> list[str]:
    found = []
    for path in sorted([*root.glob("tracker/**/*.py"), *root.glob("reid/**/*.py")]):
        module = module_name(path, root)
        broken = ((target, broken_rule(module, target)) for target in imports_of(path))
        found += [f"{module} imports {target}: {rule}" for target, rule in broken if rule]
    return found


def broken_rule(module: str, target: str) -> str | None:
    top = target.split(".")[0]
    if inside(module, "reid"):
        return "reid knows nothing of tracking" if top == "tracker" else None
    if top == "reid" and not any(inside(module, user) for user in REID_USERS):
        return "only networks and the commands meet reid"
    if any(inside(module, room) for room in PURE_ROOMS):
        if top in CLOCKS:
            return "core and crosscam have no clock, thread or socket"
        if top not in PURE_LIBRARIES | STANDARD_LIBRARY | {"tracker"}:
            return "core and crosscam use numpy, scipy and filterpy only"
    if top in VENDOR_ROOMS and not any(inside(module, room) for room in VENDOR_ROOMS[top]):
        return f"{top} stays in {VENDOR_ROOMS[top]}"
    mine, theirs = rank(module), rank(target)
    if any(inside(target, leaf) for leaf in LEAVES) or mine is None or theirs is None:
        return None
    return "imports point inwards only" if theirs > mine else None


def test_every_room_has_a_rank() -> None:
    rooms = {p.stem if p.is_file() else p.name for p in (ROOT / "tracker").iterdir() if not p.name.startswith("__")}
    assert rooms - {"errors", "whole_files", "py"} <= set(RANKS), "give the new room a rank here"


def test_imports_point_inwards() -> None:
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("tracker/core/motion.py", "import cv2", "numpy, scipy and filterpy only"),
        ("tracker/core/motion.py", "def f():\n    import time", "no clock"),
        ("tracker/core/motion.py", "from tracker.crosscam import matcher", "inwards only"),
        ("tracker/crosscam/matcher.py", "from tracker.store.models import Run", "inwards only"),
        ("tracker/store/writer.py", "from tracker import bootstrap", "inwards only"),
        ("tracker/video/sources.py", "import reid.osnet", "only networks and the commands meet reid"),
        ("tracker/pipeline.py", "import ultralytics", "ultralytics stays in"),
        ("reid/osnet.py", "from tracker.core.types import FloatArray", "knows nothing of tracking"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, file: str, line: str, rule: str) -> None:
    planted = tmp_path / file
    planted.parent.mkdir(parents=True)
    planted.write_text(line + "\n", encoding="utf-8")
    found = violations(tmp_path)
    assert found
    assert all(rule in violation for violation in found)


@pytest.mark.parametrize(
    ("module", "left_out"),
    [
        ("tracker.config", {"scipy", "sqlalchemy", "av", "cv2"}),  # before the networks begin to load
        ("tracker.networks", {"torch", "ultralytics", "onnxruntime", "scipy", "sqlalchemy", "urllib.request"}),
        (
            "tracker.bootstrap",
            {"torch", "ultralytics", "alembic", "matplotlib", "scipy", "fastapi", "sqlalchemy.dialects.postgresql"},
        ),
    ],
)
def test_a_run_does_not_wait_for_what_it_may_not_need(module: str, left_out: set[str]) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert left_out & set(done.stdout.split()) == set()
