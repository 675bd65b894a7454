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

    private func verdict(_ bytes: [UInt8], _ context: Context) throws -> Verdict {
        try Document().read(bytes.span, AdmissionReview.options) { root in
            Result { Judge(context.settings).verdict(on: try AdmissionReview(root), in: context) }
        }.get()
    }

    /// The findings in the notation of the table.
    private func summary(_ verdict: Verdict) -> [String] {
        let found = verdict.judgements.map { judgement -> String in
            let containers = ["containers[", "initContainers[", "ephemeralContainers["]
            let isContainer = containers.contains { judgement.path.hasPrefix($0) }
            let name = isContainer ? judgement.path.split(separator: "[")[1].prefix { $0 != "]" } : ""
            let effect = judgement.leniency == .existing ? "existing" : judgement.effect.rawValue
            return "\(judgement.rule.id)\(isContainer ? "[\(name)]" : "")=\(effect)"
        }
        return (found + verdict.notEvaluated.map { "\($0.rule.id)=unknown" }).sorted()
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
                summary(try verdict(bytes, alone)) == expectation.alone.sorted(),
                "\(file), without related objects")
            #expect(
                summary(try verdict(bytes, accompanied)) == expectation.withRelatedObjects.sorted(),
                "\(file), with related objects")
        }
    }

    @Test func `the denial of the catalogue Deployment lists all violated rules`() throws {
        let file = "reviews/023-create-deployment-catalogue.json"
        let message = try verdict(Fixtures.bytes(file), context(relatedObjects: ["manifests/1-checkout-good.yaml"]))
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
        let denials = try verdict(Fixtures.bytes(file), context(relatedObjects: [])).judgements.filter {
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
        let judge = Judge(context.settings)
        let document = Document()
        var judged = 0
        for variant in broken(review) {
            try document.read(Array(variant.json.utf8).span, AdmissionReview.options) { root in
                guard let review = try? AdmissionReview(root) else { return }
                let verdict = judge.verdict(on: review, in: context)
                _ = judge.mutation(of: review, in: context)
                #expect(verdict.warnings.allSatisfy { $0.utf8.count <= 256 })
                #expect(!verdict.isDenied || !verdict.message.isEmpty)
                judged += 1
            }
        }
        #expect(judged > 100)
    }
}
