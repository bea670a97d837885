"""People's names among the fields of an event, and pseudonyms in their places."""

from collections.abc import Iterator, Mapping
from typing import Any

from unbroken.privacy.registry.registry import Registry
from unbroken.privacy.vault.holders import PERSONS


def names_in(fields: Mapping[str, Any], registry: Registry) -> Iterator[str]:
    """What names people among an event's fields."""
    if fields.get("actor_type") in PERSONS:
        yield from _text(fields.get("actor_id"))
    for subject in fields.get("subjects") or ():
        yield from _text(subject)
    decision = fields.get("decision")
    if isinstance(decision, Mapping):
        yield from _text(decision.get("by"))
    if _is_persons(fields, registry):
        yield from _text(fields.get("resource_id"))
    for item in fields.get("scope") or ():
        for text in _text(item):
            key, mark, value = text.partition("=")
            if mark and key in registry.pseudonymous_scope:
                yield value


def renamed(fields: Mapping[str, Any], registry: Registry, found: Mapping[str, str]) -> dict[str, Any]:
    """The same fields with what ``found`` has in place of what :func:`names_in` gives."""
    event = dict(fields)
    if fields.get("actor_type") in PERSONS:
        event["actor_id"] = _found(fields.get("actor_id"), found)
    if fields.get("subjects"):
        event["subjects"] = [_found(subject, found) for subject in fields["subjects"]]
    decision = fields.get("decision")
    if isinstance(decision, Mapping) and "by" in decision:
        event["decision"] = {**decision, "by": _found(decision["by"], found)}
    if _is_persons(fields, registry):
        event["resource_id"] = _found(fields.get("resource_id"), found)
    if fields.get("scope") and registry.pseudonymous_scope:
        event["scope"] = [_renamed_item(item, registry, found) for item in fields["scope"]]
    return event


def _renamed_item(item: object, registry: Registry, found: Mapping[str, str]) -> object:
    if not isinstance(item, str):
        return item
    key, mark, value = item.partition("=")
    return f"{key}={_found(value, found)}" if mark and key in registry.pseudonymous_scope else item


def _is_persons(fields: Mapping[str, Any], registry: Registry) -> bool:
    """Whether the resource's id is a person's."""
    kind = fields.get("resource_type")
    return isinstance(kind, str) and registry.is_pseudonymous(kind)


def _found(name: object, found: Mapping[str, str]) -> object:
    return found.get(name, name) if isinstance(name, str) else name


def _text(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
