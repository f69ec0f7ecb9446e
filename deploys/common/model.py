"""The base of every settings model."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Frozen, typed, and refusing keys it does not know.

    Each field's description is its documentation: the reference page is made
    from it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
