"""Messages about unknown names."""

from __future__ import annotations

from seriatim.errors import nearest


def test_many_names_are_not_all_listed() -> None:
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", []) == "known: none"
    assert nearest("aab", ["b", "aaa"]) == "did you mean 'aaa'?"
    message = nearest("zzz", (f"<0x{byte:02X}>" for byte in range(256)))
    assert message.endswith("<0x13>, … (256 in all)")
    assert len(message) < 250
