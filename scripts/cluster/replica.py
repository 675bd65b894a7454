"""The servers of a test: processes of `playbook serve`, and a client that sends them reviews."""

import http.client
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request

SERVICE = "playbook.playbook.svc"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Replica:
    """A server on its own pair of ports that can be restarted; its output goes to a file in `folder`."""

    def __init__(self, name, binary, folder, environment):
        self.name, self.binary = name, binary
        self.port, self.health = free_port(), free_port()
        self.log_path = f"{folder}/{name}.log"
        self.environment = environment | {
            "PLAYBOOK_LISTEN": f"127.0.0.1:{self.port}", "PLAYBOOK_HEALTH_LISTEN": f"127.0.0.1:{self.health}"}
        # The state of the endpoint in its Service, not the current result of a probe.
        self.is_ready = False
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            environment = {"PATH": os.environ["PATH"]} | self.environment
            self.process = subprocess.Popen([self.binary, "serve"], env=environment, stdout=log, stderr=log)

    def get(self, path):
        """The body at a path of the health port."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health}{path}", timeout=2) as response:
            return response.read().decode()

    def probe(self):
        try:
            self.get("/readyz")
            self.is_ready = True
        except OSError:
            self.is_ready = False
        return self.is_ready

    def wait_until_ready(self, limit=60):
        end = time.monotonic() + limit
        while not self.probe():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{self.name} does not become ready, see {self.log_path}")
            time.sleep(0.1)

    def stop(self):
        """Stops it as Kubernetes does; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def restart(self):
        """Restarts it, and waits until it is ready; returns the exit code of the previous process."""
        code = self.stop()
        self.start()
        self.wait_until_ready()
        return code

    def metric(self, name):
        """The sum of a metric's samples."""
        lines = [line for line in self.get("/metrics").splitlines() if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


class Asker:
    """A persistent connection for reviews that trusts the CAs in `authorities` (PEM), as an API server does."""

    def __init__(self, port, authorities):
        context = ssl.create_default_context(cadata=authorities)
        self.connection = http.client.HTTPSConnection(SERVICE, timeout=30)
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        # As Go does; otherwise the body waits 40 ms for the acknowledgement of the head.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.sock = context.wrap_socket(connection, server_hostname=SERVICE)
        self.serial = self.connection.sock.getpeercert()["serialNumber"]
        # True if the server has announced that it closes the connection.
        self.is_over = False

    def ask(self, review, path="/validate?timeout=10s"):
        """The status and the body of the response."""
        self.connection.request("POST", path, review, {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        body = response.read()
        self.is_over = response.getheader("Connection") == "close"
        return response.status, body

    def close(self):
        self.connection.close()
