"""A change of a file redoes the stages that depend on it, and no other: a test for each file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from fpgac.pipeline.sources import Sources
from fpgac.pipeline.stages import TargetStages
from fpgac.plugins import load_plugins
from fpgac.plugins.sources import sources_of
from fpgac.spec.loader import load_spec

SPEC: Final = """
name = "tiny"
network = "tiny.weights"
[topology]
inputs = 3
layers = [{ kind = "dense", units = 2 }]
[quantisation]
weights = "quantized_bits(6, 0)"
biases = "quantized_bits(6, 0)"
activations = "quantized_relu(6, 2)"
[data]
source = "points"
[interface]
input = "ap_fixed<12,4,RND,SAT>"
[targets.my-card]
"""

BOARD: Final = """
name = "my-card"
title = "My card"
part = "xcvu9p-flgb2104-2-i"
platforms = ["vendor_my-card_1"]
platform_hint = "install it"
spread = ["DDR[0]"]
[toolchain]
name = "Vitis"
first = [2022, 1]
last = [2024, 2]
[clock]
default_mhz = 300.0
maximum_mhz = 300.0
[life]
state = "active"
[[memories]]
tag = "bank0"
name = "DDR[0]"
kind = "DDR4"
size_bytes = 0x4_0000_0000
base = 0x0
"""

CARD: Final = """
from pathlib import Path
from fpgac.plugins import Board
from fpgac_targets.vitis import VitisTarget
{wires}

class MyCard(VitisTarget):
    board = Board.load(Path(__file__).with_name("my-card.toml"))

    def scripts(self, context, loaders):
        from {here} import labels
        return super().scripts(context, loaders)
"""

POINTS: Final = """
from pathlib import Path
from fpgac.plugins import Provider
from {here}.reading import rows

class Points(Provider):
    name, description, version, task = "points", "points of a plane", "1", "regression"
    feature_names, target_names = ("a", "b", "c"), ("p", "q")
    depends_on = (Path(__file__).with_name("points.csv"),)

    def load(self, samples, seed):
        return rows(self)
"""

WEIGHTS: Final = """
from fpgac.plugins import NetworkSource
from . import decoding

class Weights(NetworkSource):
    name, description, suffixes = "weights", "weights", (".weights",)

    def read(self, path, spec):
        return decoding.network(path)
"""

HOOKS: Final = """
from pathlib import Path
from fpgac.plugins import Templates, hookimpl
from {here}.card import MyCard
from {here}.points import Points
from {here}.weights import Weights

class Own(Templates):
    folder = Path(__file__).with_name("overrides")
    targets = ("my-card",)

@hookimpl
def fpgac_targets(): return [MyCard]

@hookimpl
def fpgac_data_providers(): return [Points]

@hookimpl
def fpgac_network_sources(): return [Weights]

@hookimpl
def fpgac_templates(): return [Own]
"""

# A package with a plugin of each kind; a file is a line that can be changed.
FILES: Final = {
    "__init__.py": HOOKS,
    "card.py": CARD.replace("{wires}", "from {here}.wires import WIDTH"),
    "my-card.toml": BOARD,
    "wires.py": "from .names import NAME\nWIDTH = 1\n",
    "names.py": "NAME = 'n'\n",
    "labels.py": "",
    "templates/build/README.md.j2": "first\n",
    "overrides/build/Makefile.j2": "all:\n",
    "points.py": POINTS,
    "reading.py": "def rows(provider): ...\n",
    "points.csv": "1,2\n",
    "weights.py": WEIGHTS,
    "decoding.py": "def network(path): ...\n",
    "alone.py": "",
}

OF_DESIGN: Final = {"design", "plan"}
OF_DATA: Final = {"vectors", *OF_DESIGN}
OF_NETWORK: Final = {"network", "program", "core", *OF_DESIGN}

# What each file's change redoes.
REDONE: Final = {
    "my-card.toml": OF_DESIGN,
    "card.py": OF_DESIGN,
    "wires.py": OF_DESIGN,
    "names.py": OF_DESIGN,
    "labels.py": OF_DESIGN,
    "templates/build/README.md.j2": OF_DESIGN,
    "overrides/build/Makefile.j2": OF_DESIGN,
    "points.py": OF_DATA,
    "reading.py": OF_DATA,
    "points.csv": OF_DATA,
    "weights.py": OF_NETWORK,
    "decoding.py": OF_NETWORK,
    "alone.py": set[str](),
    "__init__.py": set[str](),
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package ``stranger``, which Python finds, and a spec that uses all of it."""
    folder = tmp_path / "stranger"
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text.replace("{here}", "stranger"))
    (tmp_path / "tiny.toml").write_text(SPEC)
    (tmp_path / "tiny.weights").write_text("1 2 3")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    forget("stranger")


