"""What gives itself away by its form. Each pattern begins where a word begins and repeats no more than it says
or no class twice in a row, so that no text makes it slow."""

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from config.redaction.words import STANDARDS

Span = tuple[int, int]

# --- Secrets -----------------------------------------------------------------------------------------------

_SECRETS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[0-9A-Z]{12,20}\b",
        r"\bgh[pousr]_[0-9A-Za-z]{16,255}",
        r"\bgithub_pat_\w{20,255}",
        r"\b(?:glpat|gldt|glrt|dop_v1|npm|pypi|hvs|shpat|sq0atp|xkeysib)[-_][\w-]{16,255}",
        r"\bxox[a-z]-[\w-]{10,255}",
        r"\b(?:sk|pk|rk)_(?:live|test)_\w{8,255}",
        r"\b(?:sk|key|token|whsec)[-_][\w-]{20,255}",
        r"\bAIza[\w-]{30,60}",
        r"\bya29\.[\w-]{20,255}",
        r"\bSG\.[\w-]{16,64}\.[\w-]{16,64}",
        r"\beyJ[\w-]{8,4096}\.[\w-]{4,8192}(?:\.[\w-]{0,8192})?",
        r"-----\s?BEGIN [A-Z0-9 ]{2,40}-----[A-Za-z0-9+/=\s:,-]{0,8192}",
        r"\bssh-(?:rsa|ed25519|dss)\s{1,3}AAAA[0-9A-Za-z+/=]{16,4096}",
        # What somebody called a secret. “Your password: choose a new one” has a word after it, not a secret.
        r"(?<![A-Za-z])(?:pass(?:word|wd|phrase)?|pwd|secret|api[ _-]?key|access[ _-]?key|auth[ _-]?token|token|"
        r"credentials?)(?:_[a-z]{1,20})?[\"']?\s{0,3}(?::=|=>|=|:)\s{0,3}[\"']?(?![\"'])"
        r"(?:(?=\S{0,60}[0-9!$%^&+/=_])\S{4,200}|(?<=[=\"'])\S{4,200})",
        r"(?<![A-Za-z])(?:pass(?:word|phrase)|pwd) (?:is|was) (?=\S{0,60}[0-9!$%^&+/=_])\S{4,200}",
        r"\b(?:bearer|basic) (?=[\w.~+/=-]{0,200}[0-9])[\w.~+/=-]{12,4096}",
        r"(?<=://)[^\s/:@]{1,100}:[^\s/@]{1,200}@",
    )
]
_DENSE = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{20,512}={0,2}")
_HEX = re.compile(r"[0-9a-fA-F-]+\Z")


def secrets(text: str) -> Iterator[Span]:
    """Keys of well-known form, what is called a password, and what no language makes."""
    for pattern in _SECRETS:
        yield from (match.span() for match in pattern.finditer(text))
    yield from (match.span() for match in _DENSE.finditer(text) if _looks_random(match[0]))


def _looks_random(word: str) -> bool:
    if _POD.fullmatch(word):
        return False
    if _HEX.match(word):
        return len(word) in (32, 64, 96, 128) and "-" not in word
    kinds = sum(bool(re.search(kind, word)) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    # Words joined by dashes or slashes, such as a path or a slug, are long parts of one kind each.
    parts = re.split("[-_/+]", word)
    wordy = sum(len(p) for p in parts if p.isalpha() and (p.islower() or p.isupper() or p.istitle()))
    if kinds < 2 or (not any(c.isdigit() for c in word) and kinds < 3) or wordy > len(word) * 0.5:
        return False
    if kinds == 2 and "/" in word:
        return False
    return entropy(word) >= (3.0 if len(word) < 28 else 3.5) and _turns(word) >= len(word) // 5


def _turns(word: str) -> int:
    kind = ["d" if c.isdigit() else "u" if c.isupper() else "l" for c in word]
    return sum(one != other for one, other in pairwise(kind))


def entropy(word: str) -> float:
    """Bits a character."""
    counts = Counter(word).values()
    return -sum(n / len(word) * math.log2(n / len(word)) for n in counts)


# --- Addresses of people, machines and tools ---------------------------------------------------------------

_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]+ ?@ ?(?=[\w-])(?:[\w-]{1,63} ?\. ?){1,8}[A-Za-z]{2,24}(?![\w-])")
_SPELLED_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%-]+ at [\w-]{1,63}(?: dot [\w-]{1,63}){1,5}(?![\w-])", re.IGNORECASE
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3} ?\. ?){3}\d{1,3}(?![\w]|\.\d)(?:/\d{1,2})?")
_IPV6 = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f:]{0,45}:[0-9A-Fa-f:]{0,45}:)[0-9A-Fa-f:]{3,45}(?:\.[\d.]{5,12})?(?![\w:])"
)
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])")

