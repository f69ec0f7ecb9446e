"""docs/report.schema.json, the schema of the document that `verify --json` prints.

`python -m keepgate.report.schema` writes it anew.
"""

from __future__ import annotations

import json
from typing import Final

from keepgate.inventory.home import PROJECT
from keepgate.report.model import Report

FILE: Final = PROJECT / "docs" / "report.schema.json"


def text() -> str:
    """Return the schema as the file holds it."""
    return json.dumps(Report.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
