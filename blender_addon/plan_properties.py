"""What the list of signs shows: the plan of each signer as properties of its armature, so that Blender can draw, edit and undo it.

The plan itself stands as JSON on the armature (`signers`); this is its mirror. Setting a property of the selected sign changes the plan and keys
what it reaches. Blender reads properties from annotations, so these are evaluated here and not postponed.
"""

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import CollectionProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from signgen_core.action import ActionSequence, SignAction
from signgen_core.errors import SignGenError
from signgen_core.phonology.features import ALL_MINOR_LOCATIONS, DIRECTION_WORDS, MOVEMENTS, SIGN_TYPES
from signgen_core.phonology.handshapes import load_handshapes
from signgen_core.phonology.lexicon import load_lexicon
from signgen_core.schema import EMPHASES, FINGER_NAMES
from signgen_core.text.types import EYE_GAZES, FACIAL_EXPRESSIONS, HEAD_MOVEMENTS, TORSO_MOVEMENTS

from . import hand_icons, resigning, signers

_SAME = 5e-4  # what Blender's single precision and the plan's rounding may differ by
_SAME_SHAPE = "same"  # the other hand has no handshape of its own
FOLLOWERS: list[Callable[[bpy.types.Object], None]] = []  # told of each armature whose readable plan has changed, once the list shows it
_quiet = [0]  # while the mirror is filled, its properties tell nobody


@dataclass(frozen=True)
class Field:
    """path: within an action, as `editing.patch` has it. read: its value in an action."""

    path: str
    read: Callable[[SignAction], Any]


FIELDS: dict[str, Field] = {
    "gloss": Field("gloss_id", lambda a: a.gloss_id),
    "start": Field("start", lambda a: a.start),
    "duration": Field("duration", lambda a: a.duration),
    "pause_after": Field("pause_after", lambda a: a.pause_after),
    "emphasis": Field("emphasis", lambda a: a.emphasis),
    "handshape": Field("handshape.type", lambda a: a.handshape),
    "location": Field("phonology[0].minor_location", lambda a: a.phonology[0].minor_location),
    "palm": Field("phonology[0].palm", lambda a: a.phonology[0].palm),
    "fingers": Field("phonology[0].fingers", lambda a: a.phonology[0].fingers),
    "movement": Field("phonology[0].movement", lambda a: a.phonology[0].movement),
    "direction": Field("phonology[0].direction", lambda a: a.phonology[0].direction or ""),
    "sign_type": Field("phonology[0].sign_type", lambda a: a.phonology[0].sign_type),
    "other_handshape": Field("phonology[0].nondominant_handshape", lambda a: a.phonology[0].nondominant_handshape or _SAME_SHAPE),
    "other_location": Field("phonology[0].nondominant.location", lambda a: a.phonology[0].nondominant.location),
    "other_palm": Field("phonology[0].nondominant.palm", lambda a: a.phonology[0].nondominant.palm),
    "facial_expression": Field("non_manual_markers.facial_expression", lambda a: a.non_manual_markers.facial_expression),
    "head_movement": Field("non_manual_markers.head_movement", lambda a: a.non_manual_markers.head_movement),
    "eye_gaze": Field("non_manual_markers.eye_gaze", lambda a: a.non_manual_markers.eye_gaze),
    "torso": Field("non_manual_markers.torso", lambda a: a.non_manual_markers.torso),
    "mouthing": Field("non_manual_markers.mouthing", lambda a: a.non_manual_markers.mouthing),
}
_UNSET = {"other_handshape": _SAME_SHAPE, "direction": ""}  # what stands for a field that the plan leaves out


def extension(action: SignAction) -> dict[str, float]:
    """How straight each digit is at the first hold, 0 closed to 1 straight: as the handshape has it or as it was set."""
    return {**load_handshapes()[action.handshape].extension, **action.finger_config}


# --- Items of menus; kept, since Blender holds no reference to their strings -------------------------------------------------

