"""Galleries and statistics of batches and datasets: what is found, measured and written; nothing that is broken or hostile does more than tell of itself."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import pickle
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from headless.batch.ledger import FORM
from headless.gallery.examine import Order, Record, examine, look_at
from headless.gallery.page import write_gallery
from headless.gallery.sources import Item, Source, limited, open_sources, read_texts
from signgen_core.datasets import Clip, writers
from signgen_core.datasets.clips import PARTS
from signgen_core.datasets.layouts import LAYOUTS
from signgen_core.errors import FileFormatError, InputError, OutputError
from signgen_core.motion import Motion, Segment, write_npz
from signgen_core.rig import INDEX, POINT_NAMES

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&"


@pytest.fixture(scope="module")
def samples() -> ModuleType:
    """The writers of `tests/datasets/test_readers.py`: a file in the exact layout of each system."""
    path = Path(__file__).resolve().parents[1] / "datasets" / "test_readers.py"
    spec = importlib.util.spec_from_file_location("samples_of_readers", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def motion(frames: int = 12, signs: tuple[str, ...] = (), speed: float = 1.0) -> Motion:
    t = np.linspace(0.0, speed, frames)
    poses = np.zeros((frames, 55, 3))
    poses[:, INDEX["right_elbow"], 1] = t
    segments = tuple(Segment(g, k * 0.1, k * 0.1 + 0.08, k * 0.1 + 0.04) for k, g in enumerate(signs))
    return Motion(poses, np.zeros((frames, 3)), np.zeros(10), np.zeros((frames, 10)), np.zeros((frames, 52)), 30.0, segments)


def clip_of(name: str, **options: Any) -> Clip:
    made = motion(**options)
    return Clip(name, made, {part: np.ones(made.num_frames, dtype=bool) for part in PARTS}, provenance={"layout": "made", "file": HOSTILE})


def save(path: Path, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = motion(**options)
    write_npz(path, made, np.zeros((made.num_frames, len(POINT_NAMES), 3)))
    return path


def batch(folder: Path) -> Path:
    """The output of a batch: a row that is done, one that is planned, one that failed, one whose line was cut off, and one that names a file elsewhere."""
    save(folder / "motions" / "one.npz", signs=("HELLO", "HOME"))
    (folder / "videos").mkdir()
    (folder / "videos" / "one.mp4").write_bytes(b"video")
    rows = [
        FORM,
        {"id": "one", "row": 1, "state": "planned", "text": "old"},
        {"id": "bad", "row": 3, "state": "failed", "text": "=cmd()", "error": "no words"},
        {"id": "one", "row": 1, "state": "done", "text": "Hello home.", "files": {"motion": {"path": "motions/one.npz"}, "video": {"path": "videos/one.mp4"}}},
        {"id": "plan", "row": 2, "state": "planned", "files": {"plan": {"path": "plans/plan.json"}}},
        {"id": "out", "row": 4, "state": "done", "files": {"motion": {"path": "../elsewhere.npz"}, "video": {"path": "/etc/passwd"}}},
    ]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"id": "half')
    return folder


def galleries(folder: Path) -> dict[str, Any]:
    """What clips.js says."""
    text = (folder / "clips.js").read_text(encoding="ascii")
    assert text.startswith("window.galleryData = ") and "<" not in text
    return json.loads(text.removeprefix("window.galleryData = ").rstrip(";\n"))


def test_a_batch_is_read_as_it_stands(tmp_path: Path) -> None:
    (source,) = open_sources([batch(tmp_path / "b")])
    assert source.layout == "batch" and [item.name for item in source.items] == ["one", "plan", "bad", "out"]
    one, plan, bad, out = source.items
    assert one.text == "Hello home." and one.video == tmp_path / "b/videos/one.mp4" and one.load is not None and one.problem == ""
    assert plan.load is None and plan.problem == "planned, without a motion yet" and bad.problem == "no words"
    assert out.load is None and out.video is None  # a manifest may not lead out of its folder
    (tmp_path / "b/manifest.jsonl").write_text(json.dumps(FORM) + "\n{}\n")
    with pytest.raises(FileFormatError, match="manifest.jsonl:2: no id"):
        open_sources([tmp_path / "b"])


def test_sources_have_labels_texts_and_limits(tmp_path: Path) -> None:
    for k in range(5):
        save(tmp_path / "a" / "x" / f"c{k}.npz")
    save(tmp_path / "b" / "x" / "c0.npz")
    (tmp_path / "b" / "x" / "c0.mp4").write_bytes(b"")
    (tmp_path / "t.tsv").write_text("SENTENCE_NAME\tSENTENCE\nc0\tHello there.\nc9\tnobody\n")
    first, second = open_sources([tmp_path / "a/x", tmp_path / "b/x"], texts=tmp_path / "t.tsv")
    assert (first.label, second.label) == ("x", "b/x") and first.items[0].text == "Hello there." and first.items[1].text == ""
    assert second.items[0].video == tmp_path / "b/x/c0.mp4" and first.items[0].video is None
    assert [item.name for item in limited([first], 3)[0].items] == ["c0", "c2", "c4"] and limited([first], 0) == [first]
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileFormatError, match=r"t.csv: expected a header with a column of names"):
        read_texts(tmp_path / "t.csv")
    with pytest.raises(InputError, match="layout: 'nothing' is not one of"):
        open_sources([tmp_path / "a"], layout="nothing")


def shown(path: Path, out: Path) -> Record | str:
    """What comes of a path: the record of a clip that was drawn, or the one line that it is refused with."""
    try:
        (source,) = open_sources([path])
    except InputError as problem:
        return str(problem)
    records = [look_at(Order(0, item, out / "p.png", out / "p.js")) for item in source.items]
    for record in records:
        if not record.drawn:
            return record.problem
    # of a folder of frames one file that cannot be read is an item of its own, beside the clip without it
    (record,) = records
    assert (out / "p.png").read_bytes().startswith(b"\x89PNG") and (out / "p.js").stat().st_size > 100
    return record


class Malice:
    """What a hostile pickle holds: reading it would make the file `executed` in the current folder."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch executed",)


