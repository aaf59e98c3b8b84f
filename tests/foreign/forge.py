"""Bundles for `differ.py`: good ones signed anew from end to end, and every kind of mutation of them, from a seed.

Nobody's private keys are needed. `World` takes a good bundle, gives every key in it a fresh one, and signs statements,
logs, checkpoints and cosignatures again: so a forged statement is signed by the right signer, stands in its log with a
proof that holds, and only a rule about what it says can find it. Standard library only.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import random
import re
import struct
import zipfile
import zlib
from typing import Any, Callable, Optional

import verify
from verify import SPKI_HEAD, base64_of, sha256

HEX32 = re.compile("[0-9a-f]{64}")
BEGAN = 1_790_000_000
CHECKED_ONE_IN = 16


# ---- keys ----


class Secret:
    """A key made from a label."""

    made: dict[bytes, Secret] = {}
    signed: dict[tuple[bytes, bytes], bytes] = {}

    def __init__(self, label: bytes):
        hashed = hashlib.sha512(sha256(b"forge", label)).digest()
        scalar = int.from_bytes(hashed[:32], "little")
        self.scalar = scalar & (2**254 - 8) | 2**254
        self.public = verify.encoded(verify.times(self.scalar, verify.BASE_ROWS))
        self.hash = sha256(self.public)
        # One nonce for all messages gives the secret away, which here is nobody's, and saves arithmetic for each.
        self.nonce = int.from_bytes(hashed[32:], "little") % verify.ORDER
        self.commitment = verify.encoded(verify.times(self.nonce, verify.BASE_ROWS))

    @classmethod
    def of(cls, label: bytes) -> Secret:
        if label not in cls.made:
            cls.made[label] = cls(label)
        return cls.made[label]

    def sign(self, message: bytes) -> bytes:
        at = (self.public, message)
        if at not in self.signed:
            hashed = hashlib.sha512(self.commitment + self.public + message).digest()
            challenge = int.from_bytes(hashed, "little") % verify.ORDER
            proof = (self.nonce + challenge * self.scalar) % verify.ORDER
            self.signed[at] = self.commitment + proof.to_bytes(32, "little")
            self.vouch(message, self.signed[at])
        return self.signed[at]

    def vouch(self, message: bytes, signature: bytes) -> None:
        """It holds by the arithmetic of its making, so verify.py need not do it again; every `CHECKED_ONE_IN`th it does, and
        `verbund-audit` knows nothing of this."""
        if hashlib.blake2b(signature, digest_size=1).digest()[0] % CHECKED_ONE_IN:
            verify.SIGNATURES.known[self.public, signature, sha256(message)] = True


# ---- logs ----


def tree_root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1", tree_root(leaves[:middle]), tree_root(leaves[middle:]))


def inclusion(leaves: list[bytes], index: int) -> list[bytes]:
    if len(leaves) <= 1:
        return []
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    if index < middle:
        return inclusion(leaves[:middle], index) + [tree_root(leaves[middle:])]
    return inclusion(leaves[middle:], index - middle) + [tree_root(leaves[:middle])]


def consistency(leaves: list[bytes], old: int, whole: bool = True) -> list[bytes]:
    """RFC 9162 section 2.1.4.1."""
    if old == len(leaves):
        return [] if whole else [tree_root(leaves)]
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= middle:
        return consistency(leaves[:middle], old, whole) + [tree_root(leaves[middle:])]
    return consistency(leaves[middle:], old - middle, False) + [tree_root(leaves[:middle])]


def cosigned_from(note: verify.Note) -> int:
    """The earliest time of a cosignature, in seconds."""
    return min((int.from_bytes(data[:8], "big") for _, _, data in note.lines if len(data) == 72), default=BEGAN)


class TrustMap:
    """What a log has said about each subject, and the digest over it, from its definition."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def note(self, subject: str, statement: bytes) -> None:
        self.values[subject] = sha256(b"\2", self.values.get(subject, bytes(32)), statement)

    def leaves(self) -> list[tuple[bytes, bytes]]:
        keyed = ((sha256(subject.encode()), value) for subject, value in self.values.items())
        return sorted((key, sha256(b"\0", key, value)) for key, value in keyed)

    def digest(self) -> bytes:
        return branch(self.leaves())[0] if self.values else bytes(32)

    def path(self, subject: str) -> Optional[list[tuple[int, bytes]]]:
        if subject not in self.values:
            return None
        return branch(self.leaves(), sha256(subject.encode()))[1]