_INNER = (
    r"internal|intern|corp|local|localdomain|lan|intra|intranet|private|priv|home|svc|consul|cluster|"
    r"node|service\.consul|home\.arpa|vpc|k8s|test|invalid|onion"
)
_CLOUD = (
    r"amazonaws\.com|cloudapp\.(?:net|azure\.com)|azurewebsites\.net|windows\.net|internal\.cloudapp\.net|"
    r"googleusercontent\.com|gcp\.cloud|run\.app|rds\.aliyuncs\.com|herokuapp\.com|fly\.dev|on\.aws"
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,62})"
_HOST = re.compile(
    rf"(?<![\w.-])(?:{_LABEL}\.){{1,10}}(?:{_INNER}|{_CLOUD})(?![\w-]|\.\w)|(?<![\w-])\*\.(?:{_INNER})\b",
    re.IGNORECASE,
)
_ROLE = (
    r"db|sql|mysql|pg|pgsql|postgres|postgresql|mongo|mongodb|redis|memcached?|cache|kafka|zk|zookeeper|rabbit|"
    r"rabbitmq|mq|es|elastic|elasticsearch|search|web|www|app|api|srv|svc|server|host|node|vm|lb|haproxy|nginx|"
    r"proxy|gw|gateway|edge|worker|queue|cron|batch|build|ci|runner|bastion|jump|vpn|fw|sw|switch|router|rack|k8s|"
    r"kube|pod|etcd|consul|vault|nas|san|storage|backup|log|logs|metrics|prom|grafana|mail|smtp|mx|dns|ns|ntp|"
    r"prod|prd|stg|staging|stage|dev|qa|uat|master|replica|primary|standby|shard|checkout|payments?|auth|billing"
)
_MACHINE = re.compile(
    rf"(?<![\w.-])(?:(?:{_ROLE})(?:[-_][a-z0-9]{{1,20}}){{0,5}}[-_]\d{{1,5}}[a-z]?|"
    rf"(?:{_ROLE})\d{{2,5}}|(?:{_ROLE})(?:[-_][a-z0-9]{{1,20}}){{1,5}}\d{{1,5}})(?![\w-])",
    re.IGNORECASE,
)
_POD = re.compile(
    r"(?<![\w.-])[a-z][a-z0-9]{1,30}(?:-[a-z0-9]{1,30}){0,6}-(?=[a-z-]{0,15}\d)[a-z0-9]{8,10}-[a-z0-9]{5}(?![\w-])"
)
_MADE = re.compile(
    r"(?<![\w.-])(?:ip(?:-\d{1,3}){4}|(?:i|vol|vpc|subnet|sg|ami|eni|rtb)-[0-9a-f]{8,17})\b", re.I
)
_LOCALHOST = re.compile(r"(?<![\w.-])localhost(?::\d{1,5})?\b", re.IGNORECASE)


def emails(text: str) -> Iterator[Span]:
    """Addresses of mailboxes, spelled out ones too."""
    for pattern in (_EMAIL, _SPELLED_EMAIL):
        yield from (match.span() for match in pattern.finditer(text))


