"""Names in running text by Presidio, with the spaCy model that the operator installed (extra ``presidio``)."""

import importlib
from collections.abc import Sequence
from typing import Any, Final

from unbroken.errors import ConfigurationError
from unbroken.privacy.redaction.ner import NerSpan

KINDS: Final = ("PERSON", "LOCATION", "NRP")


class PresidioEngine:
    """Satisfies :class:`~unbroken.privacy.redaction.ner.NerEngine`; asks only for what needs a model."""

    def __init__(self, *, language: str = "en", threshold: float = 0.5, analyzer: Any = None) -> None:
        self._analyzer = analyzer if analyzer is not None else _default_analyzer()
        self._language = language
        self._threshold = threshold

    @property
    def version(self) -> str:
        return f"presidio-{self._language}"

    def spans(self, texts: Sequence[str]) -> Sequence[Sequence[NerSpan]]:
        """Persons, places and groups, each as Presidio names it."""
        return [self._of(text) for text in texts]

    def _of(self, text: str) -> list[NerSpan]:
        results = self._analyzer.analyze(
            text=text, language=self._language, entities=list(KINDS), score_threshold=self._threshold
        )
        return [NerSpan(result.start, result.end, result.entity_type) for result in results]


def _default_analyzer() -> Any:
    try:
        return importlib.import_module("presidio_analyzer").AnalyzerEngine()
    except ImportError as error:
        raise ConfigurationError(
            "the Presidio engine needs the packages presidio-analyzer and a spaCy model: pip install"
            " 'unbroken[presidio]'"
        ) from error
