#!/usr/bin/env python3
"""A token endpoint over HTTPS for tests/cli/token.sh: python3 token_server.py FOLDER

FOLDER holds cert.pem and key.pem. The server writes its port to FOLDER/port, one line a request to
FOLDER/requests (a JSON object), and does what the first line of FOLDER/mode says at that moment.
"""
import base64
import http.server
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse

folder = sys.argv[1]
lock = threading.Lock()
count = 0
SECRET = "s3cr3t~Value.+&%=x"

IDS = {
    "timestamp": "2026-01-31 12:00:00Z",
    "trace_id": "aaaaaaaa-1111-2222-3333-444444444444",
    "correlation_id": "bbbbbbbb-1111-2222-3333-444444444444",
    "error_uri": "https://login.microsoftonline.com/error?code=1",
}


def coded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def token(lifetime, number, **more):
    now = int(time.time())
    claims = {
        "aud": "https://outlook.office365.com",
        "iss": "https://sts.windows.net/99999999-1111-2222-3333-444444444444/",
        "iat": now,
        "nbf": now,
        "exp": now + lifetime,
        "appid": "11111111-2222-3333-4444-555555555555",
        "appidacr": "1",
        "idtyp": "app",
        "oid": "77777777-1111-2222-3333-444444444444",
        "tid": "99999999-1111-2222-3333-444444444444",
        "roles": ["IMAP.AccessAsApp"],
    }
    claims.update(more)
    claims = {k: v for k, v in claims.items() if v is not None}
    return "%s.%s.TOKENMARK%d" % (coded({"typ": "JWT", "alg": "RS256", "nonce": "n"}), coded(claims), number)


def refusal(error, code, sentence):
    description = "AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s" % (
        code, sentence, IDS["trace_id"], IDS["correlation_id"], IDS["timestamp"])
    return dict(IDS, error=error, error_description=description, error_codes=[code])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body, **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = dict(urllib.parse.parse_qsl(body))
        with lock:
            count += 1
            number = count
            with open(os.path.join(folder, "requests"), "a") as log:
                log.write(json.dumps({"method": self.command, "path": self.path, "form": form,
                                      "agent": self.headers.get("User-Agent")}) + "\n")
            with open(os.path.join(folder, "mode")) as f:
                words = f.read().split()
            # "N x M y": N times mode x, then mode y.
            if words[0].isdigit():
                left = int(words[0])
                with open(os.path.join(folder, "mode"), "w") as f:
                    rest = words[words.index("then") + 1:]
                    f.write(" ".join([str(left - 1)] + words[1:]) if left > 1 else " ".join(rest))
                words = words[1:words.index("then")]
        try:
            self.behave(words, form, number)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass

    def behave(self, words, form, number):
        mode, arguments = words[0], words[1:]
        if mode == "slow":
            time.sleep(float(arguments[0]))
            mode = "ok"
            arguments = []
        if mode == "hang":
            time.sleep(60)
        elif mode == "throttle":
            self.reply(429, b"Too many requests, slow down", Retry_After=arguments[0])
        elif mode == "status":
            self.reply(int(arguments[0]), b"Service unavailable")
        elif mode == "plain":
            self.reply(200, b"<html>Please sign in to the hotel's network</html>")
        elif mode == "redirect":
            self.reply(302, b"", Location="https://localhost:%d/elsewhere" % self.server.server_port)
        elif mode == "huge":
            self.reply(200, b"x" * (1 << 20))
        elif mode == "nul":
            self.reply(200, b'{"access_token":"a\0b","expires_in":3600}')
        elif mode == "echo":
            self.reply(401, refusal("invalid_client", 7000215, "Wrong is %s here." % form.get("client_secret")))
        elif mode == "error":
            self.reply(400, refusal(arguments[0], int(arguments[1]), " ".join(arguments[2:]) + "."))
        elif mode == "string":
            self.reply(200, {"token_type": "Bearer", "expires_in": "3599", "access_token": token(3599, number)})
        elif mode == "claims":
            self.reply(200, {"token_type": "Bearer", "expires_in": 3600,
                             "access_token": token(3600, number, **json.loads(" ".join(arguments)))})
        elif mode == "opaque":
            self.reply(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": "OPAQUE-TOKENMARK"})
        elif mode == "refresh":
            self.reply(200, {"token_type": "Bearer", "expires_in": 90000, "refresh_in": int(arguments[0]),
                             "access_token": token(90000, number)})
        elif mode == "ok":
            if "client_assertion" not in form and form.get("client_secret") != SECRET:
                self.reply(401, refusal("invalid_client", 7000215,
                                        "Invalid client secret provided. Ensure the secret being sent in the request "
                                        "is the client secret value, not the client secret ID."))
                return
            lifetime = int(arguments[0]) if arguments else 3600
            self.reply(200, {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime,
                             "access_token": token(lifetime, number)})
        else:
            self.reply(500, b"unknown mode")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, address):
        pass  # clients that go away or do not trust us are part of the test


server = Server(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
with open(os.path.join(folder, "port.new"), "w") as f:
    f.write(str(server.server_port))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
server.serve_forever()
