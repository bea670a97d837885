"""Events of about 1.5 KB as agents' tools produce them: clean ones full of numbers that are nobody's, and others."""

import base64
import hashlib
import random
import uuid
from collections.abc import Iterator
from typing import Any, Final

_NOUNS: Final = (
    "order shipment report dataset pipeline cluster invoice release ticket batch warehouse region metric"
    " schema job index"
    " vector prompt answer budget carrier parcel meter sensor pump valve lamp shelf pallet".split()
)
_SENTENCES: Final = (
    "The {a} finished after {n} retries in {f} s and wrote {m} rows.",
    "Moved {n} items of {a} {h} to the second {b} at {t}.",
    "Price went from ${p} to ${q} per unit, {f} percent up; see the {a} {u}.",
    "Checked {a} v{v} against {b} {v}: no difference in {m} rows.",
    "Deployed commit {h7} of the {a} to {region}; build {n}, checksum {h}.",
    "The {b} sits at {lat}, {lon}; its {a} reads {f} at {t}.",
)
_REGIONS: Final = ("eu-west-1", "us-east-2", "ap-south-1")
PNG: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Maker:
    """Makes events from a seed; no clean one holds anything that a person could be known by."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - made-up numbers

    def clean(self) -> dict[str, Any]:
        """A tool's result with ids, hashes, times, prices, versions, coordinates."""
        random_ = self._random
        item = random_.choice
        event: dict[str, Any] = {
            "request_id": self._uuid(),
            "trace": f"00-{random_.randbytes(16).hex()}-{random_.randbytes(8).hex()}-01",
            "sha256": hashlib.sha256(random_.randbytes(8)).hexdigest(),
            "etag": f'W/"{random_.randbytes(10).hex()}"',
            "started_at": self._time(),
            "epoch_ms": random_.randrange(1_600_000_000_000, 1_800_000_000_000),
            "epoch_ns": random_.randrange(1_600_000_000_000_000_000, 1_800_000_000_000_000_000),
            "snowflake": str(random_.randrange(10**17, 2 * 10**18)),
            "isbn": self._isbn(),
            "arn": f"arn:aws:sqs:{item(_REGIONS)}:{random_.randrange(10**11, 10**12)}:{item(_NOUNS)}-queue",
            "package": f"@{item(_NOUNS)}/{item(_NOUNS)}@{self._version()}",
            "versions": [self._version() for _ in range(3)],
            "position": {"lat": round(random_.uniform(-90, 90), 6), "lon": round(random_.uniform(-180, 180), 6)},
            "prices": [round(random_.uniform(1, 9999), 2) for _ in range(4)],
            "rows": [
                {"sku": f"{item(_NOUNS)[:3].upper()}-{random_.randrange(10**5):05d}",
                 "quantity": random_.randrange(900), "price": f"{random_.uniform(1, 2000):.2f}",
                 "updated": self._time()}
                for _ in range(3)
            ],
            "message": " ".join(self._sentence() for _ in range(5)),
        }  # fmt: skip
        if random_.random() < 0.2:
            event["thumbnail"] = PNG
        return event

    def sparse(self) -> dict[str, Any]:
        """A clean event with one to three identifiers in it."""
        event = self.clean()
        for text in self._random.sample(self._identifiers(), self._random.randint(1, 3)):
            event["message"] += f" {text}"
        return event

    def dense(self) -> dict[str, Any]:
        """Little else but identifiers."""
        texts = [text for _ in range(4) for text in self._identifiers()]
        return {"id": self._uuid(), "customers": texts, "note": " ".join(texts[:8])}

    def _identifiers(self) -> list[str]:
        random_ = self._random
        name = f"{random_.choice(_NOUNS)}.{random_.choice(_NOUNS)}{random_.randrange(99)}"
        return [
            f"Write to {name}@example.org please.",
            f"Call (4{random_.randrange(10, 99)}) 555-01{random_.randrange(10, 99)}.",
            f"Card {with_luhn('4' + ''.join(str(random_.randrange(10)) for _ in range(14)))}.",
            f"SSN {random_.randrange(100, 600)}-{random_.randrange(10, 99)}-{random_.randrange(1000, 9999)}.",
            f"IBAN {german_iban(random_.randrange(10**17, 10**18))}.",
            f"Born on 19{random_.randrange(30, 99)}-0{random_.randrange(1, 9)}-1{random_.randrange(0, 9)}.",
            f"Seen from 81.{random_.randrange(255)}.{random_.randrange(255)}.{random_.randrange(1, 255)}.",
        ]

    def _sentence(self) -> str:
        random_ = self._random
        return random_.choice(_SENTENCES).format(
            a=random_.choice(_NOUNS), b=random_.choice(_NOUNS), n=random_.randrange(400), m=random_.randrange(10**7),
            f=round(random_.uniform(0, 100), 3), p=f"{random_.uniform(1, 900):.2f}", q=f"{random_.uniform(1, 900):.2f}",
            h=random_.randbytes(20).hex(), h7=random_.randbytes(4).hex()[:7], t=self._time(), u=self._uuid(),
            v=self._version(), region=random_.choice(_REGIONS), lat=round(random_.uniform(-90, 90), 5),
            lon=round(random_.uniform(-180, 180), 5),
        )  # fmt: skip

    def _time(self) -> str:
        random_ = self._random
        day = f"202{random_.randrange(2, 7)}-{random_.randrange(1, 13):02d}-{random_.randrange(1, 29):02d}"
        hour, minute, second = random_.randrange(24), random_.randrange(60), random_.randrange(60)
        return f"{day}T{hour:02d}:{minute:02d}:{second:02d}.{random_.randrange(10**6):06d}Z"

    def _version(self) -> str:
        return ".".join(str(self._random.randrange(40)) for _ in range(3))

    def _uuid(self) -> str:
        return str(uuid.UUID(bytes=self._random.randbytes(16), version=4))

    def _isbn(self) -> str:
        body = "978" + "".join(str(self._random.randrange(10)) for _ in range(9))
        check = -sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(body)) % 10
        return f"{body}{check}"


def with_luhn(body: str) -> str:
    """Digits with the check digit that cards have."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def german_iban(account: int) -> str:
    """An IBAN that checks, of 18 digits."""
    body = f"{account:018d}"
    return f"DE{98 - int(body + '131400') % 97:02d}{body}"


def events(kind: str, count: int, *, seed: int = 7) -> Iterator[dict[str, Any]]:
    """So many events, ``clean``, ``sparse`` or ``dense``."""
    maker = Maker(seed)
    for _ in range(count):
        yield getattr(maker, kind)()


def encoded(text: str) -> str:
    """Base64, for what hides in it."""
    return base64.b64encode(text.encode()).decode()
