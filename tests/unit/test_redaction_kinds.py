"""Every kind of finding: what is one, what only looks like one, and what needs a word beside it."""

import pytest

from tests.unit.redacting import found, kinds

CERTAIN = [
    ("EMAIL_ADDRESS", "jane.doe+x@mail.example.co.uk"),
    ("EMAIL_ADDRESS", "user@xn--80ak6aa92e.com"),
    ("EMAIL_ADDRESS", "jürgen@bücher.example.de"),
    ("EMAIL_ADDRESS", '"jane doe"@example.com'),
    ("EMAIL_ADDRESS", "jane@[192.168.7.1]"),
    ("PHONE_NUMBER", "+1 415 555 0132"),
    ("PHONE_NUMBER", "+442071234567"),
    ("PHONE_NUMBER", "+49 (0)30 1234567"),
    ("PHONE_NUMBER", "(415) 555-0132"),
    ("PHONE_NUMBER", "415-555-0132"),
    ("PHONE_NUMBER", "415.555.0132 x565"),
    ("PHONE_NUMBER", "0049 30 1234567"),
    ("PHONE_NUMBER", "0487 98 11 92"),
    ("CREDIT_CARD", "4012888888881881"),
    ("CREDIT_CARD", "4012 8888 8888 1881"),
    ("CREDIT_CARD", "4012-8888-8888-1881"),
    ("CREDIT_CARD", "371449635398431"),
    ("CREDIT_CARD", "3714 496353 98431"),
    ("CREDIT_CARD", "30569309025904"),
    ("CREDIT_CARD", "5555555555554444"),
    ("CREDIT_CARD", "2223003122003222"),
    ("CREDIT_CARD", "6011000990139424"),
    ("CREDIT_CARD", "3530111333300000"),
    ("CREDIT_CARD", "6759649826438453"),
    ("US_SSN", "078-05-1123"),
    ("US_SSN", "078 05 1123"),
    ("US_SSN", "078.05.1123"),
    ("US_ITIN", "911-70-1234"),
    ("IBAN_CODE", "GB29 NWBK 6016 1331 9268 19"),
    ("IBAN_CODE", "DE89370400440532013000"),
    ("IBAN_CODE", "de89-3704-0044-0532-0130-00"),
    ("IBAN_CODE", "GB29.NWBK.6016.1331.9268.19"),
    ("IBAN_CODE", "NO9386011117947"),
    ("IBAN_CODE", "BE68539007547034"),
    ("IP_ADDRESS", "81.92.3.200"),
    ("IP_ADDRESS", "10.0.0.0/8"),
    ("IP_ADDRESS", "2001:db8:85a3::8a2e:370:7334"),
    ("IP_ADDRESS", "fe80::1%eth0"),
    ("IP_ADDRESS", "::ffff:192.0.2.1"),
    ("MAC_ADDRESS", "00:1A:2B:3C:4D:5E"),
    ("MAC_ADDRESS", "00-1a-2b-3c-4d-5e"),
    ("UK_NINO", "AA 12 34 56 B"),
    ("UK_NINO", "tw987654a"),
    ("US_MBI", "1EG4-TE5-MK73"),
    ("US_MBI", "1EG4TE5MK73"),
    ("AADHAAR", "3675 9834 6016"),
    ("BR_CPF", "529.982.247-25"),
    ("BR_CNPJ", "11.222.333/0001-81"),
    ("FR_NIR", "1 85 05 78 006 084 91"),
    ("FR_NIR", "185057800608491"),
    ("CH_AHV", "756.9217.0769.85"),
    ("KR_RRN", "960121-1234567"),
    ("SE_PERSONNUMMER", "871220-2384"),
    ("FI_PERSONAL_IDENTITY_CODE", "131052-308T"),
    ("ES_NIF", "12345678Z"),
    ("ES_NIE", "X-9613851-N"),
    ("IT_FISCAL_CODE", "RSSMRA85T10A562S"),
    ("SG_NRIC_FIN", "S2740116C"),
    ("CN_RESIDENT_ID", "11010519491231002X"),
    ("UK_DRIVING_LICENCE", "MORGA607054SM9IJ"),
    ("MX_CURP", "GODE561231HDFRRN09"),
    ("BE_NATIONAL_NUMBER", "85.07.30-033.28"),
    ("ABA_ROUTING_NUMBER", "0711-0130-7"),
    ("IN_PAN", "ABCPD1234Z"),
    ("IN_GSTIN", "27AAPFU0939F1ZV"),
    ("CRYPTO", "16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ"),
    ("CRYPTO", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
]


@pytest.mark.parametrize(("kind", "text"), CERTAIN)
def test_a_certain_form_is_found_whole(kind: str, text: str) -> None:
    assert (kind, text) in found(f"It was {text}, they wrote")
    assert (kind, text) in found(text)
    assert (kind, text) in found({"anything": [text]})


NEAR_MISSES = [
    "4012888888881882",  # check digit
    "9999888877776666",  # no issuer
    "1748503543012",
    "123-00-1123",
    "666-05-1123",
    "911-93-1234",
    "GB29 NWBK 6016 1331 9268 18",
    "QQ29 NWBK 6016 1331 9268 19",
    "256.1.1.1",
    "192.168.1",
    "12345:db8::1",
    "std::vector",
    "a::b",
    "00:00:00:00:00:00",
    "FF:FF:FF:FF:FF:FF",
    "0E:FF:12",
    "AA 12 34 56 H",
    "BG123456A",
    "1SG4-TE5-MK73",
    "3675 9834 6015",
    "529.982.247-24",
    "11.222.333/0001-82",
    "756.9217.0769.86",
    "131052-308U",
    "12345678A",
    "RSSMRA85T10A562T",
    "S2740116D",
    "110105194912310021",
    "16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ2",
    "jane@example",
    "jane@",
    "@example.com",
    "hello-world here",
]


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_a_near_miss_stays(text: str) -> None:
    assert found(f"It was {text}, they wrote") == []


NAMED = [
    ("US_SSN", "her SSN: {}", "078051123"),
    ("US_SSN", "social security number is {}", "853-37-1694"),
    ("ABA_ROUTING_NUMBER", "routing number {}", "121000358"),
    ("BANK_ACCOUNT", "checking acct {}", "945456787654"),
    ("UK_NHS", "NHS number {}", "401-023-2137"),
    ("UK_NHS", "NHS {}", "0032698674"),
    ("US_NPI", "NPI {}", "1234567893"),
    ("AADHAAR", "Aadhaar {}", "367598346016"),
    ("DE_TAX_ID", "Steuer-ID {}", "86095742719"),
    ("PL_PESEL", "pesel {}", "44051401458"),
    ("BR_CPF", "CPF {}", "52998224725"),
    ("TR_NATIONAL_ID", "TC Kimlik No: {}", "10000000146"),
    ("CA_SIN", "my SIN is {}", "130-692-544"),
    ("AU_TFN", "TFN {}", "876543210"),
    ("AU_MEDICARE", "Medicare {}", "2123456701"),
    ("ZA_ID_NUMBER", "RSA identity {}", "8001015009087"),
    ("NL_BSN", "BSN {}", "111222333"),
    ("NO_FODSELSNUMMER", "fødselsnummer {}", "01010750160"),
    ("US_PASSPORT", "passport number {}", "A12803456"),
    ("US_PASSPORT", "passport no. {}", "912803456"),
    ("UK_PASSPORT", "Passports: {}", "AB1234567"),
    ("US_DRIVER_LICENSE", "driver's license number is {}", "F162823540116"),
    ("US_DRIVER_LICENSE", "driver's license number is {}", "6940579"),
    ("US_DRIVER_LICENSE", "my driver's license number is {}", "2270-66-1551"),
    ("DE_FUEHRERSCHEIN", "Führerschein {}", "BO12345678A"),
    ("MEDICAL_RECORD", "MRN {}", "00482913"),
    ("MEDICAL_RECORD", "medical record A-482913 or mrn {}", "AB482913"),
    ("MEDICAL_LICENSE", "DEA certificate {}", "BB1388568"),
    ("DE_HEALTH_INSURANCE", "Krankenkasse KVNR {}", "A123456780"),
    ("IN_PAN", "permanent account PAN {}", "ABBFM4567S"),
    ("MAC_ADDRESS", "hardware MAC {}", "0012.3456.789a"),
    ("DATE_OF_BIRTH", "born on {}", "04/05/1990"),
    ("DATE_OF_BIRTH", "date of birth: {}", "April 5, 2016"),
    ("DATE_OF_BIRTH", "DOB {}", "1990-04-05"),
    ("DATE_OF_BIRTH", "geboren am {}", "5.4.1990"),
    ("CREDIT_CARD", "the card {}", "503890547220"),
    ("CREDIT_CARD", "card number {}", "40128 8888 8881 881"),
    ("PHONE_NUMBER", "Phone: {}", "358 0594"),
    ("PHONE_NUMBER", "tel {}", "13812345678"),
    ("PHONE_NUMBER", "please call me at {}", "57123456"),
    ("PHONE_NUMBER", "They're not answering at {}", "78 651 450"),
    ("DEVICE_ID", "IMEI {}", "490154203237518"),
    ("LICENSE_PLATE", "license plate {}", "B-AB 1234"),
    ("VIN", "VIN {}", "1HGCM82633A004352"),
    ("CRYPTO", "ethereum wallet {}", "0x52908400098527886e0f7030069857d2e4169ee7"),
]


@pytest.mark.parametrize(("kind", "sentence", "number"), NAMED)
def test_a_named_number_is_found(kind: str, sentence: str, number: str) -> None:
    assert (kind, number) in found(sentence.format(number))


BY_CONTEXT_ONLY = [
    "078051123", "121000358", "945456787654", "0032698674", "1234567893", "44051401458", "10000000146", "130692544",
    "8001015009087", "912803456", "6940579", "00482913", "503890547220", "57123456", "490154203237518", "13812345678",
]  # fmt: skip


@pytest.mark.parametrize("number", BY_CONTEXT_ONLY)
def test_the_same_number_without_its_word_stays(number: str) -> None:
    assert found(f"The pump moved {number} units.") == []
    assert found({"quantity": number}) == []


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"passport": {"number": "A12803456"}}, "PASSPORT"),
        ({"npiNumber": 1234567893}, "US_NPI"),
        ({"bank": {"routing": "121000358"}}, "ABA_ROUTING_NUMBER"),
        ({"aadhaar_ref": 367598346016}, "AADHAAR"),
        ({"label": "pesel", "value": "44051401458"}, "NATIONAL_ID"),
    ],
)
def test_a_key_is_context(value: dict[str, object], kind: str) -> None:
    assert kind in kinds(value)


