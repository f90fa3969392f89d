"""The door to the terminal: what passes it is text, and nothing goes around it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from rich.markdown import Markdown
from rich.style import Style
from rich.text import Text

from soulprint import drawing, terminal
from soulprint.blocks import block
from tests.support.hostile_text import HOSTILE, READABLE, commands_in
from tests.support.printing import Terminal

ROOT = Path(__file__).parents[3]


def test_a_line_is_one_line_and_a_block_keeps_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say("a\nsoulprint: forged", block("head", "one\u2028two", width=40), "", "c")
    assert capsys.readouterr().out == "a soulprint: forged\nhead\n  one two\n\nc\n"


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
def test_whoever_looks_on_gets_text_alone(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    on_terminal = isinstance(stream, Terminal)
    terminal.say(f"said: {HOSTILE}")
    terminal.say_fitted(f"said: {HOSTILE}")
    terminal.say_painted([terminal.painted(f"said: {HOSTILE}", "red"), f"said: {block(HOSTILE)}"])
    with drawing.live(stream) as drawn:
        drawn.update(Text(block(f"said: {HOSTILE}")), refresh=True)
        drawn.console.print(f"said: {HOSTILE}".replace("\n", " ").replace("\r", " "))
    drawing.console(stream).print(Text("here", Style(link="http://evil.example")))
    found = commands_in(stream.getvalue(), terminal=on_terminal, forged=False)
    assert found == []
    assert "\x1b]8" not in stream.getvalue()


def test_a_persons_text_keeps_its_lines_and_its_script(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say_text(f"{READABLE}\r\ntwo\x1b[2J")
    drawing.say_markdown(f"# {READABLE}")
    drawing.say_marked("before\n", "[bold]quote[/bold]", "\x1b]0;x\x07")
    assert capsys.readouterr().out.splitlines() == [
        READABLE,
        "two\ufffd[2J",
        f"# {READABLE}",
        "before",
        "[bold]quote[/bold]\ufffd]0;x\ufffd",
    ]


def test_markdown_on_a_terminal_makes_no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    drawing.say_markdown(f"[click](http://evil.example) <http://evil.example> ![x](y)\n\n    {HOSTILE}\n")
    drawing.console(stream).print(Markdown("[click](http://evil.example)"))
    assert commands_in(stream.getvalue(), terminal=True, forged=False) == []


def test_json_is_what_was_given_and_commands_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say_json({"a": HOSTILE, "b": [UUID(int=1)], "c": READABLE}, indent=True)
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": HOSTILE, "b": [str(UUID(int=1))], "c": READABLE}
    assert commands_in(out, terminal=False) == []
    assert READABLE in out
    terminal.say_json({"file \udcff": ["\ud83d\ude00 \udcff", 1, None]}, "two")
    assert capsys.readouterr().out == '{"file \ufffd":["😀 \ufffd",1,null]}\n"two"\n'


def test_a_terminal_that_lacks_a_sign_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    terminal.say("naïve … \udcff")
    assert raw.getvalue() == b"na?ve ? ?\n"


def test_there_is_colour_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert terminal.painted("held", "red") == "held"
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert terminal.painted("held\x1b[2J", "red") == "\x1b[31mheld\ufffd[2J\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.painted("held", "red") == "held"


@pytest.mark.parametrize(
    "way",
    [
        "import typer\n\ntyper.echo('x')\n",
        "from typer import secho\n\nsecho('x')\n",
        "import click\n\nclick.echo('x')\n",
        "print('x')\n",
        "import sys\n\nsys.stdout.write('x')\n",
        "from sys import stderr\n\nstderr.write('x')\n",
        "from rich import print\n\nprint('x')\n",
        "from rich.console import Console\n\nConsole().print('x')\n",
        "from rich.live import Live\n\nLive()\n",
        "import traceback\n\ntraceback.print_exc()\n",
    ],
)
def test_no_other_way_to_print_passes_lint(way: str) -> None:
    for place in ("soulprint/dead/newest.py", "services/writer/newest.py", "shared/store/newest.py"):
        checked = subprocess.run(
            [sys.executable, "-m", "ruff", "check", "--select", "T20,TID251", "--stdin-filename", place, "-"],
            input=way,
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert checked.returncode == 1, (place, checked.stdout)
