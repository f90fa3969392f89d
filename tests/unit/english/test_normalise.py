from __future__ import annotations

from shared.english.normalise import normalise


def test_normalise_changes_nothing_else() -> None:
    assert normalise("  Straße\t“a”—b…\n") == 'strasse "a"-b...'
