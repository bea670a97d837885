"""One entry of a registry."""

from dataclasses import dataclass

from unbroken.privacy.registry.said import Said


@dataclass(frozen=True, slots=True)
class Entry:
    """What a registry says of a tool, a data source, a resource type or a domain, or of all whose names fit a pattern.

    ``kind`` is ``tool``, ``source``, ``resource`` or ``domain``. ``resource_type`` and ``resource_id`` (the path of an
    argument) are told of tools, ``pseudonym`` of resource types: whether their ids are people's.
    """

    kind: str
    name: str
    is_pattern: bool
    says: Said
    resource_type: str | None = None
    resource_id: str | None = None
    pseudonym: bool | None = None

    @property
    def place(self) -> str:
        """Where it stands in the file: ``tool 3 (ehr_*)``."""
        return self.says.by
