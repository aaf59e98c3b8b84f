#!/usr/bin/env python3
"""A second, independent verifier of evidence bundles.

    verify.py BUNDLE --root sha256:HEX [--json] [--signatures openssl|python|both]

Written from docs/auditor.md, docs/audit-rules.md, proto/README.md and proto/statements.md, with nothing but Python's
standard library (3.10 or later) and the `openssl` command. It shares no code with `verbund-audit` and must reach the
same verdict for the same reasons: `differ.py` compares the two.

Exit: 0 gültig (valid), 9 ungültig (invalid), 10 nicht prüfbar (not checkable), 2 usage, 6 no such file.

Sections, in the order of docs/audit-rules.md: refusals and report, signatures, JSON, bodies, statements, container,
notes and proofs, trust of one log, trust of all logs, law, price, order, and the audit itself.
"""

from __future__ import annotations

import argparse
import base64
import bisect
import datetime
import functools
import hashlib
import json
import re
import struct
import subprocess
import sys
import tempfile
import unicodedata
import zlib
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, NamedTuple, Optional

# ======================================================================================================================
# Refusals and the report
# ======================================================================================================================

VALID, NOT_CHECKABLE, INVALID = 0, 1, 2
RULINGS = ("VALID", "NOT_CHECKABLE", "INVALID")
GERMAN = ("gültig", "nicht prüfbar", "ungültig")
EXIT = (0, 10, 9)

# What a reason means for an auditor: these are gaps in the evidence, all others are contradictions.
GAPS = frozenset(
    """ORG_UNKNOWN OFFERING_UNKNOWN RULE_PACK_UNKNOWN LEG_NOT_PROVEN CHAIN_INCOMPLETE KEY_DISPUTED WITNESSES_MISSING
    BUNDLE_UNREADABLE BUNDLE_TOO_LARGE ROOT_NOT_GIVEN PROOF_MISSING EVIDENCE_MISSING TIMES_OUT_OF_ORDER FILE_EMPTY
    BUNDLE_NOT_ZIP BUNDLE_TRUNCATED BUNDLE_BOMB BUNDLE_TOO_NEW LEFTOVER_PASSED_OVER EVIDENCE_UNRELATED
    EVIDENCE_TWICE FACT_LATER PRICE_FREELY_AGREED CONTRADICTION_SETTLED SETTLEMENT_NOT_AGREED
    ANNEX_NOT_PRESENT ANNEX_ERASED""".split()
)

CHECKS = (
    "CONTAINER ROOT TRUST COMPLETE CHECKPOINT WITNESSES INCLUSION POSITION FACTS SIGNERS CHAIN OUTCOME PRICE OFFERING "
    "LEGS OFFICERS TIMES RECEIPTS"
).split()


class Refusal(Exception):
    """A rule is broken: the stable reason word and the values it is about."""

    def __init__(self, reason: str, **fields: Any):
        super().__init__(reason)
        self.reason = reason
        self.fields = fields

    def ruling(self) -> int:
        return NOT_CHECKABLE if self.reason in GAPS else INVALID


class Book:
    """Where findings are written down while the examination goes on."""

    def __init__(self) -> None:
        self.passed: dict[str, int] = dict.fromkeys(CHECKS, 0)
        self.findings: dict[str, list[tuple[str, int, Refusal]]] = {check: [] for check in CHECKS}
        self.spared: set[str] = {"RECEIPTS"}

    def ok(self, check: str) -> None:
        self.passed[check] += 1

    def spare(self, check: str) -> None:
        self.spared.add(check)

    def note(self, check: str, subject: str, ruling: int, refusal: Refusal) -> None:
        self.findings[check].append((subject, ruling, refusal))

    def refuse(self, check: str, subject: str, refusal: Refusal) -> None:
        self.note(check, subject, refusal.ruling(), refusal)

    def judge(self, check: str, subject: str, rule: Callable[[], Any]) -> Any:
        """Books whether a rule holds, and gives its value if it does."""
        try:
            value = rule()
        except Refusal as refusal:
            self.refuse(check, subject, refusal)
            return None
        self.ok(check)
        return value

    def close(self, case: dict[str, Any]) -> dict[str, Any]:
        """The report. A check that had nothing to look at could not be made, unless it was spared."""
        rows = []
        for check in CHECKS:
            findings = self.findings[check]
            if not findings and not self.passed[check]:
                if check in self.spared:
                    continue
                findings = [("bundle", NOT_CHECKABLE, Refusal("EVIDENCE_MISSING"))]
            rows.append((check, max((ruling for _, ruling, _ in findings), default=VALID), findings))
        ruling = max((ruling for _, ruling, _ in rows), default=NOT_CHECKABLE)

        def finding(subject: str, ruling: int, refusal: Refusal) -> dict[str, Any]:
            details = {key: printable(str(value)) for key, value in refusal.fields.items()}
            return {
                "subject": printable(subject),
                "verdict": RULINGS[ruling],
                "reason": refusal.reason,
                "details": details,
            }

        return {
            "verdict": RULINGS[ruling],
            "exit_code": EXIT[ruling],
            "case": case,
            "checks": [
                {
                    "check": check,
                    "verdict": RULINGS[worst],
                    "passed": self.passed[check],
                    "findings": [finding(*each) for each in findings],
                }
                for check, worst, findings in rows
            ],
        }


def printable(text: str) -> str:
    """Text from outside with nothing in it that a terminal would obey."""
    return "".join("?" if ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 else c for c in text)


# How many results of a function are kept of what follows from its arguments alone: whoever judges thousands of bundles
# meets the same statements and checkpoints again.
KEPT = 1 << 16


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