def bit_of(key: bytes, bit: int) -> bool:
    return bool(key[bit // 8] & (0x80 >> bit % 8))


def branch(leaves: list[tuple[bytes, bytes]], wanted: bytes = b"") -> tuple[bytes, list[tuple[int, bytes]]]:
    if len(leaves) == 1:
        return leaves[0][1], []
    first, last = leaves[0][0], leaves[-1][0]
    bit = next(bit for bit in range(256) if bit_of(first, bit) != bit_of(last, bit))
    sides = [[each for each in leaves if bit_of(each[0], bit) == side] for side in (False, True)]
    right = bool(wanted) and bit_of(wanted, bit)
    (left_hash, left_path), (right_hash, right_path) = (branch(side, wanted) for side in sides)
    path = (right_path if right else left_path) + [(bit, left_hash if right else right_hash)]
    return sha256(b"\1", bytes([bit]), left_hash, right_hash), path


# ---- a world ----


class Paper:
    """A statement that is about to be signed: its place in the bundle, its text, and whose keys sign it."""

    def __init__(self, name: str, kind: str, body: Any, signers: list[bytes], places: list[tuple[Any, int, str]]):
        self.name, self.kind, self.body, self.signers, self.places = name, kind, body, signers, places
        self.label = ""  # Its id in the bundle it was taken from, by which others name it.
        self.pae = b""

    def id(self) -> bytes:
        return sha256(self.pae)


class World:
    """A good bundle, ready to be changed and signed anew."""

    def __init__(self, zipped: bytes):
        members, _ = verify.read_zip(zipped)
        reading = verify.Reading(members)
        self.instructions = members["VERIFY.txt"]
        self.annexes = {member: members[member] for member in reading.annexes}
        self.papers: list[Paper] = []
        self.keys: dict[str, str] = {}
        for filed in reading.statements:
            places = []
            for member, proof in filed.proofs:
                places.append((proof.origin(), proof.index, member))
            body = json.loads(filed.signed.payload)
            self.learn_keys(body)
            paper = Paper(filed.name, filed.signed.kind, body, list(filed.signed.signatures), places)
            paper.label = filed.signed.id.hex()
            self.papers.append(paper)
        # When witnesses saw each log's newest checkpoint, and earlier ones by size; seconds between one and the next witness.
        self.newest = {end.proof.origin(): cosigned_from(end.proof.note) for end in reading.ends}
        self.covers: dict[Any, dict[float, int]] = {}
        for _, cover in reading.covers:
            head = verify.Checkpoint(cover.note.text)
            self.covers.setdefault(head.origin, {})[head.size] = cosigned_from(cover.note)
        self.spread = 1
        policy = self.first("federation-root").body["witnesses"]
        self.witnesses, self.quorum = policy["nodes"], policy["quorum"]

    def learn_keys(self, value: Any) -> None:
        """Every key in a document, by itself and by its hash, gets a fresh one."""
        if isinstance(value, dict):
            for name, inner in value.items():
                keys = inner if name == "keys" and isinstance(inner, list) else [inner] if name == "key" else []
                for key in keys:
                    if isinstance(key, str) and HEX32.fullmatch(key) and verify.is_good_key(bytes.fromhex(key)):
                        old = bytes.fromhex(key)
                        self.keys[key] = Secret.of(sha256(old)).public.hex()
                        self.keys[sha256(old).hex()] = Secret.of(sha256(old)).hash.hex()
                self.learn_keys(inner)
        elif isinstance(value, list):
            for inner in value:
                self.learn_keys(inner)

    def first(self, kind: str, **fields: Any) -> Paper:
        fits = lambda paper: all(paper.body.get(name) == value for name, value in fields.items())  # noqa: E731
        return next(paper for paper in self.papers if paper.kind == kind and fits(paper))

    def copy(self) -> World:
        other = copy.copy(self)
        other.papers = copy.deepcopy(self.papers)
        other.annexes = dict(self.annexes)
        other.newest, other.covers = dict(self.newest), copy.deepcopy(self.covers)
        return other

    # ---- signing anew ----

    def sign(self) -> None:
        """Signs every statement after those it names, so that names stay right."""
        by_label = {paper.label: paper for paper in self.papers if paper.label}
        done: dict[str, str] = {}
        busy: set[int] = set()

        def written(paper: Paper) -> None:
            if id(paper) in busy:
                return
            busy.add(id(paper))
            raw = paper.body if isinstance(paper.body, str) else json.dumps(
                paper.body, ensure_ascii=False, separators=(",", ":")
            )
            for found in set(HEX32.findall(raw)):
                if found in by_label:
                    written(by_label[found])
            swap = lambda match: done.get(match.group(), self.keys.get(match.group(), match.group()))  # noqa: E731
            payload = HEX32.sub(swap, raw).encode("utf-8", errors="surrogatepass")
            kind = f"application/vnd.verbund.{paper.kind}.v1+json".encode()
            paper.pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
            if paper.label:
                done.setdefault(paper.label, paper.id().hex())

        for paper in self.papers:
            written(paper)

    def signatures(self, paper: Paper) -> list[tuple[Secret, bytes]]:
        secrets = sorted((Secret.of(signer) for signer in set(paper.signers)), key=lambda secret: secret.hash)
        return [(secret, secret.sign(paper.pae)) for secret in secrets]

    def bundle(self, tune: Callable[[dict[str, bytes]], None] = lambda _: None) -> dict[str, bytes]:
        self.sign()
        members: dict[str, bytes] = {"mimetype": verify.MIMETYPE, "format": b"verbund/bundle/v%d\n" % verify.FORMAT}
        logs: dict[Any, list[tuple[int, Paper, str]]] = {}
        request = next((paper.body for paper in self.papers if paper.kind == "request"), None)
        for paper in self.papers:
            members[f"{paper.name}.pae"] = paper.pae
            for secret, signature in self.signatures(paper):
                short = secret.hash.hex()[:16]
                members[f"{paper.name}.{short}.sig"] = signature
                pem = f"-----BEGIN PUBLIC KEY-----\n{base64_of(SPKI_HEAD + secret.public)}\n-----END PUBLIC KEY-----\n"
                members[f"keys/{short}.pem"] = pem.encode()
            for origin, index, member in paper.places:
                logs.setdefault(origin, []).append((index, paper, member))
        for origin, entries in logs.items():
            self.write_log(members, origin, sorted(entries, key=lambda entry: entry[0]), request)
        members.update(self.annexes)
        self.write_policy(members)
        tune(members)
        members["VERIFY.txt"] = self.instructions
        refresh(members)
        return members

    def root(self) -> bytes:
        return next((paper.id() for paper in self.papers if paper.name == "root/1"), bytes(32))

    def operators_secret(self, node: str, role: str) -> Optional[Secret]:
        """The newest key of a role that the operator of a node has registered."""
        found = None
        for paper in self.papers:
            if paper.kind == "key-event" and isinstance(paper.body, dict) and paper.body.get("org") == node:
                for added in paper.body.get("add") or []:
                    if isinstance(added, dict) and added.get("role") == role and HEX32.fullmatch(str(added.get("key"))):
                        found = Secret.of(sha256(bytes.fromhex(added["key"])))
        return found

    def write_log(
        self, members: dict[str, bytes], origin: Any, entries: list[tuple[int, Paper, str]], request: Any
    ) -> None:
        trust, leaves, raw, digests = TrustMap(), [], [], []
        before = TrustMap()
        for _, paper, _ in entries:
            before.values = dict(trust.values)
            outcome = bytes(32)
            if paper.kind in ("seal", "void") and isinstance(request, dict):
                try:
                    order, salt = bytes.fromhex(request["order"]), bytes.fromhex(request["salt"])
                    outcome = verify.outcome_tag(paper.kind, order, request["attempt"], salt)
                except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
                    pass
            signed = verify.Signed(paper.pae, [(secret.hash, sig) for secret, sig in self.signatures(paper)])
            digest = trust.digest()
            leaf = signed.leaf_stem(outcome) + digest
            raw.append(leaf)
            digests.append(digest)
            leaves.append(sha256(b"\0", leaf))
            subject = verify.subject_in(paper.kind, signed.payload)
            if subject:
                trust.note(subject, signed.id)
        note = self.note(origin, leaves, self.newest.get(origin, BEGAN))
        heads = {proof: place_text(leaves, at, digests[at]) for at, (_, _, proof) in enumerate(entries)}
        label, last = verify.log_label(origin), len(leaves) - 1
        heads[f"ends/{label}"] = place_text(leaves, last, b"")
        stem = f"proofs/{label}-{len(leaves)}"
        members[f"{stem}.note"] = note.encode()
        members[f"{stem}.tlog-proofs"] = "".join(f"{proof}\n{heads[proof]}" for proof in sorted(heads)).encode()
        end = f"verbund/log-end/v1\nleaf {base64_of(raw[last])}\n"
        for subject in sorted(before.values):
            end += f"subject {subject}\n"
            end += "".join(f"{bit} {base64_of(other)}\n" for bit, other in before.path(subject) or [])
        members[f"ends/{label}.end"] = end.encode()
        if raw[last].startswith(b"vrb1pub"):
            members[f"ends/{label}.last"] = entries[last][1].pae
        # Only what lies in the bundle stands in the log, so an earlier size counts what it covered of that.
        for size, seconds in sorted(self.covers.get(origin, {}).items(), reverse=True):
            covered = sum(index < size for index, _, _ in entries)
            if covered:
                hashes = "".join(base64_of(each) + "\n" for each in consistency(leaves, covered))
                text = f"verbund/cover/v1\n{hashes}\n{self.note(origin, leaves[:covered], seconds)}"
                members[f"times/{label}/{covered}.cover"] = text.encode()

    def note(self, origin: Any, leaves: list[bytes], seconds: int) -> str:
        """The checkpoint over these leaves as witnesses saw it from that time on."""
        name = verify.origin_text(origin)
        text = f"{name}\n{len(leaves)}\n{base64_of(tree_root(leaves))}\n"
        return text + "\n" + self.note_lines(name, text, origin[1], seconds)

    def note_lines(self, name: str, text: str, node: str, began: int) -> str:
        lines = ""
        log = self.operators_secret(node, "log")
        if log:
            lines += note_line(name, verify.PLAIN, log, log.sign(text.encode()))
        cosigned = 0
        for late, witness in enumerate(sorted(self.witnesses)):
            secret = self.operators_secret(witness, "witness")
            if secret and cosigned < self.quorum:
                seconds = began + late * self.spread
                message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
                data = seconds.to_bytes(8, "big") + secret.sign(message)
                lines += note_line(witness, verify.COSIGNED, secret, data)
                cosigned += 1
        return lines or "— nobody AAAAAAAA\n"

    def write_policy(self, members: dict[str, bytes]) -> None:
        """As the auditor derives it from the logs."""
        members["policy.txt"] = b""
        try:
            reading = verify.Reading(members)
            logs = verify.Logs(verify.entries_of(reading), self.root(), verify.Book())
            members["policy.txt"] = logs.policy().encode()
        except verify.Refusal:
            pass


def note_line(name: str, kind: int, secret: Secret, data: bytes) -> str:
    return f"— {name} {base64_of(verify.note_key_id(name, kind, secret.public) + data)}\n"


def place_text(leaves: list[bytes], index: int, digest: bytes) -> str:
    hashes = "".join(base64_of(each) + "\n" for each in inclusion(leaves, index))
    extra = f"extra {base64_of(digest)}\n" if digest else ""
    return f"c2sp.org/tlog-proof@v1\n{extra}index {index}\n{hashes}\n"


def refresh(members: dict[str, bytes]) -> None:
    """What a careful forger does last: the digests fit again."""
    entries = "".join(
        verify.MANIFEST_ENTRY.format(name, base64_of(sha256(members[name]))) + "\n"
        for name in sorted(members)
        if not name.startswith(("META-INF/", "annexes/"))
    )
    members[verify.MANIFEST] = (verify.MANIFEST_HEAD + entries + verify.MANIFEST_TAIL).encode()


def zipped(members: dict[str, bytes], order: Optional[list[str]] = None) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in order or sorted(members, key=lambda name: (name != "mimetype", name)):
            stored = name == "mimetype" or name.endswith(".sig")
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, members[name])
    return file.getvalue()


class Packer:
    """Writes ZIP files as other tools do, and as no tool should."""

    def __init__(self) -> None:
        self.file, self.directory, self.count = b"", b"", 0

    def add(
        self,
        raw: bytes,
        content: bytes,
        deflate: bool = True,
        mode: int = 0o100644,
        attributes: int = 0,
        flags: int = 0,
        extra: bytes = b"",
        local_extra: Optional[bytes] = None,
        local_name: Optional[bytes] = None,
        described: bool = False,
        comment: bytes = b"",
        crc_off: int = 0,
        size_off: int = 0,
        hidden: bool = False,
        wide: bool = False,
    ) -> None:
        packed = content
        if deflate:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = packer.compress(content) + packer.flush()
        crc, method = zlib.crc32(content) ^ crc_off, 8 if deflate else 0
        flags |= 8 if described else 0
        offset, size = len(self.file), len(content) + size_off
        known = struct.pack("<3L", crc, len(packed), size)
        name = raw if local_name is None else local_name
        inner = extra if local_extra is None else local_extra
        here = bytes(12) if described else known
        if wide:
            # A tool that does not know the length beforehand leaves room for a long one, the unpacked one first.
            inner += struct.pack("<2H2Q", 1, 16, size, len(packed))
            here = struct.pack("<3L", crc, 0xFFFFFFFF, 0xFFFFFFFF)
        head = struct.pack("<4s5H", b"PK\3\4", 20, flags, method, 0, 0x21) + here
        self.file += head + struct.pack("<2H", len(name), len(inner)) + name + inner + packed
        self.file += struct.pack("<L", 0x08074B50) + known if described else b""
        if hidden:
            return
        self.directory += struct.pack("<4s6H", b"PK\1\2", 3 << 8 | 20, 20, flags, method, 0, 0x21) + known
        self.directory += struct.pack("<5H", len(raw), len(extra), len(comment), 0, 0)
        self.directory += struct.pack("<2L", mode << 16 | attributes, offset) + raw + extra + comment
        self.count += 1

    def finish(self, comment: bytes = b"", wide: bool = False, gap: bytes = b"") -> bytes:
        self.file += gap
        offset, size = len(self.file), len(self.directory)
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, self.count, self.count, size, offset, len(comment))
        middle = b""
        if wide:
            middle = struct.pack("<LQ2H2L4Q", 0x06064B50, 44, 45, 45, 0, 0, self.count, self.count, size, offset)
            middle += struct.pack("<LLQL", 0x07064B50, 0, offset + size, 1)
            end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, len(comment))
        return self.file + self.directory + middle + end + comment


