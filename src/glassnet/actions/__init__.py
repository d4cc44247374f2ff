"""One function per command: typed options in, a typed result out; nothing is printed.

`glassnet.actions.check.check` is what `glassnet check` does, and so on. Every result has `to_dict()`, plain values that
`--json` prints. What happens on the way is told to an `Events`.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from glassnet.actions.events import Events

__all__ = ["Events"]


def _files() -> list[str]:
    return [module.name for module in iter_modules(__path__) if module.name != "events"]


def __getattr__(name: str) -> ModuleType:
    """The file of a command, imported when it is first asked for."""
    if name not in _files():
        raise AttributeError(f"module 'glassnet.actions' has no attribute '{name}'")
    return import_module(f"glassnet.actions.{name}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_files()])
