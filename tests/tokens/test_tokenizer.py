"""Tokens keep lengths, belong to their tokenizer, and come back from disk; files that are none are told in one line. Kinematics in torch are those in numpy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core import pipeline
from signgen_core.body.load import load_body
from signgen_core.errors import FileFormatError, InputError, SignGenError
from signgen_core.motion import Motion
from signgen_core.rig import NUM_JOINTS
from signgen_core.tokens.codes import MotionTokens
from signgen_core.tokens.features import STREAMS, WIDTHS, Normaliser, encode
from signgen_core.tokens.metrics import GROUPS

torch = pytest.importorskip("torch")
pytest.importorskip("vector_quantize_pytorch")


@pytest.fixture(scope="module")
def motion() -> Motion:
    return pipeline.animate(pipeline.plan_text("<q>IX-2 WANT BOOK</q>? fs-ANNA", gloss=True))


def config(**changes: Any) -> Any:
    from signgen_core.tokens.network import Config

    codes = {"body": 2, "left_hand": 3, "right_hand": 3, "face": 1}
    base = Config("fsq", levels=(5, 4, 3), codebook=12, codes=codes, width=16, small_width=16, dilations=(1, 2))
    return replace(base, **changes)


def tokenizer(motion: Motion, seed: int = 0, **changes: Any) -> Any:
    from signgen_core.tokens.network import Network
    from signgen_core.tokens.tokenizer import Tokenizer, half

    torch.manual_seed(seed)
    chosen = config(**changes)
    network = Network(chosen)
    if chosen.quantiser == "residual_vq":  # codebooks take their first values from data
        network.train()
        network({s: torch.randn(4, 32, w) for s, w in WIDTHS.items()}, torch.ones(4, 8))
    return Tokenizer(chosen, Normaliser.fit([encode(motion)]), half(network), {"note": "made for a test"})


@pytest.mark.parametrize("changes", [{}, {"joint": True}, {"quantiser": "residual_fsq"}, {"quantiser": "residual_vq"}, {"frames_per_token": 3}])
def test_lengths_and_ranges(motion: Motion, changes: dict[str, Any]) -> None:
    made = tokenizer(motion, **changes)
    whole = encode(motion)
    step = made.config.frames_per_token
    for frames in (1, 3, 4, 17, motion.num_frames):
        tokens = made.encode_features({s: v[:frames] for s, v in whole.items()})
        assert tokens.num_tokens == -(-frames // step) and tokens.num_frames == frames and tokens.tokenizer_id == made.id
        assert {s: v.shape[1] for s, v in tokens.codes.items()} == made.streams
        assert all(v.min() >= 0 and v.max() < made.size for v in tokens.codes.values())
        back = made.decode(tokens, motion.betas)
        assert back.num_frames == frames and back.fps == made.fps and np.array_equal(back.betas, motion.betas)
    assert sum(made.streams.values()) == 9 and set(made.streams) == ({"all"} if made.config.joint else set(STREAMS))


def test_what_is_decoded_is_what_training_saw(motion: Motion) -> None:
    """Codes looked up in the codebooks give the same features as the quantiser's own output."""
    for changes in ({}, {"joint": True}, {"quantiser": "residual_fsq"}, {"quantiser": "residual_vq"}):
        made = tokenizer(motion, **changes)
        features = {s: torch.from_numpy(v[None, :40]) for s, v in made.normaliser.apply(encode(motion)).items()}
        mask = torch.ones(1, 10)
        with torch.inference_mode():
            direct, codes, _ = made.network(features, mask)
            looked_up = made.network.decode(codes, mask)
        assert all(torch.allclose(direct[s], looked_up[s], atol=1e-5) for s in STREAMS), changes


def test_padding_changes_nothing(motion: Motion) -> None:
    made = tokenizer(motion)
    features = {s: torch.from_numpy(v[None, :24]) for s, v in made.normaliser.apply(encode(motion)).items()}
    longer = {s: torch.cat([v, torch.full((1, 16, v.shape[2]), 3.0)], dim=1) for s, v in features.items()}
    mask = torch.tensor([[1.0] * 6 + [0.0] * 4])
    with torch.inference_mode():
        short, codes, _ = made.network(features, torch.ones(1, 6))
        long, padded, _ = made.network(longer, mask)
    for s in STREAMS:
        assert torch.equal(codes[s], padded[s][:, :6]) and torch.allclose(short[s], long[s][:, :24], atol=1e-5)


