"""Plots of an evaluation as PNG files. matplotlib is imported only when one is drawn, and draws without a display."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MachineError
from .generation import Evaluation
from .targets import CONTACT_LIMIT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MADE, _REFERENCE, _THIRD = "#1f6f8b", "#d9822b", "#7a7a7a"
_SIDES = (("made", _MADE), ("reference", _REFERENCE))


def check() -> None:
    """Raises MachineError where matplotlib is missing."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as problem:
        raise MachineError(f"plots need the package {problem.name}; `python3 build.py setup` installs it") from None


def of_motions(evaluation: Evaluation, columns: tuple[str, str]) -> dict[str, bytes]:
    """File name -> PNG: errors.png (joint errors over the clips), lengths.png, jitter.png; with plans targets.png; with embeddings embeddings.png. columns:
    what the two sides are called."""
    names = dict(zip(("made", "reference"), columns, strict=True))
    clips = evaluation.clips
    out = {"errors.png": draw(2, lambda axes: _errors(axes, clips))}
    out["lengths.png"] = draw(2, lambda axes: _lengths(axes, clips, names))
    if evaluation.signs:
        out["targets.png"] = draw(2, lambda axes: _targets(axes, evaluation.signs, names))
    if evaluation.embeddings is not None and len(clips) > 1:
        found = evaluation.embeddings
        out["embeddings.png"] = draw(1, lambda axes: _embeddings(axes[0], found, names))
    return out


def of_tokenizer(values: Mapping[str, tuple[float | None, float | None]]) -> dict[str, bytes]:
    """File name -> PNG: errors.png (MPJPE with and without alignment), codebooks.png (use of the codes)."""
    streams = [key.removeprefix("used_share_") for key in values if key.startswith("used_share_")]

    def errors(axes: list[Axes]) -> None:
        groups = ("all", "body", "hands")
        for shift, (key, label, colour) in ((-0.2, ("mpjpe", "MPJPE", _MADE)), (0.2, ("mpjpe_pa", "MPJPE-PA", _REFERENCE))):
            heights = [values[f"{key}_{group}"][0] or 0.0 for group in groups]
            axes[0].bar_label(axes[0].bar(np.arange(3) + shift, heights, 0.38, color=colour, label=label), fmt="%.2f", fontsize=8)
        axes[0].set_xticks(range(3), groups)
        axes[0].set_ylabel("mm")
        axes[0].set_title("Error of what comes back from the tokens")
        axes[0].legend()

    def codes(axes: list[Axes]) -> None:
        size = values["codebook_size"][0] or 1.0
        for shift, (key, label, scale, colour) in ((-0.2, ("used_share", "codes used", 1.0, _MADE)), (0.2, ("perplexity", "perplexity", size, _REFERENCE))):
            heights = [100.0 * (values[f"{key}_{s}"][0] or 0.0) / scale for s in streams]
            axes[0].bar(np.arange(len(streams)) + shift, heights, 0.38, color=colour, label=f"{label}, share of {size:.0f}")
        axes[0].set_xticks(range(len(streams)), [s.replace("_", " ") for s in streams])
        axes[0].set_ylabel("%")
        axes[0].set_ylim(0.0, 128.0)  # the legend stands above full bars
        axes[0].set_title("Use of the codebooks")
        axes[0].legend()

    return {"errors.png": draw(1, errors), "codebooks.png": draw(1, codes)}


def _errors(axes: list[Axes], clips: list[dict[str, Any]]) -> None:
    groups = (("all", _THIRD), ("body", _MADE), ("hands", _REFERENCE))
    for ax, key, title in ((axes[0], "dtw_jpe", "DTW-JPE by length"), (axes[1], "dtw_pa_jpe", "DTW-PA-JPE by length")):
        for group, colour in groups:
            _shares(ax, [row[f"{key}_{group}"] for row in clips], group, colour)
        ax.set_xlabel("mm")
        ax.set_ylabel("% of the clips below")
        ax.set_title(title)
        ax.legend(loc="lower right")


