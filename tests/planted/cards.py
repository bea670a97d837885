"""Payment cards: a kind for each scheme, in the spellings that people use, and what stands beside a number."""

from collections.abc import Callable
from typing import Final

from tests.planted.maker import Maker, grouped, luhn
from tests.planted.plant import Kind

_FORMS: Final = ("{}", "she paid with {} yesterday", "card: {}")
_KEYS: Final = ("note", "card_number", "pan")


def _scheme(name: str, *prefixes: str, length: int = 16) -> Kind:
    def make(maker: Maker) -> str:
        prefix = maker.pick(*prefixes)
        number = luhn(prefix + maker.form(f"<d{length - 1 - len(prefix)}>"))
        return maker.pick(*_spelt(number))

    return Kind(f"card, {name}", make, _FORMS, _KEYS)


def _spelt(number: str) -> tuple[str, ...]:
    sizes = {14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4), 19: (4, 4, 4, 4, 3)}[len(number)]
    return (number, *(grouped(number, *sizes, by=by) for by in (" ", "-", ".")))


def _visa(maker: Maker) -> str:
    return luhn("4" + maker.form("<d14>"))


def _disguised(change: Callable[[Maker, str], str]) -> Callable[[Maker], str]:
    return lambda maker: change(maker, _visa(maker))


def _full_width(_: Maker, number: str) -> str:
    return "".join(chr(ord(digit) + 0xFEE0) for digit in number)


def _arabic(_: Maker, number: str) -> str:
    return "".join(chr(ord(digit) - 48 + 0x660) for digit in number)


def _with_hidden_marks(_: Maker, number: str) -> str:
    return "\u200b".join(number)


def _one_by_one(_: Maker, number: str) -> str:
    return " ".join(number)


def _track_1(maker: Maker) -> str:
    return f"%B{_visa(maker)}^{maker.word(4).upper()}/{maker.word().upper()}^2712101{maker.digits(10)}?"


def _track_2(maker: Maker) -> str:
    return f";{_visa(maker)}=2712101{maker.digits(10)}?"


def _pieces_of_track(text: str) -> tuple[str, ...]:
    return tuple(piece for piece in text.strip("%;?B").replace("=", "^").split("^") if len(piece) >= 8)


def _with_date(maker: Maker) -> str:
    return f"{_visa(maker)} exp: 0{maker.number(1, 9)}/{maker.number(27, 39)} cvv {maker.digits(3)}"


def _what_follows(text: str) -> tuple[str, ...]:
    return text.partition(" exp: ")[0], text.partition(" exp: ")[2]


def _as_member(key: str) -> Callable[[str], tuple[str, ...]]:
    """Of a value too short to be searched for by itself: with its key."""
    return lambda value: (f'"{key}":"{value}"', f'"{key}": "{value}"')


CARDS: Final = (
    _scheme("Visa", "4"),
    _scheme("Mastercard", "51", "52", "53", "54", "55"),
    _scheme("Mastercard, 2 series", "2221", "2345", "2720"),
    _scheme("American Express", "34", "37", length=15),
    _scheme("Diners Club", "36", "38", "300", length=14),
    _scheme("Discover", "6011", "65", "644"),
    _scheme("JCB", "3528", "3589"),
    _scheme("UnionPay", "62"),
    _scheme("UnionPay, 19 digits", "62", length=19),
    _scheme("Maestro", "6759", "5018"),
    _scheme("Mir", "2200", "2204"),
    _scheme("RuPay", "81", "82"),
    _scheme("Troy", "9792"),
    Kind("card in full-width digits", _disguised(_full_width), _FORMS, ("note",), spelling=True),
    Kind("card in Arabic digits", _disguised(_arabic), _FORMS, ("note",), spelling=True),
    Kind("card with hidden marks", _disguised(_with_hidden_marks), _FORMS, ("note",), spelling=True),
    Kind("card digit by digit", _disguised(_one_by_one), _FORMS, ("note",), spelling=True),
    Kind("card as a number", _visa, (), ("note", "reference"), as_number=True, spelling=True),
    Kind("magnetic track 1", _track_1, ("{}", "read {} twice"), ("track1",), _pieces_of_track),
    Kind("magnetic track 2", _track_2, ("{}", "read {} twice"), ("track2",), _pieces_of_track),
    Kind("expiry and code behind a card", _with_date, ("{}", "paid with {} then"), ("note",), _what_follows),
    Kind("card code", lambda maker: maker.digits(3), (), ("cvv",), _as_member("cvv"), exact=True),
    Kind("card expiry", lambda maker: f"0{maker.number(1, 9)}/{maker.number(27, 39)}", (), ("card_expiry",),
         _as_member("card_expiry"), exact=True),
    Kind("PIN", lambda maker: maker.digits(4), (), ("pin",), _as_member("pin"), exact=True),
)  # fmt: skip