# ======================================================================================================================
# Signatures: Ed25519 (RFC 8032), strict
# ======================================================================================================================
# Two ways, one answer. `openssl pkeyutl` is what a person would run, at one process per signature; the arithmetic here is
# for judging many bundles. Keys are checked where a statement registers them, which needs the arithmetic in any case.

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, FIELD) % FIELD
ROOT_OF_MINUS_1 = pow(2, (FIELD - 1) // 4, FIELD)
SPKI_HEAD = bytes.fromhex("302a300506032b6570032100")

Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


def added(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % FIELD, (p[1] + p[0]) * (q[1] + q[0]) % FIELD
    c, d = 2 * p[3] * q[3] * CURVE_D % FIELD, 2 * p[2] * q[2] % FIELD
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % FIELD, g * h % FIELD, f * g % FIELD, e * h % FIELD)


def doubled(p: Point) -> Point:
    x, y, z, _ = p
    a, b = x * x % FIELD, y * y % FIELD
    c, h = 2 * z * z, a + b
    e, g = h - (x + y) * (x + y) % FIELD, a - b
    f = c + g
    return (e * f % FIELD, g * h % FIELD, f * g % FIELD, e * h % FIELD)


def multiples(p: Point) -> list[Point]:
    """0 to 15 times a point: one hexadecimal digit of a scalar."""
    table = [NEUTRAL, p]
    while len(table) < 16:
        table.append(added(table[-1], p))
    return table


def combined(terms: list[tuple[int, list[Point]]]) -> Point:
    """The sum of scalars times points, digit by digit."""
    result = NEUTRAL
    for shift in range(252, -1, -4):
        for _ in range(4):
            result = doubled(result)
        for scalar, table in terms:
            digit = (scalar >> shift) & 15
            if digit:
                result = added(result, table[digit])
    return result


def rows_of(p: Point) -> list[list[Point]]:
    """The multiples for every digit of a scalar, so that no doubling is left to do."""
    rows = [multiples(p)]
    while len(rows) < 64:
        rows.append(multiples(doubled(rows[-1][8])))
    return rows


def times(scalar: int, rows: list[list[Point]], start: Point = NEUTRAL) -> Point:
    result = start
    for row in rows:
        if scalar & 15:
            result = added(result, row[scalar & 15])
        scalar >>= 4
    return result


def encoded(p: Point) -> bytes:
    inverse = pow(p[2], -1, FIELD)
    x, y = p[0] * inverse % FIELD, p[1] * inverse % FIELD
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decoded(data: bytes) -> Optional[Point]:
    """The point behind 32 bytes, if they are its one encoding."""
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if y >= FIELD:
        return None
    u, v = (y * y - 1) % FIELD, (CURVE_D * y * y + 1) % FIELD
    x = u * pow(v, 3, FIELD) * pow(u * pow(v, 7, FIELD), (FIELD - 5) // 8, FIELD) % FIELD
    if v * x * x % FIELD != u:
        x = x * ROOT_OF_MINUS_1 % FIELD
    if v * x * x % FIELD != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = FIELD - x
    return (x, y, 1, x * y % FIELD)


def is_neutral(p: Point) -> bool:
    return p[0] % FIELD == 0 and (p[1] - p[2]) % FIELD == 0


def is_small(p: Point) -> bool:
    return is_neutral(doubled(doubled(doubled(p))))


BASE = multiples(decoded((4 * pow(5, -1, FIELD) % FIELD).to_bytes(32, "little")) or NEUTRAL)
BASE_ROWS = rows_of(BASE[1])
_registered: dict[bytes, bool] = {}


def is_good_key(key: bytes) -> bool:
    """What registration asks: canonical, on the curve, not of small order, no torsion component."""
    if key not in _registered:
        point = decoded(key)
        good = point is not None and not is_small(point) and is_neutral(combined([(ORDER, multiples(point))]))
        _registered[key] = good
    return _registered[key]


# The rows of keys that have often been used; building them costs as much as a handful of signatures.
OFTEN = 8
_negated: dict[bytes, list[Point]] = {}
_rows: dict[bytes, list[list[Point]]] = {}
_uses: dict[bytes, int] = {}


def verify_with_python(key: bytes, message: bytes, signature: bytes) -> bool:
    if key not in _negated:
        x, y, z, t = decoded(key) or NEUTRAL
        _negated[key] = multiples((FIELD - x, y, z, FIELD - t))
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    _uses[key] = _uses.get(key, 0) + 1
    if _uses[key] == OFTEN:
        _rows[key] = rows_of(_negated[key][1])
    if key in _rows:
        commitment = times(challenge, _rows[key], times(scalar, BASE_ROWS))
    else:
        commitment = combined([(scalar, BASE), (challenge, _negated[key])])
    return encoded(commitment) == signature[:32] and not is_small(commitment)


def openssl(command: str, **files: bytes) -> Optional[bytes]:
    """What a command says to these files; none if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        command = f"openssl {command}"
        done = subprocess.run(command.split(), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def verify_with_openssl(key: bytes, message: bytes, signature: bytes) -> bool:
    """OpenSSL and one rule more: a commitment of small order is refused."""
    command = "pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in message -sigfile signature"
    holds = openssl(command, key=SPKI_HEAD + key, message=message, signature=signature) is not None
    commitment = decoded(signature[:32])
    return holds and commitment is not None and not is_small(commitment)


class Signatures:
    """Checks signatures, each only once in a process."""

    def __init__(self, way: str = "python"):
        self.way = way
        self.known: dict[tuple[bytes, bytes, bytes], bool] = {}

    def good(self, key: bytes, message: bytes, signature: bytes) -> bool:
        at = (key, signature, sha256(message))
        if at not in self.known:
            ways = {"openssl": [verify_with_openssl], "python": [verify_with_python]}
            both = [verify_with_openssl, verify_with_python]
            answers = {way(key, message, signature) for way in ways.get(self.way, both)}
            if len(answers) > 1:
                raise AssertionError(f"OpenSSL and RFC 8032 differ on {signature.hex()} by {key.hex()}")
            self.known[at] = answers.pop()
        return self.known[at]


SIGNATURES = Signatures()


def require_signature(key: bytes, message: bytes, signature: bytes) -> None:
    if len(signature) != 64 or not SIGNATURES.good(key, message, signature):
        raise Refusal("SIGNATURE_INVALID", key=sha256(key).hex()[:16])


# ======================================================================================================================
# Texts and names of fields: nothing acts on its reader, hides, or looks like something else
# ======================================================================================================================

TEXT_CHARS_MAX = 4_000
COUNT_MAX = 1_000_000

# Characters that act or are not seen; the last two code points of every plane are among them as well.
HIDING = (
    (0x0, 0x1f), (0x7f, 0x9f), (0xad, 0xad), (0x34f, 0x34f), (0x61c, 0x61c),
    (0x115f, 0x1160), (0x17b4, 0x17b5), (0x180b, 0x180f), (0x200b, 0x200f), (0x2028, 0x202e),
    (0x2060, 0x206f), (0x2800, 0x2800), (0x3164, 0x3164), (0xe000, 0xf8ff), (0xfdd0, 0xfdef),
    (0xfe00, 0xfe0f), (0xfeff, 0xfeff), (0xffa0, 0xffa0), (0xfff0, 0xfffc), (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a), (0xe0000, 0xe0fff), (0xf0000, 0x10ffff),
)  # fmt: skip

# Every name of a field in the body of any kind.
KNOWN_FIELDS = frozenset(
    """
    about accept_assumed act activity_above activity_age_max activity_basis activity_share
    activity_years add addresses after against agreed agreement agrees all_represented alone_since
    alternatives amends annex annexes approve approves area as_of assumed attempt authority auto_seal
    award basis binds_until bodies bundle bus buyer cap catalogue central_purchasing cents chain
    character_kept choice circumstances citation common_goals completes components confirms connected
    connection considered contact contracting_authority contrary_interests cooperation copied corrects
    coverage d_stack data_location decision decisive_influence description device due dvdv efa_confirmed
    ends_on entrustment entry epoch event evidence federation fee filters found from frozen_at ground
    grounds group holds home_node index indexation inhabitants interfaces item joint_influence key keys
    kind known known_from last_good lead_land leg legal_form leika leika_types level licence limit
    limit_per_year log mandate market_basis market_below market_share market_years maturity member
    members message mode model modification municipality name nature need new_epoch next_sha256 node
    nodes not_included note notice_days number of offering officer on open operates operator order org
    outcome ozg paragraphs parties party payers payers_source place portal portals predecessor prev
    price private_advantage private_capital private_share procedure procedure_began productive provider
    provides provision public_interest purpose quantities query quorum quote_by rate reason received_at
    reference references relation remit_since reorganised_on reported_on repository represented_by
    request request_id requires result revoke revoked rise role roles root route rule_pack salt scope
    seal seal_by searched seat sector selection seller seq share signed_at since size sole source
    sovereignty specialised_systems split stand successor switch switches target_group tariff task tax
    term_years term_years_min terminated terms threshold through title tls_sha256 to topic total
    total_max treatment trustees turnover until uses uses_min valid_from valid_to vat verdict version
    void volume votes weight weights what who why witnesses year
    """.split()
)


# The names under which a list stands.
LISTS = frozenset(
    """
    about activity_years add addresses agreed alternatives annexes assumed bodies chain components
    confirms connection considered coverage dvdv evidence fee filters interfaces keys known last_good
    leika leika_types market_years members nodes not_included paragraphs parties payers portals price
    provides references requires revoke roles route specialised_systems split switches trustees
    """.split()
)


def hides(letter: str) -> bool:
    code = ord(letter)
    return code & 0xFFFE == 0xFFFE or any(first <= code <= last for first, last in HIDING)


def check_characters(value: str) -> None:
    """What holds for every text in a body, in unknown fields too; line ends are left to the field."""
    if all(" " <= letter <= "~" or letter == "\n" for letter in value):
        return
    for letter in value:
        if letter != "\n" and hides(letter):
            raise Refusal("TEXT_HIDES", character=f"U+{ord(letter):04X}")
    if not unicodedata.is_normalized("NFC", value):
        raise Refusal("TEXT_MISSHAPED", rule="not in Unicode normalization form C")


def look_of(field: str) -> str:
    """What a hasty reader sees of a name."""
    letters = field.replace("_", "").replace("-", "").translate(str.maketrans("01i", "oll"))
    return letters.replace("rn", "m").replace("vv", "w")


LOOKS = frozenset(map(look_of, KNOWN_FIELDS))


def check_field_name(field: str) -> None:
    if field not in KNOWN_FIELDS and (not re.fullmatch("[a-z0-9_-]+", field) or look_of(field) in LOOKS):
        raise Refusal("FIELD_LOOKS_ALIKE", field=field)


# ======================================================================================================================
# JSON, strictly: bounded size and depth, no duplicate keys, whole numbers up to 2^53
# ======================================================================================================================

JSON_BYTES_MAX = 48 * 1024
JSON_DEPTH_MAX = 12
JSON_INTEGER_MAX = 2**53

_space = re.compile(r"[ \t\n\r]*")
_number = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_plain = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]*')
_escapes = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_hex4 = re.compile(r"[0-9a-fA-F]{4}")


class JsonReader:
    """Reads one document from front to back, so that the first rule it breaks is the one that is named. In a body, texts and
    names of fields are looked at as well, and one value has one shape: lists stand where they belong, nothing is null."""

    def __init__(self, data: bytes, is_body: bool):
        self.is_body = is_body
        # Bytes that are no UTF-8 become lone surrogates, which no string may hold.
        self.text = data.decode("utf-8", errors="surrogateescape")
        self.at = 0

    def document(self) -> Any:
        value = self.value(0, *[not self.is_body] * 3)
        self.skip()
        if self.at != len(self.text):
            raise self.invalid()
        return value

    def invalid(self) -> Refusal:
        return Refusal("JSON_INVALID", at=self.at)

    def skip(self) -> None:
        self.at = _space.match(self.text, self.at).end()  # type: ignore[union-attr]

    def next(self) -> str:
        self.skip()
        return self.text[self.at : self.at + 1]

    def value(self, depth: int, is_free: bool, may_be_list: bool, may_be_null: bool) -> Any:
        """`is_free` is what lies below a field of a later version, of which nobody knows the shape."""
        first = self.next()
        if first == '"':
            found = self.string()
            if self.is_body:
                if len(found) > TEXT_CHARS_MAX:
                    raise Refusal("TEXT_TOO_LONG", limit=TEXT_CHARS_MAX)
                check_characters(found)
            return found
        if first in ("{", "["):
            self.at += 1
            if first == "[" and not may_be_list:
                raise self.invalid()
            if depth >= JSON_DEPTH_MAX:
                raise Refusal("JSON_TOO_DEEP")
            return self.object(depth + 1, is_free) if first == "{" else self.array(depth + 1, is_free)
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                if value is None and not may_be_null:
                    raise self.invalid()
                return value
        return self.number()

    def number(self) -> int:
        found = _number.match(self.text, self.at)
        if not found:
            raise self.invalid()
        self.at = found.end()
        text = found.group()
        if not text.lstrip("-").isdigit() or text == "-0" or abs(int(text)) > JSON_INTEGER_MAX:
            raise self.invalid()
        return int(text)

    def object(self, depth: int, is_free: bool) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        if self.next() == "}":
            self.at += 1
            return entries
        while True:
            if self.next() != '"':
                raise self.invalid()
            key = self.string()
            if key in entries:
                raise Refusal("JSON_DUPLICATE_KEY", field=key)
            if self.is_body:
                check_field_name(key)
            if self.next() != ":":
                raise self.invalid()
            self.at += 1
            # Nothing in a body is null by name, else a word could be written as an object.
            free = is_free or key not in KNOWN_FIELDS
            entries[key] = self.value(depth, free, free or key in LISTS, not self.is_body)
            if self.closed("}"):
                return entries

    def array(self, depth: int, is_free: bool) -> list[Any]:
        items: list[Any] = []
        if self.next() == "]":
            self.at += 1
            return items
        while True:
            items.append(self.value(depth, is_free, is_free, is_free))
            if self.closed("]"):
                return items

    def closed(self, end: str) -> bool:
        mark = self.next()
        if mark not in (",", end) or not mark:
            raise self.invalid()
        self.at += 1
        return mark == end

    def string(self) -> str:
        self.at += 1
        parts = []
        while True:
            found = _plain.match(self.text, self.at)
            parts.append(found.group())  # type: ignore[union-attr]
            self.at = found.end()  # type: ignore[union-attr]
            mark = self.text[self.at : self.at + 1]
            self.at += 1
            if mark == '"':
                return "".join(parts)
            if mark != "\\":
                raise self.invalid()
            parts.append(self.escape())

    def escape(self) -> str:
        mark = self.text[self.at : self.at + 1]
        self.at += 1
        if mark in _escapes and mark:
            return _escapes[mark]
        if mark != "u":
            raise self.invalid()
        unit = self.unit()
        if 0xD800 <= unit < 0xDC00 and self.text.startswith("\\u", self.at):
            self.at += 2
            low = self.unit()
            if not 0xDC00 <= low < 0xE000:
                raise self.invalid()
            return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
        if 0xD800 <= unit < 0xE000:
            raise self.invalid()
        return chr(unit)

    def unit(self) -> int:
        found = _hex4.match(self.text, self.at)
        if not found:
            raise self.invalid()
        self.at = found.end()
        return int(found.group(), 16)


def read_json(data: bytes, is_body: bool = False) -> Any:
    if len(data) > JSON_BYTES_MAX:
        raise Refusal("JSON_TOO_LARGE", bytes=len(data))
    return JsonReader(data, is_body).document()


# ======================================================================================================================
# Bodies: what each kind of statement holds (proto/statements.md)
# ======================================================================================================================
# A reader takes a JSON value and gives a checked one, or raises: ValueError for a value of another type, a refusal for one
# that its type cannot hold. Fields are read in the order of the document, what is missing comes last. The rules that go
# beyond the shape of a field follow in `check_*`, in the order in which they count.

Reader = Callable[[Any], Any]
Origin = tuple[str, str, int]
MISSING = object()


class Doc:
    """A document with its fields as attributes; `from` is `from_`."""

    def __init__(self, fields: dict[str, Any]):
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Doc) and self.__dict__ == other.__dict__

    def replace(self, **fields: Any) -> Doc:
        return Doc({**self.__dict__, **fields})


def wrong(value: Any) -> ValueError:
    return ValueError(repr(value)[:60])


def text(value: Any) -> str:
    if type(value) is not str:
        raise wrong(value)
    return value


def flag(value: Any) -> bool:
    if type(value) is not bool:
        raise wrong(value)
    return value


def whole(low: int, high: int) -> Reader:
    def read(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise wrong(value)
        return value

    return read


def pattern(expression: str, reason: str) -> Reader:
    compiled = re.compile(expression)

    def read(value: Any) -> str:
        if not compiled.fullmatch(text(value)):
            raise Refusal(reason, value=value)
        return value

    return read


def digits(count: int, reason: str) -> Reader:
    """So many bytes in hexadecimal."""
    shape = pattern(f"[0-9a-f]{{{2 * count}}}", reason)
    return lambda value: bytes.fromhex(shape(value))


def amount(most: int, reason: str) -> Reader:
    def read(value: Any) -> int:
        if type(value) is not int:
            raise wrong(value)
        if not 0 <= value <= most:
            raise Refusal(reason, value=value)
        return value

    return read


def choice(*words: str) -> Reader:
    def read(value: Any) -> str:
        if value not in words or type(value) is not str:
            raise wrong(value)
        return value

    return read


def many(reader: Reader) -> Reader:
    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise wrong(value)
        return [reader(item) for item in value]

    return read


def opt(reader: Reader) -> tuple[Reader, Any]:
    """May be absent; in a body `null` is refused before."""
    return (lambda value: None if value is None else reader(value), None)


def default(reader: Reader, value: Any) -> tuple[Reader, Any]:
    """May be absent."""
    return (reader, value)


def record(**fields: Any) -> Reader:
    readers, absent = {}, {}
    for label, field in fields.items():
        reader, instead = field if isinstance(field, tuple) else (field, MISSING)
        readers[label.rstrip("_")] = (label, reader)
        absent[label] = instead

    def read(value: Any) -> Doc:
        if type(value) is not dict:
            raise wrong(value)
        found = dict(absent)
        for key, given in value.items():
            if key in readers:
                label, reader = readers[key]
                found[label] = reader(given)
        missing = [label for label, given in found.items() if given is MISSING]
        if missing:
            raise ValueError(f"{missing[0]} is missing")
        return Doc(found)

    return read


NAME_SHAPE = re.compile("[a-z0-9]+(-[a-z0-9]+)*")


def is_name(value: str) -> bool:
    return len(value) <= 40 and NAME_SHAPE.fullmatch(value) is not None


def name(value: Any) -> str:
    if not is_name(text(value)):
        raise Refusal("NAME_INVALID", value=value)
    return value


def key32(value: Any) -> bytes:
    data = digits(32, "KEY_INVALID")(value)
    if not is_good_key(data):
        raise Refusal("KEY_INVALID", value=value)
    return data


def parse_origin(value: str) -> Origin:
    """`FEDERATION/log/NODE/EPOCH`."""
    parts = value.split("/")
    if len(parts) != 4 or parts[1] != "log" or not re.fullmatch("0|[1-9][0-9]{0,9}", parts[3]):
        raise Refusal("ORIGIN_INVALID", value=value)
    if int(parts[3]) > COUNT_MAX:
        raise Refusal("ORIGIN_INVALID", value=value)
    if not is_name(parts[0]) or not is_name(parts[2]):
        raise Refusal("NAME_INVALID", value=value)
    return (parts[0], parts[2], int(parts[3]))


def origin_text(origin: Origin) -> str:
    return f"{origin[0]}/log/{origin[1]}/{origin[2]}"


def origin_field(value: Any) -> Origin:
    return parse_origin(text(value))


# Years a statement may speak of.
YEARS = range(1900, 2200)


def day(value: Any) -> datetime.date:
    found = pattern("[0-9]{4}-[0-9]{2}-[0-9]{2}", "TIME_INVALID")(value)
    try:
        read = datetime.date.fromisoformat(found)
    except ValueError:
        read = datetime.date.min
    if read.year not in YEARS:
        raise Refusal("TIME_INVALID", value=value)
    return read


EPOCH = datetime.datetime(1970, 1, 1)
HOUR = datetime.timedelta(hours=1)


def instant(value: Any) -> int:
    """A time in UTC as milliseconds since 1970; as many digits of the second as needed, at most three."""
    found = re.fullmatch(
        "([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2})([.][0-9]{0,2}[1-9])?Z", text(value)
    )
    try:
        seconds = datetime.datetime.fromisoformat(found.group(1) if found else "") - EPOCH
    except ValueError:
        raise Refusal("TIME_INVALID", value=value) from None
    assert found
    ms = seconds // datetime.timedelta(milliseconds=1) + int((found.group(2) or ".")[1:].ljust(3, "0"))
    if day_of(ms).year not in YEARS:
        raise Refusal("TIME_INVALID", value=value)
    return ms


def last_sunday(year: int, month: int) -> datetime.datetime:
    """One o'clock UTC on the last Sunday of a month with 31 days: when the clocks change (Directive 2000/84/EC)."""
    last = datetime.datetime(year, month, 31, 1)
    return last - datetime.timedelta(days=last.isoweekday() % 7)


def day_of(ms: int) -> datetime.date:
    """The day in Germany to which a time belongs, by the rule of today in all years."""
    try:
        utc = EPOCH + datetime.timedelta(milliseconds=ms)
        is_summer = last_sunday(utc.year, 3) <= utc < last_sunday(utc.year, 10)
        return (utc + (2 * HOUR if is_summer else HOUR)).date()
    except OverflowError:
        return datetime.date.min if ms < 0 else datetime.date.max


U8, U32, U64 = whole(0, 2**8 - 1), whole(0, 2**32 - 1), whole(0, 2**64 - 1)
I16 = whole(-(2**15), 2**15 - 1)
CENTS_MAX = 10**12
CENTS = amount(CENTS_MAX, "MONEY_INVALID")


def POINTS(value: Any) -> int:
    return amount(10_000, "PERCENT_INVALID")(U32(value))


ID, ORDER_ID, SALT = digits(32, "DIGEST_INVALID"), digits(16, "ORDER_ID_INVALID"), digits(16, "JSON_INVALID")


def is_land(two: str) -> bool:
    return two.isascii() and two.isdigit() and 1 <= int(two) <= 16


def area(value: Any) -> str:
    regional = re.fullmatch("[0-9]+", text(value)) and len(value) in (2, 3, 5, 9, 12)
    if value != "*" and not (regional and is_land(value[:2])):
        raise Refusal("ARS_INVALID", value=value)
    return value


def leika(value: Any) -> str:
    key = pattern("[0-9]{14}", "LEIKA_INVALID")(value)
    if not key.startswith("99") and not is_land(key[:2]):
        raise Refusal("LEIKA_INVALID", value=value)
    return key


LANDS = "SH HH NI HB NW HE RP BW BY SL BE BB MV SN ST TH".split()
# A party to a price, so that it sorts as parties do: the federal government, the Länder by number, organisations by name.
Party = tuple[int, int, str]


def party(value: Any) -> Party:
    if value == "bund":
        return (0, 0, "")
    if value in LANDS:
        return (1, LANDS.index(value), "")
    return (2, 0, name(value))


def route(value: Any) -> list[str]:
    parties = many(name)(value)
    if not 2 <= len(parties) <= 7 or len(set(parties)) != len(parties):
        raise Refusal("ROUTE_INVALID", value=value)
    return parties


def maturity(value: Any) -> Doc:
    found = record(model=choice("1.1", "2.0"), level=U8)(value)
    if found.level > (4 if found.model == "1.1" else 7):
        raise Refusal("MATURITY_INVALID", level=found.level)
    return found


def event(value: Any) -> Doc:
    """What a milestone says: a word, or an object with one field named by that word."""
    if value in ("closed", "contact"):
        return Doc({"what": value})
    shapes = {
        "connected": record(item=choice("contact", "routing", "interface", "test", "acceptance")),
        "productive": record(since=day),
        "terminated": record(ends_on=day),
    }
    if type(value) is not dict or len(value) != 1 or next(iter(value)) not in shapes:
        raise wrong(value)
    ((word, inner),) = value.items()
    return shapes[word](inner).replace(what=word)


KEY_KINDS = ("inhabitants", "uses", "target-group", "koenigstein", "fixed")
COST_ITEMS = "infrastructure development platform operation usage set-up connection brokering".split()
BASES = (
    "vertical vertical-indirect inverse inverse-indirect sister sister-indirect joint joint-inverse joint-indirect "
    "joint-inverse-indirect sister-joint horizontal central-purchasing call-off tendered modification"
).split()
VERDICTS = ("fulfilled", "contested", "not-proven", "not-fulfilled")
AWARDS = ("general", "sector", "concession")
SWITCHES = frozenset(
    """
    inverse-joint half-sisters joint-indirect joint-chained non-authority-members prescribed-inverse private-between
    group-turnover entrustment cooperation-agreement private-advantage central-purchasing modification-after-loss
    """.split()
)
PROVISIONS = frozenset(
    """
    contracting-authority accordingly non-authority-members sole-control stake seat joint-influence
    no-contrary-interests activity-share measure projection group-turnover no-private-capital private-inverse
    entrustment same-mother cooperation public-interest market-share private-advantage
    """.split()
) | frozenset(BASES)


def word_of(words: Iterable[str], reason: str) -> Reader:
    def read(value: Any) -> str:
        if text(value) not in words:
            raise Refusal(reason, value=value)
        return value

    return read




def key_kind(value: Any) -> str:
    if text(value) not in KEY_KINDS:
        raise Refusal("DISTRIBUTION_KEY_UNKNOWN", key=value)
    return value


price_key = record(
    kind=key_kind,
    group=default(text, ""),
    year=default(U32, 0),
    source=text,
    parties=many(record(party=party, weight=opt(U64))),
    open=default(flag, False),
)
terms = record(
    uses_min=opt(U32),
    indexation=opt(record(index=text, rate=opt(POINTS))),
    split=default(many(record(share=POINTS, key=price_key)), []),
    payers=default(many(record(who=opt(party), share=POINTS)), []),
    payers_source=default(text, ""),
)
component = record(
    item=choice(*COST_ITEMS),
    due=choice("once", "per-year", "per-use"),
    cents=CENTS,
    vat=default(text, ""),
    tax=opt(
        record(treatment=choice("taxed", "exempt", "not-taxable", "reverse-charge"), rate=opt(POINTS), reason=text)
    ),
    terms=opt(terms),
    year=opt(U32),
)
quantities = record(uses=opt(U32), target_group=opt(U32))
REQUIREMENT = choice("account", "mailbox", "payment", "dms")
root_keys = record(keys=many(key32), threshold=U32, next_sha256=ID)
last_good = default(many(record(log=origin_field, size=U64)), [])
leg_finding = record(
    from_=name,
    to=name,
    as_of=day,
    verdict=choice(*VERDICTS),
    basis=opt(choice(*BASES)),
    assumed=flag,
    evidence=many(ID),
)
MESSAGE = dict(order=ORDER_ID, attempt=U32, signed_at=instant, salt=SALT)
decline = record(**MESSAGE, from_=name, request=ID, reason=text, note=default(text, ""), annex=opt(ID))
ROLES = ("buyer", "approver", "publisher", "auditor")

BODIES: dict[str, Reader] = {
    "federation-root": record(
        federation=name,
        version=U32,
        trustees=many(record(name=text, key=key32)),
        threshold=U32,
        witnesses=record(nodes=many(name), quorum=U32),
        prev=opt(ID),
    ),
    "admission": record(
        federation=name,
        org=name,
        number=U32,
        prev=opt(ID),
        name=text,
        legal_form=text,
        home_node=name,
        operates=opt(name),
        area=opt(area),
        inhabitants=opt(U32),
        portal=opt(text),
        root=opt(root_keys),
        source=text,
    ),
    "expulsion": record(org=name, reason=text, last_good=last_good),
    "key-event": record(
        org=name,
        seq=U64,
        prev=opt(ID),
        home_node=name,
        add=default(many(record(key=key32, role=choice("statement", "log", "witness"))), []),
        revoke=default(
            many(record(key=ID, reason=choice("superseded", "compromised", "ceased"), last_good=last_good)), []
        ),
        root=opt(root_keys),
        new_epoch=opt(record(epoch=U32, copied=U64)),
    ),
    "node-record": record(
        node=name, operator=name, addresses=many(text), tls_sha256=ID, log=origin_field, alone_since=opt(instant)
    ),
    "officer-grant": record(
        org=name,
        officer=name,
        device=name,
        key=key32,
        roles=many(choice(*ROLES)),
        limit=CENTS,
        limit_per_year=opt(CENTS),
        valid_from=day,
        valid_to=day,
    ),
    "recovery": record(
        org=name, after=opt(ID), root=root_keys, signed_at=instant, completes=opt(ID), reason=text
    ),
    "succession": record(federation=name, predecessor=name, successor=name, on=day, source=text),
    "membership": record(
        member=name,
        of=name,
        relation=choice(
            "cooperative-member",
            "shareholder",
            "owner",
            "purpose-association-member",
            "association-member",
            "cooperation-contract",
            "framework-agreement",
            "tendered-contract",
            "running-contract",
        ),
        share=opt(POINTS),
        votes=opt(POINTS),
        sole=default(flag, False),
        seat=opt(flag),
        represented_by=opt(name),
        decisive_influence=opt(flag),
        entrustment=opt(record(task=text, act=text, on=day, reference=text)),
        scope=opt(text),
        volume=opt(CENTS),
        modification=opt(record(circumstances=text, character_kept=opt(flag), rise=CENTS)),
        cooperation=opt(
            record(
                common_goals=opt(flag),
                public_interest=opt(flag),
                market_share=opt(POINTS),
                market_basis=opt(choice("turnover", "other-value", "projection")),
                market_years=default(many(I16), []),
                agreement=opt(text),
                private_advantage=opt(flag),
            )
        ),
        procedure=opt(text),
        revoked=default(flag, False),
        valid_from=day,
        valid_to=opt(day),
        known_from=day,
        source=text,
        assumed=default(flag, False),
        corrects=opt(ID),
    ),
    "entity-facts": record(
        org=name,
        legal_form=text,
        contracting_authority=opt(U8),
        sector=opt(choice("public-utility", "private-utility", "concession-grantor")),
        central_purchasing=opt(flag),
        activity_share=opt(POINTS),
        activity_basis=opt(choice("turnover", "other-value", "projection")),
        activity_years=default(many(I16), []),
        reorganised_on=opt(day),
        private_capital=opt(choice("none", "prescribed-by-law", "present")),
        private_share=opt(POINTS),
        group=opt(
            record(
                turnover=choice("not-a-parent", "consolidated", "summed", "own"), bodies=default(many(name), [])
            )
        ),
        nature=opt(choice("public-purpose", "public", "private")),
        all_represented=opt(flag),
        remit_since=opt(day),
        confirms=default(many(ID), []),
        joint_influence=opt(flag),
        contrary_interests=opt(flag),
        valid_from=day,
        valid_to=opt(day),
        known_from=day,
        source=text,
        assumed=default(flag, False),
        corrects=opt(ID),
    ),
    "offering": record(
        name=name,
        version=U32,
        seller=name,
        title=text,
        description=text,
        leika=many(leika),
        ozg=opt(pattern("[0-9]{5}", "OZG_ID_INVALID")),
        leika_types=default(many(text), []),
        topic=text,
        lead_land=opt(text),
        efa_confirmed=flag,
        coverage=many(area),
        maturity=opt(maturity),
        connection=default(many(text), []),
        portals=default(many(text), []),
        specialised_systems=default(many(text), []),
        requires=default(many(REQUIREMENT), []),
        dvdv=default(many(text), []),
        sovereignty=opt(
            record(
                licence=opt(text),
                repository=opt(text),
                data_location=opt(text),
                interfaces=default(many(text), []),
                d_stack=opt(text),
            )
        ),
        references=default(many(record(catalogue=text, entry=text)), []),
        price=many(component),
        not_included=default(many(text), []),
        term_years_min=U32,
        notice_days=opt(U32),
        valid_from=day,
        valid_to=opt(day),
        source=text,
        assumed=default(many(text), []),
    ),
    "withdrawal": record(seller=name, name=name, version=U32, reason=text),
    "connection-report": record(
        municipality=name,
        portal=text,
        offering=opt(ID),
        outcome=opt(choice("passed", "partly", "failed")),
        result=text,
        reported_on=day,
        source=text,
    ),
    "connection-profile": record(
        municipality=name,
        version=U32,
        portals=default(many(text), []),
        specialised_systems=default(many(text), []),
        connection=default(many(text), []),
        provides=default(many(REQUIREMENT), []),
        bus=opt(flag),
        source=text,
        assumed=default(many(text), []),
    ),
    "need": record(municipality=name, leika=many(leika), note=text, until=day, through=opt(name)),
    "need-withdrawal": record(municipality=name, need=ID, reason=text),
    "rule-pack": record(
        name=name,
        valid_from=day,
        valid_to=opt(day),
        activity_above=POINTS,
        market_below=opt(POINTS),
        activity_age_max=opt(I16),
        switches=default(
            many(
                record(
                    switch=word_of(SWITCHES, "RULE_PACK_SWITCH"),
                    stand=choice("no", "yes", "contested"),
                    known_from=opt(day),
                    source=text,
                )
            ),
            [],
        ),
        paragraphs=default(
            many(record(provision=word_of(PROVISIONS, "RULE_PACK_PARAGRAPH"), citation=text)), []
        ),
        source=text,
    ),
    "tariff": record(org=name, version=U32, fee=many(component)),
    "request": record(
        **MESSAGE,
        request_id=text,
        mode=choice("interest", "binding"),
        buyer=name,
        offering=ID,
        route=route,
        as_of=day,
        procedure_began=opt(day),
        rule_pack=ID,
        award=default(choice(*AWARDS), "general"),
        term_years=U32,
        total_max=CENTS,
        quote_by=instant,
        seal_by=instant,
        auto_seal=opt(record(accept_assumed=flag)),
        quantities=default(quantities, quantities({})),
        reference=default(text, ""),
        considered=default(many(record(route=route, verdict=choice(*VERDICTS), total=opt(CENTS))), []),
        amends=opt(record(order=ORDER_ID, seal=ID, what=choice("change", "prolong"))),
        bundle=opt(record(key=key_kind, members=many(record(org=name, need=ID, weight=U64)))),
        grounds=default(
            record(
                need=opt(ID),
                searched=default(flag, False),
                alternatives=default(
                    many(
                        record(
                            offering=ID,
                            seller=name,
                            title=text,
                            against=opt(text),
                            total=opt(CENTS),
                            why=opt(choice("price", "fit", "term", "route", "other")),
                        )
                    ),
                    [],
                ),
                selection=opt(
                    record(
                        node=name,
                        frozen_at=instant,
                        filters=default(many(text), []),
                        found=U32,
                        place=U32,
                        known=many(record(log=origin_field, size=U64, root=ID)),
                    )
                ),
            ),
            None,
        ),
        annex=opt(ID),
        officer=name,
    ),
    "decision": record(
        **MESSAGE,
        request=ID,
        org=name,
        approve=flag,
        annex=opt(ID),
        leg=opt(leg_finding),
        officer=name,
    ),
    "endorse": record(**MESSAGE, from_=name, prev=ID, leg=leg_finding, decision=opt(ID)),
    "accept": record(
        **MESSAGE,
        from_=name,
        prev=ID,
        leg=leg_finding,
        components=many(component),
        decision=opt(ID),
        binds_until=instant,
    ),
    "reject": decline,
    "counter": record(
        **MESSAGE, from_=name, prev=ID, components=many(component), tariff=opt(ID), binds_until=instant
    ),
    "decline": decline,
    "seal": record(
        **MESSAGE, buyer=name, chain=many(ID), total=CENTS, agreed=default(many(name), []), officer=opt(name)
    ),
    "confirm": record(**MESSAGE, from_=name, seal=ID, officer=name),
    "void": record(
        **MESSAGE,
        buyer=name,
        request=ID,
        reason=choice(
            "cancelled",
            "expired",
            "rejected",
            "not-approved",
            "price-too-high",
            "lapsed",
            "rerouted",
            "recalled",
            "superseded",
        ),
        officer=opt(name),
    ),
    "recall": record(
        **MESSAGE, from_=name, request=ID, reason=text, note=default(text, ""), annex=opt(ID), officer=opt(name)
    ),
    "late-notice": record(**MESSAGE, buyer=name, to=name, message=ID, void=ID),
    "reminder": record(
        **MESSAGE, org=name, about=choice("approval", "decision", "seal"), due=instant, until=instant
    ),
    "milestone": record(
        **MESSAGE, seal=ID, from_=name, number=U32, event=event, annex=opt(ID), officer=name
    ),
    "settlement": record(
        **MESSAGE,
        seal=ID,
        from_=name,
        to=name,
        number=U32,
        about=many(ID),
        holds=opt(ID),
        terms=text,
        agrees=opt(ID),
        officer=name,
    ),
    "erasure": record(
        **MESSAGE, from_=name, number=U32, annexes=many(ID), ground=text, authority=text, officer=name
    ),
    "mandate": record(
        **MESSAGE, org=name, to=name, need=ID, cap=CENTS, until=day, approves=opt(ID), officer=name
    ),
    "call-off": record(
        **MESSAGE,
        seal=ID,
        from_=name,
        to=name,
        need=ID,
        mandate=ID,
        offering=ID,
        provider=name,
        term_years=U32,
        key=key_kind,
        weight=U64,
        weights=U64,
        total=CENTS,
        share=CENTS,
        leg=leg_finding,
        rule_pack=ID,
        procedure_began=day,
        award=default(choice(*AWARDS), "general"),
    ),
    "receipt": record(
        order=ORDER_ID, attempt=U32, from_=name, message=ID, log=origin_field, size=U64, received_at=instant, salt=SALT
    ),
    "access": record(org=name, officer=name, node=name, signed_at=instant, salt=SALT),
}

PUBLIC = frozenset(
    """federation-root admission expulsion key-event node-record officer-grant recovery succession membership
    entity-facts offering withdrawal connection-report connection-profile need need-withdrawal rule-pack tariff""".split()
)
MESSAGES = frozenset(BODIES) - PUBLIC - {"receipt", "access"}
ABOUT_TRUST = frozenset(
    "federation-root admission expulsion key-event node-record officer-grant recovery succession".split()
)
TRUST_KINDS = ABOUT_TRUST | {"rule-pack"}


def is_public(kind: str) -> bool:
    return kind in PUBLIC or kind not in BODIES


# ---- the rules of one body ----


def within(field: str, holds: bool) -> None:
    if not holds:
        raise Refusal("FIELD_INVALID", field=field)


def check_count(field: str, number: int) -> None:
    within(field, 1 <= number <= COUNT_MAX)


def lines_text(field: str, value: Optional[str], most: int) -> None:
    """A text of any number of lines, which may be empty."""
    if value is None:
        return
    if len(value) > most:
        raise Refusal("TEXT_TOO_LONG", field=field)
    check_characters(value)
    if value.strip() != value:
        raise Refusal("TEXT_MISSHAPED", field=field)


def line_text(field: str, value: Optional[str], most: int) -> None:
    """A text of one line, which may be empty."""
    if value is not None and "\n" in value:
        raise Refusal("TEXT_HIDES", field=field)
    lines_text(field, value, most)


def label(field: str, value: Optional[str], most: int) -> None:
    """A text of one line that is no formula of a spreadsheet, and may be empty."""
    line_text(field, value, most)
    if value is not None and value.startswith(tuple("=+-@\t\r＝＋－＠")):
        raise Refusal("TEXT_IS_FORMULA", field=field)


def title(field: str, value: Optional[str], most: int) -> None:
    """The same, required."""
    if value is not None:
        within(field, value.strip() != "")
        label(field, value, most)


def word(field: str, value: Optional[str]) -> None:
    """A stable word such as the codes of reasons."""
    within(field, value is None or re.fullmatch("[A-Z0-9_]{1,64}", value) is not None)


def needed_text(field: str, value: str) -> None:
    within(field, value.strip() != "")
    line_text(field, value, 500)


def interval(begin: datetime.date, end: Optional[datetime.date]) -> None:
    if end is not None and end < begin:
        raise Refusal("INTERVAL_INVALID", field="valid_to")


def distinct(values: Iterable[Any]) -> bool:
    listed = list(values)
    return len(set(listed)) == len(listed)


def check_last_good(listed: list[Doc]) -> None:
    within("last_good", len(listed) <= 32 and distinct(good.log for good in listed))


def check_root_keys(root: Optional[Doc]) -> None:
    if root is not None:
        within("root", 1 <= len(root.keys) <= 5 and distinct(root.keys) and 1 <= root.threshold <= len(root.keys))


def check_federation_root(body: Doc) -> None:
    keys = [trustee.key for trustee in body.trustees]
    within("trustees", distinct(keys) and 1 <= len(keys) <= 9)
    within("threshold", 1 <= body.threshold <= len(keys))
    check_count("version", body.version)
    within("version", (body.version == 1) == (body.prev is None))
    nodes, quorum = body.witnesses.nodes, body.witnesses.quorum
    least = 1 + 2 * len(nodes) // 3
    within("witnesses", distinct(nodes) and len(nodes) <= 64 and least <= quorum <= len(nodes))
    for trustee in body.trustees:
        title("trustees", trustee.name, 100)


def check_admission(body: Doc) -> None:
    title("name", body.name, 500)
    label("legal_form", body.legal_form, 500)
    line_text("source", body.source, 500)
    title("portal", body.portal, 200)
    first = body.number == 1
    check_count("number", body.number)
    within("prev", first == (body.prev is None))
    within("root", first == (body.root is not None))
    within("operates", body.operates in (None, body.home_node))
    check_root_keys(body.root)


def check_expulsion(body: Doc) -> None:
    lines_text("reason", body.reason, 500)
    check_last_good(body.last_good)


def check_key_event(body: Doc) -> None:
    within("seq", body.seq <= COUNT_MAX and (body.seq == 0) == (body.prev is None))
    within("add", len(body.add) <= 8)
    within("revoke", len(body.revoke) <= 64 and distinct(each.key for each in body.revoke))
    within("new_epoch", body.new_epoch is None or 2 <= body.new_epoch.epoch <= COUNT_MAX)
    for revocation in body.revoke:
        check_last_good(revocation.last_good)
    check_root_keys(body.root)


def is_ip6(host: str) -> bool:
    import ipaddress

    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return "%" not in host


def is_address(value: str) -> bool:
    """`host:port`, with brackets around an IPv6 address, and nothing else."""
    host, colon, port = value.rpartition(":")
    plain = re.fullmatch("[A-Za-z0-9._-]+", host) or (host[:1] == "[" and host[-1:] == "]" and is_ip6(host[1:-1]))
    number = re.fullmatch("0*[1-9][0-9]{0,4}", port) is not None and int(port) < 65536
    return len(value.encode()) <= 259 and colon == ":" and bool(plain) and number


def check_node_record(body: Doc) -> None:
    listed = 1 <= len(body.addresses) <= 8 and distinct(body.addresses)
    within("addresses", listed and all(map(is_address, body.addresses)))


def check_officer_grant(body: Doc) -> None:
    interval(body.valid_from, body.valid_to)
    within("roles", len(body.roles) > 0)


def check_recovery(body: Doc) -> None:
    lines_text("reason", body.reason, 500)
    check_root_keys(body.root)


def check_succession(body: Doc) -> None:
    within("successor", body.predecessor != body.successor)
    line_text("source", body.source, 500)


CONTROLLING = ("cooperative-member", "shareholder", "owner", "purpose-association-member")


def check_membership(body: Doc) -> None:
    line_text("source", body.source, 500)
    label("procedure", body.procedure, 200)
    interval(body.valid_from, body.valid_to)
    within("member", body.member != body.of)
    label("scope", body.scope, 300)
    if body.cooperation is not None:
        label("agreement", body.cooperation.agreement, 300)
        check_years("market_years", body.cooperation.market_years)
    if body.entrustment is not None:
        for field in ("task", "act", "reference"):
            line_text(field, getattr(body.entrustment, field), 300)
    if body.modification is not None:
        line_text("circumstances", body.modification.circumstances, 300)
    controls, cooperates = body.relation in CONTROLLING, body.relation == "cooperation-contract"
    runs = body.relation == "running-contract"
    awarded = body.relation in ("framework-agreement", "tendered-contract")
    within("represented_by", body.represented_by is None or controls and body.represented_by != body.member)
    within("decisive_influence", body.decisive_influence is None or controls)
    within("entrustment", body.entrustment is None or controls)
    within("scope", body.scope is None or awarded or cooperates or runs)
    within("volume", body.volume is None or awarded or runs)
    within("cooperation", body.cooperation is None or cooperates)
    within("modification", body.modification is None or runs)
    within("procedure", body.procedure is None or awarded)
    within("revoked", not body.revoked or body.corrects is not None)
    all_of_it = body.share in (None, 10_000) and body.votes in (None, 10_000)
    directs = body.decisive_influence is True or all_of_it
    if body.sole and not (controls and directs):
        raise Refusal("FACT_CONTRADICTS_ITSELF", field="sole")


def check_years(field: str, years: list[int]) -> None:
    within(field, len(years) <= 3 and all(b == a + 1 for a, b in zip(years, years[1:])))
    within(field, all(1900 <= year <= 2199 for year in years))


def check_entity_facts(body: Doc) -> None:
    line_text("source", body.source, 500)
    label("legal_form", body.legal_form, 100)
    interval(body.valid_from, body.valid_to)
    within("contracting_authority", body.contracting_authority is None or body.contracting_authority <= 3)
    check_years("activity_years", body.activity_years)
    if body.group is not None:
        bodies = body.group.bodies
        twice = not distinct([body.org, *bodies]) or len(bodies) > 200
        if twice or (body.group.turnover == "not-a-parent" and bodies):
            raise Refusal("FACT_CONTRADICTS_ITSELF", field="group")
    within("confirms", len(body.confirms) <= 100)
    if (body.nature, body.private_capital) == ("public", "present"):
        raise Refusal("FACT_CONTRADICTS_ITSELF", field="nature")
    some = None if body.private_share is None else body.private_share > 0
    if (body.private_capital, some) in (("none", True), ("present", False)):
        raise Refusal("FACT_CONTRADICTS_ITSELF", field="private_share")


def check_rule_pack(body: Doc) -> None:
    line_text("source", body.source, 500)
    interval(body.valid_from, body.valid_to)
    within("activity_age_max", body.activity_age_max is None or 1 <= body.activity_age_max <= 10)
    for setting in body.switches:
        line_text("source", setting.source, 500)
    if not distinct(setting.switch for setting in body.switches):
        raise Refusal("RULE_PACK_SWITCH", rule="twice")
    for paragraph in body.paragraphs:
        line_text("citation", paragraph.citation, 200)
    if not distinct(paragraph.provision for paragraph in body.paragraphs):
        raise Refusal("RULE_PACK_PARAGRAPH", rule="twice")


def check_offering(body: Doc) -> None:
    title("title", body.title, 200)
    lines_text("description", body.description, TEXT_CHARS_MAX)
    label("topic", body.topic, 100)
    line_text("source", body.source, 500)
    within("leika", len(body.leika) <= 100)
    within("coverage", 1 <= len(body.coverage) <= 100)
    check_items(body.price)
    for field in "leika_types connection portals specialised_systems dvdv not_included assumed".split():
        texts, rule = getattr(body, field), line_text if field in ("not_included", "assumed") else label
        within(field, len(texts) <= 100)
        for each in texts:
            rule(field, each, 300)
    within("requires", len(set(body.requires)) == len(body.requires))
    if body.sovereignty is not None:
        for field, most in (("licence", 100), ("repository", 300), ("data_location", 200), ("d_stack", 100)):
            each = getattr(body.sovereignty, field)
            if each is not None:
                title(field, each, most)
        within("interfaces", len(body.sovereignty.interfaces) <= 100)
        for each in body.sovereignty.interfaces:
            title("interfaces", each, 100)
    within("references", len(body.references) <= 100)
    for each in body.references:
        title("catalogue", each.catalogue, 100)
        title("entry", each.entry, 300)
    within("lead_land", body.lead_land is None or body.lead_land in LANDS)
    if body.version == 0:
        raise Refusal("OFFERING_VERSION")
    check_count("version", body.version)
    within("notice_days", body.notice_days is None or body.notice_days <= 731)
    within("term_years_min", 1 <= body.term_years_min <= 20)
    interval(body.valid_from, body.valid_to)


def check_withdrawal(body: Doc) -> None:
    check_count("version", body.version)
    lines_text("reason", body.reason, 500)


def check_need(body: Doc) -> None:
    within("leika", len(body.leika) <= 100)
    lines_text("note", body.note, 1000)


def check_connection_report(body: Doc) -> None:
    label("portal", body.portal, 100)
    lines_text("result", body.result, 1000)
    line_text("source", body.source, 500)


def check_connection_profile(body: Doc) -> None:
    check_count("version", body.version)
    for field in "portals specialised_systems connection".split():
        within(field, len(getattr(body, field)) <= 100)
        for each in getattr(body, field):
            title(field, each, 300)
    within("provides", len(set(body.provides)) == len(body.provides))
    line_text("source", body.source, 500)
    within("assumed", len(body.assumed) <= 100)
    for each in body.assumed:
        line_text("assumed", each, 300)


def check_need_withdrawal(body: Doc) -> None:
    lines_text("reason", body.reason, 500)


def check_tariff(body: Doc) -> None:
    check_count("version", body.version)
    check_items(body.fee)


def order_id(buyer: str, request_id: str) -> bytes:
    return sha256(b"verbund/order/v1\0", buyer.encode(), b"\0", request_id.encode())[:16]


DAY_MS = 24 * 60 * 60 * 1000


def check_request(body: Doc) -> None:
    line_text("request_id", body.request_id, 100)
    label("reference", body.reference, 200)
    if body.route[0] != body.buyer:
        raise Refusal("ROUTE_INVALID", buyer=body.buyer)
    if body.order != order_id(body.buyer, body.request_id):
        raise Refusal("ORDER_ID_MISMATCH")
    within("attempt", body.attempt != 0)
    within("term_years", 1 <= body.term_years <= 20)
    ends = [(seen.route[0], seen.route[-1]) for seen in body.considered]
    within("considered", len(ends) <= 20 and all(each == (body.buyer, body.route[-1]) for each in ends))
    if body.bundle is not None:
        check_gathered(body.bundle, body.buyer)
    amends = body.amends
    within("amends", amends is None or (amends.order != body.order and body.mode == "binding"))
    if body.grounds is not None:
        check_grounds(body.grounds, body.offering, body.signed_at)
    # Only a further attempt may belong to a procedure that began before it.
    began, signed = procedure_day(body), day_of(body.signed_at)
    within("procedure_began", began == signed or (began < signed and body.attempt > 1))
    latest = body.signed_at + 180 * DAY_MS
    if not body.signed_at < body.quote_by < body.seal_by <= latest:
        raise Refusal("DEADLINE_INVALID")


def procedure_day(request: Doc) -> datetime.date:
    """The day on which the award procedure began."""
    return day_of(request.signed_at) if request.procedure_began is None else request.procedure_began


PARTIES_MAX = 7


def check_seal_lists(body: Doc) -> None:
    within("chain", len(body.chain) <= 2 * PARTIES_MAX)
    within("agreed", len(body.agreed) <= PARTIES_MAX)


def check_gathered(gathered: Doc, buyer: str) -> None:
    members = gathered.members
    within("bundle", 1 <= len(members) <= 400)
    within("bundle", distinct(member.org for member in members))
    within("bundle", all(member.org != buyer for member in members))
    within("bundle", all(1 <= member.weight <= WEIGHT_MAX for member in members))


def check_grounds(grounds: Doc, chosen: bytes, signed_at: int) -> None:
    for other in grounds.alternatives:
        title("title", other.title, 200)
        word("against", other.against)
    others = [other.offering for other in grounds.alternatives]
    within("alternatives", distinct(others) and chosen not in others and len(others) <= 20)
    if grounds.selection is not None:
        within("selection", grounds.searched and all(other.why is not None for other in grounds.alternatives))
        check_selection(grounds.selection, len(others), signed_at)


def check_selection(selection: Doc, others: int, signed_at: int) -> None:
    for each in selection.filters:
        label("filters", each, 200)
    within("selection", len(selection.filters) <= 20)
    within("selection", selection.frozen_at <= signed_at)
    within("selection", others < selection.found and 1 <= selection.place <= selection.found)
    logs = [known.log for known in selection.known]
    within("selection", 1 <= len(logs) <= 22 and all(one < following for one, following in zip(logs, logs[1:])))


def check_milestone(body: Doc) -> None:
    within("number", 1 <= body.number <= 200)
    within("annex", body.event.what != "contact" or body.annex is not None)


def check_settlement(body: Doc) -> None:
    line_text("terms", body.terms, 500)
    within("terms", body.terms.strip() != "")
    within("to", body.to != body.from_)
    within("number", 1 <= body.number <= 20)
    within("about", distinct(body.about) and 1 <= len(body.about) <= 8)


def check_refusal(body: Doc) -> None:
    word("reason", body.reason)
    lines_text("note", body.note, 500)


def check_recall(body: Doc) -> None:
    check_refusal(body)
    within("note", body.officer is None or body.note == "")


def check_offer(body: Doc) -> None:
    check_offered(body.components)


def check_erasure(body: Doc) -> None:
    title("ground", body.ground, 200)
    title("authority", body.authority, 200)
    within("number", 1 <= body.number <= 20)
    within("annexes", distinct(body.annexes) and 1 <= len(body.annexes) <= 20)


def check_mandate(body: Doc) -> None:
    if body.order != order_id(body.org, f"mandate {body.need.hex()}"):
        raise Refusal("ORDER_ID_MISMATCH")
    if body.to == body.org:
        raise Refusal("FIELD_INVALID", field="to")


def check_call_off(body: Doc) -> None:
    within("term_years", 1 <= body.term_years <= 20)
    within("weight", 1 <= body.weight <= WEIGHT_MAX and body.weight <= body.weights)
    within("weights", body.weights <= WEIGHT_MAX * 400)
    within("share", body.share <= body.total)


BODY_RULES: dict[str, Callable[[Doc], None]] = {
    "federation-root": check_federation_root,
    "admission": check_admission,
    "expulsion": check_expulsion,
    "key-event": check_key_event,
    "node-record": check_node_record,
    "officer-grant": check_officer_grant,
    "recovery": check_recovery,
    "succession": check_succession,
    "membership": check_membership,
    "entity-facts": check_entity_facts,
    "rule-pack": check_rule_pack,
    "offering": check_offering,
    "withdrawal": check_withdrawal,
    "connection-report": check_connection_report,
    "connection-profile": check_connection_profile,
    "need": check_need,
    "need-withdrawal": check_need_withdrawal,
    "tariff": check_tariff,
    "request": check_request,
    "reject": check_refusal,
    "decline": check_refusal,
    "recall": check_recall,
    "milestone": check_milestone,
    "settlement": check_settlement,
    "erasure": check_erasure,
    "seal": check_seal_lists,
    "accept": check_offer,
    "counter": check_offer,
    "mandate": check_mandate,
    "call-off": check_call_off,
}

# The words beside a message, and the kinds that may have some.
WORDS = ("note", "purpose", "choice", "query", "contact")
ANNEX = record(salt=digits(32, "JSON_INVALID"), **{word: default(text, "") for word in WORDS})
ANNEX_BYTES_MAX = 16 * 1024
HAVE_ANNEX = frozenset("request decision reject decline recall milestone".split())

# ======================================================================================================================
# Statements: DSSE bytes and signatures (proto/README.md)
# ======================================================================================================================

TYPE_SHAPE = re.compile(rb"application/vnd\.verbund\.(.*)\.v1\+json", re.DOTALL)
_bodies: dict[bytes, Any] = {}


def split_pae(pae: bytes) -> tuple[bytes, bytes]:
    """Payload type and payload, if the bytes are exactly one pre-authentication encoding."""
    if len(pae) > JSON_BYTES_MAX + 256:
        raise Refusal("JSON_TOO_LARGE", bytes=len(pae))
    malformed = Refusal("STATEMENT_MALFORMED")
    head = re.match(rb"DSSEv1 (0|[1-9][0-9]{0,18}) ", pae)
    if not head:
        raise malformed
    end = head.end() + int(head.group(1))
    payload_type = pae[head.end() : end]
    middle = re.compile(rb" (0|[1-9][0-9]{0,18}) ").match(pae, end)
    if end > len(pae) or not middle or len(pae) != middle.end() + int(middle.group(1)):
        raise malformed
    return payload_type, pae[middle.end() :]


def kind_in(payload_type: bytes) -> str:
    found = TYPE_SHAPE.fullmatch(payload_type)
    if not found:
        raise Refusal("STATEMENT_MALFORMED", part="payload type")
    try:
        return found.group(1).decode()
    except UnicodeDecodeError:
        raise Refusal("STATEMENT_MALFORMED", part="payload type") from None


class Signed:
    """A statement as it arrived: well-formed, with signatures nobody need have checked yet."""

    def __init__(self, pae: bytes, signatures: list[tuple[bytes, bytes]]):
        if not 1 <= len(signatures) <= 16:
            raise Refusal("STATEMENT_UNSIGNED", signatures=len(signatures))
        payload_type, self.payload = split_pae(pae)
        self.kind = kind_in(payload_type)
        if not re.fullmatch("[a-z-]+", self.kind):
            raise Refusal("STATEMENT_MALFORMED", part="payload type")
        self.pae = pae
        self.id = sha256(pae)
        self.signatures = dict(sorted(signatures))

    def body(self) -> Doc:
        """The document, read once for all bundles of this process; raises what is wrong with it."""
        if self.id not in _bodies:
            try:
                _bodies[self.id] = self.read()
            except Refusal as refusal:
                _bodies[self.id] = refusal
        found = _bodies[self.id]
        if isinstance(found, Refusal):
            raise Refusal(found.reason, **found.fields)
        return found

    def read(self) -> Doc:
        value = read_json(self.payload, is_body=True)
        if self.kind not in BODIES:
            return Doc({})
        try:
            body = BODIES[self.kind](value)
        except ValueError as error:
            raise Refusal("JSON_INVALID", why=error) from None
        BODY_RULES.get(self.kind, lambda _: None)(body)
        if self.kind in MESSAGES or self.kind == "receipt":
            check_count("attempt", body.attempt)
        return body

    def verify(self, key: bytes) -> None:
        signature = self.signatures.get(sha256(key))
        if signature is None:
            raise Refusal("SIGNER_WRONG", kind=self.kind)
        require_signature(key, self.pae, signature)

    def leaf_stem(self, outcome: bytes) -> bytes:
        """The first 168 bytes of the leaf."""
        several = len(self.signatures) > 1
        tag = (b"vrb1pub" if is_public(self.kind) else b"vrb1prt") + (b"n" if several else b"1")
        keys, signatures = b"".join(self.signatures), b"".join(self.signatures.values())
        if several:
            keys, signatures = sha256(keys), hashlib.sha512(signatures).digest()
        return tag + self.id + keys + signatures + outcome


def outcome_tag(kind: str, order: bytes, attempt: int, salt: bytes) -> bytes:
    return sha256(b"verbund/outcome/v1\0", kind.encode(), b"\0", order, attempt.to_bytes(4, "big"), salt)


# What an order may fall by beside trust: the fields that say what is on offer, or whose tariff it is.
SALES: dict[str, tuple[str, Reader]] = {
    "offering": ("offering/{seller}/{name}", record(seller=name, name=name)),
    "withdrawal": ("offering/{seller}/{name}", record(seller=name, name=name)),
    "tariff": ("tariff/{org}", record(org=name)),
}


def is_about_sales(subject: str) -> bool:
    return subject.startswith(("offering/", "tariff/"))


@functools.lru_cache(KEPT)
def subject_in(kind: str, payload: bytes) -> Optional[str]:
    """Whom or what a statement is about that an order may fall by, accepted or not."""
    if kind in SALES:
        subject, reader = SALES[kind]
        try:
            return subject.format_map(reader(read_json(payload)).__dict__)
        except (Refusal, ValueError):
            return None
    if kind not in TRUST_KINDS:
        return None
    try:
        named = record(org=opt(name), officer=opt(name), node=opt(name))(read_json(payload))
    except (Refusal, ValueError):
        return "federation"
    if kind in ("admission", "key-event", "recovery") and named.org:
        return f"organisation/{named.org}"
    if kind == "officer-grant" and named.org and named.officer:
        return f"officer/{named.org}/{named.officer}"
    if kind == "node-record" and named.node:
        return f"node/{named.node}"
    return "federation"


# Who signs a statement with one signature: the field that names the organisation, whether its own statement key may
# (`o`), and which officers may.
PUBLISHER, BUYER, APPROVER = ("publisher",), ("buyer",), ("approver",)
SIGNER_RULES: dict[str, tuple[str, bool, tuple[str, ...]]] = {
    "membership": ("of", True, PUBLISHER),
    "entity-facts": ("org", True, PUBLISHER),
    "offering": ("seller", True, PUBLISHER),
    "withdrawal": ("seller", True, PUBLISHER),
    "connection-report": ("municipality", True, PUBLISHER + BUYER),
    "connection-profile": ("municipality", True, PUBLISHER + BUYER),
    "need": ("municipality", True, PUBLISHER + BUYER),
    "need-withdrawal": ("municipality", True, PUBLISHER + BUYER),
    "tariff": ("org", True, PUBLISHER),
    "request": ("buyer", False, BUYER),
    "decision": ("org", False, APPROVER),
    "endorse": ("from_", True, ()),
    "accept": ("from_", True, ()),
    "reject": ("from_", True, ()),
    "decline": ("from_", True, ()),
    "counter": ("from_", True, ()),
    "seal": ("buyer", True, BUYER + APPROVER),
    "void": ("buyer", True, BUYER + APPROVER),
    "confirm": ("from_", False, APPROVER),
    "recall": ("from_", True, APPROVER),
    "late-notice": ("buyer", True, ()),
    "reminder": ("org", True, ()),
    "milestone": ("from_", False, BUYER + APPROVER),
    "settlement": ("from_", False, APPROVER),
    "erasure": ("from_", False, BUYER + APPROVER),
    "mandate": ("org", False, BUYER + APPROVER),
    "call-off": ("from_", True, ()),
    "receipt": ("from_", True, ()),
    "access": ("org", False, ROLES),
}
NAMES_OFFICER = ("request", "decision", "access", "seal", "void", "confirm", "recall", "milestone", "settlement", "erasure", "mandate")


def signed_at(kind: str, body: Doc) -> Optional[int]:
    if kind == "receipt":
        return body.received_at
    return body.signed_at if kind in MESSAGES or kind == "access" else None


# ======================================================================================================================
# The container: one ZIP, strict about bytes
# ======================================================================================================================

BUNDLE_BYTES_MAX = 16 * 1024 * 1024
MEMBERS_MAX = 2_000
MIMETYPE = b"application/vnd.etsi.asic-e+zip"
MANIFEST = "META-INF/ASiCManifest.xml"
TIMESTAMP = "META-INF/timestamp.tst"
FORMAT = 2
# The text of VERIFY.txt.
VERIFY_SHA256 = bytes.fromhex("0cf12b651f068e745758fa8a47b910d2f54707cf2a6991c2774b8675e29780c3")
SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
TST_INFO = bytes.fromhex("2a864886f70d0109100104")
SHA_256 = bytes.fromhex("608648016503040201")

MANIFEST_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" '
    'xmlns:ds="http://www.w3.org/2000/09/xmldsig#">\n'
    '<asic:SigReference URI="META-INF/timestamp.tst" MimeType="application/vnd.etsi.timestamp-token"/>\n'
)
MANIFEST_ENTRY = (
    '<asic:DataObjectReference URI="{}"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
    "<ds:DigestValue>{}</ds:DigestValue></asic:DataObjectReference>"
)
MANIFEST_TAIL = "</asic:ASiCManifest>\n"

ZIP_ENTRIES_MAX = 6_000
LEFTOVER_BYTES_MAX = 16 * 1024
WIDE_16, WIDE_32 = 0xFFFF, 0xFFFFFFFF
END, END_64, LOCATOR_64, CENTRAL, LOCAL, DESCRIPTOR = (
    0x06054B50, 0x06064B50, 0x07064B50, 0x02014B50, 0x04034B50, 0x08074B50,
)  # fmt: skip
# Extra fields that change nothing, with their lengths: times of Unix and Windows, owners, the mark of Java's tool.
HARMLESS_EXTRA = {
    0x5455: (5, 9, 13), 0x000A: (32,), 0x7875: range(3, 20), 0x7855: (0, 4), 0x5855: (8, 12), 0xCAFE: (0,),
}  # fmt: skip


def ambiguous(rule: str) -> Refusal:
    return Refusal("BUNDLE_AMBIGUOUS", rule=rule)


@functools.cache
def little_endian(widths: tuple[int, ...]) -> struct.Struct:
    return struct.Struct("<" + "".join({2: "H", 4: "L", 8: "Q"}[width] for width in widths))


class Fields:
    """Little-endian numbers and bytes, one after the other."""

    def __init__(self, data: bytes, at: int = 0):
        self.data, self.at = data, at

    def take(self, length: int) -> bytes:
        taken = self.data[self.at : self.at + length]
        if len(taken) != length or self.at > len(self.data):
            raise Refusal("BUNDLE_TRUNCATED")
        self.at += length
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def numbers(self, *widths: int) -> tuple[int, ...]:
        shape = little_endian(widths)
        return shape.unpack(self.take(shape.size))

    def widened(self, numbers: list[int]) -> list[int]:
        """Each number that stands in a wider field is replaced by that field."""
        try:
            return [self.number(8) if number == WIDE_32 else number for number in numbers]
        except Refusal:
            raise ambiguous("zip64 field of a member") from None

    def finish(self) -> None:
        if self.at != len(self.data):
            raise ambiguous("zip64 field of a member")


def meet(at: int, following: int, place: str) -> None:
    """What has been read ends where the next begins."""
    if at < following:
        raise Refusal("BUNDLE_BYTES_FOREIGN", place=place)
    if at > following:
        raise ambiguous("records overlap")


class ZipEntry:
    """What the directory says of an entry, compared with what stands before and behind its data."""

    def __init__(self, directory: Fields):
        if directory.number(4) != CENTRAL:
            raise ambiguous("the directory holds something else")
        _, self.flags, self.method, _, self.crc, packed, size = directory.numbers(4, 2, 2, 4, 4, 4, 4)
        name_length, extra_length, comment, disk, _, self.attributes, offset = directory.numbers(2, 2, 2, 2, 2, 4, 4)
        self.raw = directory.take(name_length)
        wide = extra_fields(directory.take(extra_length), self.raw)
        if wide is not None:
            fields = Fields(wide)
            size, packed, offset = fields.widened([size, packed, offset])
            if disk == WIDE_16:
                disk = fields.number(4)
            fields.finish()
        self.packed, self.size, self.offset = packed, size, offset
        if comment:
            raise Refusal("BUNDLE_BYTES_FOREIGN", place="comment of a member")
        if disk or self.flags & 1 or self.flags & ~0b1000_0000_1110 or self.method not in (0, 8):
            raise Refusal("BUNDLE_UNREADABLE", rule="packed in a way that not every program knows")

    def read(self, file: bytes) -> int:
        """Finds the data and gives the place at which the entry ends."""
        fields = Fields(file, self.offset)
        if fields.number(4) != LOCAL:
            raise ambiguous("no member where the directory says")
        _, flags, method, _, crc, packed, size = fields.numbers(2, 2, 2, 4, 4, 4, 4)
        name_length, extra_length = fields.numbers(2, 2)
        raw = fields.take(name_length)
        wide = extra_fields(fields.take(extra_length), raw)
        if wide is not None:
            inner = Fields(wide)
            size, packed = inner.widened([size, packed])  # In front of a member the unpacked length comes first.
            inner.finish()
        if raw != self.raw or (flags, method) != (self.flags, self.method):
            raise ambiguous("two names or ways of packing of one member")
        described = bool(flags & 8)
        for here, there in ((crc, self.crc), (packed, self.packed), (size, self.size)):
            if here != there and not (described and here == 0):
                raise ambiguous("two lengths or checksums of one member")
        self.data = fields.take(self.packed)
        if described:
            width = 4 if wide is None else 8
            if fields.numbers(4, 4, width, width) != (DESCRIPTOR, self.crc, self.packed, self.size):
                raise ambiguous("record behind the data of a member")
            if method == 0 and b"PK\7\x08" in self.data:
                raise ambiguous("end of the data of a member")
        return fields.at

    def content(self) -> bytes:
        content: Optional[bytes] = self.data
        if self.method == 8:
            reader = zlib.decompressobj(-15)
            try:
                content = reader.decompress(self.data, self.size + 1)
            except zlib.error:
                content = None
            if not reader.eof or reader.unused_data:
                content = None
        if content is None or len(content) != self.size or zlib.crc32(content) != self.crc:
            raise Refusal("BUNDLE_ALTERED", rule="length or checksum of a member")
        return content


def extra_fields(data: bytes, raw: bytes) -> Optional[bytes]:
    """The wide numbers, if there are any; what changes nothing is passed over, everything else refused."""
    fields, seen, wide = Fields(data), set(), None
    foreign = Refusal("BUNDLE_BYTES_FOREIGN", place="extra field of a member")
    while fields.at < len(data):
        try:
            kind, length = fields.numbers(2, 2)
            content = fields.take(length)
        except Refusal:
            raise foreign from None
        if kind in seen:
            raise ambiguous("an extra field comes twice")
        seen.add(kind)
        if kind == 1:
            wide = content
        elif kind == 0x7075:
            if content != b"\1" + zlib.crc32(raw).to_bytes(4, "little") + raw:
                raise ambiguous("two names of one member")
        elif length not in HARMLESS_EXTRA.get(kind, ()):
            raise foreign
    return wide


def zip_entries(file: bytes) -> list[ZipEntry]:
    """Every entry in the order in which they stand; together they are the whole file."""
    tail = len(file) - 22
    if tail < 0 or file[tail : tail + 4] != b"PK\5\6" or file[tail + 20 :] != b"\0\0":
        raise no_end(file)
    disk, first, *narrow = Fields(file, tail + 4).numbers(2, 2, 2, 2, 4, 4)
    here, count, size, offset = narrow
    if tail >= 20 and file[tail - 20 : tail - 16] == b"PK\6\7":
        here, count, size, offset = wide_end(file, tail - 20, narrow)
        tail -= 20 + 56
    if disk not in (0, WIDE_16) or first not in (0, WIDE_16) or here != count:
        raise Refusal("BUNDLE_UNREADABLE", rule="split over several files")
    if count > ZIP_ENTRIES_MAX:
        raise Refusal("BUNDLE_TOO_LARGE", entries=count)
    if offset + size > tail:
        raise Refusal("BUNDLE_TRUNCATED")
    meet(offset + size, tail, "before the archive or before its end")
    directory = Fields(file[:tail], offset)
    entries = sorted((ZipEntry(directory) for _ in range(count)), key=lambda entry: entry.offset)
    meet(directory.at, tail, "after the directory")
    at = 0
    for entry in entries:
        meet(at, entry.offset, "between members")
        at = entry.read(file)
    meet(at, offset, "before the directory")
    return entries


def wide_end(file: bytes, locator: int, narrow: list[int]) -> list[int]:
    """The numbers of the wide end record, which say what the narrow one says, as far as that says anything."""
    disk, offset, disks = Fields(file, locator + 4).numbers(4, 8, 4)
    if locator < 56 or offset != locator - 56:
        raise ambiguous("zip64 end record")
    mark, length, _, one, other, *wide = Fields(file, offset).numbers(4, 8, 4, 4, 4, 8, 8, 8, 8)
    limits = (WIDE_16, WIDE_16, WIDE_32, WIDE_32)
    agrees = all(said in (limit, true) for said, limit, true in zip(narrow, limits, wide))
    if not agrees or (mark, length, one, other, disk, max(disks - 1, 0)) != (END_64, 44, 0, 0, 0, 0):
        raise ambiguous("zip64 end record")
    return wide


def no_end(file: bytes) -> Refusal:
    """Why there is no end record where the file ends."""
    if not file:
        return Refusal("FILE_EMPTY")
    at = file.rfind(b"PK\5\6")
    if at < 0:
        return Refusal("BUNDLE_TRUNCATED" if file.startswith(b"PK\3\4") else "BUNDLE_NOT_ZIP")
    after = max(len(file) - at - 22, 0)
    claimed = file[at + 20 : at + 22]
    if len(claimed) == 2 and int.from_bytes(claimed, "little") <= after:
        return Refusal("BUNDLE_BYTES_FOREIGN", place="behind the end of the archive")
    return Refusal("BUNDLE_TRUNCATED")


APPLE_FOLDER = "__MACOSX/"
LOOSE = re.compile(r"[A-Za-z0-9_./ ()-]*")
DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)


