"""`signgen train classifier` and `signgen classify`, from a table of sentences to probabilities."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signgen_core.text.classifier import HEADS, SHIPPED

torch = pytest.importorskip("torch")

MOODS = {"positive": ["good", "great", "nice"], "negative": ["bad", "awful", "sad"]}
STARTS = [f"{who} {was}" for who in ("I", "you", "we", "they") for was in ("was", "felt")]
ROWS = [(f"{start} {word} today.", mood) for mood, words in MOODS.items() for word in words for start in STARTS]


@pytest.fixture(scope="module")
def published() -> Path:
    from signgen_core.text.encoder import load_encoder

    return load_encoder().folder


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "moods.tsv"
    path.write_text("text\temotion\n" + "".join(f"{text}\t{mood}\n" for text, mood in ROWS), encoding="utf-8")
    return path


@pytest.fixture
def run_few(run: Callable[..., Any], published: Path, table: Path) -> Callable[..., Any]:
    """`signgen train classifier` with few epochs."""

    def call(*more: str) -> Any:
        given = ["--heads", "emotion", "--epochs", "12", "--encoder-epochs", "1", "--rank", "2", "--lr", "0.01", "--threads", "1", "--encoder", str(published)]
        return run("train", "classifier", *given, *([] if "--data" in more else ["--data", str(table)]), *more)

    return call


def test_train_then_classify_then_judge(run: Callable[..., Any], run_few: Callable[..., Any], published: Path, table: Path, tmp_path: Path) -> None:
    made = run_few("-o", "mine", "--test", str(table))
    assert made.status == 0, made.err
    assert made.out.splitlines()[0].startswith("mine  ") and "held out: emotion" in made.out and "48 sentences to train on, 48 held out" in made.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine"]
    config = json.loads((tmp_path / "mine" / "config.json").read_text(encoding="utf-8"))
    assert config["training"]["sources"] == {"moods.tsv": 48} and config["evaluation"]["emotion"]["count"] == 48
    models = ("--classifier", "mine", "--encoder", str(published))
    (tmp_path / "lines.txt").write_text("We felt great today.\n\nWe felt awful today.\n", encoding="utf-8")
    found = run("classify", "--lines", "lines.txt", "--json", *models)
    assert found.status == 0, found.err
    rows = [json.loads(line) for line in found.out.splitlines()]
    assert [r["text"] for r in rows] == ["We felt great today.", "We felt awful today."]
    assert [max(r["emotion"], key=r["emotion"].get) for r in rows] == ["positive", "negative"]
    for row in rows:
        assert list(row) == ["text", *HEADS] and all(tuple(row[h]) == HEADS[h] and abs(sum(row[h].values()) - 1) < 1e-5 for h in HEADS)
    shown = run("classify", "We felt great today.", "--top", "2", *models)
    assert [line.split()[0] for line in shown.out.splitlines()] == list(HEADS) and "emotion  positive 0." in shown.out
    assert all(len(line.split()) == 5 for line in shown.out.splitlines())
    judged = run("classify", "--evaluate", str(table), "--json", *models)
    assert json.loads(judged.out)[str(table)]["emotion"]["accuracy"] > 0.9
    assert "macro F1" in run("classify", "--evaluate", str(table), *models).out


def test_a_stopped_run_is_gone_on_with(run: Callable[..., Any], run_few: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from signgen_core.train import classifier

    assert run_few("-o", "whole").status == 0
    epoch = classifier._Run._epoch

    def stopped(self: Any, number: int, *rest: Any) -> float:
        if number == 7:
            raise KeyboardInterrupt
        return epoch(self, number, *rest)

    monkeypatch.setattr(classifier._Run, "_epoch", stopped)
    broken = run_few("-o", "mine")
    assert broken.status == 130 and "--resume goes on" in broken.err and not (tmp_path / "mine").exists()
    monkeypatch.setattr(classifier._Run, "_epoch", epoch)
    assert run_few("-o", "mine", "--resume").status == 0
    assert (tmp_path / "mine" / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text\temotion\nGood.\tglad\n", "bad.tsv: line 2: emotion: unknown label 'glad'"), ("words\temotion\nGood.\tpositive\n", "bad.tsv: no column text"),
        ("text\temotion\n" + "Good.\tpositive\n" * 30, "emotion: all 30 labels are 'positive'"), ("text\temotion\n", "bad.tsv: has no rows"),
    ],
)  # fmt: skip
def test_bad_tables_are_told_in_a_line(content: str, said: str, run_few: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "bad.tsv").write_text(content, encoding="utf-8")
    told = run_few("-o", "mine", "--data", "bad.tsv")
    assert told.status == 1 and said in told.err and told.err.count("\n") == 1 and not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        (("train", "classifier"), 2, "--output"), (("train", "classifier", "-o", "x", "--corpus", "reuters=here"), 2, "NAME=FOLDER with a name of"),
        (("train", "classifier", "-o", "x", "--heads", "mood"), 2, "known are subject"),
        (("train", "classifier", "-o", "x", "--data", "no.tsv"), 1, "no.tsv: No such"),
        (("train", "classifier", "-o", "x", "--corpus", "snips=nowhere"), 1, "nowhere: no such folder"), (("classify",), 2, "Give either TEXT"),
        (("classify", "Hi.", "--lines", "x"), 2, "Give either TEXT"), (("classify", "   "), 2, "empty"),
        (("classify", "Hi.", "--classifier", "nowhere"), 1, "nowhere: no such classifier folder"),
        (("classify", "Hi.", "--encoder", "nowhere"), 1, "nowhere: no such model folder"), (("classify", "--evaluate", "no.csv"), 1, "no.csv: No such"),
    ],
)  # fmt: skip
def test_wrong_use(given: tuple[str, ...], status: int, said: str, run: Callable[..., Any]) -> None:
    told = run(*given)
    assert told.status == status and said in told.err and told.err.startswith("error: ") and told.err.count("\n") == 1


@pytest.mark.skipif(not SHIPPED.is_dir(), reason="no weights are shipped")
def test_the_shipped_classifier_reads_types(run: Callable[..., Any]) -> None:
    wanted = {
        "Where do you live?": "wh_question", "Do you like coffee?": "yes_no_question", "If it rains, we stay home.": "conditional",
        "Close the door, please.": "command", "The train leaves at nine.": "statement",
    }  # fmt: skip
    for text, label in wanted.items():
        row = json.loads(run("classify", text, "--json").out)
        assert max(row["type"], key=row["type"].get) == label, text
