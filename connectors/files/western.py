"""Which Western encoding a text is in: the one whose languages have all its letters."""

from __future__ import annotations

# The letters that are usual in the languages each encoding is used for. A text that reads well in several encodings is
# in the first of them.
_LETTERS = {
    "cp1252": "àáâãäåæçèéêëìíîïñòóôõöøùúûüßœŸ",
    "cp1254": "âçğıîöşüûÇĞİÖŞÜ",
    "cp1250": "áâäăąćčďđéęěíîłńňóôöőřśšşţťúůűüýźžżß",
}
_SYMBOLS = "°µ§–—’‘…·©®™\u00a0"  # noqa: RUF001 - typographic marks
_BEFORE_WORDS = "¿¡£€«“„"
_AFTER_WORDS = "²³»”ºª"
WESTERN = tuple(_LETTERS)


def western_encodings(sample: bytes) -> list[str]:
    """The Western encodings (Python codecs), the one whose usual characters the text has most of first."""
    return sorted(WESTERN, key=lambda encoding: -_usual_share(sample.decode(encoding, "replace"), _LETTERS[encoding]))


def _usual_share(text: str, letters: str) -> float:
    """The share (0 to 1) of a text's characters beyond ASCII that are usual where they stand."""
    usual_anywhere = {*letters, *letters.upper(), *_SYMBOLS}
    found, usual = 0, 0
    for before, character, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        if character > "\x7f":
            found += 1
            opens = character in _BEFORE_WORDS and not before.isalpha()
            closes = character in _AFTER_WORDS and not after.isalpha()
            usual += character in usual_anywhere or opens or closes
    return usual / found if found else 1.0
