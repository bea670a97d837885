"""Every kind by itself, in every form: none of it is left by redaction, and all of it without."""

import json
import tomllib
from collections.abc import Iterator
from typing import Final

import pytest

from tests.planted.kinds import KINDS, count
from tests.planted.maker import Maker
from tests.planted.own_rules import OWN_RULES
from tests.planted.plant import SHORTEST, Kind, Plant
from unbroken.core.normalise import Json
from unbroken.privacy.redaction.profiles import BALANCED, OFF
from unbroken.privacy.redaction.redactor import Redactor
from unbroken.privacy.redaction.rules import rules_from

_RULES: Final = rules_from(tomllib.loads(OWN_RULES)["redaction"])
_FRONT: Final = Redactor(BALANCED, key=None, rules=_RULES)
_NO_FRONT: Final = Redactor(OFF, key=None, rules=_RULES)
_MANY: Final = 300


def stored(front: Redactor, plant: Plant) -> str:
    """The plant as a value and as a text, as they would be stored."""
    values = front.redact({"inputs": plant.value}).values, front.redact({"outputs": plant.text}).values
    return json.dumps([*values[0].values(), *values[1].values()], ensure_ascii=False, separators=(",", ":"))


def in_every_form(kind: Kind, *seeds: object) -> Iterator[Plant]:
    for seed in seeds:
        maker = Maker(f"{kind.name} {seed}")
        yield from (kind.plant(maker, way) for way in range(kind.ways))


def left(plant: Plant, text: str) -> list[str]:
    """What of a plant stands in a text, also where the text is JSON that holds JSON."""
    spelt = [text, text.replace('\\"', '"'), text.replace("\\\\n", "\n").replace("\\n", "\n")]
    return [needle for needle in plant.needles if any(needle in each for each in spelt)]


def test_there_are_as_many_kinds_as_the_documents_say() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert count() > 250


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_is_masked_in_every_form_that_the_documents_promise(kind: Kind) -> None:
    for plant in in_every_form(kind, 1, 2):
        assert left(plant, stored(_FRONT, plant)) == [], plant


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_without_redaction_it_is_found_again(kind: Kind) -> None:
    for plant in in_every_form(kind, 1):
        assert left(plant, stored(_NO_FRONT, plant)), plant
        assert all(len(needle.encode()) >= SHORTEST for needle in plant.needles)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_is_masked_whatever_its_value(kind: Kind) -> None:
    for plant in in_every_form(kind, *range(_MANY)):
        assert left(plant, stored(_FRONT, plant)) == [], plant


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("pwd=ZDXu%104KH8CQ53", "4KH8CQ53"),
        ("postgres://app:ZDXu%104KH8CQ53@db/x", "4KH8CQ53"),
        ("password: ZDXu\\u00104KH8CQ53", "4KH8CQ53"),
    ],
)
def test_an_escaped_control_character_does_not_cut_a_secret_up(text: str, secret: str) -> None:
    assert secret not in str(_FRONT.redact({"inputs": text}).values)


def test_talk_of_cookies_stays() -> None:
    value: Json = {"cookie": "chocolate chip, the large one"}
    assert _FRONT.redact({"inputs": value}).values == {"inputs": value}


@pytest.mark.parametrize("key", ["sm_pat_AbcdEfgh12IjklmnO", "sm_pat_AbcdEfghxcIjklmn", "xai-" + "aBcD" * 20])
def test_a_token_that_is_a_key_of_an_object_is_masked(key: str) -> None:
    assert key not in str(_FRONT.redact({"inputs": {key: 1}}).values)
