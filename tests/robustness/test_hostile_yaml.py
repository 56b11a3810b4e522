"""Whatever a scenario file holds or is: one clear error, soon, in little memory, and nothing else happens."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from simdai import registry
from simdai.errors import ScenarioError, SimdaiError
from simdai.schema import load

SECONDS = 2.0
MEGABYTES = 300

HEAD = "start: 2026-01-01\nhorizon: 90 d\n"
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)

TEXTS = {
    "billion laughs": LAUGHS,
    "quadratic blow-up": "a: &a " + "x" * 50_000 + "\nb: [" + "*a, " * 50_000 + "]\n",
    "alias of itself": "a: &a [*a]\n",
    "merge bomb": "a: &a {x: 1}\nb: {<<: [" + ", ".join(["*a"] * 20_000) + "]}\n",
    "a hundred thousand brackets": "[" * 100_000,
    "a hundred thousand braces": "{a: " * 100_000,
    "a hundred thousand dashes": "- " * 100_000,
    "a hundred thousand question marks": "? " * 100_000,
    "steps down to the right": "\n".join(" " * n + f"a{n}:" for n in range(1000)),
    "python object": HEAD + "question: !!python/object/apply:os.system ['touch owned']\n",
    "python name": HEAD + "question: !!python/name:os.system\n",
    "python module": HEAD + "question: !!python/module:os\n",
    "new object": HEAD + "question: !!python/object/new:type {args: [x]}\n",
    "binary": HEAD + "question: !!binary aGVsbG8=\n",
    "own tag": HEAD + "question: !include /etc/passwd\n",
    "tag directive": "%TAG ! tag:yaml.org,2002:python/\n---\n" + HEAD,
    "a template": HEAD + "scale: ${jndi:ldap://x}\n",
    "an expression": HEAD + "scale: __import__('os').system('touch owned')\n",
    "an import path for a kind": HEAD + "hardware: {x: {kind: os.system}}\n",
    "dunder for a kind": HEAD + "hardware: {x: {kind: __class__}}\n",
    "a list for a kind": HEAD + "hardware: {x: {kind: [a]}}\n",
    "dunder keys": HEAD + "__class__: 1\n__init__: 2\nmodel_config: 3\n_origin: 4\n",
    "extends a device": "extends: /dev/zero\n",
    "extends the outside": "extends: ../../../../../../../etc/passwd.yaml\n",
    "an override of the outside": HEAD + "overrides: [../../x]\n",
    "a parameter of the outside": HEAD + "scale: {parameter: ../../../etc/passwd.x}\n",
    "NUL": HEAD + "question: a\0b\n",
    "escape codes": HEAD + "question: \x1b[2J\n",
    "escape codes in a key": HEAD + '"\\e[2J": 1\n',
    "lone surrogate": HEAD + '"\\ud800": 1\n',
    "not a number": HEAD + "scale: .nan\n",
    "infinity": HEAD + "scale: .inf\n",
    "too large": HEAD + "scale: 1e999\n",
    "6,000 digits": HEAD + "scale: " + "9" * 6_000 + "\n",
    "6,000 digits in hexadecimal": HEAD + "scale: 0x" + "f" * 6_000 + "\n",
    "6,000 digits with a unit": HEAD.replace("90 d", "9" * 6_000 + " d"),
    "a unit of a hundred thousand factors": HEAD.replace("90 d", "9 d" + "*d" * 100_000),
    "a number of a hundred thousand spaces": HEAD.replace("90 d", "'9" + " " * 100_000 + "d'"),
    "date that is none": HEAD.replace("2026-01-01", "2026-02-30"),
    "the year 9999": HEAD.replace("2026-01-01", "9999-12-31"),
    "a horizon of a billion years": HEAD.replace("90 d", "1e9 y"),
    "duplicate keys": HEAD + HEAD,
    "twenty thousand duplicates": "a: 1\n" * 20_000,
    "ten thousand unknown keys": HEAD + "".join(f"horizn{n}: 1\n" for n in range(10_000)),
    "ten thousand unknown kinds": HEAD
    + "hardware:\n"
    + "".join(f"  h{n}: {{kind: acc}}\n" for n in range(10_000)),
    "a key of a million letters": HEAD + "? " + "x" * 900_000 + "\n: 1\n",
    "a kind of a million letters": HEAD + "hardware: {x: {kind: " + "x" * 900_000 + "}}\n",
    "a million numbers": "[" + "1," * 400_000 + "]",
    "a value for everything": "5",
    "a list for everything": "- 1\n- 2\n",
    "nothing": "",
    "only a comment": "# nothing\n",
    "two documents": HEAD + "---\n" + HEAD,
    "ten thousand documents": "---\n" * 10_000 + HEAD,
    "tabs": "\tstart: 2026-01-01\n",
    "an open quote": "question: '" + "x" * 500_000,
    "an open bracket": HEAD + "hardware: {x: [1, 2\n",
    "a mapping as a key": HEAD + "? {a: 1}\n: 2\n",
    "a carriage of a lone return": "start: 2026-01-01\rhorizon: x\r",
    "version 2": "%YAML 2.0\n---\n" + HEAD,
}
BYTES = {
    "latin-1": HEAD.encode() + b"question: caf\xe9\n",
    "utf-16": (HEAD + "question: x\n").encode("utf-16"),
    "random": bytes(range(256)) * 64,
    "half a character": HEAD.encode() + b"question: \xe2\x82",
    "gzip": b"\x1f\x8b\x08\x00" + b"\x00" * 100,
}


def hostile_files(folder):
    """Write every hostile file below a folder and return the paths by what they are."""
    paths = {}
    for number, (name, content) in enumerate([*TEXTS.items(), *BYTES.items()]):
        path = folder / f"hostile{number}.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        paths[name] = path
    paths["a directory"] = folder / "folder.yaml"
    paths["a directory"].mkdir()
    paths["missing"] = folder / "missing.yaml"
    paths["below a file"] = folder / "hostile0.yaml" / "x.yaml"
    paths["a name too long"] = folder / ("x" * 5000 + ".yaml")
    paths["a name with NUL"] = f"{folder}/a\0b.yaml"
    huge = folder / "huge.yaml"
    with open(huge, "wb") as file:
        file.truncate(1 << 34)
    paths["sixteen gigabytes"] = huge
    paths["two megabytes"] = folder / "large.yaml"
    paths["two megabytes"].write_text("# x\n" * 500_000)
    link = folder / "circle.yaml"
    link.symlink_to(link)
    paths["a link to itself"] = link
    for special in ("/dev/zero", "/dev/full", "/dev/random", "/proc/self/mem", "/proc/kmsg"):
        if os.path.exists(special):
            paths[special] = special
    if hasattr(os, "mkfifo"):
        paths["a pipe"] = folder / "pipe.yaml"
        os.mkfifo(paths["a pipe"])
    return paths


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return hostile_files(tmp_path_factory.mktemp("hostile"))


NAMES = [*TEXTS, *BYTES, "a directory", "missing", "below a file", "a name too long", "a name with NUL"]
NAMES += ["sixteen gigabytes", "two megabytes", "a link to itself", "/dev/zero", "/dev/full", "/dev/random"]
NAMES += ["/proc/self/mem", "/proc/kmsg", "a pipe"]


@pytest.fixture(scope="module", autouse=True)
def warm():
    registry.load()  # what is timed is the file, not the first import of all kinds


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_is_one_clear_error_within_two_seconds(files, name, monkeypatch, tmp_path):
    if name not in files:
        pytest.skip(f"{name} does not exist here")
    monkeypatch.chdir(tmp_path)
    begin = time.process_time()
    with pytest.raises(ScenarioError) as caught:
        load(str(files[name]))
    text = str(caught.value)
    assert time.process_time() - begin < SECONDS
    assert text.strip() and "Traceback" not in text
    assert all(character.isprintable() or character == "\n" for character in text), repr(text)
    assert all(len(line) < 6000 for line in text.splitlines())
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_all_hostile_files_together_stay_below_300_megabytes(files):
    program = """
