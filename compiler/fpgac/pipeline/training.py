"""From a spec to its trained network, how good that is, and whether it still comes out."""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fpgac.build.cache import cache_folder
from fpgac.build.folder import disk_errors, write_whole
from fpgac.digest import digest_bytes, digest_json
from fpgac.errors import NetworkError, Problem, SpecError, ToolchainError, Where
from fpgac.network.keras.process import require_packages
from fpgac.network.network import Network
from fpgac.network.provenance import training_digest
from fpgac.network.source import NetworkFile
from fpgac.network.training import Progress
from fpgac.network.training import Trained as TrainedNetwork
from fpgac.pipeline.identity import compiler_digest, versions
from fpgac.pipeline.sources import Sources
from fpgac.plugins import Plugins
from fpgac.reports.html import table_html
from fpgac.reports.training import FORMS, Epoch, FormAccuracy, TrainingReport, report_path
from fpgac.spec.loader import SpecFile
from fpgac.tensors import Layout

if TYPE_CHECKING:
    from fpgac.data.accuracy import Accuracy
    from fpgac.numbers import FloatArray

__all__ = ["Trained", "check_network", "train_from", "train_network"]

# How many of the data's vectors a network's recording holds, beside the corners.
RECORDED = 1024

Listener = Callable[[Progress], None]


def _ignored(news: Progress) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Trained:
    """A network that ``fpgac train`` made: how good it is, and which files tell of it.

    Where it ``is_new``, its file was written; else the one that was there is the same network.
    """

    network: Network
    is_new: bool
    figures: tuple[str, ...]
    report: TrainingReport
    report_file: Path
    plots: tuple[Path, ...]

    def _repr_html_(self) -> str:
        accuracy = ((FORMS[form], each.summary) for form, each in self.report.accuracy.items())
        html: str = self.network._repr_html_()
        return table_html(("form", "on the test data"), accuracy) + html


def train_network(
    file: SpecFile,
    plugins: Plugins,
    progress: Listener = _ignored,
    *,
    force: bool = False,
    baseline: bool = True,
) -> Trained:
    """Train the spec's network, write its file, and judge it on the test part of the data.

    A network that is there already is not replaced by another one without ``force``. With
    ``baseline`` the network is also trained in floats, to compare. A training that was interrupted
    goes on where it was.

    Raises:
        NetworkError: another network would be replaced; or see
            :func:`fpgac.network.training.train`.
        FpgacError: see there.
    """
    sources = Sources(file, plugins)
    _require_possible(sources, force)
    kept = _checkpoints(sources)
    trained = _train(sources, progress, kept, baseline)
    network = trained.network
    is_new = _keep(network, sources, force)
    accuracy = _accuracy(trained, sources)
    report = TrainingReport(
        file.spec.name,
        network.digest,
        {form: _form(each) for form, each in accuracy.items()},
        network.provenance["sparsity"],
        _curves(trained),
    )
    path = report_path(file.network_path)
    with disk_errors(path):
        write_whole(path, report.json())
    shutil.rmtree(kept, ignore_errors=True)
    plots = tuple(_draw(report, accuracy["chip"], file))
    return Trained(network, is_new, accuracy["chip"].lines, report, path, plots)


def train_from(sources: Sources, progress: Listener) -> Network:
    """Train on the training part of the data, and write the network's file, which is not there.

    Raises:
        NetworkError: the spec names a file of a format that fpgac only reads.
        SpecError: the spec has no layers, which its network's file would have.
    """
    _require_possible(sources, force=False)
    kept = _checkpoints(sources)
    network = _train(sources, progress, kept, False).network
    _keep(network, sources, force=False)
    shutil.rmtree(kept, ignore_errors=True)
    return network


def check_network(file: SpecFile, plugins: Plugins, progress: Listener = _ignored) -> Network:
    """Train the spec's network anew, from its beginning, and compare; nothing is written.

    Returns:
        The network in the spec's file, which is the one that comes out.

    Raises:
        NetworkError: another one comes out; or there is none.
    """
    sources = Sources(file, plugins)
    _require_trainable(sources)
    there = sources.read_network()
    require_packages()
    trained = _train(sources, progress, None, False).network
    if trained.digest != there.digest:
        raise NetworkError(
            Problem(
                "another network comes out of the training than the one in the file",
                Where(file.network_path),
                expected=_described(there),
                got=_described(trained),
                hint=_versions_hint(there, trained)
                or f"{_command(file)} --force replaces it with the new one",
                code="network.not-reproduced",
            )
        )
    return there


def _train(
    sources: Sources, progress: Listener, checkpoints: Path | None, baseline: bool
) -> TrainedNetwork:
    from fpgac.network.training import train

    parts, scaling, target_scaling = (
        sources.split,
        sources.fit_scaling(),
        sources.fit_target_scaling(),
    )
    layout = sources.spec.inputs.with_scaling(scaling)
    answers = sources.network_outputs.with_scaling(target_scaling)
    trained = train(
        sources.spec,
        layout.on_grid(parts.train.features),
        answers.scaled(parts.train.targets),
        layout.on_grid(sources.vectors(layout, RECORDED, 0)),
        data={"provider": sources.provider.name, "digest": sources.provider.digest},
        progress=progress,
        checkpoints=checkpoints,
        judged_inputs=layout.on_grid(parts.test.features) if baseline else None,
    )
    network = replace(trained.network, scaling=scaling, target_scaling=target_scaling)
    return replace(trained, network=network)


# What can fail is checked before a training begins


