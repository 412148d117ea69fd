"""Tables of a dataset held to counts that were done by hand."""

from __future__ import annotations

import pytest

from signgen_core.datasets import plots
from signgen_core.datasets.statistics import FEATURES, coverage_table, covered, frame_table, gloss_table, glosses_of, inventory, length_summary
from signgen_core.errors import InputError
from signgen_core.phonology.lexicon import load_lexicon


def test_frame_table_of_the_asllvd_skeletons() -> None:
    """The published table of 7,088 skeletons: counts, shares and cumulative shares to two digits."""
    counts = {1: 13, 2: 2082, 3: 3263, 4: 1392, 5: 281, 6: 49, 7: 8}
    rows = frame_table([frames for frames, n in counts.items() for _ in range(n)])
    assert {row["low"]: row["count"] for row in rows} == counts and all(row["low"] == row["high"] for row in rows)
    assert [f"{100 * row['share']:.2f}" for row in rows] == ["0.18", "29.37", "46.04", "19.64", "3.96", "0.69", "0.11"]
    assert [f"{100 * row['cumulative']:.2f}" for row in rows] == ["0.18", "29.56", "75.59", "95.23", "99.20", "99.89", "100.00"]


def test_wide_spans_share_rows_of_a_round_width_without_gaps() -> None:
    rows = frame_table([3, 58, 58, 195, 194])
    assert [row["low"] for row in rows] == list(range(0, 200, 10)) and [row["high"] for row in rows] == list(range(9, 200, 10))
    assert [row["count"] for row in rows if row["count"]] == [1, 2, 2] and rows[-1]["cumulative"] == 1.0
    assert [row["low"] for row in frame_table([10, 29], width=20)] == [0, 20]
    assert len(frame_table([7])) == 1
    for wrong in ([], [3]):
        with pytest.raises(InputError, match="frame table"):
            frame_table(wrong, width=-1 if wrong else 0)


def test_length_summary() -> None:
    found = length_summary([10, 20, 30], [10.0, 10.0, 30.0])
    assert found["seconds"] == pytest.approx(4.0) and (found["least"], found["median"], found["most"], found["mean"]) == (10, 20, 30, 20)
    assert (found["fps_low"], found["fps_high"], found["frames"], found["clips"]) == (10.0, 30.0, 60, 3)
    with pytest.raises(InputError):
        length_summary([], [])


def test_texts_are_glosses_where_they_are_no_sentences() -> None:
    lexicon = load_lexicon()
    assert glosses_of(["HELLO", "IX-1"], "whatever this is.", lexicon) == ("HELLO", "IX-1")
    assert glosses_of([], "hello", lexicon) == ("HELLO",)
    assert glosses_of([], "HELLO HOME", lexicon) == ("HELLO", "HOME")
    assert glosses_of([], "blorb", lexicon) == ("BLORB",)
    assert glosses_of([], "Hello there.", lexicon) == glosses_of([], "I would like to go home", lexicon) == glosses_of([], "", lexicon) == ()


def test_glosses_are_counted_by_occurrence_and_by_clip() -> None:
    rows = gloss_table([("HELLO", "HELLO", "fs-ANNA"), ("HOME+",), ("HELLO", "25", "BLORB")], load_lexicon())
    assert rows[0] == {"gloss": "HELLO", "kind": "sign", "occurrences": 3, "clips": 2}
    assert {row["gloss"]: row["kind"] for row in rows[1:]} == {"25": "number", "BLORB": "unknown", "HOME+": "sign", "fs-ANNA": "fingerspelled"}


def test_coverage_counts_the_values_of_the_signs() -> None:
    lexicon = load_lexicon()
    rows = coverage_table({"HELLO": 5, "HOME": 1, "BLORB": 9}, lexicon)
    found = {(row["feature"], row["value"]): (row["signs"], row["occurrences"]) for row in rows}
    for feature, read in FEATURES.items():
        assert {value for f, value in found if f == feature} >= set(inventory(feature))
        for gloss, n in (("HELLO", 5), ("HOME", 1)):
            for value in {v for m in lexicon.get(gloss).morphemes for v in read(m) if v}:
                assert found[feature, value][0] >= 1 and found[feature, value][1] >= n
    assert max(n for _, n in found.values()) == 6  # what the lexicon does not have tells nothing
    seen, total = covered(rows)["sign_type"]
    assert total == len(inventory("sign_type")) and 1 <= seen <= 2


def test_plots_are_pictures_and_the_same_each_time() -> None:
    pytest.importorskip("matplotlib")
    lexicon = load_lexicon()
    rows, glosses = frame_table([10, 20, 20, 90]), gloss_table([("HELLO",), ("A$B_{", "HELLO")], lexicon)
    cover = coverage_table({"HELLO": 2}, lexicon)
    assert plots.lengths(rows, "x$") == plots.lengths(rows, "x$")
    for made in (plots.lengths(rows, "x$"), plots.glosses(glosses, "x"), plots.coverage(cover, "x")):
        assert made.startswith(b"\x89PNG")
