"""A gallery of 200 clips in a real browser: search, filters, player, keyboard, and an accessibility checker.

Needs Debian's `chromium`; and axe-core, which npm brings to build/ where it is there. SIGNGEN_AXE may name another axe.min.js.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headless.gallery.page import write_gallery
from headless.gallery.sources import Item, Source
from signgen_core.datasets import Clip
from signgen_core.datasets.clips import PARTS
from signgen_core.motion import Motion, Segment
from signgen_core.rig import INDEX

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(os.environ.get("SIGNGEN_AXE", ROOT / "build/node_modules/axe-core/axe.min.js"))
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HOSTILE = "<img src=x onerror=\"window.hacked = true\">"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (apt install chromium)")


def clip(k: int, fps: float) -> Clip:
    """Half a second to two of a waving arm; every tenth with a jump, every 25th with an unseen hand."""
    frames = int(fps * (0.5 + (k % 31) * 0.05))
    poses = np.zeros((frames, 55, 3))
    poses[:, INDEX["right_elbow"], 1] = np.linspace(0.0, 1.5, frames)
    poses[:, INDEX["left_shoulder"], 2] = -1.2
    if k % 10 == 3:
        poses[frames // 2 :, INDEX["right_shoulder"], 1] = 1.5
    valid = {part: np.ones(frames, dtype=bool) for part in PARTS}
    if k % 25 == 7:
        valid["left_hand"][:] = False
    signs = (Segment("HELLO" if k % 2 else "HOME", 0.1, 0.3, 0.2),)
    motion = Motion(poses, np.zeros((frames, 3)), np.zeros(10), np.zeros((frames, 10)), np.zeros((frames, 52)), fps, signs)
    return Clip(f"clip{k:03d}", motion, valid, f"text number {k}")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> str:
    """100 clips of two sources, one name hostile and one clip broken."""
    folder = tmp_path_factory.mktemp("view") / "gallery"
    names = [f"clip{k:03d}" for k in range(98)]
    real = [Item(name, partial(clip, k, 25.0), f"text number {k}") for k, name in enumerate(names)]
    made = [Item(name, partial(clip, k, 30.0), f"text number {k}") for k, name in enumerate(names)]
    sources = [
        Source("real", Path("real"), "made", (*real, Item(HOSTILE, partial(clip, 1, 25.0), HOSTILE), Item("broken", None, problem="cut off after 4 bytes"))),
        Source("generated", Path("generated"), "made", (*made, Item("only made", partial(clip, 2, 30.0)), Item("last", partial(clip, 2, 30.0)))),
    ]
    write_gallery(folder, sources, title="Two hundred clips", workers=2)
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    driver = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    with driver.sync_playwright() as machine:
        started = machine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, gallery: str) -> Iterator[Any]:
    """The opened gallery; a script error or a request that fails is the test's failure."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("requestfailed", lambda request: problems.append(request.url))
    opened.goto(gallery)
    opened.wait_for_selector("article")
    yield opened
    context.close()
    assert problems == []


def status(page: Any, text: str) -> None:
    page.wait_for_function("text => document.querySelector('#status').textContent === text", arg=text, timeout=5000)


def cards(page: Any) -> list[str]:
    return [str(name) for name in page.locator("article h3").all_inner_texts()]


def test_search_filter_order_and_pages(page: Any) -> None:
    status(page, "102 clips found")
    assert len(cards(page)) == 60 and page.inner_text("#where") == "Page 1 of 2" and page.is_disabled("#back")
    page.click("#forth")
    assert len(cards(page)) == 42 and page.inner_text("#where") == "Page 2 of 2" and page.is_disabled("#forth")
    page.fill("#query", "NUMBER 17 hello")
    status(page, "1 clip of 102 found")
    assert cards(page) == ["clip017"] and page.locator("article img").count() == 2 and page.is_hidden("#pages")
    page.fill("#query", "nobody signs this")
    status(page, "No clip of 102 is like that")
    page.click("#reset")
    status(page, "102 clips found")
    page.check("#flag-hand_unseen")
    status(page, "4 clips of 102 found")
    assert cards(page) == ["clip007", "clip032", "clip057", "clip082"]
    page.check("#flag-broken")
    status(page, "5 clips of 102 found")
    assert page.inner_text(".problem") == "cut off after 4 bytes"
    assert page.url.endswith("#flags=broken%2Chand_unseen")
    page.reload()
    status(page, "5 clips of 102 found")
    page.click("#reset")
    page.fill("#shortest", "1.9")
    page.select_option("#order", "long")
    status(page, "9 clips of 102 found")
    assert cards(page)[0] == "clip030"
    page.click("#reset")
    page.check("#paired")
    status(page, "98 clips of 102 found")
    page.select_option("#source", "1")
    status(page, "98 clips of 102 found")
    page.uncheck("#paired")
    status(page, "100 clips of 102 found")


def test_texts_of_others_are_never_markup(page: Any) -> None:
    page.fill("#query", "onerror")
    status(page, "1 clip of 102 found")
    assert cards(page) == [HOSTILE]
    page.click("article button")
    assert page.inner_text("#player-name") == HOSTILE and page.evaluate("window.hacked") is None


