import json
import sys
import textwrap

import pytest


@pytest.fixture
def editor(tmp_path):
    """Makes an editor out of python snippets, one per time it is opened.

    A snippet sees `path` and `text`, and writes the file itself or with `save(text)`. What stood in the
    file each time is kept as seen-1, seen-2, ... The command has arguments, as `vim -f` has.
    """

    def make(*snippets):
        bodies = [textwrap.dedent(snippet) for snippet in snippets]
        script = tmp_path / "editor.py"
        script.write_text(
            "import os, pathlib, signal, sys, time\n"
            "path = pathlib.Path(sys.argv[1]); text = path.read_text()\n"
            f"here = pathlib.Path({str(tmp_path)!r}); nth = len(list(here.glob('seen-*'))) + 1\n"
            "(here / f'seen-{nth}').write_text(text)\n"
            "save = path.write_text\n"
            f"exec({bodies!r}[nth - 1])\n"
        )
        return f'"{sys.executable}" -I -S "{script}"'

    return make


@pytest.fixture
def result():
    """The outcome that the program printed."""

    def read(terminal):
        code = terminal.finish()
        assert code == 0, terminal.seen
        return json.loads(terminal.seen.rsplit("RESULT ", 1)[1])

    return read
