"""A real control plane on loopback: etcd, kube-apiserver and, if it is available, kube-controller-manager; kubectl, and direct calls."""

import json
import os
import subprocess
import time

from api import Client
from certificate import self_signed
from replica import free_port

# Never denied, so its objects count as created before the webhook; it has all permissions here.
CONTROL_PLANE = ("system:kube-controller-manager", "system:masters")


class Outcome:
    """The exit code and the output of a command."""

    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    def __str__(self):
        return f"exit code {self.code}: {self.out}{self.err}"


class ControlPlane:
    def __init__(self, assets, folder):
        self.assets, self.folder = assets, folder
        # The program in the directory, or the one in the PATH.
        self.kubectl_path = f"{assets}/kubectl" if os.path.exists(f"{assets}/kubectl") else "kubectl"
        self.port, self.token = free_port(), os.urandom(12).hex()
        self.key, self.certificate = self_signed(folder, "apiserver")
        self.log_path = f"{folder}/kube-apiserver.log"
        self.audit_path = f"{folder}/audit.log"
        self.etcd = self.api_server = self.controllers = None
        # The real controllers; without them, checks that need them are skipped.
        self.has_controllers = os.path.exists(f"{assets}/kube-controller-manager")
        self.write_files()
        self.client = self.new_client()

    def write_files(self):
        subprocess.run(["openssl", "genrsa", "-out", f"{self.folder}/accounts.key", "2048"], check=True, capture_output=True)
        with open(f"{self.folder}/tokens.csv", "w") as file:
            file.write(f'{self.token},admin,admin,"system:masters"\n')
            file.write(f"{self.token}-controllers,system:kube-controller-manager,controllers\n")
        with open(f"{self.folder}/audit.yaml", "w") as file:
            # As on EKS: with objects, except for Secrets, ConfigMaps and tokens.
            writes = ["create", "update", "patch", "delete", "deletecollection"]
            json.dump({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
                {"level": "Metadata", "verbs": writes, "resources": [
                    {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]},
                    {"group": "authentication.k8s.io", "resources": ["tokenreviews"]}]},
                {"level": "RequestResponse", "verbs": writes}, {"level": "None"}]}, file)
        self.write_kubeconfig("admin", self.token)
        self.write_kubeconfig("controllers", f"{self.token}-controllers")
        name, group = CONTROL_PLANE
        self.write_kubeconfig("control-plane", self.token, {"as": name, "as-groups": [group]})

    def write_kubeconfig(self, name, token, user=None):
        path = f"{self.folder}/{name}.kubeconfig"
        with open(path, "w") as file:
            json.dump({
                "apiVersion": "v1", "kind": "Config", "current-context": "e2e",
                "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": name}}],
                "clusters": [{"name": "e2e", "cluster": {
                    "server": f"https://127.0.0.1:{self.port}", "certificate-authority": self.certificate}}],
                "users": [{"name": name, "user": {"token": token} | (user or {})}]}, file)
        return path

    # Its processes.

    def spawn(self, name, *arguments):
        with open(f"{self.folder}/{name}.log", "ab") as log:
            return subprocess.Popen([f"{self.assets}/{name}", *arguments], stdout=log, stderr=log, cwd=self.folder)

    def start(self):
        self.etcd_port, peers = free_port(), free_port()
        client, peer = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{peers}"
        self.etcd = self.spawn(
            "etcd", "--data-dir=etcd", f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync")
        self.start_api_server()
        if self.has_controllers:
            self.start_controllers()

    def start_api_server(self, limit=90):
        self.api_server = self.spawn(
            "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{self.etcd_port}", "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", f"--secure-port={self.port}",
            f"--tls-cert-file={self.certificate}", f"--tls-private-key-file={self.key}", "--cert-dir=certificates",
            "--authorization-mode=RBAC", "--token-auth-file=tokens.csv", "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=accounts.key",
            "--service-account-signing-key-file=accounts.key", "--allow-privileged=true",
            # Without controllers, no default service accounts are created.
            *([] if self.has_controllers else ["--disable-admission-plugins=ServiceAccount"]),
            "--audit-policy-file=audit.yaml", f"--audit-log-path={self.audit_path}")
        end = time.monotonic() + limit
        while not self.is_ready():
            if self.api_server.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"kube-apiserver does not become ready, see {self.log_path}")
            time.sleep(0.2)

    def start_controllers(self):
        """Each controller acts as its own service account, as in a cluster."""
        self.controllers = self.spawn(
            "kube-controller-manager", "--kubeconfig=controllers.kubeconfig", "--use-service-account-credentials",
            "--service-account-private-key-file=accounts.key", f"--root-ca-file={self.certificate}", "--leader-elect=false",
            "--bind-address=127.0.0.1", f"--secure-port={free_port()}", "--cert-dir=certificates",
            "--horizontal-pod-autoscaler-sync-period=1s")

    def is_ready(self):
        try:
            return self.client.call("GET", "/readyz").status == 200
        except OSError:
            return False

    def stop_api_server(self):
        """Stops it as the reboot of a node does: with SIGTERM, and watches that would last another minute are closed."""
        self.api_server.terminate()
        try:
            self.api_server.wait(5)
        except subprocess.TimeoutExpired:
            self.api_server.kill()
            self.api_server.wait()
        self.client.close()

    def stop(self):
        for process in [self.controllers, self.api_server, self.etcd]:
            if process and process.poll() is None:
                process.kill()
                process.wait()

    # Requests.

    def new_client(self):
        return Client(self.port, self.certificate, self.token)

    def client_of(self, token):
        """A connection that authenticates with a token."""
        return Client(self.port, self.certificate, token)

    def kubectl(self, *arguments, stdin=None, user=None):
        """Runs kubectl as a user; objects are JSON on standard input (`-f -`)."""
        command = [self.kubectl_path, f"--kubeconfig={self.folder}/admin.kubeconfig", f"--cache-dir={self.folder}/cache", *arguments]
        if user:
            name, *groups = [user] if isinstance(user, str) else user
            command += [f"--as={name}", *(f"--as-group={group}" for group in groups)]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": stdin}) if isinstance(stdin, list) else stdin
        if isinstance(text, dict):
            text = json.dumps(text)
        environment = {"PATH": os.environ["PATH"], "HOME": self.folder}
        return Outcome(subprocess.run(command, input=text, env=environment, capture_output=True, text=True, timeout=120))

    def helm(self, *arguments, user="admin"):
        """Runs Helm as `admin`, or as the `control-plane`."""
        environment = dict(os.environ) | {"KUBECONFIG": f"{self.folder}/{user}.kubeconfig"}
        return Outcome(subprocess.run(["scripts/helm", *arguments], env=environment, capture_output=True, text=True, timeout=300))

    def resource(self, root, name):
        """The discovery entry of a resource, such as `pods/resize` of `/api/v1`; None if it is not served."""
        answer = self.client.call("GET", root)
        found = [each for each in answer.body.get("resources", []) if each["name"] == name] if answer.status == 200 else []
        return found[0] if found else None

    def has_field(self, definition, name):
        """True if a kind has a field, by the API server's OpenAPI document."""
        definitions = self.client.call("GET", "/openapi/v2").body.get("definitions", {})
        return name in definitions.get(definition, {}).get("properties", {})

    @property
    def log_length(self):
        """The size of the API server's log, in bytes."""
        return os.path.getsize(self.log_path)

    @property
    def version(self):
        text = subprocess.run([f"{self.assets}/kube-apiserver", "--version"], capture_output=True, text=True).stdout
        return text.split()[-1]

    def audit_events(self):
        with open(self.audit_path) as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def audited(self, namespace, name):
        """The events of the audit log about an object."""
        return [event for event in self.audit_events()
                if (event.get("objectRef", {}).get("namespace"), event.get("objectRef", {}).get("name")) == (namespace, name)]
