"""Every case. A module below that has `CASES` is a part of the kit."""

import importlib
import pkgutil


def _found():
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        yield from getattr(importlib.import_module(module.name), "CASES", [])


ALL = list(_found())
_names = [case.name for case in ALL]
_twice = {name for name in _names if _names.count(name) > 1}
if _twice:
    raise ValueError(f"two cases have one name: {sorted(_twice)}")
