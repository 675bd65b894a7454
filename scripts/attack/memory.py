#!/usr/bin/env python3
"""Sends the largest bodies from many clients at once to a server with a low memory limit.

usage: memory.py BINARY [SECONDS] [--clients N] [--size BYTES] [--limit BYTES] [--loops N]

Starts `BINARY serve` in a cgroup with a memory limit of 256 MiB, or under `prlimit --data` if the cgroup cannot be created (it needs
root). For each kind of body, 64 clients send 16 MB repeatedly for SECONDS (60 by default), while one more connection sends a review of
9 KB every 50 ms.

Fails if the server exits, if a small review is not answered with its uid within 5 s, or if the server's resident memory is more than
5 MB higher than before, 10 s after the last client. The last line is JSON.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import socket
import subprocess
import sys
import tempfile
import threading
import time


def review(uid, contents, path="/validate"):
    """Returns the bytes of a request with an AdmissionReview of a ConfigMap, whose JSON text is given."""
    body = (
        '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"%s",'
        '"kind":{"group":"","version":"v1","kind":"ConfigMap"},"operation":"CREATE","namespace":"shop","name":"a",'
        '"userInfo":{"username":"amy"},"object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},%s}}}'
    ) % (uid, contents)
    head = (
        f"POST {path}?timeout=10s HTTP/1.1\r\nHost: playbook\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


def bodies(size):
    """Returns a body of about the given size for each kind of body, by name."""
    def filled(name, element, opening, closing):
        count = size // (len(element) + 1) - 200
        return name, review(name, opening + ",".join([element] * count) + closing)

    return dict([
        filled("arrays", "[]", '"data":[', "]"),
        filled("numbers", "1", '"data":[', "]"),
        filled("members", '"":0', '"data":{', "}"),
        ("text", review("text", '"data":{"a":"%s"}' % ("x" * (size - 2000)))),
    ])


class Connection:
    """A keep-alive connection over TLS."""

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def __init__(self, port):
        plain = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket = self.context.wrap_socket(plain)

    def send(self, request):
        """Sends a request and returns the status and the body of the response."""
        self.socket.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.more()
        head, body = answer.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
        while len(body) < length:
            body += self.more()
        return int(head.split()[1]), body

    def more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the connection ended")
        return piece

    def close(self):
        self.socket.close()


class Group:
    """A memory cgroup, version 1 or 2. Without the permission to create one, it does nothing."""

    def __init__(self, limit):
        self.path = None
        for root, name in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
            path = pathlib.Path(root) / f"playbook-attack-{os.getpid()}"
            try:
                if not (pathlib.Path(root) / "cgroup.procs").exists():
                    continue
                path.mkdir()
                (path / name).write_text(str(limit))
                self.path = path
                return
            except OSError:
                if path.is_dir():
                    path.rmdir()

    def enter(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def peak(self):
        for name in ("memory.max_usage_in_bytes", "memory.peak"):
            if (self.path / name).exists():
                return int((self.path / name).read_text())
        return 0

    def remove(self):
        if self.path:
            self.path.rmdir()


class Server:
    def __init__(self, binary, folder, limit, loops):
        subprocess.run([binary, "certs", "--directory", folder], check=True, stdout=subprocess.DEVNULL)
        environment = {
            "PLAYBOOK_LISTEN": "127.0.0.1:0", "PLAYBOOK_HEALTH_LISTEN": "127.0.0.1:0",
            "PLAYBOOK_TLS_CERT_FILE": f"{folder}/tls.crt", "PLAYBOOK_TLS_KEY_FILE": f"{folder}/tls.key",
            "PLAYBOOK_COMPANIONS": "none", "PLAYBOOK_LOOPS": str(loops), "PLAYBOOK_LOG_FORMAT": "json",
        }
        command = [binary, "serve"]
        self.group = Group(limit)
        if self.group.path is None:
            command = ["prlimit", f"--data={limit}", *command]
            environment["PLAYBOOK_MEMORY"] = str(limit // 2)
        print("limited by", self.group.path or f"prlimit --data={limit}")
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True,
            preexec_fn=self.group.enter if self.group.path else None)
        ports = {}
        for line in self.process.stdout:
            entry = json.loads(line)
            if entry["message"] == "listening":
                ports[entry["listener"]] = int(entry["address"].rsplit(":", 1)[1])
            if "memory" in entry:
                print("PLAYBOOK_MEMORY:", entry["memory"] >> 20, "MiB")
            if "serving" in entry["message"]:
                break
        self.port = ports["admission"]
        threading.Thread(target=lambda: [None for _ in self.process.stdout], daemon=True).start()

    def resident(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) << 10

    def is_alive(self):
        return self.process.poll() is None

    def end(self):
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        self.group.remove()


class Prober(threading.Thread):
    """Sends a small review every 50 ms on a separate connection."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.times, self.failures = [], []
        self.ending = threading.Event()

    def run(self):
        small = review("small", '"data":{"a":"%s"}' % ("word " * 1800))
        connection = None
        while not self.ending.wait(0.05):
            start = time.monotonic()
            try:
                connection = connection or Connection(self.port)
                connection.socket.settimeout(5)
                status, body = connection.send(small)
                if status != 200 or json.loads(body)["response"]["uid"] != "small":
                    self.failures.append(f"status {status}: {body[:200]}")
            except (OSError, ssl.SSLError) as error:
                self.failures.append(repr(error))
                connection = None
            self.times.append(time.monotonic() - start)


