"""Rules of an operator's own, and what they are about."""

from typing import Final

from tests.planted.plant import Kind

OWN_RULES: Final = r"""
[[redaction.pattern]]
name = "policy number"
kind = "POLICY_NUMBER"
pattern = 'POL-\d{8}'

[[redaction.pattern]]
name = "case number"
kind = "CASE_NUMBER"
pattern = '[A-Z]{2}\d{9}'
near = ["matter"]

[redaction.keys]
sensitive = { employee_no = "EMPLOYEE_ID", loyaltyCode = "LOYALTY_CODE" }
"""

OWN: Final = (
    Kind("own pattern", lambda maker: f"POL-{maker.digits(8)}", ("{}", "see {} there"), ("note",)),
    Kind("own pattern near a word", lambda maker: maker.form("<L2><d9>"), ("in the matter {}",)),
    Kind("own key", lambda maker: f"{maker.word()}-{maker.word()}", (), ("employee_no", "employeeNo")),
    Kind("own key, another", lambda maker: f"{maker.word()} {maker.word()}", (), ("loyaltyCode", "loyalty_code")),
)
