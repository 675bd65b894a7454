import TestSupport
import Testing

/// `explain --review`: the result of each rule for a review.
@Suite struct ExplainReviewTests {
    private let bad = Fixtures.path("reviews/023-create-deployment-catalogue.json")
    private let update = Fixtures.path("reviews/091-update-deployment-catalogue.json")
    private let job = Fixtures.path("reviews/046-create-job-reindex.json")
    private let service = Fixtures.path("reviews/013-create-service-checkout.json")
    private let pod = Fixtures.path("reviews/022-create-pod-checkout-86444d9958-8thqv.json")

    /// The output of `explain --review` for one rule and one review.
    private func answer(
        _ rule: String, to file: String, _ environment: [String: String] = [:]
    ) throws -> String {
        let program = try Program(["explain", "--review", file, rule], environment: environment)
        #expect(program.code == 0, "\(program.error)")
        return program.output
    }

    @Test func `rules without findings show the reason`() throws {
        #expect(try answer("scheduler-placement", to: bad).contains("  passed         scheduler-placement\n"))
        #expect(
            try answer("replicas", to: bad, ["PLAYBOOK_RULE_REPLICAS": "off"]).contains("  off            replicas\n"))
        #expect(
            try answer("pod-disruption-budget", to: bad).contains(
                "  not evaluated  pod-disruption-budget  PodDisruptionBudgets could not be read\n"))
        #expect(
            try answer("replicas", to: service).contains("  skipped        replicas  it does not apply to Service\n"))
        #expect(
            try answer("liveness-probe", to: job).contains(
                "  skipped        liveness-probe  it applies to long-running workloads only\n"))
        #expect(try answer("kms-key-deletion", to: bad).contains("it does not apply to Deployment"))
        #expect(
            try answer("liveness-probe", to: pod).contains(
                "  skipped        liveness-probe  its owner ReplicaSet checkout-86444d9958 is evaluated instead\n"))
        #expect(try answer("controller-managed", to: update).contains("it does not apply to Deployment"))
    }

    @Test func `only findings of the named rule are shown, with their effect`() throws {
        let denied = try answer("replicas", to: bad)
        #expect(
            denied.contains("deny    replicas  spec.replicas is 1; at least 2 are required")
                && !denied.contains("cpu-request"))
        #expect(try answer("liveness-probe", to: update).contains("(existing)"))
    }

    @Test func `without a rule all results are shown, as by a verbose review`() throws {
        let all = try Program(["explain", "--review", bad]).output
        let verbose = try Program(["review", "--verbose", bad]).output
        for rule in ["readiness-probe", "cpu-limit", "gateway-api", "metrics-endpoint", "pod-disruption-budget"] {
            #expect(all.contains(rule) && verbose.contains(rule), "\(rule)")
        }
        #expect(all == verbose)
    }

    @Test(arguments: [
        (["explain", "--review", "/no/such/file"], "No such file"), (["explain", "--review"], "needs a value"),
        (["explain", "--review", "-", "replica"], #"did you mean "replicas"?"#),
    ])
    func `usage errors name the mistake`(_ arguments: [String], _ part: String) throws {
        let program = try Program(arguments)
        #expect(program.code == 2 && program.error.contains(part), "\(program.error)")
    }
}
