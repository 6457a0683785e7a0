#!/usr/bin/env python3
"""Checks a Tollhouse ledger without Tollhouse: an export or a receipt, and a public key.

    python3 tollhouse_verify.py export.ndjson --key KEY [--pin CHECKPOINT] [--witness KEY ... [--witnesses-needed N]]
    python3 tollhouse_verify.py receipt.tlog-proof --key KEY [--witness KEY ... [--witnesses-needed N]]

KEY is the word that GET /api/v1/ledger/public-key answers as `key`, or a file with it (once more for each of `earlier`); that of a
witness is what its operator publishes. CHECKPOINT is a file with a checkpoint that you kept. One file, the standard library of Python 3.9 or newer, and no line of Tollhouse's own code: it follows
docs/ledger-format.md alone. Exit status 0: PASS. 1: FAIL. 2: it could not be checked.
"""

import argparse
import base64
import binascii
import functools
import hashlib
import json
import os
import re
import struct
import sys

EXPORT_FORMAT = "tollhouse-ledger-export/v1"
PROOF_FORMAT = "c2sp.org/tlog-proof@v1"
SIZE_MAX = 2**53 - 1
BODY_MAX = 16 * 1024 * 1024
NOTE_MAX = 256 * 1024
SIGNATURES_MAX = 100
# Algorithms of keys (c2sp.org/signed-note): a ledger signs the text, a witness the text behind its time.
LEDGER, WITNESS = 1, 4


class Bad(Exception):
    """Something that is not as the format says, or a signature or hash that does not hold."""


def require(holds, problem):
    if not holds:
        raise Bad(problem)


def sha256(data):
    return hashlib.sha256(data).digest()


