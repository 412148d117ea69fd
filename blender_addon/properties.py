"""What the panel holds: one group of properties on the scene, saved with the file.

Blender reads properties from annotations, so these are evaluated here and not postponed.
"""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from signgen_core.character import DEFAULT_CHARACTER, character_names


class SignGenSettings(bpy.types.PropertyGroup):
    """What to sign, and how."""

    text: StringProperty(name="Text", description="English text to sign", default="Hello, my name is Anna.")
    as_gloss: BoolProperty(name="Glosses", description="The text is glosses in signing order, such as IX-1 NAME fs-ANNA", default=False)
    character: EnumProperty(
        name="Character",
        description="Looks of new signers",
        items=[(name, name.capitalize(), f"The looks of {name.capitalize()}") for name in character_names()],
        default=DEFAULT_CHARACTER,
    )
    who: EnumProperty(
        name="Signed By",
        description="What makes the motion",
        items=[
            ("auto", "As there is", "The worker where there is one, else Blender itself"),
            ("worker", "Worker", "A process of its own, with the models that read the text"),
            ("inside", "Blender", "By rule, inside Blender"),
        ],
        default="auto",
    )
    generator: EnumProperty(
        name="Movement",
        description="How the worker makes the movement",
        items=[
            ("phonology", "By Rule", "From what each sign is made of"),
            ("lm", "Learned", "By the trained model, which also says how sure it is"),
        ],
        default="phonology",
    )
    handedness: EnumProperty(
        name="Hand",
        description="The signer's dominant hand",
        items=[("right", "Right", "Right-handed signer"), ("left", "Left", "Left-handed signer")],
        default="right",
    )
    emotion: EnumProperty(
        name="Mood",
        description="Mood of the face, under what grammar asks of it",
        items=[
            ("auto", "As read", "The mood that the text has"),
            ("neutral", "Neutral", "No mood"),
            ("positive", "Positive", "A glad face"),
            ("negative", "Negative", "A worried face"),
        ],
        default="auto",
    )
    gestures: EnumProperty(
        name="Gestures",
        description="Gestures that go with what is said; the worker reads which",
        items=[
            ("none", "None", "Signs alone"),
            ("with", "After Signs", "A sentence's gesture after its signs"),
            ("only", "Alone", "Gestures in place of signs"),
        ],
        default="none",
    )
    tempo: FloatProperty(name="Tempo", description="Speed of signing; 1 is everyday signing", default=1.0, min=0.25, max=4.0, soft_min=0.5, soft_max=2.0)
    fps: FloatProperty(name="Frame Rate", description="Frames a second; becomes the scene's rate", default=30.0, min=1.0, max=240.0)
    seed: IntProperty(name="Seed", description="The same text and seed give the same movements", default=0, min=0)


def settings(context: bpy.types.Context) -> SignGenSettings:
    """The settings of the scene that is worked in."""
    return context.scene.signgen


def register() -> None:
    bpy.utils.register_class(SignGenSettings)
    bpy.types.Scene.signgen = PointerProperty(type=SignGenSettings)


def unregister() -> None:
    del bpy.types.Scene.signgen
    bpy.utils.unregister_class(SignGenSettings)