def every_sample(folder: Path, samples: ModuleType) -> dict[str, Path]:
    """layout -> a file or folder of it, each a single clip."""
    folder.mkdir()
    made, twelve = samples.parts(12), range(12)
    found = {"signavatars": samples.write_signavatars(folder / "sign.pkl", made)}
    fitted = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose", "leye_pose", "reye_pose", "betas", "expression", "transl")
    frames: dict[str, tuple[str, Callable[[int], dict[str, np.ndarray]]]] = {
        "soke": ("c_{}_3D.pkl", partial(samples.soke_frame, made)),
        "smplestx": ("v_{:06d}_p0.npz", partial(samples.soke_frame, made)),
        "smplerx": ("v_{:06d}_p0.npz", lambda k: {part: made[part][k] for part in fitted}),
    }
    for name, (pattern, frame) in frames.items():
        place = folder / name / "book" / "c"
        place.mkdir(parents=True)
        for k in twelve:
            if pattern.endswith("pkl"):
                (place / pattern.format(k)).write_bytes(pickle.dumps(frame(k)))
            else:
                np.savez(place / pattern.format(k), **frame(k))
        found[name] = folder / name
    common = {"trans": made["transl"], "betas": made["betas"][0], "mocap_frame_rate": 30.0}
    beat2 = {"expressions": np.ones((12, 100))}
    for name, layout, more in (("amass_x", "amass_smplx_165", {}), ("amass_h", "amass_smplh_156", {}), ("beat2", "amass_smplx_165", beat2)):
        found[name] = folder / f"{name}.npz"
        np.savez(found[name], poses=samples.join(made, layout), **common, **more)
    for layout in LAYOUTS:
        found[f"vectors {layout}"] = folder / f"{layout}.npy"
        np.save(found[f"vectors {layout}"], samples.vectors(layout, 12))
    for name, suffix in (("rot6d", "npy"), ("bvh", "bvh")):
        found[name] = folder / f"{name}.{suffix}"
        writers.write_motion(found[name], motion())
    found["own"] = save(folder / "own.npz")
    found["pose"] = folder / "p.pose"
    found["pose"].write_bytes(samples.pose_bytes(frames=12)[0])
    points = np.random.default_rng(1).normal(size=(12, 72, 3))
    found["asllvd npy"], found["asllvd json"] = folder / "asllvd.npy", folder / "asllvd.json"
    np.save(found["asllvd npy"], points)
    found["asllvd json"].write_text(json.dumps({"label": "BOOK", "frames": points.tolist()}))
    (folder / "wlasl").mkdir()
    samples.write_signavatars(folder / "wlasl" / "07069.pkl", made)
    found["wlasl"] = folder / "wlasl" / "WLASL_v0.3.json"
    found["wlasl"].write_text(json.dumps([{"gloss": "book", "instances": [{"video_id": "07069", "split": "train"}]}]))
    return found