# Ed25519 (RFC 8032, 5.1): verification only, so nothing here is secret and nothing need take constant time.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def add_points(a, b):
    """Extended coordinates: (X, Y, Z, T) with x = X/Z, y = Y/Z, T = XY/Z."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return (i * j % P, k * m % P, j * k % P, i * m % P)


@functools.lru_cache(maxsize=64)
def doublings(point):
    """The point times 1, 2, 4, … 2^255: two of three additions of a signature are these, and a ledger has few keys."""
    points = [point]
    while len(points) < 256:
        points.append(add_points(points[-1], points[-1]))
    return points


def times(scalar, point):
    result = NEUTRAL
    for doubled in doublings(point):
        if scalar & 1:
            result = add_points(result, doubled)
        scalar >>= 1
    return result


@functools.lru_cache(maxsize=64)
def decode_point(data):
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * SQRT_OF_MINUS_ONE % P
    if (x * x - square) % P != 0 or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def encode_point(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | ((x & 1) << 255)).to_bytes(32, "little")


BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_holds(public_key, message, signature):
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key = decode_point(public_key)
    s = int.from_bytes(signature[32:], "little")
    if key is None or s >= ORDER:
        return False
    hashed = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(hashed, "little") % ORDER
    minus_key = (P - key[0], key[1], key[2], P - key[3])
    return encode_point(add_points(times(s, BASE), times(k, minus_key))) == signature[:32]


# Signed notes and checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).


def from_base64(text, what):
    """One text for each bytes: other alphabets, missing padding and stray bits are refused."""
    try:
        ascii_text = text.encode("ascii")
        data = base64.b64decode(ascii_text, validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise Bad(what + ": expected base64") from None
    if base64.b64encode(data) != ascii_text:
        raise Bad(what + ": expected base64")
    return data


def key_id(name, algorithm, public_key):
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public_key)[:4]


def parse_key(word, algorithm=LEDGER):
    match = re.fullmatch(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)", word)
    require(match, "public key: expected name+id+base64")
    name, identity, data = match.group(1), match.group(2), from_base64(match.group(3), "public key")
    whose = "of a ledger" if algorithm == LEDGER else "of a witness"
    require(is_key_name(name) and len(data) == 33 and data[0] == algorithm, "public key: expected an Ed25519 key " + whose)
    require(key_id(name, algorithm, data[1:]).hex() == identity, "public key: its id is not that of its name and key")
    return name, data[1:]


class Trust:
    """Whom an auditor believes: keys of one ledger, and how many of which witnesses must have seen a checkpoint."""

    def __init__(self, keys, witnesses=(), needed=None):
        self.keys, self.witnesses = list(keys), list(witnesses)
        self.needed = len(self.witnesses) if needed is None else needed
        self.name = self.keys[0][0]
        require(all(name == self.name for name, _ in self.keys), "public key: expected keys of one ledger")


def is_key_name(name):
    return name != "" and not any(c.isspace() or c == "+" or ord(c) < 32 or 127 <= ord(c) < 160 for c in name)


def parse_note(note):
    """(text, signatures): each signature is (name, key id, bytes), and not checked yet."""
    require(len(note) <= NOTE_MAX, "note: too long")
    require(all(ord(c) >= 32 or c == "\n" for c in note), "note: control characters")
    split = note.rfind("\n\n")
    require(split >= 1 and note.endswith("\n"), "note: expected a text, an empty line and signatures")
    text, lines = note[: split + 1], note[split + 2 : -1].split("\n")
    require(len(lines) <= SIGNATURES_MAX, "note: too many signatures")
    signatures = []
    for line in lines:
        match = re.fullmatch("\u2014 ([^ \n]+) ([A-Za-z0-9+/=]+)", line)
        require(match and is_key_name(match.group(1)), "note: a line after the empty one is no signature")
        data = from_base64(match.group(2), "note")
        require(len(data) >= 5, "note: a line after the empty one is no signature")
        signatures.append((match.group(1), data[:4], data[4:]))
    return text, signatures


def is_signed_by(note, key, algorithm):
    """Did the key sign? A signature of its own that does not hold makes the whole note worthless."""
    (text, signatures), (name, public_key) = note, key
    own = [data for signer, identity, data in signatures if signer == name and identity == key_id(name, algorithm, public_key)]
    for data in own:
        message = text
        if algorithm == WITNESS:
            # c2sp.org/tlog-cosignature: eight bytes of time, seconds since 1970, are signed in front of the text.
            require(len(data) == 72, "note: a cosignature has 72 bytes")
            message, data = "cosignature/v1\ntime %d\n%s" % (int.from_bytes(data[:8], "big"), text), data[8:]
        require(ed25519_holds(public_key, message.encode(), data), "note: the signature of " + name + " is not good")
    return bool(own)


def open_checkpoint(note, trust):
    """(size, root, seen by enough witnesses) of a checkpoint that the ledger signed. Signatures of others may stand beside."""
    parsed = parse_note(note)
    signed = [key for key in trust.keys if is_signed_by(parsed, key, LEDGER)]
    require(signed, "note: " + trust.name + " did not sign it with this key")
    # One key counts once, under however many names.
    seen = {key[1] for key in trust.witnesses if is_signed_by(parsed, key, WITNESS)}
    return parse_checkpoint(parsed[0], trust.name) + (len(seen) >= trust.needed,)


def parse_checkpoint(text, origin):
    lines = text.split("\n")
    require(len(lines) == 4 and lines[3] == "", "checkpoint: expected three lines")
    require(lines[0] == origin, "checkpoint: expected the origin " + origin)
    require(re.fullmatch("0|[1-9][0-9]{0,15}", lines[1]), "checkpoint: size is no number")
    root = from_base64(lines[2], "checkpoint: root")
    require(int(lines[1]) <= SIZE_MAX and len(root) == 32, "checkpoint: size or root is not one")
    return int(lines[1]), root


# The tree of RFC 6962 over the entry hashes.


def leaf_hash(entry_hash):
    return sha256(b"\x00" + entry_hash)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


class Tree:
    """Grows by a leaf at a time; keeps only the roots of the whole subtrees on its right edge."""

    def __init__(self, size=0, edge=()):
        require(len(edge) == bin(size).count("1"), "edge: expected one hash for each whole subtree")
        self.size = size
        self.edge = list(edge)

    def push(self, entry_hash):
        digest, index = leaf_hash(entry_hash), self.size
        while index & 1:
            digest = node_hash(self.edge.pop(), digest)
            index >>= 1
        self.edge.append(digest)
        self.size += 1

    def root(self):
        if not self.edge:
            return sha256(b"")
        digest = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            digest = node_hash(left, digest)
        return digest


def inclusion_holds(leaf, index, size, proof, root):
    """RFC 9162, 2.1.3.2."""
    if not 0 <= index < size or any(len(digest) != 32 for digest in [leaf, root, *proof]):
        return False
    fn, sn, digest = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            digest = node_hash(sibling, digest)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            digest = node_hash(digest, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and digest == root


def consistency_holds(older, newer, older_root, newer_root, proof):
    """RFC 9162, 2.1.4.2."""
    if not 0 <= older <= newer or any(len(digest) != 32 for digest in [older_root, newer_root, *proof]):
        return False
    if older == newer:
        return not proof and older_root == newer_root
    if older == 0:
        return not proof and older_root == sha256(b"")
    path = ([older_root] if older & (older - 1) == 0 else []) + list(proof)
    if not path:
        return False
    fn, sn = older - 1, newer - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    a = b = path[0]
    for digest in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            a, b = node_hash(digest, a), node_hash(digest, b)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            b = node_hash(b, digest)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and a == older_root and b == newer_root


# The body of an entry.

GENESIS, KEY_ROTATION = 1, 8
FIELD_KINDS = {
    "text": [1, 2, 3, 4, 5, 6, 16, 17, 18, 19, 21, 22, 33, 34, 35, 36, 48, 50, 51, 53, 56, 64, 65, 66, 67, 68, 96],
    "bytes32": [20, 98],
    "u32": [49, 52, 97],
    "i64": [37, 38, 55, 81],
    "usage": [32],
    "counters": [39],
    "counts": [80],
    "limits": [54],
}
KIND_OF_TAG = {tag: kind for kind, tags in FIELD_KINDS.items() for tag in tags}
FIXED_LENGTHS = {"bytes32": 32, "u32": 4, "i64": 8}


FIELD_HEADER = struct.Struct(">HI")
USAGE = struct.Struct(">BQ")


def require_utf8(data):
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("text: not UTF-8") from None


def check_field(tag, data):
    """A tag that is not known here belongs to a later version, and is kept."""
    kind = KIND_OF_TAG.get(tag)
    if kind == "text":
        require_utf8(data)
    elif kind in FIXED_LENGTHS:
        if len(data) != FIXED_LENGTHS[kind]:
            raise Bad("tag %d: wrong length" % tag)
    elif kind is not None:
        CHECKS[kind](data)


def after_text(data, at):
    """Where a text ends that stands behind its length, a byte."""
    end = at + 1 + data[at] if at < len(data) else at + 1
    if end > len(data):
        raise Bad("truncated")
    require_utf8(data[at + 1 : end])
    return end


def check_usage(data):
    require(len(data) % USAGE.size == 0, "truncated")
    last = -1
    for usage_class, units in USAGE.iter_unpack(data):
        require(usage_class <= 18, "usage: unknown class")
        require(usage_class > last, "usage: duplicate or out of order")
        require(units <= SIZE_MAX, "usage: above 2^53 - 1")
        last = usage_class


def check_counters(data):
    at = 0
    while at < len(data):
        at = after_text(data, after_text(data, at)) + 8
    require(at == len(data), "truncated")


def check_counts(data):
    at = 0
    while at < len(data):
        at = after_text(data, at) + 4
    require(at == len(data), "truncated")


def check_limits(data):
    at = 0
    while at < len(data):
        words = after_text(data, at)
        at = words + 4 + 4 + 4 * 8
        require(at <= len(data), "truncated")
        scope, measure, window, mode = data[words : words + 4]
        require(scope <= 10 and measure <= 2 and window <= 5 and mode <= 1, "limits: unknown number")


CHECKS = {"usage": check_usage, "counters": check_counters, "counts": check_counts, "limits": check_limits}


def decode_body(body):
    """(type, tenant, sequence, MAC key id, fields by tag) of strictly well-formed bytes."""
    require(86 <= len(body) <= BODY_MAX, "body: too short or too long")
    require(body[0] == 1, "version: unknown")
    require(1 <= body[1] <= 10, "type: unknown")
    require(body[79] <= 4, "usage source: unknown")
    require(body[76:79] == b"USD", "currency: expected USD")
    fields, at, last = {}, 86, -1
    for _ in range(int.from_bytes(body[84:86], "big")):
        if at + 6 > len(body):
            raise Bad("body: truncated")
        tag, length = FIELD_HEADER.unpack_from(body, at)
        end = at + 6 + length
        if tag <= last or end > len(body):
            raise Bad("tag %d: %s" % (tag, "duplicate or descending" if tag <= last else "truncated"))
        fields[tag] = body[at + 6 : end]
        at, last = end, tag
    require(at == len(body), "body: trailing bytes")
    for tag, data in fields.items():
        check_field(tag, data)
    return body[1], body[4:20], int.from_bytes(body[20:28], "big"), int.from_bytes(body[80:84], "big"), fields


def genesis_hash(deployment, tenant):
    return sha256(b"tollhouse/genesis/v1\x00" + deployment.encode() + tenant)


def entry_hash_of(previous, body):
    return sha256(b"tollhouse/entry/v1\x00" + previous + len(body).to_bytes(4, "big") + body)


# An export.


def hex_bytes(what, text, length):
    try:
        data = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        data = b""
    # One text for each bytes: no capitals, no spaces.
    if len(data) != length or data.hex() != text:
        raise Bad(what + ": expected hexadecimal digits")
    return data


def is_number(value):
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= SIZE_MAX


class Export:
    """Checks an export line by line, in constant memory. Nothing is judged after the first bad line."""

    def __init__(self, trust, pin=None):
        self.trust, self.pin = trust, pin
        self.head = self.tree = self.previous = self.mac_key = self.since = self.bad = None
        self.entries = self.checkpoints = self.agreed = self.witnessed = 0
        self.pin_agreed = False

    def push(self, line):
        if self.bad is not None:
            return
        try:
            self.read(line)
        except Bad as problem:
            self.fail(str(problem))

    def fail(self, problem, sequence=None):
        expected = 1 if self.tree is None else self.tree.size + 1
        self.bad = (expected if sequence is None else sequence, problem)

    def read(self, line):
        try:
            fields = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            raise Bad("a line that is no JSON object") from None
        require(isinstance(fields, dict), "a line that is no JSON object")
        names = set(fields)
        if names == {"format", "deployment", "tenant", "origin", "from", "to", "previous_hash", "edge"}:
            return self.begin(fields)
        require(self.since is not None, "expected the first line of an export")
        if names == {"sequence", "body", "entry_hash", "mac"}:
            return self.entry(fields)
        if names == {"checkpoint"}:
            return self.checkpoint(fields["checkpoint"])
        require(names == {"end", "entries"} and fields["end"] is True, "a line that an export does not have")
        ended = fields["entries"]
        require(type(ended) is int and ended == self.since, "the export does not have as many entries as it says")
        self.since = None
        return None

    def begin(self, head):
        require(head["format"] == EXPORT_FORMAT, "expected the format " + EXPORT_FORMAT)
        require(isinstance(head["deployment"], str) and is_number(head["from"]), "the first line is not what an export has")
        require(isinstance(head["edge"], list), "the first line is not what an export has")
        tenant = hex_bytes("tenant", head["tenant"], 16)
        previous = hex_bytes("previous_hash", head["previous_hash"], 32)
        tree = Tree(head["from"] - 1, [hex_bytes("edge", digest, 32) for digest in head["edge"]])
        require(self.since is None, "an export begins before the one before it has ended")
        origin = "tollhouse/%s/%s" % (head["deployment"], head["tenant"])
        require(origin == self.trust.name and head["origin"] == origin, "the export is of another ledger than " + self.trust.name)
        if self.head is not None:
            goes_on = head["from"] == self.tree.size + 1 and previous == self.previous
            require(goes_on, "the export does not go on where the one before it ended")
        else:
            genesis = genesis_hash(head["deployment"], tenant)
            require(head["from"] > 1 or previous == genesis, "previous_hash is not the genesis hash")
            self.head, self.tenant, self.tree, self.previous = head, tenant, tree, previous
            self.agreed = self.witnessed = head["from"] - 1
        self.since = 0

    def entry(self, fields):
        sequence, body = fields["sequence"], fields["body"]
        require(is_number(sequence) and isinstance(body, str), "sequence or body is not what an entry has")
        body = from_base64(body, "body")
        stored_hash = hex_bytes("entry_hash", fields["entry_hash"], 32)
        hex_bytes("mac", fields["mac"], 32)
        expected = self.tree.size + 1
        if sequence != expected:
            raise Bad("%s: %d stands here" % ("order" if sequence < expected else "gap", sequence))
        kind, tenant, own_sequence, mac_key, parts = decode_body(body)
        if own_sequence != sequence:
            raise Bad("order: the body says sequence %d" % own_sequence)
        require(tenant == self.tenant, "tenant: the body names another tenant")
        require(entry_hash_of(self.previous, body) == stored_hash, "hash: it does not follow from the entry before and the body")
        require((kind == GENESIS) == (sequence == 1), "genesis: it stands at sequence 1 and nowhere else")
        self.check_key(kind, mac_key, parts)
        if sequence == 1:
            require(parts.get(96) == self.head["deployment"].encode(), "genesis: it names another deployment")
        self.tree.push(stored_hash)
        self.previous = stored_hash
        self.entries += 1
        self.since += 1
        if self.pin is not None and self.pin[0] == sequence:
            if self.tree.root() != self.pin[1]:
                return self.disagree("the pinned checkpoint")
            self.pin_agreed, self.agreed = True, sequence
        return None

    def check_key(self, kind, mac_key, parts):
        require(self.mac_key in (None, mac_key), "key: another MAC key without a key rotation")
        self.mac_key = mac_key
        if kind == KEY_ROTATION:
            require(97 in parts and 98 in parts, "format: a key rotation needs nextMacKeyId and nextMac")
            self.mac_key = int.from_bytes(parts[97], "big")

    def checkpoint(self, note):
        require(isinstance(note, str), "checkpoint is not a text")
        size, root, is_witnessed = open_checkpoint(note, self.trust)
        require(size == self.tree.size, "the checkpoint of %d entries does not follow its last one" % size)
        if root != self.tree.root():
            return self.disagree("its checkpoint")
        self.checkpoints += 1
        self.agreed = size
        self.witnessed = size if is_witnessed else self.witnessed
        return None

    def disagree(self, what):
        self.fail("the entries up to %d are not those of %s" % (self.tree.size, what), self.agreed + 1)

    def judge_end(self):
        if self.head is None:
            return self.fail("there is no export")
        if self.since is not None:
            return self.fail("the export breaks off: its last line is missing")
        if self.pin is not None and self.pin[0] > self.tree.size:
            return self.fail("entries were cut off: the export ends at %d, the pin covers %d" % (self.tree.size, self.pin[0]))
        if self.pin is not None and self.pin[0] < self.head["from"]:
            return self.fail("the export begins behind the pin")
        if self.agreed < self.tree.size:
            return self.fail("no checkpoint covers the entries from %d on" % (self.agreed + 1), self.agreed + 1)
        if self.trust.witnesses and self.witnessed < self.tree.size:
            since = self.witnessed + 1
            return self.fail("no checkpoint that enough witnesses cosigned covers the entries from %d on" % since, since)
        return None

    def end(self):
        if self.bad is None:
            self.judge_end()
        proven = self.bad is None and self.pin_agreed
        return {
            "result": "PASS" if self.bad is None else "FAIL",
            "tail": "PROVEN" if proven else "NOT PROVEN",
            "proven_to": self.pin[0] if proven else None,
            "entries": self.entries,
            "checkpoints": self.checkpoints,
            "witnessed_to": self.witnessed if self.trust.witnesses else None,
            "first_bad_sequence": None if self.bad is None else self.bad[0],
            "problem": None if self.bad is None else self.bad[1],
        }


def verify_export(lines, trust, pin=None):
    export = Export(trust, pin)
    for line in lines:
        export.push(line)
    return export.end()


# A receipt (c2sp.org/tlog-proof).


def verify_receipt(text, trust):
    """What the proven entry says of itself. The extra data is the previous hash and the body."""
    require("\n\n" in text, "proof: expected a checkpoint behind an empty line")
    head, note = text.split("\n\n", 1)
    lines = head.split("\n")
    require(lines[0] == PROOF_FORMAT, "proof: expected " + PROOF_FORMAT)
    require(len(lines) >= 3 and lines[1].startswith("extra "), "proof: expected the entry as extra data")
    extra = from_base64(lines[1][6:], "extra")
    match = re.fullmatch("index (0|[1-9][0-9]{0,15})", lines[2])
    require(match and len(lines) <= 66 and len(extra) > 32, "proof: expected an index")
    index, proof = int(match.group(1)), [from_base64(line, "proof") for line in lines[3:]]
    size, root, is_witnessed = open_checkpoint(note, trust)
    require(is_witnessed, "checkpoint: not cosigned by as many witnesses as are needed")
    digest = entry_hash_of(extra[:32], extra[32:])
    require(inclusion_holds(leaf_hash(digest), index, size, proof, root), "proof: the entry is not in the tree")
    _, _, sequence, _, _ = decode_body(extra[32:])
    require(sequence == index + 1, "proof: the entry is of another place")
    decision = extra[32 + 36 : 32 + 52].hex()
    return {"result": "PASS", "sequence": sequence, "decision": "dec_" + decision, "entry_hash": digest.hex(), "covered_by": size}


def read_text(path):
    with open(path, "rb") as file:
        return file.read().decode("utf-8")


def read_key(given, algorithm):
    return parse_key(read_text(given).strip() if os.path.exists(given) else given, algorithm)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="an export (NDJSON) or a receipt (tlog-proof)")
    parser.add_argument("--key", required=True, action="append", help="the ledger's public key, or a file with it; again for earlier ones")
    parser.add_argument("--pin", help="a file with a checkpoint that you kept")
    parser.add_argument("--witness", default=[], action="append", help="a witness who must have cosigned: its public key, or a file with it")
    parser.add_argument("--witnesses-needed", type=int, help="how many of them; else all")
    asked = parser.parse_args(arguments)
    if asked.witnesses_needed is not None and not 1 <= asked.witnesses_needed <= len(asked.witness):
        parser.error("--witnesses-needed: expected 1 to the number of --witness")
    try:
        witnesses = [read_key(given, WITNESS) for given in asked.witness]
        trust = Trust([read_key(given, LEDGER) for given in asked.key], witnesses, asked.witnesses_needed)
        pin = None if asked.pin is None else open_checkpoint(read_text(asked.pin), trust)
        with open(asked.file, "rb") as file:
            is_receipt = file.readline() == (PROOF_FORMAT + "\n").encode()
            file.seek(0)
            if is_receipt:
                answer = verify_receipt(file.read().decode("utf-8"), trust)
            else:
                answer = verify_export((line.rstrip(b"\n") for line in file), trust, pin)
    except Bad as problem:
        answer = {"result": "FAIL", "problem": str(problem)}
    except (OSError, UnicodeDecodeError) as problem:
        print("cannot be checked: %s" % problem, file=sys.stderr)
        return 2
    print(json.dumps(answer))
    return 0 if answer["result"] == "PASS" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
