import TestSupport
import Testing

/// Why something was let through, or not.
@Suite struct ExplainReviewTests {
    private let bad = Fixtures.path("reviews/023-create-deployment-catalogue.json")
    private let update = Fixtures.path("reviews/091-update-deployment-catalogue.json")
    private let job = Fixtures.path("reviews/046-create-job-reindex.json")
    private let service = Fixtures.path("reviews/013-create-service-checkout.json")
    private let pod = Fixtures.path("reviews/022-create-pod-checkout-86444d9958-8thqv.json")

    /// The words between a rule and what comes before it, in the answer of one rule to one review.
    private func answer(
        _ rule: String, to file: String, _ environment: [String: String] = [:]
    ) throws -> String {
        let program = try Program(["explain", "--review", file, rule], environment: environment)
        #expect(program.code == 0, "\(program.error)")
        return program.output
    }

    @Test func `each way to say nothing has its reason`() throws {
        #expect(try answer("scheduler-placement", to: bad).contains("  passed         scheduler-placement\n"))
        #expect(
            try answer("replicas", to: bad, ["PLAYBOOK_RULE_REPLICAS": "off"]).contains("  off            replicas\n"))
        #expect(
            try answer("pod-disruption-budget", to: bad).contains(
                "  not evaluated  pod-disruption-budget  PodDisruptionBudgets are not known\n"))
        #expect(try answer("replicas", to: service).contains("  not asked      replicas  it is not about Service\n"))
        #expect(
            try answer("liveness-probe", to: job).contains(
                "  not asked      liveness-probe  it is about what runs until somebody stops it\n"))
        #expect(try answer("kms-key-deletion", to: bad).contains("it is not about Deployment"))
        #expect(
            try answer("liveness-probe", to: pod).contains(
                "  not asked      liveness-probe  its owner, ReplicaSet checkout-86444d9958, is judged instead\n"))
        #expect(try answer("controller-managed", to: update).contains("it is not about Deployment"))
    }

    @Test func `what is found comes with what became of it, and of no other rule`() throws {
        let denied = try answer("replicas", to: bad)
        #expect(
            denied.contains("deny   replicas  spec.replicas is 1; at least 2 are required")
                && !denied.contains("cpu-request"))
        #expect(try answer("liveness-probe", to: update).contains("(existing)"))
    }

    @Test func `without a rule every one answers, and a verbose review says the same`() throws {
        let all = try Program(["explain", "--review", bad]).output
        let verbose = try Program(["review", "--verbose", bad]).output
        for rule in ["readiness-probe", "cpu-limit", "gateway-api", "metrics-endpoint", "pod-disruption-budget"] {
            #expect(all.contains(rule) && verbose.contains(rule), "\(rule)")
        }
        #expect(all == verbose)
    }

    @Test(arguments: [
        (["explain", "--review", "/no/such/file"], "No such file"), (["explain", "--review"], "needs a value"),
        (["explain", "--review", "-", "replica"], "did you mean 'replicas'?"),
    ])
    func `a mistake is named`(_ arguments: [String], _ part: String) throws {
        let program = try Program(arguments)
        #expect(program.code == 2 && program.error.contains(part), "\(program.error)")
    }
}