_Item = tuple[str, str, str, int, int]
_items: dict[str, list[_Item]] = {}


def words_of(identifier: str) -> str:
    """`tilt_forward` and `BackAndForth` as people read them."""
    parts = "".join(f" {letter}" if letter.isupper() and k else letter for k, letter in enumerate(identifier.replace("_", " ")))
    return " ".join(parts.split()).capitalize()


def _fixed(names: tuple[str, ...], what: str) -> list[tuple[str, str, str]]:
    return [(name, words_of(name), f"{what}: {words_of(name).lower()}") for name in names]


def handshape_items(self: Any = None, context: bpy.types.Context | None = None) -> list[_Item]:
    """Every handshape with its picture."""
    if "handshape" not in _items:
        shapes = load_handshapes()
        _items["handshape"] = [(n, n.replace("_", " "), shapes[n].description, hand_icons.icon_of(n), k) for k, n in enumerate(shapes)]
    return _items["handshape"]


def _other_items(self: Any = None, context: bpy.types.Context | None = None) -> list[_Item]:
    if "other" not in _items:
        same = (_SAME_SHAPE, "As the sign has it", "No handshape of its own", 0, 0)
        _items["other"] = [same, *((n, label, text, icon, k + 1) for n, label, text, icon, k in handshape_items())]
    return _items["other"]


def found_glosses(self: Any, context: bpy.types.Context, typed: str) -> Iterator[str]:
    """Glosses for a search: those that begin with what is typed, then those that hold it; and fingerspelling of it."""
    wanted = typed.strip().upper().replace(" ", "-")
    glosses = load_lexicon().glosses
    yield from (gloss for gloss in glosses if gloss.startswith(wanted))
    yield from (gloss for gloss in glosses if wanted in gloss and not gloss.startswith(wanted))
    if wanted.isalpha() and wanted not in glosses:
        yield f"fs-{wanted}"