def test_context_ends_with_the_value_and_after_sixty_letters() -> None:
    assert found(["The SSN follows", "078051123"]) == []
    assert found("SSN " + "word " * 30 + "078051123") == []
    assert found("SSN " + "12 " * 60 + "x 078051123") != []


def test_the_nearest_label_speaks() -> None:
    text = "Phone:\n358 0594\n\nAddress:\n230 107 Main Street"
    assert found(text) == [("PHONE_NUMBER", "358 0594")]


@pytest.mark.parametrize(
    ("text", "kind", "masked"),
    [
        ("postgres://app:s3cr3t@db.example/x", "URL_CREDENTIALS", "app:s3cr3t"),
        ("redis://:hunter2@10.0.0.5:6379/0", "URL_CREDENTIALS", ":hunter2"),
        ("amqp://guest:p@ss@rabbit/vhost", "URL_CREDENTIALS", "guest:p@ss"),
        ("see my website http://www.jane-doe.example.net/ there", "URL", "http://www.jane-doe.example.net/"),
        ("I shared it with you at https://orthotraffic.ch/", "URL", "https://orthotraffic.ch/"),
    ],
)
def test_urls(text: str, kind: str, masked: str) -> None:
    assert (kind, masked) in found(text)


@pytest.mark.parametrize(
    "text",
    ["https://api.example.com/v1/orders/123", "base_url=https://docs.python.org/", "git@github.com:owner/repo.git",
     "ssh://git@host.example/repo"],
)  # fmt: skip
def test_addresses_of_programs_stay(text: str) -> None:
    assert found(text) == []


def test_a_card_takes_its_expiry_and_track_with_it() -> None:
    assert kinds("4012888888881881 12/27") == {"CREDIT_CARD", "CARD_EXPIRY"}
    assert found("4012888888881881 exp: 12/27 cvv 123")[1] == ("CARD_EXPIRY", "12/27 cvv 123")
    assert kinds(";4012888888881881=27121010000012345678?") == {"CREDIT_CARD", "CARD_TRACK"}
    assert kinds("%B4012888888881881^DOE/JANE^27121010000012345678?") == {"CREDIT_CARD", "CARD_TRACK"}


def test_a_long_past_date_in_running_text_is_a_birth_date() -> None:
    assert found("Sure, it's Mia Li, 1990-04-05.") == [("DATE_OF_BIRTH", "1990-04-05")]
    assert found({"released": "1990-04-05"}) == []
    assert found("The flight is on 2024-05-20.") == []
