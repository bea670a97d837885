"""Numbers that states give people and firms, with the check digits that the published rules ask for."""

from collections.abc import Callable
from typing import Final

from tests.planted.maker import Maker, grouped, luhn, mod_11
from tests.planted.plant import Kind
from unbroken.privacy.redaction import checksums


def _ssn(maker: Maker) -> str:
    by = maker.pick("-", " ")
    return f"{maker.number(101, 665)}{by}{maker.number(11, 98)}{by}{maker.number(1000, 9998)}"


def _bare_ssn(maker: Maker) -> str:
    return _ssn(maker).replace("-", "").replace(" ", "")


def _itin(maker: Maker) -> str:
    return f"9{maker.number(10, 99)}-{maker.number(70, 88)}-{maker.number(1000, 9998)}"


def _verhoeff(maker: Maker) -> str:
    return maker.until(checksums.aadhaar, maker.pick("2", "3", "5", "8") + "<d11>")


def _german_tax_id(maker: Maker) -> str:
    return maker.until(checksums.de_tax_id, maker.pick("2", "4", "6") + "<d10>")


def _dated(order: str) -> Callable[[Maker], str]:
    """Six digits of a birth date, in this order."""

    def make(maker: Maker) -> str:
        year, month, day = maker.date()
        return order.format(y=f"{year % 100:02d}", m=f"{month:02d}", d=f"{day:02d}", Y=year)

    return make


_YMD, _DMY = _dated("{y}{m}{d}"), _dated("{d}{m}{y}")


def _pesel(maker: Maker) -> str:
    body = _YMD(maker) + maker.digits(4)
    total = sum(int(digit) * weight for digit, weight in zip(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=True))
    return body + str(-total % 10)


def _cpf_digits(maker: Maker) -> str:
    body = maker.digits(9)
    for weights in (range(10, 1, -1), range(11, 1, -1)):
        body += str(mod_11(body, weights) * 10 % 11 % 10)
    return body


def _cpf(maker: Maker) -> str:
    digits = _cpf_digits(maker)
    return f"{grouped(digits[:9], 3, 3, 3, by='.')}-{digits[9:]}"


def _cnpj(maker: Maker) -> str:
    body = maker.digits(8) + "0001"
    for weights in ((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)):
        body += str(mod_11(body, weights) * 10 % 11 % 10)
    return f"{body[:2]}.{body[2:5]}.{body[5:8]}/{body[8:12]}-{body[12:]}"


def _turkish(maker: Maker) -> str:
    return maker.until(checksums.tr_id, maker.pick("1", "3", "7") + "<d10>")


def _canadian(maker: Maker) -> str:
    return grouped(luhn(maker.pick("1", "4", "7") + maker.form("<d7>")), 3, 3, 3, by=maker.pick("-", " "))


def _french(maker: Maker) -> str:
    year, month, _ = maker.date()
    body = f"{maker.number(1, 2)}{year % 100:02d}{month:02d}{maker.number(10, 89)}{maker.form('<d6>')}"
    digits = f"{body}{97 - int(body) % 97:02d}"
    return maker.pick(digits, grouped(digits, 1, 2, 2, 2, 3, 3, 2))


def _korean(maker: Maker) -> str:
    return f"{_YMD(maker)}-{maker.number(1, 4)}{maker.form('<d6>')}"


def _korean_firm(maker: Maker) -> str:
    return grouped(maker.until(checksums.kr_brn, "1<d9>"), 3, 2, 5, by="-")


def _korean_licence(maker: Maker) -> str:
    return f"{maker.number(11, 28)}-{maker.number(10, 24)}-{maker.digits(6)}-{maker.number(10, 99)}"


def _thai(maker: Maker) -> str:
    body = maker.pick("1", "3", "5") + maker.form("<d11>")
    digits = body + str((11 - mod_11(body, range(13, 1, -1))) % 10)
    return grouped(digits, 1, 4, 5, 2, 1, by="-")


def _south_african(maker: Maker) -> str:
    return luhn(_YMD(maker) + maker.form("<d4>") + "08")


def _swedish(maker: Maker) -> str:
    number = luhn(_YMD(maker) + maker.form("<d3>"))
    return f"{number[:6]}-{number[6:]}"


