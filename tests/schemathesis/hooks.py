"""What schemathesis cannot know from the documents: bodies that are no text, and which refusals are mistakes."""

import os
from pathlib import Path

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

schemathesis.openapi.media_type("application/octet-stream", TOKENS)
schemathesis.openapi.media_type("application/private-token-request", SINGLE)
schemathesis.openapi.media_type(
    "application/private-token-amortized-batch-request", or_real(BATCH, "token-requests")
)


@schemathesis.deserializer("application/private-token-issuer-directory")
def directory(_context, response):
    return response.json()


@schemathesis.check
def understood(_context, response, case):
    """What a document allows may be refused, but not as something that cannot be read."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code < 400:
        return
    if response.headers.get("content-type") != ["application/problem+json"] or not response.content:
        return
    problem = response.json()
    # OpenAPI has no words for a query that goes with one of two media types.
    atomic_twice = problem.get("field") == "atomic" and case.media_type == "application/json"
    kind = problem["type"].rsplit(":", 1)[1]
    assert kind not in UNREADABLE or atomic_twice, f"{kind}: {problem['detail']}"
