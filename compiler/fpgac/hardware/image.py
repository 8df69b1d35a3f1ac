"""The Amazon FPGA Image of an xclbin, and the file that stands for it on a card."""

from __future__ import annotations

from pathlib import Path

from fpgac_templates.afi.create_afi import state_of, with_image

__all__ = ["image_file"]


def image_file(xclbin: Path) -> Path | None:
    """The ``.awsxclbin`` beside ``xclbin``, if it is of the image of this very file."""
    image, made = state_of(xclbin), xclbin.with_suffix(".awsxclbin")
    if image is None or not made.is_file():
        return None
    same = made.read_bytes() == with_image(xclbin.read_bytes(), image.agfi)
    return made if same else None
