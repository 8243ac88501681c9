"""Text in any encoding is read as it was written, or refused; what was guessed without being sure is said."""

from __future__ import annotations

import pytest

from connectors.errors import ConversionError
from tests.files.converting import convert


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp1252"]
)
def test_it_finds_the_encoding(encoding: str) -> None:
    text = "name,city\nJosé,Málaga\nAndré,Orléans\nBjörn,Malmö\n"
    assert convert(text.encode(encoding)).rows == [("José", "Málaga"), ("André", "Orléans"), ("Björn", "Malmö")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["이름,도시\n김철수,서울\n", "Имя,Город\nИван,Москва\n", "姓名,城市\n一一,上海\n"])
def test_it_finds_wide_encodings_by_what_is_not_ascii_either(encoding: str, text: str) -> None:
    assert ",".join(convert(text.encode(encoding)).rows[0]) == text.splitlines()[1]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Имя,Город\nИван,Москва\nЛюдмила,Тверь и Дубна\n"),
        ("shift_jis", "名前,都市\n田中太郎,東京\n鈴木花子,大阪\n"),
        ("gb18030", "姓名,城市\n王伟,北京\n李娜,上海市浦东新区\n"),
        ("euc_kr", "이름,도시\n김철수,서울\n이영희,부산광역시\n"),
        ("big5", "姓名,城市\n王小明,台北\n陳大文,高雄市\n"),
    ],
)
def test_it_finds_encodings_of_other_scripts(encoding: str, text: str) -> None:
    found = convert(text.encode(encoding) * 2)
    assert ",".join(found.rows[0]) == text.splitlines()[1]
    assert found.facts["encoding"] == encoding


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("shift_jis", "顧客番号,氏名,金額\n001,山田太郎,1\n"),
        ("shift_jis", "氏名\n髙橋\n渡邉\n"),
        ("gb18030", "日期,产品名称,单价\n2024-01-01,苹果手机,1\n"),
        ("euc_kr", "번호,이름\n1,홍길동\n"),
        ("gb18030", "名称,价格\n产品,1\n"),
        ("gb18030", "id,电话\n1,北京\n"),
        ("iso8859_15", "Prénom;Œuvre\nChloé;cœur à cœur\nZoë;5 €\n"),
        ("cp1252", "José;García\nSøren;Jørgensen\nFrédéric;García\n"),
        ("iso8859_2", "Číslo;Jméno\nŽižkov;děti\nPlzeň;šťastný kůň\n"),
        ("iso8859_2", "Imię;Miasto\nŁukasz;Świdnica\nZbyszek;źrebak\n"),
        ("cp850", "Straße;Größe\nKönigsallee;schön\nÜbersee;Währung\n"),
        ("mac_roman", "Año;Niño\nPeña;Málaga\nCádiz;José\n"),
        ("koi8_r", "Имя;Город\nИВАН;Москва\nЛюдмила;Тверь\n"),
        ("cp866", "Имя;Город\nИван;Москва\nЛюдмила;Тверь\n"),
        ("cp1253", "Όνομα;Πόλη\nΓιώργος;Αθήνα\nΕλένη;Πάτρα\n"),
        ("cp1255", "שם;עיר\nמשה כהן;ירושלים\nשרה לוי;תל אביב\n"),
        ("cp1256", "الاسم;المدينة\nمحمد علي;القاهرة\nفاطمة;الرياض\n"),
        ("cp1257", "Vārds;Pilsēta\nJānis;Rīga\nĒriks;Ķekava\nAnna;Liepāja\n"),
        ("cp1252", "Nombre;Año\nPeña;2024\n"),
        ("cp1252", "id,text\n1,it’s 20 °C – or “so”\n"),
        ("cp1250", "Nazwa;Kwota\nŻółw;1\nGęś;2\nPaństwo;3\n"),
        ("cp1250", "Miejscowość\nżółty Kraków\n"),
        ("cp1250", "id,kto\n1,żółty\n2,świat dzień\n3,Kraków\n"),
        ("cp1254", "İsim,Şehir\nAyşe,İstanbul\nOğuz,Muğla\n"),
    ],
)
def test_a_few_words_are_enough_to_find_an_encoding(encoding: str, text: str) -> None:
    found = convert(text.encode("cp932" if encoding == "shift_jis" else encoding), has_header=False)
    assert [(found.facts["delimiter"] or "").join(map(str, row)) for row in found.rows] == text.splitlines()


def test_one_word_is_not_enough_to_be_sure() -> None:
    found = convert("Name;Job\nKazlauskienė;mokėjimas\nJankauskaitė;b\n".encode("cp1257"))
    assert "guessed_encoding" in found.issues


def test_a_guess_that_could_be_another_is_reported() -> None:
    assert "guessed_encoding" in convert("id;name\n1;Malmö\n".encode("cp1252")).issues
    assert "guessed_encoding" not in convert("Año;Niño\nPeña;Málaga\nCádiz;José\n".encode("cp1252")).issues


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"a,b\n1,2\n3,4\n", "utf-16", "not written in it"),
        (b"a,b\n1,2\n3,4\n", "utf-16-be", "not written in it"),
        (b"a,b\n1,2\n3,4\n", "utf-32", "not written in it"),
        ("a,b\n1,2\n".encode("utf-16-le"), "utf-16-be", "not written in it"),
        ("a,b\n1,2\n".encode("utf-16"), "cp1252", "begins with the byte order mark of utf-16-le"),
        ("a,b\n1,2\n".encode("utf-8-sig"), "cp1252", "begins with the byte order mark of utf-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "cp1252", "NUL"),
        ("名前,都市\n".encode(), "shift_jis", "not valid shift_jis"),
    ],
)
def test_an_encoding_that_the_file_is_not_in_is_refused(content: bytes, encoding: str, message: str) -> None:
    with pytest.raises(ConversionError, match=message) as caught:
        convert(content, encoding=encoding)
    assert caught.value.http_status == 400


@pytest.mark.parametrize("written_in", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf_16_is_read_in_the_byte_order_the_file_has(written_in: str) -> None:
    assert convert("a,b\n1,2\n".encode(written_in), encoding="utf-16").rows == [(1, 2)]


def test_an_encoding_asked_for_is_doubted_when_the_file_is_utf_8() -> None:
    found = convert("a\né\n", encoding="cp1252")
    assert found.rows == [("Ã©",)]
    assert "valid utf-8" in found.warnings[0].message
