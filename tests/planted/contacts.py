"""How people and their machines are reached: addresses of mail, telephones and networks."""

import ipaddress
from typing import Final

from tests.planted.maker import Maker
from tests.planted.plant import Kind

_INTERNATIONAL: Final = (
    "+1 415 55<d1> 0<d3>", "+44 20 7<d3> <d4>", "+49 30 <d8>", "+33 6 <d2> <d2> <d2> <d2>",
    "+34 6<d2> <d3> <d3>", "+39 06 <d4> <d4>", "+31 20 <d3> <d4>", "+32 2 <d3> <d2> <d2>",
    "+41 44 <d3> <d2> <d2>", "+43 1 <d7>", "+45 <d2> <d2> <d2> <d2>", "+46 8 <d3> <d3> <d2>",
    "+47 <d2> <d2> <d2> <d2>", "+358 40 <d7>", "+48 22 <d3> <d2> <d2>", "+420 2<d2> <d3> <d3>",
    "+36 1 <d3> <d4>", "+30 21 <d4> <d4>", "+351 21 <d3> <d4>", "+353 1 <d3> <d4>",
    "+90 212 <d3> <d2> <d2>", "+972 2 <d3> <d4>", "+91 98<d3> <d5>", "+86 139 <d4> <d4>",
    "+81 3 <d4> <d4>", "+82 2 <d4> <d4>", "+65 6<d3> <d4>", "+61 2 <d4> <d4>", "+64 9 <d3> <d4>",
    "+55 11 9<d4> <d4>", "+52 55 <d4> <d4>", "+54 11 <d4> <d4>", "+27 11 <d3> <d4>", "+234 802 <d3> <d4>",
    "+254 712 <d6>", "+20 2 <d8>", "+971 50 <d3> <d4>", "+380 44 <d3> <d4>", "+7 495 <d3> <d2> <d2>",
    "+66 2 <d3> <d4>",
)  # fmt: skip


def _mail(maker: Maker) -> str:
    host = maker.pick(f"{maker.word()}.example.com", f"mail.{maker.word()}.org", f"{maker.word()}.co.uk")
    return f"{maker.word()}.{maker.word(2)}{maker.pick('', '+news', '_7')}@{host}"


def _hidden_mail(maker: Maker) -> str:
    return f"{maker.word()}.{maker.word(2)} (at) {maker.word()} (dot) com"


def _quoted_mail(maker: Maker) -> str:
    return f'"{maker.word()} {maker.word()}"@{maker.word()}.example.com'


def _foreign_mail(maker: Maker) -> str:
    return f"{maker.word()}ü{maker.word()}@bü{maker.word()}.example.de"


def _number(maker: Maker) -> str:
    """In international form, of many countries."""
    return maker.form(maker.pick(*_INTERNATIONAL))


def _bare_number(maker: Maker) -> str:
    return "+" + maker.form(maker.pick("44207<d7>", "4930<d8>", "14155550<d3>", "336<d8>", "9198<d8>", "55119<d8>"))


def _american(maker: Maker) -> str:
    area = f"{maker.number(2, 9)}{maker.number(0, 9)}{maker.number(2, 9)}"
    last = f"{maker.number(2, 9)}{maker.number(20, 99)}"
    return maker.pick("({}) {}-{}", "{}-{}-{}", "{}.{}.{}").format(area, last, maker.form("<d4>"))


def _national(maker: Maker) -> str:
    return maker.form(maker.pick("020 7<d3> <d4>", "01 4<d1> <d2> <d2> <d2>", "0487 98 <d2> <d2>", "(030) <d4> <d4>"))


def _dialled(maker: Maker) -> str:
    return maker.form(maker.pick("5<d7>", "7<d3> <d4>", "<d2> 6<d2> 4<d2>"))


def _v4(maker: Maker) -> str:
    return f"{maker.number(101, 191)}.{maker.number(11, 254)}.{maker.number(11, 254)}.{maker.number(100, 254)}"


def _v6(maker: Maker) -> str:
    network = f"2001:db8:{maker.form('<h4>:<h4>')}"
    return maker.pick(f"{network}::{maker.form('<h4>:<h4>')}", str(ipaddress.ip_address(
        (0x2A02 << 112) | maker.random.getrandbits(112)).exploded))  # fmt: skip


def _defanged(maker: Maker) -> str:
    return _v4(maker).replace(".", "[.]")


def _mac(maker: Maker) -> str:
    by = maker.pick(":", "-")
    return by.join(f"{maker.number(16, 254):02x}" for _ in range(6)) if by == ":" else by.join(
        f"{maker.number(16, 254):02X}" for _ in range(6))  # fmt: skip


def _site(maker: Maker) -> str:
    return f"https://www.{maker.word()}-{maker.word()}.net/"


CONTACTS: Final = (
    Kind("e-mail address", _mail,
         ("{}", "write to {} please", "mailto:{}", "<{}>", "a,{},b"), ("email", "note", "billingEmail")),
    Kind("e-mail address, disguised", _hidden_mail, ("write to {} please",), spelling=True),
    Kind("e-mail address, quoted", _quoted_mail, ("{}", "write to {} please"), spelling=True),
    Kind("e-mail address, international", _foreign_mail, ("{}", "write to {} please"), spelling=True),
    Kind("telephone, international", _number, ("{}", "call {} today", "tel:{}"), ("phone", "note", "mobileNumber")),
    Kind("telephone, no blanks", _bare_number, ("{}", "call {} today"), ("note",), spelling=True),
    Kind("telephone, North American", _american, ("{}", "it is {}, she said"), ("fax",), spelling=True),
    Kind("telephone, national", _national, ("{}", "it is {}, she said"), ("telephone",), spelling=True),
    Kind("telephone, dialled", _dialled, ("please call me at {}", "Phone: {}"), ("phone_number",), spelling=True),
    Kind("IP address, version 4", _v4, ("{}", "seen from {} twice", "http://{}/x"), ("ip", "remote_addr")),
    Kind("IP address, version 6", _v6, ("{}", "seen from {} twice"), ("ip",)),
    Kind("IP address, defanged", _defanged, ("seen from {} twice",), spelling=True),
    Kind("MAC address", _mac, ("{}", "the card {} answered"), ("mac",)),
    Kind("web site of a person", _site, ("I write at {} every day or so",)),
)  # fmt: skip
