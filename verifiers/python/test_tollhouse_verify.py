"""The golden vectors of packages/contract/vectors, which the TypeScript and Go verifiers pass too.

python3 -m unittest discover verifiers/python
"""

import json
import pathlib
import unittest

import tollhouse_verify as verifier

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "packages" / "contract" / "vectors"


def load(name):
    return json.loads((VECTORS / name).read_text("utf-8"))


def trusting(vectors, besides=None):
    besides = besides or {"earlier": [], "witnesses": [], "needed": 0}
    keys = [verifier.parse_key(word) for word in [vectors["key"], *besides["earlier"]]]
    witnesses = [verifier.parse_key(word, verifier.WITNESS) for word in besides["witnesses"]]
    return verifier.Trust(keys, witnesses, besides["needed"])


def accepts(work):
    try:
        work()
        return True
    except verifier.Bad:
        return False


class GoldenVectors(unittest.TestCase):
    vectors = load("ledger-verify.json")

    def test_the_chain_of_all_types_and_fields_hashes_as_recorded(self):
        chain = load("ledger-entries.json")
        previous = verifier.genesis_hash(chain["deployment"], bytes.fromhex(chain["tenant"]))
        self.assertEqual(previous.hex(), chain["genesis_hash"])
        for entry in chain["entries"]:
            body = bytes.fromhex(entry["body"])
            verifier.decode_body(body)
            previous = verifier.entry_hash_of(previous, body)
            self.assertEqual(previous.hex(), entry["entry_hash"])

    def test_bodies_are_accepted_and_refused_as_recorded(self):
        for case in self.vectors["bodies"]:
            with self.subTest(case["name"]):
                body = bytes.fromhex(case["body"])
                self.assertEqual(accepts(lambda: verifier.decode_body(body)), case["accepted"])

    def test_roots_are_those_recorded(self):
        tree = verifier.Tree()
        for size, root in enumerate(self.vectors["tree"]["roots"]):
            self.assertEqual(tree.root().hex(), root)
            if size < len(self.vectors["tree"]["entry_hashes"]):
                tree.push(bytes.fromhex(self.vectors["tree"]["entry_hashes"][size]))

    def test_inclusion_proofs_hold_and_fail_as_recorded(self):
        for case in self.vectors["inclusion"]:
            with self.subTest(case["name"]):
                proof = [bytes.fromhex(digest) for digest in case["proof"]]
                leaf, root = bytes.fromhex(case["leaf"]), bytes.fromhex(case["root"])
                holds = verifier.inclusion_holds(leaf, case["index"], case["size"], proof, root)
                self.assertEqual(holds, case["accepted"])

    def test_consistency_proofs_hold_and_fail_as_recorded(self):
        for case in self.vectors["consistency"]:
            with self.subTest(case["name"]):
                proof = [bytes.fromhex(digest) for digest in case["proof"]]
                roots = bytes.fromhex(case["from_root"]), bytes.fromhex(case["to_root"])
                self.assertEqual(verifier.consistency_holds(case["from"], case["to"], *roots, proof), case["accepted"])

    def test_notes_are_opened_and_refused_as_recorded(self):
        for case in self.vectors["notes"]:
            with self.subTest(case["name"]):
                opened = accepts(lambda: verifier.open_checkpoint(case["note"], trusting(case)))
                self.assertEqual(opened, case["accepted"])

    def test_notes_with_witnesses_and_earlier_keys_are_opened_and_refused_as_recorded(self):
        for case in self.vectors["witnessed_notes"]:
            with self.subTest(case["name"]):
                trust = lambda: trusting(self.vectors, case["besides"])
                opened = accepts(lambda: verifier.require(verifier.open_checkpoint(case["note"], trust())[2], "not witnessed"))
                self.assertEqual(opened, case["accepted"])

    def test_receipts_hold_and_fail_as_recorded(self):
        key = trusting(self.vectors)
        for case in self.vectors["receipts"]:
            with self.subTest(case["name"]):
                self.assertEqual(accepts(lambda: verifier.verify_receipt(case["receipt"], key)), case["accepted"])

    def test_exports_are_judged_as_recorded(self):
        written = self.vectors["exports"]["lines"]
        for case in self.vectors["exports"]["cases"]:
            with self.subTest(case["name"]):
                trust = trusting(self.vectors, case["besides"])
                pin = None if case["pin"] is None else verifier.open_checkpoint(case["pin"], trust)
                answer = verifier.verify_export([written[line].encode() for line in case["lines"]], trust, pin)
                answer.pop("problem")
                if answer["result"] == "FAIL":
                    del answer["entries"], answer["checkpoints"]
                self.assertEqual(answer, case["answer"])


class Ed25519(unittest.TestCase):
    """RFC 8032, 7.1, and what must not pass."""

    KNOWN = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ]

    def test_known_signatures_hold_and_no_changed_one_does(self):
        for key, message, signature in self.KNOWN:
            key, message, signature = (bytes.fromhex(part) for part in (key, message, signature))
            self.assertTrue(verifier.ed25519_holds(key, message, signature))
            self.assertFalse(verifier.ed25519_holds(key, message + b"x", signature))
            for bit in range(0, 512, 7):
                changed = bytearray(signature)
                changed[bit // 8] ^= 1 << (bit % 8)
                self.assertFalse(verifier.ed25519_holds(key, message, bytes(changed)))

    def test_a_signature_with_a_scalar_beyond_the_order_fails(self):
        key, message, signature = (bytes.fromhex(part) for part in self.KNOWN[0])
        scalar = int.from_bytes(signature[32:], "little") + verifier.ORDER
        self.assertFalse(verifier.ed25519_holds(key, message, signature[:32] + scalar.to_bytes(32, "little")))


if __name__ == "__main__":
    unittest.main()
