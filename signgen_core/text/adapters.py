"""Low-rank adapters (Hu et al. 2021): small changes to the layers of a published encoder that stays as it was published."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from .encoder import Encoder, quiet_threads, shared_copy

# Queries, values and what mixes them and feeds forward, by the names of the BERT and RoBERTa, then of the DistilBERT family.
_PROJECTIONS = ("query", "value", "dense", "q_lin", "v_lin", "out_lin", "lin1", "lin2")


def targets(model: Any) -> dict[str, Any]:
    """name -> linear layer of everything that an adapter is put on. Raises InputError for an encoder that has none."""
    found = {
        name: module
        for name, module in model.named_modules()
        if name.rsplit(".", 1)[-1] in _PROJECTIONS and hasattr(module, "in_features") and "pooler" not in name  # sentence vectors bypass the pooler
    }
    if not found:
        raise InputError("this encoder has no layers by the names that adapters are put on; train the heads alone (--rank 0)")
    return found


def adapted(encoder: Encoder, weights: dict[str, np.ndarray], scale: float) -> Encoder:
    """An encoder of its own with the adapters of `weights` (`adapter.<layer>.down` (R, D), `.up` (D, R)) added in. Raises InputError if they do not fit."""
    import torch

    names = sorted(n.removesuffix(".down").removeprefix("adapter.") for n in weights if n.endswith(".down"))
    model = shared_copy(encoder.model, set(names))
    layers = targets(model)
    for name in names:
        down, up = (torch.from_numpy(weights[f"adapter.{name}.{part}"].astype(np.float32)) for part in ("down", "up"))
        if name not in layers or tuple(layers[name].weight.shape) != (up.shape[0], down.shape[1]):
            raise InputError(f"adapter.{name}: does not fit the encoder {encoder.name}")
        with torch.no_grad(), quiet_threads():  # small products, for which starting threads costs more than they do
            layers[name].weight += scale * (up @ down)
    return encoder.changed(model, "+adapters")
