"""Asking AWS KMS (extra ``kms``): credentials, region and endpoint are what boto3 finds."""

import importlib
import re
from typing import Any, Final

from unbroken.errors import AccessDeniedError, ConfigurationError, UnavailableError, UnbrokenError

_ARN: Final = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):.*")
_DENIED: Final = frozenset(
    {"AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidClientTokenId"}
)
_NOT_NOW: Final = frozenset(
    {
        *("DependencyTimeoutException", "KMSInternalException", "KeyUnavailableException"),
        *("LimitExceededException", "RequestLimitExceeded", "ServiceUnavailable", "ThrottlingException"),
    }
)
_OTHERS: Final = frozenset({"IncorrectKeyException", "InvalidCiphertextException"})


def region_in(key: str) -> str | None:
    """The region that a key's ARN names; ``None`` for an id or alias."""
    arn = _ARN.fullmatch(key)
    return arn["region"] if arn else None


def client(*, region: str | None, purpose: str) -> Any:
    """boto3's client; nothing is asked yet. Raises :class:`ConfigurationError`."""
    try:
        boto3 = importlib.import_module("boto3")
        config = importlib.import_module("botocore.config").Config(
            connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 4, "mode": "standard"}
        )
    except ImportError as error:
        raise ConfigurationError("AWS KMS needs the package boto3: pip install 'unbroken[kms]'") from error
    try:
        return boto3.client("kms", region_name=region, config=config)
    except failures() as error:
        raise translated(error, purpose) from error


def failures() -> tuple[type[Exception], ...]:
    """What boto3's calls raise."""
    exceptions = importlib.import_module("botocore.exceptions")
    return exceptions.ClientError, exceptions.BotoCoreError


def translated(error: Exception, purpose: str) -> UnbrokenError:
    """What a failure means; ``purpose`` says in words which key it is and what for.

    Messages name the code alone: KMS's own texts may hold account numbers.
    """
    response = getattr(error, "response", None)
    if response is None:
        return _unreached(error, purpose)
    code = str(response.get("Error", {}).get("Code", ""))
    if code in _DENIED:
        return AccessDeniedError(f"AWS KMS refused {purpose} ({code})")
    if code in _NOT_NOW or response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return UnavailableError(f"AWS KMS can't use {purpose} now ({code}): try again")
    if code in _OTHERS:
        return ConfigurationError(f"{purpose} of AWS KMS ({code}) opens nothing of this: of another key, or changed")
    return ConfigurationError(f"AWS KMS can't use {purpose} ({code})")


def _unreached(error: Exception, purpose: str) -> UnbrokenError:
    name = type(error).__name__
    if any(word in name for word in ("Connection", "Timeout", "HTTPClient", "Closed")):
        return UnavailableError(f"AWS KMS can't be reached for {purpose} ({name}): try again")
    return ConfigurationError(f"boto3 is not set up for {purpose} of AWS KMS ({name})")
