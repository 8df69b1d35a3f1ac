"""From a spec to its trained network, and how good that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fpgac.errors import NetworkError, Problem, SpecError, Where
from fpgac.network.network import Network
from fpgac.network.source import NetworkFile
from fpgac.network.training import Progress
from fpgac.pipeline.sources import Sources
from fpgac.plugins import Plugins
from fpgac.spec.loader import SpecFile

__all__ = ["Trained", "train_from", "train_network"]

# How many of the data's vectors a network's recording holds, beside the corners.
RECORDED = 1024


@dataclass(frozen=True)
class Trained:
    """A network that ``fpgac train`` made: how good it is, and where that is drawn."""

    network: Network
    figures: tuple[str, ...]
    plot: Path | None


def train_network(
    file: SpecFile,
    plugins: Plugins,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Trained:
    """Train the spec's network, write its file, and judge it on the test part of the data.

    Raises:
        FpgacError: see :func:`fpgac.network.training.train`.
    """
    from fpgac.data.accuracy import judge
    from fpgac.network.meaning import outputs

    sources = Sources(file, plugins)
    network = train_from(sources, progress)
    test = sources.split.test
    words = file.spec.inputs.raw(test.features)
    accuracy = judge(test, outputs(network, words))
    plot = file.path.with_name(f"{file.spec.name}.accuracy.png")
    drawn = accuracy.draw(plot)
    return Trained(network, accuracy.lines, plot if drawn else None)


def train_from(sources: Sources, progress: Callable[[Progress], None]) -> Network:
    """Train on the training part of the data, and write the network's file.

    Raises:
        NetworkError: the spec names a file of a format that fpgac only reads.
        SpecError: the spec has no layers, which its network's file would have.
    """
    from fpgac.network.file import write_network
    from fpgac.network.training import train

    _require_writable(sources)
    layout, parts = sources.spec.inputs, sources.split
    network = train(
        sources.spec,
        layout.on_grid(parts.train.features),
        parts.train.targets,
        layout.on_grid(sources.vectors(layout, RECORDED, 0)),
        data={"provider": sources.provider.name, "digest": sources.provider.digest},
        progress=progress,
    )
    write_network(network, sources.file.network_path)
    return network


def _require_writable(sources: Sources) -> None:
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
