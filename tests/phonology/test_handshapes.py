"""The handshape inventory: complete, within limits, touching where it should, nothing through anything, letters told apart."""

from __future__ import annotations

import copy
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signgen_core.body import load_body
from signgen_core.errors import LexiconError
from signgen_core.phonology.features import parse_direction
from signgen_core.phonology.fit_handshapes import SKIN, TOUCH, Checker, closest_on_segments, fit, write_angles
from signgen_core.phonology.hand import ANGLE_INDEX, ANGLE_LIMITS, HandModel
from signgen_core.phonology.handshapes import Handshape, Handshapes, load_handshapes, parse_handshapes
from signgen_core.presets import PRESETS_DIR

ROOT = Path(__file__).resolve().parents[2]
PRESET = PRESETS_DIR / "handshapes" / "ase.json"
# The handshape names of ASL-LEX 2.0.
INVENTORY = (
    "1 open_b s a curved_5 5 baby_o c f flat_b o h closed_b v open_8 bent_1 p flat_o y l flatspread_5 g bent_v 4 r curved_v i curved_l flat_1 3 "
    "flat_h 8 d bent_l e w horns flat_v spread_open_e stacked_5 open_h curved_1 ily flat_m open_e curved_h flat_n flat_horns flat_4 curved_4 open_f "
    "goody_goody t flat_ily closed_e k spread_e 7"
).split()


@pytest.fixture(scope="module")
def shapes() -> Handshapes:
    return load_handshapes()


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker(HandModel.from_body(load_body("default"), "right"))


@pytest.fixture()
def raw() -> dict[str, Any]:
    return copy.deepcopy(json.loads(PRESET.read_text(encoding="utf-8")))


def degrees(shape: Handshape, name: str) -> float:
    return float(np.degrees(shape.angles[ANGLE_INDEX[name]]))


def test_inventory_is_complete(shapes: Handshapes) -> None:
    assert len(INVENTORY) == 58
    wanted = set(INVENTORY) | {"relaxed", "thumb_up"} | {f"fs_{c}" for c in "abcdefghijklmnopqrstuvwxyz"} | {f"n{d}" for d in range(10)}
    assert set(shapes) == wanted
    assert all(shapes[name].name == name for name in shapes)


@pytest.mark.parametrize("name", [*INVENTORY, "relaxed", "thumb_up", "fs_g", "fs_m", "fs_n"])
def test_nothing_through_anything_and_contacts_touch(shapes: Handshapes, checker: Checker, name: str) -> None:
    overlap, pair, gap = checker.worst(shapes[name])
    assert overlap <= SKIN, f"{pair} overlap by {1000 * overlap:.1f} mm"
    assert gap <= TOUCH
    assert (shapes[name].angles >= ANGLE_LIMITS[:, 0] - 1e-9).all() and (shapes[name].angles <= ANGLE_LIMITS[:, 1] + 1e-9).all()


@pytest.mark.parametrize("name", INVENTORY)
def test_angles_agree_with_the_features(shapes: Handshapes, name: str) -> None:
    shape = shapes[name]
    letters = {"i": "index", "m": "middle", "r": "ring", "p": "pinky"}
    selected = [letters[c] for c in shape.selected_fingers or "" if c in letters]
    if shape.flexion in ("FullyOpen", "Crossed"):
        assert all(shape.extension[finger] > 0.85 for finger in selected)
    elif shape.flexion == "FullyClosed":
        assert all(shape.extension[finger] < 0.25 for finger in selected)
    elif shape.flexion == "Flat" and name not in ("flat_m", "8"):
        assert all(degrees(shape, f"{f}_mcp") > degrees(shape, f"{f}_pip") for f in selected), "Flat bends at the knuckle"
    elif shape.flexion == "Bent" and name != "baby_o":
        assert all(degrees(shape, f"{f}_pip") > 50 and degrees(shape, f"{f}_mcp") < 50 for f in selected), "Bent bends beyond the knuckle"
    if shape.spread is True and len(selected) > 1:
        splay = [degrees(shape, f"{f}_abduction") for f in selected]
        assert all(a - b > 4 for a, b in zip(splay, splay[1:], strict=False))
    if shape.thumb_contact:
        assert shape.contacts


