"""Plots of dataset statistics as PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..evaluation.plots import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOUR = "#1f6f8b"
_MOST_BARS = 30


def lengths(rows: Sequence[Mapping[str, Any]], name: str) -> bytes:
    """PNG of a frame table: how many clips are how long, and how many are shorter."""

    def paint(axes: list[Axes]) -> None:
        places = [row["low"] for row in rows]
        width = float(rows[0]["high"] - rows[0]["low"] + 1)
        axes[0].bar(places, [row["count"] for row in rows], 0.9 * width, align="edge" if width > 1 else "center", color=_COLOUR)
        axes[0].set_ylabel("clips")
        axes[1].step([row["high"] for row in rows], [100.0 * row["cumulative"] for row in rows], where="post", color=_COLOUR)
        axes[1].set_ylim(0.0, 103.0)
        axes[1].set_ylabel("% of the clips up to here")
        for ax, title in ((axes[0], f"Frames, {name}"), (axes[1], "Cumulative")):
            ax.set_xlabel("frames")
            ax.set_title(title)

    return draw(2, paint)


def glosses(rows: Sequence[Mapping[str, Any]], name: str) -> bytes:
    """PNG of a gloss table: the most frequent glosses, and occurrences by rank."""

    def paint(axes: list[Axes]) -> None:
        shown = list(rows[:_MOST_BARS])[::-1]
        axes[0].barh([_plain(row["gloss"]) for row in shown], [row["occurrences"] for row in shown], color=_COLOUR)
        axes[0].tick_params(axis="y", labelsize=7)
        axes[0].set_xlabel("occurrences")
        axes[0].set_title(f"Most frequent of {len(rows)} glosses, {name}")
        axes[1].loglog(range(1, len(rows) + 1), [row["occurrences"] for row in rows], marker=".", linewidth=0.8, color=_COLOUR)
        axes[1].set_xlabel("rank")
        axes[1].set_ylabel("occurrences")
        axes[1].set_title("By rank")

    return draw(2, paint)


def coverage(rows: Sequence[Mapping[str, Any]], name: str) -> bytes:
    """PNG of a coverage table: of each feature, how many of its values occur; and the most frequent handshapes."""
    from .statistics import covered

    def paint(axes: list[Axes]) -> None:
        found = covered(rows)
        names = [feature.replace("_", " ") for feature in found][::-1]
        shares = [100.0 * seen / total for seen, total in found.values()][::-1]
        bars = axes[0].barh(names, shares, color=_COLOUR)
        axes[0].bar_label(bars, [f"{seen} of {total}" for seen, total in found.values()][::-1], fontsize=8, padding=3)
        axes[0].set_xlim(0.0, 125.0)
        axes[0].set_xlabel("% of the values occur")
        axes[0].set_title(f"Phonology, {name}")
        shapes = sorted((row for row in rows if row["feature"] == "handshape"), key=lambda row: (-row["occurrences"], row["value"]))
        shown = [row for row in shapes if row["occurrences"]][:_MOST_BARS]
        axes[1].barh([_plain(row["value"]) for row in shown][::-1], [row["occurrences"] for row in shown][::-1], color=_COLOUR)
        axes[1].tick_params(axis="y", labelsize=7)
        axes[1].set_xlabel("occurrences")
        axes[1].set_title("Most frequent handshapes")

    return draw(2, paint)


def _plain(text: str) -> str:
    """As matplotlib shows it letter by letter: a `$` begins a formula otherwise."""
    return text[:30].replace("$", r"\$")