def damaged(path: Path, how: str) -> bool:
    """Breaks a file of a sample (of a folder its fourth), or tells that it cannot be broken in that way."""
    if path.is_dir():
        path = sorted(p for p in path.rglob("*") if p.is_file())[3]
    if how == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        return True

    def worse(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: worse(v) for key, v in value.items()}
        array = np.asarray(value)
        if array.dtype.kind != "f" or not array.ndim:
            return value
        return np.full(array.shape, np.nan) if how == "nan" else np.concatenate([array, array[..., :1]], axis=-1)

    if path.suffix == ".pkl":
        held = {"smplx": Malice()} if how == "malice" else worse(pickle.loads(path.read_bytes()))
        path.write_bytes(pickle.dumps(held))
    elif path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        np.savez(path, **({name: np.array([Malice()], dtype=object) for name in arrays} if how == "malice" else worse(arrays)))
    elif path.suffix == ".npy":
        np.save(path, np.array([Malice()], dtype=object) if how == "malice" else worse(np.load(path)), allow_pickle=how == "malice")
    elif path.suffix == ".bvh" and how != "malice":
        rows = path.read_text(encoding="utf-8").splitlines()
        rows[-1] = " ".join(["nan", *rows[-1].split()[1:]]) if how == "nan" else f"{rows[-1]} 1.0"
        path.write_text("\n".join(rows), encoding="utf-8")
    elif path.name == "asllvd.json" and how != "malice":
        held = json.loads(path.read_text())
        path.write_text(json.dumps({**held, "frames": worse(np.array(held["frames"])).tolist()}))
    else:
        return False
    return True


@pytest.mark.parametrize("how", ["cut", "nan", "dims", "malice"])
def test_every_reader_s_sample_becomes_a_picture_and_broken_ones_a_line(
    tmp_path: Path, samples: ModuleType, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the hostile ones would leave their mark
    found = every_sample(tmp_path / "files", samples)
    if how == "cut":  # once
        for name, path in found.items():
            record = shown(path, tmp_path)
            assert isinstance(record, Record), (name, record)
            assert record.numbers["frames"] == 12.0
    broken = {name: path for name, path in found.items() if damaged(path, how)}
    assert len(broken) > (12 if how == "malice" else 18)
    for name, path in broken.items():
        line = shown(path, tmp_path)
        if how == "nan" and name.startswith("asllvd"):
            assert isinstance(line, Record)  # points that were not found
            continue
        assert isinstance(line, str), f"{name}: drawn in spite of it"
        assert line and "\n" not in line and len(line) < 400, (name, line)
        assert path.name in line or name == "wlasl" or path.is_dir(), (name, line)
        assert "internal" not in line and "Traceback" not in line, (name, line)
    assert not (tmp_path / "executed").exists()


def test_a_damaged_file_does_not_hide_the_others(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 322)))
    (tmp_path / "b.npy").write_bytes(b"\x93NUMPY")
    (source,) = open_sources([tmp_path])
    records = examine([Order(k, item) for k, item in enumerate(source.items)], 1)
    assert [(r.name, bool(r.problem)) for r in records] == [("a", False), ("b", True)] and "b.npy: not a readable npy file" in records[1].problem
    (tmp_path / "a.npy").unlink()
    with pytest.raises(FileFormatError, match="b.npy: not a readable npy file"):
        open_sources([tmp_path])


