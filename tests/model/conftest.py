"""For all tests of the model."""

import logging

import pytest


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """What a recorder warns of in an outage is no finding, and there are very many outages here."""
    caplog.set_level(logging.CRITICAL, logger="unbroken")
