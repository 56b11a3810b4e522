"""Installing: with a compiler and without, from a wheel and a checkout, on systems that lack something."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import simdai
from simdai.kernel import _build

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / ".ci" / "install"
PARTS = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff")

needs_posix = pytest.mark.skipif(os.name == "nt", reason="a POSIX shell script")
needs_checkout = pytest.mark.skipif(not INSTALL.exists(), reason="not in a checkout")
pytestmark = needs_checkout


# --- The stamp ------------------------------------------------------------------------------------------


@pytest.fixture
def kernel(tmp_path):
    """A kernel folder with sources, an extension of this Python's, and a stamp that says it is fresh."""
    (tmp_path / "_market.pyx").write_text("def f(): pass\n")
    (tmp_path / "_part.pxd").write_text("cdef int n\n")
    extension = tmp_path / f"_market{_build.sysconfig.get_config_var('EXT_SUFFIX')}"
    extension.write_bytes(b"")
    _build.write_stamp(tmp_path, _build.source_hash(tmp_path))
    return tmp_path


def test_a_kernel_made_from_the_sources_beside_it_passes(kernel):
    assert _build.check_stamp(kernel) is None
    assert _build.is_built(kernel)


@pytest.mark.parametrize("name", ["_market.pyx", "_part.pxd", "new.pxd", "new.h"])
def test_a_kernel_older_than_any_of_its_sources_is_named_with_its_cure(kernel, name):
    with (kernel / name).open("a") as file:
        file.write("# changed\n")
    message = _build.check_stamp(kernel)
    assert "older than the sources" in message
    assert "make build" in message
    assert str(kernel) in message
    assert not _build.is_built(kernel)


def test_a_change_is_seen_whatever_the_times_of_the_files_say(kernel):
    source = kernel / "_market.pyx"
    before = source.stat()
    source.write_text(source.read_text().replace("f", "g"))
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _build.check_stamp(kernel) is not None


def test_line_ends_alone_make_no_kernel_stale(kernel):
    source = kernel / "_market.pyx"
    source.write_bytes(source.read_bytes().replace(b"\n", b"\r\n"))
    assert _build.check_stamp(kernel) is None


def test_a_missing_or_broken_stamp_counts_as_never_compiled(kernel):
    _build.stamp_path(kernel).write_text('{"source_ha')
    assert "never compiled" in _build.check_stamp(kernel)
    _build.stamp_path(kernel).unlink()
    assert "never compiled" in _build.check_stamp(kernel)


def test_a_missing_extension_is_built_again(kernel):
    next(kernel.glob(f"_market{_build.sysconfig.get_config_var('EXT_SUFFIX')}")).unlink()
    assert not _build.is_built(kernel)


def test_an_installed_package_has_no_sources_to_compare(kernel):
    for pattern in _build.SOURCES:
        for path in kernel.glob(pattern):
            path.unlink()
    assert _build.check_stamp(kernel) is None


def test_the_reason_of_a_failed_compilation_is_kept_for_the_user(kernel, monkeypatch):
    monkeypatch.delenv("SIMDAI_NO_EXTENSIONS", raising=False)
    _build.write_stamp(kernel, None, "CompileError: command 'gcc' failed")
    assert "command 'gcc' failed" in _build.why_reference(kernel)
    assert "command 'gcc' failed" in _build.check_stamp(kernel)
    monkeypatch.setenv("SIMDAI_NO_EXTENSIONS", "1")
    assert "SIMDAI_NO_EXTENSIONS is set" in _build.why_reference(kernel)


def test_the_reference_kernel_can_be_forced():
    code = "from simdai import kernel; print(kernel.COMPILED, kernel.WHY_REFERENCE)"
    environment = {**os.environ, "SIMDAI_NO_EXTENSIONS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("False SIMDAI_NO_EXTENSIONS is set")


# --- Packages -------------------------------------------------------------------------------------------


def copied(tmp_path_factory):
    """Copy the checkout into a folder whose name holds a space, without anything built."""
    folder = tmp_path_factory.mktemp("a checkout") / "sim dai"
    folder.mkdir()
    for name in PARTS:
        shutil.copy2(ROOT / name, folder / name)
    unbuilt = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd", "_stamp*", "*.c")
    for name in ("simdai", "scenarios", ".ci"):
        shutil.copytree(ROOT / name, folder / name, ignore=unbuilt)
    (folder / "tests").mkdir()
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A copy of the checkout."""
    return copied(tmp_path_factory)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy whose kernel is a line for each extension: Cython translates it at once, a compiler may fail."""
    folder = copied(tmp_path_factory)
    for source in (folder / "simdai" / "kernel").glob("*.pyx"):
        source.write_text("def f(): pass\n")
    return folder


def build(checkout, kind, out, **environment):
    """Build a ``wheel`` or ``sdist`` with the setuptools and Cython at hand; return its path and log."""
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools", minversion="77")
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(out)!r}))"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIMDAI_")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, env=clean | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out / done.stdout.split()[-1], done.stdout + done.stderr


