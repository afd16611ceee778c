"""A wheel has train.py and configs/ inside `metatrans_lab`, so that an installed copy trains too. The rest: setup.cfg.

They stay at the top of the repository, where `accelerate launch train.py --config configs/cpu.yaml` reads well, and
setuptools has no setting for files that lie elsewhere in a wheel than in the source: a top-level module `train` would
be in everyone's way, `package_dir` moves whole packages only, and links don't survive every checkout. So they are
copied when a wheel is built, and `metatrans_lab.shipped` finds them in either place.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithScript(build_py):
    """Builds the packages, with the training script and its recipes in `metatrans_lab`."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # which runs the checkout's own
            return
        package = Path(self.build_lib, "metatrans_lab")
        for file in (Path("train.py"), *sorted(Path("configs").rglob("*.yaml"))):
            self.mkpath(str((package / file).parent))
            self.copy_file(str(file), str(package / file))


setup(cmdclass={"build_py": BuildWithScript})