def forget(package: str) -> None:
    """As in a new process."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


def keys(spec: Path, package: str = "stranger") -> dict[str, str]:
    """The keys of the stages of ``spec`` for my-card, as a new process finds them."""
    forget(package)
    plugins = load_plugins([__import__(package)])
    assert plugins.failures == ()
    target = plugins.target("my-card")
    sources = Sources(load_spec(spec), plugins)
    stages = TargetStages(sources, lambda stage: stage.make(), target, target.options({}))
    names = ("network", "program", "vectors", "core", "design")
    return {**{name: getattr(stages, name).key for name in names}, "plan": stages.card.key}


def redone(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name, key in before.items() if after[name] != key}


@pytest.mark.parametrize("path", FILES)
def test_a_change_redoes_what_depends_on_it(path: str, package: Path) -> None:
    before = keys(package.parent / "tiny.toml")
    assert keys(package.parent / "tiny.toml") == before
    comment = "{# more #}" if path.endswith(".j2") else "# more"
    (package / path).write_text(f"{(package / path).read_text()}{comment}\n")
    if path == "my-card.toml":  # a comment changes nothing of the board
        assert keys(package.parent / "tiny.toml") == before
        (package / path).write_text(BOARD.replace("vendor_my-card_1", "vendor_my-card_2"))
    assert redone(before, keys(package.parent / "tiny.toml")) == REDONE[path]


def test_the_weights_are_a_part_of_the_network(package: Path) -> None:
    before = keys(package.parent / "tiny.toml")
    (package.parent / "tiny.weights").write_text("1 2 4")
    assert redone(before, keys(package.parent / "tiny.toml")) == {*OF_NETWORK}


def test_the_clock_of_a_board_is_a_part_of_the_core(package: Path) -> None:
    before = keys(package.parent / "tiny.toml")
    (package / "my-card.toml").write_text(
        BOARD.replace("default_mhz = 300.0", "default_mhz = 250.0")
    )
    assert redone(before, keys(package.parent / "tiny.toml")) == {"core", *OF_DESIGN}


def test_keys_know_no_folder(package: Path, tmp_path: Path) -> None:
    """What one machine made serves another, where the same lies elsewhere."""
    before = keys(tmp_path / "tiny.toml")
    forget("stranger")
    moved = tmp_path / "moved"
    moved.mkdir()
    package.rename(moved / "stranger")
    sys.path.insert(0, str(moved))
    try:
        assert keys(tmp_path / "tiny.toml") == before
    finally:
        sys.path.remove(str(moved))


def test_the_layout_of_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file given by --plugin, with its board and a helper beside it."""
    card = CARD.replace("{wires}", "import wires").replace("{here}", "wires")
    hook = "from fpgac.plugins import hookimpl\n@hookimpl\ndef fpgac_targets(): return [MyCard]\n"
    texts = {"my_card.py": card + hook, "my-card.toml": BOARD, "wires.py": "", "other.py": ""}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins = load_plugins(files=[tmp_path / "my_card.py"])
    forget("wires")
    assert plugins.failures == ()
    found = sources_of(plugins.target("my-card"))
    assert [path.name for path in found.values()] == ["my_card.py", "wires.py"]


def test_fpgac_s_own_are_a_part_of_the_compiler() -> None:
    assert sources_of(load_plugins().target("aws-f1")) == {}
