"""Check digits: each function tells whether a text of ASCII digits (or letters, where said) carries the right one.

Written from the published definitions: ISO/IEC 7812 (Luhn), ISO 7064, ISO 13616, and the rules of each country's
number. None of them looks anything up.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

Check = Callable[[str], bool]

# What a doubled digit adds to Luhn's sum, and what a plain one does, as bytes to translate by.
_DOUBLED: Final = bytes.maketrans(b"0123456789", bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))
_PLAIN: Final = bytes.maketrans(b"0123456789", bytes(range(10)))


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1: cards, IMEI, many national numbers."""
    raw = digits.encode("ascii")
    return (sum(raw[-1::-2].translate(_PLAIN)) + sum(raw[-2::-2].translate(_DOUBLED))) % 10 == 0


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of digit times weight; digits beyond the weights don't count."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


_VERHOEFF_D: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7), (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3), (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)  # fmt: skip
_VERHOEFF_P: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7), (9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)  # fmt: skip


def verhoeff(digits: str) -> bool:
    """Verhoeff's check over the dihedral group: Aadhaar."""
    state = 0
    for place, digit in enumerate(reversed(digits)):
        state = _VERHOEFF_D[state][_VERHOEFF_P[place % 8][int(digit)]]
    return state == 0


def mod_11_10(digits: str) -> bool:
    """ISO 7064 MOD 11,10: the German tax id."""
    product = 10
    for digit in digits[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def iban(text: str) -> bool:
    """ISO 13616: upper-case letters and digits, MOD 97-10; the length is the country's business."""
    turned = text[4:] + text[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def us_ssn(digits: str) -> bool:
    """A social security number that can have been given out; 9xx and 666 never were."""
    return digits[0] != "9" and digits[:3] not in ("000", "666") and digits[3:5] != "00" and digits[5:] != "0000"


def us_itin(digits: str) -> bool:
    """A US taxpayer number: 9xx and one of the middle groups in use."""
    return digits[0] == "9" and (50 <= int(digits[3:5]) <= 65 or 70 <= int(digits[3:5]) <= 99) and digits[3:5] not in (
        "89", "93")  # fmt: skip


def aba(digits: str) -> bool:
    """A US bank routing number: a Federal Reserve prefix and the weights 3, 7, 1."""
    prefix = int(digits[:2])
    known = prefix <= 12 or 21 <= prefix <= 32 or 61 <= prefix <= 72 or prefix == 80
    return known and any(digit != "0" for digit in digits) and weighted(digits, (3, 7, 1) * 3) % 10 == 0


def npi(digits: str) -> bool:
    """A US provider id: Luhn with the prefix 80840; begins with 1 or 2."""
    return digits[0] in "12" and luhn("80840" + digits)


def nhs(digits: str) -> bool:
    """A British NHS number: weights 10 to 2, modulo 11."""
    check = -weighted(digits, range(10, 1, -1)) % 11
    return check == int(digits[9]) and not _uniform(digits)


def aadhaar(digits: str) -> bool:
    """An Indian Aadhaar number: doesn't begin with 0 or 1, isn't a palindrome, Verhoeff."""
    return digits[0] not in "01" and digits != digits[::-1] and verhoeff(digits)


def de_tax_id(digits: str) -> bool:
    """A German tax id: no leading zero, one digit two or three times, MOD 11,10."""
    most = max(digits[:10].count(digit) for digit in "0123456789")
    return digits[0] != "0" and most in (2, 3) and mod_11_10(digits)


def pesel(digits: str) -> bool:
    """A Polish PESEL: a date whose month carries the century, weights 1 3 7 9."""
    date = 1 <= int(digits[2:4]) % 20 <= 12 and 1 <= int(digits[4:6]) <= 31
    return date and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def cpf(digits: str) -> bool:
    """A Brazilian CPF: two check digits modulo 11."""
    return not _uniform(digits) and _brazilian(digits, range(10, 1, -1), range(11, 1, -1))


def cnpj(digits: str) -> bool:
    """A Brazilian CNPJ: two check digits modulo 11."""
    first = (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return not _uniform(digits) and _brazilian(digits, first, (6, *first))


def _brazilian(digits: str, first: Sequence[int], second: Sequence[int]) -> bool:
    checks = (weighted(digits, weights) * 10 % 11 % 10 for weights in (first, second))
    return digits[-2:] == "".join(map(str, checks))


def tr_id(digits: str) -> bool:
    """A Turkish identity number: two check digits."""
    values = [int(digit) for digit in digits]
    odd, even = sum(values[0:9:2]), sum(values[1:8:2])
    return values[0] != 0 and (odd * 7 - even) % 10 == values[9] and sum(values[:10]) % 10 == values[10]


def ca_sin(digits: str) -> bool:
    """A Canadian social insurance number: Luhn, not beginning with 0 or 8."""
    return digits[0] not in "08" and luhn(digits)


def au_tfn(digits: str) -> bool:
    """An Australian tax file number of nine digits: modulo 11."""
    return weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0 and not _uniform(digits)


def au_abn(digits: str) -> bool:
    """An Australian business number: first digit less one, modulo 89."""
    rest = str(int(digits[0]) - 1) + digits[1:] if digits[0] != "0" else ""
    return rest != "" and weighted(rest, (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89 == 0


def au_acn(digits: str) -> bool:
    """An Australian company number: modulo 10."""
    return -weighted(digits, range(8, 0, -1)) % 10 == int(digits[8])


def au_medicare(digits: str) -> bool:
    """An Australian Medicare number: begins with 2 to 6, modulo 10."""
    return digits[0] in "23456" and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(digits[8])


def fr_nir(digits: str) -> bool:
    """A French NIR with its key: sex, year, month, and 97 less the remainder."""
    month = int(digits[3:5])
    plausible = digits[0] in "123478" and (1 <= month <= 12 or 20 <= month <= 42 or 50 <= month <= 99)
    return plausible and 97 - int(digits[:13]) % 97 == int(digits[13:])


def kr_rrn(digits: str) -> bool:
    """A Korean resident or foreigner number: a date and the digit of sex and century; newer ones have no check."""
    return _month_and_day(digits[2:6]) and digits[6] in "12345678"


def kr_brn(digits: str) -> bool:
    """A Korean business number: weights 1 3 7, and the ninth digit counts half again."""
    total = weighted(digits, (1, 3, 7, 1, 3, 7, 1, 3, 5)) + int(digits[8]) * 5 // 10
    return -total % 10 == int(digits[9])


def th_tnin(digits: str) -> bool:
    """A Thai identity number: weights 13 to 2, modulo 11."""
    return digits[0] in "12345678" and (11 - weighted(digits, range(13, 1, -1)) % 11) % 10 == int(digits[12])


def za_id(digits: str) -> bool:
    """A South African identity number: a date, a citizenship of 0 to 2, Luhn."""
    return _month_and_day(digits[2:6]) and digits[10] in "012" and luhn(digits)


def se_pnr(digits: str) -> bool:
    """A Swedish personal or coordination number of ten digits: a date, Luhn."""
    day = int(digits[4:6])
    return 1 <= int(digits[2:4]) <= 12 and 1 <= day - (60 if day > 60 else 0) <= 31 and luhn(digits)


def se_org(digits: str) -> bool:
    """A Swedish company number: the month's place is 20 or more, Luhn."""
    return int(digits[2]) >= 2 and luhn(digits)


def no_fnr(digits: str) -> bool:
    """A Norwegian birth number: a date and two check digits."""
    day, month = int(digits[:2]), int(digits[2:4])
    dated = 1 <= day % 40 <= 31 and 1 <= month % 40 <= 12
    first = weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
    return dated and first and weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def dk_cpr(digits: str) -> bool:
    """A Danish CPR number: a date; its check digit is no longer kept."""
    return 1 <= int(digits[:2]) <= 31 and 1 <= int(digits[2:4]) <= 12


def nl_bsn(digits: str) -> bool:
    """A Dutch BSN: weights 9 to 2 and minus 1, modulo 11."""
    return weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and not _uniform(digits)


def be_nn(digits: str) -> bool:
    """A Belgian national number: a date, 97 less the remainder, of either century."""
    dated = int(digits[2:4]) <= 12 and int(digits[4:6]) <= 31
    check = int(digits[9:])
    return dated and check in (97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97)


def ch_ahv(digits: str) -> bool:
    """A Swiss AHV number: 756 and the check digit of an EAN-13."""
    return digits.startswith("756") and ean13(digits)


def ean13(digits: str) -> bool:
    """The check digit of an EAN-13, which an ISBN-13 is too."""
    return weighted(digits, (1, 3) * 6 + (1,)) % 10 == 0


def isbn10(text: str) -> bool:
    """The check digit of an ISBN-10; X stands for ten."""
    last = 10 if text[9] in "xX" else int(text[9])
    return (weighted(text[:9], range(10, 1, -1)) + last) % 11 == 0


def cn_rid(text: str) -> bool:
    """A Chinese resident id: a date, and ISO 7064 MOD 11-2 with X for ten."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    dated = text[6:8] in ("18", "19", "20") and _month_and_day(text[10:14])
    return dated and "10X98765432"[weighted(text[:17], weights) % 11] == text[17].upper()


def it_vat(digits: str) -> bool:
    """An Italian VAT number: Luhn, not all zeros."""
    return not _uniform(digits) and luhn(digits)


def ph_tin(digits: str) -> bool:
    """A Philippine tax number: nine digits modulo 11, and three of the branch."""
    return weighted(digits, range(1, 9)) % 11 == int(digits[8]) and digits[1:9] != "00000000"


def de_lanr(digits: str) -> bool:
    """A German physician's number: weights 4 9, modulo 10."""
    check = (10 - weighted(digits, (4, 9, 4, 9, 4, 9)) % 10) % 10
    return check == int(digits[6])


# ---- with letters, upper case ----

_NIF_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"


def es_nif(text: str) -> bool:
    """A Spanish NIF: digits modulo 23 give the letter."""
    return _NIF_LETTERS[int(text[:-1]) % 23] == text[-1]


def es_nie(text: str) -> bool:
    """A Spanish NIE: X, Y, Z stand for 0, 1, 2, then as a NIF."""
    return es_nif(str("XYZ".index(text[0])) + text[1:])


_ODD_PLACES: Final = dict(
    zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
         10, 22, 25, 24, 23), strict=True)
)  # fmt: skip


def it_fiscal_code(text: str) -> bool:
    """An Italian fiscal code: odd places through a table, even ones by value, modulo 26."""
    total = sum(_ODD_PLACES[letter] for letter in text[0:15:2])
    total += sum(int(letter) if letter.isdigit() else ord(letter) - 65 for letter in text[1:15:2])
    return chr(65 + total % 26) == text[15]


def fi_hetu(text: str) -> bool:
    """A Finnish personal code: a date, a mark of the century, and digits modulo 31."""
    dated = 1 <= int(text[:2]) <= 31 and 1 <= int(text[2:4]) <= 12
    return dated and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(text[:6] + text[7:10]) % 31] == text[10]


def sg_nric(text: str) -> bool:
    """A Singaporean NRIC or FIN: weights, an offset for the series, a letter."""
    total = weighted(text[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(text[0], 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "KLJNPQRTUWX"}
    place = total % 11
    return letters[text[0]][10 - place if text[0] == "M" else place] == text[8]


def gstin(text: str) -> bool:
    """An Indian GSTIN: base 36, factors 1 and 2 in turn."""
    total = 0
    for place, letter in enumerate(text[:14]):
        product = int(letter, 36) * (1 + place % 2)
        total += product // 36 + product % 36
    return int(text[14], 36) == -total % 36


def dea(text: str) -> bool:
    """A US DEA registration: (1st+3rd+5th) + 2·(2nd+4th+6th digit) ends in the 7th."""
    digits = [int(digit) for digit in text[2:]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def de_health(text: str) -> bool:
    """A German health insurance number: the letter as two digits, every second one doubled, modulo 10."""
    digits = f"{ord(text[0]) - 64:02d}" + text[1:9]
    total = sum(sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(digits))
    return total % 10 == int(text[9])


def de_pension(text: str) -> bool:
    """A German pension number: the letter as two digits, weights 2 1 2 5 7 1 2 1 2 1 2 1, cross sums modulo 10."""
    digits = text[:8] + f"{ord(text[8]) - 64:02d}" + text[9:11]
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    total = sum(sum(divmod(int(digit) * weight, 10)) for digit, weight in zip(digits, weights, strict=True))
    return total % 10 == int(text[11])


def vin(text: str) -> bool:
    """A vehicle number with the North American check digit."""
    values = {letter: value for row in ("ABCDEFGH", "JKLMN", "PXR", "XSTUVWXYZ") for value, letter in enumerate(row, 1)}
    values |= {"P": 7, "R": 9, "S": 2, "X": 7} | {digit: int(digit) for digit in "0123456789"}
    total = sum(
        values[letter] * weight
        for letter, weight in zip(text, (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2), strict=True)
    )
    return "0123456789X"[total % 11] == text[8]


_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58check(text: str) -> bool:
    """A Bitcoin address of the older kind: 25 bytes, the last four a double SHA-256."""
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    if number >= 1 << 200:
        return False
    raw = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def bech32(text: str) -> bool:
    """A Bitcoin address of the newer kinds (BIP 173, BIP 350), in lower case."""
    prefix, _, data = text.rpartition("1")
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    if any(letter not in letters for letter in data):
        return False
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + [letters.index(c) for c in data]
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= term if top >> bit & 1 else 0
    return check in (1, 0x2BC830A3)


def _month_and_day(text: str) -> bool:
    return 1 <= int(text[:2]) <= 12 and 1 <= int(text[2:]) <= 31


def _uniform(digits: str) -> bool:
    return digits == digits[0] * len(digits)
