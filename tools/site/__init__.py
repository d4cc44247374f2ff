"""The documentation as a site: `make docs`, or `python -m tools.site` in an environment with the extra `docs`.

`staging` lays the pages out, `reference` writes those that come from the code, `extension` is what Sphinx does here
beyond its own.
"""