def found_directions(self: Any, context: bpy.types.Context, typed: str) -> list[str]:
    """Directions for a search: the six words and their pairs."""
    words = list(DIRECTION_WORDS)
    pairs = [f"{a}+{b}" for i, a in enumerate(words) for b in words[i + 1 :] if (i // 2) != (words.index(b) // 2)]
    return [text for text in (*words, *pairs) if typed.strip().lower() in text]


# --- Properties --------------------------------------------------------------------------------------------------------------


def _tell(name: str) -> Callable[[Any, bpy.types.Context], None]:
    def update(self: Any, context: bpy.types.Context) -> None:
        if not _quiet[0]:
            set_from_panel(self.id_data, name, getattr(self, name), context.scene)

    return update


def _choice(name: str, label: str, values: tuple[str, ...], text: str) -> Any:
    return EnumProperty(name=label, description=text, items=_fixed(values, label), update=_tell(name), options=set())


def _words(name: str, label: str, text: str, search: Any = None) -> Any:
    searching = {"search": search, "search_options": {"SUGGESTION"}} if search is not None else {}
    return StringProperty(name=label, description=text, update=_tell(name), options=set(), **searching)


def _seconds(name: str, label: str, text: str, low: float, high: float) -> Any:
    return FloatProperty(name=label, description=text, min=low, max=high, step=5, precision=2, update=_tell(name), options=set())


def _curl(finger: str) -> Any:
    label = "Little finger" if finger == "pinky" else finger.capitalize()
    return FloatProperty(name=label, description=f"How straight the {label.lower()} is: 0 closed, 1 straight", min=0.0, max=1.0, subtype="FACTOR",
                         update=_tell(finger), options=set())  # fmt: skip


class SignGenRow(bpy.types.PropertyGroup):
    """A line of the list; `name` is the gloss, which Blender filters by."""

    start: FloatProperty()
    duration: FloatProperty()
    confidence: FloatProperty()
    words: StringProperty()


class SignGenSign(bpy.types.PropertyGroup):
    """The selected sign."""

    gloss: _words("gloss", "Gloss", "The sign: a gloss of the lexicon, fs-NAME to spell, a number, or WORK+ for one more stroke", found_glosses)
    start: _seconds("start", "Start", "Seconds at which the sign begins; what comes after moves along", 0.0, 36000.0)
    duration: _seconds("duration", "Duration", "Seconds from the first hold to the last; what comes after moves along", 0.05, 20.0)
    pause_after: _seconds("pause_after", "Hold", "Seconds for which the last hold is kept", 0.0, 20.0)
    emphasis: _choice("emphasis", "Emphasis", EMPHASES, "Stress: larger, slower, with a longer hold")
    handshape: EnumProperty(name="Handshape", description="Dominant hand at the first hold", items=handshape_items, update=_tell("handshape"), options=set())
    thumb: _curl("thumb")
    index: _curl("index")
    middle: _curl("middle")
    ring: _curl("ring")
    pinky: _curl("pinky")
    location: _choice("location", "Location", ALL_MINOR_LOCATIONS, "Where the sign is made")
    palm: _words("palm", "Palm", "Where the palm faces: out, in, up, down, forward, back, or a sum such as up+0.3*in", found_directions)
    fingers: _words("fingers", "Fingers", "Where the extended fingers point, in the same words", found_directions)
    movement: _choice("movement", "Movement", MOVEMENTS, "Path of the hand")
    direction: _words("direction", "Direction", "Where a path without a second location goes", found_directions)
    sign_type: _choice("sign_type", "Hands", SIGN_TYPES, "What the two hands do")
    other_handshape: EnumProperty(
        name="Handshape", description="Handshape of the non-dominant hand", items=_other_items, update=_tell("other_handshape"), options=set()
    )
    other_location: _choice("other_location", "Location", ALL_MINOR_LOCATIONS, "Where the non-dominant hand is held")
    other_palm: _words("other_palm", "Palm", "Where the non-dominant palm faces, said from its own side", found_directions)
    facial_expression: _choice("facial_expression", "Face", FACIAL_EXPRESSIONS, "Expression of brows and face")
    head_movement: _choice("head_movement", "Head", HEAD_MOVEMENTS, "Movement of the head")
    eye_gaze: _choice("eye_gaze", "Gaze", EYE_GAZES, "Where the signer looks")
    torso: _choice("torso", "Trunk", TORSO_MOVEMENTS, "Shoulders and trunk")
    mouthing: _words("mouthing", "Mouthing", "The word to mouth; empty for none")


def _row_chosen(self: Any, context: bpy.types.Context) -> None:
    if not _quiet[0]:
        mirror(self.id_data)


class SignGenSigns(bpy.types.PropertyGroup):
    """The mirror of one signer's plan. seen: which text of it is mirrored. note: what went wrong last, for the panel."""

    rows: CollectionProperty(type=SignGenRow)
    row: IntProperty(name="Sign", description="The selected sign", min=0, update=_row_chosen, options=set())
    sign: PointerProperty(type=SignGenSign)
    seen: StringProperty()
    note: StringProperty()


def signs_of(armature: bpy.types.Object) -> SignGenSigns:
    """The mirror on a signer's armature."""
    return armature.signgen_signs


# --- Mirror ------------------------------------------------------------------------------------------------------------------


@contextmanager
def _silence() -> Iterator[None]:
    _quiet[0] += 1
    try:
        yield
    finally:
        _quiet[0] -= 1


def _digest(text: str | None) -> str:
    return "" if text is None else f"{len(text)}-{zlib.crc32(text.encode())}"


def is_mirrored(armature: bpy.types.Object) -> bool:
    """Whether list and plan say the same."""
    return signs_of(armature).seen == _digest(signers.plan_text_of(armature))


def mirror(armature: bpy.types.Object, *, row: int | None = None, note: str | None = None) -> None:
    """Fills the list from the plan. row: the one to select. note: what the panel says; None leaves it. A plan that cannot be read is told in the note."""
    view = signs_of(armature)
    text = signers.plan_text_of(armature)
    plan: ActionSequence | None = None
    try:
        plan = None if text is None else resigning.plan_on(armature)
    except SignGenError as problem:
        note = str(problem)
    with _silence():
        actions = () if plan is None else plan.actions
        while len(view.rows) > len(actions):
            view.rows.remove(len(view.rows) - 1)
        while len(view.rows) < len(actions):
            view.rows.add()
        for shown, action in zip(view.rows, actions, strict=True):
            values = {"name": action.gloss_id, "start": action.start, "duration": action.duration, "confidence": action.confidence}
            for key, value in {**values, "words": " ".join(action.words)}.items():
                if getattr(shown, key) != value:
                    setattr(shown, key, value)
        view.row = max(0, min(view.row if row is None else row, len(actions) - 1))
        if actions:
            _show_sign(view.sign, actions[view.row])
        changed = view.seen != _digest(text)
        view.seen = _digest(text)
        if note is not None:
            view.note = note
    if plan is not None and changed:
        for told in FOLLOWERS:
            told(armature)


def _show_sign(sign: SignGenSign, action: SignAction) -> None:
    for name, field in FIELDS.items():
        setattr(sign, name, field.read(action))
    for finger, value in extension(action).items():
        setattr(sign, finger, value)


def change_of(action: SignAction, index: int, name: str, value: Any) -> tuple[str, Any] | None:
    """The change of the plan that gives a field of the panel a value; None where it has that value. name: of `FIELDS`, or a finger."""
    if name in FINGER_NAMES:
        if abs(extension(action)[name] - value) < _SAME:
            return None
        return f"actions[{index}].handshape.finger_config", {**action.finger_config, name: round(value, 3)}
    field = FIELDS[name]
    now = field.read(action)
    if value == now or (isinstance(value, float) and abs(value - now) < _SAME):
        return None
    if name in _UNSET and value == _UNSET[name]:
        value = None
    return f"actions[{index}].{field.path}", round(value, 4) if isinstance(value, float) else value


def set_from_panel(armature: bpy.types.Object, name: str, value: Any, scene: bpy.types.Scene) -> None:
    """Gives a field of the selected sign a value, keys what it reaches and shows what has followed. What is refused is told in the panel."""
    view = signs_of(armature)
    note = ""
    try:
        plan = resigning.plan_on(armature)
        change = change_of(plan.actions[view.row], view.row, name, value) if view.row < len(plan.actions) else None
        if change is not None:
            resigning.change(signers.signer_of(armature), [change], scene=scene)
    except SignGenError as problem:
        note = str(problem)
    mirror(armature, note=note)


# --- Following ---------------------------------------------------------------------------------------------------------------


@persistent
def follow_plans(scene: bpy.types.Scene, *_: Any) -> None:
    """Fills the list of each signer whose plan was changed by something else: by signing a text, or by undo."""
    for armature in signers.signers(scene):
        if not is_mirrored(armature):
            mirror(armature, note="")


@persistent
def _follow_file(*_: Any) -> None:
    for scene in bpy.data.scenes:
        for armature in signers.signers(scene):
            mirror(armature, note="")


CLASSES = (SignGenRow, SignGenSign, SignGenSigns)

_register, _unregister = bpy.utils.register_classes_factory(CLASSES)


def register() -> None:
    hand_icons.register()
    _register()
    bpy.types.Object.signgen_signs = PointerProperty(type=SignGenSigns)
    bpy.app.handlers.depsgraph_update_post.append(follow_plans)
    bpy.app.handlers.load_post.append(_follow_file)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_follow_file)
    bpy.app.handlers.depsgraph_update_post.remove(follow_plans)
    del bpy.types.Object.signgen_signs
    _unregister()
    _items.clear()
    hand_icons.unregister()