def unsafe_name(member: str) -> Refusal:
    return Refusal("MEMBER_NAME_UNSAFE", member=member)


def check_part(part: str) -> None:
    """A part of a path leads nowhere else and is kept as it is on Windows."""
    if part in ("", "..") or part.endswith((".", " ")) or DEVICE.fullmatch(part.split(".")[0]):
        raise unsafe_name(part)


def check_member_name(member: str) -> None:
    if len(member) > 200 or not re.fullmatch(r"[A-Za-z0-9_./-]*", member):
        raise unsafe_name(member)
    for part in member.split("/"):
        if part.startswith("."):
            raise unsafe_name(member)
        check_part(part)


def check_plain_file(entry: ZipEntry, member: str) -> None:
    """A file is a plain file, and a folder holds nothing itself."""
    folder, mode = member.endswith("/"), entry.attributes >> 16
    kind_fits = mode & 0o170000 in (0, 0o040000 if folder else 0o100000)
    odd = entry.attributes & (0x0008 | 0x0040 | 0x0400) or (not folder and entry.attributes & 0x0010)
    if not kind_fits or mode & 0o7000 or odd or (folder and entry.size):
        raise Refusal("MEMBER_NOT_FILE", member=member)


def enclosing(names: list[str]) -> str:
    """The one folder, with its slash, in which the whole bundle was packed."""
    outer = min((member[: -len("mimetype")] for member in names if member.endswith("mimetype")), key=len, default="")
    if outer.count("/") != 1 or not outer.endswith("/"):
        return ""
    if not all(member.startswith((outer, APPLE_FOLDER)) for member in names):
        return ""
    folder = outer[:-1]
    if folder != ".":
        if outer == APPLE_FOLDER or not LOOSE.fullmatch(folder):
            raise unsafe_name(folder)
        check_part(folder)
    return outer


class Paths:
    """Paths as they are unpacked: no two that a file system without upper case would merge."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[str, bool]] = {}

    def claim(self, member: str) -> None:
        ends = [at for at, letter in enumerate(member) if letter == "/"] + [len(member)]
        for end in ends:
            path, is_file = member[:end], end == len(member)
            other = self.seen.get(path.lower())
            self.seen[path.lower()] = (path, is_file)
            if other and (is_file or other[1] or other[0] != path):
                raise Refusal("MEMBER_NAME_TWICE", member=path)

    def check_folder(self, folder: str) -> None:
        """A folder record names a folder in which a file lies."""
        known = self.seen.get(folder.lower())
        if known is None:
            raise Refusal("MEMBER_FOREIGN", member=folder)
        if known != (folder, False):
            raise Refusal("MEMBER_NAME_TWICE", member=folder)


JAR_MANIFEST = re.compile(rb"Manifest-Version: 1\.0\r\nCreated-By: [A-Za-z0-9 .,_+()-]{0,60}\r\n\r\n")


def is_leftover(member: str, content: Callable[[], bytes]) -> bool:
    """What packing tools leave behind: known by name and content, so that it carries nothing else."""
    folder, _, last = member.rpartition("/")
    if last.startswith("._"):
        known = content().startswith(bytes((0, 5, 0x16, 7, 0, 2, 0, 0)))
    elif last == ".DS_Store":
        known = content().startswith(b"\0\0\0\1Bud1")
    elif (folder, last) == ("META-INF", "MANIFEST.MF"):
        known = JAR_MANIFEST.fullmatch(content()) is not None
    else:
        return False
    if not known or len(content()) > LEFTOVER_BYTES_MAX:
        raise Refusal("MEMBER_FOREIGN", member=member)
    if not LOOSE.fullmatch(member):
        raise unsafe_name(member)
    for part in member.split("/"):
        check_part(part)
    return True


def read_zip(file: bytes) -> tuple[dict[str, bytes], list[str]]:
    """The members by name, and what packing tools have left behind."""
    if len(file) > BUNDLE_BYTES_MAX:
        raise Refusal("BUNDLE_TOO_LARGE", bytes=len(file))
    entries = zip_entries(file)
    if sum(entry.size for entry in entries) > BUNDLE_BYTES_MAX:
        raise Refusal("BUNDLE_BOMB")
    names = []
    for entry in entries:
        member = entry.raw.decode("latin-1")
        if not all(" " <= letter <= "~" for letter in member):
            raise unsafe_name(member)
        names.append(member)
    outer = enclosing(names)
    members: dict[str, bytes] = {}
    leftovers, folders, paths = [], [], Paths()
    for entry, member in zip(entries, names):
        check_plain_file(entry, member)
        inner = member[len(outer) :] if member.startswith(outer) else member
        if is_leftover(inner, entry.content):
            paths.claim(member)
            leftovers.append(member)
        elif member.endswith("/"):
            entry.content()
            folders.append(member[:-1])
        else:
            check_member_name(inner)
            paths.claim(member)
            members[inner] = entry.content()
    for folder in folders:
        paths.check_folder(folder)
    if len(members) > MEMBERS_MAX:
        raise Refusal("BUNDLE_TOO_LARGE", members=len(members))
    return dict(sorted(members.items())), leftovers


def lines_of(text_value: str) -> list[str]:
    lines = [line[:-1] if line.endswith("\r") else line for line in text_value.split("\n")[:-1]]
    rest = text_value.rpartition("\n")[2]
    return lines + [rest] if rest else lines


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


@functools.lru_cache(KEPT)
def from_base64(value: str) -> Optional[bytes]:
    """The bytes behind their one text."""
    try:
        data = base64.b64decode(value.encode("ascii"), validate=True)
    except ValueError:
        return None
    return data if base64_of(data) == value else None


def manifest_of(members: dict[str, bytes]) -> dict[str, bytes]:
    """The digests that the manifest lists; there is one text for every list."""
    altered = Refusal("BUNDLE_ALTERED", member=MANIFEST)
    before, after = MANIFEST_ENTRY.split("{}")[0], MANIFEST_ENTRY.split("{}")[2]
    between = MANIFEST_ENTRY.split("{}")[1]
    try:
        written = members[MANIFEST].decode()
    except (KeyError, UnicodeDecodeError):
        raise altered from None
    listed: dict[str, bytes] = {}
    for line in lines_of(written):
        if not (line.startswith(before) and line.endswith(after)) or len(line) < len(before) + len(after):
            continue
        member, found, digest = line[len(before) : len(line) - len(after)].partition(between)
        data = from_base64(digest) if found else None
        if data is None or len(data) != 32:
            raise altered
        listed[member] = data
    entries = (MANIFEST_ENTRY.format(member, base64_of(listed[member])) + "\n" for member in sorted(listed))
    if MANIFEST_HEAD + "".join(entries) + MANIFEST_TAIL != written:
        raise altered
    return listed


class Filed:
    """A statement as it lies in a bundle: readable, nothing checked."""

    def __init__(self, member: str, section: str, signed: Signed):
        self.name, self.section, self.signed = member, section, signed
        self.proofs: list[tuple[str, Proof]] = []


SECTIONS = ("root", "trust", "facts", "order", "receipts")


class Reading:
    """Everything readable in a bundle, and what is not."""

    def __init__(self, members: dict[str, bytes], leftovers: Iterable[str] = ()):
        self.members, self.leftovers = members, list(leftovers)
        self.names = sorted(members)
        self.used = {"mimetype", "format", MANIFEST, TIMESTAMP, "policy.txt", "VERIFY.txt"}
        self.refused: list[tuple[str, Refusal]] = []
        self.statements: list[Filed] = []
        self.ends: list[LogEnd] = []
        self.keys = self.read_keys()
        self.proofs = self.read_proofs()
        for member in self.names:
            stem, dot, ending = member.rpartition(".")
            section = stem.partition("/")[0]
            if dot and ending == "pae" and section in SECTIONS:
                self.used.add(member)
                self.read_statement(member, stem, section)
        self.read_ends()
        self.covers: list[tuple[str, Cover]] = []
        self.read_covers()
        self.annexes: set[str] = set()
        self.read_annexes()
        for proof in sorted(self.proofs):
            self.refused.append((proof, Refusal("EVIDENCE_MISSING", rule="a proof without what it is about")))
        self.strays = [member for member in self.names if member not in self.used]

    def below(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        for member in self.names[bisect.bisect_left(self.names, prefix) :]:
            if not member.startswith(prefix):
                return
            yield member, self.members[member]

    def read_keys(self) -> dict[str, bytes]:
        """Hash of each key by its first sixteen digits."""
        keys = {}
        for member, pem in self.below("keys/"):
            if not member.endswith(".pem"):
                continue
            self.used.add(member)
            hashed = key_hash(pem)
            short = member[len("keys/") : -len(".pem")]
            if hashed is not None and hashed.hex()[:16] == short:
                keys[short] = hashed
            else:
                self.refused.append((member, Refusal("KEY_INVALID")))
        return keys

    def read_statement(self, member: str, stem: str, section: str) -> None:
        try:
            filed = Filed(stem, section, Signed(self.members[member], self.read_signatures(stem)))
        except Refusal as refusal:
            self.refused.append((member, refusal))
            return
        # What concerns everyone has a proof for every log, with the log behind its name.
        mine = [proof for proof in sorted(self.proofs) if proof.startswith(stem + ".")]
        for proof in mine if section == "root" else [stem] if stem in self.proofs else []:
            filed.proofs.append((proof, self.proofs.pop(proof)))
        self.statements.append(filed)

    def read_signatures(self, stem: str) -> list[tuple[bytes, bytes]]:
        signatures = []
        for member, data in self.below(stem + "."):
            if not member.endswith(".sig"):
                continue
            self.used.add(member)
            short = member[len(stem) + 1 : -len(".sig")]
            if short not in self.keys:
                raise Refusal("EVIDENCE_MISSING", member=member, key=short)
            if len(data) != 64:
                raise Refusal("SIGNATURE_INVALID", member=member)
            signatures.append((self.keys[short], data))
        return signatures

    def read_proofs(self) -> dict[str, Proof]:
        """All proofs by name. Those under one checkpoint lie in one member, and the checkpoint beside it."""
        proofs: dict[str, Proof] = {}
        for member, data in self.below("proofs/"):
            if not member.endswith(".tlog-proofs"):
                continue
            self.used.add(member)
            note_member = member[: -len(".tlog-proofs")] + ".note"
            self.used.update({note_member} & self.members.keys())
            try:
                note, places = self.members[note_member].decode(), data.decode()
            except (KeyError, UnicodeDecodeError):
                self.refused.append((member, Refusal("EVIDENCE_MISSING", rule="checkpoint and places, as text")))
                continue
            last = ""
            for place in re.findall(r"(?s).*?\n\n|.+\Z", places):
                proof_name, _, head = place.partition("\n")
                try:
                    proof = Proof(head + note)
                    if proof_name <= last or proof_name in proofs:
                        raise Refusal("PROOF_INVALID", rule="by name, and each name once")
                except Refusal as refusal:
                    self.refused.append((proof_name, refusal))
                    continue
                last = proof_name
                proofs[proof_name] = proof
        return proofs

    def read_ends(self) -> None:
        for member, data in self.below("ends/"):
            if not member.endswith(".end"):
                continue
            stem = member[: -len(".end")]
            last = stem + ".last"
            self.used.update({member, last} & self.members.keys())
            try:
                if stem not in self.proofs:
                    raise Refusal("EVIDENCE_MISSING", proof=stem)
                place = self.proofs.pop(stem)
                self.ends.append(LogEnd(data.decode(errors="replace"), place, self.members.get(last)))
            except Refusal as refusal:
                self.refused.append((member, refusal))

    def read_covers(self) -> None:
        """Earlier checkpoints, each named for its log and size."""
        for member, data in self.below("times/"):
            if not member.endswith(".cover"):
                continue
            self.used.add(member)
            try:
                cover = Cover(data)
                if cover.name() != member[len("times/") : -len(".cover")]:
                    raise Refusal("PROOF_INVALID", rule="named for its log and size")
                self.covers.append((member, cover))
            except Refusal as refusal:
                self.refused.append((member, refusal))


    def read_annexes(self) -> None:
        """The words that messages name by their hash; nothing else is an annex."""
        named = {annex_of(filed.signed) for filed in self.statements if filed.section == "order"}
        for member in sorted(annex for annex in named if annex is not None and annex in self.members):
            self.used.add(member)
            if is_annex(member, self.members[member]):
                self.annexes.add(member)
            else:
                self.refused.append((member, Refusal("ANNEX_DIFFERS", member=member)))


def annex_of(signed: Signed) -> Optional[str]:
    """The member in which the annex of a statement lies, if it names one."""
    if signed.kind not in HAVE_ANNEX:
        return None
    try:
        annex = signed.body().annex
    except Refusal:
        return None
    return None if annex is None else f"annexes/{annex.hex()}.json"


def is_annex(member: str, data: bytes) -> bool:
    """It has the hash that it is named for, and holds texts within their limits."""
    if member != f"annexes/{sha256(data).hex()}.json" or len(data) > ANNEX_BYTES_MAX:
        return False
    try:
        annex = ANNEX(read_json(data, is_body=True))
        lines_text("note", annex.note, 500)
        lines_text("purpose", annex.purpose, 1000)
        lines_text("choice", annex.choice, 1000)
        line_text("query", annex.query, 200)
        label("contact", annex.contact, 200)
    except (Refusal, ValueError):
        return False
    return any(getattr(annex, word) != "" for word in WORDS)


def erased_in(attempt: Attempt) -> set[str]:
    """The members of the annexes that an erasure names and a message of the same organisation too."""
    said = [attempt.decisions, attempt.declines, attempt.recalls, attempt.milestones]
    own = {
        (message.body.org if message.kind == "decision" else message.body.from_, message.body.annex)
        for placed in said
        for message in placed.values()
    } | {(attempt.request.body.buyer, attempt.request.body.annex)}
    erased = {(message.body.from_, annex) for message in attempt.erasures.values() for annex in message.body.annexes}
    return {f"annexes/{annex.hex()}.json" for _, annex in own & erased}


def check_annexes(reading: Reading, attempt: Optional[Attempt], book: Book) -> None:
    """A remark for each annex that is not here, or that its author has let be erased. No verdict rests on words."""
    erased = erased_in(attempt) if attempt else set()
    refused = {member for member, _ in reading.refused}
    for filed in reading.statements:
        member = annex_of(filed.signed) if filed.section == "order" else None
        if member in erased:
            book.note("CONTAINER", filed.name, VALID, Refusal("ANNEX_ERASED", annex=member))
        elif member in reading.annexes:
            book.ok("CONTAINER")
        elif member is not None and member not in refused:
            book.note("CONTAINER", filed.name, VALID, Refusal("ANNEX_NOT_PRESENT", annex=member))


def key_hash(pem: bytes) -> Optional[bytes]:
    """The hash of the key in a PEM file that holds nothing else."""
    head, tail = b"-----BEGIN PUBLIC KEY-----\n", b"\n-----END PUBLIC KEY-----\n"
    if not (pem.startswith(head) and pem.endswith(tail)) or len(pem) < len(head) + len(tail):
        return None
    der = from_base64(pem[len(head) : len(pem) - len(tail)].decode("latin-1"))
    if der is None or len(der) != 44 or not der.startswith(SPKI_HEAD):
        return None
    return sha256(der[len(SPKI_HEAD) :])


def check_container(reading: Reading, book: Book) -> None:
    members = reading.members
    if members.get("mimetype") != MIMETYPE:
        book.refuse("CONTAINER", "mimetype", Refusal("BUNDLE_ALTERED", member="mimetype"))
    listed = book.judge("CONTAINER", MANIFEST, lambda: manifest_of(members))
    if listed is not None:
        unlisted = ("META-INF/", "annexes/")
        found = {member: sha256(data) for member, data in members.items() if not member.startswith(unlisted)}
        for member, digest in found.items():
            if listed.get(member) == digest:
                book.ok("CONTAINER")
            elif member not in reading.strays:
                book.refuse("CONTAINER", member, Refusal("BUNDLE_ALTERED", member=member))
        for member in listed.keys() - found.keys():
            book.refuse("CONTAINER", member, Refusal("EVIDENCE_MISSING", member=member))
    for member, refusal in reading.refused:
        book.refuse("CONTAINER", member, refusal)
    for member in reading.strays:
        book.refuse("CONTAINER", member, Refusal("MEMBER_FOREIGN", member=member))
    for member in reading.leftovers:
        book.note("CONTAINER", member, VALID, Refusal("LEFTOVER_PASSED_OVER", member=member))
    book.judge("CONTAINER", "VERIFY.txt", lambda: check_instructions(reading))


def check_format(members: dict[str, bytes]) -> None:
    """The bundle has the format that is read here, or says that it has a later one."""
    if "format" not in members:
        raise Refusal("EVIDENCE_MISSING", member="format")
    found = re.fullmatch(rb"verbund/bundle/v(0|[1-9][0-9]{0,9})\n", members["format"])
    number = int(found.group(1)) if found else 2**32
    if FORMAT < number < 2**32:
        raise Refusal("BUNDLE_TOO_NEW", format=number)
    if number != FORMAT:
        raise Refusal("BUNDLE_ALTERED", member="format")


def check_instructions(reading: Reading) -> None:
    """`VERIFY.txt` is one text: nobody can put a command of his own into it."""
    if "VERIFY.txt" not in reading.members:
        raise Refusal("EVIDENCE_MISSING", member="VERIFY.txt")
    if sha256(reading.members["VERIFY.txt"]) != VERIFY_SHA256:
        raise Refusal("VERIFY_TEXT_DIFFERS")


def der_element(data: Optional[bytes], tag: int) -> tuple[Optional[bytes], bytes]:
    """The content of the first element, if it has this tag, and what follows it."""
    if not data or len(data) < 2 or data[0] != tag:
        return None, b""
    length, at = data[1], 2
    if length > 0x7F:
        at += length & 0x7F
        if not 0x81 <= length <= 0x83 or len(data) < at or data[2] == 0:
            return None, b""
        length = int.from_bytes(data[2:at], "big")
        if length <= 0x7F:
            return None, b""
    return (data[at : at + length], data[at + length :]) if len(data) >= at + length else (None, b"")


def require_token(holds: bool, rule: str) -> None:
    if not holds:
        raise Refusal("TIMESTAMP_INVALID", rule=rule)


def stamped_digest(token: bytes) -> bytes:
    """What a time stamp token (RFC 3161, in DER) is over: signed data about a time, over a SHA-256."""
    content, behind = der_element(token, 0x30)
    kind, rest = der_element(content, 0x06)
    explicit, more = der_element(rest, 0xA0)
    signed, most = der_element(explicit, 0x30)
    _, rest = der_element(signed, 0x02)
    _, rest = der_element(rest, 0x31)
    about, rest = der_element(der_element(rest, 0x30)[0], 0x06)
    inner = der_element(der_element(rest, 0xA0)[0], 0x04)[0]
    info, after = der_element(inner, 0x30)
    whole_token = len(token) <= 64 * 1024 and not behind and not more and not most and not after
    require_token(whole_token and kind == SIGNED_DATA and about == TST_INFO, "no TimeStampToken in DER")
    _, rest = der_element(info, 0x02)
    _, rest = der_element(rest, 0x06)
    imprint, rest = der_element(rest, 0x30)
    _, rest = der_element(rest, 0x02)
    time, _ = der_element(rest, 0x18)
    require_token(re.fullmatch(rb"[0-9]{14}([.][0-9]+)?Z", time or b"") is not None, "time")
    algorithm, rest = der_element(imprint, 0x30)
    require_token(der_element(algorithm, 0x06)[0] == SHA_256, "it is over other bytes")
    return der_element(rest, 0x04)[0] or b""


def check_token_signature(token: bytes, certificates: bytes, stamped: bytes) -> None:
    """The key of a certificate in it, one for time stamps, has signed it. Whether to trust that one is asked elsewhere."""
    command = "ts -verify -token_in -in token -data stamped -CAfile certificates -partial_chain -no_check_time"
    found = openssl(command, token=token, certificates=certificates, stamped=stamped)
    require_token(found is not None, "the signature does not match")


def check_timestamp(members: dict[str, bytes], book: Book) -> None:
    """A time stamp over other bytes than the list of digests counts against the bundle; a bad signature is a remark."""
    if TIMESTAMP not in members:
        return
    token, manifest = members[TIMESTAMP], members.get(MANIFEST, b"")
    try:
        require_token(stamped_digest(token) == sha256(manifest), "it is over other bytes")
        certificates = openssl("pkcs7 -inform DER -in token -print_certs", token=token)
        require_token(certificates is not None, "no TimeStampToken in DER")
    except Refusal as refusal:
        book.refuse("CONTAINER", TIMESTAMP, Refusal("BUNDLE_ALTERED", **refusal.fields, member=TIMESTAMP))
        return
    book.ok("CONTAINER")
    try:
        check_token_signature(token, certificates or b"", manifest)
    except Refusal as refusal:
        book.note("CONTAINER", TIMESTAMP, VALID, refusal)


def check_belonging(reading: Reading, book: Book) -> None:
    """Names what is here twice, in a folder of others, or about something that nothing else here is about."""
    first: set[tuple[bytes, str]] = set()
    for filed in reading.statements:
        kind, section = filed.signed.kind, filed.section
        right = {"facts": is_public(kind), "order": kind in MESSAGES, "receipts": kind == "receipt"}
        if not right.get(section, kind in TRUST_KINDS):
            book.refuse("CONTAINER", filed.name, Refusal("MEMBER_FOREIGN", kind=kind))
            continue
        shelf = (filed.signed.id, filed.name.rpartition("/")[0] if section == "trust" else "")
        if shelf in first:
            book.note("CONTAINER", filed.name, VALID, Refusal("EVIDENCE_TWICE"))
        first.add(shelf)
    for filed in unrelated(reading):
        book.note("CONTAINER", filed.name, VALID, Refusal("EVIDENCE_UNRELATED", kind=filed.signed.kind))


def unrelated(reading: Reading) -> list[Filed]:
    """Facts that the order does not lead to: nobody names them, nor what they name, nor anything on the same matter."""
    named: set[bytes] = set()
    for filed in reading.statements:
        if filed.section == "order":
            named |= ids_in(filed.signed)
    left, matters, before = [filed for filed in reading.statements if filed.section == "facts"], set(), -1
    while len(left) != before:
        before, rest = len(left), []
        for filed in left:
            names, about = ids_in(filed.signed), matter(filed.signed)
            if filed.signed.id in named or named & names or (about is not None and about in matters):
                named |= names | {filed.signed.id}
                matters |= {about} - {None}
            else:
                rest.append(filed)
        left = rest
    return left


_ids: dict[bytes, set[bytes]] = {}


def ids_in(signed: Signed) -> set[bytes]:
    """Every statement id in the text of a statement, whatever it is called there."""
    if signed.id not in _ids:
        found, values = set(), []
        try:
            values = [plain_json(signed.payload)]
        except (ValueError, RecursionError):
            pass
        while values:
            value = values.pop()
            if isinstance(value, str) and re.fullmatch("[0-9a-fA-F]{64}", value):
                found.add(bytes.fromhex(value))
            elif isinstance(value, (list, dict)):
                values += value.values() if isinstance(value, dict) else value
        _ids[signed.id] = found
    return _ids[signed.id]


def plain_json(payload: bytes) -> Any:
    """A document that need not keep our own rules."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    value = json.loads(payload.decode(), parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode()  # No lone surrogates.
    return value


