"""A small API server over TLS for tests: lists in pages, watches, conflicting versions, and outages on request.

It keeps objects by path and knows nothing of their kinds: a path that holds no object is an empty list.
"""

import contextlib
import http.server
import json
import socket
import ssl
import threading
import time
import urllib.parse


# The largest number of objects in a page, also if the limit of the request is higher, so that lists have several pages.
PAGE = 10


class ScriptedAPIServer:
    """The state, and the methods that tests call; the Handler serves requests."""

    def __init__(self, certificate, key, token):
        self.token = token
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.changed = threading.Condition()
        self.objects = {}  # (collection, namespace or "", name) to object
        self.documents = {}  # Complete responses by path, for discovery.
        self.events = []  # (version, collection, type, object)
        self.version = 100
        self.oldest = 0  # The oldest version at which a watch can begin.
        self.lists = {}  # The remaining pages of lists, as of their first page: continuation to (version, objects).
        self.pages = 0  # The number of requested pages after the first of a list.
        self.port = 0
        self.server = None
        self.connections = set()

    def start(self, forgetting=False):
        """Listens; with `forgetting`, the versions of earlier watches are too old, as after a compaction."""
        if forgetting:
            with self.changed:
                self.oldest, self.events, self.lists = self.version, [], {}
        self.server = Listener(("127.0.0.1", self.port), self)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        """Stops as a killed process does: it does not listen, and all connections are closed."""
        server, self.server = self.server, None
        with self.changed:
            self.changed.notify_all()
        server.shutdown()
        server.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def put(self, collection, value, namespace=""):
        """Stores an object, as a user's kubectl would."""
        with self.changed:
            self.store(collection, namespace, json.loads(json.dumps(value)))

    def get(self, collection, name, namespace=""):
        with self.changed:
            return json.loads(json.dumps(self.objects[(collection, namespace, name)]))

    def page(self, collection, namespace, query):
        """A page of a list, or without a limit the whole list; None if the page no longer exists."""
        with self.changed:
            if "continue" not in query:
                version = self.version
                items = [value for key, value in self.objects.items() if key[0] == collection and namespace in ("", key[1])]
            elif query["continue"] in self.lists:
                version, items = self.lists[query["continue"]]
                self.pages += 1
            else:
                return None
            limit = min(int(query["limit"]), PAGE) if "limit" in query else len(items)
            metadata = {"resourceVersion": str(version)}
            if rest := items[limit:]:
                metadata["continue"] = f"{collection} {namespace} {version} {len(rest)}"
                self.lists[metadata["continue"]] = version, rest
            return {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items[:limit]}

    def store(self, collection, namespace, value):
        """Stores an object and notifies watches; the caller holds the lock."""
        key = (collection, namespace, value["metadata"]["name"])
        kind = "MODIFIED" if key in self.objects else "ADDED"
        if namespace:
            value["metadata"]["namespace"] = namespace
        self.objects[key] = value
        return self.notify_watches(collection, kind, value)

    def remove(self, collection, namespace, name):
        """Removes an object and notifies watches; returns the object, or None."""
        with self.changed:
            value = self.objects.pop((collection, namespace, name), None)
            return self.notify_watches(collection, "DELETED", value | {"metadata": dict(value["metadata"])}) if value else None

    def notify_watches(self, collection, kind, value):
        self.version += 1
        value["metadata"]["resourceVersion"] = str(self.version)
        self.events.append((self.version, collection, kind, value))
        del self.events[:-5000]
        self.changed.notify_all()
        return value


def place(path):
    """The collection, the namespace and the name in a path; objects in namespaces are in the collection of their kind."""
    parts = path.strip("/").split("/")
    root = parts[:2] if parts[0] == "api" else parts[:3]
    rest = parts[len(root):]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    return "/" + "/".join(root + rest[:1]), namespace, rest[1] if len(rest) > 1 else None


def status(code, reason):
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address, api):
        self.api = api
        super().__init__(address, Handler)

    def handle_error(self, request, client_address):
        pass  # The peer closed the connection.

    def finish_request(self, request, client_address):
        request = self.api.context.wrap_socket(request, server_side=True)
        self.api.connections.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            self.api.connections.discard(request)
            request.close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def api(self):
        return self.server.api

    def log_message(self, *arguments):
        pass

    def answer(self, code, value):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code, reason):
        self.answer(code, status(code, reason))

    def is_allowed(self):
        """True if the caller has the token; without a token, all callers are accepted, as behind another API server."""
        if self.api.token is None or self.headers.get("Authorization") == f"Bearer {self.api.token}":
            return True
        self.refuse(401, "Unauthorized")
        return False

    def do_GET(self):
        if not self.is_allowed():
            return
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path in self.api.documents:
            return self.answer(200, self.api.documents[url.path])
        # The discovery document of a group that is not served.
        if url.path.startswith("/apis/") and url.path.count("/") <= 3:
            return self.refuse(404, "NotFound")
        collection, namespace, name = place(url.path)
        if name is not None:
            with self.api.changed:
                value = self.api.objects.get((collection, namespace, name))
            return self.answer(200, value) if value else self.refuse(404, "NotFound")
        if query.get("watch") in ("1", "true"):
            return self.watch(collection, query)
        answer = self.api.page(collection, namespace, query)
        self.answer(200, answer) if answer else self.refuse(410, "Expired")

    def watch(self, collection, query):
        """Sends changes, one per line, until the time is over or this server stops."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        seen = int(query["resourceVersion"])
        if seen < self.api.oldest:
            self.tell("ERROR", status(410, "Expired"))
        else:
            end = time.monotonic() + int(query.get("timeoutSeconds", 300))
            while self.api.server is self.server and time.monotonic() < end:
                seen = self.send_events(collection, seen, end)
            if self.api.server is not self.server:
                return
        self.wfile.write(b"0\r\n\r\n")

    def send_events(self, collection, seen, end):
        """Sends the events after a version, or a bookmark; returns the version that was sent."""
        with self.api.changed:
            fresh = [event for event in self.api.events if event[0] > seen]
            if not fresh:
                self.api.changed.wait(max(0, min(end - time.monotonic(), 30)))
            current = self.api.version if not fresh else fresh[-1][0]
            fresh = fresh or [event for event in self.api.events if event[0] > seen]
        for _, kind_of, change, value in fresh:
            if kind_of == collection:
                self.tell(change, value)
        if not fresh:
            self.tell("BOOKMARK", {"metadata": {"resourceVersion": str(current)}})
        return max([seen, *(event[0] for event in fresh)])

    def tell(self, change, value):
        line = json.dumps({"type": change, "object": value}).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def do_DELETE(self):
        if not self.is_allowed():
            return
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        value = self.api.remove(*place(urllib.parse.urlsplit(self.path).path))
        self.answer(200, value) if value else self.refuse(404, "NotFound")

    def do_PUT(self):
        self.write(is_new=False)

    def do_POST(self):
        self.write(is_new=True)

    def write(self, is_new):
        if not self.is_allowed():
            return
        value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        collection, namespace, name = place(urllib.parse.urlsplit(self.path).path)
        with self.api.changed:
            old = self.api.objects.get((collection, namespace, name or value["metadata"]["name"]))
            version = value["metadata"].get("resourceVersion")
            if is_new and old:
                code, answer = 409, status(409, "AlreadyExists")
            elif not is_new and not old:
                code, answer = 404, status(404, "NotFound")
            elif not is_new and version and version != old["metadata"]["resourceVersion"]:
                code, answer = 409, status(409, "Conflict")
            else:
                code, answer = (201 if is_new else 200), self.api.store(collection, namespace, value)
        self.answer(code, answer)
