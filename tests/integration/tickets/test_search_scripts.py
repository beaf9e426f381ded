"""Search finds tickets in every script, in words of any length, and in texts that mix scripts."""

from typing import Final

import pytest

from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People
from integration.harness.tickets import open_ticket

# Subject, body, and queries that find this ticket alone.
TEXTS: Final = (
    ("Zażółć gęślą jaźń", "Łódź asks", ["zazol", "JAŹŃ gesla", "łódź"]),  # Latin
    ("Thư từ Việt Nam", "điện thoại hỏng", ["việt", "VIET thu", "thoai"]),
    ("Принтер сломан", "Ёлка горит", ["принт", "ЕЛКА", "слом прин"]),  # Cyrillic
    ("Пошта не працює", "її п'ять листів", ["пошта", "працює", "листів"]),
    ("Ο εκτυπωτής χάλασε", "Σφάλμα οδός", ["ΕΚΤΥΠΩΤΗΣ", "σφαλμα", "οδος"]),  # Greek
    ("Տպիչը կոտրված է", "Երևան", ["տպիչ", "ԿՈՏՐ"]),  # Armenian
    ("პრინტერი გაფუჭდა", "თბილისი", ["პრინტ", "თბილ"]),  # Georgian
    ("הַמַּדְפֶּסֶת נשרפה", "שלום", ["המדפסת", "נשר", "שלום"]),  # Hebrew
    ("الطابعةُ معطّلة", "منذ الأمس", ["الطابعة", "معطلة", "منذ"]),  # Arabic
    ("چاپگر خراب است", "نمی\u200cشود", ["چاپگر", "خراب", "نمی\u200cشود"]),
    ("प्रिंटर ख़राब है", "कल से", ["प्रिंटर", "खराब", "कल"]),  # Devanagari
    ("প্রিন্টার নষ্ট", "গতকাল থেকে", ["প্রিন্ট", "গতকাল"]),  # Bengali
    ("அச்சுப்பொறி பழுது", "நேற்று", ["அச்சு", "நேற்று"]),  # Tamil
    ("프린터가 고장났어요", "어제부터", ["프린터", "고장", "어제"]),  # Hangul
    ("王經理的電腦壞了", "昨天下午開始", ["王經理", "昨天", "電腦", "壞了", "午", "始"]),  # Han
    ("打印机坏了", "张伟明天来", ["打印", "印机", "张伟", "来"]),
    ("コンピューターが動かない", "昨夜から", ["ピュータ", "動か", "ｺﾝﾋﾟｭｰﾀｰ", "昨夜"]),  # kana
    ("ぷりんたーのいろ", "ひらがなだけ", ["りんたー", "のいろ", "だけ"]),
    ("เครื่องพิมพ์เสีย", "เมื่อวานนี้", ["พิมพ์", "เสีย", "วานนี้"]),  # Thai
    ("ເຄື່ອງພິມເສຍ", "ມື້ວານນີ້", ["ພິມ", "ເສຍ"]),  # Lao
    ("ម៉ាស៊ីនបោះពុម្ពខូច", "ម្សិលមិញ", ["បោះពុម្ព", "ខូច"]),  # Khmer
    ("ပရင်တာပျက်နေသည်", "မနေ့က", ["ပျက်", "နေ့က"]),  # Myanmar
    ("iPhone壊れた", "画面が真っ黒", ["iphone", "壊れた", "iPhone壊れた", "真っ黒", "黒"]),
    ("VPN接続できない", "Wi-Fi経由", ["vpn", "接続", "VPN接続", "経由 wi-fi"]),
    ("Office365登录失败", "错误0x80070005", ["office365登录", "失败", "0x8007"]),
    ("ระบบ SAPล่ม", "Error 500ครับ", ["SAPล่ม", "sap", "500ครับ"]),
    ("C++ and C#", "a 5G modem of R&D", ["C++", "c#", "5G", "R&D", "5g C++"]),
    ("It's nobody's Q&A", "l'heure d'été", ["it's", "Q&A", "heure"]),
    ("Donaudampf\u00adschifffahrtsgesellschaft", "x" * 90 + " " + "ab" * 60, ["donaudampfschiff"]),
    ("Plan 7", "\u200bStraße ﬁle ｆｕｌｌ", ["7", "STRASSE", "file", "full"]),
)


@pytest.fixture
def made(installation: Installation, people: People) -> list[str]:
    return [
        open_ticket(installation, people.user, subject=subject, body=body)["id"] for subject, body, _ in TEXTS
    ]


def find(installation: Installation, people: People, q: str) -> list[str]:
    response = installation.call("GET", TICKETS, people.user.access, params={"q": q})
    assert response.status_code == 200, (q, response.text)
    return [item["id"] for item in response.json()["items"]]


def test_each_text_is_found_by_its_words_alone(
    installation: Installation, people: People, made: list[str]
) -> None:
    for ticket_id, (subject, _, queries) in zip(made, TEXTS, strict=True):
        for query in queries:
            assert find(installation, people, query) == [ticket_id], (subject, query)


def test_a_word_of_any_length_is_found(installation: Installation, people: People, made: list[str]) -> None:
    for query in ("x" * 90, "x" * 84, "ab" * 50):
        assert find(installation, people, query) == [made[28]]


def test_no_query_of_one_or_two_characters_is_an_error(
    installation: Installation, people: People, made: list[str]
) -> None:
    for character in sorted({one for subject, body, _ in TEXTS for one in subject + body}):
        found = find(installation, people, character)
        assert set(found) <= set(made)
    assert find(installation, people, "c") == [made[26]]
