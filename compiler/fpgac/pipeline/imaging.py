"""An Amazon FPGA Image of a build: asked for, waited for, and packed.

The work is that of the script in the build's own folder, with AWS's command line, so that no
credentials come near this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpgac.build.lock import read_lock
from fpgac.engines.built import Build
from fpgac.errors import BuildError, Problem, TargetError, ToolchainError, Where
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.compiling import Report, Request, compile_spec
from fpgac_templates.afi.create_afi import AfiError, Aws, Image, State, create, status, wait

if TYPE_CHECKING:
    from fpgac.plugins import Plugins
    from fpgac.targets.target import Target

__all__ = ["Imaging"]


@dataclass(frozen=True)
class Imaging:
    """The image of the build in ``folder``; ``aws`` is AWS's command line, as the user has it."""

    folder: Path
    plugins: Plugins
    aws: Aws

    @property
    def notice(self) -> str | None:
        """What to know of the board before anything starts: F1's end.

        Raises:
            BuildError: the folder is no build.
            TargetError: its board loads no such images.
        """
        return self._target.board.life.notice

    def create(
        self, bucket: str, prefix: str, hdk_version: str, tell: Callable[[str], None]
    ) -> Image:
        """The image of the build's xclbin: the one that was asked for, or a new one.

        Raises:
            ToolchainError: there is no aws.
            BuildError: there is no xclbin of this build, or AWS refuses.
        """
        with self._explained():
            return create(self._xclbin, bucket, prefix, hdk_version, self.aws, tell)

    def status(self) -> State:
        """How far the image is; see :meth:`create` for errors."""
        with self._explained():
            return status(self._xclbin, self.aws)

    def wait(self, every: float, tell: Callable[[str], None]) -> Path:
        """The ``.awsxclbin``, once the image is available; AWS is asked all ``every`` seconds.

        Raises:
            ToolchainError: there is no aws.
            BuildError: AWS could not make the image, or refuses.
        """
        with self._explained():
            return wait(self._xclbin, self.aws, every, tell)

    def pack(self, spec: Path) -> Report:
        """Put the ``.awsxclbin`` into package and archive, as a compile of the build's ``spec``.

        Raises:
            FpgacError: of the compile.
        """
        request = Request(check_spec(spec, self.plugins), self._target.name, self.folder)
        return compile_spec(request, self.plugins)

    @property
    def _target(self) -> Target[Any]:
        Build.open(self.folder)
        target = self.plugins.target(read_lock(self.folder).target)
        if target.board.program != "awsxclbin":
            raise TargetError(
                Problem(
                    f"{target.name} loads no Amazon FPGA Image",
                    Where(self.folder),
                    expected="a build for aws-f1",
                    hint="what --mode hw makes is what the board loads",
                    code="target.no-image",
                )
            )
        return target

    @property
    def _xclbin(self) -> Path:
        """What v++ linked.

        Raises:
            BuildError: the folder is no build.
            TargetError: its board loads no such images.
        """
        made = Path(f"{Build.open(self.folder).contract.name}.{self._target.board.program}")
        return self.folder / "out/hw" / made.with_suffix(".xclbin")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What stands in the way, as a problem of fpgac's."""
        where = Where(self._xclbin)
        try:
            yield
        except AfiError as error:
            what, got, hint = error.what, error.got, error.hint
            if error.kind == "tool":
                raise ToolchainError(Problem(what, hint=hint, code="toolchain.no-aws")) from None
            if error.kind == "aws":
                problem = Problem(what, got=got, hint=hint, code="build.aws-refused")
            elif error.kind == "image":
                problem = Problem(what, where, got=got, hint=hint, code="build.image-failed")
            else:
                problem = Problem(what, where, got=got, hint=hint, code="build.no-image-input")
            raise BuildError(problem) from None