def _swedish_firm(maker: Maker) -> str:
    number = luhn(f"55{maker.number(60, 99)}{maker.form('<d5>')}")
    return f"{number[:6]}-{number[6:]}"


def _norwegian(maker: Maker) -> str:
    return maker.until(checksums.no_fnr, _DMY(maker) + "<d5>")


def _danish(maker: Maker) -> str:
    return f"{_DMY(maker)}-{maker.digits(4)}"


def _dutch(maker: Maker) -> str:
    return maker.until(checksums.nl_bsn, maker.pick("1", "2") + "<d8>")


def _belgian(maker: Maker) -> str:
    body = f"{_YMD(maker)}{maker.number(100, 997)}"
    digits = f"{body}{97 - int(body) % 97:02d}"
    return f"{digits[:2]}.{digits[2:4]}.{digits[4:6]}-{digits[6:9]}.{digits[9:]}"


def _swiss(maker: Maker) -> str:
    body = "756" + maker.form("<d9>")
    check = -sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(body)) % 10
    return maker.pick(f"{body}{check}", grouped(f"{body}{check}", 3, 4, 4, 2, by="."))


def _chinese(maker: Maker) -> str:
    year, month, day = maker.date()
    body = f"{maker.pick('110105', '310101', '440304')}{year}{month:02d}{day:02d}{maker.form('<d3>')}"
    return body + "10X98765432"[mod_11(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))]