def unpacked(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def python(code, path, cwd):
    """Run code in a fresh interpreter that finds simdai in ``path`` first."""
    environment = {**os.environ, "PYTHONPATH": str(path)}
    environment.pop("SIMDAI_NO_EXTENSIONS", None)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def uncompiled(checkout, tmp_path_factory):
    """A wheel built where the compiler fails, unpacked; with the log of its making."""
    out = tmp_path_factory.mktemp("wheel")
    wheel, log = build(checkout, "wheel", out, CC="/bin/false")
    return unpacked(wheel, tmp_path_factory.mktemp("site")), log


def library(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml")}


def test_without_a_compiler_the_package_is_made_and_says_so_once(uncompiled):
    _, log = uncompiled
    assert log.count("WITHOUT its compiled kernel") == 1
    assert "/bin/false" in log


def test_without_a_compiler_the_reference_kernel_serves_and_knows_why(uncompiled, tmp_path):
    site, _ = uncompiled
    code = "from simdai import kernel; print(kernel.__file__, kernel.COMPILED, kernel.WHY_REFERENCE)"
    said = python(code, site, tmp_path)
    assert said.startswith(str(site))
    assert " False it could not be compiled at installation" in said
    assert "/bin/false" in said


def test_a_wheel_carries_the_scenario_library_and_no_sources_of_the_kernel(uncompiled):
    site, _ = uncompiled
    assert library(ROOT / "scenarios") == library(site / "simdai" / "scenarios") != set()
    sources = [path for pattern in _build.SOURCES for path in site.rglob(pattern)]
    assert not sources
    assert {path.name for path in site.iterdir()} == {
        "simdai",
        f"simdai-{simdai.__version__}.dist-info",
    }


def test_an_installed_package_finds_its_own_library_from_any_folder(uncompiled, tmp_path):
    site, _ = uncompiled
    code = "from simdai.schema.library import library_folder; print(library_folder())"
    assert python(code, site, tmp_path).strip() == str(site / "simdai" / "scenarios")


def test_what_an_earlier_build_left_is_not_packed(checkout, uncompiled, tmp_path):
    left = next((checkout / "build").glob("lib*")) / "simdai" / "scenarios" / "withdrawn.yaml"
    left.write_text("question: none\n")
    wheel, _ = build(checkout, "wheel", tmp_path, SIMDAI_NO_EXTENSIONS="1")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "withdrawn" in name]


def test_a_source_archive_carries_all_that_building_needs(checkout, tmp_path):
    archive, _ = build(checkout, "sdist", tmp_path)
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    kernel = {
        path.relative_to(ROOT).as_posix()
        for pattern in _build.SOURCES
        for path in _build.KERNEL.glob(pattern)
    }
    wanted = {"setup.py", "LICENSE", *kernel, *(f"scenarios/{name}" for name in library(ROOT / "scenarios"))}
    assert wanted <= names
    assert not [name for name in names if name.endswith((".so", ".pyd", ".json")) and "kernel" in name]


@pytest.mark.slow
def test_with_a_compiler_the_wheel_holds_a_fresh_compiled_kernel(whole, tmp_path):
    if _build.compiler() is None:
        pytest.skip("no C compiler here")
    wheel, log = build(whole, "wheel", tmp_path, SIMDAI_REQUIRE_EXTENSIONS="1")
    site = unpacked(wheel, tmp_path / "site")
    code = "from simdai import kernel; print(kernel.COMPILED, kernel.__file__)"
    assert python(code, site, tmp_path).startswith(f"True {site}")
    if sys.platform != "win32":
        assert "-ffp-contract=off" in log
        assert not re.search(r"-march=native|-ffast-math|-Ofast", log)


def test_where_the_kernel_is_required_a_failed_compilation_is_an_error(checkout, tmp_path):
    with pytest.raises(AssertionError, match="/bin/false"):
        build(checkout, "wheel", tmp_path, CC="/bin/false", SIMDAI_REQUIRE_EXTENSIONS="1")


def test_version_and_licence_agree_wherever_they_are_written():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"version: {simdai.__version__}\n" in citation
    assert f"## {simdai.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert f"license: {project['license']}\n" in citation
    assert (ROOT / "LICENSE").read_text().startswith(f"{project['license']} License")


def test_requirements_have_lower_bounds_only():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    every = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    for requirement in every:
        assert re.fullmatch(r"[A-Za-z0-9_-]+>=[0-9.]+|simdai\[[a-z,]+\]", requirement), requirement
    extras = set(project["optional-dependencies"]) - {"all"}
    (everything,) = project["optional-dependencies"]["all"]
    assert (
        everything
        == f"simdai[{','.join(name for name in project['optional-dependencies'] if name in extras)}]"
    )


# --- What the system offers -----------------------------------------------------------------------------

TOOLS = ("sh", "sed", "sort", "cat", "dirname", "uname", "printf", "id")


@pytest.fixture
def system(tmp_path):
    """A function: make a system with these commands (name → shell text) and ask which Python it would use."""

    def ask(commands, **environment):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in TOOLS:
            if path := shutil.which(name):
                (folder / name).symlink_to(path)
        for name, text in commands.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        return subprocess.run(
            [shutil.which("sh"), str(INSTALL), "--python"],
            env={"PATH": str(folder), **environment},
            capture_output=True,
            text=True,
        )

    return ask


WHOLE = "echo"  # a Python in which nothing is missing
SHIM = "echo 'pyenv: python: command not found' >&2; exit 127"
COMPILER = "exit 0"


@needs_posix
def test_a_shim_that_cannot_run_is_passed_over(system):
    done = system({"python3.14": SHIM, "python3.13": SHIM, "python3.12": WHOLE, "cc": COMPILER})
    assert (done.returncode, done.stdout) == (0, "python3.12\n")


@needs_posix
def test_the_newest_whole_python_is_taken(system):
    incomplete = "echo venv headers"
    done = system(
        {"python3.14": incomplete, "python3.13": WHOLE, "python3.11": WHOLE, "python3": WHOLE, "cc": COMPILER}
    )
    assert (done.returncode, done.stdout) == (0, "python3.13\n")


@needs_posix
def test_a_python_that_is_too_old_is_passed_over(system):
    done = system({"python3": "exit 3", "cc": COMPILER, "apt-get": "exit 0"})
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr


@needs_posix
def test_uv_serves_where_no_python_does(system):
    done = system({"python3": "exit 3", "uv": "exit 0", "cc": COMPILER})
    assert (done.returncode, done.stdout) == (0, "uv\n")


@needs_posix
def test_all_that_is_missing_is_listed_at_once_with_one_command(system):
    """As on a Debian whose python3 has neither python3-venv nor python3-dev, and no gcc."""
    done = system(
        {"python3": 'case "$1" in -c) echo 3 11 ;; *) echo venv headers ;; esac', "apt-get": "exit 0"}
    )
    assert done.returncode == 1
    assert "venv" in done.stderr and "Python.h" in done.stderr and "C compiler" in done.stderr
    (command,) = re.findall(r"sudo apt-get install -y (.*)", done.stderr)
    assert set(command.split()) == {"gcc", "libc6-dev", "python3-venv", "python3-dev"}


@needs_posix
def test_a_second_python_asks_for_the_packages_of_its_own_version(system):
    done = system({"python3.12": "echo venv", "python3": "exit 3", "cc": COMPILER, "apt-get": "exit 0"})
    assert "sudo apt-get install -y python3.12-venv\n" in done.stderr


@needs_posix
def test_a_bare_system_gets_one_command_for_everything(system):
    done = system({"apt-get": "exit 0"})
    (command,) = re.findall(r"sudo apt-get install -y (.*)", done.stderr)
    assert set(command.split()) == {"gcc", "libc6-dev", "python3", "python3-venv", "python3-dev"}


@needs_posix
def test_the_reference_kernel_needs_neither_compiler_nor_headers(system):
    done = system({"python3": "echo headers"}, SIMDAI_NO_EXTENSIONS="1")
    assert (done.returncode, done.stdout) == (0, "python3\n")


# --- A fresh checkout -----------------------------------------------------------------------------------


def install(checkout):
    """Run the set-up as ``make`` does; skips where the packages cannot be reached."""
    done = subprocess.run([str(checkout / ".ci" / "install")], capture_output=True, text=True)
    if re.search("No matching distribution|Connection|Temporary failure", done.stderr):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    return done.stderr


@needs_posix
@pytest.mark.slow
def test_a_fresh_checkout_is_set_up_once_mended_after_an_interruption_and_rebuilt_after_a_change(whole):
    venv = whole / ".venv"
    assert "making .venv" in install(whole)
    assert install(whole) == ""

    (venv / "simdai-installing").touch()  # what an interrupted installation leaves
    assert "interrupted" in install(whole)
    assert not (venv / "simdai-installing").exists()

    with (whole / "simdai" / "kernel" / "_market.pyx").open("a") as file:
        file.write("# a change\n")
    assert "whose sources have changed" in install(whole)
    code = "from simdai import kernel; print(kernel.COMPILED, kernel.WHY_REFERENCE)"
    done = subprocess.run([venv / "bin" / "python", "-c", code], cwd=venv, capture_output=True, text=True)
    assert done.stdout == "True None\n"

    run = [venv / "bin" / "python", "-m", "simdai", "run", "examples/minimal", "--until", "10"]
    done = subprocess.run(run, cwd=whole, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (whole / "results" / "examples" / "minimal" / "report.html").exists()
