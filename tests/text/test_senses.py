"""Words of several meanings: the table, the choice by part of speech, and the choice by the encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from signgen_core.errors import LexiconError, MachineError
from signgen_core.text import analyse, senses

PAIRS = [
    # word, sentence, first sign of its meaning
    ("like", "Do you like chocolate?", "LIKE"),
    ("like", "The baby looks like a doll.", "SAME"),
    ("right", "That is the right way to do it.", "RIGHT"),
    ("right", "Turn to the right when you leave the house.", "RIGHT-DIRECTION"),
    ("left", "The bathroom is on the left.", "LEFT-DIRECTION"),
    ("left", "My cousin left last night.", "LEAVE"),
    ("mean", "I do not know what this sentence means.", "MEANING"),
    ("mean", "Why is she so mean to her sister?", "MEAN-CRUEL"),
    ("kind", "What kind of food do you eat?", "KIND"),
    ("kind", "Your grandmother is very kind.", "KIND-GENTLE"),
    ("watch", "They watch the football game.", "WATCH"),
    ("watch", "My watch stopped at noon.", "WATCH-WRIST"),
    ("present", "I wrapped the present for her birthday.", "GIFT"),
    ("bank", "I need to get money from the bank.", "#BANK"),
    ("letter", "She mailed the letter to her friend.", "LETTER-MAIL"),
    ("letter", "How many letters are in the alphabet?", "ALPHABET"),
    ("fly", "I fly to London on a plane.", "FLY-PLANE"),
    ("fly", "The birds fly over the trees.", "FLY"),
    ("turn", "Turn the key.", "TURN-DIRECTION"),
    ("turn", "Now it is your turn.", "TURN"),
    ("light", "Please turn off the light in the bedroom.", "LIGHT-LAMP"),
    ("cold", "I caught a cold and stayed in bed.", "NOSE-COLD"),
    ("cold", "The weather is cold and snowy.", "COLD"),
    ("over", "The concert is over now.", "FINISH"),
    ("pretty", "It is pretty hard to explain.", "drop"),
    ("pretty", "Her garden has pretty flowers.", "PRETTY"),
    ("book", "I read the book.", "BOOK"),
    ("save", "We save money for a house.", "SAVE-MONEY"),
    ("work", "She works in an office.", "WORK"),
    ("park", "Where did you park your car?", "PARK"),
    ("train", "The train to the city was late.", "TRAIN"),
]


@pytest.fixture(scope="module")
def reader() -> senses.SenseReader:
    pytest.importorskip("torch")
    from signgen_core.text.encoder import load_encoder

    try:
        return senses.sense_reader(load_encoder())
    except MachineError as problem:
        pytest.skip(str(problem))


def choose(reader: senses.SenseReader, word: str, sentence: str) -> senses.Choice:
    from signgen_core.text.segmentation import tokenise
    from signgen_core.text.tagging import tag

    tokens = tokenise(sentence)
    tag(tokens)
    token = next(t for t in tokens if word in (t.norm, t.lemma) or t.norm.rstrip("s") == word)
    choice = reader.choose(word, token.tag, sentence, token.start, token.end)
    assert choice is not None
    return choice


@pytest.mark.parametrize(("word", "sentence", "gloss"), PAIRS, ids=[p[1] for p in PAIRS])
def test_meaning_of_a_word_in_its_sentence(reader: senses.SenseReader, word: str, sentence: str, gloss: str) -> None:
    choice = choose(reader, word, sentence)
    assert choice.glosses[0] == gloss, choice.why
    assert 0.0 < choice.score <= 1.0 and choice.why.startswith(f"{word}: ")


def test_most_examples_are_found_again_by_the_others(reader: senses.SenseReader) -> None:
    found, total, _ = reader.leave_one_out()
    assert total > 700 and found / total > 0.88


def test_vectors_are_kept(reader: senses.SenseReader, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(reader, "like", "I like it.")  # so that they are there
    monkeypatch.setattr(senses, "word_vectors", lambda *_: pytest.fail("made again"))
    again = senses.SenseReader(reader.encoder)
    assert choose(again, "like", "I like milk.").glosses[0] == "LIKE"


def test_a_damaged_cache_is_made_again(reader: senses.SenseReader, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("SIGNGEN_CACHE", str(tmp_path))
    encoder = reader.encoder
    assert encoder is not None
    calls: list[int] = []

    def make() -> np.ndarray:
        calls.append(1)
        return np.full((2, 3), 0.5, dtype=np.float32)

    first = senses.cached_vectors("x", encoder, "content", make, 3)
    (file,) = tmp_path.iterdir()
    assert np.array_equal(senses.cached_vectors("x", encoder, "content", make, 3), first) and len(calls) == 1
    file.write_bytes(b"\x93NUMPY cut")
    assert np.array_equal(senses.cached_vectors("x", encoder, "content", make, 3), first) and len(calls) == 2
    senses.cached_vectors("x", encoder, "other content", make, 3)
    assert len(calls) == 3


def test_part_of_speech_alone_without_an_encoder() -> None:
    reader = senses.SenseReader(None)
    assert choose(reader, "like", "I like milk.").glosses[0] == "LIKE"
    assert choose(reader, "like", "He looks like his father.").glosses[0] == "SAME"
    assert choose(reader, "train", "The train is late.").glosses[0] == "TRAIN"
    assert reader.choose("wrench", "NOUN", "a wrench", 2, 8) is None


def test_the_meaning_decides_the_sign(lexicon: Any) -> None:
    verb = analyse("I like my book.", lexicon)[0]
    same = analyse("It looks like a book.", lexicon)[0]
    assert [g.gloss_id for g in verb.glosses] == ["IX-1", "LIKE", "POSS-1", "BOOK"]
    assert "SAME" in [g.gloss_id for g in same.glosses] and "LIKE" not in [g.gloss_id for g in same.glosses]


def test_a_sign_of_another_meaning_is_never_taken(lexicon: Any) -> None:
    glosses = [g.gloss_id for g in analyse("Play with the red ring.", lexicon)[0].glosses]
    assert "fs-RING" in glosses  # no sign for the jewel in this lexicon


def test_every_word_of_the_table_has_two_meanings_with_examples() -> None:
    for word, items in senses.senses().items():
        assert len(items) >= 2, word
        assert all(len(s.examples) >= 2 for s in items), word


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"gloss": [], "pos": ["NOUN"], "examples": ["a [x]"]}, "gloss: must be a list"),
        ({"gloss": ["X"], "pos": ["THING"], "examples": ["a [x]"]}, "pos: unknown 'THING'"),
        ({"gloss": ["X"], "pos": ["NOUN"], "examples": ["a x"]}, "must have one word in brackets"),
        ({"gloss": ["X"], "pos": ["NOUN"]}, "examples: must be a list"),
    ],
)
def test_a_broken_table_names_the_place(item: dict[str, list[str]], message: str) -> None:
    with pytest.raises(LexiconError, match=message):
        senses._sense(item, "senses.json: x[0]")
