"""Names for use in C++, Python, Tcl and file systems: plain identifiers, no reserved words."""

from __future__ import annotations

import keyword
import re

from fpgac.errors import shown

__all__ = ["LONGEST", "LONGEST_PART", "check_identifier", "is_reserved"]

# An xclbin holds "{name}_kernel:{name}_60" in 63 characters.
LONGEST = 26

# The names of a network's parts are made of shorter ones: "separable_conv2d_12_depthwise".
LONGEST_PART = 63

# Reserved in C++17, or a type or namespace in the generated code.
_RESERVED = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t
    class compl const const_cast constexpr continue decltype default delete do double dynamic_cast
    else enum explicit export extern false float for friend goto if inline int long mutable
    namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast return short signed sizeof static static_assert static_cast struct switch
    template this thread_local throw true try typedef typeid typename union unsigned using virtual
    void volatile wchar_t while xor xor_eq main std hls nnet ap_int ap_uint ap_fixed ap_ufixed
    input_t result_t
"""

# hls4ml writes a core into C++'s global namespace, next to names and files of its own.
_HLS4ML = re.compile(
    r"defines|parameters|myproject|(ap|hls|nnet)_\w+|((relu|hard_\w+)_)?(config|layer)\d\w*|[wb]\d+|\w+_t",
    re.IGNORECASE,
)


def is_reserved(name: str) -> bool:
    """Whether hls4ml's C++ has a name of its own that is ``name``."""
    return _HLS4ML.fullmatch(name) is not None


def check_identifier(name: str, longest: int = LONGEST) -> str:
    """``name`` itself, if it is a plain name in C++, Python and Tcl.

    It may have as many characters as ``longest`` says: by default what names a kernel may have.

    Raises:
        ValueError: it is empty, too long, reserved, or has other characters; the text says which.
    """
    text = shown(name, 40)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(
            f"{text} is not a C identifier: letters, digits and underscores, a letter first"
        )
    if "__" in name or name.endswith("_"):
        raise ValueError(
            f"{text} has a double underscore or ends in one, which C++ keeps for itself"
        )
    if len(name) > longest:
        most = f"{longest} fit an xclbin" if longest == LONGEST else f"{longest} are allowed"
        raise ValueError(f"{text} has {len(name)} characters; at most {most}")
    if name in _RESERVED.split() or keyword.iskeyword(name):
        raise ValueError(f"{text} is a reserved word of C++ or Python")
    return name
