import Evaluation
import JSON
import Rules
import Testing

/// The advice for a container without probes: an HTTP request only where the port probably answers it.
@Suite struct ProbeAdviceTests {
    private static let http = "serve /readyz, then add readinessProbe: {httpGet: {path: /readyz, port: "
    private static let exec = ", or run a check with an exec probe"

    private static let cases: [(image: String, ports: Literal, advice: String)] = [
        ("shop/web:1.2.3", [["name": "http", "containerPort": 6666]], http + "http}}"),
        ("shop/web:1.2.3", [["containerPort": 8080]], http + "8080}}"),
        ("shop/web:1.2.3", [["containerPort": 8443]], http + "8443, scheme: HTTPS}}"),
        ("shop/web:1.2.3", [["name": "main", "containerPort": 3000]], http + "main}}"),
        ("shop/web:1.2.3", [["containerPort": 6666], ["containerPort": 8080]], http + "8080}}"),
        // Nothing says that these ports serve HTTP.
        ("shop/agent:1.2.3", [["containerPort": 6666]], "add an httpGet, tcpSocket or grpc probe on port 6666" + exec),
        (
            "shop/agent:1.2.3", [["name": "main", "containerPort": 2368]],
            "add an httpGet, tcpSocket or grpc probe on port 2368" + exec
        ),
        // These do not.
        ("postgres:17.2", [["containerPort": 5432]], "add a tcpSocket probe on port 5432" + exec),
        (
            "redis:7.4.1", [["name": "main", "containerPort": 8080]],
            "add a tcpSocket probe on port 8080" + exec
        ),
        (
            "shop/resolver:1.2.3",
            [["containerPort": 53, "protocol": "UDP"], ["containerPort": 53, "protocol": "TCP"]],
            "add a tcpSocket or grpc probe on port 53" + exec
        ),
        (
            "shop/collector:1.2.3", [["containerPort": 8125, "protocol": "UDP"]],
            "no probe can use a UDP port; run a check with an exec probe"
        ),
        (
            "shop/web:1.2.3", [["name": "grpc", "containerPort": 8080]],
            "add a tcpSocket or grpc probe on port 8080" + exec
        ),
        (
            "shop/web:1.2.3", [],
            "if the container serves a port, declare the port and probe it; if not, run a check with an exec probe"
        ),
        (
            "registry.k8s.io/pause:3.10", [],
            "a pause container has nothing to probe; exempt the workload from liveness-probe and readiness-probe with a reason"
        ),
    ]

    @Test(arguments: cases.indices)
    func `a probe is suggested for the protocol that the port probably serves`(_ index: Int) throws {
        let (image, ports, advice) = Self.cases[index]
        var world = World([
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "web", "namespace": "shop"],
            "spec": ["template": ["spec": ["containers": [["name": "app", "image": .string(image), "ports": ports]]]]],
        ])
        world.rules = Catalogue.playbook.rules.filter { $0.id == "readiness-probe" }
        #expect(try world.decision().findings.map(\.finding.advice) == [advice])
    }
}