def test_a_handshape_has_one_code_in_either_hand(motion: Motion) -> None:
    from signgen_core.tokens.mirror import mirrored

    made = tokenizer(motion)
    mean, scale = dict(made.normaliser.mean), dict(made.normaliser.scale)
    both = mirrored({s: mean[s] for s in STREAMS})
    made.normaliser = Normaliser({**mean, "left_hand": both["left_hand"]}, {**scale, "left_hand": scale["right_hand"]})
    plain, image = encode(motion), encode(motion.mirrored())
    assert all(np.allclose(mirrored(plain)[s], image[s], atol=1e-5) for s in STREAMS)
    one, other = made.encode_features(plain), made.encode_features(mirrored(plain))
    assert np.array_equal(one.codes["left_hand"], other.codes["right_hand"]) and np.array_equal(one.codes["right_hand"], other.codes["left_hand"])
    assert len(np.unique(one.codes["right_hand"][:, 0])) > 1


def test_other_frame_rates(motion: Motion) -> None:
    made = tokenizer(motion)
    from signgen_core.kinematics.resample import resample

    fast = resample(motion, 60.0)
    assert made.encode(fast).num_frames == motion.num_frames
    assert made.encode(motion).num_tokens == -(-motion.num_frames // 4)


def test_tokens_of_another_tokenizer(motion: Motion) -> None:
    one, other = tokenizer(motion, 0), tokenizer(motion, 1)
    tokens = one.encode(motion)
    assert one.id != other.id and one.id == tokenizer(motion, 0).id
    with pytest.raises(InputError, match=f"^tokens: made by tokenizer {one.id}, this is {other.id}$"):
        other.decode(tokens)
    codes = dict(tokens.codes)
    wrong = [
        (replace(tokens, codes={**codes, "body": codes["body"] + 60}), "body: codes from"),
        (replace(tokens, codes={**codes, "face": codes["body"]}), "face: 2 codes a token, expected 1"),
        (replace(tokens, codes={s: c for s, c in codes.items() if s != "face"}), "face: missing"),
        (replace(tokens, frames_per_token=5, num_frames=-1), "5 frames a token, expected 4"),
    ]
    for broken, said in wrong:
        with pytest.raises(InputError, match=said):
            one.decode(broken)


def test_tokens_hold_together() -> None:
    codes = {"body": np.zeros((5, 2), dtype=int), "face": np.zeros((5, 1), dtype=np.int16)}
    tokens = MotionTokens(codes, "x")
    assert (tokens.num_tokens, tokens.num_frames) == (5, 20)
    part = MotionTokens(codes, "x", 4, 18).cut(3, 9)
    assert (part.num_tokens, part.num_frames) == (2, 6)
    for wrong, said in (
        ({"body": np.zeros((5, 2))}, "whole numbers"), ({"body": np.zeros((0, 2), dtype=int)}, "N > 0"), ({}, "no streams"),
        ({**codes, "face": np.zeros((4, 1), dtype=int)}, "different lengths"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            MotionTokens(wrong, "x")
    for frames in (16, 21, 0):
        with pytest.raises(InputError, match="do not fill 5 tokens"):
            MotionTokens(codes, "x", 4, frames)


@pytest.mark.parametrize("changes", [{}, {"joint": True}, {"quantiser": "residual_fsq"}, {"quantiser": "residual_vq"}])
def test_saved_and_loaded(motion: Motion, tmp_path: Path, changes: dict[str, Any]) -> None:
    from signgen_core.tokens.tokenizer import load_tokenizer

    made = tokenizer(motion, **changes)
    folder = made.save(tmp_path / "t")
    made.save(tmp_path / "t")  # an earlier one is replaced
    back = load_tokenizer(folder)
    assert back.id == made.id and back.config == made.config and back.facts == {"note": "made for a test"}
    tokens = made.encode(motion)
    assert all(np.array_equal(tokens.codes[s], back.encode(motion).codes[s]) for s in made.streams)
    assert np.array_equal(made.decode(tokens).poses, back.decode(tokens).poses)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t"] and sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_files_that_are_no_tokenizer(motion: Motion, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    from signgen_core.tokens.tokenizer import load_tokenizer

    folder = tokenizer(motion).save(tmp_path / "t")
    weights, settings = (folder / "model.safetensors").read_bytes(), (folder / "config.json").read_text()
    said = json.loads(settings)

    def refused(match: str, kind: type[SignGenError] = FileFormatError) -> None:
        with pytest.raises(kind, match=match) as caught:
            load_tokenizer(folder)
        assert "\n" not in str(caught.value)
        (folder / "model.safetensors").write_bytes(weights)
        (folder / "config.json").write_text(settings)
        load_tokenizer(folder)

    for content in (weights[:-10], weights[:5], b"", b"\x80\x04cos\nsystem\n(S'true'\ntR."):
        (folder / "model.safetensors").write_bytes(content)
        refused("model.safetensors: not a whole safetensors file")
    tensors = load_file(folder / "model.safetensors")
    name = next(n for n in tensors if n.endswith("weight"))
    for changed, match in (
        ({n: v for n, v in tensors.items() if n != name}, "missing, expected shape"), ({**tensors, "odd": tensors[name]}, "odd: not a weight of this network"),
        ({**tensors, name: tensors[name][:1]}, "has shape"), ({**tensors, name: tensors[name] * np.float16("nan")}, "finite numbers in half precision"),
        ({**tensors, name: tensors[name] + np.float16(1)}, "is not the file that config.json beside it was written with"),
    ):  # fmt: skip
        save_file(changed, folder / "model.safetensors")
        refused(match)
    changed_settings = (
        ("{", "not valid JSON"), ("[]", "not the config of a SignGen motion tokenizer"), (json.dumps({**said, "version": 9}), "version 9"),
        (json.dumps({**said, "network": {}}), "network: expected"),
        (json.dumps({**said, "network": {**said["network"], "width": -1}}), "network: tokenizer: width"),
        (json.dumps({**said, "network": {**said["network"], "codes": [3]}}), "network: "),
        (json.dumps({**said, "normalisation": None}), "normalisation.body.mean"),
        (json.dumps({**said, "normalisation": {**said["normalisation"], "face": {"mean": [0.0], "scale": [1.0]}}}), "normalisation.face.mean: expected 70"),
    )  # fmt: skip
    for text, match in changed_settings:
        (folder / "config.json").write_text(text)
        refused(match)
    (folder / "config.json").unlink()
    refused("config.json: No such file")
    with pytest.raises(InputError, match="no such tokenizer folder"):
        load_tokenizer(tmp_path / "none")


def test_what_networks_there_can_be() -> None:
    for wrong in (
        {"quantiser": "lucky"}, {"codes": {"body": 1}}, {"levels": (1,)}, {"width": 0}, {"codes": {"body": 1, "left_hand": 2, "right_hand": 1, "face": 1}},
    ):  # fmt: skip
        with pytest.raises(InputError, match="^tokenizer: "):
            config(**wrong)
    assert config().size == 60 and config(quantiser="residual_vq").size == 12


def test_kinematics_in_torch(motion: Motion) -> None:
    from signgen_core.tokens.skeleton import points

    betas = np.array([1.5, -1.0, 0.5, 0, 0, 1, 0, 0, 0, 0])
    rig = load_body().rig(betas)
    rest = torch.from_numpy(np.concatenate([rig.rest_joints, rig.extra_points]))[None]
    features = {s: torch.from_numpy(v.astype(np.float64))[None] for s, v in encode(motion).items()}
    found, hands = points(features, rest)
    true = pipeline.joints(replace(motion, betas=betas))
    assert np.abs(found[0].numpy() - true).max() < 1e-6
    for k, side in enumerate(("left", "right")):
        which = list(GROUPS[f"{side}_hand"])
        lengths = np.linalg.norm(true[:, which] - true[:, which[:1]], axis=-1)
        assert np.abs(np.linalg.norm(hands[0, :, k].numpy(), axis=-1) - lengths).max() < 1e-6
    # turning an arm moves the hand in the world but not as seen from the wrist
    turned = {s: v.clone() for s, v in features.items()}
    turned["body"][..., 6 * 7 : 6 * 8] = torch.tensor([1.0, 0, 0, 0, 1, 0])  # left shoulder
    moved, still = points(turned, rest)
    assert torch.allclose(hands, still, atol=1e-7) and (moved - found)[0, :, GROUPS["left_hand"][0]].abs().max() > 0.1
    zero = {s: torch.zeros(1, 3, w, requires_grad=True) for s, w in WIDTHS.items()}
    points(zero, rest.float())[0].sum().backward()
    assert all(torch.isfinite(z.grad).all() for z in zero.values()) and found.shape[2] == NUM_JOINTS + 15
