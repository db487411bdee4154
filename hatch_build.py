"""Puts the shipped documents and their index into the wheel, so that an installed KetaQA answers without building."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShippedIndex(BuildHookInterface):  # type: ignore[type-arg]
    """Index corpus/ beside its documents; an editable install builds its index when it is first asked."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is put together."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from ketaqa.shipped import build_whole

        self.folder = Path(tempfile.mkdtemp(prefix="ketaqa-wheel-"))
        shutil.copytree(Path(self.root, "corpus"), self.folder / "corpus")
        build_whole(self.folder / "corpus", self.folder / "index")
        (self.folder / "index" / ".lock").unlink(missing_ok=True)
        build_data["force_include"][str(self.folder)] = "ketaqa/shipped"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called when the wheel is written."""
        if version != "editable":
            shutil.rmtree(self.folder, ignore_errors=True)
