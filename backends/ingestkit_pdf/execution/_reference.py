"""Names a function so that another process can import it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["FunctionReference", "refer_to"]

_MAIN = "__ingestkit_main__"


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """A module-level function by module, name and file.

    Attributes:
        module: The module's name.
        name: The function's name in it.
        file: Where the module was loaded from, for a module that its name alone does not find (a
            script, a test module); None to go by the name.
    """

    module: str
    name: str
    file: str | None = None

    def load(self) -> Callable[..., Any]:
        """Import the module and return the function.

        Raises:
            ImportError: The module cannot be found.
            AttributeError: It has no such function.
        """
        function = getattr(self._import_module(), self.name)
        if not callable(function):
            raise TypeError(f"{self.module}:{self.name} cannot be called")
        return function  # type: ignore[no-any-return]

    def _import_module(self) -> ModuleType:
        if self.file is None:
            return importlib.import_module(self.module)
        try:
            found = importlib.import_module(self.module)
        except ModuleNotFoundError:
            found = None
        if found is not None and getattr(found, "__file__", None) == self.file:
            return found
        return _load_file(self.module, self.file)


def refer_to(function: Callable[..., Any] | str) -> FunctionReference:
    """The reference of a function, or of `"package.module:name"`, which is not imported here.

    Raises:
        TypeError: It is not a module-level function, so no other process can import it.
    """
    if isinstance(function, str):
        module, colon, name = function.partition(":")
        if not (module and colon and name):
            raise TypeError(f"process_fn {function!r} is not of the form 'package.module:function'")
        return FunctionReference(module, name)
    module = getattr(function, "__module__", None) or ""
    name = getattr(function, "__qualname__", None) or ""
    if getattr(sys.modules.get(module), name, None) is not function:
        raise TypeError(
            f"process_fn {name or function!r} is not a module-level function; workers import it by its name, "
            "so a lambda, a nested function, a method or a partial cannot be used"
        )
    if module == "__main__":
        return _refer_to_main(name)
    file = getattr(sys.modules[module], "__file__", None)
    return FunctionReference(module, name, file)


def _refer_to_main(name: str) -> FunctionReference:
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return FunctionReference(spec.name, name)
    file = getattr(main, "__file__", None)
    if file is None or not Path(file).is_file():
        raise TypeError(
            f"process_fn {name!r} was defined in an interactive session; put it into a file, so that workers "
            "can import it"
        )
    # Under another name, so that the script's `if __name__ == "__main__"` stays false in a worker.
    return FunctionReference(_MAIN, name, str(Path(file).resolve()))


def _load_file(module: str, file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(module, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python module")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[module] = loaded
    spec.loader.exec_module(loaded)
    return loaded
