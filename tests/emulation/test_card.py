"""Real hosts on the emulated card, well-behaved and not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fpgac.emulation import run_host
from fpgac.errors import EmulationError
from tests.emulation.toy import Toy
from tests.processes import children


def run_folders(caller: int) -> set[Path]:
    """Folders of runs that the process of this number began."""
    return set(Path("/tmp").glob(f"fpgac-run-{caller}-*"))


def processes(toy: Toy) -> set[str]:
    """Commands of the toy's hosts and of this session's cards that still run."""
    ours = str(toy.folder), os.environ["FPGAC_CACHE"]
    return {command for _, command in commands() if any(name in command for name in ours)}


def commands() -> Iterator[tuple[int, str]]:
    """The processes of this machine, each with its command."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ")
            yield int(process.name), words.decode()


def device_process(toy: Toy) -> int:
    """The device process of the one host that runs, which its own process started."""
    (host,) = (pid for pid, command in commands() if command.startswith(str(toy.folder)))
    (device,) = children(host)
    return device


@pytest.fixture(autouse=True)
def _nothing_is_left(toy: Toy) -> Iterator[None]:
    files = set(toy.folder.iterdir())
    yield
    assert run_folders(os.getpid()) == set()
    assert processes(toy) == set()
    assert set(toy.folder.iterdir()) == files


