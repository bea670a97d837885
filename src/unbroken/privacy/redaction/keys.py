"""What a key says of its value: mask it whatever it looks like, take it as context, or leave it alone."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from unbroken.privacy.redaction.folding import fold


class Place(NamedTuple):
    """What is known of a value by its keys."""

    context: str
    kind: str | None
    allowed: bool
    quiet: bool
    """Whether no word of the context could name what stands in the value."""
    own: bool = False
    """Whether it is a key of the record itself, under which values of the record's own forms stay."""


@dataclass(frozen=True, slots=True)
class KeyMeaning:
    """One key, read."""

    words: str
    """Its words in lower case, as context of the value; empty where they would mislead."""
    kind: str | None
    """The kind that its value is masked as, or ``None``."""
    generic: bool
    """Whether it says nothing (``value``), so that the key above it speaks for it."""
    harmless: bool
    """Whether the key itself needs no scanning."""
    doubtful: bool
    """Whether its value is masked only where it looks like what the key may mean: ``pan`` is also a word."""
    allowed: bool
    """Whether strict profiles let numbers and short values stand below it."""
    own: bool
    """Whether it is one of the record's own."""
    but_uuid: bool
    """Whether a UUID below it is an id, where any other value that looks meant is masked."""
    plain: Place | None
    """All that is known of a value below it, where no other key has a say; ``None`` when the value has."""


_CAMEL: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_PLAIN: Final = re.compile(r"[A-Za-z_$.\- ]*[0-9]{0,3}[A-Za-z_$.\- ]*")
_LONG_PIECE: Final = re.compile(r"[A-Za-z0-9]{16}")
"""No word of a name, mostly, and long enough for a token that stands as a key."""
_LONGEST_KEY: Final = 64
_MOST_KNOWN: Final = 4096


def split_key(key: str) -> tuple[str, ...]:
    """The words of ``customerEmail2`` or ``customer-email``, in lower case."""
    short = key[:_LONGEST_KEY]
    return tuple(word.lower() for word in _CAMEL.findall(short if short.isascii() else fold(short).text))


def _kinds(**of: str) -> dict[str, str]:
    return {name.replace("_", ""): kind for kind, names in of.items() for name in names.split()}


