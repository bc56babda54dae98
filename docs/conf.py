"""Sphinx settings."""

from importlib.metadata import version as installed

project = "Seriatim"
author = "The Seriatim authors"
copyright = author
release = version = installed("seriatim")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Seriatim"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_attr_annotations = False


def _markdown(app, what, name, obj, options, lines):
    """Docstrings are plain text in which `x` is code and * is a star: say so to reStructuredText."""
    text = "\n".join(lines)
    parts = text.split("`")
    for i, part in enumerate(parts):
        parts[i] = part.replace("*", "\\*").replace("|", "\\|") if i % 2 == 0 else f"``{part}``"
    lines[:] = "".join(parts).split("\n")


def setup(app):
    """Run before napoleon, which reads the sections."""
    app.connect("autodoc-process-docstring", _markdown, priority=100)
