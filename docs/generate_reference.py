"""Writes reference/settings.md from the settings themselves: `python docs/generate_reference.py`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdfd.settings import DEFAULT_CONFIG_FILE, ENV_PREFIX, DaemonSettings

__all__ = ["PATH", "rendered"]

PATH = Path(__file__).parent / "reference" / "settings.md"

COMPUTED = {"workers": "one for each CPU", "staging_dir": "the folder for temporary files"}
"""What stands for a default that depends on the host."""

_MIB = 2**20

_INTRODUCTION = f"""\
<!-- Written by docs/generate_reference.py; change the descriptions in the code. -->

# Settings

## The daemon

Where a setting is given more than once, the first of these wins: the option of the command line, the
environment (`{ENV_PREFIX}<NAME>`, in capitals; lists and tables as JSON), a file of its name in the
directory that systemd's `LoadCredential=` makes, the TOML file (`--config`, else `{ENV_PREFIX}CONFIG`,
else `{DEFAULT_CONFIG_FILE}`), the default. A name that no setting has is an error that names the nearest
one. `ingestkit-pdfd check` looks at all of them and starts nothing.
"""

_CONFIGURATION = """\
## The reading of a document

`PDFProcessorConfig`: in Python, or from a TOML, JSON or YAML file (`PDFProcessorConfig.from_file`). A job
carries those that differ from the default, except the ones that begin with `execution_`, which say where
the work is done and never change a result.
"""


def rendered() -> str:
    """The page."""
    return "\n".join(
        (_INTRODUCTION, *_table(DaemonSettings), "", _CONFIGURATION, *_table(PDFProcessorConfig), "")
    )


def _table(model: type[BaseModel]) -> list[str]:
    schemas = model.model_json_schema()
    lines = ["| setting | kind | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if not field.description:
            raise ValueError(f"{model.__name__}.{name} has no description")
        kind = _kind(schemas["properties"][name], schemas.get("$defs", {}))
        lines.append(f"| `{name}` | {kind} | {_default(name, field)} | {_cell(field.description)} |")
    return lines


def _kind(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What a JSON schema allows, in words."""
    if "$ref" in schema:
        return _kind(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return " or ".join(_kind(option, definitions) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_kind(schema['items'], definitions)}"
    if schema["type"] == "object":
        keys = _kind(schema.get("propertyNames", {"type": "string"}), definitions)
        return f"table of {_kind(schema['additionalProperties'], definitions)} by {keys}"
    return _simple_kind(schema)


def _simple_kind(schema: Mapping[str, Any]) -> str:
    name = {"null": "none", "boolean": "true or false", "string": "text"}.get(schema["type"], schema["type"])
    name = {"path": "path", "password": "text (secret)"}.get(schema.get("format", ""), name)
    if "pattern" in schema:
        name += f" `{_cell(schema['pattern'])}`"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {_number(schema[key])}" for key, sign in signs.items() if key in schema]
    return f"{name} {' and '.join(limits)}".rstrip()


def _default(name: str, field: FieldInfo) -> str:
    value = COMPUTED[name] if field.default_factory is not None else field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        value = str(value).lower()
    if value is None or value in ([], {}):
        return "none" if value is None else "empty"
    if isinstance(value, list):
        return ", ".join(f"`{item}`" for item in value)
    if isinstance(value, int):
        return _number(value)
    return str(value) if field.default_factory is not None else f"`{value}`"


def _number(value: float) -> str:
    """Bytes as MiB, where that is what they are."""
    if value >= _MIB and value % _MIB == 0:
        return f"{value:.0f} ({value / _MIB:.0f} MiB)"
    return f"{value:g}" if value < _MIB else f"{value:.0f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PATH.write_text(rendered(), encoding="utf-8")
