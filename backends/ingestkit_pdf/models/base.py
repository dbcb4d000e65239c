"""What all parts of a result have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from ingestkit_pdf._strings import EncodableModel

__all__ = ["Box", "Model"]

Box = Annotated[tuple[float, float, float, float], Field(description="x0, y0, x1, y1 in points")]


class Model(EncodableModel):
    """Frozen; unknown keys of a newer version are ignored, so old clients read new results."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_enum_values=False)