def _require_possible(sources: Sources, force: bool) -> None:
    _require_trainable(sources)
    _require_writable(sources.file.network_path)
    if not force:
        _require_replaceable(sources)
    require_packages()


def _require_trainable(sources: Sources) -> None:
    if not isinstance(sources.source, NetworkFile):
        raise NetworkError(
            Problem(
                f"fpgac trains no network into a file of {sources.source.name}, it only reads them",
                Where(sources.file.network_path),
                hint="put the file there, or leave 'network' out of the spec to train one",
                code="network.not-trainable",
            )
        )
    if sources.spec.topology is None:
        raise SpecError(
            Problem(
                "a network without layers cannot be trained",
                sources.file.where("network"),
                expected="a table [topology]",
                hint=f"or a trained network at {sources.file.network_path}",
                code="spec.no-topology",
            )
        )


def _require_writable(path: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise NetworkError(
            Problem(
                "the trained network could not be written: nothing was trained",
                Where(path),
                got=error.strerror or str(error),
                hint="free some space, or change the folder's rights",
                code="network.cannot-write",
            )
        ) from error


def _require_replaceable(sources: Sources) -> None:
    """Nothing, where the network that is there might be the one that comes out."""
    path = sources.file.network_path
    if not path.exists() or sources.training_digest == training_digest(sources.spec):
        return
    raise NetworkError(
        Problem(
            "there is a network that was not trained from what the spec says now",
            Where(path),
            hint=f"{_command(sources.file)} --force replaces it",
            code="network.would-replace",
        )
    )


def _keep(network: Network, sources: Sources, force: bool) -> bool:
    """Put ``network`` into the spec's file, unless it is there already; whether it was put."""
    from fpgac.network.file import write_network

    path = sources.file.network_path
    there = sources.read_network() if path.exists() and not force else None
    if there is None:
        write_network(network, path)
    elif there.digest != network.digest:
        raise NetworkError(
            Problem(
                "another network came out than the one in the file: it was not replaced",
                Where(path),
                expected=_described(there),
                got=_described(network),
                hint=f"{_command(sources.file)} --force replaces it; the training is kept, so that "
                "this takes seconds",
                code="network.would-replace",
            )
        )
    return there is None


def _command(file: SpecFile) -> str:
    return f"fpgac train {shlex.quote(str(file.path))}"


def _described(network: Network) -> str:
    loss = network.provenance.get("val_loss")
    loss_text = f", validation loss {loss:.4g}" if isinstance(loss, float) else ""
    return f"digest {network.digest[:12]}{loss_text}"


def _versions_hint(there: Network, trained: Network) -> str:
    """Which packages are others than those that the network in the file was trained with."""
    before, now = (network.provenance.get("packages", {}) for network in (there, trained))
    changed = [
        f"{name} {version} then, {now.get(name, 'none')} now"
        for name, version in before.items()
        if now.get(name) != version
    ]
    return f"the packages differ: {'; '.join(changed)}" if changed else ""


def _checkpoints(sources: Sources) -> Path:
    """The folder of this very training's checkpoints: other data or packages have others."""
    train = sources.split.train
    arrays = (train.features, train.targets)
    digests = [digest_bytes(np.ascontiguousarray(array).tobytes()) for array in arrays]
    parts = [training_digest(sources.spec), *digests, compiler_digest(), versions()]
    return cache_folder() / "training" / digest_json(parts)


# How good it is


def _accuracy(trained: TrainedNetwork, sources: Sources) -> dict[str, Accuracy]:
    """How accurate each form of the network is on the test part."""
    from fpgac.data.accuracy import judge
    from fpgac.data.scaling import undone

    test, answers = sources.split.test, dict[str, Any]()
    if trained.baseline:
        answers = {"float": trained.baseline.outputs, "quantised": trained.baseline.quantised}
    answers["chip"] = _chip_outputs(trained.network, sources)
    network = trained.network
    layout = Layout(network.output_tensors)
    return {
        form: judge(test, undone(outputs, layout, network.target_scaling))
        for form, outputs in answers.items()
    }


def _chip_outputs(network: Network, sources: Sources) -> FloatArray:
    from fpgac.network.meaning import meaning
    from fpgac.program.interpreter import interpret

    program = meaning(network, sources.spec.output_types(o.name for o in network.outputs))
    layout = sources.spec.inputs.with_scaling(network.scaling)
    words = layout.raw(sources.split.test.features)
    return program.output_layout.number(interpret(program, words))


def _form(accuracy: Accuracy) -> FormAccuracy:
    return FormAccuracy(accuracy.summary, json.loads(accuracy.json()))


def _curves(trained: TrainedNetwork) -> dict[str, tuple[Epoch, ...]]:
    curves = {"quantised": trained.curve}
    if trained.baseline:
        curves["float"] = trained.baseline.curve
    return {
        model: tuple(Epoch(e.epoch, e.loss, e.val_loss, e.sparsity) for e in curve)
        for model, curve in curves.items()
    }


def _draw(report: TrainingReport, accuracy: Accuracy, file: SpecFile) -> Iterable[Path]:
    """Draw what there is to draw, where matplotlib is installed."""
    from fpgac.reports.plots import training_png, write_png

    plot = file.path.with_name(f"{file.spec.name}.accuracy.png")
    if accuracy.draw(plot):
        yield plot
    curves = report_path(file.network_path).with_suffix(".png")
    try:
        write_png(curves, training_png(report))
    except ToolchainError:
        return
    yield curves