TIMES = struct.pack("<2HB2L", 0x5455, 9, 3, BEGAN, BEGAN)
OWNER = struct.pack("<2H2BL", 0x7875, 6, 1, 4, 1000)
APPLE = bytes((0, 5, 0x16, 7, 0, 2, 0, 0)) + bytes(100)


def packed_otherwise(dice: random.Random, members: dict[str, bytes]) -> tuple[bytes, str]:
    """The same members as another tool packs them, or with a trick of one who wants two readers to see two things."""
    names = sorted(members, key=lambda name: (name != "mimetype", name))
    one, other = dice.sample(names[1:], 2)
    how: dict[str, dict[str, Any]] = {}
    extra_members: list[tuple[bytes, bytes, dict[str, Any]]] = []
    common: dict[str, Any] = {}
    prefix, end, before, after = "", {}, b"", b""
    trick = dice.choice(
        "plain stored descriptors zip64 zip64heads times owner order enclosing dot folders apple view jar comment membercomment gap "
        "front trailing twin twice casetwin folderfile link setuid device dotfile upper absolute parent space hidden "
        "localname localextra crc size encrypted utf8 unknownextra unicodepath wrongpath emptyfolder otherfolder "
        "dosfolder method token format nonascii backslash fifo".split()
    )
    if trick in ("stored", "descriptors", "times", "owner", "zip64heads"):
        common = {"stored": {"deflate": False}, "descriptors": {"described": True}, "times": {"extra": TIMES},
                  "zip64heads": {"wide": True},
                  "owner": {"extra": TIMES + OWNER, "local_extra": OWNER}}[trick]  # fmt: skip
    elif trick == "zip64":
        end = {"wide": True}
    elif trick == "order":
        dice.shuffle(names)
    elif trick in ("enclosing", "dot", "parent", "absolute", "space"):
        prefix = {"enclosing": "Prüfpaket 1/", "dot": "./", "parent": "../", "absolute": "/", "space": "paket (2)/"}[trick]
        prefix = dice.choice((prefix, "paket/")) if trick == "enclosing" else prefix
    elif trick == "folders":
        for folder in sorted({name.rpartition("/")[0] for name in names} - {""}):
            extra_members.append((folder.encode() + b"/", b"", {"mode": dice.choice((0o040755, 0)), "attributes": 16, "deflate": False}))
    elif trick in ("emptyfolder", "otherfolder"):
        extra_members.append((dice.choice((b"leer/", b"Facts/", b"order/x/")), b"", {"mode": 0o040755, "deflate": False}))
    elif trick == "apple":
        extra_members.append((b"__MACOSX/" + one.encode().replace(b"/", b"/._", 1), APPLE if dice.random() < 0.7 else b"x", {}))
        extra_members.append((b"__MACOSX/._mimetype", APPLE, {}))
    elif trick == "view":
        extra_members.append((b"order/.DS_Store", b"\0\0\0\1Bud1" + bytes(dice.choice((10, 20_000))), {}))
    elif trick == "jar":
        tool = dice.choice((b"17.0.2 (Oracle)", b"x" * 70, b"1\r\nClass-Path: a"))
        extra_members.append((b"META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\nCreated-By: " + tool + b"\r\n\r\n", {}))
    elif trick == "comment":
        end = {"comment": dice.choice((b"hallo", b"PK\5\6" + bytes(18)))}
    elif trick == "membercomment":
        how[one] = {"comment": b"hallo"}
    elif trick == "gap":
        end = {"gap": b"gap"}
    elif trick in ("front", "trailing"):
        before, after = (b"MZ", b"") if trick == "front" else (b"", dice.choice((b"\0", b"PK\5\6", bytes(30))))
    elif trick == "twice":
        extra_members.append((one.encode(), members[dice.choice((one, other))], {}))
    elif trick in ("twin", "casetwin", "upper", "device", "dotfile", "nonascii", "backslash"):
        folder, _, last = one.rpartition("/")
        new = {"twin": f"{folder}/{last}x", "casetwin": one.swapcase(), "upper": one.title(), "device": f"{folder}/nul.pae",
               "dotfile": f"{folder}/.{last}", "nonascii": one + "ä", "backslash": one.replace("/", "\\")}[trick]  # fmt: skip
        extra_members.append((new.lstrip("/").encode(), members[one], {}))
    elif trick == "folderfile":
        extra_members.append((one.encode() + b"/x", b"x", {}))
    elif trick in ("link", "setuid", "fifo", "dosfolder"):
        how[one] = {"link": {"mode": 0o120777}, "setuid": {"mode": 0o104755}, "fifo": {"mode": 0o010644},
                    "dosfolder": {"mode": 0, "attributes": dice.choice((16, 8, 0x400, 32))}}[trick]  # fmt: skip
    elif trick == "hidden":
        extra_members.append((one.encode(), members[other], {"hidden": True}))
    elif trick == "localname":
        how[one] = {"local_name": other.encode()}
    elif trick in ("localextra", "unknownextra", "unicodepath", "wrongpath"):
        path = struct.pack("<BL", 1, zlib.crc32(one.encode())) + (one if trick == "unicodepath" else other).encode()
        field = struct.pack("<2H", 0x7075, len(path)) + path
        how[one] = {"extra": field if "path" in trick else struct.pack("<2HL", dice.choice((0x9999, 1)), 4, 7)}
        how[one] |= {"local_extra": b"" if dice.random() < 0.5 else TIMES * 2} if trick == "localextra" else {}
    elif trick in ("crc", "size", "encrypted", "utf8"):
        how[one] = {"crc": {"crc_off": 1}, "size": {"size_off": 1}, "encrypted": {"flags": 1},
                    "utf8": {"flags": dice.choice((0x800, 6, 0x40, 0x2000))}}[trick]  # fmt: skip
    elif trick == "token":
        token = bytes.fromhex("06092a864886f70d010702")
        members = {**members, "META-INF/timestamp.tst": dice.choice((b"", b"token", b"\x30\x0b" + token))}
        names.append("META-INF/timestamp.tst")
    elif trick == "format":
        members = {**members, "format": dice.choice((b"verbund/bundle/v3\n", b"verbund/bundle/v1\n", b"verbund/bundle/v02\n", b""))}
    packer = Packer()
    packer.file = before
    at = dice.randrange(len(names) + 1)
    for number, name in enumerate(names):
        if number == at:
            for raw, content, knobs in extra_members:
                packer.add(raw, content, **knobs)
            extra_members = []
        knobs = {"deflate": not name.endswith(".sig") and name != "mimetype", **common, **how.get(name, {})}
        packer.add((prefix + name).encode(), members[name], **knobs)
    for raw, content, knobs in extra_members:
        packer.add(raw, content, **knobs)
    return packer.finish(**end) + after, f"packed: {trick}"


