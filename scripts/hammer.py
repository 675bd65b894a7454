"""Sends requests on keep-alive connections, with and without pauses, during the server's shutdown: no sent request must be lost.

usage: hammer.py PORT CA-FILE REVIEW-FILE PID

Each client posts the review over one TLS connection until a response has `Connection: close`, then over a new one, until the server no longer
listens. After two seconds the server gets SIGTERM. A request counts as sent when its last byte is written, and as lost if it then gets no
complete response.
"""

import http.client
import os
import pathlib
import random
import signal
import ssl
import sys
import threading
import time

port, authority, review, pid = int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]).read_bytes(), int(sys.argv[4])
context = ssl.create_default_context(cafile=authority)
answered, lost = [], []
after_signal = []
signalled = threading.Event()


def client(pause):
    while True:
        connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=30)
        try:
            connection.connect()
        except OSError:
            return  # The server no longer listens; nothing was sent.
        while True:
            try:
                connection.request("POST", "/validate?timeout=10s", review, {"Content-Type": "application/json"})
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                lost.append(repr(error))
                return
            if response.status != 200 or b'"allowed":true' not in body:
                lost.append(f"{response.status} {body[:80]!r}")
                return
            answered.append(1)
            if signalled.is_set():
                after_signal.append(1)
            if response.getheader("Connection") == "close":
                break
            if pause:
                time.sleep(random.uniform(*pause))
        connection.close()
        if signalled.is_set():
            return


pauses = [None] * 4 + [(0.1, 0.5)] * 4 + [(0.5, 1.5)] * 4 + [(1.5, 3)] * 4
threads = [threading.Thread(target=client, args=(pause,)) for pause in pauses]
for thread in threads:
    thread.start()
time.sleep(2)
signalled.set()
os.kill(pid, signal.SIGTERM)
for thread in threads:
    thread.join(30)
print(f"{len(answered)} requests answered, {len(after_signal)} of them after SIGTERM, {len(lost)} lost")
for line in lost[:10]:
    print(f"  lost: {line}")
sys.exit(1 if lost or not after_signal or any(thread.is_alive() for thread in threads) else 0)
