#!/usr/bin/python3
"""The peer itself, held to the vectors: who judges others by them must pass them first.

The folder can be given by DISTWORKER_VECTORS.
"""
import base64
import json
import sys
import unittest

sys.dont_write_bytecode = True
import wire
from google.protobuf import json_format


def vectors(name):
    with open(wire.vectors_folder() / name, encoding="utf-8") as file:
        found = json.load(file)
    assert found, f"no vectors in {name}"
    return found


class Frames(unittest.TestCase):
    def test_each_parses_into_what_its_json_says(self):
        for vector in vectors("frames.json"):
            with self.subTest(hex=vector["hex"][:60]):
                name, payload = wire.unwrap(bytes.fromhex(vector["hex"]))
                self.assertEqual(name, vector["type"].lower())
                expected = json_format.ParseDict(vector["json"], wire.pb.WebSocketMessage())
                self.assertEqual(payload, getattr(expected, name))

    def test_registrations_are_signed_by_their_token(self):
        registrations = [vector for vector in vectors("frames.json") if "signed" in vector]
        self.assertTrue(registrations)
        for vector in registrations:
            with self.subTest(hex=vector["hex"][:60]):
                _, register = wire.unwrap(bytes.fromhex(vector["hex"]))
                self.assertEqual(register.data, base64.b64decode(vector["json"]["worker_register"]["data"]))
                signed = wire.pb.SignedWorkerRegister.FromString(register.data)
                self.assertEqual(signed, json_format.ParseDict(vector["signed"], wire.pb.SignedWorkerRegister()))
                self.assertEqual(register.signature,
                                 wire.sign(vector["token"].encode(), signed.date, register.data))


class Signatures(unittest.TestCase):
    def test_keys_and_signature(self):
        for vector in vectors("websocket_signatures.json"):
            with self.subTest(token=vector["token"], date=vector["date"]):
                token, data = vector["token"].encode(), bytes.fromhex(vector["data_hex"])
                date_key, signing_key = wire.keys(token, vector["date"])
                self.assertEqual(date_key.hex(), vector["date_key_hex"])
                self.assertEqual(signing_key.hex(), vector["signing_key_hex"])
                self.assertEqual(wire.sign(token, vector["date"], data).hex(), vector["signature_hex"])


if __name__ == "__main__":
    unittest.main()
