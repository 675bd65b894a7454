import Evaluation
import Foundation
import JSON
import Kubernetes
import Rules

/// Measures the related objects of a large cluster: 50,000 PodDisruptionBudgets in 5,000 namespaces.
struct RelatedObjectFigures {
    private let kind = ResourceKind.podDisruptionBudget
    private let namespaces = 5_000
    private let each = 10

    func report() throws {
        let before = resident
        var list = RelatedObjects(knowledge: .nothing, of: .playbook)
        let start = processorTime()
        for namespace in 0..<namespaces {
            for number in 0..<each { try set(budget(number, namespace, minimum: 1), in: &list) }
        }
        var relatedObjects = RelatedObjects(knowledge: .kinds([]), of: .playbook)
        relatedObjects.replace(kind, from: list)
        list = RelatedObjects(knowledge: .nothing, of: .playbook)
        print("related list\t\(format((processorTime() - start) / 1e6))\tms")
        print("related memory\t\(format(resident - before))\tMB")
        try reportUpdates(&relatedObjects)
        reportLookups(relatedObjects)
    }

    /// Measures an update as the feed makes it: the loops hold the previous value, so changed parts are copied.
    private func reportUpdates(_ relatedObjects: inout RelatedObjects) throws {
        var held = [relatedObjects]
        var slowest = 0.0
        for round in 0..<50 {
            let object = budget(round % each, round * 97 % namespaces, minimum: 2)
            let start = processorTime()
            try set(object, in: &relatedObjects)
            held.append(relatedObjects)
            if held.count > 2 { held.removeFirst() }
            slowest = max(slowest, (processorTime() - start) / 1e6)
        }
        print("related update\t\(format(slowest))\tms")
        withExtendedLifetime(held) {}
    }

    private func reportLookups(_ relatedObjects: RelatedObjects) {
        var labels: [Labels] = []
        for number in 0..<each { labels.append(Labels(["app": "app-\(number)"])) }
        let count = 200_000
        var found = 0
        let start = processorTime()
        for round in 0..<count {
            let budgets = try? relatedObjects.budgets(in: "team-\(round * 31 % namespaces)")
            if budgets?.contains(where: { $0.selects(labels[round % each]) }) ?? false { found += 1 }
        }
        let microseconds = (processorTime() - start) / 1000 / Double(count)
        precondition(found == count, "every pod has a PodDisruptionBudget")
        print("related lookup\t\(format(microseconds))\tµs")
    }

    private func budget(_ number: Int, _ namespace: Int, minimum: Int) -> [UInt8] {
        Array(
            """
            {"metadata":{"name":"app-\(number)","namespace":"team-\(namespace)","uid":"00000000-0000-0000-0000-000000000000",\
            "labels":{"app":"app-\(number)"}},"spec":{"minAvailable":\(minimum),\
            "selector":{"matchLabels":{"app":"app-\(number)"}}},"status":{"currentHealthy":2,"disruptionsAllowed":1}}
            """.utf8)
    }

    private func set(_ object: [UInt8], in relatedObjects: inout RelatedObjects) throws {
        let document = try Document(parsing: object)
        try withExtendedLifetime(document) { try relatedObjects.set(document.root, kind) }
    }

    private func format(_ value: Double) -> String { String(format: "%.2f", value) }

    /// The resident memory in MB.
    private var resident: Double {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
        return pages * Double(sysconf(Int32(_SC_PAGESIZE))) / 1_048_576
    }
}
