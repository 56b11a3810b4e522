"""The computed parts of the build: the kernel's extension with its stamp, and the scenario library."""

import os
import re
import runpy
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
KERNEL = ROOT / "simdai" / "kernel"
BUILD = runpy.run_path(str(KERNEL / "_build.py"))


class BuildKernel(build_ext):
    """Compile every ``simdai/kernel/*.pyx``; where that fails, go on without and say so.

    SIMDAI_NO_EXTENSIONS=1 compiles nothing; SIMDAI_REQUIRE_EXTENSIONS=1 makes a failure an error.
    """

    def run(self):
        folder = KERNEL if self.inplace else Path(self.build_lib, "simdai", "kernel")
        if self.inplace and not self.force and BUILD["is_built"](KERNEL):
            return
        folder.mkdir(parents=True, exist_ok=True)
        sources = BUILD["source_hash"](KERNEL)
        failure = None
        if os.environ.get("SIMDAI_NO_EXTENSIONS"):
            failure = "SIMDAI_NO_EXTENSIONS was set"
        else:
            try:
                self.compile()
            except Exception as error:
                if os.environ.get("SIMDAI_REQUIRE_EXTENSIONS"):
                    raise
                text = " ".join(f"{type(error).__name__}: {error}".split())
                failure = re.sub(r"Command '\[('[^']*').*\]'", r"command \1", text).rstrip(".")
        if failure:
            self.do_without(folder, failure)
        BUILD["write_stamp"](folder, None if failure else sources, failure)

    def compile(self):
        import numpy
        from Cython.Build import cythonize

        usual = str(sysconfig.get_config_var("CC") or "").split()
        if usual and not os.environ.get("CC") and not shutil.which(usual[0]) and shutil.which("cc"):
            os.environ["CC"] = "cc"  # Python was built with a compiler that is not here; another one is
        self.force = True  # times of files say nothing sure; the stamp has said that this is needed
        translated = cythonize(
            [Extension(extension.name, list(extension.sources)) for extension in self.extensions],
            build_dir="build/cython",
            force=True,
            compiler_directives={"language_level": 3},
        )
        sources = {extension.name: extension.sources for extension in translated}
        for extension in self.extensions:
            extension.sources = sources[extension.name]
            extension.include_dirs += [numpy.get_include(), str(KERNEL)]
            extension.define_macros += [("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")]
        inplace = self.inplace
        try:
            super().run()
        finally:
            self.inplace = inplace

    def build_extensions(self):
        # Bit-identical with the twin in Python: no fused multiply-add, no reordering, no machine's own code.
        msvc = self.compiler.compiler_type == "msvc"
        for extension in self.extensions:
            extension.extra_compile_args += ["/O2", "/fp:precise"] if msvc else ["-O3", "-ffp-contract=off"]
        super().build_extensions()

    def do_without(self, folder, failure):
        for extension in self.distribution.ext_modules:
            (folder / Path(self.get_ext_filename(extension.name)).name).unlink(missing_ok=True)
        self.extensions = []
        rule = "*" * 100
        print(
            f"{rule}\nsimdai is installed WITHOUT its compiled kernel: {failure}\n"
            f"Runs will use the reference kernel: the same results, some hundred times slower.\n"
            f"{BUILD['cure'](KERNEL)}\n{rule}",
            file=sys.stderr,
        )


class BuildPackage(build_py):
    """The package with ``simdai/scenarios`` in it; an editable installation uses the checkout's folder."""

    def run(self):
        target = Path(self.build_lib, "simdai")
        if not self.editable_mode:
            shutil.rmtree(target, ignore_errors=True)  # what an earlier build left would be packed too
        super().run()
        if not self.editable_mode:
            shutil.copytree(ROOT / "scenarios", target / "scenarios", dirs_exist_ok=True)


setup(
    ext_modules=[
        Extension(f"simdai.kernel.{path.stem}", [path.relative_to(ROOT).as_posix()])
        for path in sorted(KERNEL.glob("*.pyx"))
    ],
    cmdclass={"build_ext": BuildKernel, "build_py": BuildPackage},
)
