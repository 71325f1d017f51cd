"""A double of Azure Resource Manager and its login, for the real Azure CLI, over TLS.

It answers what the suite's scripts make the CLI ask; everything else is a 404 that the test sees.
Checked on each request: bearer token, api-version, and the members that the service requires.
Faults for tests: connections that end without an answer, creations that fail, and what
Subscription has. Long-running operations are 202 and a URL to ask; each question moves them on.
Not modelled: throttling, several tenants, and everything named in resources.py and template.py.
"""

import http.server
import json
import re
import secrets
import threading
import urllib.parse

from tests.provisioning import dps_service, resources
from tests.provisioning.deployment import Deployment
from tests.provisioning.resources import DPS, HUB, STORAGE, Refusal, Subscription, demand

GROUP_VERSIONS = {"2021-04-01"}
SOON = {"retry-after-ms": "50"}  # of long-running operations, whose other header has whole seconds
TENANT = "adfs"
KINDS = {kind.lower(): kind for kind in (HUB, DPS, STORAGE)}


def json_of(body):
    """The CLI puts the text of a template into its request as it is, its name without quotes."""
    return json.loads(re.sub(rb", template:", b', "template":', body, count=1) or b"{}")


class Answer:
    def __init__(self, status, body=None, headers=None):
        self.status, self.body, self.headers = status, body, headers or {}


