"""Readers of openly licensed corpora, on files in their formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from signgen_core.errors import InputError
from signgen_core.text.classifier import HEADS
from signgen_core.train import corpora
from signgen_core.train.corpora import read_corpus

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "text"


@pytest.fixture
def goemotions(tmp_path: Path) -> Path:
    (tmp_path / "labels.txt").write_text("admiration\nanger\nneutral\nrealization\n", encoding="utf-8")
    (tmp_path / "train.tsv").write_text('So well made!\t0\ta\nMixed.\t0,1\tb\nI said "go\t1\tc\nOh, I see.\t3\td\nIt is a bus.\t2\te\n', encoding="utf-8")
    (tmp_path / "dev.tsv").write_text("Get out.\t1\tf\n", encoding="utf-8")
    return tmp_path


def test_goemotions_takes_single_emotions_that_map(goemotions: Path) -> None:
    rows = read_corpus("goemotions", goemotions)
    assert [(r.text, r.labels) for r in rows] == [
        ("So well made!", {"emotion": "positive", "subject": "praise"}),
        ('I said "go', {"emotion": "negative", "subject": "anger"}),
        ("It is a bus.", {"emotion": "neutral"}),
    ]
    assert [r.source for r in read_corpus("goemotions", goemotions, "dev")] == ["goemotions dev"]


@pytest.mark.parametrize(
    ("line", "said"), [("no tabs here\n", "line 1: expected text, labels"), ("a\t44\tb\n", "line 1: label 44"), ("a\t3\tb\n", "no labelled sentence")]
)
def test_bad_goemotions(line: str, said: str, goemotions: Path) -> None:
    (goemotions / "train.tsv").write_text(line, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_corpus("goemotions", goemotions)


def test_clinc_snips_and_msrabot(tmp_path: Path) -> None:
    (tmp_path / "data_full.json").write_text(json.dumps({"train": [["bye now", "goodbye"], ["what is 2+2", "calculator"]]}), encoding="utf-8")
    (tmp_path / "validate_GetWeather.json").write_text(
        json.dumps({"GetWeather": [{"data": [{"text": "will it "}, {"text": "rain", "entity": "x"}]}]}), encoding="utf-8"
    )
    (tmp_path / "sentence-concept_database.csv").write_text('"No, never.",,shake_head\nAhem.,,cough\n', encoding="utf-8")
    assert [(r.text, r.labels) for r in read_corpus("clinc150", tmp_path)] == [("bye now", {"subject": "farewell", "gesture": "wave"})]
    assert [(r.text, r.labels["subject"]) for r in read_corpus("snips", tmp_path)] == [("will it rain", "inquiry")]
    assert [(r.text, r.labels) for r in read_corpus("msrabot", tmp_path)] == [("No, never.", {"gesture": "shakehead"})]


def test_unknown_corpus_folder_and_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'reuters' is not one of"):
        read_corpus("reuters", tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        read_corpus("snips", tmp_path / "none")
    with pytest.raises(InputError, match="data_full.json"):
        read_corpus("clinc150", tmp_path)
    (tmp_path / "data_full.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="not valid JSON"):
        read_corpus("clinc150", tmp_path)


def test_all_labels_that_corpora_give_are_known() -> None:
    for table in (corpora._CLINC, corpora._MSRABOT):
        assert all(label in HEADS[head] for labels in table.values() for head, label in labels.items())
    assert set(corpora.EMOTION_OF.values()) == set(HEADS["emotion"]) and set(corpora.SUBJECT_OF.values()) <= set(HEADS["subject"])


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the corpora beside the repository")
def test_the_real_corpora() -> None:
    folders = {"goemotions": "goemotions", "clinc150": "clinc150", "snips": "snips", "msrabot": "msrabot_gestures"}
    counts = {name: len(read_corpus(name, DATA / folder)) for name, folder in folders.items()}
    assert counts["goemotions"] > 30000 and counts["clinc150"] >= 1500 and counts["snips"] == 700 and counts["msrabot"] > 150, counts
