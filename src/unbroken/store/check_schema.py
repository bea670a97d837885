"""The schema of a database, and the guards over it, against the release's."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from unbroken.store.check_finding import Finding, fault, note, warning
from unbroken.store.connection import Connection
from unbroken.store.facts import PARTITION, Difference, Fact, differences, guard_objects, schema_objects
from unbroken.store.migrations import fingerprint, numbered
from unbroken.store.sql import query

SCHEMA: Final = {
    "owners": "An owner can change and drop what it owns; all belongs to unbroken_owner, which nobody logs in as.",
    "tables": "Columns, keys, indexes and constraints are what keeps numbers unique and in order.",
    "functions": "The functions decide what enters the log and who reads it: body, settings and whose rights they use.",
    "views": "A view shows rows with the rights of whoever asks, and shows what the release's text says.",
    "privileges": "Nobody holds a privilege that the release does not give, and PUBLIC holds none.",
    "row_security": "Row security decides which logs and rows a login sees; it has to be forced on the owner as well.",
    "triggers": "Triggers refuse changes of what was recorded; they have to fire always, also on every partition.",
    "partitions": "Every partition is attached, for the numbers of its name, and none is missing.",
    "strangers": "Nothing stands in the schema, or hangs on its tables, that the release did not make.",
}
"""The checks that compare the schema, and why each matters."""

AGAIN: Final = "run what `unbroken db migrate --again --sql` prints, as a superuser"
_OTHER: Final = "use the release that it was installed with; no later one will migrate it"
_SHOWN: Final = 300


def schema_findings(facts: Iterable[Fact], logs: Iterable[int]) -> dict[str, list[Finding]]:
    """The findings of each check in :data:`SCHEMA`; ``logs`` are the numbers of those that are known to be there."""
    listed = list(facts)
    findings: dict[str, list[Finding]] = defaultdict(list)
    for difference in differences(listed, schema_objects()):
        findings[difference.check].append(_of_difference(difference))
    findings["partitions"] += _missing_partitions(listed, logs)
    return {name: findings[name] for name in SCHEMA}


def release_findings(comment: str) -> Iterator[Finding]:
    """Whether schema and package are of one release, by what the schema says of itself."""
    if comment != fingerprint():
        said = "says that it is of another release" if comment.startswith("unbroken ") else "does not say its release"
        yield fault(
            "schema unbroken",
            f"{said}: what differs below may be no more than that",
            "`unbroken init` brings it to this release; or use the package that it was installed with",
        )


def migration_findings(connection: Connection) -> Iterator[Finding]:
    """Whether exactly this package's migrations were applied."""
    applied = {row[0]: row[2] for row in connection.execute(query("applied_migrations"))}
    known = {number: (name, text) for number, name, text in numbered()}
    for number, (name, text) in known.items():
        if number not in applied:
            yield fault(f"migration {number}", f"{name} was not applied", "run `unbroken init`")
        elif applied[number] != hashlib.sha256(text.encode()).digest():
            yield fault(f"migration {number}", f"what was applied is not this release's {name}", _OTHER)
    for later in sorted(str(number) for number in applied.keys() - known.keys()):
        yield fault(f"migration {later}", "this package does not know it", "upgrade unbroken")


def guard_findings(facts: list[Fact], *, superuser: bool, demanded: bool) -> list[Finding]:
    """Whether the guards against DDL stand as released, or were never there."""
    if facts:
        return [_of_difference(each) for each in differences(facts, guard_objects())]
    found = (
        "are not there: only a superuser can make them, and who installed was none, or the provider refuses them. "
        "unbroken_owner could alter and drop what is in the schema; it would be found here, not prevented"
    )
    found += ". They leave no trace when a superuser takes all of them away"
    make = fault if demanded else warning if superuser else note
    return [
        make("event triggers of unbroken", found, "run `unbroken init` as a superuser, where the provider lets you")
    ]


def _of_difference(difference: Difference) -> Finding:
    return fault(difference.object, _found(difference), _mend(difference))


def _found(difference: Difference) -> str:
    if difference.property is None:
        return "is not there" if difference.found is None else "is not the release's"
    of = difference.property
    if difference.found is None:
        return f"{of} is missing; released as: {_short(difference.expected)}"
    if difference.expected is None:
        return f"{of} is not the release's: {_short(difference.found)}"
    return f"{of} is: {_short(difference.found)}; released as: {_short(difference.expected)}"


def _short(value: str | None) -> str:
    text = "" if value is None else value
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"


def _mend(difference: Difference) -> str:
    """A statement where one is enough; the guards have to be off for any of them."""
    name, of = difference.object, difference.property
    kind, _, what = (of or "").partition(" ")
    extra = difference.expected is None
    if of is None and difference.found is not None:
        return f"once nobody can say what it is for: drop {name}"
    match difference.check, kind:
        case "owners", _:
            return f"alter {name} owner to unbroken_owner"
        case "row_security", "row":
            return f"alter {name} enable row level security, force row level security"
        case "row_security" | "triggers", "policy" | "trigger" | "rule" if extra:
            return f"drop {kind} {what} on {_relation(name)}"
        case "privileges", _ if extra:
            return _revoke(name, str(of))
        case "partitions", "attached":
            return "find out what it holds and how it came off, before it is attached again"
        case "strangers", _:
            return f"once nobody can say what it is for: drop the {of}"
        case _:
            return AGAIN


def _revoke(name: str, of: str) -> str:
    if name.startswith("default"):
        return AGAIN
    if of.startswith("column "):
        column, _, role = of.removeprefix("column ").partition(" for ")
        return f"revoke all ({column}) on {_relation(name)} from {role}"
    return f"revoke all on {name.removeprefix('view ')} from {of}"


def _relation(name: str) -> str:
    return name.split(" ", 1)[1]


def _missing_partitions(facts: list[Fact], logs: Iterable[int]) -> Iterator[Finding]:
    """Numbers that lack a partition, up to the highest there is of either table."""
    there: dict[int, set[tuple[str, int]]] = {log: set() for log in logs}
    for match in filter(None, (PARTITION.fullmatch(fact.object) for fact in facts)):
        there.setdefault(int(match[2]), set()).add((match[1], int(match[3])))
    for log, held in sorted(there.items()):
        upto = max((number for _, number in held), default=0)
        wanted = {(table, number) for table in ("entries", "originals", "payloads") for number in range(upto + 1)}
        for table, number in sorted(wanted - held):
            if table != "entries" and number < upto:
                yield note(
                    f"table unbroken.{table}_{log}_{number}",
                    "is not there: dropped when a disposal or an erasure had emptied it, or what it held is gone",
                    "`unbroken verify` tells whether all that it held is accounted for",
                )
                continue
            yield fault(
                f"table unbroken.{table}_{log}_{number}",
                "is not there: what it held is gone, or stands elsewhere",
                "look for what is missing with `unbroken verify`; restore it from a backup",
            )
