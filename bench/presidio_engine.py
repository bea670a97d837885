"""Presidio's pattern recognisers, without a model: what unbroken's redaction is set beside."""

import importlib
import importlib.util
import logging
from collections.abc import Iterator
from typing import Any, Final

CONTEXT_THRESHOLD: Final = 0.4


def is_installed() -> bool:
    return importlib.util.find_spec("presidio_analyzer") is not None


def version() -> str:
    return importlib.import_module("importlib.metadata").version("presidio-analyzer")  # type: ignore[no-any-return]


def pattern_engine(*, threshold: float) -> Any:
    """An analyser with every predefined recogniser but those that need a model."""
    analyzer = importlib.import_module("presidio_analyzer")
    engine = _blank_engine()
    logging.getLogger("tldextract").setLevel(logging.CRITICAL)
    registry = analyzer.RecognizerRegistry()
    registry.load_predefined_recognizers(nlp_engine=engine, languages=["en"])
    for name in {type(found).__name__ for found in registry.recognizers} & {"SpacyRecognizer", "StanzaRecognizer"}:
        registry.remove_recognizer(name)
    return analyzer.AnalyzerEngine(registry=registry, nlp_engine=engine, default_score_threshold=threshold)


def found_in(engine: Any, text: str) -> Iterator[tuple[int, int, str]]:
    """What the analyser finds, as our own findings are given."""
    for result in engine.analyze(text=text, language="en"):
        yield result.start, result.end, result.entity_type


def _blank_engine() -> Any:  # noqa: C901 - as many methods as the base asks for
    """An engine that only splits words: recognisers by pattern ask for nothing else."""
    nlp = importlib.import_module("presidio_analyzer.nlp_engine")
    spacy = importlib.import_module("spacy")

    class Blank(nlp.NlpEngine):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self._nlp = spacy.blank("en")

        def load(self) -> None: ...

        def is_loaded(self) -> bool:
            return True

        def process_text(self, text: str, language: str) -> Any:
            document = self._nlp(text)
            words = [token.text.lower() for token in document]
            places = [token.idx for token in document]
            return nlp.NlpArtifacts([], document, places, words, self, language)

        def process_batch(self, texts: Any, language: str, *_: Any, **__: Any) -> Iterator[tuple[str, Any]]:
            for text in texts:
                yield text, self.process_text(text, language)

        def is_stopword(self, word: str, language: str) -> bool:  # noqa: ARG002 - as the base has it
            return bool(self._nlp.vocab[word].is_stop)

        def is_punct(self, word: str, language: str) -> bool:  # noqa: ARG002 - as the base has it
            return bool(self._nlp.vocab[word].is_punct)

        def get_supported_entities(self) -> list[str]:
            return []

        def get_supported_languages(self) -> list[str]:
            return ["en"]

    return Blank()