# ---- mutations without new signatures ----


def flip_byte_of_file(dice: random.Random, raw: bytes) -> bytes:
    data = bytearray(raw)
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def change_member(dice: random.Random, members: dict[str, bytes]) -> str:
    """One byte of one member is changed, added or taken away."""
    name = dice.choice([name for name in sorted(members) if members[name]])
    data = bytearray(members[name])
    at = dice.randrange(len(data))
    how = dice.randrange(5)
    if how == 0:
        data[at] ^= 1 << dice.randrange(8)
    elif how == 1:
        data[at] = dice.randrange(256)
    elif how == 2:
        del data[at : at + dice.choice((1, 1, 8))]
    elif how == 3:
        data[at:at] = bytes([dice.choice((0, 10, 32, 48, 255))])
    else:
        data = data[:at]
    members[name] = bytes(data)
    return f"bytes of {name}"


def shuffle_members(dice: random.Random, members: dict[str, bytes]) -> str:
    names = sorted(members)
    one, other = dice.sample(names, 2)
    how = dice.randrange(5)
    if how == 0:
        del members[one]
        return f"dropped {one}"
    if how == 1:
        members[one], members[other] = members[other], members[one]
        return f"swapped {one}, {other}"
    if how == 2:
        folder, _, last = one.rpartition("/")
        members[f"{folder or 'facts'}/{dice.choice('0xz')}{last}"] = members[one]
        return f"doubled {one}"
    if how == 3:
        stem = one.rpartition(".")[0] or one
        for name in [name for name in names if name.startswith(stem)]:
            del members[name]
        return f"dropped {stem}*"
    folder = dice.choice(("root", "trust/kitu", "facts", "order", "receipts", "ends"))
    stem = one.rpartition(".pae")[0] or one.rpartition(".")[0] or one
    base = stem.rpartition("/")[2]
    for name in [name for name in names if name.startswith(stem + ".")]:
        members[f"{folder}/{base}{name[len(stem):]}"] = members.pop(name)
    return f"moved {stem} to {folder}"


