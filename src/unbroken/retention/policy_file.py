"""The file in which an organisation says what has to be kept for how long: TOML, with policies by name and its own."""

from pathlib import Path
from typing import Any, Final

from unbroken.errors import ConfigurationError
from unbroken.retention.catalogue import DEFAULT, MOST_BYTES, built_in, policies_in, tables_in
from unbroken.retention.policy import Policy
from unbroken.retention.policy_set import PolicySet, set_of

_KEYS: Final = frozenset({"use", "default", "policy"})


def read_policies(path: Path) -> PolicySet:
    """The set of policies that a file states; raises :class:`ConfigurationError` saying what is wrong in it."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode()
    except OSError as error:
        raise ConfigurationError(f"the file {path} can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the file {path} is no text in UTF-8") from error
    try:
        return set_in(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def set_in(text: str) -> PolicySet:
    """The set that a TOML text states.

    ``use`` names policies of the catalogue, ``[[policy]]`` states others, and ``default`` is the one for the rest,
    which is :data:`DEFAULT` unless it is said. Raises :class:`ConfigurationError` for anything else.
    """
    tables = tables_in(text)
    if unknown := sorted(tables.keys() - _KEYS):
        raise ConfigurationError(f"nothing is known of {', '.join(unknown)}: a file has use, default and [[policy]]")
    policies = _used(tables.get("use", []))
    for own in policies_in({key: value for key, value in tables.items() if key == "policy"}).values():
        if own.id in built_in():
            raise ConfigurationError(
                f"{own.id} is the name of a policy that comes with unbroken: use that one, or give yours another name"
            )
        policies[own.id] = own
    default = tables.get("default", DEFAULT)
    if not isinstance(default, str):
        raise ConfigurationError("the default is one policy's id")
    if default not in policies:
        policies |= _used([default])
    return set_of(policies.values(), default=default)


def _used(names: Any) -> dict[str, Policy]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigurationError('policies of the catalogue are used by their ids: use = ["hipaa.ephi_access"]')
    found: dict[str, Policy] = {}
    for name in names:
        if name in found:
            raise ConfigurationError(f"{name} is used twice")
        if name not in built_in():
            raise ConfigurationError(
                f"there is no policy {name}: `unbroken retention policies --catalogue` lists those there are"
            )
        found[name] = built_in()[name]
    return found
