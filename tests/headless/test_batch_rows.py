"""Tables of jobs: every way to write one, and every way to get one wrong."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from headless.batch.rows import SIDECARS, Look, Table, read_table
from headless.inputs import Wishes
from signgen_core.errors import InputError, SignGenError

WISHES, LOOK = Wishes(seed=4), Look(quality="preview")


def table(folder: Path, name: str, text: str | bytes) -> Table:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(str(folder / name), WISHES, LOOK)


def problems(found: Table) -> list[str]:
    assert not found.rows
    return [b.problem for b in found.broken]


def test_a_csv_table_says_more_than_the_command_line(tmp_path: Path) -> None:
    text = '\ufeffID,text,seed,size,alpha,format,sidecars,fps\na,"Hello, you.\nAnd you?",7,64x32,yes,webm,"srt, poster",12.5\n\n , Hi. ,,,,,,\n'
    first, second = table(tmp_path, "t.csv", text).rows
    assert (first.id, first.number, first.place, first.source.content) == ("a", 1, f"{tmp_path}/t.csv:2", "Hello, you.\nAnd you?")
    assert first.wishes.seed == 7 and first.look == Look("webm", (64, 32), 12.5, quality="preview", alpha=True, sidecars=("srt", "poster"))
    assert (second.id, second.place, second.source.content) == ("000002", f"{tmp_path}/t.csv:5", "Hi.")
    assert second.wishes == WISHES and second.look == LOOK and second.look.sidecars == SIDECARS


def test_tsv_txt_and_jsonl(tmp_path: Path) -> None:
    assert table(tmp_path, "t.tsv", "text\temotion\nSo, so.\tpositive\n").rows[0].wishes.emotion == "positive"
    assert [r.source.content for r in table(tmp_path, "t.txt", "One.\n\nTwo, {three}\r\n").rows] == ["One.", "Two, {three}"]
    (tmp_path / "m.npz").write_bytes(b"x")
    lines = [
        {"id": 17, "plan": {"version": 1}}, {"motion": "m.npz", "fps": 5, "sidecars": "none"}, {"text": "Hi.", "gloss": False, "tempo": "1.5", "over": None},
    ]  # fmt: skip
    plan, motion, text = table(tmp_path, "t.jsonl", "\n".join(map(json.dumps, lines))).rows
    assert plan.id == "17" and plan.source.kind == "plan" and json.loads(plan.source.content) == {"version": 1} and plan.wishes.seed == 4
    assert motion.source.path == tmp_path / "m.npz" and motion.look.fps == 5.0 and motion.look.sidecars == () and motion.wishes == Wishes()
    assert text.wishes.tempo == 1.5


def test_files_stand_relative_to_the_table(tmp_path: Path) -> None:
    (tmp_path / "cam.json").write_text("{}")
    row = table(tmp_path, "t.jsonl", '{"text": "Hi.", "camera": "cam.json", "over": "film.mp4", "character": "anna"}').rows[0]
    assert (row.look.camera, row.look.over, row.look.character) == (str(tmp_path / "cam.json"), str(tmp_path / "film.mp4"), "anna")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[1]", "expected a JSON object"),
        ('{"text": "x"', "not valid JSON"),
        ('{"txt": "x"}', "txt: unknown column; known are id, text"),
        ("{}", "no text, plan or motion"),
        ('{"text": "", "id": "a"}', "no text, plan or motion"),
        ('{"text": "x", "plan": "p.json"}', "text and plan: give one of them"),
        ('{"text": 5}', "text: expected text, found int"),
        ('{"plan": "p.npz"}', "plan: 'p.npz' is no .json file"),
        ('{"plan": "p.json"}', "p.json: no such file"),
        ('{"motion": "m.json"}', "motion: 'm.json' is no .npz file"),
        ('{"text": "x", "id": "../a"}', "id '../a': expected up to 120 letters"),
        ('{"text": "x", "id": ".a"}', "id '.a'"),
        ('{"text": "x", "id": "a b"}', "id 'a b'"),
        ('{"text": "x", "id": true}', "id True"),
        ('{"text": "x", "id": ["a"]}', r"id \['a'\]"),
        ('{"text": "x", "seed": -1}', "seed: -1 is not in the range"),
        ('{"text": "x", "seed": [1]}', "seed: "),
        ('{"text": "x", "seed": {"a": 1}}', "seed: "),
        ('{"text": "x", "tempo": "nan"}', "tempo: nan is not a number"),
        ('{"text": "x", "size": "12x11"}', "size: 12x11: width and height"),
        ('{"text": "x", "size": [64, 64]}', "size: "),
        ('{"text": "x", "alpha": "perhaps"}', "alpha: 'perhaps' is not a valid boolean"),
        ('{"text": "x", "format": "avi"}', "format: 'avi' is not one of"),
        ('{"text": "x", "camera": "moon"}', "camera: 'moon' is not one of"),
        ('{"text": "x", "captions": 5}', "captions: "),
        ('{"text": "x", "seed": 1e999}', "seed: inf is no value"),
        ('{"text": "a\\ud800b"}', r"text: holds .ud800, half of a character"),
        ('{"text": "x", "over": "a\\u0000b.mp4", "id": "\\ud800"}', "id "),
        ('{"text": "x", "sidecars": "srt,doc"}', "sidecars: 'doc' is not one of"),
    ],
)
def test_a_row_that_makes_no_sense_stops_nothing(tmp_path: Path, line: str, words: str) -> None:
    found = table(tmp_path, "t.jsonl", f'{{"text": "Fine."}}\n{line}\n{{"text": "Fine."}}\n')
    assert [r.id for r in found.rows] == ["000001", "000003"] and len(found.broken) == 1
    with pytest.raises(InputError, match=words):
        raise InputError(found.broken[0].problem)
    assert found.broken[0].number == 2 and found.broken[0].place.endswith("t.jsonl:2")


def test_options_that_mean_nothing_for_a_row(tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_bytes(b"x")
    lines = '{"motion": "m.npz", "seed": 1}\n{"plan": {}, "gloss": true}\n{"motion": "m.npz", "emotion": "positive"}'
    assert problems(table(tmp_path, "t.jsonl", lines)) == [
        "seed: means nothing for a motion", "gloss: means nothing for a plan", "emotion: means nothing for a motion",
    ]  # fmt: skip


def test_two_rows_cannot_have_one_id(tmp_path: Path) -> None:
    found = table(tmp_path, "t.csv", "id,text\nA,x\na,y\n000004,z\n,w\n")
    assert [r.id for r in found.rows] == ["A", "000004"]
    assert [b.id for b in found.broken] == ["line 3", "line 5"] and "is that of" in found.broken[0].problem


def test_a_row_with_too_many_cells(tmp_path: Path) -> None:
    found = table(tmp_path, "t.csv", "id,text\na,b,c\n")
    assert problems(found) == ["3 cells where the table has 2 columns"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.csv", b"text\n\xff\n", "not UTF-8"),
        ("t.csv", b'text\n"open', "t.csv:2: not a table of cells"),
        ("t.csv", b"id,seed\n1,2\n", "t.csv:1: no column text, plan or motion"),
        ("t.csv", b"text,text\na,b\n", "t.csv:1: a column stands there twice"),
        ("t.csv", b"", "no column text, plan or motion"),
        ("t.csv", b"text\n\n", "t.csv: no row"),
        ("t.jsonl", b"\n", "no line with text"),
        ("t.doc", b"x", "unknown suffix '.doc'"),
    ],
)
def test_what_is_no_table_at_all(tmp_path: Path, name: str, text: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        table(tmp_path, name, text)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, wanted in ((b'{"id": "j", "text": "Hi."}\n', "j"), (b"text,id\nHi.,c\n", "c")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
        found = read_table("-", WISHES, LOOK)
        assert [(r.id, r.source.content) for r in found.rows] == [(wanted, "Hi.")]
        assert found.rows[0].place.startswith("standard input:")


def test_a_check_of_the_caller_breaks_a_row_too(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("One.\nTwo.\n")

    def check(row: object) -> None:
        if getattr(row, "number") == 1:  # noqa: B009
            raise SignGenError("not today")

    found = read_table(str(tmp_path / "t.txt"), WISHES, LOOK, check)
    assert [b.problem for b in found.broken] == ["not today"] and [r.number for r in found.rows] == [2]
