"""The command line as a user meets it: help that teaches, errors that tell the mend."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fpgac.build.folder import locked

ROOT = Path(__file__).parents[2]
Fpgac = Callable[..., subprocess.CompletedProcess[str]]


def test_help_names_every_command_and_a_first_walk(fpgac: Fpgac) -> None:
    done = fpgac("--help")
    assert done.returncode == 0
    for command in ("init", "validate", "schema", "train", "compile", "run", "targets"):
        assert command in done.stdout
    assert "fpgac init flower.toml" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "command", ["init", "validate", "schema", "train", "compile", "run", "targets"]
)
def test_each_command_has_a_help_of_its_own(fpgac: Fpgac, command: str) -> None:
    done = fpgac(command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_validate_tells_all_mistakes_of_all_files(fpgac: Fpgac, specs: Path) -> None:
    muon, iris = specs / "muon.toml", specs / "iris.toml"
    muon.write_text(muon.read_text().replace("epochs", "epoch"))
    iris.write_text(iris.read_text().replace("[hls]", "[hsl]"))
    done = fpgac("validate", muon, iris)
    assert done.returncode == 3
    assert "did you mean 'epochs'?" in done.stderr
    assert "did you mean 'hls'?" in done.stderr
    assert "2 problems" in done.stderr


def test_validate_of_good_specs_says_what_they_are(fpgac: Fpgac) -> None:
    done = fpgac("validate", "specs/muon.toml", "specs/iris.toml", cwd=ROOT)
    assert done.returncode == 0
    assert "27 → 35 → 20 → 25 → 40 → 20 → 15 → 1" in done.stdout


def test_schema_is_json_schema(fpgac: Fpgac) -> None:
    schema = json.loads(fpgac("schema").stdout)
    assert schema["properties"]["topology"]
    assert schema["$schema"].startswith("https://json-schema.org")


def test_init_writes_a_spec_that_validates(fpgac: Fpgac, tmp_path: Path) -> None:
    assert fpgac("init", "my-flower.toml", cwd=tmp_path).returncode == 0
    sound = fpgac("validate", "my-flower.toml", cwd=tmp_path).stdout
    assert "my_flower" in sound
    assert sound.endswith("for alveo-u50\n"), "a board that can be bought"


@pytest.mark.heavy
def test_a_first_walk_from_nothing_to_hosts_that_agree(fpgac: Fpgac, tmp_path: Path) -> None:
    fpgac("init", "flower.toml", cwd=tmp_path)
    trained = fpgac("train", "flower.toml", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert float(trained.stdout.split()[1].rstrip("%")) > 85, trained.stdout
    built = fpgac("compile", "flower.toml", cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    archive = "for the board: build/flower-alveo-u50/deploy/flower-alveo-u50.tar.gz"
    assert f"{archive}  (without flower.xclbin, which --mode hw makes)" in built.stdout
    ran = fpgac("run", "build/flower-alveo-u50", cwd=tmp_path)
    assert ran.stdout.count("equal to the proof's") == 3, ran.stderr


def test_init_replaces_nothing_unasked(fpgac: Fpgac, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("mine")
    done = fpgac("init", "a.toml", cwd=tmp_path)
    assert done.returncode == 9
    assert "--force" in done.stderr
    assert (tmp_path / "a.toml").read_text() == "mine"
    assert fpgac("init", "a.toml", "--force", cwd=tmp_path).returncode == 0


def test_init_refuses_a_name_that_is_no_identifier(fpgac: Fpgac, tmp_path: Path) -> None:
    done = fpgac("init", "x.toml", "--name", "a b; rm -rf /", cwd=tmp_path)
    assert done.returncode == 3
    assert "not a C identifier" in done.stderr
    assert not (tmp_path / "x.toml").exists()


def test_targets_tell_part_hosts_tools_and_life(fpgac: Fpgac) -> None:
    done = fpgac("targets")
    assert "xcvu9p-flgb2104-2-i" in done.stdout
    assert "2020.2" in done.stdout
    assert "2025-12-20" in done.stderr


def test_targets_show_tells_all_about_one(fpgac: Fpgac) -> None:
    done = fpgac("targets", "show", "alveo-u280")
    assert done.returncode == 0, done.stderr
    for part in (
        "xcu280-fsvh2892-2L-e",
        "xilinx_u280_gen3x16_xdma_1_202211_1",
        "Vitis 2022.1 to 2025.1",
        "at most 300 MHz",
        "HBM[0] to HBM[31]",
        "0.25 GiB each",
        "DDR[1]",
        "ending, 2025-11-20",
        "compute_units = 1",
        "Copies of the kernel on the card.",
        "banks = (not set)",
        "slrs = (not set)",
    ):
        assert part in done.stdout, part
    assert "no longer knows the U280" in done.stderr


def test_targets_show_tells_where_a_road_ends(fpgac: Fpgac) -> None:
    done = fpgac("targets", "show", "aws-f2")
    assert "modes:" in done.stdout
    assert "emulation, hw_emu\n" in done.stdout
    assert "through $SHELL_EMU_VERSION" in done.stdout
    assert "AWS makes no FPGA image" in done.stderr


def test_targets_tell_both_flows_of_a_board(fpgac: Fpgac) -> None:
    listed = fpgac("targets", environment={**os.environ, "COLUMNS": "200"}).stdout.splitlines()
    rows = [line for line in listed if line.startswith("zcu102 ")]
    assert [row.split()[1] for row in rows] == ["(vivado)", "(vitis)"]
    assert "Vitis 2022.1 to 2024.2" in rows[1]
    shown = fpgac("targets", "show", "zcu102").stdout
    vivado, vitis = shown.split('With flow = "vitis"')
    assert "xilinx.com:zcu102:part0:3.4" in vivado
    assert "AMD offers no PYNQ image" in vivado
    assert "xilinx_zcu102_base_202420_1" in vitis
    assert 'flow = "vitis"  #' in vitis


def test_targets_show_of_an_unknown_target_names_the_nearest(fpgac: Fpgac) -> None:
    done = fpgac("targets", "show", "alveo-u281")
    assert done.returncode == 7
    assert "did you mean 'alveo-u280'?" in done.stderr


def test_a_spec_with_several_targets_wants_a_choice(fpgac: Fpgac, tmp_path: Path) -> None:
    done = fpgac("compile", ROOT / "specs" / "iris.toml", cwd=tmp_path)
    assert done.returncode == 7
    assert "aws-f1, alveo-u250, alveo-u50, pynq-z2, zcu102, or with all" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_hardware_for_f2_is_refused_before_anything_starts(fpgac: Fpgac, tmp_path: Path) -> None:
    done = fpgac(
        *("compile", ROOT / "specs" / "muon.toml", "--target", "aws-f2", "--mode", "hw"),
        cwd=tmp_path,
    )
    assert done.returncode == 7
    assert "AWS makes no FPGA image (AFI)" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_all_targets_end_with_a_table_and_the_first_failure_s_exit_code(
    fpgac: Fpgac, specs: Path, tmp_path: Path
) -> None:
    targets = ["aws-f1", "alveo-u250", "alveo-u50", "pynq-z2", "zcu102"]
    for target in targets:
        (tmp_path / "out" / f"iris-{target}").mkdir(parents=True)
        (tmp_path / "out" / f"iris-{target}" / "thesis.tex").write_text("years")
    done = fpgac("compile", specs / "iris.toml", "--target", "all", "--out", tmp_path / "out")
    assert done.returncode == 9
    assert done.stderr.count("this folder is not fpgac's own") == len(targets)
    rows = [line.split()[0] for line in done.stdout.splitlines() if "failed" in line]
    assert rows == targets


def test_an_unknown_target_names_the_nearest(fpgac: Fpgac) -> None:
    done = fpgac("compile", "specs/muon.toml", "--target", "aws-f11", cwd=ROOT)
    assert done.returncode == 7
    assert "did you mean 'aws-f1'?" in done.stderr


def test_a_defect_shows_a_traceback_with_debug_only(fpgac: Fpgac, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("name = 3")
    assert "Traceback" not in fpgac("validate", bad).stderr
    environment = {**os.environ, "FPGAC_DEBUG": "1"}
    for told in (
        fpgac("--debug", "validate", bad),
        fpgac("validate", bad, environment=environment),
    ):
        assert "Traceback" in told.stderr
        assert told.returncode == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ending_it_early_says_so_and_ends_its_compilers(
    specs: Path, tmp_path: Path, new_cache: Path, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "out"
    program = "import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "runpy.run_module('fpgac', run_name='__main__')"
    running = subprocess.Popen(
        [
            *(sys.executable, "-c", program, "compile", str(specs / "iris.toml")),
            *("--target", "aws-f1", "--out", str(out)),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (out / "logs" / "g-core.log").is_file():
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(number)
    _, told = running.communicate(timeout=60)
    assert running.returncode == code
    assert "what was finished is kept" in told
    with locked(out):  # nothing of it is left that could write
        assert not (out / "emulation" / "core.o").exists()


def test_a_build_explains_itself(iris_build: Path) -> None:
    readme = (iris_build / "README.md").read_text()
    assert "| 2 | petal_length [cm] | 1 to 6.9 |" in readme
    assert "| 1 | versicolor |" in readme
    host = " ".join((iris_build / "hosts/pynq/iris_host.py").read_text().split())
    names = "sepal_length [cm], sepal_width [cm], petal_length [cm], petal_width [cm]"
    assert f"in order: {names}." in host
    about = json.loads((iris_build / "emulation/contract.json").read_text())["about"]
    assert [column["name"] for column in about["results"]] == ["setosa", "versicolor", "virginica"]
    for name in ("iris.toml", "iris.network.json"):
        assert (iris_build / "spec" / name).read_bytes() == (ROOT / "specs" / name).read_bytes()


def test_run_compares_all_hosts(fpgac: Fpgac, iris_build: Path) -> None:
    done = fpgac("run", iris_build, "--host", "all")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    for host in ("pynq", "opencl", "xrt"):
        assert "equal to the proof's" in rows[host]


@pytest.mark.parametrize("host", ["pynq", "opencl", "xrt"])
def test_run_of_own_samples_writes_floats_and_a_profile(
    fpgac: Fpgac, iris_build: Path, tmp_path: Path, host: str
) -> None:
    samples = np.random.default_rng(1).normal(0, 3, (500, 4)).astype(np.float32)
    np.save(tmp_path / "x.npy", samples)
    done = fpgac(
        *("run", iris_build, "--host", host, "--input", "x.npy", "--output", "y.npy"),
        *("--batch", "64", "--profile", "p.csv"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    results = np.load(tmp_path / "y.npy")
    assert results.shape == (500, 3)
    assert results.dtype == np.float32
    assert len(np.unique(results)) > 100
    with (tmp_path / "p.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sum(int(row["samples"]) for row in rows) == 500
    assert all(float(row["inference_s"]) > 0 for row in rows)


def test_simulation_needs_no_xrt(fpgac: Fpgac, iris_build: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "FPGAC_XRT": str(tmp_path)}
    refused = fpgac("run", iris_build, "--host", "pynq", environment=environment)
    assert refused.returncode == 8
    assert "--host simulation" in refused.stderr
    done = fpgac("run", iris_build, "--host", "simulation", environment=environment)
    assert done.returncode == 0, done.stderr
    assert "equal to the proof's" in done.stdout


def test_simulation_gives_what_a_host_gives(fpgac: Fpgac, iris_build: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(2).normal(0, 3, (100, 4)))
    for host in ("simulation", "xrt"):
        output = f"{host}.npy"
        done = fpgac(
            *("run", iris_build, "--host", host, "--input", "x.npy", "--output", output),
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
    simulated, on_card = (np.load(tmp_path / f"{host}.npy") for host in ("simulation", "xrt"))
    assert simulated.dtype == on_card.dtype
    np.testing.assert_array_equal(simulated, on_card)


@pytest.mark.parametrize(
    "cards", [("--device", "1"), ("--device", "1", "--device", "0"), ("--device", "1,0")]
)
def test_run_on_some_of_several_cards(
    fpgac: Fpgac, iris_build: Path, cards: tuple[str, ...]
) -> None:
    done = fpgac("run", iris_build, "--host", "xrt", "--devices", "2", *cards)
    assert done.returncode == 0, done.stderr
    assert "equal to the proof's" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--device", "3"), 7, "--devices 4"),
        (("--compute-units", "9"), 7, "at most 1"),
        (("--host", "simulation", "--compute-units", "1"), 7, "one call"),
        (("--device", "0,a"), 2, "0,1"),
        (("--input", "nowhere.npy"), 4, "nowhere.npy"),
        (("--input", "wide.npy"), 4, "(n, 4)"),
        (("--input", "text.npy"), 4, "npy"),
        (("--host", "simulation", "--input", "wide.npy"), 4, "(n, 4)"),
        (("--host", "simulation", "--input", "text.npy"), 4, "npy"),
    ],
)
def test_what_a_host_refuses_is_told_and_leaves_no_output(
    fpgac: Fpgac, iris_build: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, text: str
) -> None:
    np.save(tmp_path / "wide.npy", np.zeros((3, 9), np.float32))
    (tmp_path / "text.npy").write_text("1 2 3")
    done = fpgac(
        *("run", iris_build, "--host", "opencl", "--output", "y.npy", *arguments), cwd=tmp_path
    )
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "y.npy").exists()


@pytest.mark.parametrize("host", ["simulation", "opencl"])
def test_run_reads_the_numbers_that_emulate_reads(
    fpgac: Fpgac, iris_build: Path, tmp_path: Path, host: str
) -> None:
    np.save(tmp_path / "x.npy", np.arange(40, dtype=np.int16).reshape(10, 4) % 7)
    fpgac("emulate", iris_build, "--data", "x.npy", "--out", "emulated.npy", cwd=tmp_path)
    files = ("--input", "x.npy", "--output", "y.npy")
    done = fpgac("run", iris_build, "--host", host, *files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "wrote y.npy" in done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), np.load(tmp_path / "emulated.npy"))


def test_run_of_all_hosts_tells_which_files_it_wrote(
    fpgac: Fpgac, iris_build: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", np.ones((5, 4), np.float32))
    files = ("--input", "x.npy", "--output", "y.npy")
    done = fpgac("--json", "run", iris_build, *files, cwd=tmp_path)
    written = [path for host in json.loads(done.stdout)["result"] for path in host["written"]]
    assert written == ["y-pynq.npy", "y-opencl.npy", "y-xrt.npy"]
    assert all((tmp_path / path).is_file() for path in written)
    assert all(f"wrote {path}" in done.stderr for path in written)


def test_run_of_a_spec_names_the_command_that_works(fpgac: Fpgac, specs: Path) -> None:
    done = fpgac("run", specs / "iris.toml")
    assert done.returncode == 9
    assert f"fpgac compile {specs}/iris.toml --target TARGET" in done.stderr


def test_run_of_what_is_no_build_says_how_to_make_one(fpgac: Fpgac, tmp_path: Path) -> None:
    done = fpgac("run", tmp_path)
    assert done.returncode == 9
    assert "fpgac compile" in done.stderr
