"""Options that the commands about legal holds have in common, what they name, and who may run them."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer

from unbroken.cli.masked import masked, masked_under, rules_of
from unbroken.cli.moments import moment_of
from unbroken.cli.people import as_recorded, known_as
from unbroken.cli.printing import warn
from unbroken.cli.reading import open_read
from unbroken.cli.subject_decide import open_door
from unbroken.core.keyed import LogKey
from unbroken.errors import ConfigurationError
from unbroken.privacy.pseudonyms import is_pseudonym
from unbroken.retention.holds import LISTS, PEOPLE, Scope, scope_of
from unbroken.store.holds import Hold, HoldRequest, Holds
from unbroken.store.log_reader import LogReader

HOLDERS: Final = "legal or compliance"
"""Duties that issue, review and change holds."""
SEERS: Final = "legal, compliance, dpo or verifier"
"""Duties that may know of them."""
_TO_FIND: Final = "to find a person"
_CASE: Final = "internal"
"""What the look-up is recorded for: whoever it is about may be told of it, and must not learn of the hold by that."""

HoldArgument = Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id, as listed.")]
RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id, as listed.")]
SessionsOption = Annotated[list[str] | None, typer.Option("--session", metavar="ID", help="A session.")]
ActorsOption = Annotated[list[str] | None, typer.Option("--actor", metavar="NAME", help="Somebody who acted.")]
SubjectsOption = Annotated[list[str] | None, typer.Option("--subject", metavar="NAME", help="Somebody it is about.")]
AgentsOption = Annotated[list[str] | None, typer.Option("--agent", metavar="ID", help="An agent.")]
TypesOption = Annotated[list[str] | None, typer.Option("--resource-type", metavar="TYPE", help="A resource's type.")]
ResourcesOption = Annotated[
    list[str] | None, typer.Option("--resource", metavar="ID", help="A resource's id; a name where it is a person.")
]
EventsOption = Annotated[list[str] | None, typer.Option("--event-type", metavar="TYPE", help="A type of events.")]
ToolsOption = Annotated[list[str] | None, typer.Option("--tool", metavar="NAME", help="A tool.")]
DomainsOption = Annotated[list[str] | None, typer.Option("--domain", metavar="NAME", help="A domain, such as health.")]
ScopeOption = Annotated[
    list[str] | None, typer.Option("--scope", metavar="KEY=VALUE", help="An item of events' scope: account=17.")
]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="Recorded at or after.", show_default=False)
]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="DATE", help="Recorded before. By default, also all that comes.")
]


@contextmanager
def open_holds(store: str, log: str | None, *, login: str, duties: str = HOLDERS) -> Iterator[tuple[Holds, LogReader]]:
    """The holds of a log and the connection to it, for a login with one of ``duties``."""
    with open_door(store, log, login=login, duties=duties) as reader:
        yield Holds(reader), reader


def hold_in(door: Holds, hold: str) -> Hold:
    """The hold of this id; raises :class:`ConfigurationError` where there is none."""
    row = door.one(_uuid(hold))
    if row is None:
        raise ConfigurationError(f"{door.log} has no hold {hold}: `unbroken hold list --all` shows what there is")
    return row


def request_in(door: Holds, request: str) -> HoldRequest:
    """The request of this id; raises :class:`ConfigurationError` where there is none, or it waits for nobody."""
    found = next((each for each in door.requests() if each.request == _uuid(request)), None)
    if found is None:
        raise ConfigurationError(f"{door.log} has no request {request}: `unbroken hold list` shows those that wait")
    if found.state != "asked":
        raise ConfigurationError(f"this request does not wait for a second person: it is {found.state}")
    return found


def scope_from(
    lists: Mapping[str, Sequence[str] | None], *, since: str | None, until: str | None, everything: bool = False
) -> Scope:
    """The scope that options name, people as they were typed. Raises :class:`ConfigurationError` for an empty one."""
    scope = scope_of(
        {key: lists.get(key) or () for key in LISTS},
        since=None if since is None else moment_of(since, option="--from"),
        until=None if until is None else moment_of(until, option="--to"),
        everything=everything,
    )
    if not scope:
        raise ConfigurationError("say what to hold: --session, --subject, --tool, --from … or --everything")
    wrong = [item for item in scope.get("scope", ()) if not all(item.partition("=")[::2])]
    if wrong:
        raise typer.BadParameter("an item of a scope is KEY=VALUE, such as account=17", param_hint="--scope")
    return scope


def as_in_log(
    scope: Scope,
    reader: LogReader,
    store: str,
    log: str | None,
    *,
    keys: Sequence[LogKey],
    login: str,
    of: Scope | None = None,
) -> Scope:
    """The scope as the log has it: pseudonyms in place of names, placeholders where texts are masked.

    Of somebody whom the scope ``of`` names already, by the ids that it has. Looking for somebody's pseudonyms is
    recorded as a read.
    """
    names = sorted({text for key in PEOPLE for text in scope.get(key, ()) if not is_pseudonym(text)})
    found = _found(names, store, log, keys=keys, login=login) if names and keys else {}
    rules = rules_of(reader)

    def texts(key: str, text: str) -> Sequence[str]:
        pseudonyms = found.get(text, ()) if key in PEOPLE else ()
        named = [each for each in pseudonyms if each in (of or {}).get(key, ())]
        return named or pseudonyms or masked_under(keys, text) or [masked(store, text, rules=rules)]

    lists = {key: sorted({each for text in scope[key] for each in texts(key, text)}) for key in LISTS if key in scope}
    _warn(names, found, keyed=bool(keys))
    return {**scope, **lists}


def _found(names: Sequence[str], store: str, log: str | None, *, keys: Sequence[LogKey], login: str) -> dict[str, Any]:
    about = {"about": as_recorded(names[0])} if len(names) == 1 else {}
    scope = {"what": "names", **about}
    with open_read(store, log, scope=scope, purpose=_TO_FIND, case=_CASE, duties=HOLDERS, login=login) as reading:
        known = {name: known_as(name, reading, keys) for name in names}
    return {name: [each for each in ids if is_pseudonym(each)] for name, ids in known.items()}


def _warn(names: Sequence[str], found: Mapping[str, Sequence[str]], *, keyed: bool) -> None:
    unknown = [name for name in names if not found.get(name)]
    if unknown and not keyed:
        warn(
            f"{len(unknown)} of the people or resources named can't be looked for under pseudonyms without the log's "
            "key: --key. They are held under the ids as typed"
        )
    elif unknown:
        warn(
            f"{len(unknown)} of the people or resources named have no pseudonym in this log: they are held under the "
            "ids as typed. Somebody who gets a pseudonym only later takes a hold of their own then"
        )


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ConfigurationError(f"{text} is no id: `unbroken hold list` shows what there is") from None
