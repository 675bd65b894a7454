#!/usr/bin/env python3
"""Opens connections that never start a TLS handshake, and measures reviews and probes meanwhile.

usage: silent-connections.py PORT HEALTH-PORT CA-FILE REVIEW-FILE [--connections N] [--rate N] [--seconds N] [--limit MS]
                             [--hello] [--health]

The attack holds up to N connections (10,000 by default) on 127.0.0.0/8. If the server closes one, a new one is opened, at most RATE per
second. Meanwhile a client sends the review on a new TLS connection every 50 ms, and a probe requests /livez on a new connection. The
script fails if a review or a probe is not answered, or takes longer than LIMIT (200 ms; probes: 100 ms).

With --hello, each connection sends the first bytes of a ClientHello. With --health, the connections use the port of the probes.
"""

import argparse
import errno
import http.client
import multiprocessing
import pathlib
import select
import socket
import ssl
import sys
import time

WORKERS = 4
# The first bytes of a record of 512 bytes; the rest is never sent.
HELLO = bytes.fromhex("1603010200010001fc0303")
PROBE_LIMIT = 100
READABLE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP


def attack(port, text, worker, connections, rate, end, opened):
    """Holds connections open that send only a text, and replaces each one that the server closes."""
    poll = select.epoll()
    sockets = {}
    source = 0
    started = time.monotonic()
    count = 0
    while time.monotonic() < end:
        due = int((time.monotonic() - started) * rate) + 1
        while len(sockets) < connections and count < due:
            client = socket.socket()
            client.setblocking(False)
            # Each source address has a separate range of ports.
            source = (source + 1) % 200
            client.bind((f"127.{worker + 1}.{source}.1", 0))
            if client.connect_ex(("127.0.0.1", port)) not in (0, errno.EINPROGRESS):
                client.close()
                break
            count += 1
            sockets[client.fileno()] = client
            poll.register(client.fileno(), READABLE | (select.EPOLLOUT if text else 0))
        for number, events in poll.poll(0.002, 512):
            if events == select.EPOLLOUT:
                sockets[number].send(text)
                poll.modify(number, READABLE)
                continue
            poll.unregister(number)
            sockets.pop(number).close()
        opened.value = count


def review(port, context, body):
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
    connection.request("POST", "/validate?timeout=10s", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    if response.status != 200 or b'"allowed":' not in answer:
        raise ValueError(f"{response.status} {answer[:80]!r}")


def probe(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/livez")
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    if response.status != 200:
        raise ValueError(f"{response.status} {answer!r}")


def measured(call, *arguments):
    """Returns the milliseconds of a call, or the reason for its failure."""
    start = time.monotonic()
    try:
        call(*arguments)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return None, f"{type(error).__name__} {error} after {1000 * (time.monotonic() - start):.0f} ms"
    return 1000 * (time.monotonic() - start), None


def summary(name, results, limit):
    times = sorted(time for time, error in results if error is None)
    errors = [error for _, error in results if error is not None]
    slow = sum(time > limit for time in times)
    if times:
        half, high = times[len(times) // 2], times[min(len(times) - 1, int(0.99 * len(times)))]
        print(f"{name}: {len(times)} answered, median {half:.1f} ms, p99 {high:.1f} ms, longest {times[-1]:.1f} ms, "
              f"{slow} over {limit} ms; {len(errors)} not answered")
    else:
        print(f"{name}: none answered, {len(errors)} failed")
    for error in errors[:3]:
        print(f"  {error}")
    return bool(times) and not errors and not slow


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("health", type=int)
    parser.add_argument("authority")
    parser.add_argument("review")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=4_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--limit", type=float, default=200)
    parser.add_argument("--hello", action="store_true")
    parser.add_argument("--health", dest="on_health", action="store_true")
    options = parser.parse_args()
    body = pathlib.Path(options.review).read_bytes()
    context = ssl.create_default_context(cafile=options.authority)
    context.check_hostname = False
    end = time.monotonic() + options.seconds
    opened = [multiprocessing.Value("q", 0) for _ in range(WORKERS)]
    workers = [
        multiprocessing.Process(
            target=attack,
            args=(
                options.health if options.on_health else options.port, HELLO if options.hello else b"", index,
                options.connections // WORKERS, options.rate / WORKERS, end, opened[index]))
        for index in range(WORKERS)]
    for worker in workers:
        worker.start()
    time.sleep(1)
    reviews, probes = [], []
    while time.monotonic() < end - 0.5:
        reviews.append(measured(review, options.port, context, body))
        probes.append(measured(probe, options.health))
        time.sleep(0.05)
    for worker in workers:
        worker.join()
    print(f"silent connections: {sum(value.value for value in opened)} opened in {options.seconds:.0f} s")
    passed = [summary("reviews", reviews, options.limit), summary("probes", probes, PROBE_LIMIT)]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
