#!/usr/bin/env python3
"""A site that asks for its own pay, in Python and with nothing else installed.

    python3 site.py REDEEMER API_KEY_FILE SECRET_FILE [PORT]

The first page is free, each article costs a cent. docs/gate.md says why it does what it does ("For a site in any other
language").
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import sys
import threading
import time
import traceback
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

ISSUER = "issuer.localhost"
PRICE_MICROS, CURRENCY = 10_000, "EUR"
PASS_SECONDS = 86_400
# A payment can be repeated in the span of time in which it was made, and in the next one.
SPAN = 600
COOKIE = "__Secure-farthing-pass"
# Just these paths have a price, and just these are served: no second spelling of one is a way around it.
ARTICLES = {f"/articles/{number}": f"This is article {number}. Thank you.\n" for number in range(1, 100)}

# TokenChallenge of RFC 9577: token type 5, the issuer's name after its length, no context, no origin.
CHALLENGE = b"\x00\x05" + len(ISSUER).to_bytes(2, "big") + ISSUER.encode() + b"\x00" + b"\x00\x00"
DIGEST = hashlib.sha256(CHALLENGE).digest()
# A token: type, nonce, digest of the challenge, id of its key, authenticator.
TOKEN_LENGTH = 2 + 32 + 32 + 32 + 64
# As many as a header may have. Who wants to take more lets readers post them.
MOST_TOKENS = 30

# How long it goes by the keys that the redeemer has named, and when it asks again if that did not say.
KEYS_SECONDS, RETRY_SECONDS = 60, 5

# What the redeemer says of a key whose tokens it takes.
Key = namedtuple("Key", "token_key_id token_key value_micros currency redeem_until")

# What the redeemer says of a token, in the words that wallets know.
REASONS = {
    "spent": ("token-spent", "a token was spent before"),
    "expired": ("token-expired", "a token is too old"),
    "revoked": ("token-revoked", "the key of a token was revoked"),
    "unknown-key": ("token-key-unknown", "a token is of another issuer or key"),
    "invalid": ("token-invalid", "a token is not genuine"),
}


class Away(Exception):
    """The redeemer did not say what became of the tokens. The same request later is right, and costs nothing twice."""


class Refused(Exception):
    """The tokens do not pay; nothing was spent now."""

    def __init__(self, kind, detail):
        super().__init__(detail)
        self.kind = kind


@contextlib.contextmanager
def reading():
    """An answer in which something is missing, or is something else, says nothing."""
    try:
        yield
    except (LookupError, TypeError, ValueError) as error:
        raise Away("its answer cannot be read") from error


def complain(reason):
    """For the operator: it says nothing of reader or page."""
    print(f"the redeemer does not do its part: {reason}", file=sys.stderr, flush=True)


class Redeemer:
    """The redeemer, as the publisher with this API key knows it."""

    def __init__(self, url, api_key):
        self.url, self.api_key = urlsplit(url), api_key
        self.keys = None

    def ask(self, method, path, body=None, headers=()):
        """Status and answer. No redirect is followed: the API key goes where the configuration says."""
        kind = http.client.HTTPSConnection if self.url.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.url.netloc, timeout=8)
        try:
            with reading():
                headers = {"Authorization": f"Bearer {self.api_key}", **dict(headers)}
                connection.request(method, self.url.path.rstrip("/") + path, body, headers)
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise Away(str(error)) from error
        finally:
            connection.close()

    def accepted_keys(self):
        """The keys whose tokens it takes. No reader waits for it to name them."""
        if self.keys is None:
            raise Away("it has not yet said which token keys it accepts")
        return self.keys

    def ask_for_keys(self):
        """After how many seconds to ask again. The keys known before hold until it names others."""
        try:
            status, listing = self.ask("GET", "/v1/keys")
            if status != 200:
                raise Away(f"it answered {status}")
            with reading():
                self.keys = [Key(*(key[field] for field in Key._fields)) for key in listing["keys"]]
            return KEYS_SECONDS
        except Away as reason:
            complain(reason)
            return RETRY_SECONDS

    def watch_keys(self):
        """Asks for the keys now, so that whoever comes first finds them, and from now on beside all that readers want."""
        pause = self.ask_for_keys()

        def watch():
            nonlocal pause
            while True:
                time.sleep(pause)
                pause = self.ask_for_keys()

        threading.Thread(target=watch, daemon=True).start()


class Paywall:
    """Knows prices and payments, and keeps nothing of either."""

    def __init__(self, redeemer, secret):
        self.redeemer, self.secret = redeemer, secret

    def mac(self, *fields):
        text = json.dumps(fields).encode()
        return base64.urlsafe_b64encode(hmac.digest(self.secret, text, "sha256")).rstrip(b"=").decode()

    def www_authenticate(self):
        """A challenge for each key whose tokens make up the price, the newest first, and the price beside it."""
        able = [
            key
            for key in reversed(self.redeemer.accepted_keys())
            if key.currency == CURRENCY
            and PRICE_MICROS % key.value_micros == 0
            and PRICE_MICROS // key.value_micros <= MOST_TOKENS
            and time.time() < key.redeem_until
        ]
        if not able:
            raise Away("it accepts no key whose tokens make up the price")
        challenge = base64.urlsafe_b64encode(CHALLENGE).decode()
        return ", ".join(
            # 32 bytes, which in base64url are padded with one sign.
            f'PrivateToken challenge="{challenge}", token-key="{key.token_key}=", '
            f'price-micros="{PRICE_MICROS}", currency="{CURRENCY}"'
            for key in able
        )

    def check(self, tokens):
        """Whether the tokens can pay, as far as can be seen without the redeemer: it would take what is too much as well."""
        values = {key.token_key_id: key for key in self.redeemer.accepted_keys()}
        worth = 0
        for token in tokens:
            if token[34:66] != DIGEST:
                raise Refused("token-invalid", "a token was made for another challenge")
            key = values.get(base64.urlsafe_b64encode(token[66:98]).rstrip(b"=").decode())
            if key is None:
                # The key may have ended since they were taken.
                return "unknown-key"
            if key.currency != CURRENCY:
                raise Refused("payment-amount", f"this page is paid for in {CURRENCY}")
            worth += key.value_micros
        if worth != PRICE_MICROS or len(set(tokens)) != len(tokens):
            raise Refused("payment-amount", f"this page costs {PRICE_MICROS} micros; show different tokens of just that value")
        return None

    def pay(self, page, tokens):
        """Has the tokens taken for a page, or finds that they were; when the pass for it ends."""
        now = int(time.time()) // SPAN
        # The same payment has the same name, so that a repetition is answered and not paid for again. Whoever does not know
        # the secret cannot tell a page from it.
        shown = [token.hex() for token in tokens]
        names = {span: self.mac("payment", page, PRICE_MICROS, span, *shown) for span in (now, now - 1)}
        result, spans = self.check(tokens), [now, now - 1]
        if result is None:
            headers = {"Idempotency-Key": names[now], "Content-Type": "application/octet-stream"}
            status, answer = self.redeemer.ask("POST", "/v1/redemptions", b"".join(tokens), headers)
            if status not in (200, 409):
                raise Away(f"it answered {status}")
            with reading():
                results = answer["results"]
                if status == 200 and results == ["accepted"] * len(tokens):
                    return self.end_of_pass(now)
                result = [result for result in results if result in REASONS][0]
            spans = [now - 1]
        # Perhaps they were taken for this page a short while ago, and the answer was lost.
        for span in spans:
            status, _ = self.redeemer.ask("GET", f"/v1/redemptions/{names[span]}")
            if status == 200:
                return self.end_of_pass(span)
            if status not in (404, 409):
                raise Away(f"it answered {status}")
        raise Refused(*REASONS[result])

    def end_of_pass(self, span):
        """Whoever repeats a payment gets no longer pass for it. No end tells who has paid when."""
        return (span + 1) * SPAN + PASS_SECONDS

    def pass_for(self, page, end):
        return f"{end}.{self.mac('pass', page, end)}"

    def opens(self, page, shown):
        end, _, _ = shown.partition(".")
        # Of thousands of digits Python makes no number, but an exception.
        known = len(end) <= 12 and end.isdecimal() and int(end) > time.time()
        return known and hmac.compare_digest(self.pass_for(page, int(end)).encode(), shown.encode())


def tokens_of(header):
    """The tokens in `Authorization`: `PrivateToken token="..."`, or `tokens="..."` with several, back to back."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "privatetoken":
        return None
    name, _, value = rest.strip().partition("=")
    value = value.strip('"').rstrip("=")
    try:
        data = base64.b64decode(value + "=" * (-len(value) % 4), altchars="-_", validate=True)
    except ValueError:
        data = b""
    count = len(data) // TOKEN_LENGTH
    if name not in ("token", "tokens") or len(data) % TOKEN_LENGTH or not 1 <= count <= MOST_TOKENS:
        raise Refused("payment-malformed", 'show tokens as PrivateToken token="...", in base64url')
    return [data[at : at + TOKEN_LENGTH] for at in range(0, len(data), TOKEN_LENGTH)]


