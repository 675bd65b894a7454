"""One address for several replicas."""

import contextlib
import random
import socket
import threading


class Address:
    """A Service: sends each new connection to a ready replica, and forwards its bytes until either side closes it."""

    def __init__(self, replicas):
        self.replicas = replicas
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.stopping = threading.Event()
        for work in (self.accept, self.probe):
            threading.Thread(target=work, daemon=True).start()

    def probe(self):
        """Checks which replicas are ready, as the kubelet and the Service's controller do."""
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
    """Forwards bytes until one side closes, and closes the other side."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # If one side is closed, both are.
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
