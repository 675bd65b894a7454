"""A server under attack: it has one event loop and one TLS connection, and is restarted if it does not respond."""

import collections
import http.client
import json
import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

Answer = collections.namedtuple("Answer", "milliseconds decision")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    def __init__(self, playbook, settings):
        self.playbook = playbook
        self.settings = settings
        self.process = None
        self.connection = None
        self.directory = tempfile.TemporaryDirectory()

    def __enter__(self):
        certificates = pathlib.Path(self.directory.name)
        subprocess.run([self.playbook, "certs", "--directory", certificates], check=True, capture_output=True)
        self.context = ssl.create_default_context(cafile=certificates / "ca.crt")
        self.port, health = free_port(), free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "PLAYBOOK_TLS_CERT_FILE": str(certificates / "tls.crt"),
            "PLAYBOOK_TLS_KEY_FILE": str(certificates / "tls.key"),
            "PLAYBOOK_LISTEN": f"127.0.0.1:{self.port}",
            "PLAYBOOK_HEALTH_LISTEN": f"127.0.0.1:{health}",
            "PLAYBOOK_LOOPS": "1",
            "PLAYBOOK_SHUTDOWN_DELAY": "0s",
            "PLAYBOOK_COMPANIONS": "none",
        } | self.settings
        self.health = f"http://127.0.0.1:{health}/readyz"
        self.start()
        return self

    def __exit__(self, *_):
        self.end()
        self.directory.cleanup()

    def start(self):
        self.process = subprocess.Popen([self.playbook, "serve"], env=self.environment, stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                urllib.request.urlopen(self.health, timeout=5)
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
            else:
                self.connection = http.client.HTTPSConnection("localhost", self.port, context=self.context)
                return
        self.end()
        raise SystemExit("attack: the server does not start")

    def end(self):
        self.process.kill()
        self.process.wait()

    def processor_nanoseconds(self):
        """Returns the CPU time of all threads so far."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)

    def post(self, endpoint, text, seconds):
        """Sends a review. If there is no response in time, the decision is `none`, and the server is restarted."""
        before = self.processor_nanoseconds()
        try:
            if self.connection.sock is None:
                self.connection.timeout = seconds
                self.connection.connect()
            headers = {"Content-Type": "application/json"}
            self.connection.request("POST", f"/{endpoint}?timeout=30s", text.encode(), headers)
            response = self.connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            milliseconds = (self.processor_nanoseconds() - before) / 1e6 if self.process.poll() is None else float("inf")
            self.end()
            self.start()
            return Answer(milliseconds, "none")
        milliseconds = (self.processor_nanoseconds() - before) / 1e6
        if response.status != 200:
            return Answer(milliseconds, str(response.status))
        answer = json.loads(body)["response"]
        return Answer(milliseconds, "allowed" if answer["allowed"] else str(answer["status"]["code"]))