def frame(page: Any) -> int:
    return int(page.inner_text("#clock").split("frame ")[1].split(" of ")[0])


def test_real_and_generated_play_side_by_side_in_step(page: Any) -> None:
    page.fill("#query", "clip030")
    status(page, "1 clip of 102 found")
    page.click("article button")
    assert page.locator("#panes canvas").count() == 2 and page.locator("#panes figcaption").all_inner_texts() == ["real", "generated"]
    page.wait_for_function("parseInt(document.querySelector('#clock').textContent.split('frame ')[1]) >= 12")
    page.click("#play")
    assert page.inner_text("#play") == "Play"
    stopped = frame(page)
    page.wait_for_timeout(150)
    assert frame(page) == stopped >= 12
    page.click("#step-forth")
    assert frame(page) == stopped + 1
    page.evaluate("document.querySelector('#time').value = 0.25; document.querySelector('#time').dispatchEvent(new Event('input'))")
    assert page.inner_text("#clock") == "0.25 of 2.00 s, frame 7 of 50" and page.locator(".caption").all_inner_texts() == ["HOME", "HOME"]
    pictures = page.evaluate("[...document.querySelectorAll('canvas')].map(c => c.toDataURL())")
    assert pictures[0] != pictures[1]  # frames 7 of 50 and 8 of 60
    page.select_option("#view", "above")
    assert page.evaluate("[...document.querySelectorAll('canvas')].map(c => c.toDataURL())") != pictures
    page.click("#play")
    page.wait_for_function("document.querySelector('#play').textContent === 'Play'", timeout=10000)
    assert page.inner_text("#clock") == "2.00 of 2.00 s, frame 50 of 50"


def test_keyboard_alone(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # the plots
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    page.wait_for_selector("#charts svg")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Play clip000":
            break
    page.keyboard.press("Enter")
    assert page.is_visible("dialog") and page.evaluate("document.activeElement.id") == "play"
    page.keyboard.press("Space")
    assert page.inner_text("#play") == "Play"
    page.focus("#time")
    page.keyboard.press("Home")
    assert frame(page) == 1
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert frame(page) == 3 and page.get_attribute("#time", "aria-valuetext").startswith("0.08 of ")
    page.focus("#later")
    page.keyboard.press("Enter")
    assert page.inner_text("#player-name") == "clip001"
    page.keyboard.press("Escape")
    assert page.is_hidden("dialog") and page.evaluate("document.activeElement.textContent") == "Play clip000"


def test_flags_lead_to_their_frame(page: Any) -> None:
    page.fill("#query", "clip013")
    status(page, "1 clip of 102 found")
    page.click("article button")
    page.click("#facts button:has-text('Jump')")
    assert frame(page) == 1 + int(25 * (0.5 + 13 * 0.05)) // 2
    assert page.locator("#facts th[scope=row]:has-text('Largest turn between frames')").count() == 1


def test_plots_follow_the_filters(page: Any) -> None:
    page.check("#flag-jump")
    status(page, "10 clips of 102 found")
    page.click("#plots > summary")
    page.wait_for_selector("#charts svg")
    assert page.locator("#charts section h3").all_inner_texts() == ["Length", "Highest wrist speed", "Clips with flags", "Most frequent signs"]
    page.click("#charts section:nth-child(3) summary")
    assert page.locator("#charts section:nth-child(3) td").all_inner_texts() == ["10", "10"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_accessibility_checker_finds_nothing(browser: Any, gallery: str, theme: str) -> None:
    if not AXE.is_file() and (npm := shutil.which("npm")) is not None:
        install = [npm, "install", "--no-audit", "--no-fund", "--no-save", "--prefix", str(ROOT / "build"), "axe-core@4.14.1"]
        subprocess.run(install, capture_output=True, timeout=120, check=False)
    if not AXE.is_file():
        pytest.skip("no axe-core here, and npm gives none")
    context = browser.new_context(viewport={"width": 1280 if theme == "light" else 320, "height": 900}, color_scheme=theme)
    page = context.new_page()
    page.goto(gallery)
    page.wait_for_selector("article")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")  # no scrolling sideways, also on 320 pixels

    def check(what: str) -> None:
        page.add_script_tag(path=AXE)
        # preload: it would fetch the style sheet, which a page from a file may not
        found = page.evaluate("rules => axe.run(document, {runOnly: rules, preload: false})", RULES)
        assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == [], what

    page.fill("#query", "clip03")
    status(page, "10 clips of 102 found")
    check("cards")
    page.click("#plots > summary")
    page.wait_for_selector("#charts svg")
    page.click("#charts section:nth-child(1) summary")
    check("plots")
    page.fill("#query", "clip013")
    status(page, "1 clip of 102 found")
    page.click("article button")
    page.click("#play")
    check("player")
    page.keyboard.press("Escape")
    page.fill("#query", "broken")
    status(page, "1 clip of 102 found")
    page.click("article button")
    check("broken clip")
    context.close()