class ResourceManager:
    """The server; start() gives it a port, close() ends it."""

    def __init__(self, context, access, application="app-1", password="pass word"):
        self.subscription = Subscription(access)
        self.dps = dps_service.DpsService(self.subscription)
        self.application, self.password = application, password
        self.requests = []  # (method, path with query)
        self.unknown = []  # what it has no answer for
        self.drop = lambda method, path: False  # which requests end without an answer
        self.before = lambda method, path: None  # called before a request is answered
        self._tokens = set()
        self._lock = threading.Lock()
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def serve(self):
                double.serve(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = serve

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                  do_handshake_on_connect=False)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"https://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def changes(self):
        """The requests that change something, in order."""
        reading = re.compile(r"/oauth2/token|/listkeys|/validate|/checkNameAvailability", re.I)
        return [(method, path) for method, path in self.requests
                if method not in ("GET", "HEAD") and not reading.search(path)]

    def serve(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.before(request.command, request.path)
        if self.drop(request.command, request.path):
            request.close_connection = True
            return
        with self._lock:
            self.requests.append((request.command, request.path))
            try:
                answer = self._answer(request, body)
            except Refusal as refusal:
                answer = Answer(refusal.status, refusal.body())
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        request.send_response(answer.status)
        for name, value in answer.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Type", "application/json; charset=utf-8")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)

    # ---- routes ----
    def _answer(self, request, body):
        url = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        path = urllib.parse.unquote(url.path)
        if path.startswith(f"/{TENANT}/"):
            return self._login(path, body)
        enrollment = re.fullmatch(r"/enrollmentGroups/([^/]+)", path)
        if enrollment:
            return Answer(200, self.dps.handle(request.command, enrollment[1], query,
                                               request.headers, json_of(body)))
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        demand(token in self._tokens, "Authentication failed.", 401, "AuthenticationFailed")
        demand("api-version" in query, "The api-version query parameter is required for all "
               "requests.", 400, "MissingApiVersionParameter")
        mine = f"/subscriptions/{self.subscription.id}"
        if path in ("/subscriptions", mine):
            about = {"id": mine, "subscriptionId": self.subscription.id, "tenantId": TENANT,
                     "displayName": "Test subscription", "state": "Enabled"}
            seen = [about] if self.subscription.is_visible else []
            return Answer(200, about if path == mine else {"value": seen})
        for pattern, handler in self._routes():
            match = re.fullmatch(re.escape(mine) + pattern, path, re.IGNORECASE)
            if match:
                self._if_match = request.headers.get("If-Match")
                return handler(request.command, query, json_of(body), *match.groups())
        self.unknown.append((request.command, request.path))
        raise Refusal(404, "NotModelled", f"The double has no answer to {request.command} {path}.")

    def _routes(self):
        group = r"/resourcegroups/([^/]+)"
        deployment = group + r"/providers/Microsoft\.Resources/deployments/([^/]+)"
        resource = group + r"/providers/(Microsoft\.\w+/\w+)/([^/]+)"
        return (
            (r"/providers/(Microsoft\.\w+)", self._provider),
            (r"/providers/(Microsoft\.\w+)/register", self._register),
            (r"/resources", self._list),
            (r"/providers/Microsoft\.Devices/checkNameAvailability", self._availability),
            (group, self._group),
            (group + r"/deletion", self._group_deletion),
            (deployment, self._deployment),
            (deployment + r"/validate", self._validate),
            (deployment + r"/operationStatuses/1", self._operation),
            (resource, self._resource),
            (resource + r"/listkeys", self._keys),
            (resource + r"/(?:IotHubKeys|keys)/([^/]+)/listkeys", self._keys),
            (resource + r"/certificates", self._certificates),
            (resource + r"/certificates/([^/]+)", self._certificate),
            (resource + r"/certificates/([^/]+)/(generateVerificationCode|verify)", self._proof),
        )

    # ---- login ----
    def _login(self, path, body):
        base = f"{self.url}/{TENANT}"
        if path.endswith("/.well-known/openid-configuration"):
            return Answer(200, {"issuer": base, "token_endpoint": f"{base}/oauth2/token",
                                "authorization_endpoint": f"{base}/oauth2/authorize",
                                "device_authorization_endpoint": f"{base}/oauth2/devicecode"})
        demand(path == f"/{TENANT}/oauth2/token", "There is nothing here.", 404, "NotFound")
        fields = dict(urllib.parse.parse_qsl(body.decode()))
        if (fields.get("grant_type"), fields.get("client_id"), fields.get("client_secret")) != (
                "client_credentials", self.application, self.password):
            return Answer(401, {"error": "invalid_client", "error_codes": [7000215],
                                "error_description": "AADSTS7000215: Invalid client secret "
                                "provided."})
        token = secrets.token_urlsafe(24)
        self._tokens.add(token)
        return Answer(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": token})

    # ---- providers, groups, lists ----
    def _provider(self, _method, _query, _body, namespace):
        names = {n.lower(): n for n in ("Microsoft.Devices", "Microsoft.Storage")}
        demand(namespace.lower() in names, f"There is no '{namespace}'.", 404)
        name = names[namespace.lower()]
        known = name in self.subscription.registered
        return Answer(200, {"namespace": name, "resourceTypes": [],
                            "registrationState": "Registered" if known else "NotRegistered"})

    def _register(self, method, query, body, namespace):
        demand(method == "POST", "Use POST.", 405)
        name = self._provider(method, query, body, namespace).body["namespace"]
        self.subscription.registered.add(name)
        return self._provider(method, query, body, namespace)

    def _availability(self, _method, _query, body):
        """The CLI asks it before it shows a hub."""
        free = self.subscription.is_free(HUB, body.get("name", ""))
        return Answer(200, {"nameAvailable": free, "reason": "Invalid" if free else
                            "AlreadyExists"})

    def _list(self, _method, query, _body):
        wanted = re.search(r"resourceGroup eq '([^']+)'", query.get("$filter", ""))
        demand(wanted, "Only lists of one group are modelled.")
        group = self.subscription.group(wanted[1])
        return Answer(200, {"value": [self.subscription.document(group, r)
                                      for r in group.resources.values()
                                      if r.kind != resources.CONTAINER]})

    def _group(self, method, query, body, name):
        demand(query["api-version"] in GROUP_VERSIONS, "No such version.", 400,
               "InvalidApiVersionParameter")
        if method == "PUT":
            is_new = name.lower() not in self.subscription.groups
            group = self.subscription.put_group(name, body)
            return Answer(201 if is_new else 200, self._group_document(group))
        group = self.subscription.group(name)
        if method == "DELETE":
            group.deleting = True
            where = f"{self.url}{self.subscription.group_id(group)}/deletion"
            return Answer(202, None, {**SOON, "Location": f"{where}?api-version=2021-04-01"})
        if method == "PATCH":
            group.tags.update(body.get("tags") or {})
        return Answer(204) if method == "HEAD" else Answer(200, self._group_document(group))

    def _group_document(self, group):
        return {"id": self.subscription.group_id(group), "name": group.name,
                "type": "Microsoft.Resources/resourceGroups", "location": group.location,
                "tags": group.tags, "properties": {
                    "provisioningState": "Deleting" if group.deleting else "Succeeded"}}

    def _group_deletion(self, _method, _query, _body, name):
        """Each question takes one resource away, then the group."""
        group = self.subscription.groups.get(name.lower())
        if group and group.resources:
            group.resources.popitem()
            return Answer(202, None, SOON)
        self.subscription.groups.pop(name.lower(), None)
        return Answer(200)

    # ---- deployments ----
    def _validate(self, _method, _query, body, group_name, name):
        group = self.subscription.group(group_name)
        wanted = Deployment(self.subscription, group, name, body["properties"])
        return Answer(200, wanted.document())

    def _deployment(self, method, _query, body, group_name, name):
        group = self.subscription.group(group_name)
        old = group.deployments.get(name)
        if method == "PUT":
            demand(not (old and old.is_active), f"Unable to edit or replace deployment '{name}': "
                   "previous deployment is still active.", 409, "DeploymentActive")
            new = Deployment(self.subscription, group, name, body["properties"])
            group.deployments[name] = new
            where = f"{self.url}{new.document()['id']}/operationStatuses/1?api-version=2021-04-01"
            return Answer(201, new.document(), {**SOON, "Azure-AsyncOperation": where})
        demand(old, f"Deployment '{name}' could not be found.", 404, "DeploymentNotFound")
        old.go_on()
        return Answer(200, old.document())

    def _operation(self, _method, _query, _body, group_name, name):
        deployment = self.subscription.group(group_name).deployments[name]
        deployment.go_on()
        body = {"status": deployment.state}
        if deployment.error:
            body["error"] = deployment.error
        return Answer(200, body, SOON)

    # ---- resources ----
    def _find(self, query, group_name, kind, name):
        kind = KINDS.get(kind.lower())
        demand(kind, "The resource type is not modelled.", 404, "InvalidResourceType")
        demand(query["api-version"] in resources.VERSIONS[kind], "No such version.", 400,
               "NoRegisteredProviderFound")
        return self.subscription.find(group_name, kind, name)

    def _resource(self, method, query, _body, group_name, kind, name):
        demand(method == "GET", "Resources are made by deployments only.", 405, "NotModelled")
        found = self._find(query, group_name, kind, name)
        return Answer(200, self.subscription.document(self.subscription.group(group_name), found))

    def _keys(self, method, query, _body, group_name, kind, name, policy=None):
        demand(method == "POST", "Use POST.", 405)
        return Answer(200, self.subscription.keys(self._find(query, group_name, kind, name),
                                                  policy))

    def _certificates(self, _method, query, _body, group_name, kind, name):
        service = self._find(query, group_name, kind, name)
        return Answer(200, {"value": [self.subscription.certificate_document(service, c)
                                      for c in service.certificates]})

    def _certificate(self, method, query, body, group_name, kind, name, certificate):
        service = self._find(query, group_name, kind, name)
        if method == "PUT":
            return Answer(200, self.subscription.put_certificate(service, certificate, body,
                                                                 self._if_match))
        return Answer(200, self.subscription.certificate_document(service, certificate))

    def _proof(self, method, query, body, group_name, kind, name, certificate, action):
        demand(method == "POST", "Use POST.", 405)
        service = self._find(query, group_name, kind, name)
        if action.lower() == "verify":
            return Answer(200, self.subscription.verify(service, certificate, body,
                                                        self._if_match))
        return Answer(200, self.subscription.verification_code(service, certificate,
                                                               self._if_match))
