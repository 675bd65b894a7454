"""One address for several replicas."""

import contextlib
import random
import socket
import threading


class Address:
    """As a Service is: a new connection goes to a replica that is ready, whose bytes it then carries until either side ends it."""

    def __init__(self, replicas):
        self.replicas = replicas
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.stopping = threading.Event()
        for work in (self.accept, self.probe):
            threading.Thread(target=work, daemon=True).start()

    def probe(self):
        """Looks who is ready, as the kubelet and the Service's controller do."""
        while not self.stopping.wait(0.25):
            for replica in self.replicas:
                replica.probe()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        ready = [replica for replica in self.replicas if replica.is_ready]
        try:
            server = socket.create_connection(("127.0.0.1", random.choice(ready).port))
        except (OSError, IndexError):
            client.close()
            return
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=pump, args=(server, client), daemon=True)
        back.start()
        pump(client, server)
        back.join()
        client.close()
        server.close()

    def stop(self):
        self.stopping.set()
        self.listener.close()


def pump(source, sink):
    """Carries bytes until there are no more, and says so on the other side."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # Gone on one side is gone on both.
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