def change_lines(dice: random.Random, members: dict[str, bytes]) -> str:
    """Lines of a text member are dropped, doubled, swapped, or taken from another text of its kind."""
    names = [name for name in sorted(members) if name.endswith((".tlog-proofs", ".note", ".end", ".txt", ".xml"))]
    name = dice.choice(names)
    lines = members[name].split(b"\n")
    at, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    how = dice.randrange(4)
    if how == 0:
        del lines[at]
    elif how == 1:
        lines.insert(at, lines[other])
    elif how == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        alike = [each for each in names if each.rpartition(".")[2] == name.rpartition(".")[2]]
        foreign = members[dice.choice(alike)].split(b"\n")
        lines[at] = foreign[min(at, len(foreign) - 1)]
    members[name] = b"\n".join(lines)
    return f"lines of {name}"


def text_of(dice: random.Random) -> Any:
    """A text of an annex within its limits, at them, beyond them, or none."""
    return dice.choice(("Wohngeld online", "zwei\nZeilen", "=1+1", "", "ä" * 200, "ä" * 201, "ä" * 1000, "ä" * 1001, " x", 7))


def annex_of(dice: random.Random) -> bytes:
    """Words as an officer may write them, or a document that is no annex."""
    salt = sha256(dice.randbytes(8)).hex()
    note = dice.choice(("geprüft", "geprüft\nund gut", "", " x", "a\u202eb", "ä" * 500, "ä" * 501, 7, None, ["ja"], '"'))
    words = {"note": note} if dice.random() < 0.6 else {}
    words |= {word: text_of(dice) for word in ("purpose", "choice", "query", "contact", "Purpose") if dice.random() < 0.3}
    annex = json.dumps({"salt": salt, **words}, ensure_ascii=dice.random() < 0.2)
    odd = (
        annex[:-1] + ',"more":{"note":["ja"]}}',
        annex[:-1] + ',"note":"noch einmal"}',
        annex[:-1] + ',"nоte":"fremd"}',
        annex[:-1] + "}" + " " * dice.choice((1, 16384 - len(annex.encode()), 16385 - len(annex.encode()))),
        annex.replace(salt, salt[:32]),
        annex.replace(salt, salt.upper()),
        annex.replace('"salt"', '"salz"'),
        "[" + annex + "]",
        annex[:-1],
        "",
    )
    return (annex if dice.random() < 0.6 else dice.choice(odd)).encode()


def change_annex_unsigned(dice: random.Random, members: dict[str, bytes]) -> str:
    """The words beside a statement are taken away, changed, put elsewhere, or put beside a statement that names none."""
    annexes = [name for name in sorted(members) if name.startswith("annexes/")]
    how = dice.randrange(5)
    if not annexes or how == 0:
        annex = annex_of(dice)
        members[f"annexes/{sha256(annex).hex()}.json"] = annex
        return "an annex that nobody names"
    name = dice.choice(annexes)
    if how == 1:
        del members[name]
    elif how == 2:
        members[name] = annex_of(dice)
    elif how == 3:
        members[name] += dice.choice((b" ", b"\n", b"\0"))
    else:
        other = dice.choice((name.upper(), name + ".json", name[:-5], name[8:], f"annexes/{name}", f"order/{name[8:]}"))
        members[other] = members.pop(name)
    return f"annex {how}"


def change_json_unsigned(dice: random.Random, members: dict[str, bytes]) -> str:
    name = dice.choice([name for name in sorted(members) if name.endswith(".pae")])
    pae = members[name]
    payload_type, payload = verify.split_pae(pae)
    body = json.loads(payload)
    what = change_json(dice, body, [])
    payload = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
    members[name] = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type, len(payload), payload)
    return f"unsigned {name}: {what}"


# ---- mutations of what is said ----


def all_places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    places = [path] if path else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        places += all_places(each, path + (key,))
    return places


def at_place(body: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        body = body[key]
    return body


DATES = ("2016-04-17", "2021-06-15", "2024-02-29", "2026-11-28", "2026-11-29", "2026-11-30", "2027-12-31", "2026-13-01")
WORDS = (
    "kid kitu barleben dataport govdigital provitako akdb nobody fulfilled not-proven not-fulfilled joint joint-inverse "
    "vertical once per-year per-use binding interest buyer approver publisher statement log witness compromised "
    "superseded none present prescribed-by-law turnover projection other-value shareholder association-member owner "
    "cooperation-contract framework-agreement tendered-contract running-contract * 15 150830040040 inhabitants uses koenigstein fixed ST "
    "bund taxed not-taxable exempt cancelled rejected"
).split()


def change_json(dice: random.Random, body: Any, ids: list[str]) -> str:
    """One value somewhere in a document becomes another one, plausible or not."""
    places = all_places(body)
    if not places:
        return "nothing"
    path = dice.choice(places)
    if dice.random() < 0.3:
        # Digests are many; texts, days and words have more rules.
        path = dice.choice([path for path in places if isinstance(at_place(body, path), str)][-40:] or places)
    holder = at_place(body, path[:-1])
    key, old = path[-1], holder[path[-1]]
    how = dice.random()
    if how < 0.12:
        if isinstance(holder, list):
            holder.pop(key)
        else:
            del holder[key]
        return f"{path} dropped"
    if how < 0.16:
        holder[key] = dice.choice((None, True, False, 0, 1, "", [], {}, -1, 2**53, 2**53 + 1, 2**32, 10**12, 10**12 + 1))
        return f"{path} = {holder[key]!r}"
    if how < 0.20 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(old))
        return f"{path} doubled"
    if how < 0.23 and isinstance(holder, dict):
        names = "unknown Total tota1 to_tal signed.at größe later revoked officer decision tariff corrects sole".split()
        holder[dice.choice(names)] = (
            copy.deepcopy(dice.choice((old, True, "einkauf", 1)))
        )
        return f"{path} has a neighbour"
    holder[key] = other_value(dice, old, ids)
    return f"{path}: {str(old)[:40]!r} -> {str(holder[key])[:40]!r}"


