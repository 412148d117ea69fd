from __future__ import annotations

import json
from pathlib import Path

import pytest

from signgen_core.body.model import REGION_NAMES
from signgen_core.character import CHARACTERS_DIR, DEFAULT_CHARACTER, Surface, character_names, choose_character, read_character
from signgen_core.errors import LexiconError


def luminance(surface: Surface) -> float:
    """Relative luminance (Rec. 709 weights)."""
    r, g, b = surface.linear
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: Surface, b: Surface) -> float:
    """Contrast ratio of WCAG 2: 1 is none."""
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", character_names())
def test_hands_stand_out_from_the_shirt_and_brows_from_the_skin(name: str) -> None:
    """Signing is read from hands before the shirt and brows on the skin; 3:1 is what WCAG asks of graphics."""
    surfaces = read_character(name).surfaces
    assert set(surfaces) == set(REGION_NAMES)
    assert contrast(surfaces["skin"], surfaces["shirt"]) > 3.0
    assert contrast(surfaces["skin"], surfaces["brows"]) > 1.8
    assert contrast(surfaces["eyes_white"], surfaces["iris"]) > 3.0


def test_there_are_several_and_the_default_is_one() -> None:
    assert len(character_names()) >= 4 and DEFAULT_CHARACTER in character_names()


def test_linear_light() -> None:
    assert Surface((0.5, 0.0, 1.0)).linear == pytest.approx((0.21404, 0.0, 1.0), abs=1e-5)


def test_what_a_word_stands_for(tmp_path: Path) -> None:
    assert choose_character(None) == (read_character(), None)
    assert choose_character("kofi") == (read_character("kofi"), None)
    assert choose_character("default") == (read_character(), "default")
    assert choose_character("bodies/SMPLX_NEUTRAL.npz") == (read_character(), "bodies/SMPLX_NEUTRAL.npz")
    mine = tmp_path / "me.json"
    mine.write_text((CHARACTERS_DIR / "anna.json").read_text())
    assert choose_character(mine)[0].surfaces == read_character("anna").surfaces


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (lambda d: d.update(version=9), "version"),
        (lambda d: d.update(hat=1), "hat"),
        (lambda d: d["surfaces"].pop("lips"), "surfaces.lips"),
        (lambda d: d["surfaces"].update(hat={"color": "#000000"}), "surfaces.hat"),
        (lambda d: d["surfaces"]["skin"].update(color="beige"), "surfaces.skin.color"),
        (lambda d: d["surfaces"]["skin"].update(roughness=2), "surfaces.skin.roughness"),
        (lambda d: d["surfaces"]["skin"].update(gloss=1), "surfaces.skin.gloss"),
    ],
)
def test_faults_are_named(tmp_path: Path, edit: object, place: str) -> None:
    data = json.loads((CHARACTERS_DIR / "maya.json").read_text())
    edit(data)  # type: ignore[operator]
    file = tmp_path / "me.json"
    file.write_text(json.dumps(data))
    with pytest.raises(LexiconError, match=place) as caught:
        read_character(file)
    assert "me.json" in str(caught.value)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(LexiconError, match="maya"):
        read_character("nobody")
