"""What schemathesis cannot know from the documents: bodies that are no text, what opens doors, what is in a signed
envelope, and which refusals are mistakes."""

import base64
import itertools
import json
import os
from pathlib import Path
from urllib.parse import urlencode

import jsonschema_rs
import schemathesis
from hypothesis import strategies as st

TOKEN_LENGTH = 162
ELEMENT_LENGTH = 32
TOKEN_TYPE = b"\x00\x05"

# Kinds of problems that say that a request cannot be read.
UNREADABLE = {"bad-request", "idempotency-key-missing", "malformed", "media-type", "method-not-allowed"}


def real(kind):
    """What the harness made, one a line in hexadecimal."""
    file = Path(os.environ["FARTHING_REAL"], kind)
    return [bytes.fromhex(line) for line in file.read_text().split()] if file.exists() else []


def or_real(strategy, kind):
    return st.one_of(strategy, st.sampled_from(real(kind))) if real(kind) else strategy


def base64url(data):
    return base64.urlsafe_b64encode(data).decode()


def varint(number):
    """A length of RFC 9000, section 16."""
    return bytes([number]) if number < 64 else (0x4000 | number).to_bytes(2)


def batch(elements):
    body = b"".join(elements)
    return varint(len(body)) + body


TOKENS = st.lists(
    or_real(st.binary(min_size=TOKEN_LENGTH, max_size=TOKEN_LENGTH), "tokens"), min_size=1, max_size=4
).map(b"".join)
ELEMENT = st.binary(min_size=ELEMENT_LENGTH, max_size=ELEMENT_LENGTH)
HEAD = st.binary(min_size=1, max_size=1).map(lambda truncated_id: TOKEN_TYPE + truncated_id)
SINGLE = st.tuples(HEAD, ELEMENT).map(b"".join)
BATCH = st.tuples(HEAD, st.lists(ELEMENT, min_size=1, max_size=4).map(batch)).map(b"".join)

# What the form of the gate's page sends.
FORM = st.tuples(
    st.sampled_from(["/articles/7", "/articles/7?x=1", "/", "/x/../articles/7"]),
    st.one_of(TOKENS.map(base64url), st.text()),
).map(lambda fields: urlencode(dict(zip(("path", "tokens"), fields))).encode())

schemathesis.openapi.media_type("application/octet-stream", TOKENS)
schemathesis.openapi.media_type("application/x-www-form-urlencoded", FORM)
schemathesis.openapi.media_type("application/private-token-request", SINGLE)
schemathesis.openapi.media_type(
    "application/private-token-amortized-batch-request", or_real(BATCH, "token-requests")
)


def first(kind):
    return [made.decode() for made in real(kind)[:1]]


# Of each kind one request after the other, and then one without. A proxy's questions carry tokens of which the same one is
# shown again: it is spent then, or it is the same payment.
PROOFS = [{"Authorization": f'PrivateToken token="{base64url(token)}"'} for token in real("tokens")[:8]]
PROOFS = itertools.cycle([{}, *PROOFS, {"Authorization": "PrivateToken token=AAAA"}, *({"Cookie": it} for it in first("passes"))])
SESSIONS = itertools.cycle([{}, *({"Cookie": session} for session in first("sessions"))])
STATEMENTS = itertools.cycle([{}, *({"id": statement} for statement in first("statements"))])


def is_positive(case):
    """Whether a request is meant to be as the document wants it."""
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Has some requests show what opens doors, or name what there is."""
    if not is_positive(case):
        return
    path = case.operation.path
    if path.endswith(("/farthing/ask", "/farthing/denied")):
        case.headers.update(next(PROOFS))
    elif path == "/dashboard":
        case.headers.update(next(SESSIONS))
    elif path == "/v1/statements/{id}":
        case.path_parameters.update(next(STATEMENTS))


@schemathesis.deserializer("application/private-token-issuer-directory")
def directory(_context, response):
    return response.json()


def members(value):
    """Every object in a value."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from members(inner)


def payload_schemas(document):
    """The schema of every kind of payload that a document describes."""
    for schema in members(document):
        properties = schema.get("properties", {})
        if "contentSchema" in properties.get("payload", {}):
            yield properties["payloadType"]["const"], properties["payload"]["contentSchema"]


@schemathesis.check
def signed(_context, response, case):
    """What is in a signed envelope is as the document says: JSON Schema itself does not look inside."""
    if response.headers.get("content-type") != ["application/json"]:
        return
    document = case.operation.schema.raw_schema
    schemas = dict(payload_schemas(document))
    for envelope in members(response.json()):
        if envelope.get("payloadType") in schemas:
            payload = envelope["payload"]
            payload = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            schema = schemas[envelope["payloadType"]] | {"components": document["components"]}
            jsonschema_rs.Draft202012Validator(schema).validate(payload)


@schemathesis.check
def understood(_context, response, case):
    """What a document allows may be refused, but not as something that cannot be read."""
    if not is_positive(case) or response.status_code < 400:
        return
    if response.headers.get("content-type") != ["application/problem+json"] or not response.content:
        return
    problem = response.json()
    # OpenAPI has no words for a query that goes with one of two media types.
    atomic_twice = problem.get("field") == "atomic" and case.media_type == "application/json"
    # Nor for a day that comes after another.
    begin, end = ((case.query or {}).get(name) for name in ("from", "through"))
    backwards = problem.get("field") == "from" and begin and end and begin > end
    # Nor for a header that must be there with one of them alone.
    pathless = problem.get("field") == "Farthing-Path" and case.media_type == "application/octet-stream"
    kind = problem["type"].rsplit(":", 1)[1]
    excused = atomic_twice or backwards or pathless
    assert kind not in UNREADABLE or excused, f"{kind}: {problem['detail']}"
