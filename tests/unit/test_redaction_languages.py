"""German, French and Spanish: what names a value there, and what names something else."""

import pytest

from tests.unit.redacting import found, kinds

FOUND = [
    ("DATE_OF_BIRTH", "geb. am 8. April 1990", "8. April 1990"),
    ("DATE_OF_BIRTH", "Geburtsdatum: 12.3.2015", "12.3.2015"),
    ("DATE_OF_BIRTH", "né le 16 novembre 1998 à Lyon", "16 novembre 1998"),
    ("DATE_OF_BIRTH", "Née le 04/05/2014, suivie ici", "04/05/2014"),
    ("DATE_OF_BIRTH", "Né(e) le : 1er mai 1938", "1er mai 1938"),
    ("DATE_OF_BIRTH", "nacida el 2 de septiembre de 2006", "2 de septiembre de 2006"),
    ("DATE_OF_BIRTH", "nato il 3 maggio 1971", "3 maggio 1971"),
    ("PHONE_NUMBER", "Rückruf bitte unter 0171 3920043", "0171 3920043"),
    ("PHONE_NUMBER", "Handy 0171 3920046", "0171 3920046"),
    ("PHONE_NUMBER", "puede ser localizada en el 981 10 81 88", "981 10 81 88"),
    ("PHONE_NUMBER", "Llámeme al 632 859 936.", "632 859 936"),
    ("PHONE_NUMBER", "Secretary: 07700 900313, or by post", "07700 900313"),
    ("PASSPORT", "mon numéro de passeport est 22CV46722", "22CV46722"),
    ("DE_PASSPORT", "Reisepassnummer ist C72RT360K", "C72RT360K"),
    ("PASSWORD", "Passwort: CSzRJGc06Jml", "CSzRJGc06Jml"),
    ("PASSWORD", "Das Kennwort lautet S0mmer!2024", "S0mmer!2024"),
    ("PASSWORD", "Mon mot de passe : kKi3aSTGulp", "kKi3aSTGulp"),
    ("PASSWORD", "Mi contraseña: $dJbol7U9YObH", "$dJbol7U9YObH"),
    ("LICENSE_PLATE", "Kennzeichen: B-TK 4711", "B-TK 4711"),
    ("LICENSE_PLATE", "Matrícula: 3779 KTR", "3779 KTR"),
    ("LICENSE_PLATE", "Vehicle registration: AK01 XWB", "AK01 XWB"),
    ("DE_HEALTH_INSURANCE", "Vers.-Nr.: AOK / J711885096", "J711885096"),
    ("UK_NHS", "NHS No. 846 903 0728", "846 903 0728"),
    ("CARD_CODE", "Prüfnummer 482", "482"),
    ("CARD_CODE", "cryptogramme : 482", "482"),
    ("PIN", "die PIN lautet 4821", "4821"),
    ("PIN", "my pin is 482193", "482193"),
    ("SECRET", "Your verification code is 482913.", "482913"),
    ("SECRET", "Ihr Bestätigungscode lautet 482 913", "482 913"),
    ("SECRET", "code de vérification : 482913", "482913"),
]

STAY = [
    "Rechnung 4500890417 vom 28.10.2023",
    "Telefon im Büro, Aktenzeichen: 4500722141",
    "teléfono averiado, pedido 2025-818578",
    "Führerschein liegt vor, Bestellung 26748765",
    "Carte débitée de 103 553,27 €, téléphone coupé",
    "glucemia 104 mg/dl el 15/11/2024",
    "Passwort vergessen, Kennwort: falsch",
    "mot de passe : oublié, contraseña: incorrecta",
    "il ne vient pas le 12/03/2024",
    "PIN 13 = 1",
    "LED_PIN = 4821",
    "exit code: 482913",
    "Kreditkarte 246.46 12/07/2025",
]


@pytest.mark.parametrize(("kind", "text", "value"), FOUND)
def test_what_is_named_in_another_language_is_found(kind: str, text: str, value: str) -> None:
    assert (kind, value) in found(text)
    assert all(value in hit or hit in value for _, hit in found(text))


@pytest.mark.parametrize("text", STAY)
def test_what_only_looks_so_stays(text: str) -> None:
    assert found(text) == []


def test_a_date_of_these_years_is_a_birth_only_where_that_is_said_of_it() -> None:
    text = "Patient born 04/05/1984. Admitted: 22/02/2023, discharged 01/03/2023, next visit 05.04.2026"
    assert found(text) == [("DATE_OF_BIRTH", "04/05/1984")]
    assert found("01.02.2015 geboren") == [("DATE_OF_BIRTH", "01.02.2015")]
    assert found("Seen on 22/02/2023, child born 04/05/2021") == [("DATE_OF_BIRTH", "04/05/2021")]


def test_old_dates_in_any_spelling_are_found_in_running_text() -> None:
    for date in ("12.03.1975", "12/3/1975", "1975-03-12", "12. März 1975"):
        assert found(f"Sie wohnt seit {date} dort") == [("DATE_OF_BIRTH", date)]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("Vorname", "PERSON"),
        ("nom_de_famille", "PERSON"),
        ("apellidos", "PERSON"),
        ("prénom", "PERSON"),
        ("Straße", "ADDRESS"),
        ("Anschrift", "ADDRESS"),
        ("dirección", "ADDRESS"),
        ("Geburtsdatum", "DATE_OF_BIRTH"),
        ("date_de_naissance", "DATE_OF_BIRTH"),
        ("fechaDeNacimiento", "DATE_OF_BIRTH"),
        ("telefonnummer", "PHONE_NUMBER"),
        ("Passwort", "PASSWORD"),
        ("contraseña", "PASSWORD"),
        ("kontonummer", "BANK_ACCOUNT"),
    ],
)
def test_keys_speak_these_languages(key: str, kind: str) -> None:
    assert kinds({key: "somewhat"}) == {kind}


@pytest.mark.parametrize("value", [{"mobil": "ja"}, {"portable": True}, {"tarjeta": "roja"}, {"movil": "no"}])
def test_words_that_are_also_others_mask_numbers_only(value: dict[str, object]) -> None:
    assert found(value) == []


PASSWORDS = [
    ("password: aa<bbcc1234 then", "aa<bbcc1234"),
    ('password=a"bcdefgh12', 'a"bcdefgh12'),
    ("password: aaaa;bbbb1234", "aaaa;bbbb1234"),
    ("password=aaaa,bbbb&cc12 and", "aaaa,bbbb&cc12"),
    ('password = "two words, one; secret"', "two words, one; secret"),
    ("Pwd=abcd1234;Database=shop", "abcd1234"),
    ("password=abcd1234&user=jane", "abcd1234"),
    ("{password: abcd1234,user: jane}", "abcd1234"),
    ("<p>password: abcd1234</p>", "abcd1234"),
    ("curl -u admin:qh7+IKcdl3 https://api.internal/x", "qh7+IKcdl3"),
]


@pytest.mark.parametrize(("text", "password"), PASSWORDS)
def test_a_password_ends_where_it_ends(text: str, password: str) -> None:
    assert ("PASSWORD", password) in found(text)


@pytest.mark.parametrize(
    "value", ["$PASSWORD", "${DB_PASS}", "$db_password", "<password>", "{password}", "[hidden]", "%PWD%"]
)
def test_what_stands_for_a_password_stays(value: str) -> None:
    assert found(f"password={value}") == []
