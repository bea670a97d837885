"""How placeholders look on a terminal: what stands for a value, and what somebody typed to look so."""

from rich.text import Text

from unbroken.investigate.short_forms import MASKED, TYPED


def mark_placeholders(text: Text) -> Text:
    """The text with its placeholders in colour; without colour their words say the same."""
    text.highlight_regex(MASKED, "not bold magenta")
    text.highlight_regex(TYPED, "not bold yellow")
    return text
