"""Sphinx settings. What can be read off the package (tables, lessons, loops) is generated before each build."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ["TIDU_LANG"] = "en"

from generate import generate_all

import tidu

project = "tidu 梯度"
author = "The tidu authors"
release = version = tidu.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3  # a page links to a heading of another as GitHub has it, `guide.md#tensors`
exclude_patterns = ["_build", "README.md"]
html_theme = "furo"
html_title = "tidu 梯度"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_numpy_docstring = True
napoleon_use_ivar = True
# `loss` in a docstring is a word of the field, which several classes have as an attribute.
suppress_warnings = ["myst.header", "ref.python"]

generate_all(Path(__file__).parent / "generated")
