"""What the commands about erasing people show: what goes, what stays and why, who has to do what next."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.padding import Padding
from rich.text import Text

from unbroken.cli.printing import as_json_time, columns, console, counted, moment
from unbroken.investigate.printable import printable
from unbroken.privacy.erasure.plan import IRREVERSIBLE, METHODS, NOT_COVERED, kept
from unbroken.store.erasures import Erasure, PersonFound

_INDENT = 2


def print_section(title: str, sentences: Iterable[str]) -> None:
    """A heading, and each sentence as a paragraph of its own that wraps under itself."""
    out = console()
    out.print(Text(title, "bold"))
    for each in sentences:
        out.print(Padding(Text(printable(each)), (0, 0, 0, _INDENT), expand=False))


def print_plan(found: PersonFound, *, log: str, with_acted: bool) -> None:
    """All that somebody who decides has to know: what would go, what stays, what is not reached."""
    console().print(columns([("log", log), *_person(found)]))
    print_section("Destroyed", (f"{number}: {METHODS[kind]}." for kind, number in _amounts(found)))
    if found.shared:
        print_section("Concerns others too", [_shared(found)])
    stays = kept(with_acted=with_acted)
    if found.kept:
        stays.append(
            f"So {counted(found.kept, 'payload')} of what this person did to others stay; --with-acted destroys them."
        )
    print_section("Kept, and on which ground", stays)
    print_section("Not reached", NOT_COVERED)
    console().print(Text(IRREVERSIBLE, "bold yellow"))


def _shared(found: PersonFound) -> str:
    people = "1 other person" if found.others == 1 else f"{found.others:,} other people"
    return (
        f"Of these, {counted(found.shared, 'entry')} also name {people}: what such an entry holds is one text and goes "
        "for all of them. Their keys and names stay, except the name of somebody whose last payload goes with it."
    )


def _person(found: PersonFound) -> list[tuple[str, Any]]:
    span = f", {_day(found.first_at)} to {_day(found.last_at)}" if found.first_at and found.last_at else ""
    return [
        ("person", "\n".join(found.ids) or "(stands nowhere)"),
        ("stands in", f"{counted(found.as_subject, 'entry')} as subject, {found.as_actor:,} as who acts{span}"),
        ("sessions", f"{found.sessions:,}"),
        ("up to", f"{moment(found.upto_at)} UTC"),
    ]


def _amounts(found: PersonFound) -> list[tuple[str, str]]:
    return [
        ("payloads", counted(found.payloads, "payload")),
        ("originals", counted(found.originals, "original")),
        ("keys", counted(len(found.keys), "key")),
        ("names", counted(len(found.pseudonyms), "name")),
    ]


def _day(time: datetime | None) -> str:
    return "" if time is None else moment(time)[:10]


def print_request(row: Erasure, *, log: str) -> None:
    """Who asked for what, and what became of it."""
    facts = [
        ("erasure", row.erasure),
        ("log", log),
        ("person", "\n".join(row.subjects)),
        ("what they did to others", "destroyed as well" if row.with_acted else "kept"),
        ("case", row.case or "(lost with a restore)"),
        ("because", row.reason or "(lost with a restore)"),
        ("asked by", _by(row.requested_by, row.requested_at, row.requested_seq)),
        ("confirmed by", _by(row.confirmed_by, row.confirmed_at, row.confirmed_seq)),
        ("state", state_in_words(row)),
    ]
    console().print(columns(facts))


def state_in_words(row: Erasure) -> str:
    """The state, and until when it can go on."""
    until = f" until {moment(row.expires_at)} UTC" if row.expires_at else ""
    words = {
        "asked": f"waits for a second person{until}",
        "confirmed": f"confirmed, to be carried out{until}",
        "begun": "begun and not finished: keys and names are destroyed",
        "done": "done",
        "withdrawn": "withdrawn",
        "expired": "expired: nobody confirmed it, or carried it out, in time",
    }
    again = ", again after a restore" if row.basis == "ledger" else ""
    return f"{words.get(row.state, row.state)}{again}"


def _by(who: str | None, at: datetime | None, seq: int | None) -> str:
    if who is None or at is None or seq is None:
        return "nobody"
    return f"{who}, {moment(at)} UTC, entry {seq:,}"


def person_as_json(found: PersonFound) -> dict[str, Any]:
    """What was found, for programs."""
    return {
        "ids": found.ids,
        "as_subject": found.as_subject,
        "as_actor": found.as_actor,
        "sessions": found.sessions,
        "payloads": found.payloads,
        "originals": found.originals,
        "keys": found.keys,
        "names": found.pseudonyms,
        "shared": found.shared,
        "others": found.others,
        "kept": found.kept,
        "first_at": _json_time(found.first_at),
        "last_at": _json_time(found.last_at),
        "upto_at": as_json_time(found.upto_at),
    }


def erasure_as_json(row: Erasure) -> dict[str, Any]:
    """An erasure, for programs."""
    return {
        "erasure": row.erasure,
        "state": row.state,
        "basis": row.basis,
        "case": row.case,
        "reason": row.reason,
        "with_acted": row.with_acted,
        "subjects": row.subjects,
        "requested": _act(row.requested_by, row.requested_at, row.requested_seq),
        "confirmed": _act(row.confirmed_by, row.confirmed_at, row.confirmed_seq),
        "begun": _act(row.begun_by, row.begun_at, row.begun_seq),
        "valid_until": _json_time(row.expires_at),
        "upto_at": _json_time(row.upto_at),
        "payloads": row.payloads,
        "originals": row.originals,
        "keys": row.keys,
        "order_sha256": row.order_sha256,
        "done_at": _json_time(row.done_at),
        "done_seq": row.done_seq,
        "certificate_sha256": row.certificate_sha256,
    }


def _act(by: str | None, at: datetime | None, seq: int | None) -> dict[str, Any] | None:
    return None if by is None or at is None else {"by": by, "at": as_json_time(at), "seq": seq}


def _json_time(time: datetime | None) -> str | None:
    return None if time is None else as_json_time(time)


def print_next(steps: Sequence[str]) -> None:
    """Who has to do what now."""
    print_section("Next", steps)
