"""`signgen lexicon`, through the real command line: what it lists, measures, draws, compares and imports; and bad tables."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import pytest

from signgen_core.phonology.asl_lex import COLUMNS
from signgen_core.phonology.features import Phonology
from signgen_core.phonology.lexicon import dump_lexicon, entry_to_json, load_lexicon, user_lexicon_folder

HALF = Path(__file__).resolve().parents[3] / "shared" / "data" / "asl_lex2" / "signdata_half.csv"


def cells(name: str, m: Phonology) -> dict[str, str]:
    """A row of a table of our own, coded as one of our morphemes is."""
    values = {f"{COLUMNS[f]}.2.0": getattr(m, f) for f in COLUMNS}
    shown = {k: "NA" if v is None else str(int(v)) if isinstance(v, bool) else v for k, v in values.items()}
    return {"EntryID": name, "LexicalClass": "Noun", **shown}


def write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(stream.getvalue(), encoding="utf-8")
    return path


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the user's for one test."""
    from signgen_core.phonology import lexicon

    monkeypatch.setenv("SIGNGEN_DATA", str(tmp_path / "data"))
    lexicon._load.cache_clear()
    yield user_lexicon_folder()  # type: ignore[misc]
    lexicon._load.cache_clear()


def test_signs_are_listed_by_word_place_and_hand(run: Callable[..., Any]) -> None:
    shown = run("lexicon", "list")
    assert shown.status == 0 and len(shown.out.splitlines()) == len(load_lexicon()) and shown.err == f"{len(load_lexicon())} signs\n"
    found = json.loads(run("lexicon", "list", "--word", "mother", "--json").out)
    assert {"MOTHER", "GRANDMOTHER"} <= {f["gloss_id"] for f in found}
    at_chin = run("lexicon", "list", "--location", "chin", "--handshape", "5", "--pos", "noun").out
    assert "MOTHER" in at_chin and "FATHER" not in at_chin
    assert run("lexicon", "list", "--word", "zzz").out == ""


def test_one_sign_in_full(run: Callable[..., Any]) -> None:
    shown = run("lexicon", "show", "mother")
    assert shown.status == 0 and "minor location: Chin" in shown.out and "words: mother" in shown.out
    data = json.loads(run("lexicon", "show", "MOTHER", "--json").out)
    assert data == {"MOTHER": entry_to_json(load_lexicon().get("MOTHER"))}
    assert "g-WAVE" in run("lexicon", "show", "g-wave").out
    wrong = run("lexicon", "show", "MOTHR")
    assert wrong.status == 1 and wrong.err.startswith("error: unknown gloss 'MOTHR'; nearest: ") and wrong.err.count("\n") == 1


def test_checking_good_signs_and_bad_ones(run: Callable[..., Any], tmp_path: Path) -> None:
    good = run("lexicon", "check", "MOTHER", "HELLO", "g-NOD")
    assert good.status == 0 and good.out == "3 signs, 0 with faults, 0 pairs the same\n"
    entry = entry_to_json(load_lexicon().get("MOTHER"))
    far = json.loads(json.dumps(entry))
    far["morphemes"][0]["location_offset"] = [0.0, 0.0, 0.9]
    folder = tmp_path / "signs"
    folder.mkdir()
    (folder / "own.json").write_text(dump_lexicon({"A": entry, "B": entry, "FAR": far}), encoding="utf-8")
    bad = run("lexicon", "check", "--folder", str(folder))
    assert bad.status == 1 and "FAR: contact misses its place" in bad.out and "A and B are the same sign" in bad.out
    assert bad.out.endswith("3 signs, 1 with faults, 1 pair the same\n")
    data = json.loads(run("lexicon", "check", "--folder", str(folder), "--json").out)
    assert [s["gloss_id"] for s in data["signs"]] == ["A", "B", "FAR"] and data["same"] == [["A", "B"]] and data["signs"][2]["faults"]
    other = tmp_path / "others"
    other.mkdir()
    (other / "own.json").write_text('{"version": 1, "sign_language": "ase", "signs": {"X": {"morphemes": [{"handshape": "claw"}]}}}')
    broken = run("lexicon", "check", "--folder", str(other))
    assert broken.status == 1 and broken.err.startswith("error: own.json: signs.X.morphemes[0].handshape: unknown handshape 'claw'")


