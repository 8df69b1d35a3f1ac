"""Where a trained network comes from: what of a spec its training depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpgac.digest import digest_json

if TYPE_CHECKING:
    from fpgac.spec.models import Spec

__all__ = ["training_digest"]


def training_digest(spec: Spec) -> str:
    """Digest of all in ``spec`` that training depends on; a network's provenance keeps it.

    HLS options, proof, targets and the outputs' types leave a trained network as good as it was.
    """
    said = spec.model_dump(mode="json", include={"topology", "quantisation", "data", "training"})
    # What a spec could not say once leaves its digest as it was.
    for key in ("from", "bits"):
        said["quantisation"].pop(key)
    # What a spec did not say before there were graphs leaves its digest as it was; so do the
    # keys of data in files where there are none.
    data = said["data"]
    data.pop("units", None)  # which are for people
    said["data"] = {key: data[key] for key in data if data[key] is not None or key == "samples"}
    topology = said["topology"]
    if not topology.get("outputs"):
        topology.pop("outputs", None)
    for layer in topology["layers"]:
        layer.pop("reuse_factor", None)
        for key in ("batch_normalisation", "inputs"):
            if not layer.get(key):
                layer.pop(key, None)
    inputs = spec.model_dump(mode="json", include={"interface"})["interface"]["input"]
    return digest_json({**said, "input": inputs})
