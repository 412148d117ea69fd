"""ASL-LEX tables of our own writing: read as they are found in the wild, compared, and imported with the gaps inferred."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import pytest

from signgen_core.errors import FileFormatError
from signgen_core.phonology.asl_lex import COLUMNS, REQUIRED, compare, gloss_of, read_asl_lex
from signgen_core.phonology.handshapes import load_handshapes
from signgen_core.phonology.infer import BODY_TERMS, entries_from
from signgen_core.phonology.lexicon import Lexicon, dump_lexicon, entry_to_json, load_lexicon, read_lexicon_file

ROW = {
    "EntryID": "mother", "LemmaID": "mother", "LexicalClass": "Noun", "Handshape.2.0": "5", "SelectedFingers.2.0": "imrp", "Flexion.2.0": "FullyOpen",
    "FlexionChange.2.0": "0", "Spread.2.0": "1", "SpreadChange.2.0": "0", "ThumbPosition.2.0": "Open", "ThumbContact.2.0": "0",
    "SignType.2.0": "OneHanded", "Movement.2.0": "BackAndForth", "RepeatedMovement.2.0": "1", "MajorLocation.2.0": "Head", "MinorLocation.2.0": "Chin",
    "SecondMinorLocation.2.0": "NA", "Contact.2.0": "1", "NonDominantHandshape.2.0": "NA", "UlnarRotation.2.0": "0",
}  # fmt: skip


def table(tmp_path: Path, *changes: dict[str, str], encoding: str = "utf-8", drop: tuple[str, ...] = ()) -> Path:
    """A csv with one row for each dict of changes to ROW."""
    rows = [{**ROW, **change} for change in (changes or ({},))]
    names = [n for n in dict.fromkeys(k for row in rows for k in row) if n not in drop]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, names, extrasaction="ignore", restval="NA")
    writer.writeheader()
    writer.writerows(rows)
    path = tmp_path / "table.csv"
    path.write_bytes(stream.getvalue().encode(encoding))
    return path


def test_a_row_is_read_in_our_terms(tmp_path: Path) -> None:
    (row,) = read_asl_lex(table(tmp_path, {"EntryID": "ice_cream_1"}))
    assert row.gloss == "ICE-CREAM" and row.line == 2
    (m,) = row.morphemes
    assert m["handshape"] == "5" and m["contact"] is True and m["repeated_movement"] is True and m["flexion_change"] is False
    assert m["second_minor_location"] is None and m["nondominant_handshape"] is None


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"Handshape.2.0": "Curved_5"}, "handshape", "curved_5"),
        ({"Handshape.2.0": "OPEN_B"}, "handshape", "open_b"),
        ({"NonDominantHandshape.2.0": "Lax"}, "nondominant_handshape", None),
        ({"NonDominantHandshape.2.0": "DominanceViolation"}, "nondominant_handshape", None),
        ({"NonDominantHandshape.2.0": "B"}, "nondominant_handshape", "open_b"),
        ({"SignType.2.0": "DominanceConditionViolation"}, "sign_type", "DominanceViolation"),
        ({"SignType.2.0": "onehanded"}, "sign_type", "OneHanded"),
        ({"Movement.2.0": "None"}, "movement", "None"),
        ({"Movement.2.0": "backandforth"}, "movement", "BackAndForth"),
        ({"MinorLocation.2.0": "CHIN"}, "minor_location", "Chin"),
        ({"MinorLocation.2.0": "Away"}, "minor_location", "HeadAway"),
        ({"Contact.2.0": "1.0"}, "contact", True),
        ({"Contact.2.0": "False"}, "contact", False),
        ({"UlnarRotation.2.0": "n/a"}, "ulnar_rotation", None),
    ],
)
def test_case_sentinels_and_old_names(tmp_path: Path, change: dict[str, str], field: str, value: object) -> None:
    (row,) = read_asl_lex(table(tmp_path, change))
    assert row.morphemes[0][field] == value


def test_boms_latin_1_and_blank_lines(tmp_path: Path) -> None:
    path = table(tmp_path, {"EntryID": "café"}, encoding="utf-8-sig")
    assert read_asl_lex(path)[0].entry_id == "café"
    path.write_bytes(path.read_bytes().decode("utf-8-sig").encode("latin-1") + b"\r\n,,,\r\n")
    path.write_bytes(path.read_bytes().replace(b",,,\r\n", b"," * (len(ROW) - 1) + b"\r\n"))
    assert [r.entry_id for r in read_asl_lex(path)] == ["café"]


def test_compounds_have_a_morpheme_each_and_uncoded_signs_none(tmp_path: Path) -> None:
    second = {f"{column}M2.2.0": ROW[f"{column}.2.0"] for column in COLUMNS.values()} | {"MinorLocationM2.2.0": "Away", "MajorLocationM2.2.0": "Hand"}
    rows = read_asl_lex(table(tmp_path, second, {"EntryID": "uncoded", "Handshape.2.0": "NA"}))
    assert len(rows) == 1 and len(rows[0].morphemes) == 2 and rows[0].morphemes[1]["minor_location"] == "HandAway"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"Handshape.2.0": "claw"}, r"table.csv: line 2: Handshape.2.0: unknown handshape 'claw'"),
        ({"MajorLocation.2.0": "Foot"}, r"line 2: MajorLocation.2.0: 'Foot' is not one of"),
        ({"Contact.2.0": "perhaps"}, r"line 2: Contact.2.0: expected 0 or 1, found 'perhaps'"),
        ({"EntryID": ""}, "line 2: EntryID is empty"),
    ],
)
def test_a_bad_cell_is_named(tmp_path: Path, change: dict[str, str], problem: str) -> None:
    with pytest.raises(FileFormatError, match=problem):
        read_asl_lex(table(tmp_path, change))


@pytest.mark.parametrize("name", ["EntryID", *(f"{COLUMNS[f]}.2.0" for f in REQUIRED)])
def test_a_missing_column_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileFormatError, match=f"no column {name}; expected an ASL-LEX 2.0 table"):
        read_asl_lex(table(tmp_path, drop=(name,)))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04\0\0", b"\n\n", b"a,b\n1,2\n"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="x.csv: "):
        read_asl_lex(path)
    with pytest.raises(FileFormatError, match="No such file"):
        read_asl_lex(tmp_path / "absent.csv")


def test_short_rows_are_named(tmp_path: Path) -> None:
    path = table(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + "only,three,cells\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match="line 3: 3 cells, the header has"):
        read_asl_lex(path)


def coded_as(gloss: str) -> dict[str, str]:
    """The cells of a one-handed sign of the lexicon."""
    m = load_lexicon().get(gloss).morphemes[0]
    return {
        "Handshape.2.0": m.handshape, "SignType.2.0": m.sign_type, "Movement.2.0": m.movement, "Contact.2.0": str(int(m.contact)),
        "RepeatedMovement.2.0": str(int(m.repeated_movement)), "MajorLocation.2.0": m.major_location, "MinorLocation.2.0": m.minor_location,
    }  # fmt: skip


def test_comparison_counts_by_hand(tmp_path: Path) -> None:
    lexicon = load_lexicon()
    coded = coded_as("MOTHER")
    wrong = {**coded, "EntryID": "father", "MinorLocation.2.0": "Mouth", "Handshape.2.0": "y"}
    few = Lexicon([lexicon.get("MOTHER"), lexicon.get("FATHER"), lexicon.get("BOOK")])
    result = compare(few, read_asl_lex(table(tmp_path, coded, wrong)))
    assert result.pairs == [("MOTHER", "mother"), ("FATHER", "father")] and result.only_lexicon == ["BOOK"]
    assert result.share("handshape") == 0.5 and result.share("minor_location") == 0.5 and result.share("sign_type") == 1.0
    assert {(d.gloss_id, d.feature) for d in result.disagreements if d.feature in ("handshape", "minor_location")} == {
        ("FATHER", "handshape"), ("FATHER", "minor_location"),
    }  # fmt: skip
    # of two rows of one lemma the nearer one counts
    both = compare(few, read_asl_lex(table(tmp_path, {**wrong, "EntryID": "mother_1"}, {**coded, "EntryID": "mother_2"})))
    assert both.pairs == [("MOTHER", "mother_2")] and both.share("handshape") == 1.0
    assert math.isnan(compare(Lexicon([]), read_asl_lex(table(tmp_path))).share("handshape"))


def test_names_become_glosses() -> None:
    assert [gloss_of(n) for n in ("ice_cream_1", "don't_know", "1_dollar", "a-line_bob")] == ["ICE-CREAM", "DONT-KNOW", "1-DOLLAR", "A-LINE-BOB"]


def test_imported_signs_keep_what_was_coded_and_say_what_was_inferred(tmp_path: Path) -> None:
    lexicon = load_lexicon()
    other = {"EntryID": "zzz_new_2", "MinorLocation.2.0": "Forehead", "Handshape.2.0": "y"}
    rows = read_asl_lex(table(tmp_path, {**coded_as("MOTHER"), "EntryID": "zzz_new"}, other))
    first, second = entries_from(rows, lexicon)
    assert (first.gloss_id, second.gloss_id) == ("ZZZ-NEW", "ZZZ-NEW-2")
    for entry, row in zip((first, second), rows, strict=True):
        for feature in REQUIRED:
            assert getattr(entry.morphemes[0], feature) == row.morphemes[0][feature], feature
        assert entry.inferred and {i.split(".", 1)[1] for i in entry.inferred} <= set(BODY_TERMS)
    assert first.morphemes[0].palm == lexicon.get("MOTHER").morphemes[0].palm  # the sign that is coded just so
    path = tmp_path / "own.json"
    path.write_text(dump_lexicon({e.gloss_id: entry_to_json(e) for e in (first, second)}, licence="CC BY-NC 4.0"), encoding="utf-8")
    read = read_lexicon_file(path, load_handshapes())
    assert [e.morphemes for e in read] == [first.morphemes, second.morphemes]
    assert read[0].inferred == first.inferred and read[0].licence == "CC BY-NC 4.0"
