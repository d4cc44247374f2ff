"""A model as one HTML file that answers drawings by itself, without Python, a server or a network."""

from glassnet.interop.standalone.page import MOST_BYTES, standalone_page

__all__ = ["MOST_BYTES", "standalone_page"]
