"""Numbers that states, banks and hospitals give people: lengths, groups, check digits, and the words that name them."""

from dataclasses import dataclass
from typing import Final

from unbroken.privacy.redaction import checksums
from unbroken.privacy.redaction.checksums import Check


def _any(_digits: str) -> bool:
    return True


def _varied(digits: str) -> bool:
    return digits.count(digits[0]) < len(digits)


@dataclass(frozen=True, slots=True)
class Number:
    """An identifier of digits only."""

    kind: str
    lengths: tuple[int, ...]
    words: frozenset[str]
    """Near one of these it is masked."""
    check: Check = _any
    certain_in: tuple[tuple[int, ...], ...] = ()
    """Groups in which it is certain by itself."""
    certain_alone: bool = False
    """Whether its check leaves no doubt even without groups."""
    rank: int = 2
    also: frozenset[str] = frozenset()
    """Of these, one must stand anywhere in the event."""


def _number(
    kind: str,
    lengths: tuple[int, ...],
    words: str,
    *,
    check: Check = _any,
    certain_in: tuple[tuple[int, ...], ...] = (),
    certain_alone: bool = False,
    rank: int = 2,
    also: str = "",
) -> Number:
    return Number(
        kind, lengths, frozenset(words.split()), check, certain_in, certain_alone, rank, frozenset(also.split())
    )


def _cuit(digits: str) -> bool:
    check = -checksums.weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return digits[:2] in ("20", "23", "24", "27", "30", "33", "34") and check == int(digits[10])


def _cl_free(digits: str) -> bool:
    return _varied(digits)


