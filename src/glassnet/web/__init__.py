"""The page in the browser: a thin face of `actions/` on 127.0.0.1, hand-written HTML, CSS and JavaScript.

Starlette and uvicorn are imported when the page is served, not when this package is.
"""

from glassnet.web.server import listen, require_web, serve

__all__ = ["listen", "require_web", "serve"]
