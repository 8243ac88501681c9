"""Which encoding of one byte a character a text is in: the one in which its words are spelled as words are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# The letters beyond ASCII of languages that are written alike, in small letters.
_WEST = (
    "äöüßé",
    "àâçèéêëîïôœùûü",
    "áéíñóúüª",
    "ãõáâàçéêíóôúü",
    "åäöæøéü",
    "àèéìíòóùú",
    "áéíóúæö",
    "àçèéíïòóúü",
)
_CENTRAL = (
    "áčďéěíňóřšťúůýž",
    "ąćęłńóśźż",
    "áäčďéíĺľňóôŕšťúýž",
    "áéíóöőúüű",
    "ăâîşţșț",
    "čćđšž",
)
_TURKISH = ["çğıİöşüâîû"]
_BALTIC = (
    "āčēģīķļņšūž",
    "ąčęėįšųūž",
    "äöüõšž",
)
_CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґўјљњћђџѓќѕ"  # the most frequent first
_GREEK = "αοιετσνηυρπκμλςωδγχθφβξζψάέήίόύώϊϋΐΰ"
_HEBREW = "יוהלאמרתבנשםדעקחפכטגצסןזךףץ"
_ARABIC = "اليمنرتبودعسهفةقكحجشىطصخضأذإثزغظئءؤآ"
_THAI = "".join(chr(code) for code in range(0x0E01, 0x0E5C))


@dataclass(frozen=True, slots=True)
class _Writing:
    """What is written in an encoding.

    Attributes:
        languages: the letters beyond ASCII of each; ``rare``: letters of languages with few speakers.
        mixes: whether their words hold ASCII letters too.
        prior: how usual (0 to 1) the encoding is in files, compared with others of the same languages.
    """

    languages: Sequence[str]
    rare: str = ""
    mixes: bool = True
    prior: float = 1.0


def _of_its_own(letters: str, prior: float = 1.0) -> _Writing:
    return _Writing([letters], mixes=False, prior=prior)


# A text that reads as well in several is in the first of them.
_ENCODINGS: Mapping[str, _Writing] = {
    "cp1252": _Writing(_WEST, "ðþýšžÿ"),
    "iso8859_15": _Writing(_WEST, "ðþýšžÿ", prior=0.995),
    "cp1250": _Writing(_CENTRAL),
    "iso8859_2": _Writing(_CENTRAL, prior=0.995),
    "cp1254": _Writing(_TURKISH),
    "cp1257": _Writing(_BALTIC, prior=0.97),
    "cp1251": _of_its_own(_CYRILLIC),
    "koi8_r": _of_its_own(_CYRILLIC),
    "cp866": _of_its_own(_CYRILLIC),
    "koi8_u": _of_its_own(_CYRILLIC, 0.995),
    "cp1253": _of_its_own(_GREEK),
    "cp1255": _of_its_own(_HEBREW),
    "cp1256": _of_its_own(_ARABIC),
    "cp874": _of_its_own(_THAI),
    "cp850": _Writing(_WEST, prior=0.93),
    "cp437": _Writing(_WEST, prior=0.93),
    "mac_roman": _Writing(_WEST, prior=0.93),
    "cp852": _Writing(_CENTRAL, prior=0.9),
}
_BEFORE_WORDS = "¿¡«“„‚‹‘µ°"  # typographic marks
_AFTER_WORDS = "²³ºª°®™½¼¾€…"
_CLOSING, _OPENING = "”»›", "“„«‹"
_BEFORE_NUMBERS = "£€±©¥§"
_BETWEEN = "–—•\u00a0"
_WORD = re.compile(rb"(?:^|[\x00-\x7f])[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*(?:[\x00-\x7f]|$)")
_MOST_WORDS, _ENOUGH_WORDS, _LONGEST_WORD = 2000, 3, 100
_FOREIGN, _OTHER_LANGUAGE, _RUN, _RAREST, _ALL_CAPITALS, _ALONE, _WORD_OF_ONE = 0.0, 0.8, 0.2, 0.2, 0.95, 0.5, 0.9
_LONGEST_RUN = 3
# Czech has its r before vowels; where others have one that is written alike (Jørgensen), there are consonants.
_BEFORE_VOWELS, _CONSONANTS, _BESIDE_CONSONANT = "řŘ", frozenset("bcdfghjklmnpqrstvwxz"), 0.5
_CLEAR_LEAD, _CLEAR_SUM = 0.02, 0.21  # of the scores, and over all words


def single_byte_encodings(sample: bytes) -> list[tuple[str, float]]:
    """The encodings (Python codecs) that the text may be in, likeliest first, with how sure each is (0 to 1)."""
    words = Counter(word[:_LONGEST_WORD] for word in _WORD.findall(sample)).most_common(_MOST_WORDS)
    scores = [(_score(words, encoding, writing), encoding) for encoding, writing in _ENCODINGS.items()]
    ranked = sorted(scores, key=lambda scored: -round(scored[0], 3))
    best, first = ranked[0]
    read = [word.decode(first, "replace") for word, _ in words]
    rivals = [score for score, other in ranked[1:] if [word.decode(other, "replace") for word, _ in words] != read]
    lead = best - max(rivals, default=0.0)
    sure = best if lead >= max(_CLEAR_LEAD, _CLEAR_SUM / (len(words) or 1)) else best * 0.75
    sure = min(sure, 0.95 if len(words) >= _ENOUGH_WORDS else 0.75)
    return [(first, round(sure, 2)), *((encoding, 0.4) for _, encoding in ranked[1:])]


def _score(words: list[tuple[bytes, int]], encoding: str, writing: _Writing) -> float:
    """How usual (0 to 1) the characters beyond ASCII are in one language of the encoding, where they stand."""
    every = {*"".join(writing.languages), *writing.rare}
    texts = [(word.decode(encoding, "replace"), count) for word, count in words]
    written = "".join(text * min(count, 2) for text, count in texts)
    closing = 1.0 if sum(map(written.count, _OPENING)) >= sum(map(written.count, _CLOSING)) else _ALONE
    found, usual = 0, [0.0] * len(writing.languages)
    for text, count in texts:
        for place in (place for place, character in enumerate(text) if character > "\x7f"):
            found += count
            letter = text[place] if text[place] in every else text[place].lower()
            if letter not in every:
                in_place = _usual_mark(text, place, closing)
            elif writing.mixes:
                in_place = _usual_in_latin(text, place)
            else:
                in_place = _usual_in(writing.languages[0], letter, text, place)
            for number, language in enumerate(writing.languages):
                other = letter in every and in_place >= _WORD_OF_ONE and letter not in language
                usual[number] += count * (_OTHER_LANGUAGE if other else in_place)
    return writing.prior * max(usual) / found if found else 0.0


def _around(text: str, place: int) -> tuple[str, str]:
    return text[max(place - 1, 0) : place], text[place + 1 : place + 2]


def _is_capital_inside(text: str, place: int) -> bool:
    before, after = _around(text, place)
    return text[place].isupper() and before.isalpha() and (before.islower() or after.islower())


def _usual_in_latin(text: str, place: int) -> float:
    """How usual a letter is between its neighbours in languages that have some letters beyond ASCII."""
    before, after = _around(text, place)
    if _is_capital_inside(text, place):
        return _FOREIGN
    start = end = place
    while start and text[start - 1] > "\x7f" and place - start <= _LONGEST_RUN:
        start -= 1
    while end < len(text) and text[end] > "\x7f" and end - start <= _LONGEST_RUN:
        end += 1
    if end - start > _LONGEST_RUN or before.isdigit() or after.isdigit():
        return _RUN
    if text[place] in _BEFORE_VOWELS and after.lower() in _CONSONANTS:
        return _BESIDE_CONSONANT
    return 1.0 if before.isalpha() or after.isalpha() else _WORD_OF_ONE


def _usual_in(alphabet: str, letter: str, text: str, place: int) -> float:
    """How usual a letter is between its neighbours in a language that has no letter of ASCII."""
    before, after = _around(text, place)
    if any(other.isascii() and other.isalnum() for other in (before, after)) or _is_capital_inside(text, place):
        return _FOREIGN
    capital = _ALL_CAPITALS if text[place].isupper() and before.isupper() else 1.0
    alone = 1.0 if before > "\x7f" or after > "\x7f" else _ALONE
    return alone * capital * (1 - (1 - _RAREST) * alphabet.index(letter) / len(alphabet))


def _usual_mark(text: str, place: int, closing: float) -> float:
    """How usual a character that is no letter is between its neighbours; ``closing``: how usual closing quotes are."""
    character = text[place]
    before, after = (beside.isalpha() for beside in _around(text, place))
    if character in _CLOSING and not after:
        return closing
    usual = (
        character == "’"
        or (character in _AFTER_WORDS and not after)
        or (character in _BEFORE_WORDS and not before)
        or (character in _BETWEEN + _BEFORE_NUMBERS and not before and not after)
    )
    return float(usual)