class TestHosts:
    def test_a_native_host_computes_and_a_missing_sync_shows(self, toy: Toy) -> None:
        run = toy.run(toy.native())
        assert run.exit_code == 0
        assert "before sync -1\nafter sync 30\nwrong 0" in run.stdout
        assert 0 < run.seconds < 60

    def test_compute_units_lie_at_their_own_banks(self, toy: Toy) -> None:
        run = toy.run(toy.native("vadd:{vadd_2}"))
        assert "wrong 0" in run.stdout
        address = int(run.stdout.split()[1])
        assert 16 << 30 <= address < (16 << 30) + (256 << 20)

    def test_an_opencl_host_drives_two_units_on_two_devices(
        self, toy: Toy, opencl_host: Path
    ) -> None:
        run = toy.run([str(opencl_host), str(toy.xclbin)], kind="opencl", devices=2)
        assert run.exit_code == 0
        assert "devices 2" in run.stdout
        assert run.stdout.count(f"{toy.card.platform} wrong 0") == 2

    @pytest.mark.parametrize("unit", ["vadd_1", "vadd_2"])
    def test_a_pynq_host_calls_and_starts_a_unit(self, toy: Toy, unit: str) -> None:
        run = toy.run(toy.pynq(unit), kind="pynq")
        assert run.exit_code == 0, run.stderr
        assert "before sync -1\nafter sync 6 right True\nstarted True" in run.stdout

    def test_a_user_s_switches_of_python_do_not_reach_a_host(
        self, toy: Toy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without its docstrings, what pynq reads C with cannot build its parser."""
        monkeypatch.setenv("PYTHONOPTIMIZE", "2")
        assert toy.run(toy.pynq("triple"), kind="pynq").exit_code == 0

    def test_words_of_512_bits(self, toy: Toy) -> None:
        run = toy.run(toy.pynq("triple"), kind="pynq")
        assert "(x: 'ap_uint<512>*', y: 'ap_uint<512>*', n: 'unsigned int')" in run.stdout
        assert "right True" in run.stdout

    def test_a_small_memory_of_the_logic(self, toy: Toy) -> None:
        assert "wrong 0" in toy.run(toy.native("vadd:{vadd_3}")).stdout

    def test_a_kernel_with_32_pointers(self, toy: Toy) -> None:
        assert "right True" in toy.run(toy.pynq("many"), kind="pynq").stdout

    def test_arguments_of_all_types_by_value(self, toy: Toy) -> None:
        run = toy.run(toy.pynq("mixed"), kind="pynq")
        assert "right True" in run.stdout, run.stdout + run.stderr

    @pytest.mark.parametrize(("kernel", "out"), [("last_char", -7), ("last_short", 60000)])
    def test_a_last_argument_that_is_narrow(self, toy: Toy, kernel: str, out: int) -> None:
        """By XRT; pynq 3.0.1 cuts the last word off by itself, on real cards too."""
        assert f"out {out}\n" in toy.run(toy.native(kernel)).stdout

    def test_what_a_kernel_prints_is_seen(self, toy: Toy) -> None:
        run = toy.run(toy.pynq("printer_1"), kind="pynq")
        assert "7 numbers at last" in run.stdout

    def test_units_share_no_static_variables(self, toy: Toy) -> None:
        run = toy.run(toy.pynq("counters"), kind="pynq")
        counts = [int(line.split()[1]) for line in run.stdout.splitlines() if "count" in line]
        assert counts == [1, 2, 1, 3]

    def test_a_kernel_may_keep_large_arrays_on_its_stack(self, toy: Toy) -> None:
        assert "out 7" in toy.run(toy.pynq("large_frame_1"), kind="pynq").stdout

    def test_another_device_is_another_card(self, toy: Toy) -> None:
        assert "wrong 0" in toy.run(toy.native("vadd:{vadd_1}", 4096, 1), devices=2).stdout

    def test_lines_are_handed_on_as_they_come(
        self, toy: Toy, lines: tuple[list[str], Callable[[str], None]]
    ) -> None:
        seen, append = lines
        run = toy.run(toy.native(), on_output=append)
        assert sorted(seen) == sorted((run.stdout + run.stderr).splitlines())
        assert "wrong 0" in seen

    def test_an_exit_code_is_the_caller_s_to_judge(self, toy: Toy) -> None:
        assert toy.run(toy.native("vadd:{vadd_1}", 4096, 0, "fail")).exit_code == 3

    def test_runs_at_the_same_time_do_not_meet(self, toy: Toy) -> None:
        with ThreadPoolExecutor(6) as pool:
            crash = pool.submit(toy.failure, toy.native("vadd:{vadd_1}", 5000))
            runs = list(pool.map(lambda _: toy.run(toy.native()), range(5)))
        assert "kernel vadd crashed" in str(crash.result())
        assert all("wrong 0" in run.stdout for run in runs)


class TestFailures:
    def test_a_kernel_that_leaves_its_buffers(self, toy: Toy) -> None:
        error = toy.failure(toy.native("vadd:{vadd_1}", 5000))
        words = error.problems[0].what
        assert "kernel vadd crashed in compute unit vadd_1: SIGSEGV" in words
        assert "outside the buffer of argument" in words
        assert "at byte 16384" in words
        assert "n = 5000" in words
        assert error.exit_code == 10

    def test_a_kernel_that_writes_far_behind_its_buffer(self, toy: Toy) -> None:
        words = toy.failure(toy.pynq("far_writer_1"), kind="pynq").problems[0].what
        assert f"outside the buffer of argument out, at byte {7 << 26}" in words

    @pytest.mark.parametrize(
        ("kernel", "cause", "hint"),
        [
            ("null_writer", "SIGSEGV", "null pointer"),
            ("thrower", "it threw no such weight", "exceptions"),
            ("leaver", "it called exit()", "returning"),
            ("divider", "SIGFPE", "by zero"),
            ("asserter", "SIGABRT", "assertion"),
            ("recursive", "SIGSEGV", "recursion"),
        ],
    )
    def test_a_kernel_that_crashes(self, toy: Toy, kernel: str, cause: str, hint: str) -> None:
        (problem,) = toy.failure(toy.native(kernel)).problems
        assert f"kernel {kernel} crashed in compute unit {kernel}_1: {cause}" in problem.what
        assert hint in problem.hint
        assert problem.code == "emulation.kernel-crash"

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
    def test_a_device_process_that_is_ended_from_outside(self, toy: Toy, number: int) -> None:
        def end_the_card(line: str) -> None:
            if line.startswith("wrong"):
                os.kill(device_process(toy), number)

        command = toy.native("vadd:{vadd_1}", 4096, 0, "hang")
        with pytest.raises(EmulationError) as caught:
            toy.run(command, on_output=end_the_card)
        assert [problem.code for problem in caught.value.problems] == ["emulation.card-killed"]

    def test_a_buffer_in_a_memory_that_the_unit_does_not_reach(self, toy: Toy) -> None:
        error = toy.failure(toy.pynq("wrong bank"), kind="pynq")
        assert "argument a of compute unit vadd_1" in error.problems[0].what
        assert "not in its memory (bank0)" in error.problems[0].what

    @pytest.mark.parametrize(("ending", "cause"), [("abort", "SIGABRT"), ("segfault", "SIGSEGV")])
    def test_a_host_that_crashes(self, toy: Toy, ending: str, cause: str) -> None:
        error = toy.failure(toy.native("vadd:{vadd_1}", 4096, 0, ending))
        assert error.problems[0].what == f"the host native_host crashed: {cause}"
        assert "wrong 0" in error.problems[0].got

    def test_a_host_that_crashes_before_it_opens_the_card(self, toy: Toy) -> None:
        error = toy.failure(["/bin/sh", "-c", "echo so far; kill -SEGV $$"])
        assert "the host sh crashed: SIGSEGV" in str(error)
        assert "so far" in str(error)

    def test_a_host_that_hangs(self, toy: Toy) -> None:
        error = toy.failure(toy.native("vadd:{vadd_1}", 4096, 0, "hang"), timeout=1)
        assert "did not end within 1 seconds" in str(error)
        assert "wrong 0" in str(error)

    def test_a_kernel_that_hangs(self, toy: Toy) -> None:
        error = toy.failure(toy.pynq("endless_1"), kind="pynq", timeout=3)
        assert "did not end within 3 seconds" in str(error)
        assert "kernel endless was still running in compute unit endless_1" in str(error)

    def test_a_host_that_is_not_there(self, toy: Toy) -> None:
        assert "cannot be started" in str(toy.failure([str(toy.folder / "no_host")]))

    def test_a_host_that_leaves_children_behind(self, toy: Toy) -> None:
        toy.run(["/bin/sh", "-c", "setsid sleep 3141 & exit 0"])
        found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        assert "sleep 3141" not in found.stdout

    def test_a_damaged_xclbin_is_refused_before_the_host_starts(
        self, toy: Toy, tmp_path: Path
    ) -> None:
        damaged = tmp_path / "damaged.xclbin"
        damaged.write_bytes(toy.xclbin.read_bytes()[:5000])
        error = toy.failure(["/bin/echo", f"--xclbin={damaged}"])
        assert "the xclbin is truncated" in str(error)

    def test_an_xclbin_for_hardware_is_refused(self, toy: Toy, tmp_path: Path) -> None:
        for_hardware = bytearray(toy.xclbin.read_bytes())
        for_hardware[332] = 0  # axlf_header.m_mode
        path = tmp_path / "hardware.xclbin"
        path.write_bytes(for_hardware)
        assert "not for the emulated card" in str(toy.failure(["/bin/echo", str(path)]))

    def test_an_xclbin_whose_library_lacks_the_kernel(self, toy: Toy, tmp_path: Path) -> None:
        from dataclasses import replace

        from fpgac.emulation.xclbin import write_xclbin

        renamed = replace(toy.card.kernels[0], name="vsub")
        program = tmp_path / "vsub.xclbin"
        card = replace(toy.card, kernels=(renamed,))
        program.write_bytes(write_xclbin(card, toy.library.read_bytes()))
        host = str(toy.folder / "native_host")
        error = toy.failure([host, str(program), "vsub:{vadd_1}", "10"])
        assert "no function 'vsub'" in str(error)


class TestACallInFlight:
    """The card is taken away from a kernel that still runs only when it is done."""

    @pytest.mark.parametrize(
        ("then", "said"), [("free", "slow then free"), ("load", "slow then load\ncount 1")]
    )
    def test_the_host_waits(self, toy: Toy, then: str, said: str) -> None:
        for _ in range(2):
            run = toy.run([*toy.pynq("in flight"), "slow_1", then], kind="pynq")
            assert (run.exit_code, run.stdout) == (0, f"{said}\n"), run.stderr

    def test_a_host_that_waits_for_ever_learns_why(self, toy: Toy) -> None:
        command = [*toy.pynq("in flight"), "endless_1", "free"]
        (problem,) = toy.failure(command, kind="pynq", timeout=4).problems
        assert problem.code == "host.hang"
        assert "the host closes the card while a kernel runs" in str(problem.got)


class TestTheCaller:
    def test_an_interrupt_ends_the_run(self, toy: Toy) -> None:
        def interrupt(line: str) -> None:
            if line.startswith("wrong"):
                raise KeyboardInterrupt

        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            toy.run(toy.native("vadd:{vadd_1}", 4096, 0, "hang"), on_output=interrupt)
        assert time.monotonic() - started < 30

    def test_a_caller_that_is_killed_takes_its_hosts_along(self, toy: Toy, tmp_path: Path) -> None:
        script = tmp_path / "caller.py"
        script.write_text(
            textwrap.dedent(
                f"""
                from pathlib import Path
                from fpgac.emulation import CardDescription, run_host
                run_host(
                    {toy.native("vadd:{vadd_1}", 4096, 0, "hang")!r}, kind="xrt",
                    card=CardDescription.read(Path({str(toy.folder / "card.json")!r})),
                    cwd=Path("."), timeout=60, on_output=lambda line: print(line, flush=True),
                )
                """
            )
        )
        with subprocess.Popen(
            [sys.executable, str(script)], stdout=subprocess.PIPE, text=True
        ) as caller:
            assert caller.stdout is not None
            assert any(line.startswith("wrong") for line in caller.stdout)
            caller.kill()
        deadline = time.monotonic() + 10
        while processes(toy) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert processes(toy) == set()
        # Its folder could not be removed; the next run does it, once it is old enough.
        (folder,) = run_folders(caller.pid)
        os.utime(folder, (0, 0))
        toy.run(["/bin/true"])
        assert not folder.exists()

    def test_signals_reach_neither_the_caller_nor_its_group(self, toy: Toy) -> None:
        received: list[int] = []
        before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
        try:
            toy.failure(toy.native("vadd:{vadd_1}", 5000))
            time.sleep(0.1)
        finally:
            signal.signal(signal.SIGTERM, before)
        assert received == []

    def test_no_file_descriptors_or_threads_are_lost(self, toy: Toy) -> None:
        toy.run(["/bin/true"])
        before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
        for _ in range(3):
            toy.run(["/bin/true"])
        with pytest.raises(EmulationError):
            run_host(["/none"], kind="xrt", card=toy.card, cwd=toy.folder, timeout=5)
        assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before
