#!/usr/bin/env python3
"""Stand-in for the Microsoft Entra ID token endpoint, for client credentials only.

    entra.py DIR

reads DIR/entra.json (tenants, applications, secrets, certificates, federated credentials, ports) and serves, on 127.0.0.1
only:
  https  POST /<tenant>/oauth2/v2.0/token   checks the form as Entra does; answers with Entra's error bodies
  http   GET /metadata/identity/oauth2/token  a managed identity's token, as the endpoint in Azure's machines gives it
  both   POST /control, GET /control/stats  faults, settings, counters (see control() below)
  both   POST /introspect                   RFC 7662: is this one of my tokens, and alive?
The second listener is plain HTTP: for Dovecot, the Exchange front and curl.

An application with "managed_identity": "system" or "user" is an identity that is assigned to this machine.
Wording of errors: Microsoft's documentation of AADSTS codes and public traces.
"""
import base64
import binascii
import hashlib
import http.server
import json
import os
import re
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AUD_SUFFIX = "/.default"
EXCHANGE = "api://AzureADTokenExchange"
FIRST_PARTY = "00000002-0000-0ff1-ce00-000000000000"
# Other names of Exchange Online in a token's "aud".
ALIASES = ("https://outlook.office.com", "https://ps.outlook.com", FIRST_PARTY)

