"""Plugins good and broken, found by real entry points of distributions made for the test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from fpgac.errors import DataError, NetworkError, TargetError
from fpgac.plugins import Plugins, load_plugins
from tests.problems import coded

GOOD = """
from importlib.resources import files
from fpgac.plugins import Board, Provider, hookimpl
from fpgac_targets.aws_f1 import AwsF1

class Other(AwsF1):
    board = AwsF1.board.model_copy(update={"name": "my-card"})

class Noise(Provider):
    name, description, version, task = "noise", "noise", "1", "regression"
    feature_names, target_names = ("x",), ("y",)
    def load(self, samples, seed):
        raise NotImplementedError

@hookimpl
def fpgac_targets():
    return [Other]

@hookimpl
def fpgac_data_providers():
    return [Noise]
"""


Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a plugin: a module, and the metadata of a distribution that names it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(module: str, source: str) -> None:
        (tmp_path / f"{module}.py").write_text(dedent(source))
        info = tmp_path / f"{module}_dist-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {module}-dist\nVersion: 1.5\n"
        )
        (info / "entry_points.txt").write_text(f"[fpgac]\n{module} = {module}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def only_failure(plugins: Plugins) -> str:
    (failure,) = plugins.failures
    assert "\n" not in str(failure)
    assert "aws-f1" in plugins.targets, "the rest works"
    return str(failure)


def test_the_built_in_targets_and_data_sets_are_there() -> None:
    plugins = load_plugins()
    assert "aws-f1" in plugins.targets
    assert {"iris", "muon"} <= set(plugins.providers)
    assert plugins.failures == ()


def test_what_is_loaded_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        load_plugins().targets["mine"] = None  # type: ignore[index]


def test_an_installed_plugin_adds_its_own(install: Install) -> None:
    install("plugin_good", GOOD)
    plugins = load_plugins()
    assert plugins.failures == ()
    assert plugins.target("my-card").board.part == "xcvu9p-flgb2104-2-i"
    assert plugins.provider("noise").name == "noise"


def test_an_object_can_be_a_plugin_for_the_length_of_a_test() -> None:
    from fpgac.plugins import hookimpl
    from fpgac_targets.aws_f1 import AwsF1

    class Other(AwsF1):
        board = AwsF1.board.model_copy(update={"name": "other"})

    class Plugin:
        @hookimpl
        def fpgac_targets(self) -> list[type[Other]]:
            return [Other]

    assert load_plugins([Plugin()]).target("other").name == "other"


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit('good bye\\nfor ever')", "SystemExit: good bye for ever"),
        ("def fpgac_targets(): return []", "are its functions marked with @hookimpl?"),
        (
            "from fpgac.plugins import hookimpl\n@hookimpl\ndef fpgac_target(): return []",
            "unknown hook 'fpgac_target'; did you mean 'fpgac_targets'?",
        ),
        (
            "from fpgac.plugins import hookimpl\n@hookimpl\ndef fpgac_targets(board): return []",
            "missing 1 required positional argument: 'board'",
        ),
        (
            "from fpgac.plugins import hookimpl\n@hookimpl\ndef fpgac_targets(): return 'abc'",
            "fpgac_targets must return a list of classes, not 'abc'",
        ),
        (
            "from fpgac.plugins import hookimpl\n@hookimpl\ndef fpgac_targets(): return [int]",
            "fpgac_targets must return subclasses of Target, not <class 'int'>",
        ),
        (
            "from fpgac.plugins import *\nfrom fpgac.plugins import hookimpl\n"
            "class T(Target[TargetOptions]):\n    def design(self, *a): pass\n"
            "@hookimpl\ndef fpgac_targets(): return [T]",
            "T does not define plan, toolchain",
        ),
        (
            "from fpgac.plugins import Board, hookimpl\nfrom pathlib import Path\n"
            "@hookimpl\ndef fpgac_targets(): Board.load(Path('gone.toml'))",
            "gone.toml: the board file cannot be read",
        ),
        (
            "from fpgac.plugins import *\nfrom fpgac.plugins import hookimpl\n"
            "class P(Provider):\n    name = 'p'\n    def load(self, *a): pass\n"
            "@hookimpl\ndef fpgac_data_providers(): return [P]",
            "P does not set description and version and task and feature_names and target_names",
        ),
        (
            "from fpgac.plugins import *\nfrom fpgac.plugins import hookimpl\n"
            "class N(NetworkSource):\n    name = description = 'n'\n    suffixes = '.npz'\n"
            "    def read(self, *a): pass\n"
            "@hookimpl\ndef fpgac_network_sources(): return [N]",
            "N.suffixes: suffixes must be tuple[str, ...], not '.npz'",
        ),
        (
            "from fpgac.plugins import *\nfrom fpgac.plugins import hookimpl\n"
            "from pathlib import Path\nclass T(Templates):\n    targets = 'aws-f1'\n"
            "    folder = Path('.')\n"
            "@hookimpl\ndef fpgac_templates(): return [T]",
            "T.targets: targets must be tuple[str, ...] or None, not 'aws-f1'",
        ),
        (
            "from fpgac.plugins import *\nfrom fpgac.plugins import hookimpl\n"
            "class T(Templates): pass\n"
            "@hookimpl\ndef fpgac_templates(): return [T]",
            "T does not set folder",
        ),
        (
            "from fpgac.plugins import hookimpl\n@hookimpl\ndef fpgac_data_providers(): 1 / 0",
            "ZeroDivisionError: division by zero",
        ),
    ],
)
def test_a_broken_plugin_is_one_line_and_the_rest_works(
    install: Install, source: str, cause: str
) -> None:
    install("plugin_broken", source)
    text = only_failure(load_plugins())
    assert "the plugin 'plugin_broken' of plugin_broken-dist 1.5 is not used: " in text
    assert cause in text


def test_two_of_one_name_name_both_distributions(install: Install) -> None:
    install("plugin_one", GOOD)
    install("plugin_two", GOOD)
    plugins = load_plugins()
    card, noise = map(str, plugins.failures)
    both = "offered by 'plugin_one' of plugin_one-dist 1.5 and by 'plugin_two' of plugin_two-dist"
    assert card.startswith("the target 'my-card' is not used: ")
    assert noise.startswith("the data set 'noise' is not used: ")
    assert both in card
    assert both in noise
    assert "aws-f1" in plugins.targets, "the rest works"
    with pytest.raises(TargetError, match="uninstall one of them"):
        plugins.target("my-card")


def test_a_built_in_name_cannot_be_taken(install: Install) -> None:
    install("plugin_thief", GOOD.replace('"noise", "noise"', '"muon", "noise"'))
    plugins = load_plugins()
    assert "the data set 'muon' of 'plugin_thief' of plugin_thief-dist 1.5 is not used" in (
        only_failure(plugins)
    )
    assert plugins.provider("muon").description != "noise"
    assert "my-card" in plugins.targets, "what else it offers is in use"
    assert plugins.loaded[-1].offers == {"target": ("my-card",)}, "what was refused is not shown"


def test_a_package_of_fpgacs_own_name_takes_nothing_away(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("fpgac_targets", *(name for name in sys.modules if "fpgac_targets." in name)):
        monkeypatch.delitem(sys.modules, package, raising=False)
    install("fpgac_targets", "raise KeyError('the stranger was imported')")
    text = only_failure(load_plugins())
    assert text.startswith("the plugin 'fpgac_targets' of fpgac_targets-dist 1.5 is not used: ")
    assert "its package is called fpgac_targets, as one of fpgac's own" in text


def test_one_plugin_cannot_offer_a_name_twice(install: Install) -> None:
    install("plugin_twice", GOOD.replace("return [Other]", "return [Other, Other]"))
    assert "fpgac_targets returns two with the name 'my-card'" in only_failure(load_plugins())


def test_what_is_loaded_says_where_from_and_what(install: Install) -> None:
    install("plugin_good", GOOD)
    loaded = {plugin.name: plugin for plugin in load_plugins().loaded}
    assert loaded["plugin_good"].origin == "plugin_good-dist 1.5"
    assert loaded["plugin_good"].offers == {"target": ("my-card",), "data set": ("noise",)}
    assert loaded["fpgac"].offers["data set"] == (
        *("muon", "jets", "digits", "iris"),
        *("wine", "breast_cancer", "diabetes"),
    )


def test_a_file_is_a_plugin_without_being_installed(tmp_path: Path) -> None:
    file, other = tmp_path / "mine.py", tmp_path / "other" / "mine.py"
    other.parent.mkdir()
    file.write_text(GOOD)
    other.write_text(GOOD.replace("my-card", "other-card").replace('"noise", "n', '"hiss", "n'))
    plugins = load_plugins(files=[file, other])
    assert plugins.failures == ()
    assert {"my-card", "other-card"} <= set(plugins.targets)
    assert plugins.loaded[-1].origin == str(other)


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import no_such_module_at_all")
    text = only_failure(load_plugins(files=[file]))
    place = f"{file}:1: its import: ModuleNotFoundError"
    assert text.startswith(f"the plugin 'mine' of {file} is not used: {place}")


def test_what_tensorflow_logs_when_a_plugin_imports_it_is_not_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = (
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        "I0000 00:00:1.5 123 port.cc:153] oneDNN custom operations are on.",
        "W0000 00:00:1.5 123 op.cc:1] something is deprecated",
        "E0000 00:00:1.5 123 gpu.cc:1] the driver is broken",
        "the plugin's own line",
    )
    plugin = tmp_path / "loud.py"
    plugin.write_text(f"import os\nos.write(2, {chr(10).join(lines)!r}.encode())\n")
    load_plugins(files=[plugin])
    assert capfd.readouterr().err.splitlines() == list(lines[3:])


def test_a_template_that_is_none_is_one_line(install: Install, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "README.md.j2").write_text("fine\n{% block %}\n")
    install(
        "plugin_broken",
        """
        from pathlib import Path
        from fpgac.plugins import Templates, hookimpl

        class Mine(Templates):
            folder = Path(__file__).with_name("templates")

        @hookimpl
        def fpgac_templates():
            return [Mine]
        """,
    )
    assert "README.md.j2:2: this is no template" in only_failure(load_plugins())


def test_an_unknown_name_gets_the_nearest_as_a_hint() -> None:
    plugins = load_plugins()
    with pytest.raises(TargetError, check=coded("target.unknown")) as target:
        plugins.target("aws-f11")
    with pytest.raises(DataError, check=coded("data.unknown-provider")) as provider:
        plugins.provider("moun")
    with pytest.raises(NetworkError, check=coded("network.unknown-format")):
        plugins.source("muon.weights")
    assert target.value.problems[0].hint == "did you mean 'aws-f1'?"
    assert provider.value.problems[0].hint == "did you mean 'muon'?"


def test_an_unknown_name_names_failed_plugins_that_might_have_offered_it(
    install: Install,
) -> None:
    install("plugin_broken", "import no_such_module_at_all")
    with pytest.raises(TargetError, match=r"plugin_broken-dist 1\.5 is not used"):
        load_plugins().target("kv260")


def test_help_imports_no_plugin() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "fpgac", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "fpgac.cli" in done.stderr
    assert "fpgac_targets" not in done.stderr