def other_value(dice: random.Random, old: Any, ids: list[str]) -> Any:
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return dice.choice((old + 1, old - 1, 0, 1, old * 2, 7_999, 8_000, 8_001, 10_000, 1_000_000_000))
    if isinstance(old, list):
        changed = list(old)
        dice.shuffle(changed)
        return changed if len(old) > 1 else []
    if not isinstance(old, str):
        return old
    if HEX32.fullmatch(old):
        return dice.choice(ids) if ids and dice.random() < 0.8 else "ab" * 32
    if re.fullmatch(r"\d{4}-\d\d-\d\d", old):
        return dice.choice(DATES)
    moment = re.fullmatch(r"(\d{4}-\d\d-\d\d)T.*Z", old)
    if moment:
        days = (moment.group(1), "2025-01-01", "2026-12-01", "2026-12-05", "2026-12-12", "2027-01-20", "2031-01-01")
        return dice.choice(days) + dice.choice(("T00:00:00Z", "T12:00:00.5Z", "T23:59:59.999Z"))
    if re.fullmatch("[0-9a-f]{32}", old):
        return dice.choice(("00" * 16, old[::-1]))
    odd = ("Straße\u202e", "x" * 600, "a\nb", "a\tb", "a\u0308", " a", "=1+1", "-x", "\u200b", "", "LEG_NOT_PROVEN", "x" * 4001)
    return dice.choice((*WORDS, old.upper(), old + "x", old[:-1], *odd))


# ---- signed mutations ----


def sign_other_value(dice: random.Random, world: World) -> str:
    """Mostly in facts and messages: what a change of keys or names brings down hides every other rule."""
    folders = ("facts/", "order/", "receipts/", "root/rule") if dice.random() < 0.8 else ("",)
    paper = dice.choice([paper for paper in world.papers if paper.name.startswith(folders)])
    ids = [each.label for each in world.papers]
    return f"signed {paper.name}: {change_json(dice, paper.body, ids)}"


def sign_with_others(dice: random.Random, world: World) -> str:
    paper = dice.choice(world.papers)
    signers = sorted({signer for each in world.papers for signer in each.signers})
    how = dice.randrange(3)
    if how == 0:
        paper.signers = [dice.choice(signers)]
    elif how == 1:
        paper.signers = paper.signers + [dice.choice(signers)]
    elif len(paper.signers) > 1:
        paper.signers = paper.signers[:-1]
    return f"{paper.name} signed by others"


def move_in_log(dice: random.Random, world: World) -> str:
    logged = [paper for paper in world.papers if len(paper.places) == 1]
    one, other = dice.sample(logged, 2)
    (origin, index, member), (its_origin, its_index, its_member) = one.places[0], other.places[0]
    if dice.random() < 0.7 and origin == its_origin:
        one.places, other.places = [(origin, its_index, member)], [(origin, index, its_member)]
    else:
        one.places = [(its_origin, its_index + 0.5, member)]  # type: ignore[list-item]
    return f"{one.name} stands elsewhere"


def leave_out(dice: random.Random, world: World) -> str:
    paper = dice.choice(world.papers)
    world.papers.remove(paper)
    return f"{paper.name} left out"


def add_paper(dice: random.Random, world: World) -> str:
    """A statement like one that is there, changed, at the end or the place of another in its log."""
    model = dice.choice([paper for paper in world.papers if len(paper.places) <= 1])
    added = copy.deepcopy(model)
    added.label = ""
    folder, _, last = model.name.rpartition("/")
    added.name = f"{folder}/{dice.choice(('0', '9'))}{last}"
    if model.places:
        origin, index, _ = model.places[0]
        at = dice.choice((index + 0.5, 10**6, -1))
        added.places = [(origin, at, added.name)]  # type: ignore[list-item]
    what = change_json(dice, added.body, [paper.label for paper in world.papers])
    world.papers.append(added)
    return f"added {added.name}: {what}"


def salted(world: World, kind: str, signer: str, **fields: Any) -> dict[str, Any]:
    """A message about the order in this bundle."""
    request = world.first("request").body
    head = {"order": request["order"], "attempt": request["attempt"]}
    tail = {"signed_at": "2026-11-29T18:00:00Z", "salt": sha256(kind.encode(), signer.encode()).hex()[:32]}
    return {**head, **fields, **tail}


def keys_of(world: World, org: str, kind: str = "key-event") -> list[bytes]:
    """Hashes of the original keys: an organisation's statement keys, or its officers'."""
    keys = []
    for paper in world.papers:
        if paper.kind == kind and isinstance(paper.body, dict) and paper.body.get("org") == org:
            if kind == "officer-grant":
                keys.append(sha256(bytes.fromhex(paper.body["key"])))
            else:
                keys += [sha256(bytes.fromhex(each["key"])) for each in paper.body["add"] if each["role"] == "statement"]
    return keys


def say(dice: random.Random, world: World) -> str:
    """Somebody says something more about the order."""
    request = world.first("request")
    route, label = request.body["route"], request.label
    seal = next((paper.label for paper in world.papers if paper.kind == "seal"), "ab" * 32)
    at = dice.randrange(len(route))
    org = route[at]
    officers, own = keys_of(world, route[0], "officer-grant"), keys_of(world, org)
    kind = dice.choice("void recall decline reject decision milestone seal confirm late-notice reminder receipt call-off settlement erasure erasure".split())
    named = {paper.body["annex"] for paper in world.papers if isinstance(paper.body, dict) and "annex" in paper.body}
    annexes = [annex for annex in sorted(named) if dice.random() < 0.8]
    bodies: dict[str, dict[str, Any]] = {
        "void": {"buyer": route[0], "request": label, "reason": "cancelled", "officer": "einkauf"},
        "recall": {"from": org, "request": label, "reason": "CAPACITY",
                   **dice.choice(({}, {"note": "Grund"}, {"note": "Grund", "officer": "leitung"}, {"officer": "leitung"}))},
        "decline": {"from": org, "request": label, "reason": "CAPACITY"},
        "reject": {"from": org, "request": label, "reason": "CAPACITY"},
        "decision": {"request": label, "org": route[0], "approve": dice.random() < 0.7, "officer": "einkauf"},
        "milestone": {
            "seal": seal,
            "from": route[0],
            "number": dice.randrange(3),
            "event": dice.choice(
                ({"connected": {"item": "acceptance"}}, "closed", {"terminated": {"ends_on": "2027-12-31"}}, {"closed": {}})
            ),
            "officer": "einkauf",
        },
        "seal": {"buyer": route[0], "chain": [label], "total": 794000},
        "settlement": {
            "seal": seal, "from": route[0], "to": org, "number": dice.randrange(1, 3), "about": [label],
            "holds": dice.choice((seal, label)), "terms": "Es gilt der Abschluss", "officer": "leitung",
        },
        "erasure": {
            "from": org, "number": dice.randrange(1, 3), "annexes": annexes or ["ab" * 32], "officer": dice.choice(("leitung", "einkauf")),
            "ground": dice.choice(("Art. 17 Abs. 1 Buchst. a DSGVO", "")), "authority": "Datenschutz",
        },
        "confirm": {"from": org, "seal": seal, "officer": dice.choice(("leitung", "einkauf"))},
        "late-notice": {"buyer": route[0], "to": org, "message": label, "void": seal},
        "reminder": {"org": org, "about": "seal", "due": "2026-11-29T18:00:00Z", "until": "2026-11-30T18:00:00Z"},
        "receipt": {"from": org, "message": label, "log": f"verbund-demo/log/{org}/1", "size": 3},
        "call-off": {
            "seal": seal, "from": route[0], "to": org, "need": label, "mandate": label, "offering": request.body["offering"],
            "provider": route[-1], "term_years": 2, "key": "inhabitants", "weight": 1, "weights": 1, "total": 794000,
            "share": 794000, "leg": {"from": org, "to": route[0], "as_of": request.body["as_of"],
                                     "verdict": "not-proven", "assumed": False, "evidence": []},
            "rule_pack": request.body["rule_pack"], "procedure_began": request.body["signed_at"][:10],
        },
    }  # fmt: skip
    body = salted(world, kind, org, **bodies[kind])
    if kind == "receipt":
        body["received_at"] = body.pop("signed_at")
    if kind in ("confirm", "settlement", "erasure") and dice.random() < 0.8:
        officers = keys_of(world, route[0] if kind == "settlement" else org, "officer-grant") or officers
    by_officer = kind in ("void", "decision", "milestone", "confirm", "settlement", "erasure") and officers
    signers = [dice.choice(officers)] if by_officer else [dice.choice(own)] if own else officers[:1]
    folder = "receipts" if kind == "receipt" else "order"
    paper = Paper(f"{folder}/{dice.choice(('000', '105', '99'))}-{kind}", kind, body, signers, [])
    if kind != "receipt":
        buyers = kind in ("void", "decision", "milestone", "settlement", "seal", "late-notice", "call-off")
        paper.places = [(home_of(world, route[0] if buyers else org), dice.choice((10**6, 10**6 + 1, 20.5)), paper.name)]
    world.papers.append(paper)
    return f"{org} says {kind}"


