"""``fpgac train``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fpgac.cli.console import deliver, errors, results
from fpgac.cli.plugins import PluginFiles, plugins_with
from fpgac.cli.specs import SpecPath
from fpgac.errors import Problem, UsageError

if TYPE_CHECKING:
    from fpgac.pipeline.training import Trained
    from fpgac.plugins import Plugins
    from fpgac.spec.loader import SpecFile

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(train)


def train(
    spec: SpecPath,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a network that is another one.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only say whether the network in the file still comes out."),
    ] = False,
    baseline: Annotated[
        bool,
        typer.Option(help="Also train the network in floats, neither quantised nor pruned."),
    ] = True,
    plugin: PluginFiles = None,
) -> None:
    """Train the network of a spec, quantised and pruned, and write it beside the spec.

    Needs TensorFlow: pip install 'fpgac[train]'. The result, NAME.network.json, is plain data:
    whole numbers, formats and where they came from; nothing after this needs TensorFlow.
    NAME.training.json tells of the training: its curves, and how accurate the network is in
    floats, quantised, and on the chip. A training that was interrupted goes on where it was.
    """
    from fpgac.pipeline.checking import check_spec

    if check and force:
        what = "--check writes nothing, and --force replaces a file"
        raise UsageError(Problem(what, expected="one of them", code="cli.check-and-force"))
    plugins = plugins_with(plugin)
    file = check_spec(spec, plugins)
    if check:
        _check(file, plugins)
    else:
        _train(file, plugins, force, baseline)


def _check(file: SpecFile, plugins: Plugins) -> None:
    from fpgac.cli.progress import training_progress
    from fpgac.pipeline.training import check_network

    with training_progress(file.spec.training.epochs) as show:
        network = check_network(file, plugins, show)
    text = f"{file.network_path}: comes out of the training as it is"
    plain = {"network": file.network_path, "digest": network.digest, "reproduced": True}
    deliver(plain, lambda: results().print(text, markup=False, soft_wrap=True))


def _train(file: SpecFile, plugins: Plugins, force: bool, baseline: bool) -> None:
    from fpgac.cli.progress import training_progress
    from fpgac.pipeline.training import train_network
    from fpgac.plain import to_plain

    with training_progress(file.spec.training.epochs) as show:
        trained = train_network(file, plugins, show, force=force, baseline=baseline)
    network = "wrote" if trained.is_new else "unchanged:"
    files = {network: [file.network_path], "reported in": [trained.report_file]}
    files["drew"] = list(trained.plots)
    for verb, paths in files.items():
        for path in paths:
            errors().print(f"  {verb} {path}", markup=False, soft_wrap=True)
    plain = {
        "network": file.network_path,
        "new": trained.is_new,
        "figures": trained.figures,
        "report": trained.report_file,
        "accuracy": to_plain(trained.report.accuracy),
        "sparsity": trained.report.sparsity,
        "plots": trained.plots,
    }
    deliver(plain, lambda: _print_figures(trained))


def _print_figures(trained: Trained) -> None:
    for line in (*trained.figures, "", *trained.report.lines):
        results().print(line, markup=False, soft_wrap=True)