SENSITIVE: Final[dict[str, str]] = _kinds(
    US_SSN="ssn social_security social_security_number social_security_no socsec soc_sec_no social_insurance_number",
    NATIONAL_ID="national_id national_identity_number national_identification_number identity_number nin nino"
    " id_card_number"
    " id_card national_insurance_number personnummer aadhaar aadhar pesel cpf nif nie dni curp bsn citizen_id"
    " resident_id government_id codice_fiscale steuer_id sin"
    " ausweisnummer personalausweisnummer personalausweis numero_de_identidad documento_de_identidad codigo_fiscal",
    TAX_ID="tax_id taxpayer_id tax_number tax_identification_number tin itin ein_ssn tfn"
    " steuernummer steueridentifikationsnummer steuer_idnr numero_fiscal nif_cif",
    EMAIL_ADDRESS="email e_mail mail_address email_address e_mail_address email_addr emails email_addresses"
    " emailadresse mailadresse courriel adresse_mail adresse_email correo correo_electronico",
    PHONE_NUMBER="phone telephone phone_number telephone_number mobile mobile_number mobile_phone cell cell_phone"
    " cellphone fax fax_number phones phone_numbers tel msisdn whatsapp caller_id"
    " telefon telefonnummer telefon_nummer handy handynummer mobil mobilnummer rufnummer portable telefono movil"
    " celular"
    " numero_de_telephone numero_telephone numero_de_telefono contact_number contact_phone callback_number",
    CREDIT_CARD="pan card_number credit_card_number cc_number ccnum debit_card_number primary_account_number cardno"
    " credit_card_no account_pan"
    " kreditkarte kreditkartennummer kartennummer carte_bancaire numero_de_carte numero_carte tarjeta"
    " numero_de_tarjeta",
    CARD_CODE="cvv cvc cvv2 cvc2 cid_code card_verification_value card_security_code security_code csc card_cvv"
    " card_cvc card_code",
    CARD_EXPIRY="card_expiry card_expiration card_exp cc_exp cc_expiry expiry_month_year",
    CARD_TRACK="track1 track2 track_data magstripe track_one track_two",
    PIN="pin pin_code pin_number card_pin pin_block",
    IBAN_CODE="iban iban_code iban_number",
    BANK_ACCOUNT="bank_account bank_account_number account_number acct_number account_no acct_no acct_num account_num"
    " routing_number aba_routing sort_code bank_account_no"
    " kontonummer numero_de_compte numero_compte numero_de_cuenta",
    DATE_OF_BIRTH="dob birth_date date_of_birth birthdate birthday birth_day birth_dt geburtsdatum fecha_nacimiento"
    " date_naissance born_on"
    " geburtstag geboren_am date_de_naissance ne_le nee_le naissance fecha_de_nacimiento nacimiento data_di_nascita",
    PERSON="first_name last_name full_name middle_name given_name family_name surname forename maiden_name firstname"
    " lastname fullname fname lname legal_name birth_name preferred_name nick_name mothers_maiden_name"
    " mother_maiden_name name_on_card cardholder cardholder_name card_holder card_holder_name next_of_kin"
    " emergency_contact spouse beneficiary_name account_holder account_holder_name holder_name"
    " vorname nachname familienname geburtsname prenom nom_de_famille nom_complet nombre_completo apellido apellidos"
    " primer_apellido segundo_apellido cognome karteninhaber kontoinhaber titulaire",
    ADDRESS="address street street_address home_address mailing_address postal_address residential_address"
    " address_line addressline address_line_1 address1 address2 addr street_name street_line house_number"
    " delivery_address shipping_address billing_address street1 street2 addresses"
    " adresse anschrift strasse strase wohnadresse lieferadresse rechnungsadresse adresse_postale direccion domicilio"
    " indirizzo",
    PASSPORT="passport passport_number passport_no passport_id passport_num"
    " reisepass reisepassnummer passnummer passeport numero_passeport numero_de_passeport pasaporte"
    " numero_de_pasaporte",
    US_DRIVER_LICENSE="driver_license drivers_license driving_license driving_licence driver_licence drivers_licence"
    " driver_license_number drivers_license_number driving_licence_number license_number licence_number dl_number"
    " dl_no",
    MEDICAL_RECORD="mrn medical_record_number medical_record_no medical_record patient_id patient_number chart_number"
    " health_record_number patient_mrn",
    HEALTH_PLAN="health_plan_number insurance_number insurance_id member_number policy_holder_id"
    " health_insurance_number"
    " health_plan_id mbi medicare_number medicare_id medicaid_id nhs_number subscriber_id kvnr"
    " versichertennummer versichertennr krankenversichertennummer numero_de_securite_sociale"
    " numero_securite_sociale nir",
    PASSWORD="password passwd pwd passphrase pass_phrase pass_word user_password db_password old_password"
    " new_password"
    " master_password security_answer secret_answer db_pass smtp_pass user_pass"
    " passwort kennwort mot_de_passe contrasena",
    SECRET="secret client_secret api_key apikey api_secret access_key secret_key private_key encryption_key"
    " signing_key"
    " access_token refresh_token id_token auth_token bearer_token session_token csrf_token xsrf_token api_token"
    " authorization proxy_authorization cookie set_cookie x_api_key credentials credential secret_access_key"
    " aws_secret_access_key aws_session_token account_key shared_key client_key webhook_secret otp otp_code"
    " one_time_code one_time_password mfa_code totp totp_secret verification_code recovery_code seed_phrase mnemonic"
    " token oauth_token personal_access_token session_cookie connection_string conn_string dsn sas_token jwt auth"
    " sessionid session_key service_account_key",
    LICENSE_PLATE="license_plate licence_plate number_plate plate_number vehicle_registration"
    " kennzeichen immatriculation matricula",
    BIOMETRIC="fingerprint_template face_template voice_print retina_scan biometric biometrics",
)  # fmt: skip
"""Keys whose values are masked under every profile, without separators."""

