import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// Platform namespaces and node agents.
@Suite struct TierTests {
    private func world(_ namespace: String, _ yaml: String, _ rules: String...) -> World {
        var world = World(
            World.deployment.merging(["metadata": ["namespace": .string(namespace)]])
                .merging(["spec": ["template": ["spec": World.fragmentForTests(yaml)]]]))
        world.rules = world.rules.filter { rules.contains($0.id) }
        return world
    }

    private func denials(_ world: World) throws -> [String] {
        try world.decision().findings.filter { $0.effect == .deny }.map(\.rule.id)
    }

    private let bad = "{hostPID: true, containers: [{name: app, livenessProbe: null}]}"

    @Test func `in a platform namespace only security rules deny`() throws {
        #expect(try denials(world("monitoring", bad, "liveness-probe", "host-isolation")) == ["host-isolation"])
        #expect(
            try denials(world("shop", bad, "liveness-probe", "host-isolation")) == ["liveness-probe", "host-isolation"])
        // Namespaces are compared by their whole names.
        #expect(try denials(world("monitoring-2", bad, "liveness-probe")) == ["liveness-probe"])
    }

    @Test func `PLAYBOOK_PLATFORM_NAMESPACES adds and removes platform namespaces`() throws {
        var world = world("backstage", bad, "liveness-probe")
        #expect(try denials(world) == ["liveness-probe"])
        world.settings["PLAYBOOK_PLATFORM_NAMESPACES"] = "backstage,-monitoring"
        #expect(try denials(world) == [])
        world.object = world.object?.merging(["metadata": ["namespace": "monitoring"]])
        #expect(try denials(world) == ["liveness-probe"])
    }

    @Test func `in a platform namespace, runAsNonRoot may be unset, but not false`() throws {
        let unset = "{securityContext: null, containers: [{name: app, securityContext: null}]}"
        let root = "{securityContext: null, containers: [{name: app, securityContext: {runAsNonRoot: false}}]}"
        #expect(try denials(world("keda", unset, "run-as-non-root")) == [])
        #expect(try denials(world("shop", unset, "run-as-non-root")) == ["run-as-non-root"])
        #expect(try denials(world("keda", root, "run-as-non-root")) == ["run-as-non-root"])
    }

    @Test(arguments: [
        "{securityContext: {runAsNonRoot: null, runAsUser: 0}, containers: [{name: app, securityContext: null}]}",
        "{securityContext: {runAsNonRoot: false}, containers: [{name: app, securityContext: null}]}",
        "{securityContext: {windowsOptions: {hostProcess: true}}, containers: [{name: app, securityContext: null}]}",
        """
        {os: {name: windows}, securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}, \
        containers: [{name: app, securityContext: null}]}
        """,
    ])
    func `in a platform namespace, a value that the pod sets denies as one of the container does`(_ spec: String) throws
    {
        #expect(try denials(world("keda", spec, "run-as-non-root")) == ["run-as-non-root"])
    }

    @Test func `a denied DaemonSet names the settings for node agents`() throws {
        var agent = world("agents", "{hostPID: true}", "host-isolation")
        #expect(try !agent.decision().message.contains("PLAYBOOK_AGENT_NAMESPACES"))
        agent.object = agent.object?.merging(["kind": "DaemonSet"])
        let message = try agent.decision().message
        let way =
            "A node agent gets only warnings from host-isolation in a namespace that PLAYBOOK_AGENT_NAMESPACES names or that "
            + "has the label pod-security.kubernetes.io/enforce: privileged."
        #expect(message.contains(way), "\(message)")
    }

    @Test func `node agents only warn if Pod Security Admission allows privileged pods in the namespace`() throws {
        var world = world("agents", "{hostPID: true}", "host-isolation")
        world.object = world.object?.merging(["kind": "DaemonSet"])
        #expect(try denials(world) == ["host-isolation"])
        world.relatedObjects = [
            [
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": ["name": "agents", "labels": ["pod-security.kubernetes.io/enforce": "privileged"]],
            ]
        ]
        #expect(try denials(world) == [])
        #expect(try world.decision().warnings.contains { $0.contains("namespace for node agents") })
        // A Deployment is not a node agent.
        world.object = world.object?.merging(["kind": "Deployment"])
        #expect(try denials(world) == ["host-isolation"])
        world.relatedObjects = nil
        world.object = world.object?.merging(["kind": "DaemonSet"])
        world.settings["PLAYBOOK_AGENT_NAMESPACES"] = "agents"
        #expect(try denials(world) == [])
    }

    @Test func `a denial ends with how to get an exemption and an explanation`() throws {
        let message = try world("shop", bad, "liveness-probe", "host-isolation").decision().message
        let last = message.split(separator: "\n").last.map { String($0) } ?? ""
        #expect(last.contains(#"playbook.superinc.com/exempt: "liveness-probe""#))
        #expect(last.contains("For an exemption from host-isolation, ask your platform team."))
        #expect(
            last.contains("annotate Namespace shop with playbook.superinc.com/level: warn; its denials are warnings"))
        #expect(last.hasSuffix("playbook explain liveness-probe"))
    }
}

/// Findings that would be denied in enforce mode.
@Suite struct DryRunTests {
    @Test func `a violation that enforce mode would fix is not reported as a denial`() throws {
        let bare = World.deployment.merging(
            World.fragmentForTests("spec: {template: {spec: {topologySpreadConstraints: null, hostPID: true}}}"))
        var world = World(bare)
        world.settings["PLAYBOOK_MODE"] = "dry-run"
        world.rules = world.rules.filter { ["topology-spread", "host-isolation"].contains($0.id) }
        #expect(try world.decision().findings.map(\.leniency) == [.dryRun, .filledIn])
        world.settings["PLAYBOOK_FIX"] = "none"
        #expect(try world.decision().findings.map(\.leniency) == [.dryRun, .dryRun])
    }

    @Test func `in files the violation is a denial, with the remark that it is filled in at admission`() throws {
        let bare = World.deployment.merging(
            World.fragmentForTests("spec: {template: {spec: {topologySpreadConstraints: null, hostPID: true}}}"))
        var world = World(bare)
        world.source = .files
        world.rules = world.rules.filter { ["topology-spread", "host-isolation"].contains($0.id) }
        let decision = try world.decision()
        #expect(decision.findings.map(\.effect) == [.deny, .deny])
        #expect(
            decision.findings.map(\.remark) == ["", " (filled in at admission, PLAYBOOK_FIX=additive)"])
        world.settings["PLAYBOOK_FIX"] = "none"
        #expect(try world.decision().findings.allSatisfy { $0.remark.isEmpty })
    }
}
