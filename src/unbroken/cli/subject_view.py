"""What the commands about erasing people show: what goes, what stays and why, who has to do what next."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from rich.padding import Padding
from rich.text import Text

from unbroken.cli.printing import ROWS, as_json_time, columns, console, counted, moment
from unbroken.investigate.printable import printable
from unbroken.privacy.erasure.plan import FLOORED, HELD, IRREVERSIBLE, METHODS, NOT_COVERED, kept
from unbroken.store.erasures import Erasure, PersonFound

_INDENT = 2
_COUNTED: Final = "As counted when it was asked for; carrying it out counts anew, and says so first."


def print_section(title: str, rows: Iterable[tuple[str, str]]) -> None:
    """A heading, and below it words with what is to be said of each."""
    out = console()
    out.print(Text(title, "bold"))
    out.print(Padding(columns(list(rows)), (0, 0, 0, _INDENT), expand=False))


def print_next(steps: Iterable[tuple[str, str]]) -> None:
    """Who has to do what now: words, and the command for it, which stays on its line to be copied."""
    out = console(piped=ROWS)
    console().print(Text("Next", "bold"))
    for words, command in steps:
        console().print(Padding(Text(printable(words)), (0, 0, 0, _INDENT), expand=False))
        if command:
            out.print(Text(printable(f"    {command}")), soft_wrap=True)


def print_amounts(found: PersonFound) -> None:
    """What would be destroyed, how much of it, what stands against it, and that it can't be taken back."""
    _print_counts("Destroyed", _counts(found))
    _print_against(_counts(found))
    console().print(Padding(Text(IRREVERSIBLE, "bold yellow"), (0, 0, 0, _INDENT)))


def print_planned(row: Erasure) -> None:
    """What carrying an erasure out would destroy, as it was counted when it was asked for."""
    title = "Carrying it out destroys"
    if row.planned is None:
        print_section(title, METHODS.items())
        return
    _print_counts(title, row.planned)
    _print_against(row.planned)
    console().print(Padding(Text(_COUNTED), (0, 0, 0, _INDENT), expand=False))


def planned_in_words(row: Erasure) -> str:
    """How much there was when it was asked for, and how many others it touches; empty where that is not known."""
    if row.planned is None:
        return ""
    amounts = ", ".join(number for _, number in _amounts(row.planned))
    shared = f"; {counted(row.planned['shared'], 'entry')} shared with {_others(row.planned)}"
    against = _against(row.planned, held="held", floored="kept by law")
    more = [shared] if row.planned["shared"] else []
    return amounts + "".join([*more, *(f"; {number} {word}" for number, word in against)])


def _print_counts(title: str, counts: Mapping[str, int]) -> None:
    print_section(title, ((number, METHODS[kind]) for kind, number in _amounts(counts)))
    if counts["shared"]:
        console().print(Padding(Text(_shared(counts)), (0, 0, 0, _INDENT), expand=False))


def _print_against(counts: Mapping[str, int]) -> None:
    against = _against(counts, held=HELD, floored=FLOORED)
    if against:
        print_section("Against it", against)


def _against(counts: Mapping[str, int], **words: str) -> list[tuple[str, str]]:
    """How many entries there are that a hold or a law keeps, of each kind with what is said of it."""
    return [(counted(counts[kind], "entry"), said) for kind, said in words.items() if counts.get(kind)]


def print_limits(*, with_acted: bool, acts: int | None = None) -> None:
    """What stays and on which ground, and what is not reached; ``acts`` counts what is kept for others, where known."""
    stays = kept(with_acted=with_acted)
    if acts is not None and not with_acted:
        stays["their acts"] += f": {counted(acts, 'payload')}; asked for with --with-acted, they go as well"
    print_section("Kept, and on which ground", stays.items())
    print_section("Not reached", NOT_COVERED.items())


def print_person(found: PersonFound, *, log: str) -> None:
    """Who it is about, as far as the log says it."""
    console().print(columns([("log", log), *_person(found)]))


def _shared(counts: Mapping[str, int]) -> str:
    verb = "names" if counts["shared"] == 1 else "name"
    return (
        f"Of these, {counted(counts['shared'], 'entry')} also {verb} {_others(counts)}: what such an entry holds goes "
        "for all. Their keys and names stay, except the name of somebody whose last payload goes with it."
    )


def _others(counts: Mapping[str, int]) -> str:
    return "1 other person" if counts["others"] == 1 else f"{counts['others']:,} other people"


def _person(found: PersonFound) -> list[tuple[str, Any]]:
    days = dict.fromkeys(_day(each) for each in (found.first_at, found.last_at) if each is not None)
    span = f"; {' to '.join(days)}" if days else ""
    return [
        ("person", "\n".join(found.ids) or "(stands nowhere)"),
        ("entries", f"{found.as_subject:,} name them as subject, in {found.as_actor:,} they act{span}"),
        ("sessions", f"{found.sessions:,}"),
        ("up to", f"{moment(found.upto_at)} UTC"),
    ]


def _counts(found: PersonFound) -> dict[str, int]:
    """The same under the words of a request's ``planned``, as far as they are shown."""
    return {
        "payloads": found.payloads,
        "originals": found.originals,
        "keys": len(found.keys),
        "names": len(found.pseudonyms),
        "shared": found.shared,
        "others": found.others,
        "held": found.held,
        "floored": found.floored,
    }


def _amounts(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(kind, counted(counts[kind], kind.removesuffix("s"))) for kind in METHODS]


def _day(time: datetime) -> str:
    return moment(time)[:10]


def print_request(row: Erasure, *, log: str) -> None:
    """Who asked for what, and what became of it."""
    facts = [
        ("erasure", row.erasure),
        ("log", log),
        ("person", "\n".join(row.subjects)),
        ("what they did to others", "destroyed as well" if row.with_acted else "kept"),
        *([("what a law keeps", "destroyed despite that")] if row.despite_floors else []),
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
        "held": found.held,
        "floored": found.floored,
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
        "despite_floors": row.despite_floors,
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
        "planned": None if row.planned is None else dict(row.planned),
    }


def _act(by: str | None, at: datetime | None, seq: int | None) -> dict[str, Any] | None:
    return None if by is None or at is None else {"by": by, "at": as_json_time(at), "seq": seq}


def _json_time(time: datetime | None) -> str | None:
    return None if time is None else as_json_time(time)
