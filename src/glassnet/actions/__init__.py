"""One function per command: typed options in, a typed result out; nothing is printed.

`glassnet.actions.check.check` is what `glassnet check` does, and so on. Every result has `to_dict()`, plain values that
`--json` prints. What happens on the way is told to an `Events`.
"""

from glassnet.actions.events import Events

__all__ = ["Events"]