# code: (HTTP status, error, text). {app} {tenant} {name} {scope} {resource} {x} are filled in.
ERRORS = {
    7000215: (401, "invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is the "
              "client secret value, not the client secret ID, for a secret added to app '{app}'."),
    7000222: (401, "invalid_client", "The provided client secret keys for app '{app}' are expired. Visit the Azure portal "
              "to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials "
              "for added security: https://aka.ms/certCreds."),
    7000216: (401, "invalid_client", "'client_assertion', 'client_secret' or 'request' is required for the "
              "'client_credentials' grant type."),
    7000218: (401, "invalid_client", "The request body must contain the following parameter: 'client_assertion' or "
              "'client_secret'."),
    700016: (400, "unauthorized_client", "Application with identifier '{app}' was not found in the directory '{name}'. "
             "This can happen if the application has not been installed by the administrator of the tenant or consented to "
             "by any user in the tenant. You may have sent your authentication request to the wrong tenant."),
    700011: (400, "unauthorized_client", "Application with identifier '{app}' was not found in the directory '{name}'."),
    7000112: (401, "invalid_client", "Application '{app}'({app}) is disabled."),
    70001: (400, "unauthorized_client", "Application with identifier '{app}' was not found in the directory '{name}', "
            "or is disabled."),
    90002: (400, "invalid_request", "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are "
            "signing into the correct cloud. Check with your subscription administrator, this may happen if there are no "
            "active subscriptions for the tenant."),
    90038: (400, "invalid_request", "Tenant '{tenant}' request is being redirected to the National Cloud 'MicrosoftOnline.US'."),
    900382: (400, "invalid_request", "Confidential Client is not supported in Cross Cloud request."),
    900432: (400, "invalid_request", "Confidential Client is not supported in Cross Cloud request."),
    900439: (400, "invalid_request", "USGClientNotSupportedOnPublicEndpoint: application '{app}'."),
    50059: (400, "invalid_request", "No tenant-identifying information found in either the request or implied by any "
            "provided credentials."),
    70003: (400, "unsupported_grant_type", "The app requested an unsupported grant type '{x}'."),
    70011: (400, "invalid_scope", "The provided request must include a 'scope' input parameter. The provided value for the "
            "input parameter 'scope' is not valid. The scope {scope} is not valid."),
    1002012: (400, "invalid_scope", "The provided value for scope {scope} is not valid. Client credential flows must have a "
              "scope value with /.default suffixed to the resource identifier (application ID URI)."),
    700022: (400, "invalid_request", "The provided value for the input parameter scope '{scope}' is not valid because it "
             "contains more than one resource."),
    500011: (400, "invalid_resource", "The resource principal named {resource} was not found in the tenant named {name}. "
             "This can happen if the application has not been installed by the administrator of the tenant or consented to "
             "by any user in the tenant. You might have sent your authentication request to the wrong tenant."),
    50001: (400, "invalid_resource", "The resource named {resource} was not found in the tenant named {name}."),
    650052: (400, "invalid_client", "The app is trying to access a service '{resource}' that your organization '{name}' lacks "
             "a service principal for."),
    501051: (400, "invalid_grant", "Application '{app}'({app}) is not assigned to a role for the application "
             "'{resource}'({resource})."),
    900144: (400, "invalid_request", "The request body must contain the following parameter: '{x}'."),
    900561: (400, "invalid_request", "The endpoint only accepts POST, OPTIONS requests. Received a {x} request."),
    90013: (400, "invalid_request", "Invalid input received from the user: {x}."),
    50027: (400, "invalid_request", "JWT token is invalid or malformed."),
    50012: (401, "invalid_client", "Client assertion contains an invalid signature."),
    700021: (401, "invalid_client", "Client assertion application identifier doesn't match 'client_id' parameter. Review the "
             "documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."),
    700023: (401, "invalid_client", "Client assertion audience claim does not match Realm issuer. Review the documentation at "
             "https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."),
    700024: (401, "invalid_client", "Client assertion is not within its valid time range. {x} Review the documentation at "
             "https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."),
    700027: (401, "invalid_client", "The certificate with identifier used to sign the client assertion is not registered on "
             "application. [Reason - The key was not found., Thumbprint of key used by client: '{x}', Please visit the Azure "
             "Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{app}'. Review the "
             "documentation at https://docs.microsoft.com/en-us/graph/deployments to determine the corresponding service "
             "endpoint and https://docs.microsoft.com/en-us/graph/api/application-get to build a query request URL, such as "
             "'https://graph.microsoft.com/beta/applications/{app}']."),
    700030: (401, "invalid_client", "Invalid certificate - subject name in certificate is not authorized."),
    70021: (400, "invalid_request", "No matching federated identity record found for presented assertion. Assertion Issuer: "
            "'{issuer}'. Assertion Subject: '{subject}'. Assertion Audience: '{audience}'. "
            "https://docs.microsoft.com/en-us/azure/active-directory/develop/workload-identity-federation"),
    700211: (401, "invalid_client", "No matching federated identity record found for presented assertion issuer '{issuer}'. "
             "Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. "
             "https://learn.microsoft.com/entra/workload-id/workload-identity-federation"),
    700212: (401, "invalid_client", "No matching federated identity record found for presented assertion audience '{audience}'. "
             "Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. "
             "https://learn.microsoft.com/entra/workload-id/workload-identity-federation"),
    700213: (401, "invalid_client", "No matching federated identity record found for presented assertion subject '{subject}'. "
             "Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. "
             "https://learn.microsoft.com/entra/workload-id/workload-identity-federation"),
    53003: (400, "invalid_grant", "Access has been blocked by Conditional Access policies. The access policy does not allow "
            "token issuance."),
    530032: (400, "invalid_grant", "Blocked by security policy on the tenant."),
    50196: (400, "invalid_grant", "The server terminated an operation because it encountered a client request loop. Please "
            "contact your app vendor."),
    90055: (429, "temporarily_unavailable", "The tenant '{tenant}' is throttled due to a too high request rate."),
    50033: (503, "temporarily_unavailable", "A transient error has occurred. Please try again."),
    90006: (503, "temporarily_unavailable", "The service is temporarily unavailable. Please retry later."),
    90012: (504, "temporarily_unavailable", "The server timed out while waiting for a response. Please retry later."),
    90024: (503, "temporarily_unavailable", "A transient error has occurred during this request. Please retry later."),
    90033: (503, "temporarily_unavailable", "A transient error has occurred. Please try again."),
}


class Refused(Exception):
    def __init__(self, code, **words):
        super().__init__(code)
        self.code, self.words = code, words


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def stamp(when=None):
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(when))


def verify(pem, alg, data, signature):
    """Is this a signature of data by the private half of this public key (PEM)?"""
    options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"] if alg == "PS256" else []
    with tempfile.TemporaryDirectory() as folder:
        for name, content in ("key", pem), ("sig", signature):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(content)
        done = subprocess.run(["openssl", "dgst", "-sha256", *options, "-verify", folder + "/key", "-signature",
                               folder + "/sig"], input=data, capture_output=True)
    return done.returncode == 0