def matter(signed: Signed) -> Optional[str]:
    """What a fact is about: the same for its later versions."""
    try:
        body = signed.body()
    except Refusal:
        return None
    subject = subject_in(signed.kind, signed.payload)
    if subject is not None:
        return subject
    if signed.kind == "membership":
        return f"membership {body.member}-{body.of}"
    field = SIGNER_RULES[signed.kind][0] if signed.kind in SIGNER_RULES else ""
    return f"{signed.kind} {getattr(body, field, 'x')}"


# ======================================================================================================================
# Notes, checkpoints, cosignatures, proofs (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof)
# ======================================================================================================================

NOTE_BYTES_MAX = 16 * 1024
EXTRA_BYTES_MAX = 8 * 1024
PROOF_BYTES_MAX = NOTE_BYTES_MAX + EXTRA_BYTES_MAX * 3 // 2 + 4 * 1024
PLAIN, COSIGNED = 1, 4
SECONDS_MAX = 2**63 - 1


def decimal(value: str) -> Optional[int]:
    """A number of 64 bits in its one form."""
    if not re.fullmatch("0|[1-9][0-9]{0,19}", value) or int(value) >= 2**64:
        return None
    return int(value)


@functools.lru_cache(KEPT)
def note_key_id(name_value: str, kind: int, key: bytes) -> bytes:
    return sha256(name_value.encode(), b"\n", bytes([kind]), key)[:4]


def vkey(name_value: str, kind: int, key: bytes) -> str:
    return f"{name_value}+{note_key_id(name_value, kind, key).hex()}+{base64_of(bytes([kind]) + key)}"


class Note:
    """A signed note: the text, and lines of (name, key id, bytes) that nobody need have checked."""

    def __init__(self, written: str):
        malformed = Refusal("NOTE_MALFORMED")
        cut = written.rfind("\n\n")
        if len(written.encode(errors="surrogatepass")) > NOTE_BYTES_MAX or cut < 0 or not written[cut + 2 :].endswith("\n"):
            raise malformed
        self.written = written
        self.text = written[: cut + 1]
        lines = written[cut + 2 : -1].split("\n")
        self.lines: list[tuple[str, bytes, bytes]] = []
        for line in lines:
            signer, blank, encoded_part = line[2:].partition(" ")
            data = from_base64(encoded_part) if line.startswith("— ") and blank else None
            if data is None or len(data) < 5 or not signer or "+" in signer:
                raise malformed
            if any(c < " " or c.isspace() for c in signer):
                raise malformed
            self.lines.append((signer, data[:4], data[4:]))
        if any(c < " " and c != "\n" for c in self.text) or len(self.lines) > 64:
            raise malformed
        self.cosigned: dict[tuple[str, bytes], Optional[int]] = {}

    def of(self, signer: str, kind: int, key: bytes) -> list[bytes]:
        wanted = (signer, note_key_id(signer, kind, key))
        return [data for found, key_id, data in self.lines if (found, key_id) == wanted]

    def require_log(self, signer: str, key: bytes) -> None:
        found = self.of(signer, PLAIN, key)
        if not found:
            raise Refusal("SIGNATURE_INVALID", name=signer)
        for data in found:
            require_signature(key, self.text.encode(), data)

    def cosigned_at(self, witness: str, key: bytes) -> Optional[int]:
        """The earliest time at which this key cosigned; none if it did not, or if one of its lines is wrong."""
        if (witness, key) not in self.cosigned:
            self.cosigned[witness, key] = self.earliest_by(witness, key)
        return self.cosigned[witness, key]

    def earliest_by(self, witness: str, key: bytes) -> Optional[int]:
        times = []
        for data in self.of(witness, COSIGNED, key):
            seconds = int.from_bytes(data[:8], "big")
            message = f"cosignature/v1\ntime {seconds}\n{self.text}".encode()
            if len(data) != 72 or seconds > SECONDS_MAX or not SIGNATURES.good(key, message, data[8:]):
                return None
            times.append(seconds)
        return min(times, default=None)


EMPTY_ROOT = sha256()


class Checkpoint:
    """Origin, size and root of a log."""

    def __init__(self, written: str):
        invalid = Refusal("CHECKPOINT_INVALID")
        lines = written.split("\n")
        if len(lines) != 4 or lines[3]:
            raise invalid
        self.origin = parse_origin(lines[0])
        size, root = decimal(lines[1]), from_base64(lines[2])
        if size is None or root is None or len(root) != 32 or (size == 0 and root != EMPTY_ROOT):
            raise invalid
        self.size, self.root = size, root


# Many places stand under one checkpoint, and bundles that are judged one after the other share most of theirs.
note_of = functools.lru_cache(KEPT)(Note)
checkpoint_of = functools.lru_cache(KEPT)(Checkpoint)


class Proof:
    """An inclusion proof with its checkpoint."""

    def __init__(self, written: str):
        malformed = Refusal("PROOF_INVALID")
        head, cut, note = written.partition("\n\n")
        if len(written.encode()) > PROOF_BYTES_MAX or not cut:
            raise malformed
        lines = head.split("\n")
        if lines.pop(0) != "c2sp.org/tlog-proof@v1":
            raise malformed
        self.extra = b""
        if lines and lines[0].startswith("extra "):
            extra = from_base64(lines.pop(0)[len("extra ") :])
            if extra is None or not 1 <= len(extra) <= EXTRA_BYTES_MAX:
                raise malformed
            self.extra = extra
        index = decimal(lines[0][len("index ") :]) if lines and lines[0].startswith("index ") else None
        hashes = [from_base64(line) for line in lines[1:]]
        if index is None or len(hashes) > 64 or any(found is None or len(found) != 32 for found in hashes):
            raise malformed
        self.index, self.hashes = index, hashes
        self.note = note_of(note)

    def origin(self) -> Optional[Origin]:
        try:
            return checkpoint_of(self.note.text).origin
        except Refusal:
            return None