STRICT_SENSITIVE: Final[dict[str, str]] = _kinds(
    PERSON="name username user_name login nick screen_name display_name employer contact_name patient doctor"
    " physician"
    " provider_name author sender_name recipient_name",
    ADDRESS="city zip zip_code zipcode postal_code postcode plz county state_province latitude longitude lat lon lng"
    " geo coordinates location place_of_birth birth_place",
    DEMOGRAPHIC="age gender sex race ethnicity religion nationality marital_status",
    IDENTIFIER="device_id imei serial_number vin account_id user_id customer_id member_id certificate_number",
    URL="website homepage profile_url photo avatar avatar_url",
)
"""Keys that only the strict profiles mask by name alone."""

_QUALIFIERS: Final = frozenset(
    "customer patient user client member passenger contact billing shipping home work mobile primary"
    " secondary emergency"
    " my your new old current employee guest sender recipient mother father parent spouse owner applicant"
    " borrower buyer"
    " seller subscriber policy holder account payer payee beneficiary insured candidate student tenant person"
    " personal"
    " caller consumer donor attendee traveler traveller cardholder card credit debit bank main alt alternate"
    " other raw"
    " verified business office private default login admin db database root backup reply from to cc bcc db smtp"
    " ftp aws"
    " github slack stripe openai azure gcp google master service app application x http proxy payment the full us"
    " legal"
    .split()
)  # fmt: skip
_PERSONS: Final = frozenset(
    "customer patient passenger contact employee guest sender recipient mother father parent spouse owner applicant"
    " borrower buyer seller subscriber holder payer payee beneficiary insured candidate student tenant person caller"
    " donor attendee traveler traveller cardholder client doctor physician nurse"
    .split()
)  # fmt: skip
_ENDINGS: Final = frozenset("number no num nr value text str string raw plain encrypted id field line".split())
_GENERIC: Final = frozenset(
    "value values val number no num text content data raw item items id code string result answer input output"
    " details"
    " info payload body field entry digits formatted e164 display primary secondary work home other default line"
    .split()
)  # fmt: skip
_DROPPERS: Final = frozenset(
    "at count total ms ts ns us seconds url uri len length size version hash sha256 sha1 md5 time timestamp"
    " date enabled"
    " status state type kind flag verified valid index idx limit max min avg rate score ratio percent tokens"
    " required expires updated created duration latency offset"
    .split()
)  # fmt: skip
"""A key that ends in one of these tells of something about the thing, not the thing."""
_ID_MISLEADS: Final = frozenset(
    "phone mobile cell card account call text number contact fax tel bank credit debit message".split()
)

_DOUBTFUL: Final = frozenset(
    "pan sin nin tin dni nie nif tel cell mobile pin token auth cookie tfn fax passport portable mobil"
    " movil handy celular tarjeta"
    " sessionid kreditkarte passeport pasaporte reisepass nir matricula".split()
)

_CALLS: Final = frozenset(("call", "calls"))

ALLOWED: Final = frozenset(
    "id ids uuid guid traceid spanid parentid requestid sessionid turnid callid eventid correlationid"
    " messageid toolcallid"
    " traceparent tracestate hash sha256 sha1 sha512 md5 digest checksum etag commit revision version schema"
    " model tool"
    " toolname function functionname type eventtype kind status state code errorcode statuscode ts timestamp time at"
    " createdat updatedat startedat endedat finishedat expiresat recordedat date start end duration latency latencyms"
    " elapsed elapsedms count total limit offset page size length bytes tokens inputtokens outputtokens totaltokens"
    " recorderseq sessionseq agentid agentversion capture classification domains outcome costsource redactions"
    " prompttokens completiontokens maxtokens temperature topp seed index seq sequence number step attempt"
    " retries retry"
    " port pid threadid role level severity logger module line column path method route amount price cost"
    " costusd currency"
    " quantity qty unit units balance tax rate percent score weight threshold language locale timezone encoding"
    " format"
    " mimetype contenttype finishreason stopreason objecttype resource action operation name enabled active"
    " success ok"
    " result origin destination cabin flightnumber flighttype insurance available seats sku productid orderid"
    " invoiceid reservationid bookingid itemid region zone environment env host service component build release"
    .split()
)  # fmt: skip
"""Keys below which strict profiles leave numbers and short values alone, without separators."""
OWN: Final = frozenset(
    "id ids uuid inputs outputs details original prevhash hash salt argumentshash prompthash head expect checkpoint"
    " recorder request parentid sessionid callid turnid spanid traceid ts recordedat at rules ticket lookup case"
    .split()
)  # fmt: skip
"""Keys of entries, without separators."""