class Site(BaseHTTPRequestHandler):
    # One request a connection. Bodies are not read here, and on a connection that stays open the next request would begin
    # with what is left of one: behind a proxy that shares its connections, somebody else's request.
    protocol_version = "HTTP/1.0"
    paywall = None

    def do_GET(self):
        page = self.path.partition("?")[0]
        if page == "/":
            # Tells a wallet that its tokens, if it showed any, were not looked at.
            return self.answer(200, "Read /articles/1, for a cent\n", {"Farthing-Access": "free"})
        if page not in ARTICLES:
            return self.problem(404, "not-found", "there is nothing at this path")
        cookies = "; ".join(self.headers.get_all("Cookie", [])).split(";")
        passes = [value for name, _, value in (cookie.strip().partition("=") for cookie in cookies) if name == COOKIE]
        try:
            if any(self.paywall.opens(page, shown) for shown in passes):
                return self.article(page, {})
            try:
                tokens = tokens_of(self.headers.get("Authorization", ""))
                if tokens is None:
                    raise Refused("payment-required", f"this page costs {PRICE_MICROS} micros of {CURRENCY}")
                end = self.paywall.pay(page, tokens)
            except Refused as refused:
                if refused.kind == "payment-malformed":
                    return self.problem(400, refused.kind, str(refused))
                challenge = {"WWW-Authenticate": self.paywall.www_authenticate()}
                return self.problem(401, refused.kind, str(refused), challenge)
        except Away as reason:
            complain(reason)
            again = "it is not known what became of the tokens, if there were any; the same request again is right"
            return self.problem(503, "unavailable", again, {"Retry-After": "2"})
        seconds = end - int(time.time())
        cookie = f"{COOKIE}={self.paywall.pass_for(page, end)}; Path={page}; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"
        return self.article(page, {"Set-Cookie": cookie})

    def article(self, page, headers):
        return self.answer(200, ARTICLES[page], {"Cache-Control": "private, no-store", **headers})

    def problem(self, status, kind, detail, headers=()):
        body = {"type": f"urn:farthing:problem:{kind}", "title": detail, "status": status, "detail": detail}
        headers = {"Content-Type": "application/problem+json", "Cache-Control": "private, no-store", **dict(headers)}
        return self.answer(status, json.dumps(body), headers)

    def answer(self, status, text, headers):
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain; charset=utf-8", "Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Who read what is in no log."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Says where it failed, and neither for whom nor with what. A reader who goes away is no failure."""
        kind, _, trace = sys.exc_info()
        if not issubclass(kind, ConnectionError):
            print(f"a request failed: {kind.__name__}", *traceback.format_tb(trace), sep="\n", file=sys.stderr, flush=True)


def secret_of(file):
    """The secret that signs passes and names payments, made once: with another one, readers would pay twice."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
            new.write(os.urandom(32))
            new.flush()
            os.fsync(new.fileno())
    except FileExistsError:
        pass
    with open(file, "rb") as made:
        secret = made.read()
    if len(secret) != 32:
        sys.exit(f"{file}: this is no secret of 32 bytes; remove it, and all passes end")
    return secret


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit("usage: site.py REDEEMER API_KEY_FILE SECRET_FILE [PORT]")
    redeemer, api_key_file, secret_file, *port = sys.argv[1:]
    with open(api_key_file, encoding="ascii") as file:
        api_key = file.read().strip()
    redeemer = Redeemer(redeemer, api_key)
    Site.paywall = Paywall(redeemer, secret_of(secret_file))
    redeemer.watch_keys()
    server = Server(("127.0.0.1", int(port[0]) if port else 8080), Site)
    print("listening addr={}:{}".format(*server.server_address), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