def annotate(dice: random.Random, world: World) -> str:
    """An officer puts other words beside a statement, of a kind that may have some or of another."""
    may_have = ("request", "decision", "decline", "reject", "recall", "milestone")
    papers = [paper for paper in world.papers if paper.name.startswith("order/") and isinstance(paper.body, dict)]
    paper = dice.choice([paper for paper in papers if paper.kind in may_have] if dice.random() < 0.8 else papers)
    annex = annex_of(dice)
    paper.body["annex"] = sha256(annex).hex()
    if dice.random() < 0.85:
        world.annexes[f"annexes/{sha256(annex).hex()}.json"] = annex
    return f"words beside {paper.name}"


def publish(dice: random.Random, world: World) -> str:
    """A newer version, a withdrawal, a correction or another rule pack, somewhere in the log."""
    request = world.first("request")
    wanted = dice.choice("offering offering withdrawal tariff membership entity-facts rule-pack rule-pack".split())
    model = dice.choice([p for p in world.papers if p.kind == ("offering" if wanted == "withdrawal" else wanted)])
    added = copy.deepcopy(model)
    added.kind, body = wanted, added.body
    if wanted in ("offering", "tariff"):
        body["version"] += dice.choice((1, 1, 1, 0, -1))
        if wanted == "tariff" and body["fee"]:
            body["fee"][0]["cents"] += dice.choice((0, 100))
    elif wanted == "withdrawal":
        added.body = {"seller": body["seller"], "name": body["name"], "version": dice.choice((1, 1, 2)), "reason": "Ende"}
    elif wanted == "rule-pack":
        body["name"] = dice.choice(("gwb-108-2026", "a"))
        body["valid_from"] = dice.choice(("2020-01-01", "2026-08-01", "2027-01-01", body["valid_from"]))
        body["activity_above"] = dice.choice((8_000, 10_000))
    else:
        body["corrects"] = dice.choice((model.label, model.label, "ab" * 32))
        body["known_from"] = dice.choice((body["known_from"], request.body["signed_at"][:10], "2026-12-01"))
        if dice.random() < 0.5:
            body["source"] = "Berichtigung"
            body[dice.choice(("revoked", "sole", "assumed"))] = dice.random() < 0.7
    at = dice.choice((10**6, 10**6, request.places[0][1] + dice.choice((-0.5, 0.5)), dice.randrange(70) + 0.5))
    if wanted == "rule-pack":
        digits = sha256(wanted.encode(), bytes([dice.randrange(256)])).hex()[:8]
        added.name = f"root/rule-pack-{digits}"
        label = verify.log_label
        added.places = [(origin, at, f"{added.name}.{label(origin)}") for origin, _, _ in model.places]
    else:
        added.name = f"facts/{dice.choice(('00', '9'))}-{wanted}"
        added.places = [(origin, at, added.name) for origin, _, _ in model.places]
    added.label = sha256(b"publish", added.name.encode()).hex()
    world.papers.append(added)
    return f"published {added.name} at {at}"


def change_times(dice: random.Random, world: World) -> str:
    """Witnesses saw something earlier or later, or what they saw first is not shown."""
    origin = dice.choice(sorted(world.newest))
    covers = world.covers.setdefault(origin, {})
    moved = dice.choice((-86_400, -3_600, -601, -300, 300, 599, 601, 3_600, 36_000, 86_400, 600 * 3_600, 1_200 * 3_600))
    how = dice.randrange(6)
    if how == 0:
        covers.clear()
    elif how == 1:
        for each in world.covers.values():
            for size in each:
                each[size] += moved
    elif how == 2 and covers:
        covers[dice.choice(sorted(covers))] += moved
    elif how == 3:
        world.newest[origin] += moved
    elif how == 4:
        covers[dice.randrange(1, 70)] = world.newest[origin] + moved
    else:
        world.spread = dice.choice((0, -60, 3_600, 40 * 3_600))
    return f"times of {origin[1]}: {how}, {moved}"


def home_of(world: World, org: str) -> Any:
    for paper in world.papers:
        if paper.kind == "key-event" and isinstance(paper.body, dict) and paper.body.get("org") == org and paper.places:
            return paper.places[-1][0]
    return ("verbund-demo", "kitu", 1)


