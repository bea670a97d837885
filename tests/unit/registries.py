"""A registry that says a little of everything, for the tests of registries."""

from typing import Final

from unbroken.privacy.registry.reading import registry_from
from unbroken.privacy.registry.registry import Registry

FULL: Final = """
[redaction]
profile = "balanced"
[[redaction.pattern]]
name = "policy number"
kind = "POLICY_NUMBER"
pattern = 'POL-\\d{6}'

[identities]
scope = ["account"]

[prompts]
store = "hashed"
agents = { "triage-*" = "stored", "triage-secret" = "hashed" }

[originals]
keep = "domains"
domains = ["hipaa", "pci"]
without_key = "record"

[[tool]]
name = "get_patient"
domains = ["hipaa"]
classification = "restricted"
side_effect = false
redaction = "pci"
resource_type = "patient"
resource_id = "patient_id"

[[tool]]
pattern = "ehr_*"
classification = "internal"

[[tool]]
pattern = "*_write"
side_effect = true
redaction = "strict"

[[tool]]
name = "ehr_ping"
classification = "public"

[[source]]
name = "ehr"
domains = ["hipaa", "gdpr"]

[[resource]]
type = "patient"
pseudonym = true
classification = "restricted"

[[resource]]
pattern = "invoice?"
classification = "internal"

[[domain]]
name = "pci"
redaction = "pci"
classification = "restricted"
"""


def registry(text: str = FULL) -> Registry:
    """The registry of a text, as version 1."""
    return registry_from(text, version=1)
