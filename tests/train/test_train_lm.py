"""Training the token model: it learns what the condition says, goes on bit by bit after an interruption, and refuses what is not its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core.errors import InputError
from signgen_core.motion import read_npz, write_npz
from signgen_core.pipeline import joints
from signgen_core.train.corpus import Settings, write_corpus
from signgen_core.train.motion_data import MotionSet, load_motions

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lm") / "corpus"
    write_corpus(folder, Settings(clips=10, signers=1, test_signers=1, test_share=0.2), workers=1)
    return folder


@pytest.fixture(scope="module")
def motions(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> MotionSet:
    return load_motions(corpus, tmp_path_factory.mktemp("features"))


@pytest.fixture(scope="module")
def tokenizer(motions: MotionSet) -> Any:
    from signgen_core.tokens.network import Config
    from signgen_core.train.tokenizer import Options, train

    config = Config(codebook=16, codes={"body": 3, "left_hand": 2, "right_hand": 2, "face": 1}, width=32, small_width=16, dilations=(1,))
    return train(motions, Options(steps=12, batch=4, threads=1), config).tokenizer


@pytest.fixture(scope="module")
def tokens(corpus: Path, motions: MotionSet, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from signgen_core.train.token_data import load_tokens

    return load_tokens(corpus, motions, tokenizer, tmp_path_factory.mktemp("tokens"))


def options(**changes: Any) -> Any:
    from signgen_core.train.lm import Options

    return replace(Options(steps=6, batch=3, stretch=16, threads=1, save_every=2), **changes)


def network(tokenizer: Any, **changes: Any) -> Any:
    from signgen_core.train.lm import config_for

    return config_for(tokenizer, **{"width": 32, "layers": 1, "heads": 2, "window": 12, "depth": 16, "keys": 4, **changes})


def test_conditions_are_the_plans(corpus: Path, motions: MotionSet, tokens: Any) -> None:
    from signgen_core.action import read_plan
    from signgen_core.phonology.encode import STATE, categories, decode_morpheme

    assert tokens.planned.all() and not tokens.categories[0].any() and not tokens.values[0].any()
    for number in range(len(motions)):
        assert tokens.length(number) == -(-motions.length(number) // 4)
        plan = read_plan(corpus / f"{motions.names[number]}.json")
        rows = slice(int(tokens.starts[number]), int(tokens.starts[number + 1]))
        signed = [m for a in plan.actions for m in a.phonology]
        met = [k for n, k in enumerate(tokens.here[rows]) if k and (n == 0 or k != tokens.here[rows][n - 1])]
        assert [decode_morpheme(tokens.categories[k], tokens.values[k]).handshape for k in met] == _without_repeats([m.handshape for m in signed], met, tokens)
        types = tokens.state[rows, list(STATE).index("sentence_type")]
        assert set(types[types > 0]) == {STATE["sentence_type"].index(plan.sentences[0].type) + 1}
    assert len(categories()) == tokens.categories.shape[1]


def _without_repeats(shapes: list[str], met: list[int], tokens: Any) -> list[str]:
    """A form that is signed twice in a row is one stretch of the condition."""
    return shapes if len(shapes) == len(met) else [s for n, s in enumerate(shapes) if n == 0 or s != shapes[n - 1]]


def test_left_handed_clips_are_mirrored(corpus: Path, motions: MotionSet, tokenizer: Any, tmp_path: Path) -> None:
    from signgen_core.action import dump_plan, read_plan
    from signgen_core.train.token_data import load_tokens

    made = []
    for handedness in ("right", "left"):
        folder = tmp_path / handedness
        folder.mkdir()
        plan = replace(read_plan(corpus / f"{motions.names[0]}.json"), handedness=handedness)
        motion = read_npz(corpus / f"{motions.names[0]}.npz")
        motion = motion.mirrored() if handedness == "left" else motion
        (folder / "clip.json").write_text(dump_plan(plan))
        write_npz(folder / "clip.npz", motion, joints(motion))
        both = load_motions(folder, tmp_path / f"cache-{handedness}")
        made.append(load_tokens(folder, both, tokenizer, tmp_path / f"cache-{handedness}"))
    assert all(np.array_equal(made[0].codes[s], made[1].codes[s]) for s in made[0].codes) and np.array_equal(made[0].here, made[1].here)


def test_the_cache_is_kept_and_made_anew_for_another_tokenizer(corpus: Path, motions: MotionSet, tokenizer: Any, tmp_path: Path) -> None:
    from signgen_core.tokens.tokenizer import Tokenizer
    from signgen_core.train.token_data import load_tokens

    said: list[str] = []
    first = load_tokens(corpus, motions, tokenizer, tmp_path, progress=lambda share, text: said.append(text))
    assert said and all(text.startswith(("condition", "tokens")) for text in said)
    said.clear()
    again = load_tokens(corpus, motions, tokenizer, tmp_path, progress=lambda share, text: said.append(text))
    assert not said and all(np.array_equal(first.codes[s], again.codes[s]) for s in first.codes)
    (tmp_path / "tokens.npz").write_bytes(b"cut off")
    third = load_tokens(corpus, motions, tokenizer, tmp_path)
    assert all(np.array_equal(first.codes[s], third.codes[s]) for s in first.codes)
    other = Tokenizer(tokenizer.config, tokenizer.normaliser, {k: v * np.float16(0.9) if v.ndim == 2 else v for k, v in tokenizer.weights.items()})
    changed = load_tokens(corpus, motions, other, tmp_path)
    assert changed.tokenizer_id == other.id and any(not np.array_equal(first.codes[s], changed.codes[s]) for s in first.codes)


def test_it_learns(tokens: Any, tokenizer: Any) -> None:
    """Bits of each stream fall well below those of codes as often as they are; the condition is what tells."""
    from signgen_core.train.lm import train

    result = train(tokens, tokenizer, options(steps=150, batch=6, stretch=24, save_every=25, rate=5e-3, withhold=0.0), network(tokenizer))
    first, last = result.log[0], result.log[-1]
    assert last["loss"] < 0.75 * first["loss"] and last["stop"] < first["stop"]
    assert set(last) == {"step", "loss", "stop", *tokenizer.streams} and all(np.isfinite(list(row.values())).all() for row in result.log)
    assert result.model.config.tokenizer_id == tokenizer.id and result.model.facts["clips"] == len(tokens.clips("train"))


@pytest.mark.parametrize("changes", [{}, {"optimiser": "muon"}])
def test_it_goes_on_bit_by_bit(tokens: Any, tokenizer: Any, tmp_path: Path, changes: dict[str, Any]) -> None:
    from signgen_core.train.lm import train

    class StoppedError(Exception):
        pass

    def stop(share: float, text: str) -> None:
        raise StoppedError

    straight = train(tokens, tokenizer, options(steps=12, save_every=5, **changes), network(tokenizer))
    with pytest.raises(StoppedError):
        train(tokens, tokenizer, options(steps=12, save_every=5, **changes), network(tokenizer), checkpoint=tmp_path, progress=stop)
    gone_on = train(tokens, tokenizer, options(steps=12, save_every=5, **changes), network(tokenizer), checkpoint=tmp_path)
    assert straight.model.id == gone_on.model.id and straight.log == gone_on.log
    with pytest.raises(InputError, match="is of another run"):
        train(tokens, tokenizer, options(steps=13, save_every=5, **changes), network(tokenizer), checkpoint=tmp_path)


def test_what_does_not_fit_is_refused(tokens: Any, tokenizer: Any) -> None:
    from signgen_core.train.lm import train

    with pytest.raises(InputError, match="tokens of tokenizer"):
        train(replace(tokens, tokenizer_id="0" * 16), tokenizer, options(), network(tokenizer))
    with pytest.raises(InputError, match="no clips to train on"):
        train(replace(tokens, parts=("test",) * len(tokens.parts)), tokenizer, options(), network(tokenizer))
    with pytest.raises(InputError, match="not a number at step 1"):
        train(replace(tokens, progress=np.full_like(tokens.progress, np.nan)), tokenizer, options(), network(tokenizer))
    for changes, message in (({"steps": 0}, "at least 1"), ({"optimiser": "sgd"}, "optimiser 'sgd'"), ({"rate": 0.0}, "rate"), ({"coarse": 2.0}, "coarse")):
        with pytest.raises(InputError, match=message):
            options(**changes)


def test_clips_without_a_plan_teach_motion(corpus: Path, motions: MotionSet, tokenizer: Any, tmp_path: Path) -> None:
    from signgen_core.train.lm import train
    from signgen_core.train.token_data import load_tokens

    folder = tmp_path / "bare"
    folder.mkdir()
    for number in range(4):
        (folder / f"clip{number}.npz").write_bytes((corpus / f"{motions.names[number]}.npz").read_bytes())
    bare = load_motions(folder, tmp_path / "cache")
    found = load_tokens(folder, bare, tokenizer, tmp_path / "cache")
    assert not found.planned.any() and not found.here.any() and not found.state.any()
    if not len(found.clips("train")):
        found = replace(found, parts=("train",) * len(found.parts))
    assert np.isfinite(train(found, tokenizer, options(), network(tokenizer)).log[-1]["loss"])


def test_sums_of_vectors() -> None:
    from signgen_core.train.lm import cumulative

    vectors = torch.arange(12.0).reshape(2, 3, 2)
    made = cumulative(torch.tensor([[[2, 1]]]), vectors)
    assert torch.equal(made[0, 0], torch.tensor([[0.0, 0.0], [4.0, 5.0], [4.0 + 8.0, 5.0 + 9.0]]))