class Certificate:
    """A registered certificate: thumbprints and public key, as the openssl program sees them."""

    def __init__(self, path):
        der = subprocess.run(["openssl", "x509", "-in", path, "-outform", "DER"], check=True, capture_output=True).stdout
        self.sha1 = b64url(hashlib.sha1(der).digest())
        self.sha256 = b64url(hashlib.sha256(der).digest())
        self.pem = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-pubkey"], check=True,
                                  capture_output=True).stdout

    def verify(self, alg, data, signature):
        return verify(self.pem, alg, data, signature)


class Entra:
    def __init__(self, conf):
        self.lock = threading.Lock()
        self.tenants = conf["tenants"]
        self.resources = conf["resources"]
        self.port = conf["port"]
        for tenant in self.tenants:
            for app in tenant["apps"]:
                self.load(app)
        self.tokens = {}  # token: what introspection says
        self.jtis = {}
        self.at_once = 0
        self.reset()

    @staticmethod
    def load(app):
        app["keys"] = [Certificate(path) for path in app.get("certificates", [])]
        for credential in app.get("federated", []):
            with open(credential["key"], "rb") as f:
                credential["pem"] = f.read()

    def reset(self):
        self.settings = {"lifetime": 3599, "refresh_in": None, "roles": None, "delegated": False, "delay": 0,
                         "token_type": "Bearer", "claims": {}}
        self.faults = []
        self.reset_stats()

    def reset_stats(self):
        self.stats = {"requests": 0, "tokens": 0, "errors": {}, "introspections": 0, "inactive": 0, "max_at_once": 0,
                      "assertions": {}, "identity": 0, "unexpected": []}

    # -- the token endpoint

    def find_tenant(self, word):
        word = word.lower()
        for tenant in self.tenants:
            if word == tenant["id"] or word in tenant["domains"]:
                return tenant
        if word in ("common", "organizations", "consumers"):
            raise Refused(50059)
        raise Refused(90002, tenant=word)

    def token(self, word, form):
        """form: dict of lists. Returns the body of the answer or raises Refused."""
        tenant = self.find_tenant(word)
        words = {"tenant": word, "name": tenant["name"]}
        try:
            return self.check(tenant, word, form)
        except Refused as r:
            r.words = {**words, "app": form.get("client_id", [""])[0], **r.words}
            raise

    def check(self, tenant, word, form):
        for key, values in form.items():
            if len(values) > 1:
                raise Refused(90013, x="parameter '%s' appears more than once" % key)
        form = {key: values[0] for key, values in form.items()}
        known = {"grant_type", "client_id", "scope", "client_secret", "client_assertion", "client_assertion_type"}
        for key in sorted(set(form) - known):
            self.stats["unexpected"].append(key)
        for key in ("grant_type", "client_id"):
            if not form.get(key):
                raise Refused(900144, x=key)
        if form["grant_type"] != "client_credentials":
            raise Refused(70003, x=form["grant_type"])
        if not form.get("scope"):
            raise Refused(900144, x="scope")
        apps = [a for a in tenant["apps"] if a["client_id"] == form["client_id"].lower()]
        if not apps:
            raise Refused(700016)
        app = apps[0]
        if not app.get("enabled", True):
            raise Refused(7000112)
        scope = form["scope"]
        if " " in scope.strip():
            raise Refused(700022 if scope.count(AUD_SUFFIX) > 1 else 70011, scope=scope)
        if not scope.endswith(AUD_SUFFIX):
            raise Refused(1002012, scope=scope)
        resource = scope[:-len(AUD_SUFFIX)]
        if "://" not in resource and resource != FIRST_PARTY:
            raise Refused(70011, scope=scope)
        if resource.rstrip("/") not in self.resources:
            raise Refused(500011, resource=resource)
        if "client_secret" in form and "client_assertion" in form:
            raise Refused(90013, x="both a client secret and a client assertion were sent")
        if "client_assertion" in form or "client_assertion_type" in form:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise Refused(900144, x="client_assertion_type")
            self.check_assertion(tenant, app, word, form.get("client_assertion", ""))
            strength = "2"
        elif form.get("client_secret"):
            self.check_secret(app, form["client_secret"])
            strength = "1"
        else:
            raise Refused(7000218)
        return self.issue(tenant, app, resource, strength)

    def check_secret(self, app, value):
        for secret in app.get("secrets", []):
            if secret["value"] == value:
                if secret.get("expires") and secret["expires"] < time.time():
                    raise Refused(7000222)
                return
        raise Refused(7000215)

    def check_assertion(self, tenant, app, word, jwt):
        parts = jwt.split(".")
        try:
            head, claims = (json.loads(unb64url(p)) for p in parts[:2])
            signature = unb64url(parts[2])
            if len(parts) != 3 or not isinstance(head, dict) or not isinstance(claims, dict):
                raise ValueError
        except (ValueError, IndexError, binascii.Error):
            raise Refused(50027) from None
        alg = head.get("alg")
        if alg not in ("PS256", "RS256") or head.get("typ", "JWT").upper() != "JWT":
            raise Refused(50027)
        thumb, short = head.get("x5t#S256"), head.get("x5t")
        if not thumb and not short and app.get("federated"):
            return self.check_federated(app, alg, claims, ".".join(parts[:2]).encode(), signature)
        keys = [k for k in app["keys"] if (thumb and k.sha256 == thumb) or (not thumb and short and k.sha1 == short)]
        if not keys:
            try:
                shown = unb64url(thumb or short or "").hex().upper()
            except ValueError:
                shown = ""
            raise Refused(700027, x=shown)
        if not keys[0].verify(alg, ".".join(parts[:2]).encode(), signature):
            raise Refused(50012)
        audiences = {"https://%s:%d/%s%s" % (host, self.port, name.lower(), end)
                     for host in ("localhost", "127.0.0.1") for name in [tenant["id"], *tenant["domains"]]
                     for end in ("/oauth2/v2.0/token", "/v2.0", "/")}
        if not isinstance(claims.get("aud"), str) or claims["aud"].lower() not in audiences:
            raise Refused(700023)
        if not (claims.get("iss") == claims.get("sub") == app["client_id"]):
            raise Refused(700021)
        now, begin, end = time.time(), claims.get("nbf", claims.get("iat", 0)), claims.get("exp")
        if not all(isinstance(t, (int, float)) for t in (begin, end)) or not claims.get("jti"):
            raise Refused(50027)
        # Entra grants five minutes of difference between the clocks.
        if now < begin - 300 or now > end + 300 or end - begin > 24 * 3600:
            raise Refused(700024, x="Current time: %s, assertion valid from %s, expiry time of assertion %s."
                          % (stamp(now), stamp(begin), stamp(end)))
        with self.lock:
            if claims["jti"] in self.jtis:
                raise Refused(50012)
            self.jtis[claims["jti"]] = end
            kind = "%s %s" % (alg, "x5t#S256" if thumb else "x5t")
            self.stats["assertions"][kind] = self.stats["assertions"].get(kind, 0) + 1

    def check_federated(self, app, alg, claims, data, signature):
        """Somebody else's token: one of the application's federated credentials must have its issuer, subject, audience."""
        audiences = claims.get("aud") if isinstance(claims.get("aud"), list) else [claims.get("aud")]
        words = {"issuer": claims.get("iss", ""), "subject": claims.get("sub", ""), "audience": audiences[0] or ""}
        if not words["issuer"] or not words["subject"]:
            raise Refused(70021, **words)
        known = app["federated"]
        for code, matches in ((700211, lambda c: c["issuer"] == claims["iss"]), (700213, lambda c: c["subject"] == claims["sub"]),
                              (700212, lambda c: c.get("audience", EXCHANGE) in audiences)):
            known = [c for c in known if matches(c)]
            if not known:
                raise Refused(code, **words)
        if not verify(known[0]["pem"], alg, data, signature):
            raise Refused(50012)
        now, begin, end = time.time(), claims.get("nbf", claims.get("iat", 0)), claims.get("exp")
        if not all(isinstance(t, (int, float)) for t in (begin, end)):
            raise Refused(50027)
        if now < begin - 300 or now > end + 300:
            raise Refused(700024, x="Current time: %s, assertion valid from %s, expiry time of assertion %s."
                          % (stamp(now), stamp(begin), stamp(end)))
        with self.lock:
            self.stats["assertions"]["federated"] = self.stats["assertions"].get("federated", 0) + 1

    # -- the managed identity's endpoint

    def identity(self, metadata, query):
        """Status and body, as 169.254.169.254 answers."""
        def wrong(text, error="invalid_request"):
            return 400, {"error": error, "error_description": text}
        with self.lock:
            self.stats["identity"] += 1
        if (metadata or "").lower() != "true":
            return wrong("Required metadata header not specified")
        if query.get("api-version") != ["2018-02-01"]:
            return wrong("Required api-version not specified or not supported")
        resource = query.get("resource", [""])[0]
        if resource.rstrip("/") not in self.resources:
            return wrong("AADSTS500011: The resource principal named %s was not found in the tenant." % resource, "invalid_resource")
        client = query.get("client_id", [None])[0]
        for tenant in self.tenants:
            for app in tenant["apps"]:
                if app.get("managed_identity") and (app["client_id"] == client if client else
                                                    app["managed_identity"] == "system"):
                    body = self.issue(tenant, app, resource, "2")
                    now = int(time.time())
                    # All numbers are strings here.
                    return 200, {"access_token": body["access_token"], "client_id": app["client_id"],
                                 "expires_in": str(body["expires_in"]), "expires_on": str(now + body["expires_in"]),
                                 "ext_expires_in": str(body["ext_expires_in"]), "not_before": str(now), "resource": resource,
                                 "token_type": "Bearer"}
        return wrong("Identity not found")

    def issue(self, tenant, app, resource, strength):
        now = int(time.time())
        s = self.settings
        claims = {
            "aud": resource, "iss": "https://sts.windows.net/%s/" % tenant["id"], "iat": now, "nbf": now,
            "exp": now + int(s["lifetime"]), "aio": base64.b64encode(os.urandom(39)).decode(),
            "app_displayname": "Mail migration", "appid": app["client_id"], "appidacr": strength,
            "idp": "https://sts.windows.net/%s/" % tenant["id"], "idtyp": "app", "oid": app["object_id"],
            "rh": "1." + b64url(os.urandom(40)), "roles": app.get("roles", ["IMAP.AccessAsApp"]),
            "sid": str(uuid.uuid4()), "sub": app["object_id"], "tid": tenant["id"], "uti": b64url(os.urandom(16)),
            "ver": "1.0", "wids": ["0997a1d0-0d1d-4acb-b408-d5ca73121e90"], "xms_act_fct": "9 3", "xms_ftd": b64url(os.urandom(60)),
            "xms_idrel": "7 4", "xms_sub_fct": "3 9", "xms_tnt_fct": "3 6",
        }
        if s["roles"] is not None:
            claims["roles"] = s["roles"]
        if not claims["roles"]:
            del claims["roles"]
        if s["delegated"]:
            claims.pop("roles", None)
            claims.update(scp="IMAP.AccessAsUser.All", idtyp="user", upn="admin@" + tenant["domains"][0])
        claims.update(s["claims"])
        key = b64url(os.urandom(20))
        head = {"typ": "JWT", "nonce": b64url(os.urandom(32)), "alg": "RS256", "x5t": key, "kid": key}
        token = ".".join([b64url(json.dumps(head, separators=(",", ":")).encode()),
                          b64url(json.dumps(claims, separators=(",", ":")).encode()), b64url(os.urandom(256))])
        alive = {"active": True, "appid": claims["appid"], "aud": claims["aud"], "exp": claims["exp"], "tid": tenant["id"],
                 "oid": claims["oid"], "roles": " ".join(claims.get("roles", [])), "domains": " ".join(tenant["domains"])}
        if "IMAP.AccessAsApp" not in claims.get("roles", []):
            alive = {"active": False, "exp": claims["exp"]}
        with self.lock:
            self.stats["tokens"] += 1
            self.tokens = {t: a for t, a in self.tokens.items() if a["exp"] > now}
            self.tokens[token] = alive
        body = {"token_type": s["token_type"], "expires_in": int(s["lifetime"]), "ext_expires_in": int(s["lifetime"]),
                "access_token": token}
        if s["refresh_in"] is not None:
            body["refresh_in"] = int(s["refresh_in"])
        return body

    def error(self, refused, correlation):
        status, error, text = ERRORS.get(refused.code, (400, "invalid_request", "Error {x}."))
        words = {"app": "", "tenant": "", "name": "", "scope": "", "resource": "", "x": "", "issuer": "", "subject": "", "audience": "",
                 **refused.words}
        trace, now = str(uuid.uuid4()), stamp()
        with self.lock:
            errors = self.stats["errors"]
            errors[str(refused.code)] = errors.get(str(refused.code), 0) + 1
        return status, {
            "error": error,
            "error_description": "AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s"
                                 % (refused.code, text.format(**words), trace, correlation, now),
            "error_codes": [refused.code], "timestamp": now, "trace_id": trace, "correlation_id": correlation,
            "error_uri": "https://login.microsoftonline.com/error?code=%d" % refused.code}

    def introspect(self, token):
        with self.lock:
            self.stats["introspections"] += 1
            found = self.tokens.get(token)
            if found and found["active"] and found["exp"] > time.time() and found["aud"].rstrip("/") in [*self.resources, *ALIASES]:
                return found
            self.stats["inactive"] += 1
            return {"active": False}

    # -- control

    def control(self, order):
        """Settings: lifetime refresh_in roles delegated delay token_type; claims: {NAME: value} changes what tokens say. fault: one of
             {"kind":"status","status":503,"body":"...","retry_after":5}   {"kind":"throttle","retry_after":60}
             {"kind":"aadsts","code":7000222}  {"kind":"delay","seconds":3}  {"kind":"drop"}  {"kind":"hang","seconds":60}
             {"kind":"huge","bytes":50000000}  {"kind":"text","body":"not JSON"}  {"kind":"redirect","location":"..."}
           each with "times":n (default 1; 0 = until reset); "faults":[...] queues several; an empty list clears.
           revoke: true ends every token issued so far. reset: true (all) or "stats". app: {"client_id":..,"roles":[..]} changes
           one ("certificates" and "federated" too: their files are read again)."""
        unknown = set(order) - set(self.settings) - {"fault", "faults", "revoke", "reset", "app"}
        if unknown:
            raise ValueError("unknown key: " + ", ".join(sorted(unknown)))
        with self.lock:
            if order.get("reset") == "stats":
                self.reset_stats()
            elif order.get("reset"):
                self.reset()
            if order.get("revoke"):
                self.tokens = {}
            for tenant in self.tenants:
                for app in tenant["apps"]:
                    if order.get("app", {}).get("client_id") == app["client_id"]:
                        self.load({**app, **order["app"]})  # before anything changes: a file may be missing
                        app.update(order["app"])
                        self.load(app)
            if order.get("faults") == []:
                self.faults = []
            for fault in order.get("faults", []) + ([order["fault"]] if "fault" in order else []):
                self.faults.append({"times": 1, **fault})
            self.settings.update({k: v for k, v in order.items() if k in self.settings})
            return {"settings": self.settings, "faults": self.faults}

    def next_fault(self):
        with self.lock:
            if not self.faults:
                return None
            fault = self.faults[0]
            if fault["times"] == 1:
                self.faults.pop(0)
            elif fault["times"] > 1:
                fault["times"] -= 1
            return fault


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "lab", ""
    timeout = 120
    disable_nagle_algorithm = True

    def log_message(self, form, *args):
        sys.stderr.write("%s %s %s\n" % (stamp(), self.address_string(), form % args))

    def answer(self, status, body, kind="application/json; charset=utf-8", headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store, no-cache")
        for key, value in headers:
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > 1 << 20:
            return b""
        return self.rfile.read(int(length))

    def form(self, data):
        if self.headers.get("Content-Type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
            return {}
        try:
            return urllib.parse.parse_qs(data.decode("ascii"), keep_blank_values=True, strict_parsing=bool(data),
                                         errors="strict")
        except ValueError:
            raise Refused(90013, x="the body is not form-encoded") from None

    def do_GET(self):
        path = self.path.split("?")[0]
        entra = self.server.entra
        if path == "/control/stats":
            return self.answer(200, {**entra.stats, "live": len(entra.tokens), "faults": entra.faults})
        if path == "/control":
            return self.answer(200, {"settings": entra.settings, "faults": entra.faults})
        if path == "/metadata/identity/oauth2/token" and not self.server.context:
            fault = entra.next_fault()
            if fault and self.fault(entra, fault, str(uuid.uuid4()), ""):
                return None
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query, keep_blank_values=True)
            return self.answer(*entra.identity(self.headers.get("Metadata"), query))
        if path.endswith("/oauth2/v2.0/token"):
            status, body = entra.error(Refused(900561, x="GET"), str(uuid.uuid4()))
            return self.answer(status, body)
        return self.answer(404, b"", "text/html")

    def do_POST(self):
        data, entra = self.body(), self.server.entra
        if self.path == "/control":
            try:
                order = json.loads(data)
                return self.answer(200, entra.control(order))
            except (ValueError, AttributeError, TypeError, OSError, subprocess.CalledProcessError) as e:
                return self.answer(400, {"error": str(e)})
        if self.path == "/introspect":
            token = urllib.parse.parse_qs(data.decode("latin-1")).get("token", [""])[0]
            return self.answer(200, entra.introspect(token))
        match = re.fullmatch(r"/([^/]+)/oauth2/v2\.0/token", self.path)
        if not match:
            return self.answer(404, b"", "text/html")
        with entra.lock:
            entra.stats["requests"] += 1
            entra.at_once += 1
            entra.stats["max_at_once"] = max(entra.at_once, entra.stats["max_at_once"])
        try:
            self.token(entra, urllib.parse.unquote(match[1]), data)
        finally:
            with entra.lock:
                entra.at_once -= 1

    def token(self, entra, word, data):
        correlation = self.headers.get("client-request-id") or str(uuid.uuid4())
        if entra.settings["delay"]:
            time.sleep(float(entra.settings["delay"]))
        fault = entra.next_fault()
        if fault and self.fault(entra, fault, correlation, word):
            return
        try:
            body = entra.token(word, self.form(data))
            self.answer(200, body)
        except Refused as r:
            status, body = entra.error(r, correlation)
            self.answer(status, body, headers=[("x-ms-request-id", body["trace_id"])])

    def fault(self, entra, fault, correlation, word):
        """True where the answer was given (or withheld) here."""
        kind = fault.get("kind")
        wait = [("Retry-After", str(fault["retry_after"]))] if "retry_after" in fault else []
        if kind == "delay":
            time.sleep(float(fault.get("seconds", 1)))
            return False
        if kind == "throttle":
            self.answer(429, fault.get("body", "Too many requests.").encode(), "text/plain",
                        wait or [("Retry-After", "60")])
        elif kind == "status":
            self.answer(int(fault.get("status", 500)), fault.get("body", "The service is unavailable.").encode(),
                        fault.get("type", "text/html"), wait)
        elif kind == "aadsts":
            status, body = entra.error(Refused(int(fault["code"]), app="", tenant=word, **fault.get("words", {})), correlation)
            self.answer(int(fault.get("status", status)), body, headers=wait)
        elif kind == "text":
            self.answer(200, fault.get("body", "<html>sign in</html>").encode(), "text/html")
        elif kind == "redirect":
            self.answer(302, b"", headers=[("Location", fault.get("location", "https://localhost:%d/" % entra.port))])
        elif kind == "huge":
            self.answer(200, b'{"token_type":"Bearer","access_token":"' + b"x" * int(fault.get("bytes", 50_000_000)) + b'"}')
        else:
            if kind == "hang":
                time.sleep(float(fault.get("seconds", 60)))
            self.close_connection = True
            self.connection.close()
        return True


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512
    context = None

    def finish_request(self, request, client_address):
        # The handshake belongs to the connection's own thread: a slow client holds up nobody.
        if self.context:
            request.settimeout(30)
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)
        try:
            request.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        request.close()

    def handle_error(self, request, client_address):
        sys.stderr.write("%s connection ended: %r\n" % (stamp(), sys.exc_info()[1]))


def main():
    folder = os.path.abspath(sys.argv[1])
    with open(os.path.join(folder, "entra.json"), encoding="utf-8") as f:
        conf = json.load(f)
    entra = Entra(conf)
    secure = Server(("127.0.0.1", conf["port"]), Handler)
    secure.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.context.minimum_version = ssl.TLSVersion.TLSv1_2
    secure.context.load_cert_chain(os.path.join(folder, "server.crt"), os.path.join(folder, "server.key"))
    plain = Server(("127.0.0.1", conf["control_port"]), Handler)
    secure.entra = plain.entra = entra
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    secure.serve_forever()


if __name__ == "__main__":
    main()
