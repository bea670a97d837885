"""Numbers that hospitals, insurers and banks give people."""

import hashlib
from collections.abc import Callable
from typing import Final

from tests.planted.maker import Maker, base58check, grouped, luhn, mod_11
from tests.planted.plant import Kind
from unbroken.privacy.redaction import checksums


def _nhs(maker: Maker) -> str:
    while True:
        body = maker.digits(9)
        check = -mod_11(body, range(10, 1, -1)) % 11
        if check < 10:
            return maker.pick(f"{body}{check}", grouped(f"{body}{check}", 3, 3, 4, by=maker.pick(" ", "-")))


def _npi(maker: Maker) -> str:
    return luhn("808401" + maker.form("<d8>"))[5:]


def _mbi(maker: Maker) -> str:
    made = maker.form("1") + maker.pick(*"EGHT") + maker.pick(*"ACDE") + maker.form("<d1>")
    made += "-" + maker.pick(*"TWXY") + maker.pick(*"EFGH") + maker.form("<d1>")
    return f"{made}-{maker.pick(*'MNPQ')}{maker.pick(*'KMNP')}{maker.form('<d2>')}"


def _dea(maker: Maker) -> str:
    body = maker.form("<d6>")
    total = sum(map(int, body[::2])) + 2 * sum(map(int, body[1::2]))
    return f"B{maker.letters('L', 1)}{body}{total % 10}"


def _lanr(maker: Maker) -> str:
    body = maker.digits(6)
    total = sum(int(digit) * (4, 9)[place % 2] for place, digit in enumerate(body))
    return f"{body}{-total % 10}{maker.number(10, 99)}"


_COUNTRIES: Final = {
    "DE": "<d18>", "GB": "NWBK<d14>", "FR": "<d10><U11><d2>", "ES": "<d20>", "IT": "X<d10><U12>", "NL": "ABNA<d10>",
    "BE": "<d12>", "AT": "<d16>", "CH": "<d5><U12>", "PL": "<d24>", "SE": "<d20>", "NO": "<d11>", "DK": "<d14>",
    "FI": "<d14>", "PT": "<d21>", "IE": "AIBK<d14>", "LU": "<d3><U13>", "CZ": "<d20>", "SK": "<d20>", "HU": "<d24>",
    "RO": "BTRL<U16>", "BG": "BNBG<d6><U8>", "HR": "<d17>", "SI": "<d15>", "GR": "<d7><U16>", "CY": "<d8><U16>",
    "MT": "MALT<d5><U18>", "EE": "<d16>", "LV": "HABA<U13>", "LT": "<d16>", "IS": "<d22>", "TR": "<d5>0<U16>",
    "AE": "<d19>", "SA": "<d2><U18>", "IL": "<d19>", "BR": "<d23>P1", "UA": "<d6><U19>", "MC": "<d10><U11><d2>",
}  # fmt: skip


def _iban(maker: Maker) -> str:
    country = maker.pick(*_COUNTRIES)
    body = maker.form(_COUNTRIES[country])
    digits = "".join(str(int(letter, 36)) for letter in f"{body}{country}00")
    plain = f"{country}{98 - int(digits) % 97:02d}{body}"
    spaced = " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))
    return maker.pick(plain, plain, spaced)


def _routing(maker: Maker) -> str:
    return maker.until(checksums.aba, "0<d8>")


def _date_forms(*forms: str) -> Callable[[Maker], str]:
    names = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]

    def make(maker: Maker) -> str:
        year, month, day = maker.date()
        return maker.pick(*forms).format(y=year, m=f"{month:02d}", d=f"{day:02d}", n=names[month - 1])

    return make


def _bitcoin(maker: Maker) -> str:
    return base58check(b"\0" + hashlib.sha256(maker.random.randbytes(9)).digest()[:20])


def _segwit(maker: Maker) -> str:
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    data = [0] + [maker.number(0, 31) for _ in range(32)]
    values = [ord(c) >> 5 for c in "bc"] + [0] + [ord(c) & 31 for c in "bc"] + data + [0] * 6
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= term if top >> bit & 1 else 0
    check ^= 1
    return "bc1" + "".join(letters[value] for value in data + [check >> 5 * (5 - place) & 31 for place in range(6)])


def _words(count: int) -> Callable[[Maker], str]:
    return lambda maker: " ".join(maker.word() for _ in range(count))


HEALTH_AND_BANK: Final = (
    Kind("date of birth", _date_forms("{y}-{m}-{d}", "{m}/{d}/{y}", "{d}.{m}.{y}"),
         ("born on {}", "DOB {}", "date of birth: {}", "geboren am {}"), ("dob", "birthDate", "date_of_birth")),
    Kind("date of birth, in words", _date_forms("{n} {d}, {y}", "{d} {n} {y}"),
         ("born on {}", "her date of birth is {}"), ("dob",), spelling=True),
    Kind("medical record number", lambda maker: maker.form(maker.pick("00<d7>", "<d8>", "AB<d7>")),
         ("MRN {}", "medical record {}"), ("mrn", "medical_record_number", "patientId")),
    Kind("NHS number", _nhs, ("NHS number {}", "NHS {}"), ("nhs_number",)),
    Kind("NPI", _npi, ("NPI {}",), ("npi", "npi_number"), as_number=True),
    Kind("MBI", _mbi, ("{}", "Medicare id {}"), ("mbi", "note")),
    Kind("DEA registration", _dea, ("DEA certificate {}",)),
    Kind("Krankenversichertennummer", lambda maker: maker.until(checksums.de_health, "<L1><d9>"),
         ("Krankenkasse KVNR {}",), ("kvnr",)),
    Kind("physician's number, German", _lanr, ("LANR {}",)),
    Kind("practice's number, German", lambda maker: maker.digits(9), ("BSNR {}",)),
    Kind("health plan number", lambda maker: maker.form("XQ<d9>"), ("Medicaid {}",),
         ("health_plan_number", "insuranceNumber", "member_number")),
    Kind("Medicare id under its key", _mbi, (), ("medicare_id",), spelling=True),
    Kind("IBAN", _iban, ("{}", "send it to {} please"), ("iban", "note")),
    Kind("bank routing number", _routing, ("routing number {}", "ABA {}"), ("routing_number",)),
    Kind("bank account number", lambda maker: maker.digits(maker.number(9, 14)),
         ("bank account number {}", "checking acct {}"), ("account_number", "bankAccount")),
    Kind("sort code", lambda maker: f"{maker.number(40, 69)}-{maker.number(40, 69)}-{maker.number(40, 69)}",
         ("sort code {}",), ("sort_code",)),
    Kind("Bitcoin address", _bitcoin, ("{}", "pay to {} then"), ("note",)),
    Kind("Bitcoin address, bech32", _segwit, ("{}", "pay to {} then"), ("note",)),
    Kind("Ethereum address", lambda maker: maker.form("0x<h40>"), ("ethereum wallet {}",)),
    Kind("name under its key", lambda maker: maker.name(), (),
         ("first_name", "fullName", "last_name", "mothers_maiden_name", "cardholder_name", "customerName")),
    Kind("address under its key", lambda maker: f"{maker.number(11, 9999)} {maker.word(5).title()} Street", (),
         ("address", "billingAddress", "street", "home_address")),
    Kind("biometric template", _words(4), (), ("fingerprint_template", "biometric")),
    Kind("next of kin", lambda maker: maker.name(), (), ("next_of_kin", "emergency_contact")),
)  # fmt: skip
