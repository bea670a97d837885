"""What a log is full of and nobody's: none of it may be masked, or the log can't be read."""

import random
import uuid

import pytest

from tests.unit.redacting import found, masked

CLEAN = [
    "550e8400-e29b-41d4-a716-446655440000",
    "12345678-1234-1234-1234-123456789012",
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "1715612345678",
    "1715612345",
    "1715612345678901",
    "1715612345678901234",
    "2024-05-20T13:45:12.123456Z",
    "2024-05-20T13:45:12+02:00",
    "2024-05-20 13:45:12,123 INFO started",
    "20240520T134512Z",
    "13:45:12.123",
    "3.141592653589793",
    "-122.41941550000001, 37.7749295",
    "0.4012888888881881",
    "6.02214076e23",
    "1288834974657000000",
    "175928847299117063",
    "978-3-16-148410-0",
    "9783161484100",
    "0-306-40615-2",
    "arn:aws:iam::123456789012:role/admin",
    "arn:aws:sqs:eu-west-1:123456789012:orders",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "1.2.3",
    "version 10.4.2.1",
    "v1.2.3.4",
    "Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36",
    "numpy==1.26.4",
    "$1,299.00 and 12.50 EUR",
    "1 299,00",
    "100-200 items, 5% of 12,345,678",
    "@scope/package@1.2.3",
    "npm i @types/node@20.11.5",
    "@app.route('/x')\n@property",
    "icon@2x.png",
    "| id | count |\n|---:|---:|\n| 12 | 34567 |\n| 13 | 89012 |",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "HAT136 from JFK to SEA, cabin economy, seat 12A",
    "reservation NO6JO3",
    "call_oIHazX6yQrB8hUwl4cRilFKj",
    "chatcmpl-9mXyZ0aBcDeFgHiJkLmNoPqRsTuVw",
    "0x1f4a 0xdeadbeef",
    "std::vector<int> a::b",
    "10:00, 10:30, 11:00, 11:30, 12:00",
    "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
    "12 x 34 = 408; 1024 * 768",
    "build 20240520.12",
    "ISO 9001:2015, RFC 8785",
    "#123456 and #ff00aa",
    "order-2024-000123",
    "s3://bucket/path/2024/05/20/part-00000-of-00010.parquet",
    "https://example.com/items/1234567890?page=2",
    "the token is expired, the password is required",
    "Passwords must be changed every 90 days",
    "pass 12, fail 3",
    "the card ending in 7447",
    "user mia_li_3668",
]


@pytest.mark.parametrize("text", CLEAN)
def test_it_stays(text: str) -> None:
    assert found(text) == []
    assert found(f"Result: {text}") == []
    assert found({"result": text, "items": [text, 1]}) == []


@pytest.mark.parametrize(
    "value",
    [
        {"id": 1715612345678, "created_at": 1715612345, "ts_ns": 1715612345678901234},
        {"call_id": "1234567890", "tool_call_id": 4155550132, "phone_verified_at": 1715612345678},
        {"prices": [12.5, 99.95, 1299.0], "counts": [12, 34, 5678, 90]},
        {"token": " the", "logprob": -0.25, "tokens": 4155550132, "max_tokens": 4096},
        {"pass": 120, "fail": 3, "pan": 12.5, "pin": "top", "cell": "A1", "auth": "required"},
        {"name": "get_weather", "type": "function", "value": 12},
        {"email": True, "phone": None, "address": ""},
        {"matrix": [[1, 2, 3], [4, 5, 6], [7, 8, 9]]},
        {"digits": ["12", "34", "56", "78"], "years": [2019, 2020, 2021, 2022]},
        {"input_tokens": 1234567, "cost_usd": "0.001234567", "latency_ms": 1234567},
        {"next_page_token": "CAUQAA", "cursor": "eyJpZCI6MTJ9"},
    ],
)
def test_values_of_programs_stay(value: dict[str, object]) -> None:
    assert found(value) == []
    assert masked(value) is not None


def test_random_identifiers_stay() -> None:
    made = random.Random(3)  # noqa: S311 - any numbers do
    count = 0
    for _ in range(400):
        value = {
            "id": str(uuid.UUID(bytes=made.randbytes(16), version=4)),
            "hash": made.randbytes(32).hex(),
            "short": made.randbytes(4).hex()[:7],
            "ns": made.randrange(1_600_000_000_000_000_000, 1_800_000_000_000_000_000),
            "snowflake": str(made.randrange(10**17, 2 * 10**18)),
            "fraction": made.random(),
            "price": f"{made.uniform(1, 5000):.2f}",
            "nonce": made.randbytes(6).hex(),
        }
        count += len(found(value))
    assert count <= 4


def test_nothing_found_changes_nothing() -> None:
    value = {"a": [1, {"b": "text"}], "json": '{ "a" : 1.50 }'}
    assert masked(value) is value