def addresses(text: str) -> Iterator[Span]:
    """IP addresses of both versions, and those of network cards."""
    for match in _IPV4.finditer(text):
        digits = re.sub(r"\s|/.*", "", match[0])
        if all(int(part) <= 255 for part in digits.split(".")):
            yield match.span()
    yield from (match.span() for match in _IPV6.finditer(text) if _is_ipv6(match[0]))
    yield from (match.span() for match in _MAC.finditer(text))


def _is_ipv6(word: str) -> bool:
    if len(re.sub("[^0-9A-Fa-f]", "", word)) < 1:
        return False
    try:
        ipaddress.IPv6Address(word)
    except ValueError:
        return False
    return True


def hosts(text: str) -> Iterator[Span]:
    """Names that only resolve inside, and names as machines have them."""
    for pattern in (_HOST, _MACHINE, _POD, _MADE, _LOCALHOST):
        yield from (match.span() for match in pattern.finditer(text))


_URL = re.compile(
    r"(?<![A-Za-z0-9+.-])([a-z][a-z0-9+.-]{1,20})://([^\s/?#<>\"'`]{1,300})([^\s<>\"'`]{0,2000})", re.I
)
_TOOLS = (
    r"slack\.com|atlassian\.net|atlassian\.com|zendesk\.com|freshdesk\.com|intercom\.com|pagerduty\.com|opsgenie\.com|"
    r"incident\.io|rootly\.com|firehydrant\.com|statuspage\.io/manage|datadoghq\.(?:com|eu)|newrelic\.com|sentry\.io|"
    r"honeycomb\.io|grafana\.net|splunkcloud\.com|logz\.io|linear\.app|notion\.so|notion\.site|asana\.com|trello\.com|"
    r"monday\.com|clickup\.com|shortcut\.com|basecamp\.com|zoom\.us|meet\.google\.com|docs\.google\.com|"
    r"drive\.google\.com|sheets\.google\.com|teams\.microsoft\.com|sharepoint\.com|dropbox\.com|github\.com|"
    r"gitlab\.com|bitbucket\.org|console\.aws\.amazon\.com|console\.cloud\.google\.com|portal\.azure\.com|"
    r"salesforce\.com|hubspot\.com|looker\.com|1password\.com|okta\.com|auth0\.com"
)
_TOOL = re.compile(
    rf"(?<![\w@.-])(?:https?://)?(?:[\w-]{{1,63}}\.){{0,6}}(?:{_TOOLS})(?:/[^\s<>\"'`)\]]{{0,2000}})?(?![\w-])",
    re.I,
)
_INNER_FIRST = (
    r"admin|internal|intranet|intra|wiki|confluence|jira|jenkins|ci|build|git|gitlab|grafana|kibana|prometheus|"
    r"alertmanager|sentry|argocd|argo|vault|consul|nexus|artifactory|backoffice|staff|ops|tools|staging|stage|stg|dev|"
    r"test|qa|uat|sandbox|preprod|runbooks?|tickets?|helpdesk|crm|erp|bi|metrics|logs?|monitoring|phpmyadmin|sso|vpn"
)
_INNER_HOST = re.compile(rf"(?:[\w-]+\.)*?(?:{_INNER_FIRST})(?:-[\w-]+)?(?:\.[\w-]+)+\Z", re.IGNORECASE)
_INNER_BARE = re.compile(
    rf"(?<![\w@./-])(?:{_INNER_FIRST})(?:-[\w-]{{1,40}})?(?:\.[\w-]{{1,63}}){{1,6}}\.(?:com|net|org|io|eu|de|co|dev|cloud|app)(?:/[^\s<>\"'`)\]]{{0,2000}})?(?![\w-])",
    re.I,
)
_OUR_PAGE = re.compile(r"(?<![\w.])/(?:admin|my/actions|go|api/v\d)/[^\s<>\"'`)\]]{0,500}", re.I)
_PUBLIC_SCHEMES = ("http", "https", "mailto")


def urls(text: str) -> Iterator[Span]:
    """Addresses of what customers cannot open: private hosts, our tools, other protocols than the web's."""
    yield from (match.span() for match in _URL.finditer(text) if _leads_inside(match))
    for pattern in (_TOOL, _INNER_BARE, _OUR_PAGE):
        yield from (match.span() for match in pattern.finditer(text))


