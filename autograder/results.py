"""results.json: what the last recorded run measured. Pages show no figure that does not stand here."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Results:
    """Claims by topic id, and what each notebook took."""

    claims: dict[str, dict] = field(default_factory=dict)  # topic -> {notebook, holds, measured, because, timing}
    notebooks: dict[str, dict] = field(default_factory=dict)  # notebook id -> {minutes}
    versions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Results":
        """The recorded results; empty when nothing was recorded yet."""
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else cls()

    def write(self, path: Path) -> None:
        content = {
            "versions": self.versions,
            "notebooks": dict(sorted(self.notebooks.items())),
            "claims": dict(sorted(self.claims.items())),
        }
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def minutes(self, notebook: str) -> float | None:
        """Recorded run time in half minutes, None when it was never recorded."""
        return self.notebooks.get(notebook, {}).get("minutes")

    def record(self, notebook: str, seconds: float, claims: list[dict]) -> None:
        """Put one run of a notebook in the place of its last one."""
        self.claims = {topic: claim for topic, claim in self.claims.items() if claim["notebook"] != notebook}
        for claim in claims:
            rest = {key: value for key, value in claim.items() if key != "topic"}
            self.claims[claim["topic"]] = {"notebook": notebook, **rest}
        self.notebooks[notebook] = {"minutes": math.ceil(seconds / 30) / 2}
