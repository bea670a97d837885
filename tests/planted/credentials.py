"""What opens doors and shows no maker: tokens, private keys, passwords, connection strings, cookies."""

import base64
import json
from typing import Final

from tests.planted.maker import Maker
from tests.planted.plant import Kind


def _jwt(maker: Maker) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")

    claims = {"sub": maker.digits(10), "name": maker.name(), "iat": maker.number(1_500_000_000, 1_700_000_000)}
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{maker.form('<w43>')}"


def _after_header(token: str) -> tuple[str, ...]:
    return tuple(token.split(".")[1:])


def _pem(title: str, *head: str) -> Kind:
    def make(maker: Maker) -> str:
        body = [maker.base64(48) for _ in range(4)]
        return "\n".join([f"-----BEGIN {title}-----", *head, *body, f"-----END {title}-----"])

    def lines(text: str) -> tuple[str, ...]:
        return tuple(text.splitlines()[1 + len(head) : -1])

    return Kind(f"private key, {title}", make, ("{}", "here it is:\n{}\nkeep it"), ("note",), lines)


def _putty(maker: Maker) -> str:
    lines = "\n".join(maker.base64(48) for _ in range(2))
    return (
        f"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPrivate-Lines: 2\n{lines}\n"
        f"Private-MAC: {maker.form('<h64>')}"
    )


def _putty_lines(text: str) -> tuple[str, ...]:
    return tuple(text.splitlines()[4:6])


def _password(maker: Maker) -> str:
    return maker.form("<a4>") + maker.pick("!", "#", "%", "_") + maker.form("<a8>") + str(maker.number(10, 99))


def _url_password(maker: Maker) -> str:
    return _password(maker).replace("%", "%25").replace("#", "%23")


def _random(maker: Maker) -> str:
    return maker.form("<a18>") + str(maker.number(100, 999)) + maker.form("<a11>")


def _base64_secret(maker: Maker) -> str:
    return maker.base64(40)


def _basic(maker: Maker) -> str:
    return base64.b64encode(f"{maker.word()}:{_password(maker)}".encode()).decode()


def _percent_sig(maker: Maker) -> str:
    return maker.form("<a20>") + "%2B" + maker.form("<a21>") + "%3D"


def _cookie(maker: Maker) -> str:
    return f"sid={maker.form('<a32>')}; csrftoken={maker.form('<h40>')}"


def _words(maker: Maker) -> str:
    return " ".join(maker.word(2) for _ in range(12))


CREDENTIALS: Final = (
    Kind("JSON web token", _jwt, ("{}", "it answered {} at once"), ("note",), _after_header),
    _pem("RSA PRIVATE KEY"),
    _pem("EC PRIVATE KEY"),
    _pem("PRIVATE KEY"),
    _pem("ENCRYPTED PRIVATE KEY"),
    _pem("OPENSSH PRIVATE KEY"),
    _pem("DSA PRIVATE KEY"),
    _pem("PGP PRIVATE KEY BLOCK", "", ),
    Kind("private key, PuTTY", _putty, ("{}", "the file:\n{}"), (), _putty_lines),
    Kind("password, said", _password, ("password: {}", "the password is {}", "pwd={}"), ("password", "oldPassword")),
    Kind("passphrase", _password, ("passphrase: {}",), ("passphrase", "pass_phrase")),
    Kind("password in a command line", _password, ("mysql --password {} -u root", "tool --password={} run")),
    Kind("password in an environment", _password, ("export DB_PASSWORD={}", "DB_PASS={}"), ("db_password",)),
    Kind("password, PostgreSQL URL", _url_password, ("postgresql://app:{}@db.example:5432/x", "postgres://u:{}@db/x")),
    Kind("password, MySQL URL", _url_password, ("mysql+pymysql://app:{}@db.example/shop",)),
    Kind("password, MongoDB URL", _url_password, ("mongodb+srv://app:{}@cluster0.example.net/?w=majority",)),
    Kind("password, Redis URL", _url_password, ("redis://:{}@cache.example:6379/0",)),
    Kind("password, AMQP URL", _url_password, ("amqps://agent:{}@rabbit.example/vhost",)),
    Kind("password, web URL", _url_password, ("https://agent:{}@api.example/v1/things", "ftp://agent:{}@files.example/x")),
    Kind("password, ODBC string", _password, ("Server=db.example;Database=x;Uid=app;Pwd={};Encrypt=yes",)),
    Kind("password, JDBC string", _password, ("jdbc:sqlserver://db.example:1433;user=app;password={};encrypt=true",)),
    Kind("password, libpq string", _password, ("host=db.example user=app password={} dbname=x",)),
    Kind("storage account key", _base64_secret,
         ("DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={};EndpointSuffix=core.windows.net",),
         ("account_key",)),
    Kind("service bus key", _base64_secret,
         ("Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={}",), ("shared_key",)),
    Kind("signature of a shared URL", _percent_sig, ("https://x.blob.example/c/f?sv=2022-11-02&sp=r&sig={}",)),
    Kind("bearer token", _random, ("Authorization: Bearer {}", "authorization: bearer {}"), ("authorization",)),
    Kind("basic credentials", _basic, ("Authorization: Basic {}",), ("proxy_authorization",)),
    Kind("cookie", _cookie, ("Cookie: {}", "Set-Cookie: {}"), ("cookie", "set-cookie")),
    Kind("client secret", _random, ("client_secret={}", "client secret: {}"), ("client_secret", "clientSecret")),
    Kind("API key, said", _random, ("api_key={}", "api key: {}", "apikey: {}"), ("api_key", "x-api-key", "apiKey")),
    Kind("AWS secret access key", _base64_secret, ("aws_secret_access_key = {}",), ("SecretAccessKey",)),
    Kind("access token, said", _random, ("access_token={}", "access token: {}"), ("access_token", "accessToken")),
    Kind("refresh token", _random, ("refresh_token={}",), ("refresh_token",)),
    Kind("session token", _random, (), ("session_token", "sessionToken", "aws_session_token")),
    Kind("CSRF token", _random, (), ("csrf_token", "xsrf_token")),
    Kind("signing key", _random, ("signing_key={}",), ("signing_key", "signingKey")),
    Kind("encryption key", _random, ("encryption_key={}",), ("encryption_key",)),
    Kind("webhook secret", _random, ("webhook_secret={}",), ("webhook_secret",)),
    Kind("seed phrase", _words, (), ("seed_phrase", "mnemonic")),
    Kind("one-time secret", _random, (), ("totp_secret", "otp_code")),
    Kind("recovery code", _random, (), ("recovery_code", "verification_code")),
    Kind("security answer", _words, (), ("security_answer", "secretAnswer")),
    Kind("connection string", _words, (), ("connection_string", "dsn")),
)  # fmt: skip
