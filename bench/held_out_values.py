"""Made-up identifiers as people of several countries write them, and numbers beside them that are nobody's."""

import random
import string
from collections.abc import Callable
from typing import Final, TypeAlias

from event_texts import with_luhn

Value: TypeAlias = Callable[[random.Random, str], str]

_GIVEN: Final = {
    "en": ["olivia", "harry", "amelia", "noah", "isla", "leo"],
    "de": ["jürgen", "sabine", "lukas", "heike", "torsten", "anke"],
    "fr": ["élodie", "mathieu", "chloé", "rené", "lucie", "hugo"],
    "es": ["íñigo", "lucía", "javier", "marta", "pablo", "inés"],
}  # fmt: skip
_FAMILY: Final = {
    "en": ["barker", "okafor", "whitfield", "doyle"], "de": ["müller", "schäfer", "vogt", "öztürk"],
    "fr": ["lefèvre", "garnier", "moreau", "dubois"], "es": ["muñoz", "ortega", "vidal", "ibáñez"],
}  # fmt: skip
_PLAIN: Final = str.maketrans("áäéèíñöôúüß", "aaeeinoouus")
_HOSTS: Final = {
    "en": ("brightmail.co.uk", "northgate-clinic.org", "example.com"), "de": ("posteo.example.de", "praxis-am-see.de"),
    "fr": ("courriel.example.fr", "hopital-sud.fr"), "es": ("correo.example.es", "banco-litoral.es"),
}  # fmt: skip
_MONTHS: Final = {
    "en": ["January", "February", "March", "April", "May", "June",
           "July", "August", "September", "October", "November", "December"],
    "de": ["Januar", "Februar", "März", "April", "Mai", "Juni",
           "Juli", "August", "September", "Oktober", "November", "Dezember"],
    "fr": ["janvier", "février", "mars", "avril", "mai", "juin",
           "juillet", "août", "septembre", "octobre", "novembre", "décembre"],
    "es": ["enero", "febrero", "marzo", "abril", "mayo", "junio",
           "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"],
}  # fmt: skip
# Country, digits and letters of its BBAN: n a digit, a an upper-case letter, c either.
_BBANS: Final = {
    "en": (("GB", "aaaa" + "n" * 14), ("IE", "aaaa" + "n" * 14)),
    "de": (("DE", "n" * 18), ("AT", "n" * 16), ("CH", "n" * 5 + "c" * 12)),
    "fr": (("FR", "n" * 10 + "c" * 11 + "nn"), ("BE", "n" * 12), ("LU", "nnn" + "c" * 13)),
    "es": (("ES", "n" * 20), ("PT", "n" * 21), ("IT", "a" + "n" * 10 + "c" * 12)),
}
_CARDS: Final = (("4", 16), ("51", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16), ("3566", 16), ("36", 14))


def digits(made: random.Random, form: str) -> str:
    """``form`` with a digit for each ``#``, a digit but 0 and 1 for each ``%``."""
    letters = {"#": "0123456789", "%": "23456789"}
    return "".join(made.choice(letters[mark]) if mark in letters else mark for mark in form)


def person(made: random.Random, language: str) -> str:
    """A name where its column or key gives it away."""
    return name(made, language)


def name(made: random.Random, language: str) -> str:
    """A person's name; no rule finds it, and none is labelled."""
    return f"{made.choice(_GIVEN[language])} {made.choice(_FAMILY[language])}".title()


def email(made: random.Random, language: str) -> str:
    """An address with the names of the country."""
    given, family = made.choice(_GIVEN[language]), made.choice(_FAMILY[language])
    local = made.choice(("{g}.{f}", "{i}{f}", "{f}_{g}{n}", "{g}+{n}", "{f}-{n}")).format(
        g=given, f=family, i=given[0], n=made.randrange(99)
    )
    plain = made.random() < 0.9
    return f"{local.translate(_PLAIN) if plain else local}@{made.choice(_HOSTS[language])}"


_PHONES: Final = {
    "en": ("020 7946 0###", "0161 496 0###", "07700 900###", "+44 20 7946 0###", "+44 7700 900 ###", "(0117) 496 0###",
           "+1 %12-%55-01##", "(%12) %55-01##", "%12-%55-01##", "%12.%55.01##"),
    "de": ("030 901820##", "0171 39200##", "089/31624###", "0351 85 21 ###", "+49 30 23125 ###", "+49 (0)171 39200##",
           "0049 221 4710 ###", "+43 1 71100-##", "+41 44 668 18 ##", "0221-4710-###", "(030) 23125-###"),
    "fr": ("01 99 00 ## ##", "06 39 98 ## ##", "+33 1 99 00 ## ##", "+33 6 39 98 ## ##", "01.99.00.##.##",
           "0033 1 99 00 ## ##", "+32 2 555 ## ##", "+33 (0)6 39 98 ## ##", "06-39-98-##-##"),
    "es": ("9%1 ## ## ##", "6%2 ### ###", "+34 9%1 ## ## ##", "+34 6%2 ### ###", "+34 6%2######", "+351 21 ### ## ##",
           "9%1 ### ###", "0034 9%1 ### ###"),
}  # fmt: skip


