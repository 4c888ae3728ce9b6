"""Plants things that must not be public, each one of its own, hidden in ways people and attackers hide them."""

import random
import string
import uuid
from dataclasses import dataclass

KINDS = ("person", "customer", "email", "host", "address", "secret", "phone", "url", "reference", "account")
PER_KIND = 50


@dataclass(frozen=True)
class Canary:
    """What was planted: its kind, what it is, and how it was written."""

    kind: str
    plain: str
    typed: str


def canaries(seed=20260304) -> list[Canary]:
    """Five hundred of ten kinds, the same ones for the same seed."""
    chance = random.Random(seed)
    found = []
    for kind in KINDS:
        for number in range(PER_KIND):
            plain = _MAKE[kind](chance, number)
            hide = chance.choice([_as_it_is] * 5 + _WAYS)
            found.append(Canary(kind, plain, hide(plain, chance)))
    return found


def _letters(chance, length, of=string.ascii_lowercase):
    return "".join(chance.choice(of) for _ in range(length))


def _name(chance):
    return "".join(
        chance.choice(s)
        for s in (["Br", "Kv", "Zl", "Th", "Vr"], "aeiou", ["lm", "nd", "rsk", "xt"], "aeiou")
    )


def _digits(chance, length):
    return _letters(chance, length, string.digits)


def _secret(chance, number):
    alphabet = string.ascii_letters + string.digits
    return chance.choice(
        [
            "AKIA" + _letters(chance, 16, string.ascii_uppercase + "234567"),
            "ghp_" + _letters(chance, 36, alphabet),
            "sk_live_" + _letters(chance, 24, alphabet),
            f"password={_letters(chance, 8)}{_digits(chance, 3)}",
            f"eyJ{_letters(chance, 20, alphabet)}.eyJ{_letters(chance, 30, alphabet)}.{_letters(chance, 20, alphabet)}",
            _letters(chance, 40, alphabet),
        ]
    )


def _host(chance, number):
    return chance.choice(
        [
            f"{chance.choice(['db', 'web', 'cache'])}-{number}.{_letters(chance, 3)}.internal",
            f"ip-10-{number}-{chance.randrange(256)}-{chance.randrange(256)}",
            f"{_letters(chance, 6)}.corp",
            f"{_letters(chance, 6)}.prod.svc.cluster.local",
            f"prod-{_letters(chance, 5)}-{number:02d}",
        ]
    )


def _address(chance, number):
    if number % 3:
        return ".".join(str(chance.randrange(1, 255)) for _ in range(4))
    return "fd12:" + ":".join(f"{chance.randrange(1, 65535):x}" for _ in range(3)) + f"::{number + 1:x}"


def _phone(chance, number):
    return chance.choice(
        [f"+49 30 {_digits(chance, 8)}", f"({_digits(chance, 3)}) {_digits(chance, 3)}-{_digits(chance, 4)}"]
    )


def _url(chance, number):
    word = _letters(chance, 7)
    return chance.choice(
        [
            f"https://{word}.slack.com/archives/C{_digits(chance, 6)}",
            f"https://wiki.{word}.example/pages/{_digits(chance, 5)}",
            f"http://grafana/d/{word}",
            f"https://{word}.atlassian.net/browse/{word}",
        ]
    )


def _reference(chance, number):
    word = "X" + _letters(chance, 4, string.ascii_uppercase)  # no standard is called so
    return chance.choice(
        [
            f"INC-{_digits(chance, 4)}",
            f"{word}-{_digits(chance, 4)}",
            f"#inc-{word.lower()}-{number}",
            f"@{word.lower()}{number}",
        ]
    )


_MAKE = {
    "person": lambda chance, number: f"{_name(chance)}{_letters(chance, 2)} {_name(chance)}son",
    "customer": lambda chance, number: (
        f"{_name(chance)}{_letters(chance, 2)} {chance.choice(['GmbH', 'Ltd', 'Inc'])}"
    ),
    "email": lambda chance, number: (
        f"{_letters(chance, 7)}.{_letters(chance, 5)}@{_letters(chance, 6)}.example"
    ),
    "host": _host,
    "address": _address,
    "secret": _secret,
    "phone": _phone,
    "url": _url,
    "reference": _reference,
    "account": lambda chance, number: chance.choice(
        [
            str(uuid.UUID(int=chance.getrandbits(128))),
            f"cus_{_letters(chance, 12)}{number}",
            f"account {_digits(chance, 8)}",
        ]
    ),
}


# --- How it is written


def _as_it_is(text, chance):
    return text


def _split(what):
    def hide(text, chance):
        places = [i for i in range(1, len(text)) if text[i - 1].isalnum() and text[i].isalnum()]
        at = chance.choice(places)
        return text[:at] + what + text[at:]

    return hide


_WAYS = [
    _split("\u200b"),
    _split("\u00ad"),
    _split("**"),
    _split("&#8203;"),
    lambda text, chance: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    lambda text, chance: "".join(f"&#{ord(c)};" for c in text),
    lambda text, chance: "".join(f"%{ord(c):02x}" for c in text),
    lambda text, chance: "".join(f"\\{c}" if c in "@._-#/:[]()" else c for c in text),
    lambda text, chance: f"**{text}**",
    lambda text, chance: f"`{text}`",
    lambda text, chance: text.translate(str.maketrans("aeopcx", "аеорсх")),
]