def require_inclusion(leaf: bytes, proof: Proof, head: Checkpoint) -> None:
    """RFC 9162 section 2.1.3.2."""
    invalid = Refusal("PROOF_INVALID", index=proof.index, size=head.size)
    if proof.index >= head.size:
        raise invalid
    node, last, found = proof.index, head.size - 1, sha256(b"\0", leaf)
    for sibling in proof.hashes:
        if last == 0:
            raise invalid
        if node & 1 or node == last:
            found = sha256(b"\1", sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = sha256(b"\1", found, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or found != head.root:
        raise invalid


def require_consistency(old: Checkpoint, new: Checkpoint, proof: list[bytes]) -> None:
    """RFC 9162 section 2.1.4.2; nothing is to be proven from an empty tree, or from a tree to itself."""
    fork = Refusal("LOG_FORK", log=origin_text(old.origin), old=old.size, new=new.size)
    if old.size in (0, new.size):
        if proof or old.size > new.size or (old.size and old.root != new.root):
            raise fork
        return
    if old.size > new.size:
        raise fork
    node, last, rest = old.size - 1, new.size - 1, list(proof)
    while node & 1:
        node, last = node >> 1, last >> 1
    if old.size & (old.size - 1):
        if not rest:
            raise fork
        first = rest.pop(0)
    else:
        first = old.root
    before = after = first
    for sibling in rest:
        if last == 0:
            raise fork
        if node & 1 or node == last:
            before, after = sha256(b"\1", sibling, before), sha256(b"\1", sibling, after)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            after = sha256(b"\1", after, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or (before, after) != (old.root, new.root):
        raise fork


class Cover:
    """An earlier checkpoint of a log, and the proof that the newest one continues it."""

    def __init__(self, data: bytes):
        malformed = Refusal("PROOF_INVALID", rule="cover")
        try:
            written = data.decode()
        except UnicodeDecodeError:
            raise malformed from None
        head, cut, note = written.partition("\n\n")
        if len(data) > NOTE_BYTES_MAX + 8 * 1024 or not cut:
            raise malformed
        first, *lines = head.split("\n")
        self.hashes = [from_base64(line) or b"" for line in lines]
        if len(lines) > 128 or any(len(found) != 32 for found in self.hashes):
            raise malformed
        self.note = note_of(note)
        if first != "verbund/cover/v1":
            raise malformed

    def name(self) -> Optional[str]:
        try:
            head = checkpoint_of(self.note.text)
        except Refusal:
            return None
        return f"{log_label(head.origin)}/{head.size}"


class LogEnd:
    """Where a log ends: its newest leaf, its place, the signed bytes behind it, and the paths to its trust digest."""

    def __init__(self, written: str, proof: Proof, last: Optional[bytes]):
        malformed = Refusal("PROOF_INVALID", rule="log end")
        self.proof, self.last = proof, last
        if proof.extra:
            raise malformed  # The leaf is here with its digest.
        self.paths: dict[str, list[tuple[int, bytes]]] = {}
        # Of subjects about which nothing was said: key and value of the leaf that stands in their place.
        self.instead: dict[str, tuple[bytes, bytes]] = {}
        lines = lines_of(written)
        leaf = from_base64(lines[1][len("leaf ") :]) if len(lines) > 1 and lines[1].startswith("leaf ") else None
        if leaf is None or len(leaf) != 200:
            raise malformed
        self.leaf = leaf
        path: Optional[list[tuple[int, bytes]]] = None
        subject = ""
        for line in lines[2:]:
            if line.startswith("subject "):
                subject = line[len("subject ") :]
                path = self.paths[subject] = []
                continue
            if line.startswith("instead ") and path is not None:
                pair = [from_base64(part) for part in line[len("instead ") :].split(" ", 1)]
                if len(pair) != 2 or any(part is None or len(part) != 32 for part in pair):
                    raise malformed
                self.instead[subject] = (pair[0], pair[1])  # type: ignore[assignment]
                continue
            bit, blank, other = line.partition(" ")
            data = from_base64(other) if blank else None
            if path is None or not re.fullmatch("[0-9]{1,3}", bit) or int(bit) > 255 or data is None or len(data) != 32:
                raise malformed
            path.append((int(bit), data))
        if self.written() != written:
            raise malformed

    def written(self) -> str:
        parts = [f"verbund/log-end/v1\nleaf {base64_of(self.leaf)}\n"]
        for subject in sorted(self.paths):
            parts.append(f"subject {subject}\n")
            if subject in self.instead:
                key, value = self.instead[subject]
                parts.append(f"instead {base64_of(key)} {base64_of(value)}\n")
            parts.extend(f"{bit} {base64_of(other)}\n" for bit, other in self.paths[subject])
        return "".join(parts)


def digest_by_path(
    subject: str, ids: list[bytes], path: list[tuple[int, bytes]], instead: Optional[tuple[bytes, bytes]]
) -> bytes:
    """The trust digest to which a path leads from everything said about a subject, or from what stands in its place."""
    if len(path) > 256 or any(low[0] <= high[0] for low, high in zip(path, path[1:])):
        raise Refusal("PROOF_INVALID", subject=subject)
    value = bytes(32)
    for statement in ids:
        value = sha256(b"\2", value, statement)
    key = sha256(subject.encode())
    if bool(ids) == (instead is not None):
        raise Refusal("PROOF_INVALID", subject=subject)
    found = sha256(b"\0", key, value)
    if instead is not None:
        agrees = all((instead[0][bit // 8] ^ key[bit // 8]) & (0x80 >> bit % 8) == 0 for bit, _ in path)
        if instead[0] == key or not agrees:
            raise Refusal("PROOF_INVALID", subject=subject)
        found = sha256(b"\0", *instead)
    for bit, other in path:
        right = key[bit // 8] & (0x80 >> bit % 8)
        found = sha256(b"\1", bytes([bit]), *((other, found) if right else (found, other)))
    return found


# ======================================================================================================================
# Trust of one log: a fold over its statements in the order of their places (proto/README.md, "Who may sign what")
# ======================================================================================================================

# The place of a statement that has no proof: after everything, so that nothing can rest on it.
UNPLACED = 2**64 - 1
RECOVERY_PUBLIC_MS = 72 * 60 * 60 * 1000


def good_size(listed: list[Doc], log: Origin) -> int:
    """Up to where something is good in a log; one that is not named has nothing good."""
    return next((good.size for good in listed if good.log == log), 0)


class Revoked:
    def __init__(self, at: int, reason: str, size: int, listed: list[Doc], native: bool):
        self.at, self.reason, self.size, self.last_good, self.native = at, reason, size, listed, native


class KeyStanding:
    """A key, whose it is (an organisation's for a role, or an officer's by a grant), and where it is good."""

    def __init__(self, key: bytes, org: str, role: str, grant: Optional[Doc], begin: int):
        self.key, self.org, self.role, self.grant, self.begin = key, org, role, grant, begin
        self.revoked: list[Revoked] = []

    def check_at(self, at: int) -> None:
        if at <= self.begin:
            raise Refusal("KEY_UNKNOWN", key=sha256(self.key).hex()[:16])
        for revoked in self.revoked:
            if at > revoked.at:
                raise Refusal("KEY_REVOKED", key=sha256(self.key).hex()[:16])
            reaches_back = not revoked.native or revoked.reason == "compromised"
            if reaches_back and at >= revoked.size:
                raise Refusal("KEY_DISPUTED", key=sha256(self.key).hex()[:16])

    def is_compromised(self) -> bool:
        return any(revoked.reason == "compromised" for revoked in self.revoked)

    def require_statement_key(self, org: str) -> None:
        if (self.org, self.role) != (org, "statement"):
            raise Refusal("SIGNER_WRONG", org=org)


class OrgStanding:
    def __init__(self, admission: Doc, admitted_by: bytes):
        self.admission, self.admitted_by, self.root = admission, admitted_by, admission.root
        self.last_event: Optional[tuple[int, bytes]] = None
        self.recovery: Optional[tuple[bytes, Doc]] = None
        self.homes: list[tuple[int, str]] = []

    def home_at(self, at: int) -> Optional[str]:
        return next((node for begin, node in reversed(self.homes) if begin < at), None)


Office = tuple[dict[bytes, bytes], int]  # keys by their hash, and how many of them must sign


def trustees_of(root: Doc) -> Office:
    return {sha256(trustee.key): trustee.key for trustee in root.trustees}, root.threshold


def office_of(root: Doc) -> Office:
    return {sha256(key): key for key in root.keys}, root.threshold


def require_signers(signed: Signed, offices: list[Office], new: dict[bytes, bytes]) -> None:
    """Enough of each office and every new key have signed, and nobody else."""
    allowed = {hashed: key for office, _ in offices for hashed, key in office.items()} | new
    for hashed in signed.signatures:
        if hashed not in allowed:
            raise Refusal("SIGNER_WRONG", key=hashed.hex()[:16], kind=signed.kind)
        signed.verify(allowed[hashed])
    for office, threshold in offices:
        if threshold < 1 or len(office.keys() & signed.signatures.keys()) < threshold:
            raise Refusal("THRESHOLD_MISSED", needed=threshold)
    if new.keys() - signed.signatures.keys():
        raise Refusal("POSSESSION_MISSING")


class LogTrust:
    """What one log says about trust, up to the place to which it has been folded."""

    def __init__(self, origin: Origin, anchor: bytes):
        self.origin, self.anchor = origin, anchor
        self.roots: list[tuple[bytes, Doc]] = []
        self.orgs: dict[str, OrgStanding] = {}
        self.keys: dict[bytes, KeyStanding] = {}
        self.online: dict[tuple[str, str], list[bytes]] = {}
        self.operator: Optional[str] = None
        self.expelled: list[tuple[bytes, Doc]] = []
        self.successions: dict[str, Doc] = {}
        self.begun, self.copied = origin[2] == 1, 0

    # ---- what is known ----

    def root(self) -> Optional[Doc]:
        return self.roots[-1][1] if self.roots else None

    def is_home_at(self, org: str, at: int) -> bool:
        return self.begun and org in self.orgs and self.orgs[org].home_at(at) == self.origin[1]

    def is_native(self, org: str, at: int) -> bool:
        """At home, and this is no copy of what a former log said."""
        return at >= self.copied and self.is_home_at(org, at)

    def online_keys(self, org: Optional[str], role: str) -> list[KeyStanding]:
        return [self.keys[hashed] for hashed in self.online.get((org or "", role), [])]

    def operators_keys(self, role: str) -> list[KeyStanding]:
        return self.online_keys(self.operator, role) if self.begun else []

    def log_key_of(self, size: int) -> Optional[bytes]:
        """The key that signs checkpoints of this size: the one in force after the last entry."""
        return next((each.key for each in reversed(self.operators_keys("log")) if each.begin < size), None)

    def witness_keys(self) -> list[bytes]:
        return [each.key for each in self.operators_keys("witness") if not each.is_compromised()]

    # ---- judging ----

    def judge(self, signed: Signed, at: int) -> Doc:
        """Whether a statement is signed by whom it must be, at this place."""
        body = signed.body()
        special = {
            "federation-root": self.judge_root,
            "admission": self.judge_admission,
            "expulsion": self.judge_by_trustees,
            "rule-pack": self.judge_by_trustees,
            "succession": self.judge_succession,
            "recovery": self.judge_recovery,
            "key-event": self.judge_event,
            "officer-grant": self.judge_grant,
            "node-record": self.judge_record,
        }
        special.get(signed.kind, self.judge_single)(signed, body, at)
        return body

    def judge_by_trustees(self, signed: Signed, _body: Doc, _at: int) -> None:
        root = self.root()
        if root is None:
            raise Refusal("ROOT_UNKNOWN", log=origin_text(self.origin))
        require_signers(signed, [trustees_of(root)], {})

    def judge_root(self, signed: Signed, root: Doc, _at: int) -> None:
        self.same_federation(root.federation)
        offices = [trustees_of(root)]
        if self.roots:
            before_id, before = self.roots[-1]
            if (root.version, root.prev) != (before.version + 1, before_id):
                raise Refusal("ROOT_SEQUENCE", version=root.version)
            offices.append(trustees_of(before))
        elif signed.id != self.anchor:
            raise Refusal("ROOT_UNKNOWN", found=signed.id.hex())
        require_signers(signed, offices, {})

    def same_federation(self, federation: str) -> None:
        if federation != self.origin[0]:
            raise Refusal("ROOT_UNKNOWN", federation=federation)

    def judge_admission(self, signed: Signed, admission: Doc, at: int) -> None:
        self.same_federation(admission.federation)
        known = self.orgs.get(admission.org)
        if admission.number == 1 and known:
            raise Refusal("ORG_ALREADY_ADMITTED", org=admission.org)
        if known:
            follows = (admission.number, admission.prev) == (known.admission.number + 1, known.admitted_by)
        else:
            follows = admission.number == 1
        if not follows:
            raise Refusal("ADMISSION_SEQUENCE", org=admission.org)
        for org, standing in self.orgs.items():
            if admission.operates and org != admission.org and standing.admission.operates == admission.operates:
                raise Refusal("NODE_TAKEN", org=admission.org)
        if known and known.admission.operates and admission.operates != known.admission.operates:
            raise Refusal("NODE_TAKEN", org=admission.org)
        self.judge_by_trustees(signed, admission, at)

    def judge_succession(self, signed: Signed, succession: Doc, at: int) -> None:
        self.same_federation(succession.federation)
        if succession.predecessor in self.successions:
            raise Refusal("SUCCESSION_KNOWN")
        self.judge_by_trustees(signed, succession, at)

    def standing(self, org: str) -> OrgStanding:
        if org not in self.orgs:
            raise Refusal("ORG_UNKNOWN", org=org)
        return self.orgs[org]

    def judge_recovery(self, signed: Signed, recovery: Doc, at: int) -> None:
        standing = self.standing(recovery.org)
        if recovery.after != (standing.last_event[1] if standing.last_event else None):
            raise Refusal("RECOVERY_VOID", rule="the organisation has signed a key event since")
        if recovery.completes is not None:
            announced = standing.recovery
            if not announced or announced[0] != recovery.completes or announced[1].root != recovery.root:
                raise Refusal("RECOVERY_VOID", rule="completes what was announced last")
            if recovery.signed_at - announced[1].signed_at < RECOVERY_PUBLIC_MS:
                raise Refusal("RECOVERY_VOID", rule="72 hours in public")
        self.judge_by_trustees(signed, recovery, at)

    def judge_event(self, signed: Signed, event_body: Doc, at: int) -> None:
        org = event_body.org
        standing = self.standing(org)
        number, prev = (standing.last_event[0] + 1, standing.last_event[1]) if standing.last_event else (0, None)
        if (event_body.seq, event_body.prev) != (number, prev):
            raise Refusal("KEY_EVENT_SEQUENCE", org=org)
        if event_body.home_node != standing.admission.home_node:
            raise Refusal("ORG_HOSTED_ELSEWHERE", org=org)
        self.check_operators_part(standing, event_body)
        root = event_body.root
        if root is not None and commitment(root) != standing.root.next_sha256:
            raise Refusal("SIGNER_WRONG", rule="the next root keys were not committed")
        self.check_revocations(event_body, at)
        new = self.new_keys([each.key for each in event_body.add])
        require_signers(signed, [office_of(root if root is not None else standing.root)], new)

    def check_operators_part(self, standing: OrgStanding, event_body: Doc) -> None:
        """Only an operator has a log key and a witness key, one of each at a time, and begins epochs."""
        operates = standing.admission.operates == event_body.home_node
        new = event_body.new_epoch
        if new is not None:
            plausible = event_body.home_node != self.origin[1] or new.epoch <= self.origin[2]
            if not operates or not plausible:
                raise Refusal("EPOCH_FOREIGN", org=event_body.org)
        for role in ("log", "witness"):
            count = sum(each.role == role for each in event_body.add)
            if count and not operates:
                raise Refusal("NODE_TAKEN", org=event_body.org)
            in_force = [each for each in self.online_keys(event_body.org, role) if not each.revoked]
            current = sha256(in_force[-1].key) if in_force else None
            replaced = any(each.key == current for each in event_body.revoke)
            stays_one = count <= 1 and (current is None or replaced == (count == 1))
            stops = role == "witness" and count == 0
            if not stays_one and not stops:
                raise Refusal("KEY_IN_USE", org=event_body.org)

    def check_revocations(self, event_body: Doc, at: int) -> None:
        for revocation in event_body.revoke:
            known = self.keys.get(revocation.key)
            if known is None or known.org != event_body.org:
                raise Refusal("KEY_UNKNOWN", key=revocation.key.hex()[:16])
            named = next((good for good in revocation.last_good if good.log == self.origin), None)
            if self.is_native(event_body.org, at):
                within("last_good", named is not None and named.size <= at)

    def new_keys(self, keys: list[bytes]) -> dict[bytes, bytes]:
        """Keys about to be registered by their hash; each must be new here."""
        root, new = self.root(), {}
        for key in keys:
            hashed = sha256(key)
            taken = hashed in self.keys or hashed in new
            taken = taken or any(key in standing.root.keys for standing in self.orgs.values())
            if taken or (root is not None and any(trustee.key == key for trustee in root.trustees)):
                raise Refusal("KEY_IN_USE", key=hashed.hex()[:16])
            new[hashed] = key
        return new

    def judge_grant(self, signed: Signed, grant: Doc, _at: int) -> None:
        standing = self.standing(grant.org)
        new = self.new_keys([grant.key])
        require_signers(signed, [office_of(standing.root)], new)

    def judge_record(self, signed: Signed, body: Doc, at: int) -> None:
        if body.node != self.origin[1] or body.log != self.origin or self.operator != body.operator:
            raise Refusal("SIGNER_WRONG", node=body.node)
        self.signer(signed, at).require_statement_key(body.operator)

    def only_signer(self, signed: Signed) -> KeyStanding:
        if len(signed.signatures) != 1:
            raise Refusal("SIGNER_WRONG", signatures=len(signed.signatures))
        (hashed,) = signed.signatures
        if hashed not in self.keys:
            raise Refusal("KEY_UNKNOWN", key=hashed.hex()[:16])
        return self.keys[hashed]

    def signer(self, signed: Signed, at: int) -> KeyStanding:
        """The key behind the only signature, good at this place, of an organisation that is at home here."""
        standing = self.only_signer(signed)
        standing.check_at(at)
        if not self.is_home_at(standing.org, at):
            raise Refusal("ORG_HOSTED_ELSEWHERE", org=standing.org)
        signed.verify(standing.key)
        return standing

    def speaks_for(self, by: str, org: str, time: Optional[int]) -> bool:
        succession = self.successions.get(org)
        succeeds = succession is not None and succession.successor == by and time is not None
        return by == org or (succeeds and day_of(time) >= succession.on)  # type: ignore[arg-type,union-attr]

    def judge_single(self, signed: Signed, body: Doc, at: int) -> None:
        standing = self.signer(signed, at)
        if signed.kind not in SIGNER_RULES:
            return standing.require_statement_key(standing.org)
        field, own_key, roles = SIGNER_RULES[signed.kind]
        org, time, grant = getattr(body, field), signed_at(signed.kind, body), standing.grant
        named = getattr(body, "officer", None) if signed.kind in NAMES_OFFICER else None
        speaks = self.speaks_for(standing.org, org, time)
        if grant is None and standing.role == "statement" and own_key and speaks and named is None:
            return None
        names_this = grant is not None and (signed.kind not in NAMES_OFFICER or named == grant.officer)
        if grant is None or not roles or not speaks or not names_this:
            raise Refusal("SIGNER_WRONG", org=org, kind=signed.kind)
        if not set(roles) & set(grant.roles):
            raise Refusal("GRANT_ROLE_MISSING", officer=grant.officer)
        if time is not None and not grant.valid_from <= day_of(time) <= grant.valid_to:
            raise Refusal("GRANT_EXPIRED", officer=grant.officer)
        return None

    def judge_receipt(self, signed: Signed) -> Doc:
        """A receipt stands in no log, and its signer does not choose a place for it."""
        body = signed.body()
        if signed.kind != "receipt":
            raise Refusal("SIGNER_WRONG", kind=signed.kind)
        standing = self.only_signer(signed)
        if standing.is_compromised():
            raise Refusal("KEY_DISPUTED")
        signed.verify(standing.key)
        standing.require_statement_key(body.from_)
        return body

    # ---- taking in ----

    def absorb(self, signed: Signed, body: Doc, at: int) -> None:
        """Takes a statement that was judged into what is known."""
        if signed.kind == "federation-root":
            self.roots.append((signed.id, body))
        elif signed.kind == "admission":
            if body.operates == self.origin[1] and self.operator is None:
                self.operator = body.org
            if body.org in self.orgs:
                self.orgs[body.org].admission, self.orgs[body.org].admitted_by = body, signed.id
            elif body.root is not None:
                self.orgs[body.org] = OrgStanding(body, signed.id)
        elif signed.kind == "expulsion":
            self.expelled.append((signed.id, body))
        elif signed.kind == "succession":
            self.successions[body.predecessor] = body
        elif signed.kind == "officer-grant":
            self.register(KeyStanding(body.key, body.org, "", body, at))
        elif signed.kind == "recovery" and body.org in self.orgs:
            if body.completes is not None:
                self.orgs[body.org].root, self.orgs[body.org].recovery = body.root, None
            else:
                self.orgs[body.org].recovery = (signed.id, body)
        elif signed.kind == "key-event":
            self.absorb_event(signed, body, at)

    def register(self, standing: KeyStanding) -> None:
        hashed = sha256(standing.key)
        if standing.role:
            self.online.setdefault((standing.org, standing.role), []).append(hashed)
        self.keys[hashed] = standing

    def absorb_event(self, signed: Signed, body: Doc, at: int) -> None:
        native = self.is_native(body.org, at)
        new = body.new_epoch
        if new is not None and new.epoch == self.origin[2] and self.operator == body.org:
            self.begun, self.copied = True, new.copied
        for each in body.revoke:
            if each.key in self.keys:
                size = good_size(each.last_good, self.origin)
                self.keys[each.key].revoked.append(Revoked(at, each.reason, size, each.last_good, native))
        for each in body.add:
            self.register(KeyStanding(each.key, body.org, each.role, None, at))
        standing = self.orgs.get(body.org)
        if standing:
            standing.last_event, standing.recovery = (body.seq, signed.id), None
            if not standing.homes or standing.homes[-1][1] != body.home_node:
                standing.homes.append((at, body.home_node))
            if body.root is not None:
                standing.root = body.root


def commitment(root: Doc) -> bytes:
    return sha256(b"verbund/root-keys/v1\0", root.threshold.to_bytes(4, "big"), *root.keys)


# ======================================================================================================================
# Trust of all logs, and the proofs
# ======================================================================================================================


class Entry:
    """A statement with at most one proof; one that stands in several logs gives several."""

    def __init__(self, member: str, filed: Filed, proof: Optional[Proof]):
        self.name, self.section, self.signed, self.proof = member, filed.section, filed.signed, proof
        origin = proof.origin() if proof else None
        self.place = (origin, proof.index) if proof and origin else None

    def index(self) -> int:
        return self.place[1] if self.place else UNPLACED

    def is_folded(self) -> bool:
        return self.section in ("root", "trust", "facts")


def entries_of(reading: Reading) -> list[Entry]:
    entries = []
    for filed in reading.statements:
        if not filed.proofs:
            entries.append(Entry(filed.name, filed, None))
        for member, proof in filed.proofs:
            entries.append(Entry(member, filed, proof))
    return entries


def log_label(origin: Origin) -> str:
    return origin[1] if origin[2] == 1 else f"{origin[1]}.{origin[2]}"


CHECK_OF = {"root": "ROOT", "trust": "TRUST", "facts": "FACTS", "order": "SIGNERS", "receipts": "RECEIPTS"}


class Logs:
    """All logs of a bundle, and the public statements that hold."""

    def __init__(self, entries: list[Entry], anchor: bytes, book: Book):
        self.logs: dict[Origin, LogTrust] = {}
        # Statements that hold, by id: name in the bundle, kind, body.
        self.public: dict[bytes, tuple[str, str, Doc]] = {}
        refused: dict[int, Refusal] = {}
        for origin, of_log in sorted(self.by_log(entries, anchor).items()):
            self.fold(origin, anchor, entries, sorted(of_log, key=Entry.index), refused)
        self.expelled: dict[str, dict[bytes, Doc]] = {}
        self.heirs: dict[str, str] = {}
        for log in self.logs.values():
            for statement, body in log.expelled:
                self.expelled.setdefault(body.org, {})[statement] = body
            self.heirs.update({old: body.successor for old, body in log.successions.items()})
        self.homes = self.find_homes()
        self.witnesses, self.needed = self.find_witnesses()
        self.take_back(entries, refused)
        for entry in filter(Entry.is_folded, entries):
            refusal = refused.get(id(entry))
            if refusal and entry.place and subject_in(entry.signed.kind, entry.signed.payload) is not None:
                # What a log was refused for it has said all the same; nothing follows from it.
                book.note("TRUST", entry.name, VALID, refusal)
            elif refusal:
                self.refuse(entry, refusal, book)
            elif entry.signed.id in self.public:
                self.accept(entry, book)
            elif entry.section == "facts":
                body = self.judge(entry, book)
                if body is not None:
                    self.public[entry.signed.id] = (entry.name, entry.signed.kind, body)

    @staticmethod
    def by_log(entries: list[Entry], anchor: bytes) -> dict[Origin, list[Entry]]:
        """The folded entries by log. Trust statements without a proof belong to the log their folder names."""
        logs: dict[Origin, list[Entry]] = {}
        for entry in filter(Entry.is_folded, entries):
            if entry.place:
                logs.setdefault(entry.place[0], []).append(entry)
        first = next((entry for entry in entries if entry.signed.id == anchor), None)
        if first is None or first.signed.kind != "federation-root":
            return logs
        try:
            federation = first.signed.body().federation
        except Refusal:
            return logs
        for entry in entries:
            if entry.section != "trust" or entry.place:
                continue
            label = (entry.name.split("/") + [""])[1]
            known = sorted(origin for origin in logs if log_label(origin) == label)
            if known:
                logs[known[0]].append(entry)
            elif is_name(label):
                logs.setdefault((federation, label, 1), []).append(entry)
        return logs

    def fold(
        self, origin: Origin, anchor: bytes, entries: list[Entry], of_log: list[Entry], refused: dict[int, Refusal]
    ) -> None:
        trust = self.logs[origin] = LogTrust(origin, anchor)
        root = next((entry for entry in entries if entry.signed.id == anchor), None)
        if root is not None and all(entry.signed.id != anchor for entry in of_log):
            # A log whose first root has no proof is folded all the same; that the proof is missing is booked elsewhere.
            try:
                self.take(trust, root, 0)
            except Refusal:
                pass
        for entry in of_log:
            try:
                self.take(trust, entry, entry.index())
            except Refusal as refusal:
                refused[id(entry)] = refusal

    def take(self, trust: LogTrust, entry: Entry, at: int) -> None:
        body = trust.judge(entry.signed, at)
        trust.absorb(entry.signed, body, at)
        self.public[entry.signed.id] = (entry.name, entry.signed.kind, body)

    def find_homes(self) -> dict[str, Origin]:
        """Where each organisation is at home: highest admission, then key event, then log."""
        ranks: dict[str, tuple[int, int, Origin]] = {}
        for origin, log in self.logs.items():
            for org, standing in log.orgs.items():
                if standing.last_event and log.is_home_at(org, UNPLACED):
                    rank = (standing.admission.number, standing.last_event[0], origin)
                    ranks[org] = max(rank, ranks.get(org, rank))
        return {org: rank[2] for org, rank in ranks.items()}

    def of_node(self, federation: str, node: str) -> list[LogTrust]:
        return [self.logs[origin] for origin in sorted(self.logs) if origin[:2] == (federation, node)]

    def find_witnesses(self) -> tuple[dict[str, list[bytes]], int]:
        """The keys that count for each witness, and how many witnesses are needed, by the newest root version."""
        roots = [log.roots[-1][1] for _, log in sorted(self.logs.items()) if log.roots]
        if not roots:
            return {}, 0
        newest = max(root.version for root in roots)
        root = [root for root in roots if root.version == newest][-1]
        keys = {}
        for node in root.witnesses.nodes:
            of_node = self.of_node(root.federation, node)
            logs = [log for log in of_node if log.operator and log.operator not in self.expelled]
            found = logs[-1].witness_keys() if logs else []
            if found:
                keys[node] = found
        return dict(sorted(keys.items())), root.witnesses.quorum

    def home(self, org: str) -> LogTrust:
        if org not in self.homes:
            raise Refusal("ORG_UNKNOWN", org=org)
        return self.logs[self.homes[org]]

    def check_counts(self, org: str, hashed: bytes, origin: Origin, at: int) -> None:
        """What other logs know: an expulsion anywhere, a revocation in the organisation's home log."""
        for expulsion in self.expelled.get(org, {}).values():
            if at >= good_size(expulsion.last_good, origin):
                raise Refusal("ORG_EXPELLED", org=org)
        if org not in self.homes or self.homes[org] == origin:
            return
        here = self.logs[origin].keys.get(hashed) if origin in self.logs else None
        if here and any(revoked.native for revoked in here.revoked):
            return
        at_home = self.home(org).keys.get(hashed)
        for revoked in at_home.revoked if at_home else []:
            if at >= good_size(revoked.last_good, origin):
                raise Refusal("KEY_DISPUTED", key=hashed.hex()[:16])

    def take_back(self, entries: list[Entry], refused: dict[int, Refusal]) -> None:
        """Facts that count no more because of what another log says of their signer."""
        for entry in entries:
            if entry.section != "facts" or not entry.place or len(entry.signed.signatures) != 1:
                continue
            (hashed,), (origin, at) = entry.signed.signatures, entry.place
            standing = self.logs[origin].keys.get(hashed)
            try:
                if standing is None:
                    raise Refusal("KEY_UNKNOWN", key=hashed.hex()[:16])
                standing.check_at(at)
                self.check_counts(standing.org, hashed, origin, at)
            except Refusal as refusal:
                if self.public.pop(entry.signed.id, None) is not None:
                    refused.setdefault(id(entry), refusal)

    # ---- statements that are no part of the fold ----

    def home_of(self, entry: Entry) -> LogTrust:
        """The log that judges a statement: its author's home, where it stood then."""
        body, kind = entry.signed.body(), entry.signed.kind
        if kind == "rule-pack":
            if not self.logs:
                raise Refusal("EVIDENCE_MISSING")
            return self.logs[min(self.logs)]
        if kind not in SIGNER_RULES:
            raise Refusal("SIGNER_WRONG", kind=kind)
        org = getattr(body, SIGNER_RULES[kind][0])
        key = next(iter(entry.signed.signatures))
        # Whoever goes on for another speaks from its own home.
        heirs = [who for who in (org, self.heirs.get(org)) if who in self.homes and key in self.home(who).keys]
        who = heirs[0] if heirs else org
        if not entry.place:
            return self.home(who)
        origin, at = entry.place
        log = self.logs.get(origin)
        if log is None or not log.is_home_at(who, at):
            self.home(who)
            raise Refusal("SIGNER_WRONG", org=who, log=origin_text(origin))
        return log

    def judge(self, entry: Entry, book: Book) -> Optional[Doc]:
        try:
            home, at = self.home_of(entry), entry.index()
            body = home.judge(entry.signed, at)
            for hashed in entry.signed.signatures:
                if hashed in home.keys:
                    self.check_counts(home.keys[hashed].org, hashed, home.origin, at)
        except Refusal as refusal:
            self.refuse(entry, refusal, book)
            return None
        self.accept(entry, book)
        return body

    def judge_receipt(self, entry: Entry, book: Book) -> bool:
        """Whether it holds."""
        try:
            self.home_of(entry).judge_receipt(entry.signed)
        except Refusal as refusal:
            self.refuse(entry, refusal, book)
            return False
        self.accept(entry, book)
        return True

    def accept(self, entry: Entry, book: Book) -> None:
        book.ok(CHECK_OF[entry.section])
        if entry.place and len(entry.signed.signatures) == 1:
            book.ok("POSITION")

    def refuse(self, entry: Entry, refusal: Refusal, book: Book) -> None:
        """A key not registered at this place is a matter of order, one that nothing registers a gap."""
        check, keys = CHECK_OF[entry.section], list(entry.signed.signatures)
        log: Optional[LogTrust] = None
        if entry.place:
            log = self.logs.get(entry.place[0])
        else:
            try:
                log = self.home_of(entry)
            except Refusal:
                pass
        if refusal.reason in ("KEY_REVOKED", "KEY_DISPUTED"):
            return book.refuse("POSITION", entry.name, refusal)
        if refusal.reason == "KEY_UNKNOWN":
            here = next((log.keys[key] for key in keys if key in log.keys), None) if log else None
            if here:
                return book.note("POSITION", entry.name, NOT_CHECKABLE if here.begin == UNPLACED else INVALID, refusal)
            if any(key in each.keys for each in self.logs.values() for key in keys):
                return book.refuse(check, entry.name, Refusal("SIGNER_WRONG", **refusal.fields))
            return book.note(check, entry.name, NOT_CHECKABLE, refusal)
        if refusal.reason == "ROOT_UNKNOWN" and (log is None or not log.roots) and check != "ROOT":
            return book.note(check, entry.name, NOT_CHECKABLE, refusal)
        return book.refuse(check, entry.name, refusal)

    # ---- policy, names, completeness, proofs ----

    def policy(self) -> str:
        lines = []
        for origin, log in sorted(self.logs.items()):
            key = log.log_key_of(UNPLACED)
            if key is not None:
                lines.append(f"log {vkey(origin_text(origin), PLAIN, key)}")
        for witness, keys in self.witnesses.items():
            if len(keys) == 1:
                lines.append(f"witness {witness} {vkey(witness, COSIGNED, keys[0])}")
                continue
            generations = [f"{witness}.{number}" for number in range(1, len(keys) + 1)]
            lines.extend(f"witness {each} {vkey(witness, COSIGNED, key)}" for each, key in zip(generations, keys))
            lines.append(f"group {witness} any {' '.join(generations)}")
        lines.append(f"group QUORUM {self.needed} {' '.join(self.witnesses)}")
        return "".join(line + "\n" for line in lines + ["quorum QUORUM"])

    def check_policy(self, members: dict[str, bytes], book: Book) -> None:
        """`policy.txt` says what the logs say; lines the logs do not bear out are a gap, others are wrong."""
        try:
            written = members.get("policy.txt", b"").decode()
        except UnicodeDecodeError:
            written = ""
        derived = self.policy()
        if written == derived:
            return book.ok("WITNESSES")
        found = lines_of(written)
        borne_out = all(line in found for line in lines_of(derived) if not line.startswith("group "))
        borne_out = borne_out and any(line.startswith(f"group QUORUM {self.needed} ") for line in found)
        reason = "EVIDENCE_MISSING" if borne_out or self.needed == 0 else "BUNDLE_ALTERED"
        return book.refuse("WITNESSES", "policy.txt", Refusal(reason, member="policy.txt"))

    def check_names(self, book: Book) -> None:
        """Every log was begun by whom it names: the operator that the trustees have named."""
        for origin, log in sorted(self.logs.items()):
            subject = origin_text(origin)
            if log.operator is None or log.log_key_of(UNPLACED) is None:
                book.refuse("TRUST", subject, Refusal("EVIDENCE_MISSING", log=subject))
                continue
            named = [each.orgs[log.operator] for each in self.logs.values() if log.operator in each.orgs]
            contradicted = any(each.admission.operates != origin[1] for each in named)
            others = [each.operator for each in self.of_node(*origin[:2])]
            if contradicted or any(other not in (None, log.operator) for other in others):
                book.refuse("TRUST", subject, Refusal("NODE_TAKEN", log=subject))
            else:
                book.ok("TRUST")

    def check_complete(self, entries: list[Entry], ends: list[LogEnd], sold: set[bytes], book: Book) -> None:
        """Nothing was left out that a log has said about trust, or about what the order rests on (docs/auditor.md)."""
        for origin, log in sorted(self.logs.items()):
            end = next((end for end in ends if end.proof.origin() == origin), None)
            book.judge("COMPLETE", origin_text(origin), lambda: check_end(log, end, entries, sold))

    def check_proofs(
        self, entries: list[Entry], ends: list[LogEnd], outcome: Optional[Doc], book: Book
    ) -> None:
        """Every proof, and every checkpoint once."""
        notes: set[str] = set()
        heads: dict[tuple[Origin, int], bytes] = {}
        for end in ends:
            self.check_note("ends", end.proof.note, notes, heads, book)
        for entry in entries:
            if entry.section == "receipts":
                continue
            if entry.proof is None:
                book.refuse("INCLUSION", entry.name, Refusal("PROOF_MISSING"))
                continue
            self.check_note(entry.name, entry.proof.note, notes, heads, book)
            book.judge("INCLUSION", entry.name, lambda: check_included(entry, entry.proof, outcome))

    def check_note(
        self, subject: str, note: Note, notes: set[str], heads: dict[tuple[Origin, int], bytes], book: Book
    ) -> None:
        if note.written in notes:
            return
        notes.add(note.written)
        head = book.judge("CHECKPOINT", subject, lambda: self.open(note))
        if head is not None and heads.setdefault((head.origin, head.size), head.root) != head.root:
            book.refuse("CHECKPOINT", subject, Refusal("LOG_FORK", log=origin_text(head.origin)))
        book.judge("WITNESSES", subject, lambda: self.require_quorum(note))

    def open(self, note: Note) -> Checkpoint:
        """The checkpoint, signed with the log key that was good at its size."""
        head = checkpoint_of(note.text)
        log = self.logs.get(head.origin)
        key = log.log_key_of(head.size) if log else None
        if key is None:
            raise Refusal("EVIDENCE_MISSING", log=origin_text(head.origin))
        note.require_log(origin_text(head.origin), key)
        return head

    def cosigned(self, note: Note) -> dict[str, tuple[int, bytes]]:
        """Who cosigned validly: the earliest time, and the key."""
        found = {}
        for witness, keys in self.witnesses.items():
            times = [(note.cosigned_at(witness, key), key) for key in keys]
            good = [(time, key) for time, key in times if time is not None]
            if good:
                found[witness] = min(good)
        return found

    def require_quorum(self, note: Note) -> None:
        keys = {key for _, key in self.cosigned(note).values()}
        if self.needed == 0 or len(keys) < self.needed:
            raise Refusal("WITNESSES_MISSING", cosigned=len(keys), needed=self.needed)

    def seen_at(self, note: Note) -> Optional[int]:
        """When the witnesses had seen a checkpoint, in milliseconds: of a quorum of 2f + 1, f may be wrong."""
        cosigned = self.cosigned(note)
        if self.needed == 0 or len({key for _, key in cosigned.values()}) < self.needed:
            return None
        return sorted(time for time, _ in cosigned.values())[(self.needed - 1) // 2] * 1000


class Chronicle:
    """Where everything stands, and when witnesses had seen it. What signers say of times is not asked here."""

    def __init__(self, entries: list[Entry], reading: Reading, logs: Logs, book: Book):
        self.places: dict[bytes, tuple[Origin, int]] = {}
        self.times: dict[Origin, list[tuple[int, int]]] = {}
        self.roots: dict[tuple[Origin, int], bytes] = {}
        newest: dict[Origin, Checkpoint] = {}
        for entry in entries:
            if entry.place:
                self.places.setdefault(entry.signed.id, entry.place)
        for end in reading.ends:
            try:
                head = logs.open(end.proof.note)
            except Refusal:
                continue  # What is wrong with it is booked where proofs are checked.
            self.saw(head, logs.seen_at(end.proof.note))
            newest[head.origin] = head
        for member, cover in reading.covers:
            earlier = book.judge("CHECKPOINT", member, lambda: logs.open(cover.note))
            if earlier is None or earlier.origin not in newest:
                continue
            later, before = newest[earlier.origin], len(book.findings["CHECKPOINT"])
            book.judge("CHECKPOINT", member, lambda: require_consistency(earlier, later, cover.hashes))
            is_continued = len(book.findings["CHECKPOINT"]) == before
            book.judge("WITNESSES", member, lambda: logs.require_quorum(cover.note))
            if is_continued:
                self.saw(earlier, logs.seen_at(cover.note))

    def saw(self, head: Checkpoint, at: Optional[int]) -> None:
        if at is not None:
            bisect.insort(self.times.setdefault(head.origin, []), (head.size, at))
            self.roots[head.origin, head.size] = head.root

    def seen(self, statement: bytes) -> Optional[int]:
        """The time of the first checkpoint that covers a statement and has its quorum."""
        origin, index = self.places.get(statement, (None, 0))
        covering = self.times.get(origin, []) if origin else []
        return next((at for size, at in covering if size > index), None)

    def is_before(self, one: bytes, other: bytes) -> Optional[bool]:
        """Whether one stood before another: in one log by place, else by time; none where nothing tells."""
        places = self.places.get(one), self.places.get(other)
        if places[0] and places[1] and places[0][0] == places[1][0]:
            return places[0][1] < places[1][1]
        times = self.seen(one), self.seen(other)
        return None if times[0] is None or times[1] is None else times[0] < times[1]


def mark_grants(entries: list[Entry], logs: Logs, chronicle: Chronicle, book: Book) -> None:
    """A remark where an officer's grant did not hold on the day on which witnesses saw what the officer signed."""
    for entry in entries:
        if entry.section not in ("order", "facts") or not entry.place or len(entry.signed.signatures) != 1:
            continue
        (hashed,), log = entry.signed.signatures, logs.logs.get(entry.place[0])
        standing, seen = log.keys.get(hashed) if log else None, chronicle.seen(entry.signed.id)
        if standing is None or standing.grant is None or seen is None:
            continue
        if not standing.grant.valid_from <= day_of(seen) <= standing.grant.valid_to:
            book.note("OFFICERS", entry.name, VALID, Refusal("GRANT_EXPIRED", officer=standing.grant.officer))


def check_end(log: LogTrust, end: Optional[LogEnd], entries: list[Entry], sold: set[bytes]) -> None:
    def missing(rule: str) -> Refusal:
        return Refusal("EVIDENCE_MISSING", log=origin_text(log.origin), rule=rule)

    if end is None:
        raise missing("the end of the log")
    head = checkpoint_of(end.proof.note.text)
    require_inclusion(end.leaf, end.proof, head)
    if end.proof.index + 1 != head.size:
        raise missing("the newest leaf")
    here = [entry for entry in entries if entry.place and entry.place[0] == log.origin]
    leaves: dict[int, bytes] = {}
    for entry in here:
        if entry.proof is None or entry.proof.note.text != end.proof.note.text:
            raise missing("one checkpoint for all places in the log")
        if leaves.setdefault(entry.index(), entry.signed.id) != entry.signed.id:
            raise Refusal("LOG_FORK", log=origin_text(log.origin), position=entry.index())
    about = [(entry, subject_in(entry.signed.kind, entry.signed.payload)) for entry in here]
    # Of offerings and tariffs only those are asked that the order rests on, and those that a path is shown for.
    rested_on = {subject for entry, subject in about if entry.signed.id in sold}
    subjects = {"federation"} | {f"organisation/{org}" for org in log.orgs}
    subjects |= {subject for _, subject in about if subject is not None}
    said: dict[str, dict[int, bytes]] = {
        subject: {}
        for subject in subjects
        if not is_about_sales(subject) or subject in rested_on or subject in end.paths
    }
    if end.paths.keys() - said.keys():
        raise missing("what a path is about")
    for entry, subject in about:
        if subject in said and entry.index() < end.proof.index:
            said[subject][entry.index()] = entry.signed.id
    check_last(end, entries, said)
    for subject in sorted(said, key=subject_order):
        if subject not in end.paths:
            raise missing("path")
        ids = [said[subject][index] for index in sorted(said[subject])]
        withheld = not ids and subject not in end.instead
        if withheld or digest_by_path(subject, ids, end.paths[subject], end.instead.get(subject)) != end.leaf[168:]:
            raise Refusal("TRUST_WITHHELD", log=origin_text(log.origin), subject=subject)


def subject_order(subject: str) -> bytes:
    return subject.encode()


def check_last(end: LogEnd, entries: list[Entry], said: dict[str, dict[int, bytes]]) -> None:
    """The newest leaf itself is in no digest yet: if it is public and about one of the subjects, it must be shown."""
    tag, statement = end.leaf[:8], end.leaf[8:40]
    if tag not in (b"vrb1pub1", b"vrb1pubn", b"vrb1prt1", b"vrb1prtn"):
        raise Refusal("LEAF_INVALID")
    if tag.startswith(b"vrb1prt"):
        return
    if end.last is None or sha256(end.last) != statement:
        raise Refusal("EVIDENCE_MISSING", statement=statement.hex())
    payload_type, payload = split_pae(end.last)
    subject = subject_in(kind_in(payload_type), payload)
    if subject in said and all(entry.signed.id != statement for entry in entries):
        raise Refusal("TRUST_WITHHELD", statement=statement.hex())


def check_included(entry: Entry, proof: Optional[Proof], request: Optional[Doc]) -> None:
    """The leaf follows from the statement, its kind and, for a seal or void, the request."""
    assert proof is not None
    head = checkpoint_of(proof.note.text)
    outcome = bytes(32)
    if entry.signed.kind in ("seal", "void"):
        if request is None:
            raise Refusal("EVIDENCE_MISSING", kind="request")
        outcome = outcome_tag(entry.signed.kind, request.order, request.attempt, request.salt)
    if len(proof.extra) != 32:
        raise Refusal("PROOF_INVALID", rule="the extra line holds the trust digest of the leaf")
    require_inclusion(entry.signed.leaf_stem(outcome) + proof.extra, proof, head)


# ======================================================================================================================
# Law: section 108 GWB and its neighbours, one leg on one day with what was known on a day (docs/audit-rules.md)
# ======================================================================================================================

FULFILLED, CONTESTED, NOT_PROVEN, NOT_FULFILLED = range(4)
CONTROL_DEPTH_MAX = 4
CHAINS_MAX = 16
JOINT_LINKS_MAX = 2
STOCK_COMPANIES = ("ag", "gag", "se", "kgaa", "aktiengesellschaft", "ag & co. kg", "ag & co. kgaa")

Answer = Optional[int]
Membership = tuple[bytes, Doc]


class Finding:
    """One condition examined."""

    def __init__(
        self,
        verdict: int,
        org: str,
        of: Optional[str],
        evidence: Iterable[bytes] = (),
        assumed: bool = False,
        condition: str = "",
    ):
        self.verdict, self.org, self.of = verdict, org, of
        self.evidence, self.assumed, self.condition = frozenset(evidence), assumed, condition

    def contradicted(self, by: Iterable[bytes]) -> Finding:
        return Finding(NOT_PROVEN, self.org, self.of, self.evidence | set(by), self.assumed, self.condition)


class Judgement:
    def __init__(self, basis: Optional[str], findings: list[Finding]):
        self.basis, self.findings = basis, findings
        self.verdict = max((finding.verdict for finding in findings), default=NOT_PROVEN)
        self.assumed = self.verdict <= CONTESTED and any(finding.assumed for finding in findings)

    def rank(self) -> tuple[Any, ...]:
        """Proof before assumption, few gaps before many, then the simpler case; names decide last."""
        contested = sum(finding.verdict == CONTESTED for finding in self.findings)
        gaps = {
            FULFILLED: int(self.assumed),
            CONTESTED: 2 * contested + int(self.assumed),
            NOT_PROVEN: sum(finding.verdict == NOT_PROVEN for finding in self.findings),
            NOT_FULFILLED: 0,
        }
        basis = -1 if self.basis is None else BASES.index(self.basis)
        about = [(finding.org, finding.of is not None, finding.of or "") for finding in self.findings]
        return (self.verdict, gaps[self.verdict], basis, about)


def said(yes: bool) -> int:
    return FULFILLED if yes else NOT_FULFILLED


def maybe(yes: Optional[bool]) -> Answer:
    return None if yes is None else said(yes)


class FactBase:
    """Memberships and facts about organisations, with the first day on which a correction of each is known."""

    def __init__(self, public: dict[bytes, tuple[str, str, Doc]]):
        self.memberships = {at: body for at, (_, kind, body) in public.items() if kind == "membership"}
        self.entities = {at: body for at, (_, kind, body) in public.items() if kind == "entity-facts"}
        self.corrected: dict[bytes, datetime.date] = {}
        for facts, signer in ((self.memberships, "of"), (self.entities, "org")):
            for fact in facts.values():
                earlier = facts.get(fact.corrects) if fact.corrects else None
                # Only who signed a fact can correct it.
                if earlier is not None and getattr(earlier, signer) == getattr(fact, signer):
                    known = min(fact.known_from, self.corrected.get(fact.corrects, fact.known_from))
                    self.corrected[fact.corrects] = known

    def known(self, at: bytes, fact: Doc, known_on: datetime.date) -> bool:
        corrected = self.corrected.get(at)
        return fact.known_from <= known_on and (corrected is None or corrected > known_on)


class Court:
    """Everything a leg needs to be judged: facts, rule pack, day of award, and up to when facts are known."""

    def __init__(
        self,
        base: FactBase,
        pack: Doc,
        as_of: datetime.date,
        known_on: datetime.date,
        began: Optional[datetime.date] = None,
        award: str = "general",
        is_last: bool = False,
        is_change: bool = False,
    ):
        self.pack, self.as_of, self.known_on = pack, as_of, known_on
        self.began, self.award, self.is_last, self.is_change = began or as_of, award, is_last, is_change
        self.memberships = [each for each in sorted(base.memberships.items()) if base.known(*each, known_on)]
        self.entities = [each for each in sorted(base.entities.items()) if base.known(*each, known_on)]

    # ---- which case of several carries a leg ----

    def judge(self, one: str, to: str) -> Judgement:
        judged = [Judgement(basis, findings + self.pack_in_force()) for basis, findings in self.cases(one, to)]
        return min(judged, key=Judgement.rank) if judged else self.judge_unrelated(one, to)

    def judge_unrelated(self, one: str, to: str) -> Judgement:
        different = self.different_mothers(one, to)
        if different:
            return Judgement("sister", [different])
        related = self.between(one, to) + self.between(to, one)
        without = [each for each in related if self.in_force(each[1]) and each[1].relation not in CONTROLLING]
        if without:
            at, fact = max(without, key=lambda each: (each[1].known_from, each[0]))
            return Judgement(None, [Finding(NOT_FULFILLED, one, to, [at], fact.assumed, "controlling-relation")])
        return Judgement(None, [self.membership(one, to)])

    def cases(self, one: str, to: str) -> list[tuple[str, list[Finding]]]:
        cases: list[tuple[str, list[Finding]]] = []
        if one == to:
            return cases
        above_one, above_to = self.chains_above(one), self.chains_above(to)
        for chain in above_to:
            if chain[0] == one:
                cases.append(("vertical" if len(chain) == 2 else "vertical-indirect", self.vertical(one, chain, to)))
        for chain in above_one:
            if chain[0] == to:
                cases.append(("inverse" if len(chain) == 2 else "inverse-indirect", self.inverse(one, chain, to)))
        for chain in above_one:
            for other in above_to:
                if chain[0] == other[0] and not set(chain[1:]) & set(other):
                    basis = "sister" if len(chain) + len(other) == 4 else "sister-indirect"
                    cases.append((basis, self.sister(chain, other)))
        if self.is_joint(one, to):
            cases.append(("joint", self.joint(one, to)))
        if self.is_joint(to, one):
            cases.append(("joint-inverse", self.joint_inverse(one, to)))
        return cases + self.cases_through_others(one, to) + self.cases_without_control(one, to)

    def cases_through_others(self, one: str, to: str) -> list[tuple[str, list[Finding]]]:
        """Joint control through another legal person, and bodies with one owner in common; where the pack knows them."""
        cases: list[tuple[str, list[Finding]]] = []
        switch_of = {1: "joint-indirect", 2: "joint-chained"}
        for chain, joint in self.mixed_chains(one, to):
            if self.stand(switch_of[sum(joint)]) != "no":
                cases.append(("joint-indirect", self.joint_indirect(one, chain, joint, to)))
        if self.stand("joint-indirect") != "no" and self.stand("inverse-joint") != "no":
            for chain, joint in self.mixed_chains(to, one):
                if sum(joint) == 1:
                    cases.append(("joint-inverse-indirect", self.joint_inverse_indirect(one, chain, joint, to)))
        if self.stand("half-sisters") != "no":
            for mother in self.common_members(one, to)[:CHAINS_MAX]:
                cases.append(("sister-joint", self.half_sister(mother, one, to)))
        return cases

    def cases_without_control(self, one: str, to: str) -> list[tuple[str, list[Finding]]]:
        def related(member: str, of: str, relation: str) -> bool:
            return any(fact.relation == relation for _, fact in self.between(member, of))

        cases = []
        if self.pack.market_below is not None:
            for member, of in ((one, to), (to, one)):
                if related(member, of, "cooperation-contract"):
                    cases.append(("horizontal", self.horizontal(member, of)))
        central = self.stand("central-purchasing") != "no"
        if central and any(fact.central_purchasing is True for _, fact in self.about(to)):
            body = self.entity(to, lambda fact: maybe(fact.central_purchasing), "central-purchasing-body")
            own = [Finding(NOT_FULFILLED, to, one, condition="purchases-from-others")] if self.is_last else []
            cases.append(("central-purchasing", [self.authority(one), self.authority(to), body, *own]))
        for relation, basis in (("framework-agreement", "call-off"), ("tendered-contract", "tendered")):
            if related(one, to, relation):
                findings = [
                    self.confirmed(self.relation(one, to, [relation], lambda _: FULFILLED, "contract")),
                    self.relation(one, to, [relation], lambda fact: FULFILLED if fact.procedure is not None else None, "procedure"),
                    self.scope(one, to, relation),
                ]
                cases.append((basis, findings))
        admitted = self.is_change and self.stand("modification-after-loss") != "no"
        if admitted and related(one, to, "running-contract"):
            cases.append(("modification", self.modification(one, to)))
        return cases

    # ---- what each case asks ----

    def vertical(self, one: str, chain: list[str], to: str) -> list[Finding]:
        ends = [self.activity(to), self.no_private(to)]
        return [self.authority(one), *self.control_along(chain), *self.entrustment(*chain[-2:]), *ends]

    def inverse(self, one: str, chain: list[str], to: str) -> list[Finding]:
        ends = [self.activity(one), self.no_private(one), self.no_private_in_recipient(to)]
        control = [*self.control_along(chain), *self.entrustment(*chain[-2:])]
        return [self.authority(one), self.authority(to), *control, *ends]

    def sister(self, chain: list[str], other: list[str]) -> list[Finding]:
        findings = [self.authority(chain[-1]), self.authority(chain[0])]
        for each in (chain, other):
            findings += [*self.control_along(each), *self.entrustment(*each[-2:]), self.activity(each[-1])]
        return [*findings, self.no_private(chain[-1]), self.no_private_in_recipient(other[-1])]

    def half_sister(self, mother: str, one: str, to: str) -> list[Finding]:
        findings = [self.admitted("half-sisters-admitted", one, to, "half-sisters")]
        findings += [self.authority(one), self.authority(mother)]
        for daughter in (one, to):
            alone = any(fact.sole for _, fact in self.between(mother, daughter))
            findings += self.control_along([mother, daughter]) if alone else self.joint_control(mother, daughter)
            findings += [*self.entrustment(mother, daughter), self.activity(daughter)]
        return [*findings, self.no_private(one), self.no_private_in_recipient(to)]

    def joint(self, one: str, to: str) -> list[Finding]:
        control = [*self.joint_control(one, to), *self.entrustment(one, to)]
        return [self.authority(one), *control, self.activity(to), self.no_private(to)]

    def joint_inverse(self, one: str, to: str) -> list[Finding]:
        admitted = self.admitted("inverse-joint-admitted", one, to, "inverse-joint")
        control = [*self.joint_control(to, one), *self.entrustment(to, one)]
        ends = [self.activity(one), self.no_private(one), self.no_private_in_recipient(to)]
        return [admitted, self.authority(one), self.authority(to), *control, *ends]

    def joint_indirect(self, one: str, chain: list[str], joint: list[bool], to: str) -> list[Finding]:
        ends = [self.activity(to), self.no_private(to)]
        return [self.chain_admitted(joint, one, to), self.authority(one), *self.control_down(chain, joint), *ends]

    def joint_inverse_indirect(self, one: str, chain: list[str], joint: list[bool], to: str) -> list[Finding]:
        admitted = self.admitted("inverse-joint-admitted", one, to, "inverse-joint")
        begin = [self.chain_admitted(joint, one, to), admitted, self.authority(one), self.authority(to)]
        ends = [self.activity(one), self.no_private(one), self.no_private_in_recipient(to)]
        return [*begin, *self.control_down(chain, joint), *ends]

    def chain_admitted(self, joint: list[bool], one: str, to: str) -> Finding:
        switch = "joint-indirect" if sum(joint) == 1 else "joint-chained"
        return self.admitted(f"{switch}-admitted", one, to, switch)

    def horizontal(self, member: str, of: str) -> list[Finding]:
        def terms_of(answer: Callable[[Doc], Answer], condition: str) -> Finding:
            ask = lambda fact: None if fact.cooperation is None else answer(fact.cooperation)  # noqa: E731
            return self.relation(member, of, ["cooperation-contract"], ask, condition)

        below = self.pack.market_below

        def market(terms: Doc) -> Answer:
            if None in (terms.market_share, below):
                return None
            in_time = self.in_time(terms.market_basis, terms.market_years)
            return said(terms.market_share < below) if in_time else NOT_PROVEN

        findings = [
            self.authority_or_public_purpose(member),
            self.authority_or_public_purpose(of),
            self.confirmed(self.relation(member, of, ["cooperation-contract"], lambda _: FULFILLED, "cooperation")),
        ]
        if self.stand("cooperation-agreement") != "no":
            agreed = lambda terms: None if terms.agreement is None else FULFILLED  # noqa: E731
            findings.append(terms_of(agreed, "cooperation-agreement"))
        findings += [
            self.scope(member, of, "cooperation-contract"),
            terms_of(lambda terms: maybe(terms.common_goals), "common-goals"),
            terms_of(lambda terms: maybe(terms.public_interest), "public-interest"),
            terms_of(market, "market-share"),
        ]
        if self.stand("private-advantage") != "no":
            none = lambda terms: None if terms.private_advantage is None else said(not terms.private_advantage)  # noqa: E731
            findings.append(terms_of(none, "no-private-advantage"))
        return findings

    def control_along(self, chain: list[str]) -> list[Finding]:
        return self.control_down(chain, [False] * (len(chain) - 1), entrusted=False)

    def control_down(self, chain: list[str], joint: list[bool], entrusted: bool = True) -> list[Finding]:
        """Every link, of those in between that no private capital is in them, and the entrustment at the end."""
        findings: list[Finding] = []
        for mother, daughter, together in zip(chain, chain[1:], joint):
            if together:
                findings += self.joint_control(mother, daughter)
            else:
                findings += [self.sole_control(mother, daughter), *self.decisive_influence(mother, daughter)]
        findings += [self.no_private_between(org) for org in chain[1:-1]]
        return findings + (self.entrustment(*chain[-2:]) if entrusted else [])

    def joint_control(self, member: str, of: str) -> list[Finding]:
        findings = [self.membership(member, of)]
        # Reported only where a share or vote of nothing is known.
        for field, condition in (("share", "stake"), ("votes", "vote")):
            ask = lambda fact: maybe(None if getattr(fact, field) is None else getattr(fact, field) > 0)  # noqa: E731
            found = self.control(member, of, ask, condition)
            findings += [found] if found.verdict == NOT_FULFILLED else []
        return findings + [
            self.seat(member, of),
            self.entity(of, lambda fact: maybe(fact.all_represented), "all-represented"),
            *self.controllers(member, of),
            self.entity(of, lambda fact: maybe(fact.joint_influence), "joint-influence"),
            self.entity(
                of,
                lambda fact: None if fact.contrary_interests is None else said(not fact.contrary_interests),
                "no-contrary-interests",
            ),
        ]

    # ---- the conditions ----

    def stand(self, switch: str) -> str:
        """How a switch stands for someone who knows what was known on the day."""
        for setting in self.pack.switches:
            if setting.switch == switch and (setting.known_from is None or setting.known_from <= self.known_on):
                return setting.stand
        return "no"

    def by_switch(self, switch: str) -> int:
        return {"yes": FULFILLED, "contested": CONTESTED, "no": NOT_FULFILLED}[self.stand(switch)]

    def admitted(self, condition: str, one: str, to: str, switch: str) -> Finding:
        return Finding(self.by_switch(switch), one, to, condition=condition)

    def pack_in_force(self) -> list[Finding]:
        pack = self.pack
        if pack.valid_from <= self.began and (pack.valid_to is None or self.began <= pack.valid_to):
            return []
        return [Finding(NOT_PROVEN, pack.name, None, condition="rule-pack-in-force")]

    def authority(self, org: str) -> Finding:
        def answer(fact: Doc) -> Answer:
            number, sector = fact.contracting_authority, fact.sector
            only_for = {"public-utility": "sector", "concession-grantor": "concession"}.get(sector)
            if number in (1, 2, 3) or (only_for is not None and only_for == self.award):
                return FULFILLED
            if number is None and sector is None:
                return None
            return NOT_PROVEN if number is None and only_for is not None else NOT_FULFILLED

        return self.entity(org, answer, "contracting-authority")

    def authority_or_public_purpose(self, org: str) -> Finding:
        authority = self.authority(org)
        if authority.verdict == FULFILLED or self.stand("non-authority-members") == "no":
            return authority
        purpose = lambda fact: FULFILLED if fact.nature == "public-purpose" else None  # noqa: E731
        public = self.entity(org, purpose, "contracting-authority")
        return public if public.verdict == FULFILLED else authority

    def seat(self, member: str, of: str) -> Finding:
        """A seat of its own, or that of the member who represents it."""
        asked = lambda fact: maybe(fact.seat)  # noqa: E731
        own = self.control(member, of, asked, "seat")
        if own.verdict == FULFILLED:
            return own
        named = [
            each
            for each in self.between(member, of)
            if each[1].relation in CONTROLLING and self.in_force(each[1]) and each[1].represented_by is not None
        ]
        if not named:
            return own
        at, fact = max(named, key=lambda each: (each[1].known_from, each[0]))
        theirs = self.control(fact.represented_by, of, asked, "seat")
        if theirs.verdict != FULFILLED:
            return own
        return Finding(FULFILLED, member, of, theirs.evidence | {at}, theirs.assumed or fact.assumed, "seat")

    def controllers(self, but: str, of: str) -> list[Finding]:
        """Reported only where another member is known to be no contracting authority; the one that tells most against it."""
        members = {fact.member for _, fact in self.memberships if fact.of == of and fact.member != but}
        found = [finding for member in members for finding in self.controller(member, of)]
        worst = sorted(found, key=lambda finding: finding.org)
        return [max(worst, key=lambda finding: finding.verdict)] if worst else []

    def controller(self, member: str, of: str) -> list[Finding]:
        held = [each for each in self.between(member, of) if each[1].relation in CONTROLLING and self.in_force(each[1])]
        authority = self.authority(member)
        if not held or authority.verdict != NOT_FULFILLED:
            return []
        at, fact = max(held, key=lambda each: (each[1].known_from, each[0]))
        may = self.stand("non-authority-members") != "no"
        answer = lambda fact: None if fact.nature is None else said(may and fact.nature == "public-purpose")  # noqa: E731
        nature = self.entity(member, answer, "controllers")
        verdict = NOT_FULFILLED if nature.verdict == NOT_PROVEN and not may else nature.verdict
        evidence = authority.evidence | nature.evidence | {at}
        assumed = authority.assumed or nature.assumed or fact.assumed
        return [Finding(verdict, member, of, evidence, assumed, "controllers")]

    def decisive_influence(self, mother: str, daughter: str) -> list[Finding]:
        """Reported only where owning does not settle it: less than all, or a stock company."""
        stock = any(
            self.in_force(fact) and fact.legal_form.strip().lower() in STOCK_COMPANIES for _, fact in self.about(daughter)
        )
        partly = any(
            fact.sole and fact.share is not None and fact.share < 10_000 and self.in_force(fact)
            for _, fact in self.between(mother, daughter)
        )
        if not stock and not partly:
            return []
        return [self.control(mother, daughter, lambda fact: maybe(fact.decisive_influence), "decisive-influence")]

    def entrustment(self, member: str, of: str) -> list[Finding]:
        """Asked where the pack asks it: in force on the day and not older than the member's remit."""
        if self.stand("entrustment") == "no":
            return []

        def answer(fact: Doc) -> Answer:
            if fact.entrustment is None:
                return None
            return FULFILLED if fact.entrustment.on <= self.as_of else NOT_PROVEN

        finding = self.control(member, of, answer, "entrustment")
        if finding.verdict != FULFILLED:
            return [finding]
        since = [fact.entrustment.on for at, fact in self.memberships if at in finding.evidence and fact.entrustment]
        remits = [
            (fact.known_from, at, fact.remit_since)
            for at, fact in self.about(member)
            if fact.remit_since is not None and self.in_force(fact)
        ]
        if since and remits and since[0] < max(remits)[2]:
            return [finding.contradicted([max(remits)[1]])]
        return [finding]

    def scope(self, member: str, of: str, relation: str) -> Finding:
        def answer(fact: Doc) -> Answer:
            bounded = relation == "cooperation-contract" or fact.volume is not None
            return FULFILLED if bounded and fact.scope is not None else None

        return self.relation(member, of, [relation], answer, "scope")

    def modification(self, member: str, of: str) -> list[Finding]:
        """What could not be foreseen may change a contract that runs; for concessions that is decided."""
        relation = "running-contract"

        def asked(condition: str, answer: Callable[[Doc], Answer]) -> Finding:
            told = lambda fact: None if fact.modification is None else answer(fact)
            return self.relation(member, of, [relation], told, condition)

        def rise(fact: Doc) -> Answer:
            return None if fact.volume is None else said(2 * fact.modification.rise <= fact.volume)

        admitted = self.admitted("modification-admitted", member, of, "modification-after-loss")
        if self.award == "concession" and admitted.verdict <= CONTESTED:
            admitted = Finding(FULFILLED, member, of, condition="modification-admitted")
        return [
            admitted,
            self.confirmed(self.relation(member, of, [relation], lambda _: FULFILLED, "running-contract")),
            self.scope(member, of, relation),
            asked("unforeseen", lambda _: FULFILLED),
            asked("character-kept", lambda fact: maybe(fact.modification.character_kept)),
            asked("price-rise", rise),
        ]

    def confirmed(self, finding: Finding) -> Finding:
        """What the other party of a contract has not confirmed counts as assumed."""
        if finding.verdict != FULFILLED:
            return finding
        by = [
            each
            for each in self.about(finding.org)
            if self.in_force(each[1]) and any(at in finding.evidence for at in each[1].confirms)
        ]
        if not by:
            return Finding(FULFILLED, finding.org, finding.of, finding.evidence, True, finding.condition)
        at, fact = max(by, key=lambda each: (not each[1].assumed, each[1].known_from, each[0]))
        assumed = finding.assumed or fact.assumed
        return Finding(FULFILLED, finding.org, finding.of, finding.evidence | {at}, assumed, finding.condition)

    def sole_control(self, mother: str, daughter: str) -> Finding:
        finding = self.control(mother, daughter, lambda fact: said(fact.sole), "sole-control")
        if finding.verdict != FULFILLED:
            return finding
        directs = any(
            at in finding.evidence and fact.decisive_influence is True and fact.share is not None
            for at, fact in self.memberships
        )

        def is_rest(fact: Doc) -> bool:
            """A public holder of the rest, where the one who controls has decisive influence."""
            alone = fact.share is not None and fact.decisive_influence is not True
            return directs and alone and self.is_public(fact.member)

        beside = [
            at
            for at, fact in self.memberships
            if fact.of == daughter
            and fact.member != mother
            and fact.relation in CONTROLLING
            and self.in_force(fact)
            and not is_rest(fact)
        ]
        if beside:
            return finding.contradicted([min(beside)])
        circle = self.controlled_from_below(mother, daughter)
        return finding.contradicted([circle]) if circle else finding

    def is_public(self, org: str) -> bool:
        facts = [fact for _, fact in self.about(org) if self.in_force(fact)]
        public = any(fact.contracting_authority in (1, 2, 3) or fact.nature in ("public", "public-purpose") for fact in facts)
        return public and not any(fact.nature == "private" for fact in facts)

    def controlled_from_below(self, mother: str, daughter: str) -> Optional[bytes]:
        """A holding in force by which the daughter controls the mother or whoever controls her."""
        above = {mother}
        for _ in range(CONTROL_DEPTH_MAX):
            holdings = [
                each for each in self.memberships if each[1].of in above and each[1].sole and self.in_force(each[1])
            ]
            circle = [at for at, fact in holdings if fact.member == daughter]
            if circle:
                return min(circle)
            higher = {fact.member for _, fact in holdings} - above
            if not higher:
                return None
            above |= higher
        return None

    def membership(self, member: str, of: str) -> Finding:
        finding = self.control(member, of, lambda fact: None if fact.sole else FULFILLED, "membership")
        beyond = self.shares_beyond_whole(of) if finding.verdict == FULFILLED else []
        return finding.contradicted(beyond) if beyond else finding

    def shares_beyond_whole(self, of: str) -> list[bytes]:
        """The statements by which more than the whole of a body is held; of one member's the one known last counts."""
        last: dict[str, Membership] = {}
        for at, fact in self.memberships:
            if fact.of != of or fact.share is None or fact.relation not in CONTROLLING or not self.in_force(fact):
                continue
            before = last.get(fact.member)
            if before is None or (before[1].known_from, before[0]) < (fact.known_from, at):
                last[fact.member] = (at, fact)
        total, cited = 0, []
        for at, fact in sorted(last.values(), key=lambda each: (-each[1].share, each[0])):
            total += fact.share
            cited.append(at)
            if total > 10_000:
                return cited
        return []

    def in_time(self, basis: Optional[str], years: list[int]) -> bool:
        """Whether a share was measured in the three years before the award."""
        age_max = 2 if self.pack.activity_age_max is None else self.pack.activity_age_max
        return bool(basis) and len(years) == 3 and 1 <= self.as_of.year - years[-1] <= age_max

    def activity(self, org: str) -> Finding:
        """Strictly more than the threshold; a turnover is that of the group (EuGH C-692/23)."""
        above = self.pack.activity_above
        asks_group = self.stand("group-turnover") != "no"

        def answer(fact: Doc) -> Answer:
            if fact.activity_share is None:
                return None
            enough = said(fact.activity_share > above)
            if fact.activity_basis == "projection":
                since = fact.reorganised_on
                new = since is not None and datetime.date(max(self.as_of.year - 3, 1), 1, 1) < since <= self.as_of
                return enough if new else NOT_PROVEN
            if not self.in_time(fact.activity_basis, fact.activity_years):
                return NOT_PROVEN
            of_group = fact.group is not None and fact.group.turnover != "own"
            if enough == FULFILLED and fact.activity_basis == "turnover" and asks_group and not of_group:
                return NOT_PROVEN
            return enough

        finding = self.entity(org, answer, "activity-share")
        if finding.verdict != FULFILLED or not asks_group:
            return finding
        no_parent = any(
            at in finding.evidence
            and fact.activity_basis == "turnover"
            and fact.group is not None
            and fact.group.turnover == "not-a-parent"
            for at, fact in self.entities
        )
        daughters = [at for at, fact in self.memberships if fact.member == org and fact.sole and self.in_force(fact)]
        return finding.contradicted([min(daughters)]) if no_parent and daughters else finding

    def no_private(self, org: str) -> Finding:
        return self.capital("no-private-capital", org, FULFILLED)

    def no_private_in_recipient(self, org: str) -> Finding:
        return self.capital("no-private-capital", org, self.by_switch("prescribed-inverse"))

    def no_private_between(self, org: str) -> Finding:
        finding = self.capital("no-private-between", org, FULFILLED)
        if finding.verdict != NOT_FULFILLED:
            return finding
        verdict = self.by_switch("private-between")
        return Finding(verdict, finding.org, finding.of, finding.evidence, finding.assumed, finding.condition)

    def capital(self, condition: str, org: str, prescribed: int) -> Finding:
        def answer(fact: Doc) -> Answer:
            if fact.private_capital is not None:
                return prescribed if fact.private_capital == "prescribed-by-law" else said(fact.private_capital == "none")
            return maybe(None if fact.private_share is None else fact.private_share == 0)

        finding = self.entity(org, answer, condition)
        is_prescribed = any(
            at in finding.evidence and fact.private_capital == "prescribed-by-law" for at, fact in self.entities
        )
        if finding.verdict == NOT_FULFILLED or is_prescribed:
            return finding
        private = self.private_member(org)
        return finding.contradicted(private) if private else finding

    def private_member(self, of: str) -> Optional[tuple[bytes, bytes]]:
        """A member in force that is in private hands by its own word."""
        found = []
        for at, fact in self.memberships:
            if fact.of != of or fact.relation not in CONTROLLING or not self.in_force(fact) or fact.share == 0:
                continue
            stated = [each for each in self.about(fact.member) if self.in_force(each[1]) and each[1].nature is not None]
            if stated:
                by, last = max(stated, key=lambda each: (each[1].known_from, each[0]))
                if last.nature == "private":
                    found.append((at, by))
        return min(found, default=None)

    def different_mothers(self, one: str, to: str) -> Optional[Finding]:
        """Both are controlled on the day, but not by one mother alone."""
        of_one, of_to = self.mothers(one), self.mothers(to)
        common = of_one.keys() & of_to.keys()
        alone = all(any(fact.sole for _, fact in mothers.values()) for mothers in (of_one, of_to))
        if one == to or not (common or alone):
            return None
        cited = [
            each
            for mothers in (of_one, of_to)
            for mother, each in mothers.items()
            if (mother in common if common else each[1].sole)
        ]
        assumed = any(fact.assumed for _, fact in cited)
        return Finding(NOT_FULFILLED, one, to, [at for at, _ in cited], assumed, "same-mother")

    def mothers(self, daughter: str) -> dict[str, Membership]:
        return {
            fact.member: (at, fact)
            for at, fact in self.memberships
            if fact.of == daughter and fact.relation in CONTROLLING and self.in_force(fact)
        }

    # ---- relations ----

    def in_force(self, fact: Doc) -> bool:
        within_days = fact.valid_from <= self.as_of and (fact.valid_to is None or self.as_of <= fact.valid_to)
        return within_days and not getattr(fact, "revoked", False)

    def between(self, member: str, of: str) -> list[Membership]:
        return [(at, fact) for at, fact in self.memberships if (fact.member, fact.of) == (member, of)]

    def about(self, org: str) -> list[Membership]:
        return [(at, fact) for at, fact in self.entities if fact.org == org]

    def is_joint(self, member: str, of: str) -> bool:
        return any(fact.relation in CONTROLLING and not fact.sole for _, fact in self.between(member, of))

    def common_members(self, one: str, to: str) -> list[str]:
        def members(of: str) -> set[str]:
            return {fact.member for _, fact in self.memberships if fact.of == of and fact.relation in CONTROLLING}

        return sorted(members(one) & members(to))

    def chains_above(self, org: str) -> list[list[str]]:
        """Every chain of sole control that ends at an organisation, in force or not; short ones first, then by name."""
        chains: list[list[str]] = []
        level = [[org]]
        for _ in range(CONTROL_DEPTH_MAX):
            longer = [
                [mother, *chain]
                for chain in level
                for mother in {fact.member for _, fact in self.memberships if fact.of == chain[0] and fact.sole}
                if mother not in chain
            ]
            level = sorted(longer)[:CHAINS_MAX]
            chains += level
        return chains

    def mixed_chains(self, top: str, bottom: str) -> list[tuple[list[str], list[bool]]]:
        """Every chain of three to five parties with one or two joint links, the short ones first, then by name."""
        found: list[tuple[list[str], list[bool]]] = []

        def deepen(chain: list[str], joint: list[bool]) -> None:
            bodies = {fact.of for _, fact in self.memberships if fact.member == chain[-1]} - set(chain)
            for body in bodies:
                kinds = {not fact.sole for _, fact in self.between(chain[-1], body) if fact.relation in CONTROLLING}
                for together in kinds:
                    links = [*joint, together]
                    if sum(links) > JOINT_LINKS_MAX:
                        continue
                    if body == bottom and len(links) > 1 and sum(links) > 0:
                        found.append(([*chain, body], links))
                    elif body != bottom and len(links) < CONTROL_DEPTH_MAX:
                        deepen([*chain, body], links)

        deepen([top], [])
        return sorted(found, key=lambda each: (len(each[0]), sum(each[1]), each[0], each[1]))[:CHAINS_MAX]

    # ---- how facts are asked and answers weighed ----

    def entity(self, org: str, answer: Callable[[Doc], Answer], condition: str) -> Finding:
        return self.conclude(org, None, self.about(org), answer, condition)

    def relation(
        self, member: str, of: str, relations: Iterable[str], answer: Callable[[Doc], Answer], condition: str
    ) -> Finding:
        facts = [each for each in self.between(member, of) if each[1].relation in relations and not each[1].revoked]
        return self.conclude(member, of, facts, answer, condition)

    def control(self, member: str, of: str, answer: Callable[[Doc], Answer], condition: str) -> Finding:
        """Asks the memberships that can carry control."""
        finding = self.relation(member, of, CONTROLLING, answer, condition)
        ended = self.ended_by_later_word(member, of) if finding.verdict == FULFILLED else None
        return finding.contradicted([ended]) if ended else finding

    def ended_by_later_word(self, member: str, of: str) -> Optional[bytes]:
        """The membership known last, if it covered the same time as one still in force, and has ended."""
        facts = [each for each in self.between(member, of) if each[1].relation in CONTROLLING]
        if not facts:
            return None
        at, last = max(facts, key=lambda each: (each[1].known_from, each[0]))
        ended = last.valid_to is not None and last.valid_to < self.as_of
        still = any(self.in_force(fact) and overlap(fact, last) for _, fact in facts)
        return at if ended and still else None

    def conclude(
        self,
        org: str,
        of: Optional[str],
        facts: list[Membership],
        answer: Callable[[Doc], Answer],
        condition: str,
    ) -> Finding:
        """Of the answers in force that settle the question the one known last holds, then the greater id."""
        answers = [(verdict, at, fact) for at, fact in facts for verdict in [answer(fact)] if verdict is not None]
        in_force = [each for each in answers if self.in_force(each[2])]
        if in_force:
            verdict, at, fact = max(in_force, key=lambda each: (each[0] != NOT_PROVEN, each[2].known_from, each[1]))
            return Finding(verdict, org, of, [at], fact.assumed, condition)
        others = [each for each in answers if each[0] == FULFILLED]
        before = [each for each in others if each[2].valid_to is not None and each[2].valid_to < self.as_of]
        after = [each for each in others if each[2].valid_from > self.as_of]
        cited = []
        if before:
            cited.append(max(before, key=lambda each: (each[2].valid_to, each[1])))
        if after:
            cited.append(min(after, key=lambda each: (each[2].valid_from, each[1])))
        assumed = any(fact.assumed for _, _, fact in cited)
        return Finding(NOT_PROVEN, org, of, [at for _, at, _ in cited], assumed, condition)


def overlap(one: Doc, two: Doc) -> bool:
    """Whether some day belongs to both memberships."""
    if one.revoked or two.revoked:
        return False
    return (two.valid_to is None or one.valid_from <= two.valid_to) and (
        one.valid_to is None or two.valid_from <= one.valid_to
    )


# ======================================================================================================================
# Price: from published items to what one buyer pays, in whole cents (docs/audit-rules.md)
# ======================================================================================================================

WEIGHT_MAX = 10**12
# The Königsteiner Schlüssel of 2016 in 1e-5 per cent, by the numbers of the Länder.
KOENIGSTEIN_2016 = (
    339_074, 255_752, 933_138, 95_331, 2_114_424, 739_885, 483_089, 1_296_662,
    1_553_327, 121_111, 508_324, 303_655, 201_240, 505_577, 279_941, 269_470,
)  # fmt: skip


def cents(amount: int) -> int:
    if not 0 <= amount <= CENTS_MAX:
        raise Refusal("MONEY_INVALID", value=amount)
    return amount


def bad_distribution(rule: str) -> Refusal:
    return Refusal("DISTRIBUTION_INVALID", rule=rule)


def check_items(items: list[Doc]) -> None:
    within("items", len(items) <= 100)
    for item in items:
        check_words(item)
        within("year", item.year is None)
        if item.terms is not None:
            within("uses_min", item.terms.uses_min is None or item.due == "per-use")
            within("indexation", item.terms.indexation is None or item.due != "once")
            within("split", not item.terms.split or item.due != "per-use")
            check_terms(item.terms)


def check_words(item: Doc) -> None:
    line_text("vat", item.vat, 300)
    if item.tax is not None:
        needed_text("tax.reason", item.tax.reason)
        within("tax", (item.tax.rate is not None and item.tax.rate > 0) == (item.tax.treatment == "taxed"))


def check_offered(items: list[Doc]) -> None:
    """The rules of a price that was computed for one buyer."""
    within("components", len(items) <= 100 * 20)
    for item in items:
        check_words(item)
        within("terms", item.terms is None)
        within("year", item.year is None or 1 <= item.year <= 20)


def check_terms(found: Doc) -> None:
    if found.indexation is not None:
        needed_text("index", found.indexation.index)
    if len(found.split) > 8 or len(found.payers) > 400:
        raise bad_distribution("too many parts")
    line_text("payers_source", found.payers_source, 500)
    check_sum(found.split)
    for part in found.split:
        check_price_key(part.key)
    if found.payers:
        if not distinct(payer.who for payer in found.payers):
            raise bad_distribution("a payer is named twice")
        needed_text("payers_source", found.payers_source)
        check_sum(found.payers)


def check_sum(parts: list[Doc]) -> None:
    if parts and sum(part.share for part in parts) != 10_000:
        raise Refusal("SHARES_DO_NOT_ADD_UP")


def check_price_key(key: Doc) -> None:
    needed_text("source", key.source)
    label("group", key.group, 200)
    if not 1949 <= key.year <= 2100:
        raise Refusal("DISTRIBUTION_YEAR_UNKNOWN", year=key.year)
    if (key.group == "") == (key.kind == "target-group"):
        raise bad_distribution("a target group is named for that key, and for no other")
    if (not key.parties and not key.open) or len(key.parties) > 400:
        raise bad_distribution("parties")
    if not distinct(weight.party for weight in key.parties):
        raise bad_distribution("a party is named twice")
    if key.open and key.kind in ("koenigstein", "fixed"):
        raise bad_distribution("nobody joins such a key with a number of its own")
    if sum(weight_of(key, weight) for weight in key.parties) == 0 and not key.open:
        raise bad_distribution("all weights are zero")


def weight_of(key: Doc, weight: Doc) -> int:
    """The number of a party: as stated, or from the table of the key's year."""
    if weight.weight is not None:
        if weight.weight > WEIGHT_MAX:
            raise bad_distribution("a weight is too large")
        return weight.weight
    if key.kind != "koenigstein" or weight.party[0] != 1:
        raise bad_distribution("a weight is missing")
    if key.year != 2016:
        raise Refusal("DISTRIBUTION_YEAR_UNKNOWN", year=key.year)
    return KOENIGSTEIN_2016[weight.party[1]]


def amount_of(items: list[Doc], years: int) -> int:
    """What items cost over a contract."""
    total = 0
    for item in items:
        if item.due == "per-use":
            raise Refusal("QUANTITY_MISSING", field="uses")
        total = cents(total + (item.cents if item.due == "once" else cents(item.cents * years)))
    return total


def distribute(total: int, weights: list[tuple[Any, int]]) -> list[int]:
    """Shares rounded down; the cents left go to the largest remainders, among equal ones to the lower name."""
    whole_weight = sum(weight for _, weight in weights)
    if whole_weight == 0:
        raise bad_distribution("nobody has a weight")
    exact = [divmod(total * weight, whole_weight) for _, weight in weights]
    shares = [share for share, _ in exact]
    left = total - sum(shares)
    order = sorted(range(len(weights)), key=lambda at: (-exact[at][1], weights[at][0], at))
    for at in order[:left]:
        shares[at] += 1
    return [cents(share) for share in shares]


class Buyer:
    """What a price may depend on about the buyer: its admission, and what the request says."""

    def __init__(self, org: str, admission: Optional[Doc], stated: Doc):
        self.org, self.quantities = org, stated
        self.area: Optional[str] = admission.area if admission else None
        self.inhabitants: Optional[int] = admission.inhabitants if admission else None
        land = self.area[:2] if self.area and self.area != "*" else None
        self.land: Optional[Party] = (1, int(land) - 1, "") if land else None

    def is_party(self, who: Party) -> bool:
        """A Land orders under its organisation's name."""
        if who[0] == 1:
            return self.area is not None and len(self.area) == 2 and self.land == who
        return who == (2, 0, self.org)


def quote(items: list[Doc], buyer: Buyer, years: int) -> list[Doc]:
    """Price items with terms become plain amounts; the order: uses, index, split, payers."""
    return [plain for item in items for plain in quote_item(item, buyer, years)]


def quote_item(item: Doc, buyer: Buyer, years: int) -> list[Doc]:
    found = item.terms if item.terms is not None else terms({})
    due, whole_amount = item.due, item.cents
    if due == "per-use":
        counted = [each for each in (buyer.quantities.uses, found.uses_min) if each is not None]
        if not counted:
            raise Refusal("QUANTITY_MISSING", field="uses")
        due, whole_amount = "per-year", cents(item.cents * max(counted))
    split = [(part, weights_in(part.key, buyer)) for part in found.split]
    if split and all(buyers_place(weights, buyer) is None for _, weights in split):
        raise Refusal("NOT_IN_DISTRIBUTION", buyer=buyer.org)
    if found.indexation is None or found.indexation.rate is None:
        return [item.replace(terms=None, due=due, cents=borne(whole_amount, found, split, buyer))]
    plain = []
    for year in range(1, years + 1):
        if year > 1:
            # Half a cent is rounded up.
            whole_amount = cents((whole_amount * (10_000 + found.indexation.rate) + 5_000) // 10_000)
        amount = borne(whole_amount, found, split, buyer)
        plain.append(item.replace(terms=None, due="once", year=year, cents=amount))
    return plain


def weights_in(key: Doc, buyer: Buyer) -> list[tuple[Party, int]]:
    """The parties to a key with their numbers; a buyer that may join has joined."""
    weights = [(weight.party, weight_of(key, weight)) for weight in key.parties]
    if key.open and not any(buyer.is_party(who) for who, _ in weights):
        field = {"inhabitants": "inhabitants", "uses": "uses"}.get(key.kind, "target_group")
        number = buyer.inhabitants if field == "inhabitants" else getattr(buyer.quantities, field)
        if number is None:
            raise Refusal("QUANTITY_MISSING", field=field)
        weights.append(((2, 0, buyer.org), number))
    return weights


def buyers_place(weights: list[tuple[Party, int]], buyer: Buyer) -> Optional[Party]:
    """Who stands for the buyer: itself, else its Land."""
    itself = next((who for who, _ in weights if buyer.is_party(who)), None)
    return itself or next((who for who, _ in weights if who == buyer.land), None)


def borne(whole_amount: int, found: Doc, split: list[tuple[Doc, list[tuple[Party, int]]]], buyer: Buyer) -> int:
    """What the buyer pays of an amount, after the split and after those who pay for it."""
    own = divided(whole_amount, split, buyer) if split else whole_amount
    if not found.payers:
        return own
    weights = [((payer.who is not None, payer.who or ()), payer.share) for payer in found.payers]
    paid = zip(found.payers, distribute(own, weights))
    total = 0
    for payer, share in paid:
        if payer.who is None or buyer.is_party(payer.who):
            total = cents(total + share)
    return total


def divided(whole_amount: int, split: list[tuple[Doc, list[tuple[Party, int]]]], buyer: Buyer) -> int:
    sums: dict[Party, int] = {}
    for amount, (_, weights) in zip(distribute(whole_amount, [(part_order(part), part.share) for part, _ in split]), split):
        for (who, _), share in zip(weights, distribute(amount, weights)):
            sums[who] = cents(sums.get(who, 0) + share)
    own = 0
    for who in sorted(sums):
        if buyer.is_party(who):
            own = cents(own + sums[who])
    return own


def part_order(part: Doc) -> tuple[Any, ...]:
    key = part.key
    weights = [(each.party, each.weight is not None, each.weight or 0) for each in key.parties]
    return (part.share, KEY_KINDS.index(key.kind), key.group, key.year, key.source, weights, key.open)


def shares_of(gathered: Doc, total: int) -> list[int]:
    return distribute(total, [(member.org, member.weight) for member in gathered.members])


# ======================================================================================================================
# The order: its messages in their places, and whether the evidence bears out what was signed (docs/audit-rules.md)
# ======================================================================================================================


class Message:
    """One order message; `holds` if it is signed by whom it must be."""

    def __init__(self, entry: Entry, body: Doc, holds: bool):
        self.entry, self.body, self.holds = entry, body, holds
        self.id, self.kind, self.name = entry.signed.id, entry.signed.kind, entry.name

    def named(self) -> list[bytes]:
        """The messages it names as those it follows."""
        body = self.body
        if self.kind in ("endorse", "accept"):
            return [body.prev] + ([body.decision] if body.decision is not None else [])
        fields = {
            "decision": ["request"],
            "counter": ["prev"],
            "reject": ["request"],
            "decline": ["request"],
            "void": ["request"],
            "recall": ["request"],
            "late-notice": ["message", "void"],
            "confirm": ["seal"],
            "milestone": ["seal"],
            "call-off": ["seal", "mandate"],
        }
        if self.kind == "settlement":
            return [body.seal] + ([body.agrees] if body.agrees is not None else [])
        if self.kind == "mandate":
            return [body.approves] if body.approves is not None else []
        return list(body.chain) if self.kind == "seal" else [getattr(body, field) for field in fields.get(self.kind, [])]


def broken(rule: str) -> Refusal:
    return Refusal("CHAIN_BROKEN", rule=rule)


class Attempt:
    """One attempt: position 0 is the buyer, position n the provider; leg i runs from i-1 to i."""

    def __init__(self, request: Message):
        self.request = request
        self.route = request.body.route
        self.last = len(self.route) - 1
        self.decisions: dict[Any, Message] = {}
        self.endorsements: dict[Any, Message] = {}
        self.counters: dict[Any, Message] = {}
        self.declines: dict[Any, Message] = {}
        self.recalls: dict[Any, Message] = {}
        self.confirmations: dict[Any, Message] = {}
        self.late: dict[Any, Message] = {}
        self.milestones: dict[Any, Message] = {}
        self.settlements: dict[Any, Message] = {}
        self.erasures: dict[Any, Message] = {}
        self.reminders: dict[Any, Message] = {}
        self.acceptance: Optional[Message] = None
        self.seal: Optional[Message] = None
        self.void: Optional[Message] = None

    def position(self, org: str) -> int:
        if org not in self.route:
            raise Refusal("NOT_A_PARTY", org=org)
        return self.route.index(org)

    def place(self, message: Message) -> Optional[bytes]:
        """Puts a message in its place, if it fits; gives the id of another one that holds that place."""
        body, request = message.body, self.request.body
        if (body.order, body.attempt) != (request.order, request.attempt):
            raise broken("other order or attempt")
        return getattr(self, "place_" + message.kind.replace("-", "_"), self.place_other)(message, body)

    def place_other(self, message: Message, _body: Doc) -> Optional[bytes]:
        raise broken(f"{message.kind} has no place")

    def place_request(self, message: Message, _body: Doc) -> Optional[bytes]:
        return None if message.id == self.request.id else self.request.id

    def place_decision(self, message: Message, body: Doc) -> Optional[bytes]:
        self.position(body.org)
        self.about_request(body.request)
        if body.leg is not None:
            own = body.leg.from_ if body.org == self.request.body.buyer else body.leg.to
            if own != body.org:
                raise broken("decided on another's leg")
        return put(self.decisions, body.org, message)

    def place_endorse(self, message: Message, body: Doc) -> Optional[bytes]:
        at = self.hop(body.from_)
        self.follows(body.prev, self.before(at))
        self.check_leg(body.leg, at)
        self.check_decided(body.from_, body.decision)
        return put(self.endorsements, at, message)

    def place_accept(self, message: Message, body: Doc) -> Optional[bytes]:
        at = self.position(body.from_)
        if at != self.last:
            raise broken("only the provider accepts")
        self.follows(body.prev, self.before(at))
        self.check_leg(body.leg, at)
        self.check_decided(body.from_, body.decision)
        self.check_binding(body.binds_until)
        amount_of(body.components, self.request.body.term_years)
        if self.acceptance:
            return None if self.acceptance.id == message.id else self.acceptance.id
        self.acceptance = message
        return None

    def place_counter(self, message: Message, body: Doc) -> Optional[bytes]:
        at = self.hop(body.from_)
        behind = self.acceptance if at + 1 == self.last else self.counters.get(at + 1)
        self.follows(body.prev, behind.id if behind else None)
        if at not in self.endorsements:
            raise broken("a hop endorses before it offers")
        self.check_binding(body.binds_until)
        amount_of(body.components, self.request.body.term_years)
        return put(self.counters, at, message)

    def place_decline(self, message: Message, body: Doc) -> Optional[bytes]:
        at = self.position(body.from_)
        self.about_request(body.request)
        if at == 0 or message.kind != ("reject" if at == self.last else "decline"):
            raise broken("hops decline, the provider rejects")
        return put(self.declines, at, message)

    place_reject = place_decline

    def place_seal(self, message: Message, body: Doc) -> Optional[bytes]:
        self.check_seal(body)
        if self.void:
            return self.void.id
        if self.seal:
            return None if self.seal.id == message.id else self.seal.id
        self.seal = message
        return None

    def place_void(self, message: Message, body: Doc) -> Optional[bytes]:
        self.about_request(body.request)
        self.by_buyer(body.buyer)
        if self.seal:
            return self.seal.id
        if self.void:
            return None if self.void.id == message.id else self.void.id
        self.void = message
        return None

    def place_recall(self, message: Message, body: Doc) -> Optional[bytes]:
        at = self.position(body.from_)
        self.about_request(body.request)
        if at == 0:
            raise broken("the buyer cancels")
        return put(self.recalls, at, message)

    def place_late_notice(self, message: Message, body: Doc) -> Optional[bytes]:
        self.by_buyer(body.buyer)
        self.position(body.to)
        if self.void and self.void.id != body.void:
            raise broken("another void")
        return put(self.late, body.message, message)

    def place_confirm(self, message: Message, body: Doc) -> Optional[bytes]:
        at = self.position(body.from_)
        self.follows_seal(body.seal)
        if at == 0:
            raise broken("the buyer has sealed")
        return put(self.confirmations, at, message)

    def place_milestone(self, message: Message, body: Doc) -> Optional[bytes]:
        at = self.position(body.from_)
        self.follows_seal(body.seal)
        what = body.event.what
        if what in ("productive", "terminated") and at not in (0, self.last):
            raise Refusal("ORDER_STATE", rule="said by the buyer or the provider")
        if (what == "closed" or (what == "connected" and body.event.item == "acceptance")) and at != 0:
            raise Refusal("ORDER_STATE", rule="said by the buyer")
        return put(self.milestones, (body.from_, body.number), message)

    def place_settlement(self, message: Message, body: Doc) -> Optional[bytes]:
        self.position(body.from_)
        self.position(body.to)
        self.follows_seal(body.seal)
        if body.holds is not None and body.holds not in [body.seal] + list(self.seal.body.chain):
            raise Refusal("SETTLEMENT_AGAINST_SEAL", holds=body.holds.hex())
        if body.agrees is not None:
            proposal = next((said for said in self.settlements.values() if said.id == body.agrees), None)
            if proposal is None:
                raise broken("the proposal is missing")
            first = proposal.body
            same = list(body.about) == list(first.about) and (body.holds, body.terms) == (first.holds, first.terms)
            if first.agrees is not None or (body.from_, body.to) != (first.to, first.from_) or not same:
                raise broken("agrees to something else than was proposed")
        return put(self.settlements, (body.from_, body.number), message)

    def place_erasure(self, message: Message, body: Doc) -> Optional[bytes]:
        self.position(body.from_)
        if self.seal is None and self.void is None:
            raise broken("follows the end")
        return put(self.erasures, (body.from_, body.number), message)

    def place_reminder(self, message: Message, body: Doc) -> Optional[bytes]:
        self.position(body.org)
        return put(self.reminders, (body.org, body.due), message)

    # ---- rules ----

    def hop(self, org: str) -> int:
        at = self.position(org)
        if at in (0, self.last):
            raise broken("only hops do that")
        return at

    def about_request(self, request: bytes) -> None:
        if request != self.request.id:
            raise broken("about another request")

    def follows_seal(self, named: bytes) -> None:
        if not self.seal or self.seal.id != named:
            raise broken("follows the seal")

    def by_buyer(self, org: str) -> None:
        if org != self.request.body.buyer:
            raise Refusal("NOT_A_PARTY", org=org)

    def before(self, at: int) -> Optional[bytes]:
        """The message that the one of a position follows on the way down."""
        if at == 1:
            return self.request.id
        before = self.endorsements.get(at - 1)
        return before.id if before else None

    def follows(self, named: bytes, known: Optional[bytes]) -> None:
        if named != known:
            raise broken("another predecessor, or none")

    def check_leg(self, leg: Doc, at: int) -> None:
        if (leg.from_, leg.to, leg.as_of) != (self.route[at - 1], self.route[at], self.request.body.as_of):
            raise broken("judged another leg or day")
        if leg.verdict == "not-fulfilled":
            raise Refusal("LEG_NOT_FULFILLED", leg=f"{leg.from_} → {leg.to}")

    def check_decided(self, org: str, named: Optional[bytes]) -> None:
        if named is None:
            return
        decision = self.decisions.get(org)
        if not decision or decision.id != named or not decision.body.approve:
            raise broken("the decision named is missing or says no")

    def check_binding(self, until: int) -> None:
        if until < self.request.body.seal_by:
            raise Refusal("DEADLINE_INVALID")

    def chain(self) -> list[bytes]:
        """Request, endorsements down, acceptance, offers up; refused while one is missing."""
        messages: list[Optional[Message]] = [self.request]
        messages += [self.endorsements.get(at) for at in range(1, self.last)]
        messages += [self.acceptance]
        messages += [self.counters.get(at) for at in range(self.last - 1, 0, -1)]
        if None in messages:
            raise Refusal("CHAIN_INCOMPLETE")
        return [message.id for message in messages if message]

    def total(self) -> int:
        years, total = self.request.body.term_years, 0
        charging = ([self.acceptance] if self.acceptance else []) + list(self.counters.values())
        amounts = [amount_of(message.body.components, years) for message in charging]
        for amount in amounts:
            total = cents(total + amount)
        return total

    def offer(self) -> int:
        """What the whole chain costs, within the request's cap."""
        self.chain()
        total = self.total()
        if total > self.request.body.total_max:
            raise Refusal("PRICE_TOO_HIGH", total=total)
        return total

    def leg_findings(self) -> list[Doc]:
        endorsed = [self.endorsements[at].body.leg for at in sorted(self.endorsements)]
        return endorsed + ([self.acceptance.body.leg] if self.acceptance else [])

    def check_seal(self, seal: Doc) -> None:
        self.by_buyer(seal.buyer)
        known = [self.request, *self.endorsements.values(), *self.counters.values()]
        known += [self.acceptance] if self.acceptance else []
        if any(message.id not in seal.chain for message in known):
            raise broken("the seal leaves out a message")
        if self.request.body.mode != "binding":
            raise Refusal("ORDER_STATE", rule="an interest cannot be sealed")
        try:
            chain = self.chain()
        except Refusal:
            return
        if chain != seal.chain:
            raise broken("the seal names another chain")
        if self.total() != seal.total:
            raise Refusal("PRICE_MISMATCH", sealed=seal.total)
        self.offer()
        self.check_leave(seal)

    def check_leave(self, seal: Doc) -> None:
        """A seal without an officer needs the request's leave, and every leg fulfilled."""
        if seal.officer is not None:
            return
        if seal.agreed:
            raise Refusal("PRICE_NOT_AGREED", rule="only an officer agrees to a price freely")
        leave = self.request.body.auto_seal
        if leave is None:
            raise Refusal("SIGNER_WRONG", rule="the request gives no leave to seal without an officer")
        for leg in self.leg_findings():
            proven = leg.verdict == "fulfilled" and not leg.assumed
            if leg.verdict not in ("fulfilled", "contested") or not (proven or leave.accept_assumed):
                raise Refusal("SIGNER_WRONG", rule="not every leg is fulfilled")


def put(places: dict[Any, Message], key: Any, message: Message) -> Optional[bytes]:
    known = places.setdefault(key, message)
    return None if known.id == message.id else known.id


def request_in(entries: list[Entry]) -> Optional[Doc]:
    """The request as it lies in the bundle; the leaf of a seal or void depends on it."""
    for entry in entries:
        if entry.section == "order" and entry.signed.kind == "request":
            try:
                return entry.signed.body()
            except Refusal:
                continue
    return None


def sold_in(entries: list[Entry]) -> set[bytes]:
    """The offering and the tariffs that the order's messages name."""
    sold: set[bytes] = set()
    for entry in entries:
        field = {"request": "offering", "call-off": "offering", "counter": "tariff"}.get(entry.signed.kind)
        if entry.section == "order" and field:
            try:
                sold |= {getattr(entry.signed.body(), field)} - {None}
            except Refusal:
                continue
    return sold


def examine_order(entries: list[Entry], logs: Logs, chronicle: Chronicle, book: Book) -> dict[str, Any]:
    """Examines the messages, the receipts, and what they rest on."""
    messages = judge_messages(entries, logs, book)
    check_positions(messages, book)
    receipts = check_receipts(entries, messages, logs, book)
    request = request_in(entries)
    if request is None:
        if any(message.kind == "call-off" for message in messages) and all(
            message.kind in ("call-off", "mandate") for message in messages
        ):
            return examine_part(messages, logs, chronicle, book)
        book.refuse("CHAIN", "order", Refusal("EVIDENCE_MISSING", kind="request"))
        return {}
    attempt = place_all(messages, book)
    ending = check_outcome(messages, attempt, request, book)
    if ending != "SEALED":
        # An attempt without a contract may have ended before anyone offered, judged or approved anything.
        for check in ("PRICE", "LEGS", "OFFICERS"):
            book.spare(check)
    check_ordered(request, attempt, logs, chronicle, book)
    check_frozen(messages, request, chronicle, book)
    check_times(messages, attempt, request, chronicle, book)
    legs: list[dict[str, Any]] = []
    if attempt:
        check_price(attempt, logs, chronicle, book)
        check_call_offs(messages, attempt, book)
        check_mandates(messages, logs, chronicle, book)
        check_officers(attempt, logs, chronicle, book)
        check_endings(attempt, receipts, chronicle, book)
        tell_settlements(attempt, book)
        legs = check_legs(attempt, messages, entries, logs, chronicle, book)
    total = attempt.seal.body.total if attempt and attempt.seal else None
    return {
        "order": request.order.hex(),
        "attempt": request.attempt,
        "parties": request.route,
        "ending": ending,
        "total_cents": total,
        "legs": legs,
        "attempt placed": attempt,
    }


def examine_part(messages: list[Message], logs: Logs, chronicle: Chronicle, book: Book) -> dict[str, Any]:
    """A member's own part of an order for several, as far as it shows itself that it holds."""
    message = next(message for message in messages if message.kind == "call-off")
    part, present = message.body, {other.id for other in messages}
    book.ok("CHAIN")
    for other in messages:
        for named in other.named():
            if named != part.seal and named not in present:
                book.refuse("CHAIN", other.name, Refusal("CHAIN_INCOMPLETE", missing=named.hex()))
        foreign = other.id != message.id if other.kind == "call-off" else other.body.org != part.to
        if foreign:
            book.refuse("CHAIN", other.name, Refusal("NOT_A_PARTY"))
    if message.holds:
        book.ok("OUTCOME")
    else:
        book.refuse("OUTCOME", message.name, Refusal("EVIDENCE_MISSING", kind="call-off"))
    book.spare("TIMES")

    def require_share() -> None:
        if abs(part.share * part.weights - part.total * part.weight) >= part.weights:
            raise Refusal("PRICE_MISMATCH", sealed=part.share)

    book.judge("PRICE", message.name, require_share)
    found = logs.public.get(part.offering)
    if found is None:
        book.refuse("OFFERING", "facts", Refusal("OFFERING_UNKNOWN"))
    elif found[1] != "offering":
        book.refuse("OFFERING", "facts", Refusal("STATEMENT_MALFORMED", kind="offering"))
    else:
        offering = found[2]

        def require_sold() -> None:
            if offering.seller != part.provider:
                raise Refusal("ROUTE_INVALID", provider=part.provider)
            if part.term_years < offering.term_years_min:
                raise Refusal("FIELD_INVALID", field="term_years")

        book.judge("OFFERING", found[0], require_sold)
    check_mandates(messages, logs, chronicle, book)
    legs: list[dict[str, Any]] = []
    pack = logs.public.get(part.rule_pack)
    if pack is None or pack[1] != "rule-pack":
        book.refuse("LEGS", "facts", Refusal("RULE_PACK_UNKNOWN"))
    else:
        began = part.procedure_began

        def require_pack() -> None:
            if began < pack[2].valid_from or (pack[2].valid_to is not None and began > pack[2].valid_to):
                raise Refusal("RULE_PACK_NOT_IN_FORCE")

        def require_own() -> None:
            if (part.leg.from_, part.leg.to) != (part.to, part.from_):
                raise broken("judged another leg or day")

        book.judge("LEGS", message.name, require_pack)
        book.judge("LEGS", message.name, require_own)
        # The request is not here; that it changes a contract follows from what the finding claims to rest on.
        is_change = part.leg.basis == "modification"
        known_on = day_of(part.signed_at)
        ground = Ground(pack[2], began, part.award, part.provider, known_on, begins(began), is_change)
        legs.append(check_finding(ground, message, chronicle.seen(message.id), logs, chronicle, book))
    return {
        "order": part.order.hex(),
        "attempt": part.attempt,
        "parties": [part.to, part.from_],
        "ending": "CALLED_OFF",
        "total_cents": part.share,
        "legs": legs,
    }


def is_complete(attempt: Attempt) -> bool:
    try:
        attempt.chain()
    except Refusal:
        return False
    return True


def judge_messages(entries: list[Entry], logs: Logs, book: Book) -> list[Message]:
    messages = []
    for entry in entries:
        if entry.section != "order":
            continue
        if entry.signed.kind not in MESSAGES:
            book.refuse("CHAIN", entry.name, broken("no message of an order"))
            continue
        holds = logs.judge(entry, book) is not None
        try:
            messages.append(Message(entry, entry.signed.body(), holds))
        except Refusal:
            continue  # It has been booked as refused just now.
    return messages


def check_positions(messages: list[Message], book: Book) -> None:
    """In one log, what is named stands before what names it."""
    places = {message.id: message.entry.place for message in messages if message.entry.place}
    for message in messages:
        if not message.entry.place:
            continue
        origin, index = message.entry.place
        for named in message.named():
            if named in places and places[named][0] == origin and places[named][1] >= index:
                book.refuse("POSITION", message.name, broken("stands before what it names"))


def place_all(messages: list[Message], book: Book) -> Optional[Attempt]:
    """Puts every message in its place. What is missing or wrong makes what follows it impossible to check."""
    present = {message.id for message in messages}
    gaps = any(not message.holds for message in messages)
    for message in messages:
        for named in message.named():
            if named not in present:
                gaps = True
                book.refuse("CHAIN", message.name, Refusal("CHAIN_INCOMPLETE", missing=named.hex()))
    first = next((message for message in messages if message.kind == "request" and message.holds), None)
    if first is None:
        return None
    book.ok("CHAIN")
    attempt = Attempt(first)
    for message in messages:
        if message.kind in ("call-off", "mandate") or message is first or not message.holds:
            continue
        try:
            other = attempt.place(message)
        except Refusal as refusal:
            check = PLACED_AS.get(refusal.reason, "CHAIN")
            ruling = NOT_CHECKABLE if gaps and check == "CHAIN" else refusal.ruling()
            book.note(check, message.name, ruling, refusal)
            gaps = True
            continue
        if other is None:
            book.ok("CHAIN")
        else:
            book.refuse("CHAIN", message.name, Refusal("ORDER_DISPUTED", other=other.hex()))
    return attempt


PLACED_AS = {
    "PRICE_MISMATCH": "PRICE",
    "PRICE_TOO_HIGH": "PRICE",
    "MONEY_INVALID": "PRICE",
    "LEG_NOT_FULFILLED": "LEGS",
    "DEADLINE_INVALID": "TIMES",
    "SIGNER_WRONG": "OFFICERS",
}


def check_outcome(messages: list[Message], attempt: Optional[Attempt], request: Doc, book: Book) -> str:
    """Exactly one seal or void, in its place; a seal closes a complete chain."""
    seals = sum(message.kind == "seal" for message in messages)
    void = next((message.body.reason for message in messages if message.kind == "void"), None)
    placed = attempt is not None and (attempt.seal or attempt.void) is not None
    if seals == 0 and void is None:
        if request.mode == "interest":
            book.spare("OUTCOME")
        else:
            book.refuse("OUTCOME", "order", Refusal("CHAIN_INCOMPLETE"))
    elif seals and void is not None:
        book.refuse("OUTCOME", "order", Refusal("ORDER_DISPUTED"))
    elif not placed:
        book.refuse("OUTCOME", "order", Refusal("EVIDENCE_MISSING"))
    elif seals and attempt and not is_complete(attempt):
        book.refuse("OUTCOME", "order", Refusal("CHAIN_INCOMPLETE"))
    else:
        book.ok("OUTCOME")
    if seals:
        return "SEALED"
    return "OPEN" if void is None else "VOID_" + void.upper().replace("-", "_")


def buyer_of(request: Doc, attempt: Optional[Attempt], logs: Logs, chronicle: Chronicle) -> Buyer:
    """By its newest admission that did not come after the request; by the first one if all did."""
    asked = attempt.request.id if attempt else b""
    known = [(id, body) for id, (_, kind, body) in logs.public.items() if kind == "admission" and body.org == request.buyer]
    stood = [body for id, body in known if chronicle.is_before(asked, id) is not True]
    first = min((body for _, body in known), key=lambda body: body.number, default=None)
    admission = max(stood, key=lambda body: body.number, default=first)
    return Buyer(request.buyer, admission, request.quantities)


def check_ordered(
    request: Doc, attempt: Optional[Attempt], logs: Logs, chronicle: Chronicle, book: Book
) -> None:
    """The offering is the version pinned, sold by the provider, orderable on the day, and on offer at the acceptance."""
    found = logs.public.get(request.offering)
    if found is None:
        return book.refuse("OFFERING", "facts", Refusal("OFFERING_UNKNOWN"))
    member, kind, offering = found
    if kind != "offering":
        return book.refuse("OFFERING", "facts", Refusal("STATEMENT_MALFORMED", kind="offering"))
    buyer, on = buyer_of(request, attempt, logs, chronicle), day_of(request.signed_at)
    ends = offering.valid_to
    covers = any(place == "*" or (buyer.area or "").startswith(place) for place in offering.coverage)
    against = [
        reason
        for reason, holds in (
            ("ROUTE_INVALID", offering.seller == request.route[-1]),
            ("OFFERING_EXPIRED", offering.valid_from <= on and (ends is None or on <= ends)),
            ("FIELD_INVALID", request.term_years >= offering.term_years_min),
            ("OFFERING_NOT_COVERING", buyer.area is None or covers),
        )
        if not holds
    ]
    for reason in against:
        book.refuse("OFFERING", member, Refusal(reason))
    if not against:
        book.ok("OFFERING")
    if attempt and attempt.acceptance:
        accepted = attempt.acceptance.id
        book.judge("OFFERING", member, lambda: require_on_offer(request, offering, accepted, logs, chronicle))
    return None


def require_on_offer(request: Doc, pinned: Doc, accepted: bytes, logs: Logs, chronicle: Chronicle) -> None:
    """Nothing said before the acceptance, or that may have been, takes the version off the market."""
    for statement, (_, kind, body) in sorted(logs.public.items()):
        if kind not in ("withdrawal", "offering") or (body.seller, body.name) != (pinned.seller, pinned.name):
            continue
        if chronicle.is_before(statement, accepted) is False:
            continue
        if kind == "withdrawal" and body.version >= pinned.version:
            raise Refusal("OFFERING_WITHDRAWN", offering=pinned.name)
        if kind == "offering" and body.version > pinned.version and request.amends is None:
            raise Refusal("OFFERING_SUPERSEDED", offering=pinned.name, newest=body.version)


def check_frozen(messages: list[Message], request: Doc, chronicle: Chronicle, book: Book) -> None:
    """A frozen search that the request names rests on what could be known when it was frozen."""
    selection = request.grounds.selection if request.grounds is not None else None
    place = chronicle.places.get(request.offering)
    if selection is not None and place is not None:
        asked = next((message.id for message in messages if message.kind == "request"), b"")
        book.judge("OFFERING", "request", lambda: require_founded(selection, place, asked, chronicle))


def require_founded(selection: Doc, place: tuple[Origin, int], asked: bytes, chronicle: Chronicle) -> None:
    """Its offering lay within what was known, witnesses had not seen the request before, and the logs have these roots."""
    log, index = place
    if not any(known.log == log and index < known.size for known in selection.known):
        raise Refusal("SELECTION_UNFOUNDED", rule="the offering was not known yet")
    requested = chronicle.seen(asked)
    if requested is not None and requested + WITNESSING_MS < selection.frozen_at:
        raise Refusal("SELECTION_UNFOUNDED", rule="frozen after the request")
    for known in selection.known:
        if chronicle.roots.get((known.log, known.size), known.root) != known.root:
            raise Refusal("SELECTION_UNFOUNDED", rule="another root")


def check_price(attempt: Attempt, logs: Logs, chronicle: Chronicle, book: Book) -> None:
    """The offers add up within the cap, and everyone charges what it has published or what the seal agrees to."""
    request, seal = attempt.request.body, attempt.seal
    for at in sorted(attempt.counters):
        counter = attempt.counters[at].body
        book.judge("PRICE", counter.from_, lambda: require_own_tariff(counter, logs))
    if seal is None:
        return
    if is_complete(attempt):
        book.judge("PRICE", "order", attempt.offer)
    buyer = buyer_of(request, attempt, logs, chronicle)
    charges: list[tuple[Doc, Optional[list[Doc]]]] = []
    if attempt.acceptance:
        found = logs.public.get(request.offering)
        charges.append((attempt.acceptance.body, found[2].price if found and found[1] == "offering" else None))
    for counter_message in attempt.counters.values():
        charges.append((counter_message.body, tariff_in_force(counter_message, logs, chronicle)))
    free = {
        offer.from_ for offer, listed in charges if is_free(offer.components, listed, buyer, request.term_years)
    }

    def rule() -> None:
        for org in sorted(free - set(seal.body.agreed)):
            raise Refusal("PRICE_NOT_AGREED", org=org)

    book.judge("PRICE", "seal", rule)
    for org in sorted(free):
        book.note("PRICE", org, VALID, Refusal("PRICE_FREELY_AGREED", org=org))


def require_own_tariff(counter: Doc, logs: Logs) -> None:
    """A tariff that is named lies in the bundle and is the hop's own."""
    if counter.tariff is None:
        return
    found = logs.public.get(counter.tariff)
    if found is None:
        raise Refusal("EVIDENCE_MISSING", tariff=counter.tariff.hex())
    if found[1] != "tariff" or found[2].org != counter.from_:
        raise broken("names another's tariff")


def tariff_in_force(counter: Message, logs: Logs, chronicle: Chronicle) -> Optional[list[Doc]]:
    """The items of the hop's newest tariff at its offer, if the offer names that one. Of two of one version the lower id."""
    known = [
        (-body.version, statement, body.fee)
        for statement, (_, kind, body) in logs.public.items()
        if kind == "tariff" and body.org == counter.body.from_ and chronicle.is_before(statement, counter.id)
    ]
    if not known:
        return None
    _, newest, fee = min(known, key=lambda each: each[:2])
    return fee if counter.body.tariff == newest else None


def is_free(charged: list[Doc], listed: Optional[list[Doc]], buyer: Buyer, years: int) -> bool:
    """Whether a price follows from nothing published. Who charges nothing needs no list."""
    try:
        if listed is not None and quote(listed, buyer, years) == charged:
            return False
    except Refusal:
        pass
    try:
        return amount_of(charged, years) != 0
    except Refusal:
        return True


def check_call_offs(messages: list[Message], attempt: Attempt, book: Book) -> None:
    """Every member of an order for several got its part, and the parts are the order's."""
    request, seal = attempt.request.body, attempt.seal
    gathered = request.bundle
    members = {member.org for member in gathered.members} if gathered else set()
    for message in messages:
        if message.kind != "call-off" or not message.holds:
            continue
        body = message.body

        def rule() -> None:
            if seal is None:
                raise Refusal("CHAIN_INCOMPLETE", missing="seal")
            if gathered is None:
                raise broken("an order for one buyer only")
            shares = dict(zip((member.org for member in gathered.members), shares_of(gathered, seal.body.total)))
            member = next((member for member in gathered.members if member.org == body.to), None)
            if member is None:
                raise broken("not a member of the order")
            stated = (body.seal, body.from_, body.offering, body.provider, body.term_years, body.total)
            sealed = (seal.id, request.buyer, request.offering, request.route[-1], request.term_years, seal.body.total)
            if stated != sealed:
                raise broken("other terms than the order's")
            weights = sum(each.weight for each in gathered.members)
            if (body.need, body.key, body.weight, body.weights) != (member.need, gathered.key, member.weight, weights):
                raise broken("another key than the order's")
            law = (request.rule_pack, procedure_day(request), request.award)
            if (body.rule_pack, body.procedure_began, body.award) != law:
                raise broken("another law than the order's")
            if body.share != shares[body.to]:
                raise Refusal("PRICE_MISMATCH")

        members.discard(body.to)
        book.judge("PRICE", message.name, rule)
    for member in sorted(members) if seal else []:
        book.refuse("PRICE", "order", Refusal("EVIDENCE_MISSING", kind="call-off", org=member))


def grant_of(org: str, message: Message, logs: Logs, chronicle: Chronicle) -> Any:
    """The officer's grant as the log knows it in which the statement stands: the organisation may have moved since."""
    place = chronicle.places.get(message.id)
    origin = place[0] if place else logs.homes.get(org)
    log = logs.logs.get(origin) if origin else None
    standing = log.keys.get(next(iter(message.entry.signed.signatures))) if log else None
    return standing.grant if standing and standing.grant and standing.grant.org == org else None


def check_mandates(messages: list[Message], logs: Logs, chronicle: Chronicle, book: Book) -> None:
    """Every call-off stands under a mandate that covers it and was given."""
    mandates = [message for message in messages if message.kind == "mandate" and message.holds]

    def suffices(mandate: Message, role: str) -> bool:
        body = mandate.body
        grant = grant_of(body.org, mandate, logs, chronicle)
        if grant is None or role not in grant.roles:
            return False
        return body.cap <= min(grant.limit, CENTS_MAX if grant.limit_per_year is None else grant.limit_per_year)

    def require_given(mandate: Message, call_off: bytes) -> None:
        if suffices(mandate, "buyer"):
            return
        body = mandate.body

        def terms(of: Doc) -> tuple[Any, ...]:
            return (of.attempt, of.org, of.to, of.need, of.cap, of.until)

        # What was approved only after the call-off did not stand behind it.
        approvals = [
            other
            for other in mandates
            if other.body.approves == mandate.id and terms(other.body) == terms(body)
            and chronicle.is_before(call_off, other.id) is not True
        ]
        colleagues = [other for other in approvals if other.body.officer != body.officer]
        if approvals and not colleagues:
            raise Refusal("SAME_OFFICER", officer=body.officer)
        if not any(suffices(other, "approver") for other in colleagues):
            raise Refusal("GRANT_LIMIT_EXCEEDED", officer=body.officer)

    for message in messages:
        if message.kind != "call-off" or not message.holds:
            continue
        part = message.body
        seen = chronicle.seen(message.id)

        def rule() -> None:
            mandate = next((other for other in mandates if other.id == part.mandate), None)
            if mandate is None:
                raise Refusal("EVIDENCE_MISSING", kind="mandate", org=part.to)
            body = mandate.body
            if (body.org, body.to, body.need) != (part.to, part.from_, part.need):
                raise Refusal("MANDATE_FOREIGN", to=body.to)
            days = [day_of(part.signed_at)] + ([day_of(seen - WITNESSING_MS)] if seen is not None else [])
            for on in days:
                if on > body.until:
                    raise Refusal("MANDATE_EXPIRED", until=str(body.until))
                if part.share > body.cap:
                    raise Refusal("MANDATE_EXCEEDED", cap=body.cap, share=part.share)
            require_given(mandate, message.id)

        book.judge("OFFICERS", message.name, rule)


def check_officers(attempt: Attempt, logs: Logs, chronicle: Chronicle, book: Book) -> None:
    """The request is within its officer's limits, or a second officer has approved before the seal."""
    if attempt.seal is None and not attempt.endorsements and attempt.acceptance is None:
        return None
    request = attempt.request.body

    def suffices(message: Message) -> bool:
        grant = grant_of(request.buyer, message, logs, chronicle)
        if grant is None:
            return False
        return request.total_max <= min(grant.limit, CENTS_MAX if grant.limit_per_year is None else grant.limit_per_year)

    if suffices(attempt.request):
        return book.ok("OFFICERS")

    def rule() -> None:
        decision = attempt.decisions.get(request.buyer)
        if decision is None:
            raise Refusal("GRANT_LIMIT_EXCEEDED", officer=request.officer)
        by, leg = decision.body.officer, decision.body.leg
        if not decision.body.approve:
            raise Refusal("DECISION_NO", officer=by)
        if by == request.officer:
            raise Refusal("SAME_OFFICER", officer=by)
        if leg is None:
            raise Refusal("FIELD_INVALID", field="leg")
        if leg.verdict not in ("fulfilled", "contested"):
            raise Refusal({"not-proven": "LEG_NOT_PROVEN", "not-fulfilled": "LEG_NOT_FULFILLED"}[leg.verdict])
        if not suffices(decision):
            raise Refusal("GRANT_LIMIT_EXCEEDED", officer=by)
        if attempt.seal and chronicle.is_before(decision.id, attempt.seal.id) is not True:
            raise Refusal("APPROVAL_LATE", officer=by)

    book.judge("OFFICERS", request.buyer, rule)
    return None


def check_endings(attempt: Attempt, receipts: list[Doc], chronicle: Chronicle, book: Book) -> None:
    """No recall, decline or rejection reached the buyer before it wrote the seal, by its log or by its receipt."""
    place = chronicle.places.get(attempt.seal.id) if attempt.seal else None
    if place is None:
        return
    (origin, sealed), buyer = place, attempt.request.body.buyer
    held = {
        receipt.message
        for receipt in receipts
        if receipt.from_ == buyer and receipt.log == origin and receipt.size <= sealed
    }

    def came_first(statement: bytes) -> bool:
        log, at = chronicle.places.get(statement, (None, 0))
        return statement in held or (log == origin and at < sealed)

    def rule() -> None:
        for said, reason in ((attempt.recalls, "ORDER_RECALLED"), (attempt.declines, "ORDER_DECLINED")):
            for at in sorted(said):
                if came_first(said[at].id):
                    raise Refusal(reason, org=said[at].body.from_)

    book.judge("OUTCOME", "seal", rule)


def tell_settlements(attempt: Attempt, book: Book) -> None:
    """A remark for each proposal: settled by both, or not at all."""
    agreed = {said.body.agrees for said in attempt.settlements.values()}
    for proposal in attempt.settlements.values():
        if proposal.body.agrees is None:
            reason = "CONTRADICTION_SETTLED" if proposal.id in agreed else "SETTLEMENT_NOT_AGREED"
            book.note("OUTCOME", proposal.name, VALID, Refusal(reason, org=proposal.body.from_))


class Ground(NamedTuple):
    """By what legs are judged again."""

    pack: Doc
    began: datetime.date
    award: str
    provider: str
    known_on: datetime.date
    # When the order was asked for: corrections seen by then count.
    requested: Optional[int]
    # Whether a contract in force is changed.
    is_change: bool


def begins(on: datetime.date) -> int:
    """The time at which a day begins in Germany."""
    midnight = (on - EPOCH.date()).days * DAY_MS
    return midnight - next((hours for hours in (2, 1) if day_of(midnight - hours * 3_600_000) == on), 1) * 3_600_000


def corrected_by(kind: str, body: Doc) -> Optional[bytes]:
    return body.corrects if kind in ("membership", "entity-facts") else None


def check_legs(
    attempt: Attempt, messages: list[Message], entries: list[Entry], logs: Logs, chronicle: Chronicle, book: Book
) -> list[dict[str, Any]]:
    """Judges every leg again by the evidence it names, compares the result with what was signed, and gives the results."""
    request = attempt.request.body
    found = logs.public.get(request.rule_pack)
    legs: list[dict[str, Any]] = []
    if found is None or found[1] != "rule-pack":
        book.refuse("LEGS", "facts", Refusal("RULE_PACK_UNKNOWN"))
        return legs
    book.judge("LEGS", "request", lambda: require_pack_in_force(attempt, entries, logs, chronicle))
    ground = Ground(
        found[2],
        procedure_day(request),
        request.award,
        request.route[-1],
        day_of(request.signed_at),
        chronicle.seen(attempt.request.id),
        request.amends is not None and request.amends.what == "change",
    )
    sealed = chronicle.seen(attempt.seal.id) if attempt.seal else None
    for message in messages:
        if message.holds and message.kind in ("endorse", "accept", "call-off"):
            until = chronicle.seen(message.id) if message.kind == "call-off" else sealed
            legs.append(check_finding(ground, message, until, logs, chronicle, book))
    for statement, (member, kind, body) in logs.public.items():
        seen = chronicle.seen(statement)
        if corrected_by(kind, body) and sealed is not None and seen is not None and seen > sealed:
            book.note("LEGS", member, VALID, Refusal("FACT_LATER", fact=statement.hex()))
    return legs


def check_finding(
    ground: Ground, message: Message, until: Optional[int], logs: Logs, chronicle: Chronicle, book: Book
) -> dict[str, Any]:
    """Judges one leg again and compares the result with what was signed."""
    leg = message.body.leg

    def is_ground(statement: bytes, kind: str, body: Doc) -> bool:
        """Named, or a correction of what is named that was known when the order was asked for."""
        if statement in leg.evidence:
            return True
        at = chronicle.seen(statement)
        was_known = at is not None and ground.requested is not None and at <= ground.requested
        return was_known and corrected_by(kind, body) in leg.evidence

    base = FactBase(
        {
            statement: (member, kind, body)
            for statement, (member, kind, body) in logs.public.items()
            if is_ground(statement, kind, body)
        }
    )
    is_last = leg.to == ground.provider
    law = (ground.began, ground.award, is_last, ground.is_change)
    court = Court(base, ground.pack, leg.as_of, ground.known_on, *law)
    judged = court.judge(leg.from_, leg.to)
    try:
        require_evidence(leg, until, logs, chronicle)
    except Refusal as refusal:
        book.refuse("LEGS", message.name, refusal)
    else:
        try:
            compare_legs(leg, judged)
        except Refusal as refusal:
            # A signed finding that the facts do not bear out is wrong, whatever the word for the leg itself.
            differs = VERDICTS[judged.verdict] != leg.verdict
            book.note("LEGS", message.name, INVALID if differs else refusal.ruling(), refusal)
        else:
            book.ok("LEGS")
    return {
        "from": leg.from_,
        "to": leg.to,
        "verdict": VERDICTS[judged.verdict],
        "basis": judged.basis,
        "assumed": judged.assumed,
    }


def require_evidence(leg: Doc, until: Optional[int], logs: Logs, chronicle: Chronicle) -> None:
    """All evidence named lies in the bundle, and witnesses had seen it by then, or soon after."""
    for fact in leg.evidence:
        if fact not in logs.public or logs.public[fact][1] not in ("membership", "entity-facts"):
            raise Refusal("EVIDENCE_MISSING", fact=fact.hex())
        seen = chronicle.seen(fact)
        if seen is not None and until is not None and seen > until + WITNESSING_MS:
            raise Refusal("EVIDENCE_LATER", fact=fact.hex())


def require_pack_in_force(attempt: Attempt, entries: list[Entry], logs: Logs, chronicle: Chronicle) -> None:
    """Of the packs that the buyer's log held before the request, and the one named, that is the one for the procedure."""
    request, place = attempt.request.body, chronicle.places.get(attempt.request.id)
    if place is None:
        return
    held = {request.rule_pack} | {
        entry.signed.id
        for entry in entries
        if entry.signed.kind == "rule-pack" and entry.place and entry.place[0] == place[0] and entry.index() < place[1]
    }
    packs = [(logs.public[at][2], at) for at in held if at in logs.public and logs.public[at][1] == "rule-pack"]
    on = procedure_day(request)
    meant = [
        (pack.valid_from, pack.name, at)
        for pack, at in packs
        if pack.valid_from <= on and (pack.valid_to is None or on <= pack.valid_to)
    ]
    if not meant or max(meant)[2] != request.rule_pack:
        raise Refusal("RULE_PACK_NOT_IN_FORCE", procedure_began=on)


def compare_legs(leg: Doc, judged: Judgement) -> None:
    if leg.verdict != VERDICTS[judged.verdict]:
        reasons = ("LEG_FINDING_DIFFERS", "LEG_FINDING_DIFFERS", "LEG_NOT_PROVEN", "LEG_NOT_FULFILLED")
        raise Refusal(reasons[judged.verdict])
    if (leg.basis, leg.assumed) != (judged.basis, judged.assumed):
        raise Refusal("LEG_FINDING_DIFFERS", rule="basis or assumptions")
    if judged.verdict > CONTESTED:
        raise Refusal("LEG_NOT_PROVEN")


# How much later than it was signed a statement may be seen and still count for the day on which it was signed.
WITNESSING_MS = 10 * 60 * 1000


def require_timely(attempt: Attempt, sealed: Optional[int]) -> None:
    """A seal in time by its own word and as witnessed, or confirmed by all other parties."""
    request, seal = attempt.request.body, attempt.seal
    if seal is None or max(seal.body.signed_at, sealed or 0) <= request.seal_by:
        return
    missing = [org for at, org in enumerate(attempt.route) if at > 0 and at not in attempt.confirmations]
    if missing:
        raise Refusal("SEAL_LATE", unconfirmed=", ".join(missing))


def check_stated_time(request: Doc, requested: int, book: Book) -> None:
    """When the request says it was signed decides the law and the facts that count: witnesses had seen it that day."""
    refusal = Refusal("REQUEST_TIME_UNSEEN", signed_at=request.signed_at, seen=requested)
    if request.signed_at > requested + WITNESSING_MS:
        book.note("TIMES", "request", INVALID, refusal)
    elif day_of(request.signed_at) < day_of(requested - WITNESSING_MS):
        book.note("TIMES", "request", NOT_CHECKABLE, refusal)
    else:
        book.ok("TIMES")


def require_award_day(request: Doc, requested: int, sealed: Optional[int]) -> None:
    first, last = day_of(requested - WITNESSING_MS), day_of(sealed) if sealed is not None else datetime.date.max
    if not first <= request.as_of <= last:
        raise Refusal("AWARD_DAY_OUTSIDE", as_of=request.as_of)


def check_times(
    messages: list[Message], attempt: Optional[Attempt], request: Doc, chronicle: Chronicle, book: Book
) -> None:
    """Deadline and day of award by witnessed time. Times stated that do not follow the order of messages are remarks."""
    sealed = chronicle.seen(attempt.seal.id) if attempt and attempt.seal else None
    if attempt and attempt.seal:
        book.judge("TIMES", "seal", lambda: require_timely(attempt, sealed))
    asked = next((message.id for message in messages if message.kind == "request"), b"")
    requested = chronicle.seen(asked)
    if requested is not None:
        check_stated_time(request, requested, book)
        try:
            require_award_day(request, requested, sealed)
            book.ok("TIMES")
        except Refusal as refusal:
            # By its own word the request is old enough, but no witness saw it in time: nobody can say.
            unseen = day_of(request.signed_at) <= request.as_of < day_of(requested)
            book.note("TIMES", "request", NOT_CHECKABLE if unseen else INVALID, refusal)
    times = {message.id: message.body.signed_at for message in messages}
    for message in messages:
        at = message.body.signed_at
        earlier = max((times[named] for named in message.named() if named in times), default=at)
        if message.kind in ("endorse", "accept", "counter") and at > request.quote_by:
            book.note("TIMES", message.name, VALID, Refusal("DEADLINE_PASSED"))
        elif earlier > at:
            book.note("TIMES", message.name, VALID, Refusal("TIMES_OUT_OF_ORDER"))
        else:
            book.ok("TIMES")


def check_receipts(entries: list[Entry], messages: list[Message], logs: Logs, book: Book) -> list[Doc]:
    """Every receipt is by a party, for a message of this order, and names the receiver's home log. Gives the good ones."""
    good = []
    known = {message.id: message for message in messages}
    for entry in entries:
        if entry.section != "receipts":
            continue
        try:
            receipt = entry.signed.body()
            if entry.signed.kind != "receipt":
                raise broken("not a receipt")
        except Refusal as refusal:
            book.refuse("RECEIPTS", entry.name, refusal)
            continue
        message = known.get(receipt.message)
        if message is None:
            book.refuse("RECEIPTS", entry.name, Refusal("EVIDENCE_MISSING", message=receipt.message.hex()))
        elif (message.body.order, message.body.attempt) != (receipt.order, receipt.attempt):
            book.refuse("RECEIPTS", entry.name, broken("another order or attempt"))
        if receipt.from_ in logs.homes and logs.homes[receipt.from_] != receipt.log:
            book.refuse("RECEIPTS", entry.name, broken("not the receiver's log"))
        if logs.judge_receipt(entry, book):
            good.append(receipt)
    return good


# ======================================================================================================================
# The audit
# ======================================================================================================================


def check_root(reading: Reading, expected: Optional[bytes], book: Book) -> Optional[bytes]:
    """The first root version is the one whose hash the auditor was given."""
    first: Optional[tuple[int, Filed]] = None
    for filed in reading.statements:
        if filed.section != "root" or filed.signed.kind != "federation-root":
            continue
        try:
            version = filed.signed.body().version
        except Refusal:
            continue
        if first is None or version < first[0]:
            first = (version, filed)
    if first is None:
        book.refuse("ROOT", "root/1", Refusal("EVIDENCE_MISSING", kind="federation-root"))
        return None
    found = first[1].signed.id
    if expected is None:
        book.refuse("ROOT", first[1].name, Refusal("ROOT_NOT_GIVEN", found=found.hex()))
    elif expected != found:
        book.refuse("ROOT", first[1].name, Refusal("ROOT_UNKNOWN", found=found.hex(), expected=expected.hex()))
    else:
        book.ok("ROOT")
    return found


def unread(refusal: Refusal) -> dict[str, Any]:
    """The report on what could not be read as a bundle: nothing else can be said of it."""
    book = Book()
    book.spared = set(CHECKS)
    book.refuse("CONTAINER", "bundle", refusal)
    return book.close({})


def audit(zipped: bytes, expected: Optional[bytes]) -> dict[str, Any]:
    """Judges a bundle; all checks are made, a check that fails does not stop the others."""
    book = Book()
    try:
        reading = Reading(*read_zip(zipped))
    except Refusal as refusal:
        return unread(refusal)
    try:
        check_format(reading.members)
        book.ok("CONTAINER")
    except Refusal as refusal:
        if refusal.reason == "BUNDLE_TOO_NEW":
            return unread(refusal)
        book.refuse("CONTAINER", "format", refusal)
    check_container(reading, book)
    check_belonging(reading, book)
    found = check_root(reading, expected, book)
    entries = entries_of(reading)
    # Under a foreign root everything else is judged by the root in the bundle, to find what else is wrong.
    logs = Logs(entries, found or expected or bytes(32), book)
    logs.check_policy(reading.members, book)
    logs.check_names(book)
    logs.check_complete(entries, reading.ends, sold_in(entries), book)
    logs.check_proofs(entries, reading.ends, request_in(entries), book)
    chronicle = Chronicle(entries, reading, logs, book)
    mark_grants(entries, logs, chronicle, book)
    case = examine_order(entries, logs, chronicle, book)
    check_annexes(reading, case.pop("attempt placed", None), book)
    check_timestamp(reading.members, book)
    case["root"] = found.hex() if found else None
    return book.close(case)


def report_text(report: dict[str, Any]) -> str:
    lines = []
    for row in report["checks"]:
        lines.append(f"{row['check']:<11} {GERMAN[RULINGS.index(row['verdict'])]:<13} {row['passed']:>4}")
        for finding in row["findings"]:
            remark = "Hinweis" if finding["verdict"] == "VALID" else GERMAN[RULINGS.index(finding["verdict"])]
            details = ", ".join(f"{key}: {value}" for key, value in finding["details"].items())
            lines.append(f"  {remark}: {finding['reason']} {finding['subject']} ({details})")
    lines.append(f"Gesamturteil: {GERMAN[RULINGS.index(report['verdict'])].upper()}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--root", help="sha256:HEX as printed in the statutes; without it nothing is gültig")
    parser.add_argument("--json", action="store_true", help="the report for machines")
    parser.add_argument("--signatures", choices=("openssl", "python", "both"), default="openssl")
    arguments = parser.parse_args()
    SIGNATURES.way = arguments.signatures
    expected = None
    if arguments.root:
        digest = arguments.root.removeprefix("sha256:")
        if not re.fullmatch("[0-9a-fA-F]{64}", digest):
            parser.error("--root is sha256: and 64 hexadecimal digits")
        expected = bytes.fromhex(digest)
    try:
        with arguments.bundle.open("rb") as file:
            zipped = file.read(BUNDLE_BYTES_MAX + 1)
    except OSError as error:
        print(error, file=sys.stderr)
        return 6
    report = audit(zipped, expected)
    print(json.dumps(report, ensure_ascii=False, indent=2) if arguments.json else report_text(report))
    return report["exit_code"]


if __name__ == "__main__":
    sys.exit(main())
