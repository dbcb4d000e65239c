"""Writes settings.md, config.md and errors.md from the code: `python docs/generate_reference.py`."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping, Sequence, Set
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from ingestkit_pdf import pdf
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdfd.load_settings import DEFAULT_CONFIG_FILE
from ingestkit_pdfd.reload import effect_of
from ingestkit_pdfd.settings import ENV_PREFIX, DaemonSettings

__all__ = ["PAGES", "config_page", "errors_page", "settings_page"]

_FOLDER = Path(__file__).parent / "reference"

COMPUTED = {"workers": "one for each CPU", "staging_dir": "the folder for temporary files"}
"""What stands for a default that depends on the host."""

_MIB = 2**20

_INTRODUCTION = f"""\
<!-- Written by docs/generate_reference.py; change the descriptions in the code. -->

# Settings of the daemon

How documents are read is configured for each job: [`PDFProcessorConfig`](config.md).

If a setting is given more than once, the first of these sources wins: command-line options, the environment
(`{ENV_PREFIX}<NAME>`, in capitals; lists and tables as JSON), a file with the name of the setting in the
directory that systemd's `LoadCredential=` creates, the TOML file (`--config`, else `{ENV_PREFIX}CONFIG`, else
`{DEFAULT_CONFIG_FILE}`), the default. An unknown name is an error that names the nearest one.
`ingestkit-pdfd check` verifies all settings and starts nothing. For a setting that names a file
(`tls_key_file`), the file in the credentials directory is that file itself.

A running daemon reads its settings again on SIGHUP (`systemctl reload ingestkit-pdfd`). The last column says
when a change takes effect: on *reload*, for jobs that begin after it; with the *next connection* to the
broker; or after a *restart*, before which the daemon keeps the old value and names the setting in its log.
Invalid settings change nothing: the log line `reload_refused` says why, and the metric
`ingestkit_pdfd_settings_last_reload_successful` is 0.
"""

_CONFIGURATION = """\
<!-- Written by docs/generate_reference.py; change the descriptions in the code. -->

# Configuration of the pipeline

`PDFProcessorConfig` holds every threshold that decides how a document is read and divided into chunks. It is
made in Python, or from a TOML, JSON or YAML file (`PDFProcessorConfig.from_file`, `--config`). It is
immutable, and an unknown name is an error that names the nearest one.

A job carries the values that differ from their defaults. Those that begin with `execution_` are not sent:
they say where the work is done and never change a result. The password is sent encrypted
([how](../how-to/passwords.md)).

The ingest key is derived from the content of the document and from these values, except for the password,
the time limit, the reasons for overrides, and whatever concerns execution and sinks.
"""

_CONSTANTS = """\
## Fixed thresholds

Measures that nobody should have to set, and limits that only broken documents reach. They are listed so that
a result can be explained; changing one of them changes the version of the parser.
"""

_ERRORS = """\
<!-- Written by docs/generate_reference.py; change the descriptions in the code. -->

# Error codes

`ErrorCode` has stable codes for programs, metrics and alerts: `E_` is an error, `W_` a warning. New ones may
be added; none is removed.

A document that cannot be read is a `ProcessingResult`, not an exception. `errors` has the codes of what made
it fail, `warnings` the codes of what a usable result lacks, and `error_details` an `IngestError` for each of
them and for the errors of single pages: `code`, `message`, `stage`, `page_number`, `recoverable` (the same
document may succeed at another time) and `details`, facts for programs.

