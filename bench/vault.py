"""The vault measured: what sealing and opening an original of 1.5 KB costs, beside AES-GCM alone."""

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from event_texts import events
from report import Result
from timing import tell

from unbroken.core.canonical import canonical
from unbroken.core.ids import new_id
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json, normalise
from unbroken.privacy.redaction.profiles import BALANCED
from unbroken.privacy.redaction.redactor import Redactor
from unbroken.privacy.vault.key_encryption import KeyEncryptions
from unbroken.privacy.vault.keys import PrivateKey
from unbroken.privacy.vault.local_key import LocalKey
from unbroken.privacy.vault.originals import open_original, seal
from unbroken.privacy.vault.place import Place
from unbroken.privacy.vault.pool import endorsed, made

_LOG: Final = "clinic.example/agents~1"
_BASE: Final = "AES-256-GCM alone"
_PASSES: Final = 5


def measure(count: int) -> Result:
    """Rates of each piece of work, one core, and how many times AES-GCM alone it takes."""
    originals: list[dict[str, Json]] = [{"outputs": normalise(event)} for event in events("sparse", count, seed=3)]
    rates: dict[str, float] = {}
    for name, work in _works(originals).items():
        tell(name)
        rates[name] = _rate(work, count)
    size = sum(len(canonical(original)) for original in originals) / count
    rows = [
        [name, f"{rate:,.0f}", f"{1e6 / rate:,.0f} µs", f"{rates[_BASE] / rate:,.1f}"] for name, rate in rates.items()
    ]
    notes = [f"Originals of {size:,.0f} bytes on average. A second of processor time, the best of {_PASSES} passes."]
    columns = ["work", "a second", "each", "times AES-GCM"]
    return Result("vault", "Sealing and opening, one core", columns, rows, rates, notes=notes)


def _works(originals: list[dict[str, Json]]) -> Mapping[str, Callable[[int], object]]:
    """What is done to the n-th original."""
    people = [PrivateKey.generate() for _ in range(4)]
    private = {key.id: key for key in people}
    place = Place(_LOG, new_id())
    texts = [canonical(original) for original in originals]
    sealed = {
        many: [seal(each, keys=[key.public for key in people[:many]], place=place) for each in originals]
        for many in (1, 2, 4)
    }
    redactor = Redactor(BALANCED, key=None)

    def alone(number: int) -> object:
        return AESGCM(os.urandom(32)).encrypt(os.urandom(12), texts[number], None)

    def sealing(many: int) -> Callable[[int], object]:
        keys = [key.public for key in people[:many]]
        return lambda number: seal(originals[number], keys=keys, place=place)

    def opening(many: int) -> Callable[[int], object]:
        return lambda number: open_original(
            sealed[many][number].ciphertext,
            private_keys=private,
            place=place,
            commitment=sealed[many][number].commitment,
        )

    return {
        _BASE: alone,
        **{f"seal, {_people(many)}": sealing(many) for many in sealed},
        **{f"open, {_people(many)}": opening(many) for many in sealed},
        **_key_works(people[0]),
        "redact, for comparison": lambda number: redactor.redact(originals[number]),
    }


def _key_works(key: PrivateKey) -> Mapping[str, Callable[[int], object]]:
    """What is done per vault key rather than per original."""
    wrapping = KeyEncryptions(LocalKey.generate("1"))
    log_key = LogKey.generate()
    wrapped = wrapping.wrap(key, log=_LOG)
    (pooled,) = made(1, wrapping=wrapping, log_key=log_key, log=_LOG)
    raw = pooled.public.raw
    return {
        "make a key for the pool": lambda _: list(made(1, wrapping=wrapping, log_key=log_key, log=_LOG)),
        "take a key from the pool": lambda _: endorsed(
            pooled.public.id, raw, pooled.endorsement, log_key=log_key, log=_LOG
        ),
        "unwrap a key (local)": lambda _: wrapping.unwrap(wrapped, key_id=key.id, log=_LOG),
    }


def _people(many: int) -> str:
    return "1 person" if many == 1 else f"{many} people"


def _rate(work: Callable[[int], object], count: int) -> float:
    best = float("inf")
    for _ in range(_PASSES):
        begin = time.process_time()
        for number in range(count):
            work(number)
        best = min(best, (time.process_time() - begin) / count)
    return 1 / best


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--originals", type=int, default=1_000, metavar="N", help="how many are sealed in each pass")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    wanted = parser.parse_args()
    print("# The vault, measured")
    result = measure(wanted.originals)
    print(result.text())
    if wanted.json:
        wanted.json.write_text(json.dumps(result.as_json(), indent=2) + "\n")


if __name__ == "__main__":
    main()