import json, sys
from simdai.errors import ScenarioError
from simdai.schema import load
for path in json.loads(sys.argv[1]):
    try:
        load(path)
    except ScenarioError as error:
        str(error)
    else:
        raise SystemExit(f"{path} was accepted")
# Not ru_maxrss: on Linux a child inherits the peak of its parent.
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""
    paths = json.dumps([str(path) for name, path in files.items() if "NUL" not in name])
    done = subprocess.run([sys.executable, "-c", program, paths], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) / 1024 < MEGABYTES


def test_a_socket_is_no_scenario(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.yaml")
        with pytest.raises(ScenarioError):
            load("./s.yaml")


@pytest.mark.parametrize(
    "name", ["billion laughs", "a hundred thousand brackets", "6,000 digits", "python object", "nothing"]
)
def test_hostile_text_is_as_harmless_in_what_is_extended_patched_or_referred_to(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for folder in ("parameters", "overrides"):
        (tmp_path / folder).mkdir()
    for file in ("base", "overrides/patch", "parameters/p"):
        (tmp_path / f"{file}.yaml").write_text(TEXTS[name])
    (tmp_path / "extended.yaml").write_text("extends: ./base.yaml\n")
    (tmp_path / "patched.yaml").write_text("overrides: [patch]\nscale: 0\n" + HEAD)
    (tmp_path / "referring.yaml").write_text("scale: {parameter: p.x}\n" + HEAD)
    for file in ("extended", "patched", "referring"):
        begin = time.process_time()
        with pytest.raises(ScenarioError):
            load(f"./{file}.yaml")
        assert time.process_time() - begin < SECONDS
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "text", [text for name, text in TEXTS.items() if len(text) < 120_000 and "everything" not in name]
)
def test_hostile_text_is_as_harmless_behind_set(text):
    begin = time.process_time()
    with pytest.raises(SimdaiError):
        load({"start": "2026-01-01", "horizon": 1}, set=[f"scale={text or '[]'}"])
    assert time.process_time() - begin < SECONDS
