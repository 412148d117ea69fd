"""Tables and corpora of labelled sentences, good and bad."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from signgen_core.errors import InputError
from signgen_core.presets import PRESETS_DIR
from signgen_core.text.classifier import HEADS
from signgen_core.train.corpora import EMOTION_OF, SUBJECT_OF, read_corpus, spread
from signgen_core.train.table import Example, check_classes, read_table

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "text"
SHIPPED = sorted((PRESETS_DIR / "training").glob("*.tsv"))


def write(tmp_path: Path, text: str, name: str = "t.tsv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_of_tsv_and_csv(tmp_path: Path) -> None:
    tsv = write(tmp_path, '\ufeffText\tEmotion\tsubject\nHe said "hi", twice.\tPositive\t\n\nWhy?\t\tinquiry\n')
    assert read_table(tsv) == [Example('He said "hi", twice.', {"emotion": "positive"}, "t.tsv"), Example("Why?", {"subject": "inquiry"}, "t.tsv")]
    both = write(tmp_path, 'emotion,text\nnegative,"Well, no."\n', "t.csv")
    assert read_table(both) == [Example("Well, no.", {"emotion": "negative"}, "t.csv")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "no column text"),
        ("sentence\temotion\nHi\tpositive\n", "no column text"),
        ("text\nHi\n", "no column of labels"),
        ("text\tmood\nHi\tglad\n", "unknown column 'mood'"),
        ("text\temotion\n", "has no rows"),
        ("text\temotion\nHi\tglad\n", "line 2: emotion: unknown label 'glad'; known: positive, negative, neutral"),
        ("text\temotion\nHi\tpositive\n\tpositive\n", "line 3: text is empty"),
        ("text\temotion\nHi\n", "line 2: 1 cells, the header has 2"),
        ("text\temotion\n" + "a" * 2001 + "\tpositive\n", "text has 2001 characters"),
        ("text\temotion\nHi\0\tpositive\n", "not a text table"),
    ],
)
def test_bad_tables_are_one_line(tmp_path: Path, content: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        read_table(write(tmp_path, content))
    assert "t.tsv" in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a table that ends in .csv or .tsv"):
        read_table(write(tmp_path, "text\n", "t.txt"))
    with pytest.raises(InputError, match="No such file"):
        read_table(tmp_path / "absent.tsv")
    (tmp_path / "latin.tsv").write_bytes("text\temotion\ncafé\tpositive\n".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_table(tmp_path / "latin.tsv")


def test_one_class_is_nothing_to_learn() -> None:
    rows = [Example("a", {"emotion": "positive"}), Example("b", {"emotion": "positive"})]
    rows += [Example("c", {"subject": "anger"}), Example("d", {"subject": "praise"})]
    with pytest.raises(InputError, match="emotion: all 2 labels are 'positive'"):
        check_classes(rows)
    assert check_classes(rows, ["subject"]) == {"subject": {"anger": 1, "praise": 1}}
    with pytest.raises(InputError, match="hold no labels"):
        check_classes([Example("a", {})])


@pytest.mark.skipif(not SHIPPED, reason="no training tables are shipped")
def test_shipped_sentences_are_enough_and_apart() -> None:
    train = [e for p in SHIPPED if p.name.startswith("sentences_") for e in read_table(p)]
    test = [e for p in SHIPPED if p.name.startswith("test_") for e in read_table(p)]
    counts = check_classes(train)
    assert all(set(e.labels) == set(HEADS) for e in train + test)
    for head, labels in HEADS.items():
        for label in labels:
            assert counts[head].get(label, 0) >= 150, (head, label, counts[head].get(label, 0))
    for subject in HEADS["subject"]:
        assert sum(e.labels["subject"] == subject for e in test) >= 14

    def grams(text: str) -> frozenset[tuple[str, ...]]:
        words = "".join(c if c.isalnum() or c == "'" else " " for c in text.lower()).split()
        return frozenset(tuple(words[i : i + 3]) for i in range(len(words) - 2)) or frozenset({tuple(words)})

    seen: dict[tuple[str, ...], list[int]] = {}
    known = [grams(e.text) for e in train]
    for k, g in enumerate(known):
        for gram in g:
            seen.setdefault(gram, []).append(k)
    near = []
    for example in test:
        own = grams(example.text)
        for k in {k for gram in own for k in seen.get(gram, ())}:
            if len(own & known[k]) / len(own | known[k]) > 0.6:
                near.append((example.text, train[k].text))
    assert not near


def test_corpora_in_our_terms(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("anger\ngratitude\nneutral\n")
    (tmp_path / "train.tsv").write_text("Thanks!\t1\tid1\nWell\t0,1\tid2\nThe sky.\t2\tid3\n")
    assert [(e.text, e.labels) for e in read_corpus("goemotions", tmp_path)] == [
        ("Thanks!", {"emotion": "positive", "subject": "gratitude"}), ("The sky.", {"emotion": "neutral"}),
    ]  # fmt: skip
    (tmp_path / "train.tsv").write_text("Thanks!\t9\tid1\n")
    with pytest.raises(InputError, match="line 1: label 9 is not from 0 to 2"):
        read_corpus("goemotions", tmp_path)
    (tmp_path / "data_full.json").write_text(json.dumps({"train": [["hey", "greeting"], ["what is 2 plus 2", "calculator"]]}))
    assert [(e.text, e.labels["gesture"]) for e in read_corpus("clinc150", tmp_path)] == [("hey", "wave")]
    with pytest.raises(InputError, match="has no part 'dev'"):
        read_corpus("clinc150", tmp_path, "dev")
    (tmp_path / "validate_GetWeather.json").write_text(json.dumps({"GetWeather": [{"data": [{"text": "rain in "}, {"text": "Rome", "entity": "city"}]}]}))
    assert [(e.text, e.labels["subject"]) for e in read_corpus("snips", tmp_path)] == [("rain in Rome", "inquiry")]
    (tmp_path / "sentence-concept_database.csv").write_text('"No, I don\'t.",,shake_head\nUgh,,bad\n')
    assert [(e.text, e.labels) for e in read_corpus("msrabot", tmp_path)] == [("No, I don't.", {"gesture": "shakehead"})]
    for name, folder in (("nlu", tmp_path), ("snips", tmp_path / "absent"), ("goemotions", tmp_path)):
        (tmp_path / "labels.txt").unlink(missing_ok=True)
        with pytest.raises(InputError):
            read_corpus(name, folder)


def test_rows_of_a_corpus_are_drawn_evenly() -> None:
    rows = [Example(f"p{k}", {"emotion": "positive"}) for k in range(50)] + [Example(f"n{k}", {"emotion": "negative"}) for k in range(3)]
    drawn = spread(rows, 10, seed=1)
    assert sum(r.labels["emotion"] == "negative" for r in drawn) == 3 and len(drawn) == len({r.text for r in drawn}) == 10
    assert drawn == spread(rows, 10, seed=1) != spread(rows, 10, seed=2)
    assert len(spread(rows, 999, seed=1)) == 53 and spread([], 5, seed=1) == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="the corpora are not here")
def test_real_corpora_are_read_and_their_names_known() -> None:
    names = set((SHARED / "goemotions" / "labels.txt").read_text().split())
    assert set(EMOTION_OF) <= names and set(SUBJECT_OF) <= names
    assert len(read_corpus("goemotions", SHARED / "goemotions")) > 30000
    assert len(read_corpus("goemotions", SHARED / "goemotions", "dev")) > 4000
    for name, folder in (("clinc150", "clinc150"), ("snips", "snips"), ("msrabot", "msrabot_gestures")):
        assert len(read_corpus(name, SHARED / folder)) > 100
