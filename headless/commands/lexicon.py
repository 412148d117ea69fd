"""signgen lexicon: the signs themselves."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headless import options
from headless.console import FAILED, count, say

if TYPE_CHECKING:
    from signgen_core.phonology.lexicon import Entry, Lexicon

_SHEET_ROWS = 15


@click.group()
def command() -> None:
    """The signs: what there is, how each is made, whether it keeps the bounds, how it looks, how it compares with ASL-LEX."""


def _named(lexicon: Lexicon, gloss: str) -> str:
    """The gloss as the lexicon writes it: upper case, but for the small first letters of gestures (`g-WAVE`)."""
    return gloss if lexicon.has(gloss) else f"g-{gloss[2:].upper()}" if gloss.lower().startswith("g-") else gloss.upper()


@command.command(name="list")
@click.option("--word", help="Only signs for this English word (or a part of it).")
@click.option("--pos", help="Only this part of speech: noun, verb, adjective ...")
@click.option("--handshape", help="Only signs with this handshape in a morpheme.")
@click.option("--location", help="Only signs at this major or minor location: Head, Chin, Palm ...")
@click.option("--json", "as_json", is_flag=True, help="A JSON list in place of lines.")
def list_signs(word: str | None, pos: str | None, handshape: str | None, location: str | None, as_json: bool) -> None:
    """All signs, a line each: gloss, part of speech, handshape, place, English words."""
    from signgen_core.phonology.lexicon import load_lexicon

    def fits(entry: Entry) -> bool:
        morphemes = entry.morphemes
        return (
            (word is None or any(word.lower() in w for w in entry.words))
            and (pos is None or entry.pos == pos.lower())
            and (handshape is None or any(handshape in (m.handshape, m.final_handshape, m.nondominant_handshape) for m in morphemes))
            and (location is None or any(location.lower() in (m.major_location.lower(), m.minor_location.lower()) for m in morphemes))
        )

    found = [e for e in load_lexicon().entries.values() if fits(e)]
    if as_json:
        say(json.dumps([{"gloss_id": e.gloss_id, "words": e.words, "pos": e.pos, "source": e.source} for e in found], indent=1, ensure_ascii=False))
        return
    for e in found:
        first = e.morphemes[0]
        say(f"{e.gloss_id:<20} {e.pos:<12} {first.handshape:<12} {first.minor_location:<12} {', '.join(e.words)}")
    say(count(len(found), "sign"), err=True)


@command.command()
@click.argument("gloss")
@click.option("--json", "as_json", is_flag=True, help="The entry as it stands in a lexicon file.")
def show(gloss: str, as_json: bool) -> None:
    """One sign: words, description, and every feature of its form."""
    from signgen_core.phonology.lexicon import entry_to_json, load_lexicon

    lexicon = load_lexicon()
    word = lexicon.find(gloss.lower())
    entry = lexicon.get(word if word and not lexicon.has(_named(lexicon, gloss)) else _named(lexicon, gloss))
    data = entry_to_json(entry)
    if as_json:
        say(json.dumps({entry.gloss_id: data}, indent=2, ensure_ascii=False))
        return
    say(f"{entry.gloss_id}  ({entry.pos}; {entry.source})")
    if entry.description:
        say(f"  {entry.description}")
    for key in ("words", "variant", "asl_lex", "non_manual_markers", "inferred"):
        if value := data.get(key):
            shown = ", ".join(value) if isinstance(value, list) else ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            say(f"  {key.replace('_', ' ')}: {shown}")
    for number, morpheme in enumerate(data["morphemes"], start=1):
        say(f"  morpheme {number} of {len(data['morphemes'])}")
        for key, value in morpheme.items():
            say(f"    {key.replace('_', ' ')}: {json.dumps(value) if isinstance(value, dict | list | bool) else value}")


@command.command()
@click.argument("gloss", nargs=-1)
@click.option("--folder", metavar="DIR", help="Check the lexicon files of this folder.  [default: the shipped signs and your own]")
@click.option("--workers", type=click.IntRange(0, 64), default=0, help="Processes; 0 is one a core.  [default: 0]")
@click.option("--json", "as_json", is_flag=True, help="Every number of every sign.")
@click.pass_context
def check(ctx: click.Context, gloss: tuple[str, ...], folder: str | None, workers: int, as_json: bool) -> None:
    """Check signs: schema, targets out of reach, hands inside the body, jumps, signs that are the same.

    Exit status 1 when there is a fault. Imported signs are checked too; their inferred half is where faults are expected.
    """
    from headless.progress import progress_bar
    from signgen_core.audit import reports, twins
    from signgen_core.phonology.lexicon import load_lexicon

    root = Path(folder) if folder else None
    lexicon = load_lexicon(root)
    names = [lexicon.get(_named(lexicon, g)).gloss_id for g in gloss] or list(lexicon.glosses)
    with progress_bar("signs ") as tick:
        measured = list(reports(names, folder=root, workers=workers, progress=tick))
    same = [pair for pair in twins(lexicon.entries.values()) if not gloss or set(pair) & set(names)]
    faulty = [r for r in measured if r.faults]
    if as_json:
        say(json.dumps({"signs": [r.to_json() for r in measured], "same": same}, indent=1))
    else:
        for report in faulty:
            say(f"{report.gloss_id}: {'; '.join(report.faults)}")
        for first, second in same:
            say(f"{first} and {second} are the same sign")
        say(f"{count(len(measured), 'sign')}, {len(faulty)} with faults, {count(len(same), 'pair')} the same")
    if faulty or same:
        ctx.exit(FAILED)


@command.command()
@click.argument("gloss", nargs=-1)
@click.option("-o", "--output", required=True, metavar="FILE.png", help="The picture; of several pages FILE_2.png and so on.")
@click.option("--all", "everything", is_flag=True, help="All signs.")
@click.option("--source", metavar="FILE.json", help="All signs of one lexicon file, by its name.")
@click.option("--frames", type=click.IntRange(1, 24), default=4, show_default=True, help="Frames of each sign, from its first hold to its last.")
@click.option("--camera", type=options.CameraType(), help="A preset of presets/cameras, or a camera file.  [default: signing]")
@options.character
def sheet(gloss: tuple[str, ...], output: str, everything: bool, source: str | None, frames: int, camera: str | None, character: str | None) -> None:
    """Pictures of signs: contact sheets with a row of frames a sign, 15 signs a page."""
    import numpy as np

    from headless import inputs
    from headless.progress import progress_bar
    from headless.sheet import sheet as draw
    from signgen_core.audit import sign_motion
    from signgen_core.camera import DEFAULT_CAMERA
    from signgen_core.errors import InputError
    from signgen_core.phonology.lexicon import load_lexicon

    path = Path(output)
    inputs.check_output(path, (".png",))
    lexicon = load_lexicon()
    names = _chosen(lexicon, gloss, everything, source)
    pages = [names[i : i + _SHEET_ROWS] for i in range(0, len(names), _SHEET_ROWS)]
    for number, page in enumerate(pages, start=1):
        rows = []
        for name in page:
            _, motion = sign_motion(name, lexicon)
            if not motion.segments:
                raise InputError(f"{name}: has no motion")
            segment = motion.segments[0]
            rows.append((name, motion, list(np.linspace(segment.start, segment.end, frames))))
        target = path if number == 1 else path.with_name(f"{path.stem}_{number}.png")
        with progress_bar(f"page {number}/{len(pages)} ") as tick:
            draw(rows, target, columns=frames * (2 if len(rows) > 5 else 1), frame_size=(240, 240), camera=camera or DEFAULT_CAMERA,
                 character=character, progress=tick)  # fmt: skip
        say(f"{target}  {count(len(page), 'sign')}")


def _chosen(lexicon: Lexicon, glosses: tuple[str, ...], everything: bool, source: str | None) -> list[str]:
    if sum((bool(glosses), everything, source is not None)) != 1:
        raise click.UsageError("Give either GLOSS ..., --all or --source FILE.json.")
    if everything:
        return list(lexicon.glosses)
    if source is not None:
        found = [e.gloss_id for e in lexicon.entries.values() if e.source in (source, f"{source}.json")]
        if not found:
            raise click.UsageError(f"--source: no sign stands in {source}.")
        return found
    from signgen_core.phonology.number_glosses import is_number

    return [g.upper() if is_number(g.upper()) else lexicon.get(_named(lexicon, g)).gloss_id for g in glosses]


@command.command()
@click.argument("table", metavar="asl-lex.csv")
@click.option("--json", "as_json", is_flag=True, help="Agreement and all disagreements as JSON.")
@click.option("--all", "everything", is_flag=True, help="List disagreements that an entry explains as a variant, and further features, too.")
def compare(table: str, as_json: bool, everything: bool) -> None:
    """Agreement with an ASL-LEX 2.0 table, feature by feature, over the lemmas that both have."""
    from signgen_core.phonology.asl_lex import COMPARED, REQUIRED, read_asl_lex
    from signgen_core.phonology.asl_lex import compare as compare_with
    from signgen_core.phonology.lexicon import Lexicon, load_lexicon

    # a sign imported from the table would agree with itself
    own = Lexicon([e for e in load_lexicon().entries.values() if not e.inferred])
    result = compare_with(own, read_asl_lex(table))
    if as_json:
        features = {f: {"agree": a, "variant": v, "compared": n, "share": a / n if n else None} for f, (a, v, n) in result.counts.items()}
        rows = [vars(d) for d in result.disagreements]
        say(json.dumps({"lemmas": len(result.pairs), "features": features, "disagreements": rows, "pairs": result.pairs}, indent=1, ensure_ascii=False))
        return
    for d in result.disagreements:
        if everything or (not d.variant and d.feature in REQUIRED):
            note = f"  ({d.variant})" if d.variant else ""
            say(f"{d.gloss_id}: {d.feature} {_shown(d.ours)}, in {d.entry_id} {_shown(d.theirs)}{note}")
    say(f"{count(len(result.pairs), 'lemma')} in both")
    say(f"{'feature':<24}{'agree':>9}{'or variant':>12}")
    for feature in COMPARED:
        share, wide = result.share(feature), result.share_or_variant(feature)
        say(f"{feature:<24}{_percent(share):>9}{_percent(wide):>12}")


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f} %"


def _shown(value: str | bool | None) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else value


@command.command(name="import")
@click.argument("table", metavar="asl-lex.csv")
@click.option("-o", "--output", metavar="FILE.json", help="Where the signs go.  [default: asl_lex.json among your own signs]")
@click.option("--override", is_flag=True, help="Imported signs win over shipped ones of the same gloss.")
def import_table(table: str, output: str | None, override: bool) -> None:
    """Import an ASL-LEX 2.0 table as your own signs.

    All its signs are added. What the table does not code (palm, fingers, touching patch, path) is inferred from the most similar shipped
    signs and marked as inferred. The table is CC BY-NC 4.0, and so are the signs made from it: not for commercial use.
    """
    from headless import inputs
    from signgen_core.motion import write_bytes
    from signgen_core.phonology.asl_lex import read_asl_lex
    from signgen_core.phonology.infer import LICENCE, entries_from
    from signgen_core.phonology.lexicon import Lexicon, dump_lexicon, entry_to_json, load_lexicon, user_lexicon_folder

    path = Path(output) if output else user_lexicon_folder() / "asl_lex.json"
    if output:
        inputs.check_output(path, (".json",))
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
    rows = read_asl_lex(table)
    lexicon = load_lexicon()
    made = entries_from(rows, Lexicon([e for e in lexicon.entries.values() if not e.inferred]))
    text = dump_lexicon({e.gloss_id: entry_to_json(e) for e in made}, licence=LICENCE, source=Path(table).name, override=override)
    write_bytes(path, text.encode())
    known = sum(lexicon.has(e.gloss_id) and not lexicon.get(e.gloss_id).inferred for e in made)
    say(f"{path}  {count(len(made), 'sign')}, {len(made) - known} of them new to the lexicon")
