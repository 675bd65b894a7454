#!/usr/bin/env python3
"""A TLS client for figures that wrk does not measure.

client.py idle PID PORT CA REVIEW COUNT   opens COUNT connections, posts once on each, prints the server's memory in MB
client.py start PORT CA REVIEW RUNS COMMAND...   starts COMMAND, prints the milliseconds to its first response (median)
"""
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import time


def connect(port, context):
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname="localhost")


def post(connection, body):
    head = f"POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    answer = connection.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200 "):
        sys.exit(f"the server answered {answer[:100]!r}")


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def idle(pid, port, authority, review, count):
    context = ssl.create_default_context(cafile=authority)
    with open(review, "rb") as file:
        body = file.read()
    connections = []
    for _ in range(int(count)):
        connections.append(connect(int(port), context))
        post(connections[-1], body)
    print(f"{resident(pid):.1f}")


def start(port, authority, review, runs, *command):
    context = ssl.create_default_context(cafile=authority)
    with open(review, "rb") as file:
        body = file.read()
    times = []
    for _ in range(int(runs)):
        begin = time.perf_counter()
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while True:
            try:
                connection = connect(int(port), context)
                break
            except ConnectionRefusedError:
                if server.poll() is not None or time.perf_counter() - begin > 10:
                    sys.exit("the server did not start")
                time.sleep(0.0001)
        post(connection, body)
        times.append((time.perf_counter() - begin) * 1000)
        connection.close()
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    print(f"{statistics.median(times):.1f}")


{"idle": idle, "start": start}[sys.argv[1]](*sys.argv[2:])