def test_a_clip_that_kills_its_process_is_named_and_the_others_are_done() -> None:
    items = [Item(f"c{k}", partial(os._exit, 3) if k == 5 else partial(clip_of, f"c{k}")) for k in range(6)]
    told: list[tuple[int, int]] = []
    records = examine([Order(k, item) for k, item in enumerate(items)], 2, lambda done, total: told.append((done, total)))
    assert [r.name for r in records] == [item.name for item in items] and told == [(k + 1, 6) for k in range(6)]
    assert [r.number for r in records if r.problem] == [5] and "the process that read it died" in records[5].problem


def fault() -> Clip:
    raise ValueError("nobody thought\nof this")


def huge() -> Clip:
    made = clip_of("huge")
    made.motion.poses[:] = 1e200
    return made


def test_faults_that_nobody_thought_of_are_told_of_their_clip_alone() -> None:
    records = examine([Order(0, Item("a", fault)), Order(1, Item("b", huge)), Order(2, Item("c", partial(clip_of, "c")))], 1)
    assert re.fullmatch(r"internal error: ValueError: nobody thought of this \(test_gallery.py:\d+\)", records[0].problem)
    assert [r.problem for r in records[1:]] == ["b: rotations or points too large to be placed", ""]


def source(label: str, *items: Item) -> Source:
    return Source(label, Path(label), "made", items)


def test_a_page_holds_hostile_names_as_text(tmp_path: Path) -> None:
    items = (Item(HOSTILE, partial(clip_of, HOSTILE, signs=(HOSTILE,)), HOSTILE), Item("none", None, problem=HOSTILE))
    write_gallery(tmp_path / "g", [source(HOSTILE, *items)], title=HOSTILE, workers=1)
    page = (tmp_path / "g/index.html").read_text(encoding="utf-8")
    assert "<img" not in page and page.count("</script>") == 2 and "&lt;/script&gt;&lt;img src=x" in page and "{{" not in page
    assert not [word for word in ("http:", "https:", "//") if word in page]
    found = galleries(tmp_path / "g")
    assert [g["name"] for g in found["groups"]] == [HOSTILE, "none"] and found["groups"][0]["panes"][0]["signs"][0][0] == HOSTILE
    assert found["groups"][1]["panes"][0]["problem"] == HOSTILE and found["groups"][1]["panes"][0]["flags"][0]["kind"] == "broken"