def test_contact_of_the_right_fingers(shapes: Handshapes, checker: Checker) -> None:
    def tip_gap(name: str, finger: str) -> float:
        angles = shapes[name].angles
        return float(np.linalg.norm(checker.model.patch("thumb_pad", angles)[0] - checker.model.patch(f"{finger}_pad", angles)[0]))

    for name, finger in (("f", "index"), ("baby_o", "index"), ("8", "middle"), ("7", "ring"), ("w", "pinky"), ("d", "middle")):
        gaps = {f: tip_gap(name, f) for f in ("index", "middle", "ring", "pinky")}
        assert min(gaps, key=lambda f: gaps[f]) == finger and gaps[finger] < TOUCH


def test_crossed_fingers_cross(shapes: Handshapes, checker: Checker) -> None:
    points = checker.model.joints(shapes["r"].angles)
    assert points[5, 2] > points[9, 2], "the index knuckle is on the thumb's side"
    assert points[8, 2] < points[12, 2], "its tip is on the other side of the middle finger's"


def test_closed_letters_differ_by_the_thumb(shapes: Handshapes, checker: Checker) -> None:
    tips = {c: checker.model.joints(shapes[f"fs_{c}"].angles)[4] for c in "aestmn"}
    letters = sorted(tips)
    for i, a in enumerate(letters):
        for b in letters[i + 1 :]:
            assert np.linalg.norm(tips[a] - tips[b]) > 0.008, (a, b)
    # from the thumb's side of the hand to the little finger's: beside the index, after one, two, three fingers
    assert tips["a"][2] > tips["t"][2] > tips["n"][2] > tips["m"][2]


def test_finger_config_bends_and_straightens_without_a_jump(shapes: Handshapes) -> None:
    shape = shapes["curved_5"]
    np.testing.assert_array_equal(shape.blend({}), shape.angles)
    np.testing.assert_allclose(shape.blend(shape.extension), shape.angles, atol=1e-9)
    own = shape.extension["index"]
    for nearly in (own - 1e-4, own + 1e-4):
        np.testing.assert_allclose(shape.blend({"index": nearly}), shape.angles, atol=1e-3)
    straight, closed = shape.blend({"index": 1.0}), shape.blend({"index": 0.0})
    assert np.allclose(straight[1:4], 0.0)
    assert closed[1:4].sum() > np.radians(240)
    np.testing.assert_array_equal(closed[4:], shape.angles[4:])
    assert Handshape("x", closed).extension["index"] == pytest.approx(0.0, abs=1e-9)
    assert shape.blend({"thumb": 1.0})[16] > shape.blend({"thumb": 0.0})[16]


@pytest.mark.parametrize("config", [{"toe": 0.5}, {"index": 1.5}, {"index": float("nan")}, {"index": True}, {"index": "half"}])
def test_wrong_finger_config_is_refused(shapes: Handshapes, config: dict[str, Any]) -> None:
    with pytest.raises(LexiconError, match="finger_config"):
        shapes["5"].blend(config)


def test_unknown_names_get_the_nearest(shapes: Handshapes) -> None:
    with pytest.raises(LexiconError, match="unknown handshape 'bnet_v'; nearest: bent_v"):
        shapes.get("bnet_v")
    with pytest.raises(LexiconError):
        shapes.character("ß")
    assert shapes.character("A").handshape == "a"


