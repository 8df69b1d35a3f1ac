"""The repair of XRT's shim: of the one known defect, and of nothing else."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

# alloc_void() of Debian's libxrt_swemu.so.2.13; the last byte jumps past the store of the pointer.
DEFECTIVE = bytes.fromhex(
    "554889f5534889fb4883ec08488b87780600004885c074104839f07223"
    "4883c4085b5dc30f1f4000"
    "4889f7e800000000488983700600004889e8ebe1"
    "0f1f4000488bbf70060000e8000000004885c075e6"
)
SYMBOL = "_ZN12xclcpuemhal29CpuemShim10alloc_voidEm"


def after_loading(code: bytes, folder: Path) -> bytes:
    """``code`` as it is in memory once the repair has been loaded in front of it."""
    shim, repair = folder / "shim.so", folder / "repair.so"
    listing = ",".join(map(str, code))
    (folder / "shim.c").write_text(
        f'__asm__(".text\\n.globl {SYMBOL}\\n.type {SYMBOL},@function\\n'
        f'{SYMBOL}:\\n.byte {listing}\\n.size {SYMBOL},.-{SYMBOL}\\n");\n'
    )
    compile_c = ["gcc", "-shared", "-fPIC"]
    subprocess.run([*compile_c, folder / "shim.c", "-o", shim], check=True)
    source = resources.files("fpgac.emulation").joinpath("shim/repair.c").read_text()
    (folder / "repair.c").write_text(source)
    define = f'-DREAL_SHIM="{shim}"'
    subprocess.run([*compile_c, define, folder / "repair.c", "-o", repair, "-ldl"], check=True)
    read = (
        "import ctypes, sys; shim = ctypes.CDLL(sys.argv[1]); ctypes.CDLL(sys.argv[2]);"
        f"at = ctypes.cast(shim.{SYMBOL}, ctypes.c_void_p).value;"
        f"print(ctypes.string_at(at, {len(code)}).hex())"
    )
    command = [sys.executable, "-c", read, str(shim), str(repair)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return bytes.fromhex(done.stdout)


def test_the_known_defect_is_repaired_in_memory(tmp_path: Path) -> None:
    assert after_loading(DEFECTIVE, tmp_path) == DEFECTIVE[:-1] + b"\xdf"
    assert DEFECTIVE in (tmp_path / "shim.so").read_bytes(), "the file must stay as it is"


@pytest.mark.parametrize(("index", "byte"), [(-1, 0xDF), (0, 0x56), (40, 0xFF), (-3, 0x84)])
def test_other_code_is_left_alone(tmp_path: Path, index: int, byte: int) -> None:
    code = bytearray(DEFECTIVE)
    code[index] = byte
    assert after_loading(bytes(code), tmp_path) == bytes(code)
