"""What the README shows is what happens."""

import doctest
import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import ketaqa
from ketaqa.config import Config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = "".join(re.findall(r"^```console\n(.*?)^```", README, re.DOTALL | re.MULTILINE))
COMMANDS = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", CONSOLE, re.MULTILINE)

pytestmark = pytest.mark.skipif(not (ROOT / "corpus").is_dir(), reason="needs a checkout")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that the README's own-documents example speaks of, and the checkout's corpus and benchmarks beside it."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "docs").mkdir()
    (folder / "docs" / "rules.md").write_text(
        "---\ntitle: House rules\n---\nRules for everyone who stays with us.\n\n"
        "## When does the pool open?\n\nThe pool opens at 7 in the morning, except on Mondays.\n"
    )
    (folder / "docs" / "menu.txt").write_text("Breakfast is served in the garden room.\n")
    (folder / "docs" / "photo.jpg").write_bytes(b"\xff\xd8")
    (folder / "corpus").symlink_to(ROOT / "corpus")
    (folder / "benchmarks").symlink_to(ROOT / "benchmarks")
    return folder


def run(command, folder):
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_the_readme_shows_commands():
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[c for c, _ in COMMANDS])
def test_commands_print_what_is_shown(command, shown, folder):
    printed = run(command, folder)
    # a blank line is a blank line here, and "..." stands for anything
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.OutputChecker().check_output(shown, printed, flags), printed


def test_the_python_example_runs(capsys):
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("answered ('How fast does ketamine work for depression?',)")


def test_every_setting_is_documented():
    assert [f.name for f in fields(Config) if f"| `{f.name}` |" not in README] == []


def test_every_route_is_documented():
    from ketaqa.web.api import create_app

    paths = create_app(ketaqa.open()).openapi()["paths"]
    assert [p for p in paths if p.split("?")[0] not in README.replace("`/readyz`", "/readyz")] == []


def test_the_links_lead_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_command_and_long_option_is_shown_or_has_help():
    from typer.main import get_command

    from ketaqa.cli import app

    commands = get_command(app).commands
    assert [name for name in commands if f"ketaqa {name}" not in README] == []
    options = [o for command in commands.values() for o in command.params if o.param_type_name == "option"]
    assert [o.name for o in options if not getattr(o, "help", None) and o.name != "help"] == []
