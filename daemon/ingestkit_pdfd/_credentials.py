"""Settings from the directory that systemd's LoadCredential= makes, or a mounted secret of a container."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

__all__ = ["DIRECTORY_VARIABLE", "Credentials"]

DIRECTORY_VARIABLE = "CREDENTIALS_DIRECTORY"


class Credentials(PydanticBaseSettingsSource):
    """A file of a setting's name holds its value; where the setting names a file, it is that file."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """What the directory says of one setting; None for nothing."""
        folder = os.environ.get(DIRECTORY_VARIABLE)
        if not folder:
            return None, field_name, False
        file = Path(folder, field_name)
        if field_name.endswith("_file"):
            return (str(file) if file.exists() else None), field_name, False
        try:
            value = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None, field_name, False
        return value, field_name, False

    def __call__(self) -> dict[str, Any]:
        """All that it says."""
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in values.items() if value is not None}