def _leads_inside(match) -> bool:
    scheme, netloc = match[1].lower(), match[2].lower()
    host = netloc.rpartition("@")[2]
    if scheme not in _PUBLIC_SCHEMES or "@" in netloc or re.search(r":\d+\Z", host):
        return True
    host = host.strip(".,;:!)]")
    return (
        "." not in host
        or host[:1].isdigit()
        or "[" in netloc
        or bool(_INNER_HOST.match(host) or _HOST.search(host))
    )


# --- Numbers of people and accounts ------------------------------------------------------------------------

_CARD = re.compile(r"(?<![\w.-])\d(?:[ .-]?\d){12,18}(?![\w]|[.-]\d)")
_IBAN = re.compile(
    r"(?<!\w)[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?!\w)", re.IGNORECASE
)
_SOCIAL = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
_PHONE = [
    re.compile(r"(?<![\w+])(?:\+|\b00)\s?[1-9](?:[ ()./-]{0,3}\d){7,14}(?!\d)"),
    re.compile(r"(?<![\w-])\(0?\d{2,4}\)[ -]?\d(?:[ .-]?\d){5,10}(?![\w-])"),
    re.compile(r"(?<![\w.-])\d{3}[-. ]\d{3}[-. ]\d{4}(?![\w-]|\.\d)"),
    re.compile(r"(?<![\w.,-])0[1-9]\d{1,4}[ /-]\d(?:[ -]?\d){4,9}(?![\w-])"),
    re.compile(
        r"\b(?:phone|tel|mobile|cell|call|fax|dial)[.:]?\s{1,2}\+?\d(?:[ ()./-]{0,2}\d){5,13}(?!\d)",
        re.IGNORECASE,
    ),
]
_UUID = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9A-Za-z])", re.IGNORECASE
)
_PREFIXED = re.compile(
    r"(?<![\w])(?:acct|acc|cus|cust|usr|user|org|ten|tenant|ws|sub|in|inv|ch|py|pi|pm|txn|ord|order|sess|req|evt)_"
    r"(?=\w{0,60}\d)\w{3,64}\b",
    re.IGNORECASE,
)
_WHOSE = re.compile(
    r"\b(?:account|acct|customer|client|tenant|user|member|workspace|organi[sz]ation|org|subscription|invoice|"
    r"contract|order)(?:s?[ _-](?:id|ids|no\.?|nr\.?|number|#)[ :=#-]{0,3}[A-Z0-9-]{0,12}\d{2,20}|"
    r"[ _-]?#\s?\d{2,20}|[-_ :=]{1,2}\d{6,20})\b",
    re.IGNORECASE,
)


def payments(text: str) -> Iterator[Span]:
    """Cards (with their check digit), bank accounts, social security numbers."""
    yield from (match.span() for match in _CARD.finditer(text) if _is_card(match[0]))
    yield from (match.span() for match in _IBAN.finditer(text) if _is_iban(match[0]))
    yield from (match.span() for match in _SOCIAL.finditer(text))


