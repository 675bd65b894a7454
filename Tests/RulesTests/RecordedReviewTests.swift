import Evaluation
import JSON
import Kubernetes
import Rules
import TestSupport
import Testing

/// A row of `Fixtures/expected/recordings.tsv` with the rows of the tables for the groups of rules, which omit recordings without
/// findings.
private struct Expectation {
    let recording: String
    var alone: [String]
    var withRelatedObjects: [String]

    static func all() throws -> [Expectation] {
        var expectations = try table("recordings")
        for group in ["application", "secrets", "availability", "traffic", "cloud"] {
            for more in try table("recordings-\(group)") {
                let index = try #require(expectations.firstIndex { $0.recording == more.recording })
                expectations[index].alone += more.alone
                expectations[index].withRelatedObjects += more.withRelatedObjects
            }
        }
        return expectations
    }

    private static func table(_ name: String) throws -> [Expectation] {
        try Fixtures.text("expected/\(name).tsv").split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let columns = line.split(separator: "\t").map(String.init)
            try #require(columns.count == 4, "\(line)")
            func entries(_ column: String) -> [String] {
                column == "-" ? [] : column.split(separator: " ").map(String.init)
            }
            return Expectation(
                recording: columns[0], alone: entries(columns[1]),
                withRelatedObjects: entries(columns[2] == "=" ? columns[1] : columns[2]))
        }
    }
}

/// The recorded reviews under `Fixtures/reviews`, with the expected findings of `Fixtures/expected`.
@Suite struct RecordedReviewTests {
    private func context(relatedObjects files: [String]) throws -> Context {
        var relatedObjects =
            files.isEmpty ? RelatedObjects.unknown : RelatedObjects(knowledge: .kindsHeld, of: .playbook)
        for file in files {
            for object in try Literal.all(yaml: Fixtures.text(file)) {
                let document = try Document(parsing: Array(object.json.utf8))
                try withExtendedLifetime(document) { try relatedObjects.add(document.root) }
            }
        }
        return Context(
            settings: try Settings(environment: ["PLAYBOOK_COMPANION_GRACE": "0s"]), relatedObjects: relatedObjects,
            now: Timestamp(seconds: 1_795_435_200),
            source: .recording)
    }

    private func decision(_ bytes: [UInt8], _ context: Context) throws -> Decision {
        try Document().read(bytes.span, AdmissionReview.options) { root in
            Result { Evaluator(context.settings).decision(on: try AdmissionReview(root), in: context) }
        }.get()
    }

    /// The findings in the notation of the table.
    private func summary(_ decision: Decision) -> [String] {
        let found = decision.findings.map { decided -> String in
            let containers = ["containers[", "initContainers[", "ephemeralContainers["]
            let isContainer = containers.contains { decided.path.hasPrefix($0) }
            let name = isContainer ? decided.path.split(separator: "[")[1].prefix { $0 != "]" } : ""
            let effect = decided.leniency == .existing ? "existing" : decided.effect.rawValue
            return "\(decided.rule.id)\(isContainer ? "[\(name)]" : "")=\(effect)"
        }
        return (found + decision.notEvaluated.map { "\($0.rule.id)=unknown" }).sorted()
    }

    @Test func `each recorded review has the expected findings`() throws {
        let alone = try context(relatedObjects: [])
        let accompanied = try context(relatedObjects: ["manifests/0-namespace.yaml", "manifests/1-checkout-good.yaml"])
        let reviews = try Fixtures.reviews()
        let expectations = try Expectation.all()
        #expect(reviews.count == expectations.count)
        for (file, expectation) in zip(reviews, expectations) {
            #expect(file.contains("/\(expectation.recording)-"))
            let bytes = try Fixtures.bytes(file)
            #expect(
                summary(try decision(bytes, alone)) == expectation.alone.sorted(),
                "\(file), without related objects")
            #expect(
                summary(try decision(bytes, accompanied)) == expectation.withRelatedObjects.sorted(),
                "\(file), with related objects")
        }
    }

    @Test func `the denial of the catalogue Deployment lists all violated rules`() throws {
        let file = "reviews/023-create-deployment-catalogue.json"
        let message = try decision(Fixtures.bytes(file), context(relatedObjects: ["manifests/1-checkout-good.yaml"]))
            .message
        for rule in [
            "liveness-probe", "readiness-probe", "replicas", "graceful-shutdown", "run-as-non-root",
            "privilege-escalation",
            "memory-request-equals-limit", "cpu-request", "topology-spread", "pod-disruption-budget",
        ] {
            #expect(message.contains("\n- \(rule)"), "\(rule)")
        }
    }

    @Test func `a privileged debug container is denied at its own path`() throws {
        let file = "reviews/185-update-pod-ephemeralcontainers-by-hand.json"
        let denials = try decision(Fixtures.bytes(file), context(relatedObjects: [])).findings.filter {
            $0.effect == .deny
        }
        // The image of the debug container only warns.
        #expect(denials.map(\.rule.id) == ["run-as-non-root"])
        #expect(denials.allSatisfy { $0.path.hasPrefix("ephemeralContainers[debugger-") })
    }

    /// All variants with one field broken: removed, null, or of another type.
    private func broken(_ literal: Literal) -> [Literal] {
        var result: [Literal] = [.null, .number("7"), .string("x"), .array([.number("1")]), .object([.init("k", "v")])]
        switch literal {
        case .object(let members):
            for index in members.indices {
                var fewer = members
                fewer.remove(at: index)
                result.append(.object(fewer))
                for value in broken(members[index].value) {
                    var changed = members
                    changed[index].value = value
                    result.append(.object(changed))
                }
            }
        case .array(let elements):
            for index in elements.indices {
                for value in broken(elements[index]) {
                    var changed = elements
                    changed[index] = value
                    result.append(.array(changed))
                }
            }
        default: break
        }
        return result
    }

    @Test(arguments: ["016", "023", "049", "071", "083", "101", "185", "201"])
    func `a recorded review with any field broken is evaluated or rejected without a crash`(_ number: String) throws {
        let file = try #require(Fixtures.reviews().first { $0.contains("/\(number)-") })
        var review = try Literal(json: Fixtures.bytes(file))
        // The parser skips these fields.
        for object in ["object", "oldObject"] {
            let edits: [Edit] = [
                .remove(Pointer(["request", object, "metadata", "managedFields"])),
                .remove(Pointer(["request", object, "status"])),
            ]
            review = try Patch(edits, on: review).applied(to: review)
        }
        let context = try context(relatedObjects: ["manifests/0-namespace.yaml", "manifests/1-checkout-good.yaml"])
        let evaluator = Evaluator(context.settings)
        let document = Document()
        var evaluated = 0
        for variant in broken(review) {
            try document.read(Array(variant.json.utf8).span, AdmissionReview.options) { root in
                guard let review = try? AdmissionReview(root) else { return }
                let decision = evaluator.decision(on: review, in: context)
                _ = evaluator.mutation(of: review, in: context)
                #expect(decision.warnings.allSatisfy { $0.utf8.count <= 256 })
                #expect(!decision.isDenied || !decision.message.isEmpty)
                evaluated += 1
            }
        }
        #expect(evaluated > 100)
    }
}