def test_pictures_of_a_subset(run: Callable[..., Any], tmp_path: Path) -> None:
    shown = run("lexicon", "sheet", "MOTHER", "g-WAVE", "-o", "s.png", "--frames", "3")
    assert shown.status == 0 and shown.out == "s.png  2 signs\n"
    picture = iio.imread(tmp_path / "s.png")
    assert picture.shape[1] == 3 * 240 and picture.shape[0] > 2 * 240 and picture.std() > 20
    assert (picture[:240, :240].astype(int) != picture[:240, 240:480].astype(int)).any(), "the hand moves"
    for arguments in (["MOTHER", "--all"], []):
        wrong = run("lexicon", "sheet", *arguments, "-o", "s2.png")
        assert wrong.status == 2 and "Give either GLOSS ..., --all or --source" in wrong.err
    assert run("lexicon", "sheet", "--source", "nowhere.json", "-o", "s2.png").status == 2
    assert not (tmp_path / "s2.png").exists()


def test_agreement_with_a_table(run: Callable[..., Any], tmp_path: Path) -> None:
    lexicon = load_lexicon()
    same, other = lexicon.get("MOTHER"), lexicon.get("FATHER")
    rows = [cells("mother", same.morphemes[0]), {**cells("father", other.morphemes[0]), "MinorLocation.2.0": "Chin", "Handshape.2.0": "Y"}]
    table = write_table(tmp_path / "t.csv", rows)
    shown = run("lexicon", "compare", str(table))
    assert shown.status == 0 and "2 lemmas in both" in shown.out and "FATHER: minor_location Forehead, in father Chin" in shown.out
    data = json.loads(run("lexicon", "compare", str(table), "--json").out)
    assert data["lemmas"] == 2 and data["features"]["handshape"] == {"agree": 1, "variant": 0, "compared": 2, "share": 0.5}
    assert data["features"]["sign_type"]["share"] == 1.0


def test_a_table_becomes_one_s_own_signs(run: Callable[..., Any], tmp_path: Path, own: Path) -> None:
    from signgen_core.phonology import lexicon as module

    shipped = load_lexicon()
    rows = [cells("zebra_crossing", shipped.get("MOTHER").morphemes[0]), cells("mother", shipped.get("FATHER").morphemes[0])]
    table = write_table(tmp_path / "t.csv", rows)
    shown = run("lexicon", "import", str(table))
    assert shown.status == 0 and "2 signs, 1 of them new to the lexicon" in shown.out and (own / "asl_lex.json").is_file()
    module._load.cache_clear()
    entry = load_lexicon().get("ZEBRA-CROSSING")
    assert entry.inferred and "CC BY-NC" in entry.licence
    assert load_lexicon().get("MOTHER") == shipped.get("MOTHER"), "the shipped sign stands"
    planned = run("plan", "--gloss", "ZEBRA-CROSSING MOTHER", "-o", "p.json")
    assert planned.status == 0
    action = json.loads((tmp_path / "p.json").read_text())["actions"][0]
    assert "CC BY-NC" in action["provenance"]["licence"]
    run("lexicon", "import", str(table), "--override")
    module._load.cache_clear()
    assert load_lexicon().get("MOTHER").morphemes[0].minor_location == shipped.get("FATHER").morphemes[0].minor_location
    # what was imported from a table is not compared with it
    module._load.cache_clear()
    assert json.loads(run("lexicon", "compare", str(table), "--json").out)["lemmas"] <= 1


@pytest.mark.parametrize("command", ["compare", "import"])
def test_bad_tables_are_one_line(run: Callable[..., Any], tmp_path: Path, own: Path, command: str) -> None:
    row = cells("mother", load_lexicon().get("MOTHER").morphemes[0])

    def refused(path: str, words: str) -> None:
        shown = run("lexicon", command, path)
        assert shown.status == 1 and shown.out == "" and shown.err.startswith("error: ") and shown.err.count("\n") == 1 and words in shown.err, shown

    refused("absent.csv", "absent.csv: No such file")
    (tmp_path / "t.csv").write_bytes(b"\x00\x01\x02")
    refused("t.csv", "t.csv: ")
    write_table(tmp_path / "t.csv", [{k: v for k, v in row.items() if k != "SignType.2.0"}])
    refused("t.csv", "t.csv: no column SignType.2.0")
    write_table(tmp_path / "t.csv", [{**row, "Movement.2.0": "Wobbly"}])
    refused("t.csv", "t.csv: line 2: Movement.2.0: 'Wobbly' is not one of")
    assert not own.exists() or not list(own.iterdir())


@pytest.mark.skipif(not HALF.is_file(), reason="the ASL-LEX half is not here")
def test_the_real_table_agrees_where_it_has_our_lemmas(run: Callable[..., Any]) -> None:
    data = json.loads(run("lexicon", "compare", str(HALF), "--json").out)
    assert data["lemmas"] >= 250
    for feature in ("handshape", "sign_type", "major_location", "minor_location", "movement", "repeated_movement", "contact"):
        counted = data["features"][feature]
        assert (counted["agree"] + counted["variant"]) / counted["compared"] >= 0.85, (feature, counted)
