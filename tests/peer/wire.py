"""What both peers and their tests share: the messages, the signature, the lines they print.

Written from the protocol's description alone, on Debian's python3-websockets and python3-protobuf; nothing here
was taken from, or looked up in, the C++ code that it judges.
"""
import datetime
import hashlib
import hmac
import importlib
import json
import math
import os
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time
import uuid

from google.protobuf import json_format

WEBSOCKET_PATH = "/worker/v1/ws"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
MAX_CLOCK_SKEW_S = 300
MAX_MESSAGE = 64 * 1024 * 1024


def _generate():
    """The classes of proto/distworker.proto, generated now, so that they can never be out of date."""
    schema = pathlib.Path(__file__).resolve().parents[2] / "proto" / "distworker.proto"
    with tempfile.TemporaryDirectory(prefix="distworker-peer-") as folder:
        subprocess.run(["protoc", f"-I{schema.parent}", f"--python_out={folder}", str(schema)], check=True)
        sys.path.insert(0, folder)
        try:
            return importlib.import_module("distworker_pb2")
        finally:
            sys.path.remove(folder)


pb = _generate()


def keys(token, date):
    """The date key and the signing key of a session (protocol, section 3)."""
    date_key = hmac.digest(b"DISTWORKER1" + token, date[:8].encode(), hashlib.sha256)
    return date_key, hmac.digest(date_key, b"distworker1_websocket", hashlib.sha256)


def sign(token, date, data):
    """The signature of a registration: 32 bytes over exactly the bytes `data`."""
    return hmac.digest(keys(token, date)[1], data, hashlib.sha256)


def now_date():
    return datetime.datetime.now(datetime.timezone.utc).strftime(DATE_FORMAT)


def clock_skew_s(date):
    """Seconds between a registration's date and now, either way; infinite when it is no date."""
    try:
        then = datetime.datetime.strptime(date, DATE_FORMAT).replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return math.inf
    return abs(time.time() - then.timestamp())


def read_token(path):
    return pathlib.Path(path).read_bytes().rstrip(b"\r\n")


def new_task_id():
    """A UUIDv7, as text."""
    value = int(time.time() * 1000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def to_struct(values, target):
    """Writes a dict into a Struct field; an empty dict still makes the field present."""
    target.SetInParent()
    target.update(values)


def to_json(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def wrap(**payload):
    """The frame of one payload, e.g. wrap(task_complete=pb.TaskComplete(...)): its type follows from its name."""
    (name,) = payload
    return pb.WebSocketMessage(type=pb.MessageType.Value("MESSAGE_TYPE_" + name.upper()), **payload)


def unwrap(raw):
    """(name, payload) of a frame; ValueError when it cannot be read or its type is not that of its payload."""
    message = pb.WebSocketMessage()
    try:
        message.ParseFromString(raw)
    except Exception as error:  # DecodeError differs between protobuf's implementations
        raise ValueError(f"a frame that protobuf cannot read: {error}") from error
    name = message.WhichOneof("payload")
    if name is None or pb.MessageType.Name(message.type) != "MESSAGE_TYPE_" + name.upper():
        raise ValueError(f"a frame of type {message.type} with payload {name}")
    return name, getattr(message, name)


def _shorten(value):
    if isinstance(value, str) and len(value) > 500:
        return f"{value[:100]}... ({len(value)} characters)"
    if isinstance(value, dict):
        return {key: _shorten(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shorten(item) for item in value]
    return value


def say(event, **details):
    """One event, one JSON line on stdout, at once."""
    print(json.dumps({"event": event, **_shorten(details)}, ensure_ascii=False), flush=True)


def vectors_folder():
    here = pathlib.Path(__file__).resolve().parents[1] / "vectors"
    return pathlib.Path(os.environ.get("DISTWORKER_VECTORS") or here)
