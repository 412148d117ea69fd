"""BERT (Devlin et al. 2019) in plain torch: the layers, under the names that its published weight files use.

Written out because the library that has every model takes seconds to import and half of a short sentence's time in wrapping.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FileFormatError

if TYPE_CHECKING:
    from torch import Tensor, nn

_COUNTS = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "max_position_embeddings", "type_vocab_size")


@dataclass(frozen=True)
class Shape:
    """The numbers of a `config.json` that decide the layers."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float

    @classmethod
    def read(cls, config: dict[str, Any], where: str) -> Shape:
        """Raises FileFormatError naming the first number that is missing or odd."""
        config = {"type_vocab_size": 2, "layer_norm_eps": 1e-12, **config}
        for name in _COUNTS:
            value = config.get(name)
            if not isinstance(value, int) or not 1 <= value <= 10**6:
                raise FileFormatError(f"{where}: {name}: {value!r} is not a number of a BERT model")
        if config["hidden_size"] % config["num_attention_heads"]:
            raise FileFormatError(f"{where}: hidden_size: {config['hidden_size']} is no multiple of num_attention_heads")
        eps = config["layer_norm_eps"]
        if not isinstance(eps, float) or not 0.0 < eps < 0.1:
            raise FileFormatError(f"{where}: layer_norm_eps: {eps!r} is not a small number")
        return cls(**{name: config[name] for name in _COUNTS}, layer_norm_eps=eps)


def bert(shape: Shape, drop: float = 0.1) -> nn.Module:
    """`model(ids, mask)` with both (N, T) or mask None -> (N, T, D), the last layer. Its weights are not set yet. drop: dropout while it learns."""
    import torch
    from torch import nn
    from torch.nn.functional import dropout, gelu, scaled_dot_product_attention

    wide = shape.hidden_size

    class Linear(nn.Linear):
        def reset_parameters(self) -> None:
            """Nothing: drawing numbers would take longer than reading them."""

    def norm() -> nn.LayerNorm:
        return nn.LayerNorm(wide, eps=shape.layer_norm_eps)

    def embedding(count: int) -> nn.Embedding:
        return nn.Embedding(count, wide, _weight=torch.empty(count, wide))

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.self = nn.ModuleDict({name: Linear(wide, wide) for name in ("query", "key", "value")})
            self.output = nn.ModuleDict({"dense": Linear(wide, wide), "LayerNorm": norm()})

        def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
            n, t, _ = x.shape
            query, key, value = (layer(x).view(n, t, shape.num_attention_heads, -1).transpose(1, 2) for layer in self.self.values())
            mixed = scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=drop if self.training else 0.0)
            out = self.output["dense"](mixed.transpose(1, 2).reshape(n, t, wide))
            added: Tensor = self.output["LayerNorm"](dropout(out, drop, self.training) + x)
            return added

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = Attention()
            self.intermediate = nn.ModuleDict({"dense": Linear(wide, shape.intermediate_size)})
            self.output = nn.ModuleDict({"dense": Linear(shape.intermediate_size, wide), "LayerNorm": norm()})

        def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
            x = self.attention(x, mask)
            out = self.output["dense"](gelu(self.intermediate["dense"](x)))
            added: Tensor = self.output["LayerNorm"](dropout(out, drop, self.training) + x)
            return added

    class Bert(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            tables = {"word": shape.vocab_size, "position": shape.max_position_embeddings, "token_type": shape.type_vocab_size}
            self.embeddings: Any = nn.ModuleDict({**{f"{name}_embeddings": embedding(count) for name, count in tables.items()}, "LayerNorm": norm()})
            self.encoder = nn.ModuleDict({"layer": nn.Sequential(*(Layer() for _ in range(shape.num_hidden_layers)))})

        def forward(self, ids: Tensor, mask: Tensor | None) -> Tensor:
            place = self.embeddings["position_embeddings"].weight[: ids.shape[1]]
            kind = self.embeddings["token_type_embeddings"].weight[0]
            x = self.embeddings["LayerNorm"](self.embeddings["word_embeddings"](ids) + place + kind)
            x = dropout(x, drop, self.training)
            seen = None if mask is None else mask.bool()[:, None, None, :]
            for layer in self.encoder["layer"].children():
                x = layer(x, seen)
            return x

    return Bert()


def load_bert(shape: Shape, path: Path) -> nn.Module:
    """The model with the weights of a safetensors file. Raises FileFormatError naming the file and the first weight that is missing or misshapen."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = {name.removeprefix("bert."): value for name, value in load_file(path).items()}
    except (OSError, SafetensorError) as problem:
        raise FileFormatError(f"{path}: not a whole safetensors file: {problem}") from None
    model = bert(shape)
    wanted = model.state_dict()
    for name, value in wanted.items():
        if name not in found or found[name].shape != value.shape:
            there = f"has shape {tuple(found[name].shape)}" if name in found else "is missing"
            raise FileFormatError(f"{path}: {name}: {there}, expected shape {tuple(value.shape)}")
    model.load_state_dict({name: found[name].float() for name in wanted}, assign=True)
    return model.eval()
