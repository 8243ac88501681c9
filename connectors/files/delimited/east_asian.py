"""Which East Asian encoding bytes are in: the one whose everyday characters they all are."""

from __future__ import annotations

import codecs
import re

# The characters that tables and texts hold most often: they tell apart what reads as everyday characters in several.
_JAPANESE = (
    "のにはをたがでてとしれさいるなもっりかあくらこんーアイスルトンクリフラシグ日本人大年会"
    "東京都市区町名前住所電話番号社商品金額山田中川月県府道合計"
)
_KOREAN = (
    "이다는을의에가고한하를지은도로사기서리자인시어나대아그있일수들정해으상과부장스주라전공원구성보제만소국여신동게세유선연조면오내우명안중경"
    "방문비무미치생영분김박최강윤임호번화울산름품회격금액"
)
_SIMPLIFIED = (
    "的一是不了在人有我他这中大来上国和地到出时要以生会可也你对下得家年学能后发成多于子方行自天所面事小里开之用工经作同分定动过电话本理日"
    "月号名称产品数量价格公司址北京市区县省路姓男女单金额总计编类型客户订备注合海东南西明李王张"
)
_TRADITIONAL = (
    "的一是不了在人有我他這中大來上國個到說為子和你地出也時年得就要下以生會自過家學對可後小多天能好都日於發成事公司名稱電話號數量價格產品"
    "姓男女單金額總計編類型客戶訂備註合地址台北市區縣路東南西明李王張陳"
)
# For each encoding, the first bytes of its everyday characters (syllables, first-level ideographs, punctuation), the
# least second byte of those, and its most frequent ones. In order of preference: a text that reads well in several is
# in the first of them.
_EVERYDAY: tuple[tuple[str, tuple[range, ...], int, str], ...] = (
    ("cp932", (range(0x81, 0x84), range(0x88, 0x98)), 0x40, _JAPANESE),
    ("cp949", (range(0xA1, 0xA4), range(0xB0, 0xC9)), 0xA1, _KOREAN),
    ("gb18030", (range(0xA1, 0xA4), range(0xB0, 0xD8)), 0xA1, _SIMPLIFIED),
    ("euc_jp", (range(0xA1, 0xA6), range(0xB0, 0xD0)), 0xA1, _JAPANESE),
    ("big5", (range(0xA1, 0xA4), range(0xA4, 0xC7)), 0x40, _TRADITIONAL),
)
_LIKELY = 0.65
_CLEAR_LEAD = 0.08
_ONE_OF_SEVERAL = 0.75
_ENOUGH_CHARACTERS = 12


def east_asian_encoding(sample: bytes) -> tuple[str, float] | None:
    """The encoding (a Python codec) and how sure that is (0 to 1), or None if it is none of these."""
    scores = [(_everyday_share(sample, *rule), rule) for rule in _EVERYDAY]
    best = max(score for score, _ in scores)
    if best < _LIKELY:
        return None
    alike = [
        (_frequent_share(sample, rule[0], rule[3]), rule[0]) for score, rule in scores if score >= best - _CLEAR_LEAD
    ]
    ranked = sorted(alike, key=lambda scored: -scored[0])
    few = len(set(re.findall(rb"[\x80-\xff].", sample))) < _ENOUGH_CHARACTERS
    clear = len(ranked) == 1 or ranked[0][0] - ranked[1][0] >= _CLEAR_LEAD
    return ranked[0][1], round(best if clear and not few else best * _ONE_OF_SEVERAL, 2)


def _frequent_share(sample: bytes, encoding: str, frequent: str) -> float:
    """How many of the characters beyond ASCII are of the most frequent ones."""
    text = codecs.getincrementaldecoder(encoding)("strict").decode(sample)
    characters = [character for character in text if character > "\x7f"]
    return sum(character in frequent for character in characters) / len(characters)


def _everyday_share(sample: bytes, encoding: str, firsts: tuple[range, ...], second: int, _frequent: str) -> float:
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
