"""Fonts: one newer than matplotlib's list is found, a missing one is told in a line, and nothing else is said."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from fontTools.ttLib import TTFont

from tidu.pictures import fonts

NAME = fonts.CJK_FONTS[0]
PLAIN = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
# matplotlib looks for fonts below the home; fontconfig may know others, and those it must not know here.
BEFORE = """
import sys
from matplotlib import font_manager
font_manager._get_fontconfig_fonts = lambda: []
font_manager.fontManager.ttflist = [f for f in font_manager.fontManager.ttflist if f.name not in sys.argv[1]]
from tidu.pictures import fonts
"""
PICTURE = (
    BEFORE
    + """
import tidu
run = tidu.fit("距离 = w*速度 + b", {"速度": [1.0, 2, 3], "距离": [2.0, 4, 6]}, epochs=3)
run.plot(sys.argv[2])
run.plot(sys.argv[2])
"""
)


def ran(script, tmp_path, *arguments, **environment):
    """The output and the errors of a script whose home is empty but for what a test puts there."""
    variables = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "share"), "TIDU_LANG": "en",
                 "MPLCONFIGDIR": str(tmp_path / "matplotlib"), **environment}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script, ",".join(fonts.CJK_FONTS), *map(str, arguments)],
        env=variables, capture_output=True, text=True, encoding="utf-8", check=True,
    )  # fmt: skip
    return done.stdout, done.stderr


def add_font(folder):
    """A font of the wanted name, though it has only what DejaVu has."""
    folder.mkdir(parents=True)
    font = TTFont(PLAIN)
    for record in font["name"].names:
        if record.nameID in (1, 4, 16):
            record.string = NAME
    font.save(folder / "new.ttf")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep fonts elsewhere")
def test_a_font_that_is_newer_than_the_list_is_found(tmp_path):
    look = BEFORE + "print(fonts.cjk_font())"
    assert ran(look, tmp_path)[0].strip() == "None"
    assert list((tmp_path / "matplotlib").glob("fontlist*"))  # the list is kept, and from now on old
    add_font(tmp_path / "share" / "fonts")
    assert ran(look, tmp_path) == (f"{NAME}\n", "")


def test_a_font_that_is_gone_is_not_used(monkeypatch):
    from matplotlib.font_manager import FontEntry, fontManager

    monkeypatch.setattr(fonts, "CJK_FONTS", ("Gone Sans",))
    monkeypatch.setattr(fontManager, "ttflist", [*fontManager.ttflist, FontEntry("/nowhere/gone.ttf", "Gone Sans")])
    fonts.cjk_font.cache_clear()
    try:
        assert fonts.cjk_font() is None
    finally:
        fonts.cjk_font.cache_clear()


@pytest.mark.sampled(1)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_without_a_font_one_line_says_what_to_install(lang, tmp_path):
    out, err = ran(PICTURE, tmp_path, tmp_path / "p.png", TIDU_LANG=lang)
    assert out == ""
    (line,) = err.splitlines()
    assert "fonts-noto-cjk" in line
    assert (tmp_path / "p.png").stat().st_size > 1000


@pytest.mark.slow
def test_matplotlib_says_nothing(tmp_path):
    """Not even where it may not write, and where a picture has a character that no font has."""
    script = (
        "import tidu.pictures.figure\n"
        + PICTURE.replace("距离", "d").replace("速度", "v")
        + """
figure = run.plot()
figure.axes[0].set_title("a \\U0001f600")
from tidu.pictures.figure import save
fonts.CJK_FONTS = ("DejaVu Sans",)
fonts.cjk_font.cache_clear()
save(figure, sys.argv[2])
"""
    )
    assert ran(script, tmp_path, tmp_path / "p.png", MPLCONFIGDIR="/dev/null") == ("", "")


@pytest.mark.parametrize(
    "picture",
    ["tidu.fit('y = w*x', data).plot()", "tidu.minimize('x**2', {'x': 1.0}).plot()",
     "tidu.scan('y = w*x', data, {'w': '0:1:0.5'}).plot()", "tidu.sweep('y = w*x', data, {'lr': [0.1, 0.2]}).plot()"],
)  # fmt: skip
def test_without_matplotlib_every_picture_says_how_to_install_it(picture, tmp_path):
    script = f"""
import sys
sys.modules["matplotlib"] = None
import tidu
data = {{"x": [1.0, 2], "y": [2.0, 4]}}
try:
    {picture}
except tidu.errors.MissingDependency as error:
    print(error)
"""
    assert ran(script, tmp_path)[0].strip() == "pictures need matplotlib; install it with: pip install 'tidu[plot]'"