def _cuit(maker: Maker) -> str:
    while True:
        body = maker.pick("20", "27", "30") + maker.form("<d8>")
        check = -mod_11(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        if check < 10:
            return f"{body[:2]}-{body[2:]}-{check}"


def _nif(maker: Maker) -> str:
    number = maker.number(10_000_000, 99_999_999)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def _nie(maker: Maker) -> str:
    place, number = maker.number(0, 2), maker.number(1_000_000, 9_999_999)
    return f"{'XYZ'[place]}-{number}-{'TRWAGMYFPDXBNJZSQVHLCKE'[int(f'{place}{number}') % 23]}"


def _fiscal_code(maker: Maker) -> str:
    year, _, day = maker.date()
    body = f"<L6>{year % 100:02d}{maker.pick('A', 'H', 'T')}{day:02d}<L1><d3><L1>"
    return maker.until(checksums.it_fiscal_code, body)


def _finnish(maker: Maker) -> str:
    body, number = _DMY(maker), maker.number(100, 899)
    return f"{body}-{number}{'0123456789ABCDEFHJKLMNPRSTUVWXY'[int(f'{body}{number}') % 31]}"


def _nino(maker: Maker) -> str:
    pairs = " ".join(f"{maker.number(10, 99)}" for _ in range(3))
    spaced = f"{maker.pick('AB', 'CE', 'JG', 'TW', 'WK')} {pairs} {maker.pick(*'ABCD')}"
    return maker.pick(spaced, spaced.replace(" ", ""))


def _british_licence(maker: Maker) -> str:
    year, month, day = maker.date()
    middle = f"{year % 100 // 10}{month:02d}{day:02d}{year % 10}"
    return f"{maker.letters('L', 5)}{middle}{maker.letters('L', 1)}9{maker.letters('U', 1)}{maker.letters('L', 2)}"


def _curp(maker: Maker) -> str:
    return f"{maker.form('<L4>')}{_YMD(maker)}{maker.pick('H', 'M')}{maker.form('<L5>')}{maker.form('<d2>')}"


def _rut(maker: Maker) -> str:
    body = maker.digits(8)
    return f"{grouped(body, 2, 3, 3, by='.')}-{'0K987654321'[mod_11(body, (3, 2, 7, 6, 5, 4, 3, 2))]}"


def _by_check(check: Callable[[str], bool], form: str) -> Callable[[Maker], str]:
    return lambda maker: maker.until(check, form)


def _form(*forms: str) -> Callable[[Maker], str]:
    return lambda maker: maker.form(maker.pick(*forms))


def _german_health(maker: Maker) -> str:
    return maker.until(checksums.de_health, "<L1><d9>")


def _german_pension(maker: Maker) -> str:
    return maker.until(checksums.de_pension, f"{maker.number(10, 89)}{_DMY(maker)}<L1><d3>")


def _after_nine(text: str) -> bool:
    return checksums.au_tfn(text) and text[0] != "0"


NATIONAL_IDS: Final = (
    Kind("US social security number", _ssn, ("{}", "it is {}, she said"), ("ssn", "note", "patient_ssn")),
    Kind("US social security number, bare", _bare_ssn, ("SSN: {}", "her social security number is {}"),
         ("ssn", "socialSecurityNumber"), as_number=True, spelling=True),
    Kind("US taxpayer number", _itin, ("{}", "ITIN {}"), ("itin", "tax_id")),
    Kind("Aadhaar", lambda maker: grouped(_verhoeff(maker), 4, 4, 4), ("{}", "Aadhaar {}"), ("aadhaar",)),
    Kind("Aadhaar, bare", _verhoeff, ("Aadhaar {}",), ("aadhaar_ref",), as_number=True, spelling=True),
    Kind("German tax id", lambda maker: grouped(_german_tax_id(maker), 2, 3, 3, 3), ("{}", "Steuer-ID {}"),
         ("steuer_id",)),
    Kind("German tax number", _form("<d3>/<d4>/<d4>"), ("Steuernummer {}",), ("tax_number",)),
    Kind("PESEL", _pesel, ("PESEL {}",), ("pesel",), as_number=True),
    Kind("CPF", _cpf, ("{}", "o CPF {}"), ("cpf", "note")),
    Kind("CNPJ", _cnpj, ("{}", "CNPJ {}"), ("note",)),
    Kind("Turkish identity number", _turkish, ("TC Kimlik No: {}",), ("tckn",), as_number=True),
    Kind("Canadian SIN", _canadian, ("my SIN is {}",), ("social_insurance_number",)),
    Kind("Australian tax file number", _by_check(_after_nine, "<d9>"), ("TFN {}",), ("tfn",)),
    Kind("Australian business number", lambda maker: grouped(maker.until(checksums.au_abn, "5<d10>"), 2, 3, 3, 3),
         ("{}", "ABN {}")),
    Kind("Australian company number", _by_check(checksums.au_acn, "1<d8>"), ("ACN {}",)),
    Kind("Australian Medicare number", lambda maker: grouped(maker.until(checksums.au_medicare, "4<d8>1"), 4, 5, 1),
         ("{}", "Medicare {}"), ("medicare_number",)),
    Kind("NIR", _french, ("{}", "NIR {}"), ("note",)),
    Kind("Korean resident number", _korean, ("{}", "RRN {}"), ("note",)),
    Kind("Korean business number", _korean_firm, ("{}", "BRN {}")),
    Kind("Korean driving licence", _korean_licence, ("{}", "운전면허 {}")),
    Kind("Thai identity number", _thai, ("{}", "Thai citizen {}")),
    Kind("South African identity number", _south_african, ("RSA identity {}",), ("identity_number",), as_number=True),
    Kind("personnummer", _swedish, ("{}", "personnummer {}"), ("personnummer",)),
    Kind("organisationsnummer", _swedish_firm, ("{}", "organisationsnummer {}")),
    Kind("fødselsnummer", _norwegian, ("fødselsnummer {}", "fodselsnummer {}")),
    Kind("CPR number", _danish, ("CPR {}", "cpr-nummer: {}")),
    Kind("BSN", _dutch, ("BSN {}",), ("bsn",), as_number=True),
    Kind("Belgian national number", _belgian, ("{}", "rijksregisternummer {}")),
    Kind("AHV number", _swiss, ("{}", "AHV {}"), ("note",)),
    Kind("Chinese resident id", _chinese, ("{}", "身份证 {}"), ("note",)),
    Kind("CUIT", _cuit, ("{}", "CUIT {}")),
    Kind("Argentine DNI", _form("<d8>"), ("DNI {}",), ("dni",)),
    Kind("NIF", _nif, ("{}", "NIF {}"), ("note",)),
    Kind("NIE", _nie, ("{}", "NIE {}"), ("note",)),
    Kind("codice fiscale", _fiscal_code, ("{}", "codice fiscale {}"), ("note", "codice_fiscale")),
    Kind("Italian VAT number", lambda maker: luhn("0" + maker.form("<d9>")), ("partita IVA {}",)),
    Kind("Italian identity card", _form("CA<d5>AA", "AX<d7>"), ("carta d'identita {}",)),
    Kind("Finnish personal code", _finnish, ("{}", "henkilotunnus {}"), ("note",)),
    Kind("NRIC", _by_check(checksums.sg_nric, "S<d7><L1>"), ("{}", "NRIC {}"), ("note",)),
    Kind("Singaporean UEN", _form("20<d7>K"), ("UEN {}",)),
    Kind("Indian PAN", _form("<L3>P<L1><d4><L1>"), ("{}", "PAN {}"), ("note",)),
    Kind("GSTIN", _by_check(checksums.gstin, "27<L5><d4><L1>1Z<U1>"), ("{}", "GSTIN {}")),
    Kind("Indian voter id", _form("<L3><d7>"), ("voter id {}",)),
    Kind("NINO", _nino, ("{}", "NI number {}"), ("nino", "note")),
    Kind("British driving licence", _british_licence, ("{}", "driving licence {}"), ("driving_licence",)),
    Kind("CURP", _curp, ("{}", "CURP {}"), ("curp", "note")),
    Kind("RFC", lambda maker: f"{maker.form('<L4>')}{_YMD(maker)}{maker.form('<U3>')}", ("RFC {}",)),
    Kind("RUT", _rut, ("RUT {}",)),
    Kind("Philippine TIN", _by_check(checksums.ph_tin, "1<d8>"), ("TIN {}",), ("tin",)),
    Kind("Israeli identity number", lambda maker: luhn("3" + maker.form("<d7>")), ("teudat zehut {}",)),
    Kind("Nigerian NIN", _form("7<d10>"), ("NIN {}",), ("nin",)),
    Kind("Hong Kong identity card", _form("<L1><d6>(<d1>)"), ("HKID {}",)),
    Kind("Taiwanese identity number", _form("<L1>1<d8>"), ("Taiwan id {}",)),
    Kind("Irish PPS number", _form("<d7>WA", "<d7>TA"), ("PPS number {}", "PPSN {}")),
    Kind("German identity card", _form("L<d3>X<d4>", "T22000<d3>"), ("Personalausweis {}",)),
    Kind("German pension number", _german_pension, ("Rentenversicherungsnummer {}",)),
    Kind("German VAT id", _form("DE<d9>"), ("Ust-ID {}", "VAT {}")),
    Kind("national id under its key", _form("<L2><d8>"), (), ("national_id", "citizenId")),
    Kind("tax id under its key", _form("<d2>-<d7>"), (), ("taxpayer_id", "tax_identification_number")),
    Kind("US passport", _form("A<d8>", "<d9>"), ("passport number {}",), ("passport_number",)),
    Kind("British passport", _form("GB<d7>", "5<d8>"), ("passport {}",), ("passportNo",)),
    Kind("German passport", _form("C01X00<d3>", "F<d2>ZK<d4>"), ("Reisepass {}",)),
    Kind("Korean passport", _form("M<d3>A<d4>", "M<d8>"), ("Korean passport {}",)),
    Kind("Spanish passport", _form("PAA<d6>"), ("pasaporte {}",)),
    Kind("Italian passport", _form("YA<d7>"), ("passaporto {}",)),
    Kind("Indian passport", _form("K<d7>"), ("Indian passport {}",)),
    Kind("French passport", _form("<d2>FV<d5>"), (), ("passport",)),
    Kind("US driver's license", _form("F<d12>", "<L1><d7>"), ("driver's license number is {}", "DL {}"),
         ("drivers_license", "licenseNumber")),
    Kind("German driving licence", _form("BO<d8>A1"), ("Führerschein {}",)),
    Kind("Italian driving licence", _form("RM<d7>X"), ("patente di guida {}",)),
    Kind("licence plate", _form("B-MW <d4>", "<L3>-<d4>X"), ("license plate {}",), ("license_plate",)),
    Kind("VIN", _form("1HGCM8263<d1>A<d6>"), ("VIN {}",)),
    Kind("IMEI", lambda maker: luhn("35" + maker.form("<d12>")), ("IMEI {}",)),
)  # fmt: skip