def test_letters_and_digits_have_an_orientation(shapes: Handshapes) -> None:
    for character in (*shapes.letters.values(), *shapes.digits.values()):
        palm, fingers = parse_direction(character.palm), parse_direction(character.fingers)
        assert abs(palm @ fingers) < 0.75, f"{character.name}: palm and fingers nearly the same direction"
    assert {c for c, v in shapes.letters.items() if v.stroke} == {"j", "z"}
    assert parse_direction(shapes.letters["p"].fingers)[1] < 0 and parse_direction(shapes.letters["q"].fingers)[1] < 0
    assert parse_direction(shapes.digits["1"].palm)[2] < 0 < parse_direction(shapes.letters["l"].palm)[2]


def test_broken_presets_are_named(raw: dict[str, Any]) -> None:
    def broken(change: str, edit: Any) -> None:
        data = copy.deepcopy(raw)
        edit(data)
        with pytest.raises(LexiconError, match=change):
            parse_handshapes(data, "ase.json")

    broken(r"version", lambda d: d.update(version=9))
    broken(r"handshapes\.5\.angles\.index", lambda d: d["handshapes"]["5"]["angles"].update(index=[0, 0]))
    broken(r"handshapes\.5\.angles: middle_mcp 170", lambda d: d["handshapes"]["5"]["angles"].update(middle=[0, 170, 0, 0]))
    broken(r"handshapes\.5\.angles\.pinky: missing", lambda d: d["handshapes"]["5"]["angles"].pop("pinky"))
    broken(r"handshapes\.5\.colour: unknown field", lambda d: d["handshapes"]["5"].update(colour="red"))
    broken(r"handshapes\.5\.flexion", lambda d: d["handshapes"]["5"].update(flexion="Wobbly"))
    broken(r"letters\.a\.handshape", lambda d: d["letters"]["a"].update(handshape="nope"))
    broken(r"letters\.a\.palm", lambda d: d["letters"]["a"].update(palm="sideways"))
    broken(r"letters: expected exactly", lambda d: d["letters"].pop("q"))
    broken(r"relaxed", lambda d: d["handshapes"].pop("relaxed"))


def test_closest_points_of_segments_against_brute_force() -> None:
    a, b, c, d = np.random.default_rng(3).normal(size=(4, 40, 3))
    _, _, distance = closest_on_segments(a, b, c, d)
    t = np.linspace(0, 1, 201)
    p = a[:, None] + t[:, None] * (b - a)[:, None]
    q = c[:, None] + t[:, None] * (d - c)[:, None]
    brute = np.linalg.norm(p[:, :, None] - q[:, None], axis=-1).min(axis=(1, 2))
    np.testing.assert_allclose(distance, brute, atol=0.02)
    assert (distance <= brute + 1e-9).all()


def test_the_fit_closes_a_contact_and_the_preset_keeps_its_text(shapes: Handshapes, checker: Checker, tmp_path: Path) -> None:
    spoiled = shapes["f"].angles.copy()
    spoiled[16:] += np.radians([6.0, -8.0, 5.0, -4.0, 4.0])
    start = Handshape("f", spoiled, contacts=shapes["f"].contacts)
    assert checker.worst(start)[2] > TOUCH
    fitted = fit(checker, start)
    assert checker.worst(Handshape("f", fitted, contacts=start.contacts))[2] < TOUCH
    path = tmp_path / "ase.json"
    path.write_text(PRESET.read_text(encoding="utf-8"), encoding="utf-8")
    write_angles(path, {"f": fitted})
    changed = [k for k, (x, y) in enumerate(zip(PRESET.read_text().splitlines(), path.read_text().splitlines(), strict=True)) if x != y]
    assert len(changed) == 1
    np.testing.assert_allclose(load_handshapes(path)["f"].angles, fitted, atol=np.radians(0.06))


def test_real_fingerspelling_holds_find_their_letter() -> None:
    spec = importlib.util.spec_from_file_location("handshape_accuracy", ROOT / "benchmarks" / "handshape_accuracy.py")
    assert spec and spec.loader
    accuracy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(accuracy)
    if not accuracy.HOLDS.is_file():
        pytest.skip("../shared/data/fingerspelling_ase is not there: the recordings are not part of the project")
    assert accuracy.main(accuracy.HOLDS) == 0