def _lengths(axes: list[Axes], clips: list[dict[str, Any]], names: Mapping[str, str]) -> None:
    seconds = np.array([[row["seconds_reference"], row["seconds_made"]] for row in clips])
    axes[0].axline((0.0, 0.0), slope=1.0, color=_THIRD, linewidth=0.8)
    axes[0].scatter(seconds[:, 0], seconds[:, 1], s=12, color=_MADE, alpha=0.6, linewidths=0)
    axes[0].set_xlim(0.0, 1.05 * seconds.max() + 0.1)
    axes[0].set_ylim(0.0, 1.05 * seconds.max() + 0.1)
    axes[0].set_xlabel(f"{names['reference']}, s")
    axes[0].set_ylabel(f"{names['made']}, s")
    axes[0].set_title("Length")
    for side, colour in _SIDES:
        _shares(axes[1], [row[f"jitter_{side}"] for row in clips], names[side], colour)
    axes[1].set_xlabel("m/s$^3$")
    axes[1].set_ylabel("% of the clips below")
    axes[1].set_title("Jitter")
    axes[1].legend(loc="lower right")


def _targets(axes: list[Axes], signs: list[dict[str, Any]], names: Mapping[str, str]) -> None:
    for ax, key, title in ((axes[0], "wrist_mm", "Wrist to target"), (axes[1], "contact_mm", "Contact gap")):
        ends = [0.0]
        for side, colour in _SIDES:
            values = [row[f"{key}_{side}"] for row in signs if row.get(f"{key}_{side}") is not None]
            if values:
                _shares(ax, values, names[side], colour)
                known = [v for v in values if np.isfinite(v)]
                ends.append(float(np.percentile(known, 98)) if known else 0.0)
        ax.set_xlim(0.0, max(2.0 * CONTACT_LIMIT, 1.05 * max(ends)))
        ax.set_xlabel("mm")
        ax.set_ylabel("% of the signs below")
        ax.set_title(title)
        if ax.lines:
            ax.legend(loc="lower right")
    axes[1].axvline(CONTACT_LIMIT, color=_THIRD, linewidth=0.8, linestyle="--")


def _embeddings(ax: Axes, sides: tuple[np.ndarray, np.ndarray], names: Mapping[str, str]) -> None:
    both = np.concatenate(sides)
    centred = both - both.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    flat = centred @ axes.T
    if flat.shape[1] == 1:
        flat = np.column_stack([flat[:, 0], np.zeros(len(flat))])
    parts = (flat[: len(sides[0])], flat[len(sides[0]) :])
    for (side, colour), part, marker in zip(_SIDES, parts, ("o", "x"), strict=True):
        ax.scatter(part[:, 0], part[:, 1], s=14, color=colour, marker=marker, alpha=0.7, linewidths=0.8, label=names[side])
    ax.set_xlabel("first principal axis")
    ax.set_ylabel("second principal axis")
    ax.set_title("Embeddings of the motions")
    ax.legend()


def _shares(ax: Axes, values: list[float], label: str, colour: str) -> None:
    """How many per cent of the values are below: a line that rises from 0 to 100. What is infinite never comes."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    shares = 100.0 * np.arange(1, len(ordered) + 1) / len(ordered)
    known = np.isfinite(ordered)
    ax.step(np.concatenate([[0.0], ordered[known]]), np.concatenate([[0.0], shares[known]]), where="post", color=colour, label=label)
    ax.set_ylim(0.0, 103.0)
    ax.set_xlim(left=0.0)


def draw(count: int, paint: Callable[[list[Axes]], None]) -> bytes:
    """A PNG with `count` plots side by side, which `paint` fills; the same plot gives the same bytes. Raises MachineError without matplotlib."""
    check()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6 * count, 4.2), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(1, count, k + 1) for k in range(count)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25)
        ax.set_axisbelow(True)
    paint(axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
