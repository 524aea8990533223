"""Sphinx settings. What can be read off the package (tables, lessons, loops) is generated before each build."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
os.environ["TIDU_LANG"] = "en"

from generate import generate_all

import tidu
from tidu.lessons.lesson import joined

project = "tidu 梯度"
author = "The tidu authors"
release = version = tidu.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3  # a page links to a heading of another as GitHub has it, `guide.md#tensors`
exclude_patterns = ["_build", "README.md"]
smartquotes = False  # which would make a dash of the -- of an option
html_theme = "furo"
html_title = "tidu 梯度"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_numpy_docstring = True
napoleon_use_ivar = True
# `loss` in a docstring is a word of the field, which several classes have as an attribute.
suppress_warnings = ["myst.header", "ref.python"]

generate_all(Path(__file__).parent / "generated")


def without_blanks_in_chinese(_app: Any, name: str, source: list[str]) -> None:
    """Join the lines of a Chinese page, outside its blocks of code, where Chinese has no space."""
    if name.endswith(".zh"):
        parts = re.split(r"(^```.*?^```$)", source[0], flags=re.M | re.S)
        source[0] = "".join(part if number % 2 else joined(part) for number, part in enumerate(parts))


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", without_blanks_in_chinese)