def change_trust(dice: random.Random, world: World) -> str:
    """Keys are revoked or replaced, organisations expelled, renewed or succeeded, with the right signatures."""
    events = [paper for paper in world.papers if paper.kind == "key-event" and paper.places]
    event = dice.choice(events)
    org, (origin, _, _) = event.body["org"], event.places[0]
    last = max((each for each in events if each.body["org"] == org), key=lambda each: each.body["seq"])
    at = dice.choice((10**6, 10**6, 15.5, 25.5))
    size = dice.choice((0, 4, 10, 20, 10**6))
    trustees = world.first("federation-root").signers
    roots = event.signers[:]
    admission = next((p for p in world.papers if p.kind == "admission" and p.body["org"] == org), None)
    own = [sha256(bytes.fromhex(each["key"])) for each in event.body.get("add", [])]
    roots = [signer for signer in roots if signer not in own]
    where = {"log": verify.origin_text(origin), "size": size}
    kind = dice.choice("key-event key-event key-event expulsion admission succession recovery officer-grant".split())
    fresh = sha256(b"fresh", org.encode(), bytes([dice.randrange(3)]))
    world.keys.setdefault(fresh.hex(), Secret.of(fresh).public.hex())
    revoked = dice.choice(event.body.get("add") or [{"key": "ab" * 32, "role": "statement"}])
    revoked_hash = sha256(bytes.fromhex(revoked["key"])).hex()
    bodies: dict[str, Any] = {
        "key-event": {
            "org": org,
            "seq": last.body["seq"] + 1,
            "prev": last.label,
            "home_node": event.body["home_node"],
            "add": [{"key": fresh.hex(), "role": revoked["role"]}] if dice.random() < 0.7 else [],
            "revoke": [
                {
                    "key": revoked_hash,
                    "reason": dice.choice(("superseded", "compromised", "ceased")),
                    "last_good": [where] if dice.random() < 0.85 else [],
                }
            ],
        },
        "expulsion": {"org": org, "reason": "Beiträge", "last_good": [where] if dice.random() < 0.7 else []},
        "succession": {
            "federation": origin[0], "predecessor": org, "successor": dice.choice(WORDS[:7]), "on": "2026-01-01",
            "source": "Gesetz",
        },
    }  # fmt: skip
    if admission is not None:
        bodies["admission"] = {
            **{key: value for key, value in admission.body.items() if key != "root"},
            "number": 2,
            "prev": admission.label,
            "home_node": dice.choice((admission.body["home_node"], "kid")),
        }
        bodies["recovery"] = {
            "org": org, "after": last.label, "root": admission.body["root"], "signed_at": "2026-11-29T18:00:00Z",
            "reason": "verloren",
        }  # fmt: skip
        bodies["officer-grant"] = {
            "org": org, "officer": "einkauf", "device": "neu", "key": fresh.hex(), "roles": ["buyer"], "limit": 10**9,
            "valid_from": "2026-01-01", "valid_to": "2027-12-31",
        }  # fmt: skip
    if kind not in bodies:
        return "nothing"
    by_roots = kind in ("key-event", "officer-grant")
    new = [fresh] if kind == "officer-grant" or (kind == "key-event" and bodies[kind]["add"]) else []
    name = f"trust/{verify.log_label(origin)}/99{dice.randrange(9)}-{kind}-{org}"
    everyone = kind in ("expulsion", "succession")
    if everyone:
        name = f"root/{kind}-{dice.randrange(10**8):08d}"
    member = f"{name}.{verify.log_label(origin)}" if everyone else name
    paper = Paper(name, kind, bodies[kind], (roots if by_roots else trustees) + new, [(origin, at, member)])
    paper.label = sha256(name.encode()).hex()
    world.papers.append(paper)
    return f"{kind} of {org}"


def break_format(dice: random.Random, world: World) -> str:
    """A statement whose text is odd: doubled fields, fractions, blanks, escapes, depth, size."""
    paper = dice.choice(world.papers)
    raw = json.dumps(paper.body, ensure_ascii=False, separators=(",", ":"))
    first = raw[1 : raw.index(":")]
    paper.body = dice.choice(
        (
            "{" + first + ":1," + raw[1:],
            raw[:-1] + ',"more":1.5}',
            raw[:-1] + ',"more":1e3}',
            raw[:-1] + ',"more":-0}',
            raw[:-1] + ',"more":' + "[" * 12 + "]" * 12 + "}",
            raw[:-1] + ',"more":' + "[" * 11 + "]" * 11 + "}",
            raw[:-1] + ',"more":"' + "x" * 49_000 + '"}',
            raw[:-1] + ',"more":"\\ud800"}',
            raw[:-1] + ',"more":"\\ud83d\\ude00"}',
            raw[:-1] + ',"more":NaN}',
            raw[:-1] + ",}",
            raw + " ",
            raw + "x",
            " " + raw.replace(":", " : ", 1),
            "[" + raw + "]",
            raw.replace('"', '"\\u0061', 1),
            raw[:-1] + ',"a":1,"\\u0061":2}',
            raw[:-1] + ',"more":[[null]]}',
            raw[:-1] + ',"note":null}',
            '["kid","einkauf","kid"]',
            '["dataport","eza"]',
        )
    )
    return f"form of {paper.name}"


def change_shape(dice: random.Random, world: World) -> str:
    """The same values in another shape: a structure as the list of its values, a word as an object."""
    paper = dice.choice([paper for paper in world.papers if isinstance(paper.body, dict)])
    inner = [path for path in all_places(paper.body) if isinstance(at_place(paper.body, path), (dict, str))]
    path = dice.choice(inner)
    holder, old = at_place(paper.body, path[:-1]), at_place(paper.body, path)
    holder[path[-1]] = list(old.values()) if isinstance(old, dict) else {old: dice.choice((None, None, [], {}, True))}
    return f"shape of {path} in {paper.name}"


SIGNED = (
    (sign_other_value, 45),
    (sign_with_others, 6),
    (move_in_log, 6),
    (leave_out, 4),
    (add_paper, 12),
    (say, 12),
    (publish, 12),
    (annotate, 6),
    (change_times, 10),
    (change_trust, 16),
    (break_format, 4),
    (change_shape, 3),
)
UNSIGNED = ((change_member, 40), (shuffle_members, 30), (change_lines, 15), (change_json_unsigned, 15), (change_annex_unsigned, 10))


def forged(dice: random.Random, world: World, most: int = 2) -> tuple[bytes, bytes, str]:
    """A bundle in which one or two things were changed and signed; the root hash that goes with it; what was done."""
    changed = world.copy()
    changed.keys = dict(world.keys)
    told = []
    for _ in range(dice.randint(1, most)):
        (rule,) = dice.choices([rule for rule, _ in SIGNED], [weight for _, weight in SIGNED])
        try:
            told.append(rule(dice, changed))
        except (KeyError, TypeError, AttributeError, ValueError, IndexError):
            told.append(f"{rule.__name__} found nothing")  # What was changed before no longer has that form.
    members = changed.bundle()
    return zipped(members), changed.root(), "; ".join(told)


def mutated(dice: random.Random, raw: bytes) -> tuple[bytes, str]:
    """A bundle that was changed without a key."""
    kind = dice.random()
    if kind < 0.10:
        return flip_byte_of_file(dice, raw), "a byte of the file"
    if kind < 0.12:
        return raw[: dice.randrange(len(raw))], "cut off"
    members = dict(verify.read_zip(raw)[0])
    if kind < 0.45:
        return packed_otherwise(dice, members)
    (rule,) = dice.choices([rule for rule, _ in UNSIGNED], [weight for _, weight in UNSIGNED])
    told = rule(dice, members)
    how = dice.random()
    if how < 0.7:
        refresh(members)
        told += ", aids fit"
    names = sorted(members, key=lambda name: (name != "mimetype", name))
    if dice.random() < 0.1:
        dice.shuffle(names)
    return zipped(members, names), told
