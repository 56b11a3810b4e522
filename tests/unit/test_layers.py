"""Who may import whom: module-level imports follow the layers, and `import simdai` stays light."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "simdai"

# A module may import its own part and every layer before it; the parts within one tuple are strangers.
LAYERS = (
    ("errors",),
    ("units",),
    ("registry",),
    ("engine",),
    ("kernel",),
    ("mechanisms",),
    ("schema",),
    ("economy",),
    ("networks", "labs", "training"),
    ("world",),
    ("simulation",),
    ("results",),
    ("metrics",),
    ("experiments",),
    ("report",),
    ("bench", "doctor"),
    ("cli",),
    ("__main__",),
)
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
CYTHON = sorted([*PACKAGE.rglob("*.pyx"), *PACKAGE.rglob("*.pxd")])


def dotted(path: Path) -> str:
    """Name of a module, such as ``simdai.kernel.market``."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements that run when a module is imported, except those for type checkers alone."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from statements(node.orelse)
            continue
        yield node
        for field in ("body", "orelse", "finalbody", "handlers"):
            for inner in getattr(node, field, []):
                yield from statements(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


def imports(path: Path, body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that these statements import; ``from a import b`` gives ``a.b``."""
    package = dotted(path) if path.name == "__init__.py" else dotted(path).rpartition(".")[0]
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def module_level_imports(path: Path) -> list[tuple[int, str]]:
    return list(imports(path, list(statements(ast.parse(path.read_text(encoding="utf-8")).body))))


def part(name: str) -> str:
    """The layer's part that a module belongs to: ``simdai.kernel.market`` belongs to ``kernel``."""
    return name.split(".")[1]


def is_within(name: str, *modules: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def test_every_module_of_the_package_belongs_to_a_layer():
    assert {part(dotted(path)) for path in SOURCES} <= set(RANK)


@pytest.mark.parametrize("path", SOURCES, ids=dotted)
def test_no_module_imports_a_layer_above_its_own(path):
    own = part(dotted(path))
    for line, name in module_level_imports(path):
        if not is_within(name, "simdai") or name in ("simdai", "simdai.__version__"):
            continue
        if part(name) not in RANK:  # the package's own public names, which are loaded when first asked for
            assert RANK[own] >= RANK["doctor"], f"{path}:{line}: import {name} from the module that holds it"
            continue
        below = RANK[part(name)] < RANK[own] or part(name) == own
        assert below, f"{path}:{line}: {dotted(path)} imports {name}, which is not below it"


@pytest.mark.parametrize("path", CYTHON, ids=lambda path: path.name)
def test_no_compiled_module_imports_a_layer_above_its_own(path):
    for name in re.findall(r"^\s*(?:from|c?import)\s+(simdai\.\w+)", path.read_text(encoding="utf-8"), re.M):
        assert RANK[part(name)] <= RANK[part(dotted(path))], f"{path}: imports {name}"


MECHANISMS = [path for path in SOURCES if part(dotted(path)) == "mechanisms"]


@pytest.mark.parametrize("path", MECHANISMS, ids=dotted)
def test_mechanisms_see_no_clock_no_ledger_and_no_generator(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    every_import = imports(path, [node for node in ast.walk(tree) if isinstance(node, ast.stmt)])
    for line, name in every_import:
        forbidden = is_within(name, "simpy", "random", "secrets", "time", "numpy.random", "simdai.engine")
        assert not forbidden, f"{path}:{line}: a mechanism imports {name}"
        ledger = is_within(name, "simdai.economy") or "Accounts" in name
        assert not ledger, f"{path}:{line}: a mechanism imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("np.random", "numpy.random"):
            raise AssertionError(f"{path}:{node.lineno}: a mechanism draws at random")


def test_no_network_imports_another_network():
    folder = PACKAGE / "networks"
    protocols = {dotted(path) for path in folder.glob("*.py") if defines_a_network(path)}
    for path in folder.glob("*.py"):
        for line, name in module_level_imports(path):
            other = [
                protocol for protocol in protocols if is_within(name, protocol) and protocol != dotted(path)
            ]
            assert not other, f"{path}:{line}: {dotted(path)} imports the network {other[0]}"


def defines_a_network(path: Path) -> bool:
    """Whether a module registers a kind of network, and not just a part or an attack of one."""
    classes = (
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ClassDef)
    )
    return any(
        keyword.arg == "kind" and any(ast.unparse(base) == "Network" for base in node.bases)
        for node in classes
        for keyword in node.keywords
    )


def loaded_by(statement: str) -> set[str]:
    """Names of all modules that a fresh interpreter holds after a statement."""
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


HEAVY = ("pandas", "pyarrow", "scipy.stats", "matplotlib", "dask", "distributed")


def test_importing_simdai_loads_no_table_figure_or_cluster_library():
    assert not {name for name in loaded_by("import simdai") if is_within(name, *HEAVY)}


def test_the_names_that_a_single_run_needs_load_no_table_figure_or_cluster_library():
    loaded = loaded_by("import simdai; simdai.Simulation, simdai.load, simdai.Scenario, simdai.SimdaiError")
    assert not {name for name in loaded if is_within(name, *HEAVY)}


def test_the_walk_sees_imports_inside_classes_tries_and_branches_but_not_in_functions(tmp_path):
    """A check of the check: the forms an upward import could take at module level."""
    source = """
import os
try:
    import a
except ImportError:
    import b
else:
    import c
if os.name == "nt":
    from d import e
class Thing:
    from f import g
def later():
    import hidden
if TYPE_CHECKING:
    import for_types_alone
else:
    import h
with open(os.devnull):
    import i
"""
    module = PACKAGE / "made_up.py"
    found = {name for _, name in imports(module, list(statements(ast.parse(source).body)))}
    assert found == {"os", "a", "b", "c", "d.e", "f.g", "h", "i"}
    assert list(imports(module, ast.parse("from . import world\nfrom .cli import main").body)) == [
        (1, "simdai.world"),
        (2, "simdai.cli.main"),
    ]