Exceptions are for calls that could not be carried out: `ExecutionError` and its subclasses
([Python](python.md#exceptions)) carry one of the codes under [Execution](#execution). `process_batch` of
`PDFRouter` turns them into results with that code, so that the other documents of the batch are not lost.
"""

_CODE = re.compile(r"    # (\w.*)\n|    ([EW]_[A-Z_]+) = .*\n(?:    \"\"\"((?:.|\n)+?)\"\"\")?")

_PIPELINE = Path(pdf.__file__).parent

_GROUP = re.compile(r"    # (\w.*)\n|    (\w+): .*= Field\(")


def settings_page() -> str:
    """The settings of the daemon."""
    return "\n".join((_INTRODUCTION, *_table(DaemonSettings, effect=effect_of), ""))


def config_page() -> str:
    """The configuration of the pipeline, in the groups that the code has it in."""
    groups: dict[str, list[str]] = {}
    title = ""
    for match in _GROUP.finditer(inspect.getsource(PDFProcessorConfig)):
        if match[1]:
            title = match[1].partition(":")[0]
        elif match[2] in PDFProcessorConfig.model_fields:
            groups.setdefault(title, []).append(match[2])
    missing = set(PDFProcessorConfig.model_fields).difference(*groups.values())
    if missing or "" in groups:
        raise ValueError(f"in no group of PDFProcessorConfig: {sorted(missing) or groups['']}")
    sections = [
        "\n".join((f"## {title}", "", *_table(PDFProcessorConfig, names), ""))
        for title, names in groups.items()
    ]
    return "\n".join((_CONFIGURATION, *sections, *_constants(), ""))


def errors_page() -> str:
    """The error codes, in the groups that the code has them in, with what is said of them there."""
    lines = [_ERRORS]
    for title, code, meaning in _CODE.findall(inspect.getsource(ErrorCode)):
        if title:
            lines += [*([""] if len(lines) > 1 else []), f"## {title}", "", "| code | meaning |", "|---|---|"]
        elif not meaning:
            raise ValueError(f"ErrorCode.{code} has no description")
        else:
            lines.append(f"| `{code}` | {_cell(' '.join(meaning.split()))} |")
    return "\n".join((*lines, ""))


def _constants() -> list[str]:
    """The numbers that are named in the pipeline's modules, with what is said of them there."""
    lines = [_CONSTANTS, "| module | name | value | meaning |", "|---|---|---|---|"]
    for path in sorted(_PIPELINE.rglob("*.py")):
        source = path.read_text()
        tree, rows = ast.parse(source).body, source.splitlines()
        known = {"SCALE"}
        for node, following in zip_longest(tree, tree[1:]):
            if not isinstance(node, ast.Assign) or not _is_number(node.value, known):
                continue
            known.update(name.id for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name))
            name, value = ast.unparse(node.targets[0]).strip("()"), ast.unparse(node.value).strip("()")
            meaning = rows[(node.end_lineno or 0) - 1].partition("  # ")[2]
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                meaning = str(following.value.value)
            if not meaning:
                raise ValueError(f"{path.name}: {name} has no comment that says what it means")
            module = path.relative_to(_PIPELINE).with_suffix("")
            lines.append(f"| {module} | `{name}` | {value} | {_cell(' '.join(meaning.split()))} |")
    return lines


def _is_number(value: ast.expr, known: Set[str]) -> bool:
    """True for numbers, names of such, what is calculated from them, and several of them."""
    match value:
        case ast.Constant(int() | float() as number):
            return not isinstance(number, bool)
        case ast.Name(name):
            return name in known
        case ast.UnaryOp(ast.USub(), operand):
            return _is_number(operand, known)
        case ast.BinOp(op=ast.Mult() | ast.Pow() | ast.Add() | ast.Sub() | ast.Div() | ast.FloorDiv()):
            return _is_number(value.left, known) and _is_number(value.right, known)
        case ast.Tuple(elements):
            return bool(elements) and all(_is_number(element, known) for element in elements)
    return False


PAGES = {
    _FOLDER / "settings.md": settings_page,
    _FOLDER / "config.md": config_page,
    _FOLDER / "errors.md": errors_page,
}


def _table(
    model: type[BaseModel], names: Sequence[str] | None = None, *, effect: Callable[[str], str] | None = None
) -> list[str]:
    schemas = model.model_json_schema()
    lines = ["| setting | kind | default | meaning |", "|---|---|---|---|"]
    if effect is not None:
        lines = ["| setting | kind | default | meaning | takes effect on |", "|---|---|---|---|---|"]
    for name in names or model.model_fields:
        field = model.model_fields[name]
        if not field.description:
            raise ValueError(f"{model.__name__}.{name} has no description")
        kind = _kind(schemas["properties"][name], schemas.get("$defs", {}))
        cells = [f"`{name}`", kind, _default(name, field), _cell(field.description)]
        lines.append(f"| {' | '.join(cells + ([effect(name)] if effect else []))} |")
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
    for path, page in PAGES.items():
        path.write_text(page(), encoding="utf-8")
