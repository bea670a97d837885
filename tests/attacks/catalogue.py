"""Every check. Numbers P.. and W.. are those of the published list of pitfalls; U.., V.. and H.. are further ones."""

from typing import Final

from tests.attacks import (
    on_definitions,
    on_names,
    on_people,
    on_privileges,
    on_reading,
    on_retention,
    on_vault,
    on_writing,
)

CHECKS: Final = tuple(
    sorted(
        (
            *on_definitions.CHECKS,
            *on_privileges.CHECKS,
            *on_reading.CHECKS,
            *on_writing.CHECKS,
            *on_people.CHECKS,
            *on_names.CHECKS,
            *on_vault.CHECKS,
            *on_retention.CHECKS,
        ),
        key=lambda check: check.id,
    )
)
