"""Points in time as options take them: a date, which is its midnight in UTC, or a time with its zone."""

import re
from datetime import UTC, datetime
from typing import Final

import typer

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?)(.*)")
_ZONE: Final = re.compile(r"[Zz]|[+-][0-9]{2}:[0-9]{2}")


def moment_of(text: str, *, option: str) -> datetime:
    """The time that ``text`` says, aware and in UTC; ``option`` is who is blamed when it says none (RFC 3339)."""
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        match = _TIME.fullmatch(text)
        if match is None:
            raise typer.BadParameter(
                "a time is a date such as 2026-01-31, which begins at midnight UTC, or 2026-01-31T09:30:00Z",
                param_hint=option,
            )
        if _ZONE.fullmatch(match[4]) is None:
            raise typer.BadParameter(
                f"say in which time zone that is: {match[1]}T{match[2]}Z or …+01:00", param_hint=option
            )
        return datetime.fromisoformat(f"{match[1]}T{match[2]}{match[4].upper()}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"there is no such time: {error}", param_hint=option) from error
