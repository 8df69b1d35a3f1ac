"""What AMD's tools say when a build fails, and what can be done.

Each key is a regular expression of a line in a log, read alike by Python and by ``grep -E``; the
first that matches is the one that is told, so that causes come before what only follows from them.
The lines that they are tried on are recorded ones (``tests/fpgac_targets/test_remedies.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["SIGNS"]

_TIMING: Final = (
    "timing did not close: ask for a slower clock (clock_mhz in the spec), or share "
    "multipliers (reuse_factor)"
)
_SIZE: Final = (
    "the design is too large: a greater reuse_factor, narrower layers, more pruning, fewer "
    "compute units"
)
_Y2K22: Final = (
    "Vitis and Vivado up to 2021.2 cannot package an IP since 2022-01-01: install AMD's patch "
    "y2k22_patch (AMD's article 76960)"
)

SIGNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        r"[Dd]esign did not meet timing|failed timing targeting|timing did not close": _TIMING,
        r"[Dd]esign failed to meet( the)? timing": _TIMING,
        r"bad lexical cast|is an invalid argument\. Please specify an integer value": _Y2K22,
        r"Common 17-34[58]|[Vv]alid license was not found|[Ff]ailed to get the license": (
            "no licence for the part: name it in XILINXD_LICENSE_FILE, or choose a part that the "
            "free edition knows; fpgac doctor shows what is named"
        ),
        r"No (valid )?platform was found|[Ff]ailed to find (the )?platform": (
            "v++ does not find the platform: is the one that README.md names installed, and its "
            "folder in PLATFORM_REPO_PATHS?"
        ),
        r"Vivado does not know the board|Board 49-71": (
            "install the board's files: in Vivado, Tools, Vivado Store, Boards; or clone "
            "https://github.com/Xilinx/XilinxBoardStore and name it in board.repoPaths"
        ),
        r"HLS 200-1023|Part '[^']*' is not installed": (
            "the device's family is not installed: add it with the installer of Vitis or Vivado"
        ),
        r"Place 30-(380|484|487|640|859)|UTLZ-1|over-?utili[sz]ed|exceeds? the available": _SIZE,
        r"Route 35-(162|447)|RTSTAT-13|Design is not completely routed": (
            "the wires do not fit, though the logic may: a greater reuse_factor, narrower layers, "
            "more pruning; on a card let v++ place compute units (no slrs), or use fewer"
        ),
        r"XFORM 203-504|Stop unrolling loop": (
            "HLS does not unroll so many multiplications: a greater reuse_factor, or strategy = "
            '"resource" for the layer'
        ),
        r"XFORM 203-103|partitioned elements number .* has exe+ded the threshold": (
            "HLS does not split so large an array: a greater reuse_factor, or strategy = "
            '"resource" for the layer'
        ),
        r"HLS 200-(779|994|997)|failed dataflow checking|unsupported dataflow constructs": (
            "HLS refuses the form of a dataflow region; fpgac's kernels are not known to have "
            "one: report it, with the log, and the version of HLS"
        ),
        r"HLS 207-[0-9]+\].* file not found": (
            "HLS does not find a header: is its version one that fpgac targets names?"
        ),
        r"CFGEN 83-22[0-9]+\]|SYSTEM_LINK 82-(36|62|79|96)\]": (
            "the link configuration names a compute unit or a port that no kernel has: is "
            "scripts/link.cfg of this design? Remove out/ and _x/, and build again"
        ),
        r"[Nn]o space left on device": (
            "the disk is full: a build for a card needs some 20 GB, one for a Zynq some 5 GB"
        ),
        r"[Cc]annot allocate memory|std::bad_alloc|\bKilled\b": (
            "too little memory: a build for a card wants 32 GB or more, one for a Zynq 8 GB"
        ),
        r"Abnormal program termination|[Ss]egmentation fault|An unexpected error has occurred": (
            "the tool itself crashed, of too little memory more often than not; hs_err_pid*.log "
            "beside its log says where"
        ),
        # What follows from something else stands last.
        r"IMPL 213-28": _Y2K22,
        r"60-602\] Source file does not exist: .*\.(xclbin|xo)": (
            "the step before made nothing: its log has the cause; with tools up to 2021.2 most "
            "often that AMD's patch y2k22_patch is not installed"
        ),
    }
)
