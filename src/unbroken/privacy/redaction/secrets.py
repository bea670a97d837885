"""Keys, tokens and passwords: by the prefixes that their makers give them, and by what stands before them.

The families follow the rules of gitleaks (MIT, see docs/decisions/redaction.md); the patterns are our own, bounded, and
looked for only where their prefix stands in the text.
"""

import re
from typing import Final, TypeAlias

from unbroken.privacy.redaction.finding import Findings
from unbroken.privacy.redaction.page import Page

_W: Final = r"(?![A-Za-z0-9])"


def _family(*rules: tuple[str, str, str]) -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    return tuple((name, prefix, re.compile(_literal_first(pattern))) for name, prefix, pattern in rules)


_GUARDED: Final = re.compile(r"(\(\?<!\[[^\]]+\]\))((?:[A-Za-z0-9_-]|\\[.+])+(?=[\[(]|\\d))(.*)", re.DOTALL)


def _literal_first(pattern: str) -> str:
    """The same pattern with its literal in front of the look-behind: the search can then skip to it."""
    match = _GUARDED.fullmatch(pattern)
    if match is None:
        return pattern
    guard, literal, rest = match.groups()
    return f"{literal}{guard[:-1]}{literal}){rest}"


FAMILIES: Final = _family(
    ("AWS access key id", "AKIA", r"AKIA[A-Z2-7]{16}" + _W),
    ("AWS access key id", "ASIA", r"ASIA[A-Z2-7]{16}" + _W),
    ("AWS access key id", "ABIA", r"ABIA[A-Z2-7]{16}" + _W),
    ("AWS access key id", "ACCA", r"ACCA[A-Z2-7]{16}" + _W),
    ("AWS Bedrock key", "ABSK", r"ABSK[A-Za-z0-9+/]{100,300}={0,2}"),
    ("GitHub token", "gh", r"gh[pousr]_[A-Za-z0-9]{30,255}" + _W),
    ("GitHub fine-grained token", "github_pat_", r"github_pat_[A-Za-z0-9_]{22,255}"),
    ("GitLab token", "gl", r"gl(?:pat|ptt|rt|soat|dt|cbt|ft|imt|agent|oas)-[A-Za-z0-9_\-]{16,300}"),
    ("GitLab runner token", "GR1348941", r"GR1348941[A-Za-z0-9_\-]{20}"),
    ("Slack token", "xox", r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9\-]{10,250}"),
    ("Slack app token", "xapp-", r"xapp-\d-[A-Za-z0-9\-]{10,200}"),
    ("Slack webhook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,150}"),
    ("Discord webhook", "/api/webhooks/", r"/api/webhooks/\d{17,20}/[A-Za-z0-9_\-]{50,90}"),
    ("Teams webhook", "webhook.office.com", r"webhook\.office\.com/webhookb2/[A-Za-z0-9@\-/]{60,300}"),
    ("Google API key", "AIza", r"AIza[A-Za-z0-9_\-]{35}"),
    ("Google OAuth token", "ya29.", r"ya29\.[A-Za-z0-9_\-]{20,2000}"),
    ("Google OAuth secret", "GOCSPX-", r"GOCSPX-[A-Za-z0-9_\-]{20,40}"),
    ("Google refresh token", "1//0", r"1//0[A-Za-z0-9_\-]{30,200}"),
    ("OpenAI or similar key", "sk-", r"(?<![A-Za-z0-9])sk-(?:[a-z0-9]{1,8}-){0,2}[A-Za-z0-9_\-]{20,220}"),
    ("Stripe key", "k_", r"(?<![A-Za-z0-9])[srp]k_(?:live|test|prod)_[A-Za-z0-9]{10,250}"),
    ("Stripe webhook secret", "whsec_", r"whsec_[A-Za-z0-9+/=]{20,100}"),
    ("SendGrid key", "SG.", r"SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{16,64}"),
    ("Brevo key", "xkeysib-", r"xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    ("Mailgun key", "key-", r"(?<![A-Za-z0-9])key-[a-f0-9]{32}" + _W),
    ("Mailgun key", "pubkey-", r"pubkey-[a-f0-9]{32}" + _W),
    ("Mailchimp key", "-us", r"(?<![a-z0-9])[a-f0-9]{32}-us\d{1,2}" + _W),
    ("Twilio key", "SK", r"(?<![A-Za-z0-9])SK[0-9a-fA-F]{32}" + _W),
    ("Twilio account", "AC", r"(?<![A-Za-z0-9])AC[0-9a-f]{32}" + _W),
    ("npm token", "npm_", r"npm_[A-Za-z0-9]{30,50}"),
    ("PyPI token", "pypi-", r"pypi-[A-Za-z0-9_\-]{40,1000}"),
    ("RubyGems key", "rubygems_", r"rubygems_[a-f0-9]{40,60}"),
    ("NuGet key", "oy2", r"(?<![A-Za-z0-9])oy2[a-z0-9]{43}" + _W),
    ("Clojars token", "CLOJARS_", r"CLOJARS_[A-Za-z0-9]{50,70}"),
    ("Hugging Face token", "hf_", r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,50}"),
    ("Hugging Face token", "api_org_", r"api_org_[A-Za-z0-9]{30,50}"),
    ("Replicate token", "r8_", r"(?<![A-Za-z0-9])r8_[A-Za-z0-9]{30,50}"),
    ("Groq key", "gsk_", r"gsk_[A-Za-z0-9]{40,70}"),
    ("Perplexity key", "pplx-", r"pplx-[A-Za-z0-9]{32,64}"),
    ("xAI key", "xai-", r"xai-[A-Za-z0-9_]{60,100}"),
    ("Tavily key", "tvly-", r"tvly-[A-Za-z0-9\-]{20,60}"),
    ("Langfuse key", "-lf-", r"[ps]k-lf-[0-9a-f\-]{36}"),
    ("LangSmith key", "lsv2_", r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"),
    ("Pinecone key", "pcsk_", r"pcsk_[A-Za-z0-9_]{40,90}"),
    ("DigitalOcean token", "_v1_", r"do[opr]_v1_[a-f0-9]{64}"),
    ("Shopify token", "shp", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    ("Square token", "sq0", r"sq0(?:atp|csp|idp)-[A-Za-z0-9_\-]{20,50}"),
    ("Square token", "EAAA", r"(?<![A-Za-z0-9+/])EAAA[A-Za-z0-9_\-+=]{56,64}"),
    ("Facebook token", "EAA", r"(?<![A-Za-z0-9+/])EAA[A-Z][A-Za-z0-9]{80,300}"),
    ("PayPal token", "access_token$", r"access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[a-f0-9]{32}"),
    ("Plaid token", "access-", r"access-(?:sandbox|development|production)-[0-9a-f\-]{36}"),
    ("Adyen key", "AQE", r"AQE[A-Za-z0-9]{5}[A-Za-z0-9+/=\-]{60,250}"),
    ("Razorpay key", "rzp_", r"rzp_(?:live|test)_[A-Za-z0-9]{14,30}"),
    ("Flutterwave key", "FLW", r"FLW(?:PUBK|SECK)[_-](?:TEST|LIVE)?-?[A-Za-z0-9]{12,40}(?:-X)?"),
    ("Telegram bot token", ":A", r"(?<!\d)\d{8,10}:A[A-Za-z0-9_\-]{34}" + _W),
    ("Discord bot token", ".",
     r"[MNO](?<![A-Za-z0-9][MNO])[A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}"),
    ("Atlassian token", "ATATT3", r"ATATT3[A-Za-z0-9_\-=]{100,250}"),
    ("Atlassian token", "ATCTT3", r"ATCTT3[A-Za-z0-9_\-=]{100,250}"),
    ("Bitbucket password", "ATBB", r"ATBB[A-Za-z0-9_=.\-]{32}"),
    ("Linear key", "lin_", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,64}"),
    ("Notion token", "ntn_", r"ntn_[A-Za-z0-9]{40,60}"),
    ("Notion token", "secret_", r"secret_[A-Za-z0-9]{43}" + _W),
    ("Airtable token", "pat", r"(?<![A-Za-z0-9])pat[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    ("Asana token", "/", r"/(?<=\d/)(?<![\d/]\d/)\d{16}(?:/\d{16})?:[A-Za-z0-9]{32}" + _W),
    ("Figma token", "figd_", r"figd_[A-Za-z0-9_\-]{40,60}"),
    ("Postman key", "PMAK-", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    ("Typeform token", "tfp_", r"tfp_[A-Za-z0-9_\-=.]{40,80}"),
    ("HubSpot token", "pat-", r"pat-(?:na|eu|ap)\d-[0-9a-fA-F\-]{36}"),
    ("Intercom or Asana token", "dG9r", r"dG9rO[A-Za-z0-9+/]{40,80}={0,2}"),
    ("Zendesk or Okta token", "SSWS ", r"(?<=SSWS )[A-Za-z0-9_\-]{30,50}"),
    ("Okta token", "00", r"(?<![A-Za-z0-9])00[A-Za-z0-9_]{2}[A-Za-z0-9_\-]{36,37}[A-Za-z0-9](?![A-Za-z0-9_\-])"),
    ("Datadog key", "dd", r"ddapi_[A-Za-z0-9]{30,50}|ddp_[A-Za-z0-9]{30,50}"),
    ("New Relic key", "NR", r"NR(?:AK|II|JS|IQ|RA|AA)-[A-Za-z0-9_\-]{18,45}"),
    ("Grafana token", "gl", r"gl(?:sa|c)_[A-Za-z0-9_+/]{32,400}={0,2}"),
    ("Grafana key", "eyJrIjoi", r"eyJrIjoi(?<![A-Za-z0-9]eyJrIjoi)[A-Za-z0-9+/]{60,400}={0,2}"),
    ("Sentry token", "sntry", r"sntry[su]_[A-Za-z0-9+/=_\-]{40,300}"),
    ("PagerDuty token", "u+", r"(?<![A-Za-z0-9])u\+[A-Za-z0-9_\-]{18}" + _W),
    ("Dynatrace token", "dt0", r"dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    ("Splunk or Vault token", "hv", r"hv[sbr]\.[A-Za-z0-9_\-]{24,300}"),
    ("Vault token", "s.", r"(?<![A-Za-z0-9.])s\.[A-Za-z0-9]{24}(?![A-Za-z0-9]|\.[A-Za-z0-9])"),
    ("Terraform token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-=]{60,70}"),
    ("Doppler token", "dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_\-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    ("Pulumi token", "pul-", r"pul-[a-f0-9]{40}"),
    ("Databricks token", "dapi", r"dapi[a-f0-9]{32}(?:-\d)?"),
    ("Snyk or Heroku key", "HRKU-", r"HRKU-[A-Za-z0-9_\-]{36,80}"),
    ("Fly.io token", "fo1_", r"fo1_[A-Za-z0-9_\-]{43}"),
    ("Fly.io token", "fm", r"fm[12][ar]?_[A-Za-z0-9+/]{100,600}={0,3}"),
    ("Netlify token", "nfp_", r"nfp_[A-Za-z0-9]{36,60}"),
    ("Vercel token", "vc", r"vc[pkiar]_[A-Za-z0-9]{20,80}"),
    ("Cloudflare origin key", "v1.0-", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}"),
    ("PlanetScale token", "pscale_", r"pscale_(?:tkn|oauth|pw)_[A-Za-z0-9=._\-]{32,64}"),
    ("Supabase token", "sbp_", r"sbp_[a-f0-9]{40}"),
    ("Supabase key", "sb_", r"sb_(?:secret|publishable)_[A-Za-z0-9_\-]{20,60}"),
    ("Prefect token", "pnu_", r"pnu_[a-z0-9]{36}"),
    ("Readme key", "rdme_", r"rdme_[a-z0-9]{70}"),
    ("Duffel token", "duffel_", r"duffel_(?:test|live)_[A-Za-z0-9_\-=]{43}"),
    ("EasyPost token", "EZ", r"EZ[AT]K[A-Za-z0-9]{54}"),
    ("Shippo token", "shippo_", r"shippo_(?:live|test)_[a-fA-F0-9]{40}"),
    ("Frame.io token", "fio-u-", r"fio-u-[A-Za-z0-9\-_=]{64}"),
    ("Dropbox token", "sl.", r"(?<![A-Za-z0-9])sl\.(?:u\.)?[A-Za-z0-9\-=_]{120,1400}"),
    ("Contentful token", "CFPAT-", r"CFPAT-[A-Za-z0-9_\-]{43}"),
    ("1Password token", "ops_", r"ops_eyJ[A-Za-z0-9+/]{200,1200}={0,3}"),
    ("1Password secret key", "A3-",
     r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}"),
    ("age key", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    ("Artifactory key", "AKCp", r"AKCp[A-Za-z0-9]{69}"),
    ("Artifactory token", "cmVmdGtuOj", r"cmVmdGtuOj[A-Za-z0-9]{50,80}"),
    ("Azure AD secret", "Q~", r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.\-]{31,34}"),
    ("Azure DevOps token", "AZDO", r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}"),
    ("Alibaba key", "LTAI", r"LTAI[A-Za-z0-9]{16,24}" + _W),
    ("Tencent key", "AKID", r"AKID[A-Za-z0-9]{32}" + _W),
    ("Yandex key", "AQVN", r"AQVN[A-Za-z0-9_\-]{35,38}"),
    ("Yandex token", "t1.", r"t1\.[A-Z0-9a-z_\-]{1,300}={0,2}\.[A-Z0-9a-z_\-]{86}"),
    ("Sourcegraph token", "sgp_", r"sgp_(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}"),
    ("Scalingo token", "tk-us-", r"tk-us-[A-Za-z0-9_\-]{48}"),
    ("Sidekiq or Buildkite token", "bkua_", r"bkua_[a-z0-9]{40}"),
    ("Docker Hub token", "dckr_", r"dckr_[a-z]{3}_[A-Za-z0-9_\-]{20,60}"),
    ("OpenShift token", "sha256~", r"sha256~[A-Za-z0-9_\-]{43}"),
    ("Harness token", "pat.", r"pat\.[A-Za-z0-9_\-]{22}\.[a-f0-9]{24}\.[A-Za-z0-9]{20}"),
    ("Harness token", "sat.", r"sat\.[A-Za-z0-9_\-]{22}\.[a-f0-9]{24}\.[A-Za-z0-9]{20}"),
    ("Infracost key", "ico-", r"ico-[A-Za-z0-9]{32}"),
    ("Settlemint token", "sm_", r"sm_(?:aat|pat|sat)_[A-Za-z0-9]{16}"),
    ("MaxMind key", "_mmk", r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk"),
    ("Lob key", "live_", r"(?<![A-Za-z0-9])live_[a-f0-9]{35}" + _W),
    ("Lob key", "test_", r"(?<![A-Za-z0-9])test_[a-f0-9]{35}" + _W),
    ("JFrog or Cohere key", "co_", r"(?<![A-Za-z0-9])co_[A-Za-z0-9]{38,44}" + _W),
    ("SonarQube token", "sq", r"sq[pua]_[A-Za-z0-9]{40}" + _W),
)  # fmt: skip
"""Name, what has to stand in the text for the pattern to be tried, and the pattern."""

_TRIGGERS: Final[dict[str, str]] = {
    "gh": "ghp gho ghu ghs ghr", "gl": "glpat glptt glrt glsoat gldt glcbt glft glimt glagent gloas glsa glc",
    "xox": "xoxa xoxb xoxe xoxo xoxp xoxr xoxs", "k_": "sk pk rk", "shp": "shpat shpca shppa shpss",
    "sq0": "sq0atp sq0csp sq0idp", "sntry": "sntrys sntryu", "dd": "ddapi ddp", "NR": "nrak nrii nrjs nriq nrra nraa",
    "hv": "hvs hvb hvr", "fm": "fm1 fm2 fm1r fm1a fm2r fm2a", "vc": "vcp vck vci vca vcr", "sq": "sqp squ sqa",
    "hooks.slack.com": "hooks", "/api/webhooks/": "webhooks", "webhook.office.com": "webhook", "FLW": "flwpubk flwseck",
    "-lf-": "lf", ".atlasv1.": "atlasv1", "_mmk": "mmk", "_v1_": "dop doo dor", "sb_": "sb", "access_token$": "access",
    "github_pat_": "github", "api_org_": "api", "v1.0-": "v1", "AGE-SECRET-KEY-": "age", "fio-u-": "fio",
    "tk-us-": "tk",
}  # fmt: skip
_GLUED_TO: Final = ("SK", "AC", "EZ")
_ANYWHERE: Final = frozenset((":A", ".", "/", "00", "Q~", "AZDO", "-us", "dt0", "1//0"))
_START: Final = 3
_DISCORD_ID: Final = 20

Families: TypeAlias = tuple[tuple[str, str, re.Pattern[str]], ...]


def _by_trigger() -> tuple[dict[str, Families], dict[str, Families], Families]:
    """The families by a word that stands by itself, by what a longer word begins with, and those without either."""
    words: dict[str, Families] = {}
    starts: dict[str, Families] = {}
    anywhere: Families = ()
    for family in FAMILIES:
        prefix = family[1]
        if prefix in _ANYWHERE:
            anywhere += (family,)
        elif prefix in _GLUED_TO or (prefix not in _TRIGGERS and prefix[-1].isalnum() and len(prefix) >= _START):
            key = prefix[:_START].lower()
            starts[key] = (*starts.get(key, ()), family)
        else:
            first = re.split(r"[^A-Za-z0-9]", prefix.strip("/-_."))[0].lower()
            for word in _TRIGGERS.get(prefix, first).split():
                words[word] = (*words.get(word, ()), family)
    return words, starts, anywhere


_BY_WORD, _BY_START, _BY_NONE = _by_trigger()
_OF_HEX: Final = [family for family in FAMILIES if family[1] in ("-us", "AC", "/")]
"""Those whose longest part may look like any hash."""
_MAY_BREAK: Final = [family for family in FAMILIES if family[1] in ("AIza", "EAAA", "AQVN", "ATBB", "AQE", ":A", "Q~")]
"""Those whose random part may have a hyphen so early that no long word is left of it."""
PREFIX_WORDS: Final = frozenset(_BY_WORD)
KEY_WORDS: Final = frozenset(("begin", "putty"))
_STARTS: Final = frozenset(_BY_START)

_JWT: Final = re.compile(
    r"eyJ(?<![A-Za-z0-9_]eyJ)[A-Za-z0-9_\-]{8,4000}\.[A-Za-z0-9_\-]{8,8000}(?:\.[A-Za-z0-9_\-]{0,4000}){0,3}"
)
_PEM: Final = re.compile(r"-----BEGIN[ A-Z0-9_-]{0,60}(?:PRIVATE KEY|SECRET)[ A-Z]{0,20}-----")
_PEM_END: Final = re.compile(r"-----END[ A-Z0-9_-]{0,100}-----")
_PUTTY: Final = re.compile(r"PuTTY-User-Key-File-\d")

# ``password=…``, ``"api_key": "…"``, ``--token …``: a name, something that assigns, and one value.
_NAMES: Final = (
    r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|api[_ -]?key|apikey|access[_ -]?key|secret[_ -]?key|private[_ -]?key"
    r"|auth[_ -]?token|access[_ -]?token|refresh[_ -]?token|token|client[_ -]?secret|credentials?|account[_ -]?key"
    r"|shared[_ -]?access[_ -]?key|encryption[_ -]?key|signing[_ -]?key|sharedaccesssignature|sig"
    r"|passwort|kennwort|mot de passe|contrasena|clave de acceso|senha|wachtwoord|parola d'ordine|haslo|losenord)"
)
_SAYS: Final = r"is|was|ist|lautet|est|es|era"
# Within a value that no quotes enclose, marks belong to it unless a blank or the next name follows.
_BARE: Final = (
    r"(?:[^\s\"'`\x00-\x20,;&<>]"
    r"|[,;&<>\"'`](?=[^\s\"'`\x00-\x20,;&<>])(?!/|[a-z]{1,10}\s?/?>|[\w.\- ]{1,40}[\"']?\s{0,2}[=:])){4,512}"
)
_ASSIGNED: Final = re.compile(
    rf"(?<![a-z0-9])(?:[a-z0-9]{{1,20}}[_-]){{0,3}}{_NAMES}[\"']?\s{{0,3}}(?:=>|:=|==?|:|\b(?:{_SAYS})\b|=)\s{{0,3}}"
    rf"(?:\"(?P<double>[^\"\x00\n]{{4,300}})\"|'(?P<single>[^'\x00\n]{{4,300}})'|`(?P<tick>[^`\x00\n]{{4,300}})`"
    rf"|(?P<quote>[\"'`]?)(?P<bare>{_BARE}))",
    re.IGNORECASE,
)
_SAID: Final = re.compile(rf"\b(?:{_SAYS})\s{{0,3}}$", re.IGNORECASE)
_OPTION: Final = re.compile(
    r"--?(?:password|passwd|token|api-?key|secret|auth)[ =]([^\s\"'\x00-\x20-][^\s\"'\x00-\x20]{3,200})", re.IGNORECASE
)
_USER: Final = re.compile(r"(?:^|\s)(?:-u|--user|--proxy-user)[ =][\"']?[^\s:\"']{1,64}:([^\s\"'\x00-\x20]{4,200})")
_HEADER: Final = re.compile(
    r"\b(?:bearer|basic|token|digest|negotiate|apikey|sharedaccesssignature)\s{1,3}([A-Za-z0-9+/_.~=\-]{12,4000})",
    re.IGNORECASE,
)
_COOKIE: Final = re.compile(r"\b(?:set-)?cookie\s{0,2}:\s{0,2}([^\x00-\x1f]{4,2000})", re.IGNORECASE)
WORDS: Final = frozenset(
    "password passwd passphrase passcode pass pwd secret token tokens apikey api key bearer basic authorization auth"
    " credential credentials cookie sig sharedaccesskey accountkey sharedaccesssignature negotiate digest"
    " passwort kennwort passe contrasena clave senha wachtwoord parola haslo losenord"
    .split()
)  # fmt: skip
_ASSIGNED_WORDS: Final = WORDS - {
    "bearer",
    "basic",
    "authorization",
    "cookie",
    "negotiate",
    "digest",
    "tokens",
    "api",
    "auth",
}
_PASSWORD_NAME: Final = re.compile(
    r"pass|pwd|kennwort|contrasena|clave|senha|wachtwoord|parola|haslo|losenord", re.IGNORECASE
)
_NO_SECRETS: Final = re.compile(
    r"(?:true|false|null|none|undefined|required|optional|invalid|expired|missing|wrong|incorrect|correct|valid|changed"
    r"|reset|sent|string|str|bytes|empty|hidden|redacted|example|placeholder|your\w*|not|the|and|set|was|is|too|must"
    r"|should|that|this|been|\*+|x+|\.+|-+|<[a-z_ \-]*>?|\{+[a-z_. ]*\}*|\[[a-z_ .:\-]*\]?|%[a-z_]+%|%[sdr]"
    r"|\$[{(].*|\$(?-i:[A-Z][A-Z0-9_]*)|\$\w*(?:pass|pwd|secret|token|key|env|cred)\w*"
    r"|os\.\w.*|process\.\w.*|self\.\w.*|env\.\w.*|getenv.*|\w+\(.*"
    r"|nicht|falsch|vergessen|geandert|ungultig|abgelaufen|korrekt|und|oder|muss|wird|sera|doit|debe|oublie|invalide"
    r"|expire|olvidad[oa]|incorrect[oa]|caducad[oa])",
    re.IGNORECASE,
)
_MIXED: Final = re.compile(r"(?=.*[A-Za-z])(?=.*[\d\W_])")

_SHORTEST_PIECE: Final = 14


def secrets(page: Page, found: Findings) -> None:
    """Takes keys and tokens that show what they are, private keys, and values that are called secret."""
    text = page.text
    _by_prefix(page, found)
    if "-u" in text or "-user" in text:
        for match in _USER.finditer(text):
            found.add(*match.span(1), "PASSWORD", "login in a command line")
    if "begin" in page.hints or "putty" in page.hints:
        _private_keys(text, found)
    if not page.hints.isdisjoint(WORDS):
        _by_name(page, found)


def _by_prefix(page: Page, found: Findings) -> None:
    text = page.text
    families: list[tuple[str, str, re.Pattern[str]]] = []
    for word in page.hints & PREFIX_WORDS:
        families += _BY_WORD[word]
    begun = {token[:_START] for token in page.mixed}
    begun.update([token[:_START] for token in page.long_words])
    for start in begun & _STARTS:
        families += _BY_START[start]
    families += [family for family in _MAY_BREAK if family[1] in text]
    # The id may be all letters, and what follows it may be cut into short pieces.
    if any([len(token) >= _DISCORD_ID and token[0] in "mno" for token in page.mixed + page.long_words]):
        families += [family for family in _BY_NONE if family[1] == "."]
    if page.longest >= _SHORTEST_PIECE:
        families += [family for family in _BY_NONE if family[1] != "." and family[1] in text]
        families += [family for prefix in _GLUED_TO if prefix in text for family in _BY_START[prefix.lower()]]
    elif any([len(token) >= _SHORTEST_PIECE for token in page.hexes]):
        families += [family for family in _OF_HEX if family[1] in text]
    for name, _, pattern in families:
        for match in pattern.finditer(text):
            found.add(*match.span(), "API_KEY", name)
    if "eyj" in begun:
        for match in _JWT.finditer(text):
            found.add(*match.span(), "JWT", "JSON web token")


def _private_keys(text: str, found: Findings) -> None:
    for match in _PEM.finditer(text):
        end = _PEM_END.search(text, match.end())
        stop = text.find("\x00", match.end())
        stop = len(text) if stop < 0 else stop
        found.add(match.start(), end.end() if end is not None and end.end() <= stop else stop, "PRIVATE_KEY", "PEM")
    for match in _PUTTY.finditer(text):
        stop = text.find("\x00", match.end())
        found.add(match.start(), len(text) if stop < 0 else stop, "PRIVATE_KEY", "PuTTY key")


def _by_name(page: Page, found: Findings) -> None:
    text = page.text
    if not page.hints.isdisjoint(_ASSIGNED_WORDS):
        for match in _ASSIGNED.finditer(text):
            _assigned(match, found)
        for match in _OPTION.finditer(text):
            found.add(*match.span(1), "PASSWORD", "secret in a command line")
    for match in _HEADER.finditer(text):
        if _is_random(match[1]):
            found.add(*match.span(1), "SECRET", "authorization header")
    if "cookie" in page.hints:
        for match in _COOKIE.finditer(text):
            found.add(*match.span(1), "SECRET", "cookie header")


def _assigned(match: re.Match[str], found: Findings) -> None:
    group = next(name for name in ("double", "single", "tick", "bare") if match[name] is not None)
    quoted = group != "bare" or bool(match["quote"])
    value = match[group] if group != "bare" else match[group].rstrip(".)]}!?")
    start = match.start(group)
    if len(value) < 4 or _NO_SECRETS.fullmatch(value.split(" ", 1)[0]) is not None:
        return
    name = match[0][: start - match.start()]
    if _PASSWORD_NAME.search(name) is not None:
        if _SAID.search(name) is None or _MIXED.match(value) is not None or quoted:
            found.add(start, start + len(value), "PASSWORD", "value called a password")
    elif _is_random(value) and " " not in value:
        found.add(start, start + len(value), "SECRET", "value called a secret")


def _is_random(value: str) -> bool:
    """Whether a value looks made rather than written: long enough, with digits, or cases mixed within it."""
    if len(value) < 8:
        return False
    has_digit = any(letter.isdigit() for letter in value)
    mixed_case = value != value.lower() and value != value.upper() and value != value.capitalize()
    return (has_digit and any(letter.isalpha() for letter in value)) or (mixed_case and len(value) >= 16)
