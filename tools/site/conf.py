"""Sphinx's settings. Nothing on a page comes from the network, and the search works from files."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

project = "glassnet"
author = "The glassnet authors"
extensions = ["myst_nb", "tools.site.extension"]
root_doc = "index"
templates_path: list[str] = []
highlight_language = "none"
html_theme = "furo"
html_title = "glassnet"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {"light_css_variables": {"color-brand-primary": "#2456b3", "color-brand-content": "#2456b3"}}

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_dmath_allow_space = False
myst_dmath_allow_digits = False
myst_heading_anchors = 4

nb_execution_mode = "cache"
nb_execution_timeout = 120
suppress_warnings = ["mystnb.unknown_mime_type"]  # of claims, which `extension` reads
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 0)]