def phone(made: random.Random, language: str) -> str:
    """A telephone number of the country, national or not."""
    return digits(made, made.choice(_PHONES[language]))


def mobile(made: random.Random, language: str) -> str:
    """A telephone number with its country's code."""
    return digits(made, made.choice([form for form in _PHONES[language] if form[0] == "+"]))


def iban(made: random.Random, language: str) -> str:
    """An IBAN that checks, in one piece or in groups of four."""
    country, form = made.choice(_BBANS[language])
    letters = {"n": string.digits, "a": string.ascii_uppercase, "c": string.ascii_uppercase + string.digits}
    body = "".join(made.choice(letters[mark]) for mark in form)
    check = 98 - int("".join(str(int(letter, 36)) for letter in body + country + "00")) % 97
    whole = f"{country}{check:02d}{body}"
    return made.choice((whole, " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))))


def card(made: random.Random, _language: str) -> str:
    """A card's number of one of the networks, in one piece or as printed."""
    prefix, length = made.choice(_CARDS)
    whole = with_luhn(prefix + "".join(made.choices(string.digits, k=length - 1 - len(prefix))))
    sizes = {16: (4, 4, 4, 4), 15: (4, 6, 5), 14: (4, 6, 4)}[length]
    mark = made.choice(("", " ", "-", "."))
    groups, at = [], 0
    for size in sizes:
        groups.append(whole[at : at + size])
        at += size
    return mark.join(groups)


def address_v4(made: random.Random, _language: str) -> str:
    """An IPv4 address."""
    return f"{made.choice((81, 92, 178, 10, 203))}.{made.randrange(256)}.{made.randrange(256)}.{made.randrange(1, 255)}"


def address(made: random.Random, language: str) -> str:
    """An IP address of either kind."""
    if made.random() < 0.6:
        return address_v4(made, language)
    groups = [f"{made.randrange(1, 65536):x}" for _ in range(made.choice((2, 3, 5)))]
    return f"2a02:{':'.join(groups)}::{made.randrange(1, 4096):x}"


def mac(made: random.Random, _language: str) -> str:
    """A MAC address."""
    return made.choice((":", "-")).join(f"{made.randrange(256):02x}" for _ in range(6))


def birth(made: random.Random, language: str) -> str:
    """A date of birth as the country writes it, in digits or with the month's name."""
    day, month, year = made.randint(1, 28), made.randint(1, 12), made.randint(1935, 2006)
    name_of = _MONTHS[language][month - 1]
    forms = {
        "en": (f"{day:02d}/{month:02d}/{year}", f"{day} {name_of} {year}", f"{name_of} {day}, {year}"),
        "de": (f"{day:02d}.{month:02d}.{year}", f"{day}.{month}.{year}", f"{day}. {name_of} {year}"),
        "fr": (f"{day:02d}/{month:02d}/{year}", f"{day} {name_of} {year}", f"{day:02d}.{month:02d}.{year}"),
        "es": (f"{day:02d}/{month:02d}/{year}", f"{day} de {name_of} de {year}", f"{day:02d}-{month:02d}-{year}"),
    }
    return made.choice((*forms[language], f"{year}-{month:02d}-{day:02d}"))


def ssn(made: random.Random, _language: str) -> str:
    """A US social security number in groups."""
    mark = made.choice(("-", "-", " ", "."))
    return mark.join((f"{made.randint(100, 665)}", f"{made.randint(1, 99):02d}", f"{made.randint(1, 9999):04d}"))


def nhs(made: random.Random, language: str) -> str:
    """A British NHS number in groups."""
    body = [made.randrange(10) for _ in range(9)]
    check = -sum(digit * (10 - place) for place, digit in enumerate(body)) % 11
    if check == 10:
        return nhs(made, language)
    text = "".join(map(str, [*body, check]))
    return f"{text[:3]} {text[3:6]} {text[6:]}"


def nino(made: random.Random, _language: str) -> str:
    """A British national insurance number."""
    text = made.choice("ACEHJ") + made.choice("ABCEGHJ") + digits(made, "######") + made.choice("ABCD")
    return made.choice((text, f"{text[:2]} {text[2:4]} {text[4:6]} {text[6:8]} {text[8]}"))


def de_tax(made: random.Random, language: str) -> str:
    """A German tax id in groups."""
    few = made.sample(range(1, 10), 9)
    body = few[:1] + made.sample(few + few[3:4], 9)
    if max(body.count(digit) for digit in body) not in (2, 3):
        return de_tax(made, language)
    product = 10
    for digit in body:
        product = ((digit + product) % 10 or 10) * 2 % 11
    text = "".join(map(str, body)) + str((11 - product) % 10)
    return f"{text[:2]} {text[2:5]} {text[5:8]} {text[8:]}"


def kvnr(made: random.Random, _language: str) -> str:
    """A German health insurance number."""
    letter, body = made.choice(string.ascii_uppercase), digits(made, "########")
    plain = f"{ord(letter) - 64:02d}{body}"
    total = sum(sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(plain))
    return f"{letter}{body}{total % 10}"


def nir(made: random.Random, _language: str) -> str:
    """A French social security number with its key."""
    born = f"{made.choice('12')}{made.randrange(40, 99)}{made.randint(1, 12):02d}"
    text = f"{born}{made.randint(10, 89)}{digits(made, '######')}"
    text += f"{97 - int(text) % 97:02d}"
    groups = (text[0], text[1:3], text[3:5], text[5:7], text[7:10], text[10:13], text[13:])
    return made.choice((text, " ".join(groups)))


def nif(made: random.Random, _language: str) -> str:
    """A Spanish NIF or NIE."""
    number = made.randrange(10_000_000, 99_999_999)
    letters = "TRWAGMYFPDXBNJZSQVHLCKE"
    if made.random() < 0.7:
        return f"{number}{made.choice(('', '-'))}{letters[number % 23]}"
    body = number % 10_000_000
    return f"X{body:07d}{letters[body % 23]}"


def ahv(made: random.Random, _language: str) -> str:
    """A Swiss AHV number."""
    body = "756" + digits(made, "#########")
    check = -sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(body)) % 10
    text = f"{body}{check}"
    return f"{text[:3]}.{text[3:7]}.{text[7:11]}.{text[11:]}"


def passport(made: random.Random, language: str) -> str:
    """A passport's number as the country gives them."""
    forms = {"en": "#########", "de": "C%#RT###K", "fr": "##CV#####", "es": "PAB######"}
    return digits(made, forms[language])


def license_us(made: random.Random, _language: str) -> str:
    """A US driver's licence."""
    return digits(made, made.choice(("F###-####-####", "########", "D#######", "S######", "### ### ###")))


def record(made: random.Random, _language: str) -> str:
    """A medical record's number."""
    return digits(made, made.choice(("########", "MR-######", "##-##-##")))


def account(made: random.Random, _language: str) -> str:
    """A bank account's number."""
    return digits(made, made.choice(("########", "##########")))


def password(made: random.Random, _language: str) -> str:
    """A password that nobody would take for a word."""
    return "".join(made.choices(string.ascii_letters + string.digits + "!$+*", k=made.randint(9, 18))) + "7a"


def credentials(made: random.Random, language: str) -> str:
    """A login and its password, as URLs have them."""
    return f"app:{password(made, language).replace('/', '')}"


def sort_code(made: random.Random, _language: str) -> str:
    """A British bank's sort code."""
    return digits(made, "20-##-##")


def expiry(made: random.Random, _language: str) -> str:
    """The month until which a card is valid."""
    return f"{made.randint(1, 12):02d}/{made.randint(26, 33)}"


def code(made: random.Random, _language: str) -> str:
    """The check value on a card's back."""
    return digits(made, "###")


def pin(made: random.Random, _language: str) -> str:
    """A PIN."""
    return digits(made, "####")


def sent_code(made: random.Random, _language: str) -> str:
    """A code that is sent once."""
    return digits(made, "######")


def key(made: random.Random, _language: str) -> str:
    """A key that shows whose it is."""
    letters = string.ascii_letters + string.digits
    prefix, length = made.choice((("ghp_", 36), ("sk-proj-", 48), ("AKIA", 16), ("glpat-", 20), ("xoxb-", 40)))
    some = string.ascii_uppercase + "234567" if prefix == "AKIA" else letters
    return prefix + "".join(made.choices(some, k=length))


def site(made: random.Random, language: str) -> str:
    """The address of a person's or a small company's site."""
    host = f"{made.choice(_FAMILY[language]).translate(_PLAIN)}-{made.choice(('partner', 'studio', 'law', 'dental'))}"
    return f"https://www.{host}.{ {'en': 'co.uk', 'de': 'de', 'fr': 'fr', 'es': 'es'}[language] }"


def plate(made: random.Random, language: str) -> str:
    """A vehicle's registration."""
    forms = {"en": "AK## XWB", "de": "B-TK ####", "fr": "GH-###-KP", "es": "#### KTR"}
    return digits(made, forms[language])


LABELLED: Final[dict[str, Value]] = {
    "EMAIL_ADDRESS": email, "PHONE_NUMBER": phone, "MOBILE": mobile, "IBAN_CODE": iban, "CREDIT_CARD": card,
    "IP_ADDRESS": address, "IPV4": address_v4, "MAC_ADDRESS": mac, "DATE_OF_BIRTH": birth, "US_SSN": ssn,
    "UK_NHS": nhs, "UK_NINO": nino, "DE_TAX_ID": de_tax, "DE_HEALTH_INSURANCE": kvnr, "FR_NIR": nir, "ES_NIF": nif,
    "CH_AHV": ahv, "PASSPORT": passport, "US_DRIVER_LICENSE": license_us, "MEDICAL_RECORD": record,
    "BANK_ACCOUNT": account, "PASSWORD": password, "API_KEY": key, "URL": site, "LICENSE_PLATE": plate,
    "CREDENTIALS": credentials, "UK_SORT_CODE": sort_code, "CARD_EXPIRY": expiry,
    "PERSON": person, "CARD_CODE": code, "PIN": pin, "OTP": sent_code,
}  # fmt: skip
KIND_OF: Final = {"MOBILE": "PHONE_NUMBER", "IPV4": "IP_ADDRESS", "CREDENTIALS": "PASSWORD", "OTP": "SECRET"}
"""What a value is labelled as, where that is not its name."""


def amount(made: random.Random, language: str) -> str:
    """Money as the country writes it."""
    whole, cents = made.randrange(1, 250_000), made.randrange(100)
    grouped = f"{whole:,}"
    forms = {"en": f"£{grouped}.{cents:02d}", "de": f"{grouped.replace(',', '.')},{cents:02d} €",
             "fr": f"{grouped.replace(',', ' ')},{cents:02d} €",
             "es": f"{grouped.replace(',', '.')},{cents:02d} EUR"}  # fmt: skip
    return forms[language]


def day(made: random.Random, language: str) -> str:
    """A date of these years that is no birthday."""
    year, month, of_month = made.randint(2022, 2026), made.randint(1, 12), made.randint(1, 28)
    forms = {"en": f"{of_month:02d}/{month:02d}/{year}", "de": f"{of_month:02d}.{month:02d}.{year}",
             "fr": f"{of_month:02d}/{month:02d}/{year}", "es": f"{of_month:02d}/{month:02d}/{year}"}  # fmt: skip
    return forms[language]


def moment(made: random.Random, _language: str) -> str:
    """A time to the second."""
    time = f"{made.randrange(24):02d}:{made.randrange(60):02d}:{made.randrange(60):02d}"
    return f"2025-{made.randint(1, 12):02d}-{made.randint(1, 28):02d}T{time}Z"


def invoice(made: random.Random, _language: str) -> str:
    """An invoice's, an order's or a case's number."""
    return digits(
        made, made.choice(("2025-######", "INV-#####", "R/2025/####", "########", "A-###-####-##", "4500######"))
    )


def article(made: random.Random, _language: str) -> str:
    """An article's number or an EAN."""
    body = digits(made, "400#########")
    return body + str(-sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(body)) % 10)


def sha(made: random.Random, _language: str) -> str:
    """A hash of git's."""
    return made.randbytes(20).hex()


def count(made: random.Random, _language: str) -> str:
    """A small number."""
    return str(made.randrange(2, 900))


def version(made: random.Random, _language: str) -> str:
    """A version of a program."""
    return f"{made.randrange(9)}.{made.randrange(30)}.{made.randrange(30)}"


def epoch(made: random.Random, _language: str) -> str:
    """A time in milliseconds."""
    return str(made.randrange(1_650_000_000_000, 1_790_000_000_000))


def place(made: random.Random, _language: str) -> str:
    """Coordinates."""
    return f"{made.uniform(-80, 80):.5f}, {made.uniform(-170, 170):.5f}"


UNLABELLED: Final[dict[str, Value]] = {
    "name": name, "amount": amount, "day": day, "moment": moment, "invoice": invoice, "article": article, "sha": sha,
    "count": count, "version": version, "epoch": epoch, "place": place,
}  # fmt: skip