class KeyReader:
    """Reads keys by the built-in lists and those of the operator."""

    def __init__(
        self,
        vocabulary: frozenset[str],
        *,
        quiet: frozenset[str] = frozenset(),
        strict: bool = False,
        sensitive: Mapping[str, str] | None = None,
        allowed: Iterable[str] = (),
    ) -> None:
        """``vocabulary``: the words that are context of anything; others of a key are not repeated.

        ``quiet``: those of them that no rule takes for a name of what stands near.
        """
        self._vocabulary = vocabulary
        self._quiet = quiet
        self._kinds = SENSITIVE | (STRICT_SENSITIVE if strict else {}) | _joined(sensitive or {})
        self._spoken_for = frozenset("".join(split_key(key)) for key in allowed)
        self._allowed = ALLOWED | self._spoken_for
        self.known: dict[str, KeyMeaning] = {}
        """Keys that were read before."""
        self.settled: dict[str, Place] = {}
        """Those of them whose values no other key has a say in."""

    def __call__(self, key: str) -> KeyMeaning:
        """What ``key`` says; keys that may hold data themselves are not remembered."""
        known = self.known.get(key)
        if known is not None:
            return known
        if len(key) > _LONGEST_KEY or _PLAIN.fullmatch(key) is None or _LONG_PIECE.search(key) is not None:
            return self._read(key, harmless=False)
        said = self._read(key, harmless=True)
        if len(self.known) < _MOST_KNOWN:
            self.known[key] = said
            if said.plain is not None and not said.generic:
                self.settled[key] = said.plain
        return said

    def is_quiet(self, context: str) -> bool:
        """Whether no word of a key's context could name what stands below it."""
        return not context or self._quiet.issuperset(context.split())

    def _read(self, key: str, *, harmless: bool) -> KeyMeaning:
        words = split_key(key)
        joined = "".join(words)
        kind = None if joined in self._spoken_for else sensitive_kind(words, self._kinds)
        doubtful = kind is not None and joined in _DOUBTFUL
        allowed = joined in self._allowed or (bool(words) and words[-1] in _DROPPERS)
        context = " ".join(word for word in _context(words) if word in self._vocabulary)
        return KeyMeaning(
            words=context,
            kind=kind,
            generic=all(word in _GENERIC or word.isdigit() for word in words),
            harmless=harmless,
            doubtful=doubtful,
            allowed=allowed,
            own=joined in OWN,
            but_uuid=joined == "sessionid",
            plain=None if doubtful else Place(context, kind, allowed, self.is_quiet(context), joined in OWN),
        )


def _joined(sensitive: Mapping[str, str]) -> dict[str, str]:
    return {"".join(split_key(key)): kind for key, kind in sensitive.items()}


def looks_meant(kind: str, text: str) -> bool:
    """Whether a value under a doubtful key looks like what that key may mean."""
    if kind == "SECRET":
        pieces = text.split()
        return len(text) >= 12 and (len(pieces) == 1 or all("=" in piece for piece in pieces))
    return sum(letter.isdigit() for letter in text) >= 4


def sensitive_kind(words: tuple[str, ...], kinds: Mapping[str, str]) -> str | None:
    """The kind that a key of these words is masked as: as it is, or without what says whose or which it is."""
    while words and words[-1].isdigit():
        words = words[:-1]
    whose = ""
    rest = words
    while rest:
        kind = kinds.get("".join(rest))
        if kind is None and len(rest) > 1 and rest[-1] in _ENDINGS:
            kind = kinds.get("".join(rest[:-1])) if rest[-1] != "id" else None
        if kind is not None:
            return kind
        if rest == ("name",) and whose in _PERSONS:
            return "PERSON"
        if rest[0] not in _QUALIFIERS and rest[0] not in _PERSONS:
            return None
        whose, rest = rest[0], rest[1:]
    return None


def _context(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words or words[-1] in _DROPPERS:
        return ()
    misleading = _ID_MISLEADS if words[-1] in ("id", "ids", "uuid", "ref", "key") else _CALLS
    return tuple(word for word in words if word not in misleading)
