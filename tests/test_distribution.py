"""The wheel and the source archive: what they hold, and that both work without the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from glassnet.actions.demo import SETTINGS
from glassnet.experiments import load_recipe, recipe_for
from support.markdown import ROOT

SAMPLE = (
    "tests/metrics/test_classification.py",
    "tests/metrics/test_intervals.py",
    "tests/autodiff/test_descent.py",
)  # on what is installed


def test_the_demo_trains_the_recipe_for_digits() -> None:
    recipe = load_recipe(ROOT / "recipes" / "digits.toml").values()
    demo = recipe_for("digits", SETTINGS).values()
    assert {**recipe, "title": None} == {**demo, "title": None}


def run(*command: object, folder: Path) -> str:
    """A command's output, in an environment that knows nothing of the repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GLASSNET"))}
    found = subprocess.run([*map(str, command)], cwd=folder, env=kept, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def pythons() -> Iterator[tuple[str, str]]:
    """(version, interpreter) of each supported Python found on this machine."""
    for version in ("3.11", "3.12", "3.13"):
        pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
        for path in (shutil.which(f"python{version}"), *pyenv):
            if path and subprocess.run([path, "-m", "venv", "--help"], capture_output=True).returncode == 0:
                yield version, str(path)
                break


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The source archive and the wheel, by their endings, built from a copy of what git would keep."""
    folder = tmp_path_factory.mktemp("dist")
    skip = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc", "*.egg-info")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, source)
    for name in ("src", "docs", "tests"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=skip)
    maker = folder / "maker"
    run(sys.executable, "-m", "venv", maker, folder=folder)
    run(maker / "bin" / "pip", "install", "--quiet", "build", folder=folder)
    run(maker / "bin" / "python", "-m", "build", "--outdir", folder, source, folder=folder)
    return {kind: next(folder.glob(f"glassnet-*{kind}")) for kind in (".whl", ".tar.gz")}


@pytest.mark.long
def test_the_wheel_holds_the_package_and_nothing_else(archives: dict[str, Path]) -> None:
    names = zipfile.ZipFile(archives[".whl"]).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"glassnet", "glassnet_command.py"}
    for path in (ROOT / "src" / "glassnet").rglob("*"):
        if path.is_file() and path.suffix not in (".pyc", ".nbi", ".nbc"):
            assert path.relative_to(ROOT / "src").as_posix() in names
    with tarfile.open(archives[".tar.gz"]) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"tests/test_distribution.py", "tests/support/markdown.py", "constraints.txt"} <= inside


@pytest.mark.long
@pytest.mark.parametrize("kind", [".whl", ".tar.gz"])
@pytest.mark.parametrize(("version", "python"), list(pythons()))
def test_it_installs_and_runs_alone(
    archives: dict[str, Path], kind: str, version: str, python: str, tmp_path: Path
) -> None:
    place = tmp_path / "venv"
    run(python, "-m", "venv", place, folder=tmp_path)
    constraint = ("--constraint", ROOT / "constraints.txt")
    run(place / "bin" / "pip", "install", "--quiet", *constraint, archives[kind], folder=tmp_path)
    printed = run(place / "bin" / "glassnet", "demo", "--out", "run", folder=tmp_path)
    assert "every gradient is right" in printed and "verdict: good." in printed and "LOAVES" in printed
    assert (tmp_path / "run" / "report.html").is_file()
    if kind == ".whl":
        run(place / "bin" / "pip", "install", "--quiet", *constraint, "pytest", "hypothesis", folder=tmp_path)
        shutil.copytree(ROOT / "tests", tmp_path / "tests")
        (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = . tests\nmarkers =\n    long\n    gpu\n", "utf-8")
        run(place / "bin" / "python", "-m", "pytest", "-q", "--import-mode=importlib", *SAMPLE, folder=tmp_path)