def test_the_same_clips_make_the_same_bytes_and_whole_galleries_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = (Item("a", partial(clip_of, "a")), Item("b", partial(clip_of, "b", frames=20)))
    for name in ("one", "two"):
        write_gallery(tmp_path / name, [source("s", *items)], title="t", workers=1)
    read = [{p.relative_to(tmp_path / n).as_posix(): p.read_bytes() for p in sorted((tmp_path / n).rglob("*")) if p.is_file()} for n in ("one", "two")]
    assert read[0] == read[1] and {"index.html", "gallery.js", "gallery.css", "clips.js", "clips/00001.png", "clips/00002.js"} <= set(read[0])
    write_gallery(tmp_path / "one", [source("s", items[0])], title="t", workers=1)
    assert not (tmp_path / "one/clips/00002.js").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("x")
    with pytest.raises(OutputError, match="is not empty and holds no gallery"):
        write_gallery(tmp_path / "mine", [source("s", *items)], title="t", workers=1)
    monkeypatch.setattr("headless.gallery.page._asset", lambda name: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_gallery(tmp_path / "three", [source("s", *items)], title="t", workers=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "one", "two"]


def test_playback_is_the_figure(tmp_path: Path) -> None:
    from signgen_core.body.load import load_body
    from signgen_core.datasets.figure import figure_of

    write_gallery(tmp_path / "g", [source("s", Item("a", partial(clip_of, "a")))], title="t", workers=1)
    text = (tmp_path / "g/clips/00001.js").read_text(encoding="ascii")
    clip = json.loads(text[text.index(",") + 1 :].rstrip(");\n"))
    numbers = np.frombuffer(base64.b64decode(clip["data"]), "<i2").reshape(clip["frames"], clip["points"], 3)
    figure = figure_of(clip_of("a"), load_body("default"))
    assert np.allclose(numbers * clip["step"] + figure.box[:3], figure.points, atol=clip["step"]) and clip["step"] < 0.001
    assert len(clip["parts"]) == len(figure.parts)


def test_clips_of_one_name_stand_side_by_side(tmp_path: Path) -> None:
    one = partial(clip_of, "x")
    video = tmp_path / "a ü#.mp4"
    video.write_bytes(b"film")
    real = source("real", Item("train/a", one, video=video), Item("train/b", one), Item("train/deep/b", one))
    made = source("made", Item("a", one), Item("b", one))
    write_gallery(tmp_path / "g", [real, made], title="t", workers=1)
    groups = galleries(tmp_path / "g")["groups"]
    assert [[(p["source"], p["name"]) for p in g["panes"]] for g in groups] == [[(0, "train/a"), (1, "a")], [(0, "train/b")], [(0, "train/deep/b")], [(1, "b")]]
    assert groups[0]["panes"][0]["video"] == "../a%20%C3%BC%23.mp4"
    write_gallery(tmp_path / "g", [source("p", Item("p", one, video=video)), source("q", Item("q", one))], title="t", workers=1, copy=True)
    (pair,) = galleries(tmp_path / "g")["groups"]  # single files belong together
    assert [p["name"] for p in pair["panes"]] == ["p", "q"] and (tmp_path / "g" / pair["panes"][0]["video"]).read_bytes() == b"film"


def test_view_and_stats_from_the_command_line(run: Callable[..., Any], tmp_path: Path) -> None:
    batch(tmp_path / "b")
    done = run("view", "b", "-o", "g", "--workers", "1")
    assert done.status == 0 and done.out == f"{Path('g/index.html')}  4 clips, 3 with flags\n"
    assert done.err.splitlines()[1] == "error: bad: no words" and (tmp_path / "g/clips/00001.png").exists()
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    for arguments in (["view", "cut.npz", "-o", "g2"], ["stats", "cut.npz"]):
        refused = run(*arguments)
        assert refused.status == 1 and refused.out == "" and refused.err.count("\n") == 1 and "not a readable npz file" in refused.err
    assert not (tmp_path / "g2").exists()
    assert run("view", "b", "-o", "b").err.startswith("error: b: is not empty and holds no gallery")
    assert run("view", "absent", "-o", "g3").err == "error: absent: no such file or folder\n"

    table = run("stats", "b", "--workers", "1")
    assert table.status == 0 and "b  (batch)  4 clips, 3 broken or failed" in table.out and "12          1  100.00 %    100.00 %" in table.out
    assert "HELLO            1      1  sign" in table.out
    pytest.importorskip("matplotlib")
    found = run("stats", "b", "-o", "tables", "--json")
    (said,) = json.loads(found.out)["sources"]
    assert said["frames"] == [{"low": 12, "high": 12, "count": 1, "share": 1.0, "cumulative": 1.0}] and said["lengths"]["clips"] == 1
    names = {"summary.csv", "clips.csv", "frames.csv", "glosses.csv", "phonology.csv", "frames.png", "glosses.png", "phonology.png"}
    assert {p.name for p in (tmp_path / "tables").iterdir()} == names
    rows = (tmp_path / "tables/clips.csv").read_text().splitlines()
    assert len(rows) == 5 and rows[1].startswith("b,one,Hello home.,HELLO HOME,12,30,0.4,")
    assert rows[3].startswith("b,bad,'=cmd(),")  # no formula for a spreadsheet