def attack(port, request, clients, seconds):
    """Sends a request from many clients for some seconds, and counts the responses by status."""
    end = time.monotonic() + seconds
    answers = collections.Counter()

    def client():
        connection = None
        while time.monotonic() < end:
            try:
                connection = connection or Connection(port)
                status, body = connection.send(request)
                code = json.loads(body)["response"].get("status", {}).get("code") if status == 200 else ""
                answers[f"{status} {code}"] += 1
            except (OSError, ssl.SSLError) as error:
                answers[type(error).__name__] += 1
                status = 0
                time.sleep(0.1)
            if status != 200 and connection:
                connection.close()
                connection = None
        if connection:
            connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def main():
    parser = argparse.ArgumentParser(usage=__doc__.splitlines()[2][len("usage: "):])
    parser.add_argument("binary")
    parser.add_argument("seconds", nargs="?", type=float, default=60)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--size", type=int, default=16_000_000)
    parser.add_argument("--limit", type=int, default=256 << 20)
    parser.add_argument("--loops", type=int, default=1)
    options = parser.parse_args()
    folder = tempfile.mkdtemp()
    server = Server(os.path.abspath(options.binary), folder, options.limit, options.loops)
    problems, grown = [], 0
    try:
        prober = Prober(server.port)
        prober.start()
        time.sleep(3)
        before = server.resident()
        print(f"resident before: {before / 1e6:.1f} MB")
        for name, request in bodies(options.size).items():
            answers = attack(server.port, request, options.clients, options.seconds)
            if not server.is_alive():
                problems.append(f"the server exited with {server.process.returncode} during {name}")
                break
            print(f"{name}: {dict(answers)}, resident {server.resident() / 1e6:.1f} MB")
        if server.is_alive():
            time.sleep(10)
            after = server.resident()
            grown = after - before
            print(f"resident 10 s after the last client: {after / 1e6:.1f} MB")
            if grown > 5_000_000:
                problems.append(f"resident memory grew by {grown / 1e6:.1f} MB")
        if server.group.path:
            print(f"peak of the cgroup: {server.group.peak() / 1e6:.1f} MB")
        prober.ending.set()
        prober.join()
        times = sorted(prober.times)
        print(
            f"small reviews: {len(times)}, median {times[len(times) // 2] * 1e3:.1f} ms, "
            f"99th percentile {times[len(times) * 99 // 100] * 1e3:.1f} ms, longest {times[-1] * 1e3:.1f} ms")
        if prober.failures:
            problems.append(f"{len(prober.failures)} small reviews were not answered: {prober.failures[0]}")
    finally:
        server.end()
        shutil.rmtree(folder)
    for problem in problems:
        print("FAILED:", problem)
    print(json.dumps({"problems": len(problems), "grown": round(grown / 1e6, 1)}))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
