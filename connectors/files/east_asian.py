"""Which East Asian encoding bytes are in: the one whose everyday characters they all are."""

from __future__ import annotations

import codecs

# For each encoding, the first bytes of its everyday characters (syllables, first-level ideographs, punctuation) and
# the least second byte of those. In order of preference: a text that reads well in several is in the first of them.
_EVERYDAY: tuple[tuple[str, tuple[range, ...], int], ...] = (
    ("cp932", (range(0x81, 0x84), range(0x88, 0x98)), 0x40),
    ("cp949", (range(0xA1, 0xA4), range(0xB0, 0xC9)), 0xA1),
    ("gb18030", (range(0xA1, 0xA4), range(0xB0, 0xD8)), 0xA1),
    ("euc_jp", (range(0xA1, 0xA6), range(0xB0, 0xD0)), 0xA1),
    ("big5", (range(0xA1, 0xA4), range(0xA4, 0xC7)), 0x40),
)
_LIKELY = 0.65
_CLEAR_LEAD = 0.08
_ONE_OF_SEVERAL = 0.75


def east_asian_encoding(sample: bytes) -> tuple[str, float] | None:
    """The encoding (a Python codec) and how sure that is (0 to 1), or None if it is none of these."""
    scores = [(_everyday_share(sample, *rule), rule[0]) for rule in _EVERYDAY]
    best = max(score for score, _ in scores)
    if best < _LIKELY:
        return None
    alike = [name for score, name in scores if score >= best - _CLEAR_LEAD]
    return alike[0], round(best if len(alike) == 1 else best * _ONE_OF_SEVERAL, 2)


def _everyday_share(sample: bytes, encoding: str, firsts: tuple[range, ...], second: int) -> float:
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(sample)
    except UnicodeDecodeError:
        return 0.0
    characters, everyday = 0, 0
    for before, character, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        if character > "\x7f":
            characters += 1
            written = character.encode(encoding, "replace")
            known = len(written) == 2 and written[1] >= second and any(written[0] in span for span in firsts)
            everyday += known and _has_right_company(before, written, after)
    return everyday / characters if characters else 0.0


def _has_right_company(before: str, written: bytes, after: str) -> bool:
    """Not what an accented letter and the letter after it look like in a Western text."""
    beside_latin = any(neighbour.isascii() and neighbour.isalpha() for neighbour in (before, after))
    alone = before <= "\x7f" and after <= "\x7f"
    return not beside_latin and not (alone and written[1] <= 0x7F)