def _is_card(word: str) -> bool:
    digits = [int(c) for c in word if c.isdigit()]
    doubled = [sum(divmod(2 * d, 10)) for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def _is_iban(word: str) -> bool:
    letters = re.sub("[ -]", "", word).upper()
    return 15 <= len(letters) <= 34 and sum(c.isdigit() for c in letters) >= 10


def phones(text: str) -> Iterator[Span]:
    """Numbers as people dial them."""
    for pattern in _PHONE:
        yield from (match.span() for match in pattern.finditer(text))


def accounts(text: str) -> Iterator[Span]:
    """Numbers that say whose account something is."""
    for pattern in (_UUID, _PREFIXED, _WHOSE):
        yield from (match.span() for match in pattern.finditer(text))


# --- What only we can look up ------------------------------------------------------------------------------

_OURS = re.compile(
    r"(?<![\w-])(?:INC|RETRO|ACT|LRN)\s\d{3,9}(?!\w)|(?<![\w-])(?:INC|RETRO|ACT|LRN|DRL|SRV|RFC|CHG|CR|PRB|TASK|REQ|SEC|OPS|SRE|JIRA|BUG|TICKET|CASE|SUP|SUPPORT|"
    r"INFRA|PLAT|PAY|ENG|PROJ|DEVOPS|PM|PR|MR)[-_]\d{1,9}(?!\w)",
    re.IGNORECASE,
)
_TICKET = re.compile(r"(?<![\w-])([A-Z][A-Z0-9]{1,9})-\d{1,7}(?![\w-])")
_CHANNEL = re.compile(r"(?<![\w&/#])#[A-Za-z][\w-]{1,79}|(?<![\w&/#])#\d{3,9}\b")
_HANDLE = re.compile(r"(?<![\w.@/+-])@[A-Za-z][\w.-]{1,38}\w")
_NUMBERED = re.compile(
    r"\b(?:ticket|case|issue|bug|incident|pull request|merge request|zendesk|jira)s?"
    r"\s(?:(?:no\.?|nr\.?|number|id|#)\s?\d{2,12}|(?!20\d\d\b)\d{4,12})\b",
    re.IGNORECASE,
)
_PATH = [
    re.compile(
        r"(?<![\w.:/-])~?/(?:var|etc|home|usr|opt|tmp|srv|root|mnt|data|dev|proc|sys|Users|private|app|code|repos?|src)"
        r"(?:/[\w.@%+-]{1,100}){1,30}/?"
    ),
    re.compile(r"(?<!\w)[A-Za-z]:\\[^\s<>|\"'*?]{1,300}"),
    re.compile(r"(?<![\w\\])\\{1,2}[\w.-]{2,60}\\[\w$.\\-]{1,200}"),
    re.compile(
        r"(?<![\w./-])(?:[\w.-]{1,60}/){1,20}[\w.-]{1,60}\.(?:py|go|rb|java|kt|js|jsx|ts|tsx|php|cs|c|cc|cpp|h|rs|sql|"
        r"sh|ya?ml|toml|ini|conf|cfg|env|json|xml|tf|lock|log|pem|key|crt|gradle|scala|ex|exs|erl|lua)(?::\d{1,6})?\b"
    ),
    re.compile(
        r"(?<![\w./-])[\w-]{1,60}\.(?:py|go|rb|java|kt|jsx|ts|tsx|php|rs|sql|sh|ya?ml|toml|ini|conf|cfg|env|tf|log|pem|"
        r"crt)(?::\d{1,6})?(?![\w.])"
    ),
    re.compile(r"(?<![\w])\.env(?:\.\w{1,20})?\b|(?<!\w)id_rsa\b"),
    re.compile(
        r"(?<![\w./-])(?:src|app|apps|lib|pkg|cmd|internal|config|tests?|services?)/[\w.-]{1,60}(?:/[\w.-]{1,60}){1,20}"
    ),
]
_COMMIT = re.compile(
    r"(?<![\w.-])(?=[0-9a-f]{0,40}[a-f])(?=[0-9a-f]{0,40}\d)[0-9a-f]{7,40}(?!\w)", re.IGNORECASE
)


def references(text: str) -> Iterator[Span]:
    """Tickets, channels, handles: of no use to a customer, and they tell how we work."""
    for pattern in (_OURS, _CHANNEL, _HANDLE, _NUMBERED):
        yield from (match.span() for match in pattern.finditer(text))
    yield from (match.span() for match in _TICKET.finditer(text) if match[1] not in STANDARDS)


def paths(text: str) -> Iterator[Span]:
    """Files, places in code, and commits."""
    for pattern in (*_PATH, _COMMIT):
        yield from (match.span() for match in pattern.finditer(text))


FORMS = {
    "secret": secrets,
    "email": emails,
    "url": urls,
    "payment": payments,
    "account": accounts,
    "address": addresses,
    "host": hosts,
    "phone": phones,
    "reference": references,
    "path": paths,
}
