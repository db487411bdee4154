"""The plan in the package's docstring is held to by the imports."""

import ast
import re
from pathlib import Path

import pytest

import ketaqa

PACKAGE = Path(ketaqa.__file__).parent
ROOMS = re.findall(r"^    (\w+)  ", ketaqa.__doc__ or "", re.MULTILINE)
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "ketaqa":
            names = [f"ketaqa.{a.name}" for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names = [node.module or ""]
        else:
            continue
        found |= {n.split(".")[1] for n in names if n.startswith("ketaqa.")}
    return found


def test_the_plan_names_every_room_once():
    assert sorted(ROOMS) == sorted({room_of(p) for p in MODULES})


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_look_back(path):
    own = ROOMS.index(room_of(path))
    forward = {room for room in imported_rooms(path) if room in ROOMS and ROOMS.index(room) > own}
    assert not forward, f"{room_of(path)} imports {forward}, which come later in the plan"


def test_the_architecture_describes_every_room():
    text = (PACKAGE.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert [room for room in ROOMS if f"| `{room}`" not in text and f"| `{room}/`" not in text] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_files_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
