"""The shipped lexicon, and how broken lexicon files are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from signgen_core.audit import twins
from signgen_core.errors import LexiconError
from signgen_core.phonology.handshapes import load_handshapes
from signgen_core.phonology.lexicon import load_lexicon, read_lexicon_file

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def test_the_lexicon_holds_what_the_readme_promises():
    lexicon = load_lexicon()
    assert len(lexicon) >= 120
    for gloss in (
        "HELLO GOODBYE THANK-YOU PLEASE SORRY YES NO IX-1 IX-2 IX-3 POSS-1 POSS-2 WHAT WHERE WHO WHEN WHY HOW WHICH MONDAY TUESDAY WEDNESDAY THURSDAY "
        "FRIDAY SATURDAY SUNDAY MOTHER FATHER BROTHER SISTER SON DAUGHTER RED BLUE GREEN YELLOW BLACK WHITE"
    ).split():
        assert lexicon.has(gloss), gloss


def test_every_entry_is_described_and_found_by_its_words():
    lexicon = load_lexicon()
    for entry in lexicon.entries.values():
        assert len(entry.description) > 10, entry.gloss_id
        assert entry.words or entry.kind in ("index", "gesture") or entry.gloss_id[0] == "#", entry.gloss_id  # a loan may have a sign of the same word
        for word in entry.words:
            assert lexicon.find(word) is not None
    owners: dict[str, str] = {}
    for entry in lexicon.entries.values():
        for word in entry.words:
            assert owners.setdefault(word, entry.gloss_id) == entry.gloss_id, f"{word!r} stands in {owners[word]} and {entry.gloss_id}"


def test_wlasl100_is_covered():
    source = SHARED / "wlasl" / "wlasl2000_glosses.json"
    if not source.exists():
        pytest.skip("the WLASL gloss list is not here")
    names = [g["gloss"] for g in json.loads(source.read_text(encoding="utf-8"))["glosses"] if g["wlasl100"]]
    lexicon = load_lexicon()
    missing = [n for n in names if lexicon.find(n) is None and not lexicon.has(n.upper().replace(" ", "-"))]
    assert len(names) == 100 and not missing


def test_two_entries_are_never_the_same_sign():
    assert not twins(load_lexicon().entries.values())


def test_unknown_gloss_names_the_nearest():
    with pytest.raises(LexiconError, match="unknown gloss 'MOTHR'; nearest: .*MOTHER"):
        load_lexicon().get("MOTHR")


@pytest.mark.parametrize(
    ("signs", "message"),
    [
        ({"A": {"morphemes": [{"handshape": "zzz"}]}}, "a.json: signs.A.morphemes.0..handshape: unknown handshape 'zzz'"),
        ({"A": {"morphemes": []}}, "a.json: signs.A.morphemes"),
        ({"A": {"morphemes": [{"handshape": "5"}], "word": []}}, "a.json: signs.A.word: unknown field"),
        ({"A": {"morphemes": [{"handshape": "5"}], "words": ["Upper"]}}, "a.json: signs.A.words"),
        ({"A": {"morphemes": [{"handshape": "5"}], "duration": -1}}, "a.json: signs.A.duration"),
        ({"A": {"morphemes": [{"handshape": "5"}], "pos": "thing"}}, "a.json: signs.A.pos"),
        ({"A": {"morphemes": [{"handshape": "5", "final_handshape": "q9"}]}}, "final_handshape: unknown handshape"),
        ([], "a.json: expected an object"),
    ],
)
def test_broken_files_name_file_and_field(tmp_path, signs, message):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"version": 1, "signs": signs}), encoding="utf-8")
    with pytest.raises(LexiconError, match=message):
        read_lexicon_file(path, load_handshapes())


def test_broken_json_says_where(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"version": 1,\n "signs": }', encoding="utf-8")
    with pytest.raises(LexiconError, match="a.json: .*line 2"):
        read_lexicon_file(path, load_handshapes())
    with pytest.raises(LexiconError, match="holds no lexicon files"):
        load_lexicon(tmp_path / "empty")
