"""What of a prompt is kept: its text where policy says so, else what tells it from others.

In place of a text stands an object. A keyed hash is the same for equal texts, so that a prompt can be followed, and
nobody without the log's key can try out guesses with it. Without a key there is none: the hash of a short text is as
good as the text.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.core.prompts import INSTRUCTIONS, content_of, is_said, length_of

Store: TypeAlias = Literal["hashed", "stored"]

HOLDERS: Final = frozenset({"model_call", "conversation_started"})
"""Events whose details may hold what belongs to a prompt."""
MOST_LETTERS: Final = 100
"""A longer text is not the name of a template but the template."""
_NAMING: Final = ("id", "name", "version")
_BREAK: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def shown(messages: Sequence[Json], store: Store, key: LogKey | None) -> list[Json]:
    """The messages as they may be stored, once what is left of them is redacted.

    With ``hashed`` each message of the prompt becomes ``{"role", "content_hash", "length"}``, the length in characters;
    without a role where it has none, and without the hash where there is no ``key``.
    """
    if store == "stored":
        return list(messages)
    return [message if is_said(message) else _described(message, key) for message in messages]


def shown_template(template: Json, store: Store, key: LogKey | None) -> Json:
    """What a call says of its template: what names it is kept, what may be its text is described as in :func:`shown`.

    A name is a text of at most 100 characters without line breaks, an object's ``id``, ``name`` and ``version`` if they
    are such texts or numbers.
    """
    if store == "stored" or template is None or _is_name(template):
        return template
    if not isinstance(template, dict):
        return _hashed(template, key)
    named: dict[str, Json] = {name: template[name] for name in _NAMING if name in template and _is_name(template[name])}
    rest = {name: value for name, value in template.items() if name not in named}
    return {**named, **(_hashed(next(iter(rest.values())) if len(rest) == 1 else rest, key) if rest else {})}


def shown_details(details: Json, store: Store, key: LogKey | None) -> Json:
    """Details of one of :data:`HOLDERS` as they may be stored: their template, and prompts given as parameters.

    Such are :data:`~unbroken.core.prompts.INSTRUCTIONS` in ``parameters``, and in the ``record`` that was imported.
    """
    if store == "stored" or not isinstance(details, dict):
        return details
    described: dict[str, Json] = {}
    if "prompt_template" in details:
        described["prompt_template"] = shown_template(details["prompt_template"], store, key)
    for name in ("parameters", "record"):
        given = details.get(name)
        if isinstance(given, dict) and not INSTRUCTIONS.isdisjoint(given):
            described[name] = {
                each: _hashed(value, key) if each in INSTRUCTIONS and value else value for each, value in given.items()
            }
    return {**details, **described} if described else details


def names_in(details: Json) -> dict[str, str]:
    """What names the template in details of one of :data:`HOLDERS`, by its key in the template, ``""`` for all of it.

    Calls are told apart by it as by an event's own texts, so it is masked with those and not with the details.
    """
    template = details.get("prompt_template") if isinstance(details, dict) else None
    if isinstance(template, dict):
        return {name: str(template[name]) for name in _NAMING if name in template and _is_name(template[name])}
    return {"": str(template)} if _is_name(template) else {}


def without_names(details: Json) -> Json:
    """The same details without what :func:`names_in` gives."""
    names = names_in(details)
    if not names or not isinstance(details, dict):
        return details
    template = details["prompt_template"]
    rest = {name: value for name, value in template.items() if name not in names} if isinstance(template, dict) else {}
    return {**details, "prompt_template": rest}


def with_names(rest: Json, names: Mapping[str, str], details: Json) -> Json:
    """What is left of details without names, with these names of what :func:`names_in` gave of ``details``."""
    if not names or not isinstance(rest, dict) or not isinstance(details, dict):
        return rest
    template, told = details["prompt_template"], rest.get("prompt_template")
    if not isinstance(template, dict):
        return {**rest, "prompt_template": _named(template, names[""])}
    named = {name: _named(template[name], text) for name, text in names.items()}
    return {**rest, "prompt_template": {**(told if isinstance(told, dict) else {}), **named}}


def is_described(part: str, value: Json) -> bool:
    """Whether something stands in place of a prompt's text in this part of one of :data:`HOLDERS`, as it is recorded.

    ``value`` is the ``inputs`` or ``details`` of a ``model_call``, or the ``details`` of a ``conversation_started``.
    """
    if not isinstance(value, dict):
        return False
    if part == "inputs":
        new = value.get("new") if "messages" in value else None
        sent = [item.get("message") for item in new if isinstance(item, dict)] if isinstance(new, list) else []
        return any(_stands_for_text(message, beside=["role"]) for message in sent)
    template = value.get("prompt_template")
    given = [each for name in ("parameters", "record") if isinstance(each := value.get(name), dict)]
    return _stands_for_text(template, beside=_NAMING) or any(
        _stands_for_text(each[name]) for each in given for name in INSTRUCTIONS & each.keys()
    )


def _stands_for_text(value: Json, *, beside: Collection[str] = ()) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("length"), int):
        return False
    return value.keys() <= {"content_hash", "length", *beside}


def _named(stated: Json, masked: str) -> Json:
    """A number stays one where there was nothing to mask in it."""
    return stated if masked == str(stated) else masked


def _described(message: Json, key: LogKey | None) -> Json:
    described = _hashed(content_of(message), key)
    role = message.get("role") if isinstance(message, dict) else None
    return {"role": role, **described} if isinstance(role, str) and _is_name(role) else described


def _hashed(content: Json, key: LogKey | None) -> dict[str, Json]:
    length: dict[str, Json] = {"length": length_of(content)}
    return length if key is None else {"content_hash": key.hash(content), **length}


def _is_name(value: Json) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= MOST_LETTERS and _BREAK.search(value) is None
    return isinstance(value, int | float) and not isinstance(value, bool)