NUMBERS: Final = (
    _number(
        "US_SSN",
        (9,),
        "ssn ssns social security socialsecurity",
        check=checksums.us_ssn,
        certain_in=((3, 2, 4),),
        rank=4,
    ),
    # Somebody who says that it is one is believed.
    _number("US_SSN", (9,), "ssn ssns", check=_varied, rank=3),
    _number("US_ITIN", (9,), "itin taxpayer tin", check=checksums.us_itin, certain_in=((3, 2, 4),), rank=4),
    _number("ABA_ROUTING_NUMBER", (9,), "routing aba rtn wire fedwire", check=checksums.aba, certain_in=((4, 4, 1),)),
    _number("BANK_ACCOUNT", tuple(range(6, 18)), "acct bankaccount kontonummer", check=_varied, rank=1),
    _number("UK_NHS", (10,), "nhs", check=checksums.nhs, certain_in=(), rank=3),
    _number("US_NPI", (10,), "npi prescriber", check=checksums.npi, rank=3),
    _number(
        "AADHAAR", (12,), "aadhaar aadhar adhaar adhar uidai uid", check=checksums.aadhaar, certain_in=((4, 4, 4),)
    ),
    _number(
        "DE_TAX_ID",
        (11,),
        "steuer steuerid steueridentifikationsnummer steuernummer idnr identifikationsnummer steuerliche tin",
        check=checksums.de_tax_id,
        certain_in=((2, 3, 3, 3),),
    ),
    _number("DE_TAX_NUMBER", (10, 11, 12, 13), "steuernummer stnr steuer finanzamt", check=_varied, rank=1),
    _number("PL_PESEL", (11,), "pesel", check=checksums.pesel),
    _number("BR_CPF", (11,), "cpf", check=checksums.cpf, certain_in=((3, 3, 3, 2),)),
    _number("BR_CNPJ", (14,), "cnpj", check=checksums.cnpj, certain_in=((2, 3, 3, 4, 2),)),
    _number("TR_NATIONAL_ID", (11,), "tckn tc kimlik vatandaslik", check=checksums.tr_id),
    _number("CA_SIN", (9,), "sin nas", check=checksums.ca_sin),
    _number("AU_TFN", (8, 9), "tfn", check=lambda digits: len(digits) == 8 or checksums.au_tfn(digits)),
    _number("AU_ABN", (11,), "abn", check=checksums.au_abn, certain_in=((2, 3, 3, 3),)),
    _number("AU_ACN", (9,), "acn", check=checksums.au_acn),
    _number("AU_MEDICARE", (10, 11), "medicare", check=checksums.au_medicare, certain_in=((4, 5, 1),)),
    _number(
        "FR_NIR",
        (15,),
        "nir secu securite sociale insee",
        check=checksums.fr_nir,
        certain_in=((1, 2, 2, 2, 3, 3, 2), (1, 2, 2, 2, 6, 2), (13, 2)),
        certain_alone=True,
    ),
    _number(
        "KR_RRN",
        (13,),
        "rrn frn resident korean korea foreigner 주민등록번호 주민번호 외국인등록번호",
        check=checksums.kr_rrn,
        certain_in=((6, 7),),
    ),
    _number("KR_BRN", (10,), "brn 사업자등록번호 사업자번호", check=checksums.kr_brn, certain_in=((3, 2, 5),)),
    _number(
        "KR_DRIVER_LICENSE",
        (12,),
        "driver 운전면허 운전면허번호 면허번호",
        check=lambda digits: 11 <= int(digits[:2]) <= 28,
        certain_in=((2, 2, 6, 2),),
    ),
    _number(
        "TH_TNIN", (13,), "thai thailand tnin citizen national", check=checksums.th_tnin, certain_in=((1, 4, 5, 2, 1),)
    ),
    _number("ZA_ID_NUMBER", (13,), "african africa rsa za resident refugee citizen identity", check=checksums.za_id),
    _number(
        "SE_PERSONNUMMER",
        (10, 12),
        "personnummer pnr personal identity samordningsnummer",
        check=lambda digits: checksums.se_pnr(digits[-10:]),
        certain_in=((6, 4), (8, 4)),
    ),
    _number(
        "SE_ORGANISATIONSNUMMER",
        (10,),
        "organisationsnummer orgnummer orgnr foretag",
        check=checksums.se_org,
        certain_in=((6, 4),),
        rank=1,
    ),
    _number(
        "NO_FODSELSNUMMER",
        (11,),
        "fodselsnummer fnr personnummer dnummer norwegian",
        check=checksums.no_fnr,
        certain_in=((6, 5),),
    ),
    _number("DK_CPR", (10,), "cpr cprnr personnummer", check=checksums.dk_cpr),
    _number(
        "NL_BSN",
        (8, 9),
        "bsn burgerservicenummer sofinummer sofi",
        check=lambda digits: checksums.nl_bsn(digits.zfill(9)),
    ),
    _number(
        "BE_NATIONAL_NUMBER",
        (11,),
        "rijksregisternummer rijksregister niss national nrn insz",
        check=checksums.be_nn,
        certain_in=((2, 2, 2, 3, 2), (6, 3, 2)),
    ),
    _number(
        "CH_AHV", (13,), "ahv avs oasi ahvn13", check=checksums.ch_ahv, certain_in=((3, 4, 4, 2),), certain_alone=True
    ),
    _number("CN_RESIDENT_ID", (18,), "身份证 身份证号", check=checksums.cn_rid, certain_alone=True),
    _number("AR_CUIT", (11,), "cuit cuil", check=_cuit, certain_in=((2, 8, 1),)),
    _number("AR_DNI", (7, 8), "dni documento", check=_varied),
    _number("IT_VAT_CODE", (11,), "iva partita piva vat", check=checksums.it_vat),
    _number("PH_TIN", (9, 12), "tin bir", check=checksums.ph_tin),
    _number("DE_LANR", (9,), "lanr arztnummer arzt", check=checksums.de_lanr),
    _number("DE_BSNR", (9,), "bsnr betriebsstattennummer betriebsstatte praxis", check=_varied),
    _number("IL_ID", (9,), "teudat zehut israeli", check=checksums.luhn),
    _number("NG_NIN", (11,), "nin nimc", check=_varied),
    _number(
        "US_PASSPORT",
        (9,),
        "passport passports reisepass reisepasses reisepassnummer passeport pasaporte",
        check=_varied,
    ),
    _number("UK_PASSPORT", (9,), "passport", check=_varied, rank=1),
    _number(
        "US_DRIVER_LICENSE",
        tuple(range(6, 15)),
        "license licence licenses dl dln dlnumber permis fuhrerschein",
        check=_varied,
        rank=4,
        also="driver drivers driving dl dln dlnumber permis fuhrerschein",
    ),
    _number("MEDICAL_RECORD", tuple(range(6, 13)), "mrn mrno medical patientid patientno", check=_varied),
    _number(
        "HEALTH_PLAN",
        tuple(range(6, 15)),
        "medicaid policyholder krankenkasse versichertennummer",
        check=_varied,
        rank=0,
    ),
    _number("DEVICE_ID", (15, 16), "imei imeisv", check=_varied),
    _number(
        "ID_CARD",
        tuple(range(7, 14)),
        "dni cedula ausweis personalausweis ausweisnummer identitetskort",
        check=_varied,
        rank=0,
    ),
)
"""Kinds that are near the same word compete by rank, then by nearness."""


def _by_length(numbers: tuple[Number, ...]) -> dict[int, tuple[Number, ...]]:
    lengths = {length for number in numbers for length in number.lengths}
    return {length: tuple(number for number in numbers if length in number.lengths) for length in lengths}


LENIENT: Final = (_any, _varied, _cl_free)
"""Checks that next to every number passes."""
BY_LENGTH: Final = _by_length(NUMBERS)
BY_GROUPS: Final[dict[tuple[int, ...], tuple[Number, ...]]] = {
    groups: tuple(number for number in NUMBERS if groups in number.certain_in)
    for groups in {groups for number in NUMBERS for groups in number.certain_in}
}
ALONE: Final = {number.lengths[0]: number for number in NUMBERS if number.certain_alone}
WORDS: Final = frozenset(word for number in NUMBERS for word in number.words | number.also)
